package misuse_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/benchctl/benchctl/internal/misuse"
)

func TestMark(t *testing.T) {
	if err := misuse.Of(nil); err != nil {
		t.Errorf("no error is marked: %v", err)
	}
	marked := misuse.Of(fmt.Errorf("read names: %w", fs.ErrNotExist))
	for _, err := range []error{marked, fmt.Errorf("run: %w", marked), errors.Join(fs.ErrClosed, marked), misuse.Errorf("names: %w", fs.ErrNotExist)} {
		if !misuse.Is(err) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v: marked %v, wraps its cause %v", err, misuse.Is(err), errors.Is(err, fs.ErrNotExist))
		}
	}
	if misuse.Is(nil) || misuse.Is(fs.ErrNotExist) {
		t.Error("what is not marked is")
	}
}

func TestHint(t *testing.T) {
	inner := &misuse.Error{Err: fs.ErrNotExist, Remedy: "name another"}
	for _, c := range []struct {
		err  misuse.Error
		want string
	}{
		{*inner, "name another"},
		{misuse.Error{Err: fmt.Errorf("run: %w", inner)}, "name another"},
		{misuse.Error{Err: inner, Remedy: "name one"}, "name one"},
		{misuse.Error{Err: fs.ErrNotExist}, ""},
	} {
		if got := c.err.Hint(); got != c.want {
			t.Errorf("%v: %q, want %q", c.err.Err, got, c.want)
		}
	}
}
