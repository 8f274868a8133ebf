package layers

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/bcrypt"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// BasicAuth lets requests through that have the name and the password of a user, and answers others
// with 401. Apps have the name by UserOf.
//
// Users is a secret with a line for each: the name, a colon, and the password's hash, as htpasswd -B
// writes it (bcrypt: "$2y$10$..."), or "{SHA256}" and the base64 of the password's SHA-256. The latter is for long
// random passwords alone: others are soon guessed from it. Empty lines and those that begin with # are none.
//
// bcrypt is slow on purpose. A password that was right once is known again by a fast hash, which is kept
// in memory with a random key. Each wrong one costs the whole time of bcrypt, and so does a
// user that is not there: put a rate-limit outside of it. Passwords are compared as bytes.
type BasicAuth struct {
	Users stack.Secret `stack:"users" required:"true" doc:"lines of a user's name, a colon and the hash of the password, by bcrypt or {SHA256}"`
	Realm string       `stack:"realm" default:"restricted" doc:"what the password is for, which clients show"`
}

// About implements stack.Layer.
func (BasicAuth) About() stack.About {
	return stack.About{Name: "basic-auth", Doc: "asks for a user and a password (RFC 7617)", Provides: []string{"user"}, Allocs: 1}
}

// Check implements stack.Checker.
func (l BasicAuth) Check() error { return in("realm", checkValue("WWW-Authenticate", l.Realm)) }

// Wrap implements stack.Layer.
func (l BasicAuth) Wrap(next apps.App) (apps.App, error) {
	text, err := l.Users.Value()
	if err != nil {
		return nil, in("users", err)
	}
	w := &authenticating{next: next, users: map[string]*account{}}
	if err := w.read(text); err != nil {
		return nil, fmt.Errorf("users: %s: %w", l.Users, err)
	}
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(l.Realm) // RFC 9110 section 5.6.4
	w.challenge = `Basic realm="` + quoted + `", charset="UTF-8"`
	_, err = rand.Read(w.key[:])
	return w, err
}

// authenticating is the app of BasicAuth.
type authenticating struct {
	next      apps.App
	users     map[string]*account
	nobody    *account // whose password is compared for users that are not there
	challenge string
	key       [sha256.Size]byte
}

// account is a user with the hash of the password, one of both.
type account struct {
	name   string
	bcrypt []byte
	sha    [sha256.Size]byte
	cost   int                               // of bcrypt
	proven atomic.Pointer[[sha256.Size]byte] // keyed hash of the password that bcrypt found right
}

// read reads the lines of Users.
func (w *authenticating) read(text string) error {
	number := 0
	for line := range strings.Lines(text) {
		number++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		a, err := parseAccount(line)
		if err == nil && w.users[a.name] != nil {
			err = fmt.Errorf("user %q is there twice", a.name)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		w.users[a.name] = a
		if w.nobody == nil || a.cost > w.nobody.cost {
			w.nobody = a
		}
	}
	if len(w.users) == 0 {
		return errors.New("no users")
	}
	return nil
}

// parseAccount reads a line. Its errors tell nothing of the hash.
func parseAccount(line string) (*account, error) {
	name, hash, _ := strings.Cut(line, ":")
	a := &account{name: name}
	if name == "" || !isPrintable(name) {
		return nil, fmt.Errorf("%q is no name of a user (RFC 7617 section 2)", name)
	}
	if digest, ok := strings.CutPrefix(hash, "{SHA256}"); ok {
		sum, err := base64.StdEncoding.Strict().DecodeString(digest)
		if err != nil || len(sum) != sha256.Size {
			return nil, fmt.Errorf("user %q: {SHA256} goes with the base64 of 32 bytes", name)
		}
		copy(a.sha[:], sum)
		return a, nil
	}
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil {
		return nil, fmt.Errorf("user %q: the hash of the password is neither of bcrypt nor {SHA256}", name)
	}
	a.bcrypt, a.cost = []byte(hash), cost
	return a, nil
}

// isPrintable tells whether text has no control characters (RFC 7617 section 2).
func isPrintable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}

// userName is the name of the user that a request is of.
type userName string

// UserOf is the user of the request with this context, "" outside the layer basic-auth.
func UserOf(ctx context.Context) string {
	if name := carriedBy[userName](ctx); name != nil {
		return string(*name)
	}
	return ""
}

// Serve implements apps.App.
func (w *authenticating) Serve(req apps.Request, res apps.Response) error {
	name := w.user(req.Header("Authorization"))
	if name == "" {
		res.SetHeader("WWW-Authenticate", w.challenge)
		return stack.Plain(res, 401, "unauthorized\n")
	}
	c := &carrier[userName]{Request: req}
	c.state = userName(name)
	return w.next.Serve(c, res)
}

// maxCredentials is how long the credentials may be, in bytes: bcrypt takes 72 of a password.
const maxCredentials = 512

// user is the name of the user whose credentials the field Authorization has, "" if there is none.
func (w *authenticating) user(field string) string {
	const scheme = "Basic "
	if len(field) < len(scheme) || !strings.EqualFold(field[:len(scheme)], scheme) {
		return ""
	}
	encoded := strings.Trim(field[len(scheme):], " ")
	var room, text [maxCredentials]byte
	if len(encoded) > len(room) {
		return ""
	}
	n, err := base64.StdEncoding.Decode(text[:], append(room[:0], encoded...))
	if err != nil {
		return ""
	}
	colon := -1
	for i, c := range text[:n] {
		if c < ' ' || c == 0x7f {
			return ""
		}
		if c == ':' && colon < 0 {
			colon = i
		}
	}
	if colon < 0 {
		return ""
	}
	password := text[colon+1 : n]
	a := w.users[string(text[:colon])]
	if a == nil {
		w.nobody.compare(password) // for the time that it takes
		return ""
	}
	if !a.has(&w.key, password) {
		return ""
	}
	return a.name
}

// has tells whether the password is that of the account.
func (a *account) has(key *[sha256.Size]byte, password []byte) bool {
	if a.bcrypt == nil {
		return a.compare(password)
	}
	var room [sha256.Size + maxCredentials]byte
	sum := sha256.Sum256(append(append(room[:0], key[:]...), password...))
	if proven := a.proven.Load(); proven != nil && subtle.ConstantTimeCompare(sum[:], proven[:]) == 1 {
		return true
	}
	if !a.compare(password) {
		return false
	}
	kept := sum
	a.proven.Store(&kept)
	return true
}

// compare is has by the account's hash, in a time that does not depend on where the password is wrong.
func (a *account) compare(password []byte) bool {
	if a.bcrypt != nil {
		return bcrypt.CompareHashAndPassword(a.bcrypt, password) == nil
	}
	sum := sha256.Sum256(password)
	return subtle.ConstantTimeCompare(sum[:], a.sha[:]) == 1
}
