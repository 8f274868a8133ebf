// Package misuse marks what was asked wrongly, so that whoever asked can tell it from what
// the machine lacks. Front ends have an exit code for each.
package misuse

import (
	"errors"
	"fmt"
)

// Error is that something was asked wrongly.
type Error struct {
	Err    error
	Remedy string // what to ask instead; "" if Err tells
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Hint is the remedy, or that of the error within.
func (e *Error) Hint() string {
	var within interface{ Hint() string }
	if e.Remedy == "" && errors.As(e.Err, &within) {
		return within.Hint()
	}
	return e.Remedy
}

// Of marks an error; nil stays nil.
func Of(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Err: err}
}

// Errorf is a marked error with a text as of fmt.Errorf.
func Errorf(format string, args ...any) error { return &Error{Err: fmt.Errorf(format, args...)} }

// Is tells whether an error is marked, or one that it wraps.
func Is(err error) bool {
	var e *Error
	return errors.As(err, &e)
}
