package agent

import (
	"errors"
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchctl/benchctl/servers/control"
)

// Request is a call across a pipe: an argument, and a number by which it can be cancelled.
type Request[T any] struct {
	Call uint64
	Arg  T
}

// Reply is the result of a call across a pipe.
type Reply[T any] struct {
	Value T
	Fault *Fault // nil: none
}

// Fault is an error as it crosses a pipe.
type Fault struct {
	Text       string
	Lack       bool // see Lack
	NotOffered bool // it is control.ErrNotOffered
}

// faultOf is an error as it crosses.
func faultOf(err error) *Fault {
	if err == nil {
		return nil
	}
	if own := Lack(err); own != nil {
		return &Fault{Text: own.Error(), Lack: true}
	}
	return &Fault{Text: err.Error(), NotOffered: errors.Is(err, control.ErrNotOffered)}
}

func (f *Fault) err() error {
	switch {
	case f == nil:
		return nil
	case f.Lack:
		return lackError(f.Text)
	case f.NotOffered:
		return notOffered(f.Text)
	}
	return errors.New(f.Text)
}

// notOffered is control.ErrNotOffered of another process.
type notOffered string

func (e notOffered) Error() string        { return string(e) }
func (e notOffered) Is(target error) bool { return target == control.ErrNotOffered }

// SeenText is a Seen as it crosses: its histograms in HdrHistogram's V2 form.
type SeenText struct {
	Seen  Seen
	Times map[string][]byte
}

// histograms are those of a Seen, by name.
func (s *Seen) histograms() map[string]**hdrhistogram.Histogram {
	return map[string]**hdrhistogram.Histogram{
		"response": &s.Response, "service": &s.Service, "send lag": &s.SendLag, "late": &s.Late, "first": &s.First,
	}
}

// text is s as it crosses.
func (s Seen) text() (t SeenText, err error) {
	t.Times = make(map[string][]byte)
	for name, h := range s.histograms() {
		if *h == nil {
			continue
		}
		if t.Times[name], err = (*h).Encode(hdrhistogram.V2CompressedEncodingCookieBase); err != nil {
			return t, fmt.Errorf("encode the times of %s: %w", name, err)
		}
		*h = nil
	}
	t.Seen = s
	return t, nil
}

// seen is t as it was before it crossed.
func (t SeenText) seen() (Seen, error) {
	s := t.Seen
	for name, h := range s.histograms() {
		text, ok := t.Times[name]
		if !ok {
			*h = nil
			continue
		}
		decoded, err := hdrhistogram.Decode(text)
		if err != nil {
			return s, fmt.Errorf("decode the times of %s: %w", name, err)
		}
		*h = decoded
	}
	return s, nil
}
