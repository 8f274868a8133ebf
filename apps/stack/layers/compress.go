package layers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// Compress encodes replies as the client accepts it. It leaves those alone that are encoded
// already, that are a part of a representation (206), that say "Cache-Control: no-transform", and
// those without a body. Each block of a stream is encoded and flushed by itself, whatever its size.
//
// A client that takes neither a body without a coding nor one of Encodings gets 406. One that
// takes only the latter gets even small bodies encoded.
//
// It belongs outside of range and etag: parts and tags are of what is not encoded. The tag of
// what it encodes is made weak, since other bytes have the same one.
type Compress struct {
	Encodings   []string   `stack:"encodings" default:"zstd br gzip" doc:"content codings, of those that the client likes best the first is taken"`
	Types       []string   `stack:"types" default:"text/* application/json application/*+json application/xml application/*+xml application/javascript application/wasm image/svg+xml" doc:"media types that are encoded; a * stands for any text"`
	MinSize     stack.Size `stack:"min-size" default:"1KiB" min:"1" max:"1GiB" doc:"length from which a body is encoded, where it is known"`
	GzipLevel   int        `stack:"gzip-level" default:"6" min:"1" max:"9" doc:"how hard gzip tries"`
	BrotliLevel int        `stack:"br-level" default:"4" min:"1" max:"11" doc:"how hard br tries"`
	ZstdLevel   int        `stack:"zstd-level" default:"2" min:"1" max:"4" doc:"how hard zstd tries"`
}

// About implements stack.Layer.
func (Compress) About() stack.About {
	return stack.About{Name: "compress", Doc: "encodes replies with gzip, br or zstd as the client accepts it (RFC 9110 section 12.5.3)", Allocs: 1}
}

// Check implements stack.Checker.
func (c Compress) Check() error {
	for i, name := range c.Encodings {
		if _, err := newCoding(name, c.level(name)); err != nil {
			return fmt.Errorf("encodings: %w; there are zstd, br and gzip", err)
		}
		if slices.Contains(c.Encodings[:i], name) {
			return fmt.Errorf("encodings: %q is listed twice", name)
		}
	}
	for _, t := range c.Types {
		if strings.Count(t, "*") > 1 || strings.Count(t, "/") != 1 || strings.ContainsAny(t, ";,") {
			return fmt.Errorf("types: %q is no media type, as \"text/html\" or \"text/*\"", t)
		}
	}
	return nil
}

func (c Compress) level(name string) int {
	return map[string]int{"gzip": c.GzipLevel, "br": c.BrotliLevel, "zstd": c.ZstdLevel}[name]
}

// keptByCompress are the fields that it has to know or changes.
var keptByCompress = []string{
	"Content-Type", "Content-Length", "Content-Encoding", "Content-Range", "Cache-Control", "ETag", "Vary", "Accept-Ranges", "Content-Digest", "Repr-Digest",
}

// Wrap implements stack.Layer.
func (c Compress) Wrap(next apps.App) (apps.App, error) {
	w := &compressing{names: c.Encodings, least: int64(c.MinSize)}
	for _, name := range c.Encodings {
		one, err := newCoding(name, c.level(name))
		if err != nil {
			return nil, err
		}
		w.codings = append(w.codings, one)
	}
	for _, t := range c.Types {
		before, after, wild := strings.Cut(t, "*")
		w.types = append(w.types, mediaType{before, after, wild})
	}
	w.next = reviewed(next, false, keptByCompress, w.edit)
	return w, nil
}

// compressing is the app of Compress.
type compressing struct {
	next    apps.App
	names   []string // of codings
	codings []*coding
	types   []mediaType
	least   int64
}

// Serve implements apps.App.
func (w *compressing) Serve(req apps.Request, res apps.Response) error {
	if choice, plain := negotiate(req.Header("Accept-Encoding"), w.names); choice == identity && !plain {
		res.SetHeader("Vary", "Accept-Encoding")
		return stack.Plain(res, 406, "no acceptable content coding; there are "+strings.Join(w.names, ", ")+"\n")
	}
	return w.next.Serve(req, res)
}

func (w *compressing) edit(r *review, _ apps.Response, a *stack.Answer) error {
	if a.Status == 304 {
		notModified(r)
		return nil
	}
	if !w.may(r, a) {
		return nil
	}
	r.set("Vary", varying(r.field("Vary"), "Accept-Encoding"))
	choice, plain := negotiate(r.Header("Accept-Encoding"), w.names)
	if choice == identity || r.Method() == "HEAD" || plain && r.length(a) >= 0 && r.length(a) < w.least {
		return nil
	}
	return encode(r, a, w.codings[choice], plain)
}

// may tells whether the reply is of a kind that is encoded for some clients.
func (w *compressing) may(r *review, a *stack.Answer) bool {
	switch a.Status {
	case 204, 205, 206:
		return false
	}
	return a.Status >= 200 && r.field("Content-Encoding") == "" && r.field("Content-Range") == "" &&
		!lists(r.field("Cache-Control"), "no-transform") && w.encodes(r.field("Content-Type"))
}

// encode encodes the answer. A whole body stays as it is if that makes it no shorter and the
// client takes it plain.
func encode(r *review, a *stack.Answer, c *coding, plain bool) error {
	if a.Body != nil {
		body, err := c.stream(a.Body)
		if err != nil {
			return err
		}
		a.Body = body
	} else {
		body, err := c.whole(a.Whole)
		if err != nil {
			return err
		}
		if plain && len(body) >= len(a.Whole) {
			return nil
		}
		a.Whole = body
	}
	r.set("Content-Encoding", c.name)
	r.set("ETag", weak(r.field("ETag")))
	r.take("Content-Length", "Accept-Ranges", "Content-Digest", "Repr-Digest") // which were of the plain body
	return nil
}

// notModified has a 304 tell what the reply told that the client has (RFC 9110 section 15.4.5):
// whether that was encoded shows in the tag that the client asks with.
func notModified(r *review) {
	r.set("Vary", varying(r.field("Vary"), "Accept-Encoding"))
	if tag := r.field("ETag"); tag != "" && slices.Contains(slices.Collect(tags(r.Header("If-None-Match"))), weak(tag)) {
		r.set("ETag", weak(tag))
	}
}

// mediaType is a media type, in which a * stands for any text.
type mediaType struct {
	before, after string
	wild          bool
}

func (w *compressing) encodes(contentType string) bool {
	bare, _, _ := strings.Cut(contentType, ";")
	bare = strings.Trim(bare, " \t")
	for _, t := range w.types {
		n := len(t.before) + len(t.after)
		if (len(bare) == n || t.wild && len(bare) > n) && strings.EqualFold(bare[:len(t.before)], t.before) && strings.EqualFold(bare[len(bare)-len(t.after):], t.after) {
			return true
		}
	}
	return false
}
