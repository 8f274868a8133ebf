package conform

import (
	"errors"
	"fmt"
	"net/http"
)

// Malformed framing of requests: what delimits a body, wrong or ambiguous.

// echoing is a request to the app "echo" with those lines among its fields.
func echoing(lines, body string) string {
	return "POST /echo HTTP/1.1\r\nHost: {host}\r\n" + lines + "\r\n\r\n" + body
}

// ignoring is a request to an app that leaves the body unread.
func ignoring(lines, body string) string {
	return "POST /status?code=200 HTTP/1.1\r\nHost: {host}\r\n" + lines + "\r\n\r\n" + body
}

// chunks is a request with a body of chunks.
func chunks(body string) string { return echoing("Transfer-Encoding: chunked", body) }

// chunksOf5 is the body "hello" in one chunk, and the last chunk.
const chunksOf5 = "5\r\nhello\r\n0\r\n\r\n"

// encoded is a request with that Transfer-Encoding, and the body "hello" in chunks.
func encoded(value string) string { return echoing("Transfer-Encoding: "+value, chunksOf5) }

// sized is a request with that Content-Length, and "hello" as what may be its body.
func sized(value string) string { return ignoring("Content-Length: "+value, "hello") }

// cutLength is a body shorter than its length.
func cutLength() variant {
	return variant{name: "5 of 10 bytes of a body", text: uploading("Content-Length: 10", "hello"), cut: true}
}

// cutChunks are bodies in chunks that end before the last one is there.
func cutChunks() []variant {
	var all []variant
	for _, c := range []struct{ where, body string }{
		{"before the first chunk", ""},
		{"within a chunk", "a\r\nhello"},
		{"between chunks", "5\r\nhello\r\n"},
		{"within a chunk's size", "5\r\nhello\r\n1"},
		{"after a chunk's data", "5\r\nhello"}, // the last, as there are servers that answer nobody after it
	} {
		all = append(all, variant{name: "cut " + c.where, text: uploading("Transfer-Encoding: chunked", c.body)})
	}
	return whenCut(all)
}

// cutTrailers are bodies that end at or after the zero of the last chunk.
func cutTrailers() []variant {
	var all []variant
	for _, c := range []struct{ where, body string }{
		{"within the last chunk", "5\r\nhello\r\n0"},
		{"before the empty line", "5\r\nhello\r\n0\r\n"},
		{"within the empty line", "5\r\nhello\r\n0\r\n\r"},
		{"after a field of the trailer", "5\r\nhello\r\n0\r\nX-Field: value\r\n"},
	} {
		all = append(all, variant{name: "cut " + c.where, text: uploading("Transfer-Encoding: chunked", c.body)})
	}
	return whenCut(all)
}

// uploading is a request to an app that answers when it has read the whole body.
func uploading(lines, body string) string {
	return "POST /upload HTTP/1.1\r\nHost: {host}\r\n" + lines + "\r\n\r\n" + body
}

func whenCut(all []variant) []variant {
	for i := range all {
		all[i].cut = true
	}
	return all
}

// takenOrOpen wants a request refused and the connection closed.
func takenOrOpen(a answer) error {
	if err := notRefused(a); err != nil || a.err != nil {
		return err
	}
	return a.endsWithin(a.wait)
}

// badChunks are bodies that are no chunks (RFC 9112 section 7.1). With each goes the
// body that a reader sees who makes the best of it, where that is clear.
func badChunks() []variant {
	sizes := quoted("chunk size", func(size string) string { return chunks(size + "\r\nhe\r\n0\r\n\r\n") },
		"", "2x", "0x2", "+2", "0_2", " 2", "2 3", "2\x00", "2;a\x00b", "2;a\rb")
	ends := []variant{
		{name: "a chunk size before LF alone", text: chunks("2\nhe\r\n0\r\n\r\n")},
		{name: "a chunk extension before LF alone", text: chunks("2;a\nhe\r\n0\r\n\r\n")},
		{name: "chunk data before LF alone", text: chunks("2\r\nhe\n0\r\n\r\n")},
	}
	for _, some := range [][]variant{sizes[1:], ends} {
		for i := range some {
			some[i].body = "he"
		}
	}
	return append(append(sizes, ends...),
		variant{name: "a chunk extension before CR alone", text: chunks("2;\rhe\r\n0\r\n\r\n")},
		variant{name: "5 bytes in a chunk of 3", text: chunks("3\r\nhello\r\n0\r\n\r\n")},
		variant{name: "5 bytes in a chunk of 7", text: chunks("7\r\nhello\r\n0\r\n\r\n")},
		// The last, as there are servers that answer nobody after it.
		variant{name: `chunk size "-2"`, text: chunks("-2\r\nhe\r\n0\r\n\r\n")})
}

