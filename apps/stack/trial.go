package stack

import (
	"errors"
	"slices"

	"github.com/benchctl/benchctl/apps"
)

// trial is the Response that a cascade gives to an app whose answer may not stand. It keeps
// header fields until the answer does. An answer that is caught seems to the app to be sent.
type trial struct {
	apps.Response
	request *bodyWatch
	catch   []int
	fields  [][2]string
	caught  bool
}

// trialFile is a trial for an app that may answer with a file.
type trialFile struct{ *trial }

func (t *trial) offered() apps.Response {
	if _, ok := t.Response.(apps.FileReplier); ok {
		return trialFile{t}
	}
	return t
}

func (t *trial) SetHeader(name, value string) { t.fields = append(t.fields, [2]string{name, value}) }

// pass tells whether an answer goes to the client. If not, err is what its app gets.
func (t *trial) pass(status int) (goes bool, err error) {
	if t.caught {
		return false, apps.ErrAnswered
	}
	if !t.request.read && slices.Contains(t.catch, status) {
		t.caught = true
		return false, nil
	}
	for _, f := range t.fields {
		t.Response.SetHeader(f[0], f[1])
	}
	t.fields = nil
	return true, nil
}

func (t *trial) Reply(status int, body []byte) error {
	if goes, err := t.pass(status); !goes {
		return err
	}
	return t.Response.Reply(status, body)
}

func (t *trial) Stream(status int, body apps.Body) error {
	if goes, err := t.pass(status); !goes {
		return errors.Join(err, body.Close())
	}
	return t.Response.Stream(status, body)
}

func (t trialFile) File(status int, path string) error {
	if goes, err := t.pass(status); !goes {
		return err
	}
	return t.Response.(apps.FileReplier).File(status, path)
}
