package conform

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// variant is one of the requests that a check tries.
type variant struct {
	name string // what is special about it
	text string // "{host}" stands for the server's address
	cut  bool   // the client says after it that it sends no more
	// body is what an app may see of the request's body where a server makes the best of
	// a malformed one; "" if there is no such reading.
	body string
}

// quoted makes variants of requests that differ in one thing, by which they are named.
func quoted(what string, text func(odd string) string, odd ...string) []variant {
	var out []variant
	for _, o := range odd {
		out = append(out, variant{name: fmt.Sprintf("%s %q", what, o), text: text(o)})
	}
	return out
}

// impatience is how long a variant is waited for once the server let one hang. That
// the check fails is known then, or that silence does not matter to it.
const impatience = patience / 8

// answer is how a server answered a variant.
type answer struct {
	*client
	variant
	res  *reply // what came of it; nil: nothing
	err  error  // of the reading
	wait time.Duration
}

// tries makes a check that sends each variant on a connection of its own, one after
// the other, as some servers take no second one before the first has ended. The error
// names every variant whose answer wrong finds something in.
func tries(wrong func(answer) error, variants ...variant) func(*probe) error {
	return func(p *probe) error { return p.try(wrong, variants...) }
}

func (p *probe) try(wrong func(answer) error, variants ...variant) error {
	var errs []error
	wait := patience
	for _, v := range variants {
		a, err := p.answer(v, wait)
		if err == nil {
			err = wrong(a)
			a.conn.Close()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", v.name, err))
		}
		if !a.hangs() && !errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if p.stuck(p.ctx) {
			errs = append(errs, fmt.Errorf("%s: %w", v.name, errStuck))
			break
		}
		wait = impatience
	}
	return errors.Join(errs...)
}

func (p *probe) answer(v variant, wait time.Duration) (answer, error) {
	a := answer{variant: v, wait: wait}
	if p.ctx.Err() != nil {
		return a, errors.New("not tried, as there was no time left")
	}
	c, err := p.dial()
	if err != nil {
		return a, err
	}
	c.asks = strings.Contains(v.text, "\r\nUpgrade:")
	go func() {
		c.send(v.text)
		if v.cut {
			c.closeWrite()
		}
	}()
	c.within(wait)
	method, _, _ := strings.Cut(v.text, " ")
	a.client = c
	a.res, a.err = c.read(method)
	return a, nil
}

// hangs reports whether the server neither answered nor ended the connection.
func (a answer) hangs() bool { return errors.Is(a.err, os.ErrDeadlineExceeded) }

// whole reports whether a reply came that is no refusal.
func (a answer) whole() bool { return a.err == nil && a.res.StatusCode < http.StatusBadRequest }

// said describes a whole reply.
func (a answer) said() error {
	return fmt.Errorf("status is %d, body %.70q", a.res.StatusCode, a.res.body)
}

// taken wants that a request is not answered as if it were right. A server may be
// silent about it.
func taken(a answer) error {
	if a.whole() {
		return a.said()
	}
	return nil
}

// notRefused wants a request refused: by an error, or by the end of the connection,
// also within a reply that had begun before the fault came.
func notRefused(a answer) error {
	switch {
	case a.hangs():
		return a.err
	case a.err == nil:
		return taken(a)
	case a.res == nil && !errors.Is(a.err, errNoReply):
		return a.err
	}
	return nil
}

// notAnError wants a request answered with an error.
func notAnError(a answer) error {
	if a.err != nil {
		return a.err
	}
	return taken(a)
}

// takenOtherwise wants that an app sees nothing of a body, or the one that the variant
// names. A server may be silent.
func takenOtherwise(a answer) error {
	if a.whole() && (a.body == "" || string(a.res.body) != a.body) {
		return a.said()
	}
	return nil
}

// notTaken wants the body that the variant names.
func notTaken(a answer) error {
	switch {
	case a.err != nil:
		return a.err
	case a.res.StatusCode != http.StatusOK || string(a.res.body) != a.variant.body:
		return a.said()
	}
	return nil
}

// neither wants the body that the variant names, or a refusal.
func neither(a answer) error {
	if a.whole() {
		return notTaken(a)
	}
	return notRefused(a)
}

// notOf wants an error that has one of the statuses.
func notOf(statuses ...int) func(answer) error {
	return func(a answer) error { return oneOf(a.res, a.err, statuses...) }
}

// notClosed wants such an error, and the connection closed then.
func notClosed(statuses ...int) func(answer) error {
	return func(a answer) error {
		if err := oneOf(a.res, a.err, statuses...); err != nil {
			return err
		}
		return a.endsWithin(a.wait)
	}
}
