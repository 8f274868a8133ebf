package suite

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/internal/nearest"
)

// Instance is an app with parameters, as named in a scenario: what one cell of a
// result serves.
type Instance struct {
	Spec Spec
	Args Args // checked; defaults where the name gives none
	// name is how it is asked for, and query its parameters as they are asked for.
	name, query string
	// alter makes an exchange with the app one with what stands before it; nil: nothing does.
	alter func(*Exchange)
}

// Behind is the instance behind something that changes requests or replies on their way, as a
// stack of layers does. It has that name, and alter changes each of its exchanges, or of its
// parts, which are complete.
func (i Instance) Behind(name string, alter func(*Exchange)) Instance {
	before := i.alter
	i.name, i.alter = name, func(e *Exchange) {
		if before != nil {
			before(e)
		}
		alter(e)
	}
	return i
}

// Parse reads an app's name with parameters, such as "size?bytes=10000".
func Parse(name string) (Instance, error) {
	app, query, asked := strings.Cut(name, "?")
	spec, err := find(app)
	if err != nil {
		return Instance{}, err
	}
	if asked && query == "" {
		return Instance{}, fmt.Errorf("app %s: no parameters after \"?\"", app)
	}
	args, err := spec.args(query)
	if err != nil {
		return Instance{}, err
	}
	canonical := spec.canonical(query, args)
	i := Instance{Spec: spec, Args: args, name: spec.Name, query: canonical}
	if canonical != "" {
		i.name += "?" + canonical
	}
	return i, nil
}

// Names is the name of every app.
func Names() []string {
	var out []string
	for _, s := range All() {
		out = append(out, s.Name)
	}
	return out
}

func find(name string) (Spec, error) {
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
	}
	return Spec{}, fmt.Errorf("unknown app %s%s", quote(name), nearest.Hint(name, Names()))
}

// canonical is the one spelling of the parameters that a right query gives, in its order.
func (s *Spec) canonical(query string, args Args) string {
	var all []string
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, _, _ := strings.Cut(pair, "=")
		for i, p := range s.Params {
			if p.Name == key {
				all = append(all, key+"="+strconv.FormatInt(args[i], 10))
			}
		}
	}
	return strings.Join(all, "&")
}

// String is the name that Parse reads, with the parameters that were given, in
// their order, each number in its shortest form; or the name that Behind gave.
func (i Instance) String() string { return i.name }

// Exchange is a request to an app, and its correct reply.
type Exchange struct {
	Method  string
	Target  string      // origin form: "/size?bytes=10000"
	Header  [][2]string // fields beyond Host and those of the framing
	Body    []byte      // sent with a Content-Length if not empty
	Status  int
	Length  int64       // of the reply's body, bytes; -1 if only the server knows
	Chunked bool        // the reply has no Content-Length
	Type    string      // Content-Type of the reply, "" if it needs none
	Replied [][2]string // further fields the reply must carry
	// One of them is set where the content is known: Match judges the block of the
	// body at an offset, Whole all of it, where blocks tell nothing.
	Match func(off int64, block []byte) bool
	Whole func(body []byte) bool
	// What the app itself takes. No correct reply is faster, however fast the server.
	AtLeast time.Duration // from the sending of the request to the end of the reply
	Spread  time.Duration // from the first byte of the reply's body to its end
	Work    time.Duration // CPU time, where the app can tell it: on Linux
}

// Exchange makes the instance's request and its correct reply, always the same. An
// instance that is not Loadable has none.
func (i Instance) Exchange() Exchange {
	e := i.Spec.exchange(i.Args)
	i.complete(&e)
	return e
}

// complete fills in what is alike for all exchanges of the instance.
func (i Instance) complete(e *Exchange) {
	e.Method, e.Target = i.Spec.Methods[0], "/"+i.Spec.Name
	if i.query != "" {
		e.Target += "?" + i.query
	}
	if e.Status == 0 {
		e.Status = 200
	}
	if e.Type == "" && e.Length > 0 {
		e.Type = apps.ContentTypeText
	}
	e.Work = i.work()
	if i.alter != nil {
		i.alter(e)
	}
}

// Part is an app in a mix.
type Part struct {
	Instance
	Weight int // how often it is asked for, relative to the others
}

// part is a Part by name.
type part struct {
	weight int
	name   string
}

// Parts are the apps of a mix, each with its own exchange; for any other app it is
// that app alone.
func (i Instance) Parts() []Part {
	if len(i.Spec.parts) == 0 {
		return []Part{{i, 1}}
	}
	var out []Part
	for _, p := range i.Spec.parts {
		one, err := Parse(p.name)
		if err != nil {
			panic("suite: mix " + i.Spec.Name + ": " + err.Error()) // a test parses them all
		}
		if i.alter != nil {
			one = one.Behind(one.name, i.alter)
		}
		out = append(out, Part{one, p.weight})
	}
	return out
}

// Work is the least CPU time that a reply takes in the app; of a mix, the mean over its
// requests.
func (i Instance) Work() time.Duration {
	var work, weight time.Duration
	for _, p := range i.Parts() {
		n := time.Duration(p.Weight)
		work, weight = work+n*p.work(), weight+n
	}
	return work / weight
}

func (i Instance) work() time.Duration {
	if i.Spec.work == nil {
		return 0
	}
	return i.Spec.work(i.Args)
}

// Loadable returns why the app can't make a load, nil if it can.
func (i Instance) Loadable() error {
	switch {
	case i.Spec.Probe:
		return fmt.Errorf("app %s is there for the conformance gate and makes no load", i.Spec.Name)
	case i.Spec.Name == nameError && i.Args[0] > failFirst:
		return fmt.Errorf("app %s: its reply is cut, so it makes no load", i)
	}
	return nil
}

// whole is the exchange that replies with just body.
func whole(body []byte) Exchange {
	return Exchange{Length: int64(len(body)), Match: func(off int64, block []byte) bool {
		end := off + int64(len(block))
		return off >= 0 && end <= int64(len(body)) && string(body[off:end]) == string(block)
	}}
}
