package suite

import (
	"errors"
	"os"
	"strconv"

	"github.com/benchctl/benchctl/apps"
)

// ziadeFile is how much the app writes, in bytes.
const ziadeFile = 1024

// ziadeSpec is the application that Tarek Ziadé measured WSGI servers with in 2012:
// a little of all that applications do, as a reply without any work says little.
func ziadeSpec() Spec {
	return Spec{
		Name: "ziade", Doc: "Ziadé's application: arithmetic, a wait, and a file of 1 KiB that is written and removed",
		Methods: get(),
		Params: []Param{
			{Name: "ms", Default: 100, Min: 0, Max: 60000, Doc: "milliseconds waited"},
			{Name: "steps", Default: 1000, Min: 0, Max: 10000000, Doc: "steps of arithmetic"},
		},
		handler: func() handler {
			return func(a Args, req apps.Request, res apps.Response) error {
				result := generate(a[1])
				if err := wait(req.Context(), milliseconds(a[0])); err != nil {
					return err
				}
				if err := writeAndRemove(block(0, ziadeFile)); err != nil {
					return err
				}
				res.SetHeader("Content-Type", apps.ContentTypeText)
				return res.Reply(200, ziadeBody(result))
			}
		},
		exchange: func(a Args) Exchange {
			e := whole(ziadeBody(generate(a[1])))
			e.AtLeast = milliseconds(a[0])
			return e
		},
	}
}

func ziadeBody(result uint32) []byte {
	return append(strconv.AppendUint(nil, uint64(result), 10), '\n')
}

// generate is the steps-th number of the generator that ISO C gives as its example
// of rand (C17 section 7.22.2.2), from 1.
func generate(steps int64) uint32 {
	x := uint32(1)
	for range steps {
		x = (x*1103515245 + 12345) & 0x7fffffff
	}
	return x
}

func writeAndRemove(content []byte) error {
	f, err := os.CreateTemp("", "benchctl-ziade-")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
