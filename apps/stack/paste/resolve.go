package paste

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/internal/nearest"
)

// loader resolves the names in a file, as paste.deploy's ConfigLoader does.
type loader struct {
	r        *resolver
	file     *ini
	path     string // absolute
	defaults *Conf  // not interpolated
}

func newLoader(r *resolver, file *ini, path string) *loader {
	l := &loader{r, file, path, newConf()}
	here := stack.Origin{File: file.shown, Line: 1, Column: 1}
	folder := path[:max(strings.LastIndexByte(path, '/'), 1)]
	l.defaults.put("here", &Value{Text: folder, At: here})
	l.defaults.put("__file__", &Value{Text: path, At: here})
	l.defaults.update(file.defaults)
	return l
}

// folder is the file's, as it is named, with a "/" at the end.
func (l *loader) folder() string { return l.file.name[:strings.LastIndexByte(l.file.name, '/')+1] }

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// context resolves a name or URI in the file, which stands for an app or a filter.
func (l *loader) context(kind Kind, name word, given *Conf, in *frame) (*Context, error) {
	if absolute.MatchString(name.text) {
		return l.r.load(kind, name, l.folder(), given, in)
	}
	s, err := l.find(kind, name)
	if err != nil {
		return nil, err
	}
	defaults, err := l.interpolated(s.at)
	if err != nil {
		return nil, err
	}
	globals := defaults.clone()
	globals.update(given)
	here := &frame{file: l.path, section: s, defaults: l.defaults, globals: globals.clone()}
	if err := in.enter(name, here); err != nil {
		return nil, err
	}
	x := &settings{loader: l, kind: kind, section: s, frame: here, globals: globals, local: newConf(), added: newConf()}
	if err := x.read(defaults); err != nil {
		return nil, err
	}
	return x.context()
}

// interpolated are the file's defaults for a section at a place.
func (l *loader) interpolated(at stack.Origin) (*Conf, error) {
	if err := l.r.work.do(3*perKey*len(l.defaults.keys), at); err != nil {
		return nil, err
	}
	all, scope := newConf(), &scope{defaults: l.defaults, work: &l.r.work}
	for _, key := range l.defaults.keys {
		raw := l.defaults.values[key]
		v, err := scope.value(raw)
		if err != nil {
			return nil, err
		}
		if v.Text == "" {
			v = raw // so does NicerConfigParser.defaults
		}
		all.put(key, v)
	}
	return all, nil
}

// settings are what a section says.
type settings struct {
	*loader
	kind       Kind
	section    *section
	frame      *frame
	globals    *Conf
	local      *Conf
	added      *Conf // by "set" to the globals
	filterWith *Value
	requires   []string
}

// read reads the section's keys, and those of the defaults, which may be "set" and "get" too.
func (x *settings) read(defaults *Conf) error {
	scope := &scope{section: x.section, defaults: x.defaults, work: &x.r.work}
	copied := newConf()
	keys := append(x.section.Keys(), slices.DeleteFunc(x.defaults.Keys(), func(key string) bool {
		_, ok := x.section.Get(key)
		return ok
	})...)
	if err := x.r.work.do(perKey*len(keys), x.section.at); err != nil {
		return err
	}
	for _, key := range keys {
		to, name := x.local, key
		if rest, ok := strings.CutPrefix(key, "set "); ok {
			to, name = x.added, strip(rest)
		} else if rest, ok := strings.CutPrefix(key, "get "); ok {
			to, name = copied, strip(rest)
		} else if _, ok := defaults.Get(key); ok {
			x.dropped(key)
			continue
		}
		raw, _ := scope.lookup(key)
		v, err := scope.value(raw)
		if err != nil {
			return err
		}
		to.put(name, v)
		if to == x.added {
			x.globals.put(name, v)
		}
	}
	x.disagreements(scope)
	return x.get(copied)
}

// dropped warns of a key of the section that a default hides.
func (x *settings) dropped(key string) {
	if v, ok := x.section.Get(key); ok {
		x.r.warnings.add(v.Key, fmt.Sprintf("%s is also a default, so that Paste Deploy drops it here: to change the global write %s", strconv.Quote(key), strconv.Quote("set "+key)))
	}
}

// disagreements warns of values that took in a default which is another in the globals.
func (x *settings) disagreements(s *scope) {
	for _, u := range s.used {
		v, ok := x.globals.Get(u.name)
		if own, err := s.value(u.from); ok && err == nil && own.Text != v.Text {
			x.r.warnings.add(u.by.At, fmt.Sprintf("%%(%s)s is %s here, by this file's defaults, and the global %s is %s",
				u.name, strconv.Quote(abridged(own.Text)), u.name, strconv.Quote(abridged(v.Text))))
		}
	}
}

// get makes locals of globals.
func (x *settings) get(copied *Conf) error {
	for _, name := range copied.keys {
		from := copied.values[name]
		v, ok := x.globals.Get(from.Text)
		if !ok {
			return fault(from.At, "no global is named %s%s", strconv.Quote(from.Text), hint(from.Text, x.globals.keys))
		}
		x.local.put(name, &Value{Text: v.Text, Key: from.Key, At: from.At})
	}
	return nil
}

// context is what the section stands for.
func (x *settings) context() (*Context, error) {
	x.filterWith = x.local.take("filter-with")
	if v := x.local.take("require"); v != nil {
		for _, w := range v.words() {
			x.requires = append(x.requires, w.text)
		}
	}
	c, err := x.unfiltered()
	if err != nil {
		return nil, err
	}
	c.Section, c.At = x.section.name, x.section.at
	c.Requires = append(c.Requires, x.requires...)
	if x.filterWith == nil {
		return c, nil
	}
	outer, err := x.made(FilteredWith)
	if err != nil {
		return nil, err
	}
	outer.Next = c
	outer.Filter, err = x.loader.context(Filter, word{x.filterWith.Text, x.filterWith.At}, x.globals, x.frame)
	return outer, err
}

