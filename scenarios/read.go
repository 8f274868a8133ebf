package scenarios

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/benchctl/benchctl/internal/strict"
)

// given are the values that a load was read from, by key.
type given map[string]strict.Node

// fields binds the keys of a load to where they go in l, and notes them.
func (l *Load) fields(g given) strict.Fields {
	fields := make(strict.Fields, len(keys))
	for _, k := range keys {
		fields[k.Name] = func(n strict.Node) error {
			g[k.Name] = n
			return k.read(l, n)
		}
	}
	return fields
}

// agree finds values that contradict each other, at the position of one of them.
func (g given) agree(l Load) error {
	for _, names := range excluded {
		for i, name := range names {
			for _, other := range names[i+1:] {
				if one, n := g[name], g[other]; one.Line() > 0 && n.Line() > 0 {
					return n.Errorf("can't be given with %s", name)
				}
			}
		}
	}
	if n := g["arrivals"]; n.Line() > 0 && !l.Open() {
		return n.Errorf("takes a rate, ramp, steps or slo")
	}
	if n := g["engine"]; n.Line() > 0 && l.Engine == Witness && !l.Watched() {
		return n.Errorf("engine %s takes events or race", Witness)
	}
	if n := g["events"]; n.Line() > 0 {
		switch {
		case l.Rate == 0:
			return n.Errorf("they take a rate in requests per second: a load as fast as replies come hides what is lost")
		case l.last() >= l.Slice:
			return n.Errorf("the last is at %v, and slice, how long the load lasts, is %v", l.last(), l.Slice)
		}
	}
	if n := g["race"]; n.Line() > 0 && l.Race >= l.Slice {
		return n.Errorf("it is %v, and slice, how long the load lasts, is %v", l.Race, l.Slice)
	}
	if n := g["post"]; n.Line() > 0 && l.Post && l.Connections < 2 {
		return n.Errorf("it takes 2 connections at least: half of them send POST")
	}
	for _, k := range keys {
		if n := g[k.Name]; n.Line() > 0 && k.only != "" && l.Engine != k.only {
			return n.Errorf("engine %s does not offer it, %s does", l.Engine, k.only)
		}
	}
	return nil
}

// Check finds values out of bounds, and missing keys that are required, such as connections.
// The error begins with the key.
func (l Load) Check(set ...string) error {
	for _, k := range keys {
		if k.right == nil {
			continue
		}
		missing := k.value(&l) == nil && (k.Name == "connections" || slices.Contains(set, k.Name))
		if missing || !k.right(&l) {
			return fmt.Errorf("%s %v: not within %v and %v", k.Name, k.plain(&l), k.from, k.to)
		}
	}
	return nil
}

// MarshalJSON writes the load like a scenario's file: the keys that are set, in the
// order of documentation.
func (l Load) MarshalJSON() ([]byte, error) {
	var text bytes.Buffer
	for _, k := range keys {
		v := k.value(&l)
		if v == nil || v == k.usual {
			continue
		}
		value, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.Name, err)
		}
		fmt.Fprintf(&text, ",%q:%s", k.Name, value)
	}
	return slices.Concat([]byte("{"), bytes.TrimPrefix(text.Bytes(), []byte(",")), []byte("}")), nil
}

// UnmarshalJSON reads what MarshalJSON gives, as strictly as a scenario's file.
func (l *Load) UnmarshalJSON(text []byte) error {
	*l = Load{Engine: Raw}
	doc, err := strict.Parse("load", text)
	if err != nil {
		return err
	}
	g := make(given)
	if err := doc.Fields(l.fields(g), "connections"); err != nil {
		return err
	}
	return g.agree(*l)
}

// Identity identifies a load and an app: the first 12 hexadecimal digits of the SHA-256 of both.
// Measurements with the same identity are of the same cell.
func (l Load) Identity(app string) string {
	text, _ := json.Marshal(struct {
		App  string `json:"app"`
		Load Load   `json:"load"`
	}{app, l}) // of texts and numbers, which have a JSON form
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}
