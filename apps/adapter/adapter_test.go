package adapter

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestBounded(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		left           int64
		err            error
	}{
		{"whole", "hello", "hello", 5, nil},
		{"never beyond", "helloGET /", "hello", 5, nil},
		{"early end", "hel", "hel", 5, io.ErrUnexpectedEOF},
		{"empty", "GET /", "", 0, nil},
		{"unknown length", "hello", "hello", -1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := io.ReadAll(&Bounded{R: strings.NewReader(c.in), Left: c.left})
			if string(got) != c.want || !errors.Is(err, c.err) {
				t.Errorf("got %q, %v; want %q, %v", got, err, c.want, c.err)
			}
		})
	}
}

// TestBoundedFails holds that nothing is read after a failure.
func TestBoundedFails(t *testing.T) {
	for _, left := range []int64{5, -1} {
		b := &Bounded{R: io.MultiReader(iotest.ErrReader(io.ErrNoProgress), strings.NewReader("hello")), Left: left}
		for range 2 {
			if n, err := b.Read(make([]byte, 8)); n != 0 || !errors.Is(err, io.ErrNoProgress) {
				t.Errorf("%d bytes left: %d, %v", left, n, err)
			}
		}
		if !errors.Is(b.Failed, io.ErrNoProgress) {
			t.Errorf("failed with %v", b.Failed)
		}
	}
}

type list struct {
	blocks []string
	closes int
}

func (l *list) Next() ([]byte, error) {
	if len(l.blocks) == 0 {
		return nil, io.EOF
	}
	b := l.blocks[0]
	l.blocks = l.blocks[1:]
	return []byte(b), nil
}

func (l *list) Close() error {
	l.closes++
	return nil
}

func TestSendTo(t *testing.T) {
	for _, c := range []struct {
		name   string
		blocks []string
		length int64
		want   string
		err    error
	}{
		{"no length", []string{"", "one", "", "two"}, -1, "onetwo", nil},
		{"exact", []string{"one", "two"}, 6, "onetwo", nil},
		{"cut", []string{"one", "two", "three"}, 5, "onetw", nil},
		{"cut to nothing", []string{"one"}, 0, "", nil},
		{"short", []string{"one"}, 6, "one", ErrShort},
		{"empty", nil, -1, "", nil},
		{"empty and short", nil, 1, "", ErrShort},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := &list{blocks: c.blocks}
			var a Answer
			if err := errors.Join(a.Stream(200, body), a.begin()); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			n, err := a.SendTo(&out, c.length)
			if out.String() != c.want || n != int64(len(c.want)) || !errors.Is(err, c.err) {
				t.Errorf("sent %d bytes %q, %v; want %q, %v", n, out.String(), err, c.want, c.err)
			}
			if body.closes != 1 {
				t.Errorf("closed %d times", body.closes)
			}
		})
	}
}

func TestFlightsDrain(t *testing.T) {
	f := NewFlights()
	f.Enter()
	f.Enter()
	f.Leave()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if n := f.Drain(over); n != 1 {
		t.Errorf("drain with one in flight: %d", n)
	}
	f.Leave()
	<-f.landed
}

func TestFlightsNone(t *testing.T) {
	f := NewFlights()
	f.Enter()
	f.Leave()
	if n := f.Drain(context.Background()); n != 0 {
		t.Errorf("drain with none in flight: %d", n)
	}
}

func TestScope(t *testing.T) {
	s := Scope{Base: context.Background()}
	ctx := s.Context()
	if s.Context() != ctx {
		t.Error("two contexts in one request")
	}
	s.End()
	if ctx.Err() == nil {
		t.Error("context outlives the request")
	}
	if s.Context().Err() != nil {
		t.Error("next request's context is over at the start")
	}
	s.End()
}