func badTrailers() []variant {
	return quoted("line", func(line string) string { return chunks("2\r\nhe\r\n0\r\n" + line + "\r\n\r\n") },
		"X-Field", ": value", "X-Field : value", "X-Field: a\x00b", "X-F\x00ld: value")
}

func badLengths() []variant {
	return quoted("Content-Length", sized, "", "-5", "+5", "0x5", "0_5", "5x", "5 5", "5.0", "\"5\"")
}

// hugeLengths are 5 where numbers have 64 bits.
func hugeLengths() []variant {
	return whenCut(quoted("Content-Length", func(n string) string { return uploading("Content-Length: "+n, "hello") },
		"18446744073709551621", "36893488147419103237"))
}

// checkLengthList says one length in several ways: twice, which may be refused (RFC
// 9110 section 8.6), and between white space, which is no part of it (section 5.5).
func checkLengthList(p *probe) error {
	twice := quoted("Content-Length", func(n string) string { return echoing("Content-Length: "+n, "hello") }, "5, 5", "5\r\nContent-Length: 5")
	within := quoted("Content-Length", func(n string) string { return echoing("Content-Length:"+n, "hello") }, "5", "  5", "\t5", "5 \t")
	return errors.Join(p.try(neither, as("hello", twice)...), p.try(notTaken, as("hello", within)...))
}

// as has the app see body in all variants.
func as(body string, all []variant) []variant {
	for i := range all {
		all[i].body = body
	}
	return all
}

// checkEncodingList has chunked as the one element of a list in which others are empty
// (RFC 9110 section 5.6.1.2), and in another case (RFC 9112 section 7).
func checkEncodingList(p *probe) error {
	return p.try(neither, as("hello", quoted("Transfer-Encoding", encoded, ",chunked", "chunked,", " , chunked , ", "Chunked", "CHUNKED"))...)
}

// checkBadEncodings makes it unclear where the body ends, as chunked isn't the last
// encoding. Where there is no app that leaves a body alone, it takes one that does not
// answer before it has read the body.
func checkBadEncodings(p *probe) error {
	to := ignoring
	if !p.carries("status") {
		to = uploading
	}
	return p.try(notClosed(400, 501), quoted("Transfer-Encoding", func(value string) string { return to("Transfer-Encoding: "+value, chunksOf5) },
		"chunked, gzip", "identity", "xchunked", "chunkedx", "brew", "\"chunked\"", "\x0bchunked", "chunked\x0c")...)
}

// oddEncodings end with chunked, and are wrong.
func oddEncodings() []variant {
	return quoted("Transfer-Encoding", encoded, "chunked;q=1", "chunked, chunked", "chunked\r\nTransfer-Encoding: chunked")
}

// checkBodyEnd sends something behind a body: requests, and what is none.
func checkBodyEnd(p *probe) error {
	return errors.Join(
		p.try(followedBy(notHello),
			variant{name: "a request after a body of 0 bytes", text: echoing("Content-Length: 0", hidden)},
			variant{name: "a request after a body of 5 bytes", text: echoing("Content-Length: 5", "hello"+hidden), body: "hello"},
			variant{name: "a request after chunks", text: chunks(chunksOf5 + hidden), body: "hello"}),
		p.try(followedBy(taken),
			variant{name: "3 bytes after a body of 2", text: echoing("Content-Length: 2", "hello\r\n\r\n"), body: "he"}))
}

// followedBy makes what wants the variant's body back, or a refusal, and then an answer
// to what came after it that wrong finds nothing in. A server may close the connection
// before that (RFC 9112 section 9.5).
func followedBy(wrong func(answer) error) func(answer) error {
	return func(a answer) error {
		if err := neither(a); err != nil || !a.whole() || a.res.Close {
			return err
		}
		a.within(a.wait)
		a.res, a.err = a.read(http.MethodGet)
		if errors.Is(a.err, errNoReply) {
			return nil
		}
		if err := wrong(a); err != nil {
			return fmt.Errorf("the reply to what came after the body: %w", err)
		}
		return nil
	}
}
