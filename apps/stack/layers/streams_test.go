package layers_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

// long is text that is long enough for every layer.
var long = strings.Repeat("all work and no play makes a dull text. ", 100)

// failing is a stream that fails after its first block.
type failing struct {
	appstest.Blocks
	panics bool
}

var errBody = errors.New("the body fails")

func (f *failing) Next() ([]byte, error) {
	block, err := f.Blocks.Next()
	if err != nil && f.panics {
		panic(errBody)
	}
	if err != nil {
		return nil, errBody
	}
	return block, nil
}

// streaming answers with a body.
func streaming(body apps.Body, fields ...string) apps.App {
	return apps.Func(func(_ apps.Request, res apps.Response) error {
		for i := 0; i+1 < len(fields); i += 2 {
			res.SetHeader(fields[i], fields[i+1])
		}
		return res.Stream(200, body)
	})
}

// TestStreamsFail has the failure of a stream pass through every layer, and its body closed once.
func TestStreamsFail(t *testing.T) {
	for _, l := range layers.All() {
		c := courses[l.About().Name](t)
		for _, panics := range []bool{false, true} {
			body := &failing{appstest.Blocks{All: []string{long}}, panics}
			err := func() (err error) {
				defer func() {
					if p := recover(); p != nil {
						err, _ = p.(error)
					}
				}()
				got := &keeper{}
				if err := wrap(t, streaming(body, "Content-Type", "text/plain"), append(c.around, c.layer)...).Serve(memory{c.req}, got); err != nil {
					return err
				}
				defer got.body.Close()
				for err == nil {
					_, err = got.body.Next()
				}
				return err
			}()
			if !errors.Is(err, errBody) || body.Closed != 1 {
				t.Errorf("%s: %v, closed %d times", l.About().Name, err, body.Closed)
			}
		}
	}
}

// keeper is a Response that keeps the stream.
type keeper struct {
	sink
	body apps.Body
}

func (k *keeper) Stream(_ int, body apps.Body) error {
	k.body = body
	return nil
}

// gated is a stream of two blocks. The second comes once the client has the first.
type gated struct {
	step int
	got  chan struct{}
}

var gatedBlocks = []string{strings.Repeat("first ", 10), strings.Repeat("second ", 1000)}

func (g *gated) Next() ([]byte, error) {
	if g.step == len(gatedBlocks) {
		return nil, io.EOF
	}
	if g.step++; g.step > 1 {
		select {
		case <-g.got:
		case <-time.After(hang):
			return nil, errors.New("the client did not get the first block")
		}
	}
	return []byte(gatedBlocks[g.step-1]), nil
}

func (*gated) Close() error { return nil }

// TestStreamsPass has every layer pass on each block of a stream before the next one is made.
func TestStreamsPass(t *testing.T) {
	for _, l := range layers.All() {
		if l.About().Buffers {
			continue
		}
		t.Run(l.About().Name, func(t *testing.T) {
			got := map[string]chan struct{}{}
			for _, engine := range engines {
				got[engine] = make(chan struct{})
			}
			c := courses[l.About().Name](t)
			stream := func(t *testing.T) apps.App {
				return wrap(t, apps.Func(func(_ apps.Request, res apps.Response) error {
					res.SetHeader("Content-Type", "text/plain")
					return res.Stream(200, &gated{got: got[engineOf(t)]})
				}), append(c.around, c.layer)...)
			}
			var fields []string
			for _, f := range c.req.Fields {
				fields = append(fields, f[0], f[1])
			}
			onEngines(t, stream, func(t *testing.T, url string) {
				res := ask(t, "GET", url+"/", fields...)
				body := decoded(t, res.Header.Get("Content-Encoding"), res.Body)
				first := make([]byte, len(gatedBlocks[0]))
				if _, err := io.ReadFull(body, first); err != nil || string(first) != gatedBlocks[0] {
					t.Fatalf("%q, %v", first, err)
				}
				close(got[engineOf(t)])
				rest, err := io.ReadAll(body)
				if err != nil || string(rest) != gatedBlocks[1] {
					t.Errorf("%d bytes, %v", len(rest), err)
				}
			})
		})
	}
}

// engineOf is the engine of a subtest of onEngines.
func engineOf(t *testing.T) string {
	name := t.Name()
	return name[strings.LastIndexByte(name, '/')+1:]
}
