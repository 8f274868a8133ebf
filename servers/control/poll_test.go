package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"testing"
)

// A probe that waits in vain hides nothing that others saw before.
func TestPollTellsWhatWasSeen(t *testing.T) {
	refused, unable := errors.New("connection refused"), errors.New("status is 503, not 200")
	deaf := fmt.Errorf("no reply in time: %w", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded})
	cut := fmt.Errorf("dial: %w", context.DeadlineExceeded)
	for _, c := range []struct {
		want string
		saw  []error // by each probe; with the last the time is up
	}{
		{"connection refused", []error{refused}},
		{"status is 503, not 200", []error{refused, refused, unable}},
		{"no reply in time", []error{deaf}},
		{"no reply in time", []error{cut, cut}},
		{`connection refused, then no reply for [\d.]+m?s`, []error{refused, refused, deaf}},
		{`status is 503, not 200, then no reply for [\d.]+m?s`, []error{unable, deaf, cut}},
		{"status is 503, not 200", []error{refused, deaf, unable}},
		{"answers wrongly: no HTTP", []error{refused, fmt.Errorf("%w: no HTTP", ErrHopeless)}},
		{"<nil>", []error{refused, deaf, nil}},
	} {
		ctx, end := context.WithCancel(t.Context())
		n := 0
		err := poll(ctx, func(context.Context) error {
			if n++; n == len(c.saw) {
				end()
			}
			return c.saw[n-1]
		})
		if !regexp.MustCompile("^"+c.want+"$").MatchString(fmt.Sprint(err)) || n != len(c.saw) {
			t.Errorf("%v: %v after %d probes, want %s", c.saw, err, n, c.want)
		}
		end()
	}
}
