package paste

import (
	"strconv"
	"strings"
)

// scope is where a value is interpolated: in a section, or in DEFAULT if that is nil.
type scope struct {
	section  *section
	defaults *Conf
	work     *work
	used     []used // of the defaults, each once
	seen     map[used]bool
}

// used tells of a default that a value took in.
type used struct {
	name string
	by   *Value
	from *Value
}

func (s *scope) uses(u used) {
	if s.seen == nil {
		s.seen = map[used]bool{}
	}
	if !s.seen[u] {
		s.seen[u] = true
		s.used = append(s.used, u)
	}
}

func (s *scope) lookup(name string) (v *Value, isDefault bool) {
	if s.section != nil {
		if v, ok := s.section.Get(name); ok {
			return v, false
		}
	}
	return s.defaults.values[name], true
}

// names are all that a value can refer to.
func (s *scope) names() []string {
	names := s.defaults.Keys()
	if s.section != nil {
		names = append(s.section.Keys(), names...)
	}
	return names
}

// maxReferences is how deep references to other values go.
const maxReferences = 10

// value is v with its references replaced, as configparser's BasicInterpolation does.
func (s *scope) value(v *Value) (*Value, error) {
	if !strings.Contains(v.Text, "%") {
		return v, nil
	}
	e := expansion{scope: s, of: v}
	if err := e.add(v.Text, 1); err != nil {
		return nil, err
	}
	return &Value{Text: e.out.String(), Key: v.Key, At: v.At}, nil
}

// expansion is a value on its way to one without references.
type expansion struct {
	*scope
	of  *Value
	out strings.Builder
}

func (e *expansion) add(rest string, depth int) error {
	if depth > maxReferences {
		return fault(e.of.At, "references go deeper than %d steps: %s", maxReferences, strconv.Quote(abridged(e.of.Text)))
	}
	for {
		plain, after, more := strings.Cut(rest, "%")
		e.out.WriteString(plain)
		if err := e.work.do(1+len(plain), e.of.At); err != nil || !more {
			return err
		}
		if strings.HasPrefix(after, "%") {
			e.out.WriteByte('%')
			rest = after[1:]
			continue
		}
		name, behind, ok := strings.Cut(strings.TrimPrefix(after, "("), ")")
		if !strings.HasPrefix(after, "(") || !ok || name == "" || !strings.HasPrefix(behind, "s") {
			return fault(e.of.At, `"%%" is written "%%%%" if it is no reference as "%%(name)s": %s`, strconv.Quote(abridged("%"+after)))
		}
		if err := e.refer(name, depth); err != nil {
			return err
		}
		rest = behind[1:]
	}
}

func (e *expansion) refer(name string, depth int) error {
	v, isDefault := e.lookup(name)
	if v == nil {
		return fault(e.of.At, "nothing is named %s, to which %s refers%s", strconv.Quote(name), strconv.Quote(abridged(e.of.Text)), hint(name, e.names()))
	}
	if isDefault {
		e.uses(used{name, e.of, v})
	}
	if err := e.work.do(perKey, e.of.At); err != nil {
		return err
	}
	if !strings.Contains(v.Text, "%") {
		depth-- // that is no step further
	}
	return e.add(v.Text, depth+1)
}
