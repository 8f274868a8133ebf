package suite

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/benchctl/benchctl/apps"
)

// RequestID is the field of a request that the app "ident" finds its id in.
const RequestID = "X-Request-Id"

// IDsEnv is the environment variable that names the file to which the app "ident" appends
// the id of each request, a line each; unset or empty: none.
const IDsEnv = "BENCHCTL_IDS"

// maxID is the most digits of an id.
const maxID = 20

// noID stands in a reply for what is not known.
const noID = "-"

func identSpec() Spec {
	return Spec{
		Name: "ident", Doc: "the request's X-Request-Id, the process that answers, and when the app was loaded there, in ns since 1970; the body is read first",
		Methods:  []string{"GET", "POST"},
		service:  func() service { return &ident{born: time.Now().UnixNano()} },
		exchange: func(Args) Exchange { return identified("1") },
		vary: func(_ Args, r *rand.Rand) []Exchange {
			all := make([]Exchange, maxVariants)
			for i := range all {
				all[i] = identified(strconv.FormatUint(r.Uint64(), 10))
			}
			return all
		},
	}
}

// identified is the exchange with an id. The rest of the reply depends on the process.
func identified(id string) Exchange {
	return Exchange{
		Header: [][2]string{{RequestID, id}}, Length: -1, Type: apps.ContentTypeText,
		Whole: func(body []byte) bool {
			i, ok := ParseIdent(body)
			return ok && i.ID == id
		},
	}
}

// ident answers with what it was asked, and who answers.
type ident struct {
	born int64
	ids  *os.File // nil: ids are not noted
}

// Start opens the file for ids, which several processes may have open.
func (i *ident) Start(context.Context) error {
	path := os.Getenv(IDsEnv)
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return fmt.Errorf("app ident: %s: %w", IDsEnv, err)
	}
	i.ids = f
	return nil
}

// Stop closes the file.
func (i *ident) Stop(context.Context) error {
	if i.ids == nil {
		return nil
	}
	f := i.ids
	i.ids = nil
	return f.Close()
}

func (i *ident) serve(_ Args, req apps.Request, res apps.Response) error {
	if _, err := io.Copy(io.Discard, req.Body()); err != nil {
		return err
	}
	id := req.Header(RequestID)
	if !isID(id) {
		id = noID
	}
	body := append(make([]byte, 0, 64), id...)
	if i.ids != nil && id != noID {
		// One write: it appends whole lines, also where several processes do.
		if _, err := i.ids.Write(append(body, '\n')); err != nil {
			return fmt.Errorf("app ident: %w", err)
		}
	}
	body = strconv.AppendInt(append(body, ' '), int64(os.Getpid()), 10)
	body = strconv.AppendInt(append(body, ' '), i.born, 10)
	res.SetHeader("Content-Type", apps.ContentTypeText)
	return res.Reply(200, append(body, '\n'))
}

// isID reports whether text is 1 to 20 decimal digits.
func isID(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return len(text) > 0 && len(text) <= maxID
}

// Ident is the content of a reply of the app "ident".
type Ident struct {
	ID   string // of the request; "-": it had none
	PID  int    // process that answered; 0: it is not told
	Born int64  // when the app was loaded in that process, in ns since 1970; 0: it is not told
}

// ParseIdent reads the body of a reply of the app "ident"; false if it is none.
func ParseIdent(body []byte) (Ident, bool) {
	line, ok := bytes.CutSuffix(body, []byte("\n"))
	id, rest, _ := bytes.Cut(line, []byte(" "))
	pid, born, _ := bytes.Cut(rest, []byte(" "))
	process, okPID := known(string(pid))
	loaded, okBorn := known(string(born))
	if !ok || !okPID || !okBorn || process > maxPID || string(id) != noID && !isID(string(id)) {
		return Ident{}, false
	}
	return Ident{ID: string(id), PID: int(process), Born: loaded}, true
}

// maxPID is the highest process id that there may be.
const maxPID = 1<<31 - 1

// known is a number that is told, above 0; 0 if it is not.
func known(text string) (int64, bool) {
	if text == noID {
		return 0, true
	}
	n, ok := number(text)
	return n, ok && n > 0
}
