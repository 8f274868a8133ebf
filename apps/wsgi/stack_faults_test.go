package wsgi_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// faults are config that both worlds refuse, and what both say.
var faults = []struct{ layer, config, want string }{
	{"compress", "gzip-levl = 6", `compress has no field "gzip-levl": did you mean "gzip-level"?`},
	{"compress", "level = 6", `compress has no field "level": known are encodings, types, min-size, gzip-level, br-level, zstd-level`},
	{"etag", "weak = 1", `etag has no field "weak"`},
	{"range", "max-range = 1", `range has no field "max-range": did you mean "max-ranges"?`},
	{"compress", "gzip-level = six", `gzip-level of compress: "six" is not a whole number`},
	{"compress", "gzip-level = 6.0", `gzip-level of compress: "6.0" is not a whole number`},
	{"compress", "gzip-level = 99999999999999999999", `gzip-level of compress: "99999999999999999999" is beyond what a number holds`},
	{"compress", "gzip-level = 12", `12 is more than 9`},
	{"compress", "gzip-level = -1", `-1 is less than 1`},
	{"compress", "min-size = 2GiB", `2GiB is more than 1GiB`},
	{"compress", "min-size = 1KB", `min-size of compress: "1KB" is not a size, as "64KiB" or a number of bytes`},
	{"compress", "min-size = -1KiB", `min-size of compress: "-1KiB" is not a size, as "64KiB" or a number of bytes`},
	{"compress", "encodings = gzip deflate", `encodings: no content coding: "deflate"; there are zstd, br and gzip`},
	{"compress", "encodings = gzip gzip", `encodings: "gzip" is listed twice`},
	{"compress", "types = text", `types: "text" is no media type, as "text/html" or "text/*"`},
	{"timeout", "after = 30", `after of timeout: "30" is not a duration with a unit, as "30s"`},
	{"timeout", "after = 25h30m", `25h30m0s is more than 24h`},
	{"timeout", "after = 1.5us", `1.5µs is less than 1ms`},
	{"timeout", "after = -1m0.5s", `-1m0.5s is less than 1ms`},
	{"rate-limit", "burst = 3", `is required`},
	{"rate-limit", "rate = fast", `rate of rate-limit: "fast" is not a number`},
	{"rate-limit", "rate = nan", `rate of rate-limit: "nan" is not a number`},
	{"rate-limit", "rate = 0.00001", `1e-05 is less than 0.0001`},
	{"rate-limit", "rate = 1\nkey = a b", `key: "a b" is no name of a field (RFC 9110 section 5.1)`},
	{"access-log", "format = apache", `"apache" is none of common, combined, json`},
	{"access-log", "unbuffered = perhaps", `unbuffered of access-log: "perhaps" is neither true nor false`},
	{"headers", "set = X", `set of headers: "X" is not "name: value"`},
	{"headers", "set =\n  X: 1\n  X: 2", `set of headers: "X" is set twice`},
	{"headers", "set = X Y: 1", `set: "X Y" is no name of a field (RFC 9110 section 5.1)`},
	{"headers", "remove = Connection", `remove: Connection belongs to the server (A3)`},
	{"headers", "set = X: 1\nremove = x", `remove: x is in "set" already`},
	{"headers", "remove = X x", `remove: x is in "remove" already`},
	{"headers", "default = set-cookie: a=b", `default: set-cookie: one that the app sets does not replace it (S15); set it in "set"`},
	{"cors", "", `is required`},
	{"cors", "origins = example.org", `origins: "example.org" is no origin, as "https://example.org" or "https://*.example.org:8443", in small letters`},
	{"cors", "origins = https://Example.org", `origins: "https://Example.org" is no origin, as "https://example.org" or "https://*.example.org:8443", in small letters`},
	{"cors", "origins = https://a.*.org", `origins: "https://a.*.org" is no origin, as "https://example.org" or "https://*.example.org:8443", in small letters`},
	{"cors", "origins = *\ncredentials = yes", `origins: * does not go with credentials`},
	{"cors", "origins = *\nheaders = * X", `headers: * is all, and stands alone`},
	{"cors", "origins = *\nmethods = G/ET", `methods: "G/ET" is no token (RFC 9110 section 5.6.2)`},
	{"cors", "origins = *\nmax-age = 10ms", `10ms is less than 1s`},
	{"request-id", "field = A B", `field: "A B" is no name of a field (RFC 9110 section 5.1)`},
	{"request-id", "networks = 10.0.0.0/8", `networks: have no effect without trust`},
	{"request-id", "trust = 1\nnetworks = 10.0.0.1/8", `networks: "10.0.0.1/8" has bits beyond its length; 10.0.0.0/8 has none`},
	{"forwarded", "trusted = ten", `trusted: "ten" is no network, as "10.0.0.0/8", and no address`},
	{"forwarded", "trusted = ::ffff:1.2.3.4", `trusted: "::ffff:1.2.3.4" is of IPv4: write it as one`},
	{"forwarded", "trusted = 10.0.0.0/33", `trusted: "10.0.0.0/33" is no network, as "10.0.0.0/8", and no address`},
	{"forwarded", "trusted = ::1\nfield = X-Real-IP", `"X-Real-IP" is none of X-Forwarded-For, Forwarded`},
	{"method-override", "methods = put", `methods: "put" is no method, as "PUT" (RFC 9110 section 9.1)`},
	{"method-override", "methods = GET", `methods: a POST can't ask with GET, which servers and caches take in another way`},
	{"method-override", "methods = PUT PUT", `methods: PUT is listed twice`},
	{"method-override", "field = TE", `field: TE belongs to the server (A3)`},
	{"health", "path = healthz", `path: "healthz" is no path, as "/healthz"`},
	{"health", "timeout = 1h", `1h0m0s is more than 10m`},
	{"metrics", "path = /m?x", `path: "/m?x" is no path, as "/healthz"`},
	{"metrics", "prefix = 1st", `prefix: "1st" is no part of a metric's name`},
	{"metrics", "buckets = 1 x", `buckets: "x" is no number of seconds`},
	{"metrics", "buckets = 2 1", `buckets: "1" is not more than the one before`},
	{"basic-auth", "users = alice:secret", `users of basic-auth: a secret is given by reference, as "env:NAME" or "file:PATH"`},
	{"basic-auth", "users = env:TWINS_NONE", `users: secret env:TWINS_NONE: the variable is not set`},
	{"basic-auth", "users = file:/no/such", `users: secret file:/no/such: open /no/such: no such file or directory`},
	{"basic-auth", "users = env:TWINS_KEY", `users: env:TWINS_KEY: line 1: user "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk": the hash of the password is neither of bcrypt nor {SHA256}`},
	{"basic-auth", "users = env:TWINS_USERS\nrealm = a\x7fb", `is no value of field WWW-Authenticate (RFC 9110 section 5.5)`},
	{"session", "key = env:TWINS_SHORT", `key: secret env:TWINS_SHORT: 5 bytes are no key; it has 32 or more`},
	{"session", "key = env:TWINS_KEY\nold-keys = env:TWINS_SHORT", `old-keys: secret env:TWINS_SHORT: 5 bytes are no key; it has 32 or more`},
	{"session", "key = env:TWINS_KEY\nname = a b", `http: invalid Cookie.Name`},
	{"session", "key = env:TWINS_KEY\ndomain = a_b", `http: invalid Cookie.Domain`},
	{"session", "key = env:TWINS_KEY\ndomain = 1.2.3", `http: invalid Cookie.Domain`},
	{"session", "key = env:TWINS_KEY\npath = a", `path: "a" does not begin with "/"`},
	{"session", "key = env:TWINS_KEY\npath = /;", `http: invalid byte ';' in Cookie.Path`},
	{"session", "key = env:TWINS_KEY\nmax-age = 1.5s", `max-age: 1.5s is not of whole seconds`},
	{"session", "key = env:TWINS_KEY\ninsecure = 1\nsame-site = none", `insecure: does not go with same-site none`},
	{"session", "key = env:TWINS_KEY\ninsecure = 1\nname = __Secure-a", `insecure: does not go with the name __Secure-a`},
	{"session", "key = env:TWINS_KEY\nname = __Host-a\npath = /a", `name: __Host-a goes with path / and no domain alone`},
	{"body-limit", "max = 0x10", `max of body-limit: "0x10" is not a size, as "64KiB" or a number of bytes`},
}