// unfiltered is the context without that of filter-with.
func (x *settings) unfiltered() (*Context, error) {
	switch {
	case strings.HasPrefix(x.section.name, "filter-app:"):
		return x.filterApp()
	case strings.HasPrefix(x.section.name, "pipeline:"):
		return x.pipeline()
	}
	return x.object(x.kind)
}

// made is a new context of the section.
func (x *settings) made(kind Kind) (*Context, error) {
	c := &Context{Kind: kind, Global: x.globals, Local: x.local, Section: x.section.name, At: x.section.at, loader: x.loader, frame: x.frame}
	return c, x.r.made(x.section.at)
}

// object is the context of the factory that the section names.
func (x *settings) object(kind Kind) (*Context, error) {
	if use := x.local.take("use"); use != nil {
		return x.use(kind, use)
	}
	return x.explicit(kind)
}

func (x *settings) use(kind Kind, use *Value) (*Context, error) {
	c, err := x.loader.context(kind, word{use.Text, use.At}, x.globals, x.frame)
	if err != nil {
		return nil, err
	}
	c.Global.update(x.added)
	c.Local.update(x.local)
	if file, ok := x.globals.Get("__file__"); ok {
		c.Global.put("__file__", file)
	}
	c.loader, c.Section, c.At = x.loader, x.section.name, x.section.at
	if c.Protocol == "" {
		c.Protocol = sectionProtocol(x.section.name)
	}
	return c, nil
}

// sectionProtocol is the protocol of a function, by the section that calls it.
func sectionProtocol(section string) string {
	prefix, _, _ := strings.Cut(section, ":")
	switch prefix {
	case "app", "application":
		return "paste.app_factory"
	case "composite", "composit": //nolint:misspell // Paste's
		return "paste.composit_factory"
	}
	return "paste." + prefix + "_factory"
}

// entryPoint is how a factory is written, as importlib.metadata.EntryPoint has it.
var entryPoint = regexp.MustCompile(`^[\pL\pN_.]+` + space + `(:` + space + `[\pL\pN_.]+` + space + `)?(\[.*\]` + space + `)?$`)

// space is \s* of Python.
const space = `[\s\v\x1c-\x1f\x{85}\pZ]*`

// explicit is the context of a factory that the section gives by its protocol.
func (x *settings) explicit(kind Kind) (*Context, error) {
	var found []string
	for _, protocol := range protocols(kind) {
		if _, ok := x.local.Get(protocol); ok {
			found = append(found, protocol)
		}
	}
	switch {
	case len(found) == 0:
		return nil, fault(x.section.at, "[%s] names no factory: it has neither use nor %s%s", x.section.name, protocols(kind)[0], x.hiddenUse())
	case len(found) > 1 && kind != Filter:
		return nil, fault(x.local.values[found[1]].Key, "[%s] has both %s and %s", x.section.name, found[0], found[1])
	}
	factory := x.local.take(found[0])
	if !entryPoint.MatchString(factory.Text) {
		return nil, fault(factory.At, "%s is not a factory, as \"module:function\"", strconv.Quote(abridged(factory.Text)))
	}
	c, err := x.made(kind)
	if err != nil {
		return nil, err
	}
	c.Factory, c.Protocol = factory.Text, found[0]
	return c, nil
}

// hiddenUse tells why a section that names a factory has none, if so.
func (x *settings) hiddenUse() string {
	if _, ok := x.defaults.Get("use"); ok {
		return "; use is a default too, and so is dropped"
	}
	if _, ok := x.local.Get("use"); ok || len(x.local.keys) == 0 {
		return ""
	}
	if name, ok := nearest.Name("use", x.local.keys); ok {
		return "; is " + name + " meant to be use?"
	}
	return ""
}

func (x *settings) filterApp() (*Context, error) {
	next := x.local.take("next")
	if next == nil {
		return nil, fault(x.section.at, "[%s] lacks next, which names the app behind the filter", x.section.name)
	}
	c, err := x.made(FilterApp)
	if err != nil {
		return nil, err
	}
	if c.Next, err = x.loader.context(Application, word{next.Text, next.At}, x.globals, x.frame); err != nil {
		return nil, err
	}
	c.Filter, err = x.object(Filter)
	return c, err
}

func (x *settings) pipeline() (*Context, error) {
	v := x.local.take("pipeline")
	if v == nil {
		return nil, fault(x.section.at, "[%s] lacks pipeline, which names the filters and the app", x.section.name)
	}
	if len(x.local.keys) > 0 {
		key := x.local.keys[0]
		return nil, fault(x.local.values[key].Key, "[%s] may not have %s: a pipeline has no config of its own; to change a global write %s",
			x.section.name, strconv.Quote(key), strconv.Quote("set "+key))
	}
	parts := v.words()
	if len(parts) == 0 {
		return nil, fault(v.Key, "[%s] is of no filters and no app", x.section.name)
	}
	c, err := x.made(Pipeline)
	if err != nil {
		return nil, err
	}
	last := len(parts) - 1
	if c.App, err = x.loader.context(Application, parts[last], x.globals, x.frame); err != nil {
		return nil, err
	}
	for _, part := range parts[:last] {
		filter, err := x.loader.context(Filter, part, x.globals, x.frame)
		if err != nil {
			return nil, err
		}
		c.Filters = append(c.Filters, filter)
	}
	return c, nil
}
