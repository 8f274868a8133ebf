package strict

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/benchctl/benchctl/internal/nearest"
)

// Text takes a scalar's text, which must not be empty, into s.
func Text(s *string) func(Node) error {
	return func(n Node) (err error) {
		*s, err = n.Text()
		if err == nil && *s == "" {
			err = n.Errorf("is empty")
		}
		return err
	}
}

// Line takes a text of one line into s.
func Line(s *string) func(Node) error {
	return func(n Node) error {
		if err := Text(s)(n); err != nil {
			return err
		}
		if strings.ContainsAny(*s, "\r\n") {
			return n.Errorf("is more than one line")
		}
		return nil
	}
}

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)

// IsName tells whether s is a name that is safe in a file name, a URL and a command
// line.
func IsName(s string) bool { return namePattern.MatchString(s) }

// Name takes a name as IsName has it into s.
func Name(s *string) func(Node) error {
	return func(n Node) (err error) {
		if *s, err = n.Text(); err == nil && !IsName(*s) {
			err = n.Errorf("%q is not a name: a-z, 0-9, and . _ - after the first", *s)
		}
		return err
	}
}

// OneOf takes a text that must be one of known into s.
func OneOf(s *string, known ...string) func(Node) error {
	return func(n Node) (err error) {
		if *s, err = n.Text(); err != nil {
			return err
		}
		for _, k := range known {
			if *s == k {
				return nil
			}
		}
		return n.Errorf("unknown value %q%s", *s, nearest.Hint(*s, known))
	}
}

// Int takes a whole number from least to most into i.
func Int(i *int, least, most int) func(Node) error {
	return func(n Node) error {
		text, err := n.Text()
		if err != nil {
			return err
		}
		*i, err = strconv.Atoi(text)
		if err != nil || *i < least || *i > most {
			return n.Errorf("%q is not a whole number from %d to %d", text, least, most)
		}
		return nil
	}
}

// Duration takes a time with its unit, such as 250ms or 1m30s, from least to
// most, into d.
func Duration(d *time.Duration, least, most time.Duration) func(Node) error {
	return func(n Node) error {
		text, err := n.Text()
		if err != nil {
			return err
		}
		*d, err = time.ParseDuration(text)
		if err != nil || *d < least || *d > most {
			return n.Errorf("%q is not a time with unit from %v to %v", text, least, most)
		}
		return nil
	}
}