// told is a fault as both worlds write it: "FILE:LINE:COLUMN: text", or without the place.
var told = regexp.MustCompile(`^(?:\w+: )?(\S+\.ini)(?::(\d+:\d+))?: (.*)$`)

// refused are the errors of files in both worlds.
func (w worlds) refused(inis []string) (inGo []error, inPython []string) {
	w.Helper()
	var names []string
	for i, ini := range inis {
		name := fmt.Sprintf("fault%d.ini", i)
		names = append(names, name)
		for _, dir := range []string{w.golang, w.python} {
			w.write(dir, name, []byte(ini))
		}
		_, err := w.built(name)
		inGo = append(inGo, err)
	}
	for _, got := range w.drive(names) {
		inPython = append(inPython, got.Error)
	}
	return inGo, inPython
}

// TestFaults holds that both worlds refuse the same config, and tell the same.
func TestFaults(t *testing.T) {
	w := newWorlds(t)
	t.Setenv("TWINS_SHORT", "short")
	var inis []string
	for _, f := range faults {
		inis = append(inis, "[pipeline:main]\npipeline = egg:benchctl#cookies layer egg:benchctl#hello\n\n[filter:layer]\nuse = egg:benchctl#"+f.layer+"\n"+f.config+"\n")
	}
	errs, said := w.refused(inis)
	placed := 0
	for i, f := range faults {
		inGo, inPython := told.FindStringSubmatch(fmt.Sprint(errs[i])), told.FindStringSubmatch(said[i])
		switch {
		case inGo == nil || inPython == nil || filepath.Base(inGo[1]) != filepath.Base(inPython[1]):
			t.Errorf("%s: %q: in Python\n%s\nin Go\n%v", f.layer, f.config, said[i], errs[i])
			continue
		case !strings.HasSuffix(inGo[3], f.want) || !strings.HasSuffix(inPython[3], f.want):
			t.Errorf("%s: %q: in Python\n%s\nin Go\n%s\nwant\n%s", f.layer, f.config, inPython[3], inGo[3], f.want)
		case inPython[2] != "" && inPython[2] != inGo[2]:
			t.Errorf("%s: %q: in Python at %s, in Go at %s", f.layer, f.config, inPython[2], inGo[2])
		}
		if inPython[2] != "" {
			placed++
		}
	}
	if placed < 25 {
		t.Errorf("%d faults in Python have a place", placed)
	}
}

