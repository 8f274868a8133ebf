package stacked

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

// MaxLayers is how many layers may be named around an app.
const MaxLayers = 100

// Layers are layers by their names, the outermost first: "compress+headers*5".
type Layers struct {
	name string
	all  []stack.Layer
}

// String is the one spelling of the layers.
func (l Layers) String() string { return l.name }

// Len is how many layers there are, each as often as it is repeated.
func (l Layers) Len() int { return len(l.all) }

// ParseLayers reads names of layers with "+" between them, where "*5" repeats one. Each has its defaults,
// or those of this package. An error names the nearest layer, or why a layer can't be measured.
func ParseLayers(text string) (Layers, error) {
	var l Layers
	for word := range strings.SplitSeq(text, "+") {
		name, times, err := repeated(word)
		if err != nil {
			return Layers{}, err
		}
		one, err := named(name)
		if err != nil {
			return Layers{}, err
		}
		if l.all = append(l.all, slices.Repeat([]stack.Layer{one}, times)...); len(l.all) > MaxLayers {
			return Layers{}, fmt.Errorf("more than %d layers", MaxLayers)
		}
	}
	l.name = spelled(l.all)
	return l, nil
}

// unlogged are the layers without access-log, which nothing but a log depends on.
func (l Layers) unlogged() Layers {
	l.all = slices.DeleteFunc(slices.Clone(l.all), func(one stack.Layer) bool {
		_, logs := one.(layers.AccessLog)
		return logs
	})
	return l
}

// around is an app with the layers around it.
func (l Layers) around(app apps.App) (apps.App, error) {
	return stack.Build(stack.Pipeline{Layers: l.all, Node: stack.App{Source: given{app}}})
}

// given is an app that is there.
type given struct{ app apps.App }

// About implements stack.Source.
func (given) About() stack.About { return stack.About{Name: "given"} }

// Make implements stack.Source.
func (g given) Make() (apps.App, error) { return g.app, nil }

// repeated reads "headers*5".
func repeated(word string) (name string, times int, err error) {
	name, text, ok := strings.Cut(word, "*")
	if !ok {
		return name, 1, nil
	}
	times, err = strconv.Atoi(text)
	if err != nil || times < 1 || times > MaxLayers {
		return "", 0, fmt.Errorf("layer %s: %s is no number of times from 1 to %d", name, strconv.Quote(text), MaxLayers)
	}
	return name, times, nil
}

// named is the layer of a name, as it is measured.
func named(name string) (stack.Layer, error) {
	l, err := layers.Catalog().Layer(name)
	if err != nil {
		return nil, err
	}
	if own, ok := tuned[name]; ok {
		l = own
	}
	return l, admit(l)
}

// spelled is the names of layers, each with the times that it follows itself.
func spelled(all []stack.Layer) string {
	var words []string
	for i := 0; i < len(all); {
		name, times := all[i].About().Name, 1
		for i+times < len(all) && all[i+times].About().Name == name {
			times++
		}
		if i += times; times > 1 {
			name += "*" + strconv.Itoa(times)
		}
		words = append(words, name)
	}
	return strings.Join(words, "+")
}

// tuned are layers that are measured with other fields than the defaults: some require fields, some would
// do nothing, and a log to standard error would cost who keeps it.
var tuned = map[string]stack.Layer{
	"access-log": layers.AccessLog{File: os.DevNull},
	"cors":       layers.CORS{Origins: []string{"*"}},
	"forwarded":  layers.Forwarded{Trusted: []string{"127.0.0.0/8", "unix"}},
	"headers":    layers.Headers{Set: map[string]string{"X-Content-Type-Options": "nosniff"}},
	"rate-limit": layers.RateLimit{Rate: 1e9, Burst: 1e9},
}

// leastRate is the rate of a layer rate-limit, in requests per second, that no load here reaches.
const leastRate = 10e6

// admit refuses layers whose replies a load can't foresee.
func admit(l stack.Layer) error {
	why := ""
	switch l := l.(type) {
	case layers.BasicAuth:
		why = "no request of a load has a password"
	case layers.Session:
		why = "it takes a secret key, and test apps keep nothing in sessions"
	case layers.RateLimit:
		if l.Rate < leastRate || l.Burst < leastRate {
			why = fmt.Sprintf("it refuses requests that come as often as a load has them; from rate and burst %.0f on it does not", leastRate)
		}
	}
	if why == "" {
		return nil
	}
	return errors.New("layer " + l.About().Name + " can't be measured: " + why)
}

// Fields are the header fields that requests have for the layers to act on.
func (l Layers) Fields() [][2]string { return fieldsFor(l.all) }

func fieldsFor(all []stack.Layer) (fields [][2]string) {
	for _, l := range all {
		if name, value := fieldFor(l); name != "" {
			fields = withField(fields, name, value)
		}
	}
	return fields
}

// fieldFor is a field of requests that has a layer do its work; "": it takes none.
func fieldFor(l stack.Layer) (name, value string) {
	switch l := l.(type) {
	case layers.Compress:
		return "Accept-Encoding", "gzip, deflate, br, zstd"
	case layers.Cookies:
		return "Cookie", "theme=dark; lang=en"
	case layers.CORS:
		return "Origin", "https://www.example.org"
	case layers.Forwarded:
		if l.Field == "Forwarded" {
			return l.Field, "for=203.0.113.7"
		}
		return "X-Forwarded-For", "203.0.113.7"
	}
	return "", ""
}

// withField adds a field, unless there is one of its name.
func withField(fields [][2]string, name, value string) [][2]string {
	if slices.ContainsFunc(fields, func(f [2]string) bool { return strings.EqualFold(f[0], name) }) {
		return fields
	}
	return append(slices.Clip(fields), [2]string{name, value})
}
