package format

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// jsonReader makes a tree of the tokens of a JSON text.
type jsonReader struct {
	bounds
	ruler
	dec *json.Decoder
}

func readJSON(data []byte) (*value, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	r := &jsonReader{ruler: ruler{data: data}, dec: dec}
	v, err := r.value(0)
	if err != nil {
		return nil, err
	}
	at := r.next()
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, faultf(at, "more than one value")
	}
	return v, nil
}

// next is where the next token begins.
func (r *jsonReader) next() position {
	offset := int(r.dec.InputOffset())
	rest := bytes.TrimLeft(r.data[offset:], " \t\r\n,:")
	return r.at(len(r.data) - len(rest))
}

func (r *jsonReader) token() (json.Token, position, error) {
	at := r.next()
	t, err := r.dec.Token()
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, at, syntaxFault(r.at(int(syntax.Offset)), syntax.Error())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, at, faultf(r.at(len(r.data)), "the text ends in a value")
	case err != nil:
		return nil, at, syntaxFault(at, err.Error())
	}
	return t, at, nil
}

func (r *jsonReader) value(depth int) (*value, error) {
	t, at, err := r.token()
	if err == nil {
		err = r.take(at, depth)
	}
	if err != nil {
		return nil, err
	}
	v := &value{at: at, kind: scalar}
	switch t := t.(type) {
	case string:
		v.text = t
	case json.Number:
		v.text, v.bare = t.String(), true
	case bool:
		v.text, v.bare = strconv.FormatBool(t), true
	case nil:
		v.kind = nothing
	case json.Delim:
		if t == '{' {
			v.kind = mapping
			err = r.pairs(v, depth)
		} else {
			v.kind = list
			err = r.elements(v, depth)
		}
	}
	return v, err
}

func (r *jsonReader) pairs(v *value, depth int) error {
	for r.dec.More() {
		t, at, err := r.token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return faultf(at, "a key is needed")
		}
		child, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		v.add(key, at, child)
	}
	_, _, err := r.token()
	return err
}

func (r *jsonReader) elements(v *value, depth int) error {
	for r.dec.More() {
		child, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		v.items = append(v.items, child)
	}
	_, _, err := r.token()
	return err
}

func writeJSON(root *value) []byte {
	return []byte(jsonText(root, "\n") + "\n")
}

// jsonText is a value; line is the line break that its own lines begin with.
func jsonText(v *value, line string) string {
	var all []string
	switch {
	case v.bare:
		return v.text
	case v.kind == scalar:
		return quoted(v.text)
	case v.kind == list:
		for _, one := range v.items {
			all = append(all, jsonText(one, line+"  "))
		}
		return enclosed("[", all, "]", line)
	}
	for _, p := range v.pairs {
		all = append(all, quoted(p.key)+": "+jsonText(p.value, line+"  "))
	}
	return enclosed("{", all, "}", line)
}

func enclosed(open string, all []string, end, line string) string {
	if len(all) == 0 {
		return open + end
	}
	return open + line + "  " + strings.Join(all, ","+line+"  ") + line + end
}