// TestFaultsOfStacks are those of more than one field.
func TestFaultsOfStacks(t *testing.T) {
	w := newWorlds(t)
	tests := []struct{ ini, inGo, want string }{
		{"[pipeline:main]\npipeline = s egg:benchctl#hello\n[filter:s]\nuse = egg:benchctl#session\nkey = env:TWINS_KEY\n", `requires "cookies", which no layer outside it provides`, `ConfigError: FILE: session requires "cookies", which no layer outside it provides`},
		{"[app:main]\nuse = egg:benchctl#static\ndir = /\n", "<nil>", `ConfigError: FILE:2:7: static is an app of the Go engines alone: content types are as Go's package mime knows them`},
		{"[app:main]\nuse = egg:benchctl#size\nbytes = 0x10\nbyte = 1\n", `byte`, "ConfigError: FILE:3:9: bytes of size: \"0x10\" is not a whole number\nFILE:4:1: size has no field \"byte\": did you mean \"bytes\"?"},
		{"[app:main]\nuse = egg:benchctl#helo\n", `unknown app "helo"`, `LookupError: Entry point 'helo' not found in egg 'benchctl'`},
		{"[app:a]\nuse = egg:benchctl#hello\n", `no application "main"`, `LookupError: No section 'main' `},
	}
	var inis []string
	for _, test := range tests {
		inis = append(inis, test.ini)
	}
	errs, said := w.refused(inis)
	for i, test := range tests {
		if !strings.Contains(fmt.Sprint(errs[i]), test.inGo) {
			t.Errorf("%q: in Go %v", test.ini, errs[i])
		}
		got := strings.ReplaceAll(said[i], filepath.Join(w.python, fmt.Sprintf("fault%d.ini", i)), "FILE")
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%q: in Python\n%s\nwant\n%s", test.ini, got, test.want)
		}
	}
}
