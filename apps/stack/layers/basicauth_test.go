package layers_test

import (
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/layers"
)

func init() {
	courses["basic-auth"] = func(t testing.TB) course {
		return course{layer: guarded(t), app: text("hello"), req: appstest.Get("/", "Authorization", basic("ada", "open sesame"))}
	}
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// accounts is a file of users.
func accounts(t testing.TB, lines ...string) stack.Secret {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return stack.Secret("file:" + path)
}

// hashed is the hash of a password by SHA-256.
func hashed(password string) string {
	sum := sha256.Sum256([]byte(password))
	return "{SHA256}" + base64.StdEncoding.EncodeToString(sum[:])
}

// guarded is the layer with ada, whose password is of bcrypt, and bob.
func guarded(t testing.TB) layers.BasicAuth {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("open sesame"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return layers.BasicAuth{Users: accounts(t, "# users", "", "ada:"+strings.Replace(string(hash), "$2a$", "$2y$", 1), "bob:"+hashed("p:a:ss"), "m\u00fcller:"+hashed(""))}
}

// tellsUser answers with the user that it sees.
var tellsUser = apps.Func(func(req apps.Request, res apps.Response) error {
	return res.Reply(200, []byte(layers.UserOf(req.Context())))
})

func TestBasicAuth(t *testing.T) {
	a := wrap(t, tellsUser, guarded(t))
	for _, test := range []struct{ name, field, user string }{
		{"no field", "", ""},
		{"bcrypt", basic("ada", "open sesame"), "ada"},
		{"bcrypt, known again", basic("ada", "open sesame"), "ada"},
		{"bcrypt, wrong after right", basic("ada", "open sesam"), ""},
		{"bcrypt, of another", basic("bob", "open sesame"), ""},
		{"SHA-256, colons", basic("bob", "p:a:ss"), "bob"},
		{"SHA-256, wrong", basic("bob", "p"), ""},
		{"no user", basic("eve", "open sesame"), ""},
		{"RFC 7617 2.1 UTF-8", basic("m\u00fcller", ""), "m\u00fcller"},
		{"RFC 7617 2 the scheme's case", "bASIC  " + basic("bob", "p:a:ss")[6:], "bob"},
		{"RFC 7617 2 control characters", basic("bob", "p:a:ss\x00"), ""},
		{"no colon", "Basic " + base64.StdEncoding.EncodeToString([]byte("bob")), ""},
		{"empty", basic("", ""), ""},
		{"no base64", "Basic !", ""},
		{"too long", basic("bob", strings.Repeat("p", 4000)), ""},
		{"another scheme", "Bearer abc", ""},
		{"the scheme alone", "Basic", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := appstest.Serve(t, a, appstest.Get("/", "Authorization", test.field))
			if test.user == "" {
				expect(t, r, 401, "WWW-Authenticate", `Basic realm="restricted", charset="UTF-8"`)
				return
			}
			if expect(t, r, 200, "WWW-Authenticate", ""); r.Body() != test.user {
				t.Error(r)
			}
		})
	}
	if layers.UserOf(t.Context()) != "" {
		t.Error("a user without the layer")
	}
}

func TestBasicAuthRealm(t *testing.T) {
	l := guarded(t)
	l.Realm = `the "back\front" door`
	expect(t, appstest.Serve(t, wrap(t, tellsUser, l), appstest.Get("/")), 401, "WWW-Authenticate", `Basic realm="the \"back\\front\" door", charset="UTF-8"`)
}

func TestBasicAuthRefuses(t *testing.T) {
	hash := hashed("secret")
	for want, l := range map[string]layers.BasicAuth{
		"users: is required": {},
		"users: secret file:/nowhere/at/all: open /nowhere/at/all":  {Users: "file:/nowhere/at/all"},
		"line 2: user \"bob\" is there twice":                       {Users: accounts(t, "bob:"+hash, "bob:"+hash)},
		"line 1: \"\" is no name of a user":                         {Users: accounts(t, ":"+hash)},
		"line 1: user \"bob\": the hash of the password is neither": {Users: accounts(t, "bob:secret")},
		"line 1: user \"bob\": {SHA256} goes with the base64":       {Users: accounts(t, "bob:{SHA256}c2VjcmV0")},
		"no users": {Users: accounts(t, "# none")},
		`realm: "a\nb" is no value of field WWW-Authenticate`: {Users: accounts(t, "bob:"+hash), Realm: "a\nb"},
	} {
		refused(t, l, want)
	}
	_, err := stack.Build(stack.Pipeline{Layers: []stack.Layer{layers.BasicAuth{Users: accounts(t, "bob:hunter2")}}, Node: stack.App{Source: source{app{}}}})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v tells a secret", err)
	}
}

func TestBasicAuthOverTheWire(t *testing.T) {
	l := guarded(t)
	onEngines(t, func(t *testing.T) apps.App { return wrap(t, tellsUser, l) }, func(t *testing.T, url string) {
		hold(t, ask(t, "GET", url+"/"), 401, "Www-Authenticate", `Basic realm="restricted", charset="UTF-8"`)
		if res := ask(t, "GET", url+"/", "Authorization", basic("bob", "p:a:ss")); read(t, res) != "bob" {
			t.Errorf("status %d", res.StatusCode)
		}
	})
}
