// Package http1test has replies, right and wrong in their framing, and what becomes of
// each, for the tests of all that read replies.
package http1test

import "strings"

// MaxHead is how many bytes of a head are read.
const MaxHead = 64 << 10

// Reply is a reply after which the connection ends.
type Reply struct {
	Name string
	Text string
	Head bool // to HEAD
	// What becomes of it: the cause of its fault, or the rest.
	Fault  string
	Status int
	Body   string
	Close  bool // the connection ends with it
}

// Cut is the fault of a reply that is not whole.
const Cut = "connection ended before the whole reply"

const long = "head, trailer or chunk line of more than 64 KiB"

// Replies are replies of all sorts.
func Replies() []Reply { return replies }

var replies = []Reply{
	{Name: "sized", Text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Status: 200, Body: "hello"},
	{Name: "sized, odd case and space", Text: "HTTP/1.1 200 OK\r\ncOnTent-lEngth:5\t \r\n\r\nhello", Status: 200, Body: "hello"},
	{Name: "same length twice", Text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", Status: 200, Body: "hello"},
	{Name: "same length in other digits", Text: "HTTP/1.1 200 OK\r\nContent-Length: 05\r\nContent-Length: 5\r\n\r\nhello", Status: 200, Body: "hello"},
	{Name: "empty", Text: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Status: 200},
	{Name: "no reason", Text: "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", Status: 200},
	{Name: "no reason, no space", Text: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", Status: 200},
	{Name: "close", Text: "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 1\r\n\r\nx", Status: 200, Body: "x", Close: true},
	{Name: "until close", Text: "HTTP/1.1 200 OK\r\n\r\nhello", Status: 200, Body: "hello", Close: true},
	{Name: "1.0", Text: "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", Status: 200, Body: "x", Close: true},
	{Name: "1.0 keep-alive", Text: "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", Status: 200, Body: "x"},
	{Name: "204", Text: "HTTP/1.1 204 No Content\r\n\r\n", Status: 204},
	{Name: "304 with length", Text: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Status: 304},
	{Name: "HEAD", Head: true, Text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Status: 200},
	{Name: "HEAD chunked", Head: true, Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Status: 200},
	{Name: "interim", Text: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", Status: 200, Body: "x"},
	{Name: "chunked", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", Status: 200, Body: "hello!"},
	{Name: "chunked, extensions and trailer", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0005;a=b\r\nhello\r\nA ;c=\"d\"\r\n0123456789\r\n0;e\r\nSum: 1\r\nX:\r\n\r\n", Status: 200, Body: "hello0123456789"},

	{Name: "nothing", Text: "", Fault: Cut},
	{Name: "cut head", Text: "HTTP/1.1 200 OK\r\nContent-Len", Fault: Cut},
	{Name: "cut body", Text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", Fault: Cut},
	{Name: "cut chunks", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Fault: Cut},
	{Name: "cut trailer", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", Fault: Cut},

	{Name: "version", Text: "HTTP/2.0 200 OK\r\n\r\n", Fault: "bad status line"},
	{Name: "version 1.2", Text: "HTTP/1.2 200 OK\r\n\r\n", Fault: "bad status line"},
	{Name: "no HTTP", Text: "220 mail ESMTP\r\n\r\n", Fault: "bad status line"},
	{Name: "status", Text: "HTTP/1.1 20x OK\r\n\r\n", Fault: "bad status line"},
	{Name: "status too long", Text: "HTTP/1.1 2000 OK\r\n\r\n", Fault: "bad status line"},
	{Name: "status too low", Text: "HTTP/1.1 099 OK\r\n\r\n", Fault: "bad status line"},
	{Name: "bare LF", Text: "HTTP/1.1 200 OK\nContent-Length: 0\n\n", Fault: "line does not end in CRLF"},
	{Name: "bare CR", Text: "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", Fault: "bad header field"},
	{Name: "bare CR in the status line", Text: "HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n", Fault: "bad status line"},
	{Name: "bare LF in a field", Text: "HTTP/1.1 200 OK\r\nContent-Length: 0\nA: b\r\n\r\n", Fault: "line does not end in CRLF"},
	{Name: "bare LF in chunks", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n", Fault: "line does not end in CRLF"},
	{Name: "folded", Text: "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 1\r\n\r\nx", Status: 200, Body: "x"},
	{Name: "folded length", Text: "HTTP/1.1 200 OK\r\nContent-Length:\r\n\t 1\r\n\r\nx", Status: 200, Body: "x"},
	{Name: "folded coding", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: \r\n \r\n chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n", Status: 200},
	{Name: "folded bare LF", Text: "HTTP/1.1 200 OK\r\nA: b\n c\r\n\r\n", Fault: "line does not end in CRLF"},
	{Name: "folded with tabs and empty lines", Text: "HTTP/1.1 200 OK\r\nA: b \t\r\n\t\r\n \tc\r\nContent-Length: 0\r\n\r\n", Status: 200},
	{Name: "folded bare CR", Text: "HTTP/1.1 200 OK\r\nA: b\r \r\n c\r\nContent-Length: 0\r\n\r\n", Fault: "bad header field"},
	{Name: "folded status line", Text: "HTTP/1.1 200 OK\r\n A: b\r\n\r\n", Fault: "bad header field"},
	{Name: "space before colon", Text: "HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nx", Fault: "bad header field"},
	{Name: "no colon", Text: "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n", Fault: "bad header field"},
	{Name: "NUL", Text: "HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n", Fault: "bad header field"},
	{Name: "DEL", Text: "HTTP/1.1 200 OK\r\nA: \x7f\r\n\r\n", Fault: "bad header field"},
	{Name: "other than ASCII", Text: "HTTP/1.1 200 \xc3\xb6\r\nA: \xfc\r\nContent-Length: 0\r\n\r\n", Status: 200},
	{Name: "no name", Text: "HTTP/1.1 200 OK\r\n: b\r\n\r\n", Fault: "bad header field"},
	{Name: "odd name", Text: "HTTP/1.1 200 OK\r\nA(b): c\r\n\r\n", Fault: "bad header field"},
	{Name: "length sign", Text: "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", Fault: "bad Content-Length"},
	{Name: "length empty", Text: "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", Fault: "bad Content-Length"},
	{Name: "length list", Text: "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello", Fault: "bad Content-Length"},
	{Name: "length overflow", Text: "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n", Fault: "bad Content-Length"},
	{Name: "lengths differ", Text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", Fault: "bad Content-Length"},
	{Name: "length and chunked", Text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Fault: "Content-Length and Transfer-Encoding"},
	{Name: "length 0 and chunked", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", Fault: "Content-Length and Transfer-Encoding"},
	{Name: "no coding", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello", Fault: "bad Transfer-Encoding"},
	{Name: "empty coding", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\nhello", Fault: "bad Transfer-Encoding"},
	{Name: "other coding", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Fault: "bad Transfer-Encoding"},
	{Name: "chunked twice", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Fault: "bad Transfer-Encoding"},
	{Name: "1.0 chunked", Text: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Fault: "bad Transfer-Encoding"},
	{Name: "101", Text: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", Fault: "101 without a request to upgrade"},
	{Name: "chunk size", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n", Fault: "bad chunk"},
	{Name: "chunk size sign", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n", Fault: "bad chunk"},
	{Name: "chunk extension with NUL", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;\x00\r\nhello\r\n", Fault: "bad chunk"},
	{Name: "chunk size empty", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n;a\r\n", Fault: "bad chunk"},
	{Name: "chunk size overflow", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8000000000000000\r\n", Fault: "bad chunk"},
	{Name: "chunk end", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", Fault: "bad chunk"},
	{Name: "trailer", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n", Fault: "bad header field"},
	{Name: "long line", Text: "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", MaxHead) + "\r\n\r\n", Fault: long},
	{Name: "long head", Text: "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", MaxHead/6) + "\r\n", Fault: long},
	{Name: "head of 64 KiB", Text: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: " + strings.Repeat("x", MaxHead-43) + "\r\n\r\n", Status: 200},
	{Name: "long trailer", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("A: b\r\n", MaxHead/6+1) + "\r\n", Fault: long},
	{Name: "interim for ever", Text: strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", MaxHead/25+1), Fault: long},
	{Name: "trailing", Text: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy", Fault: "bytes after the reply"},
	{Name: "trailing 204", Text: "HTTP/1.1 204 OK\r\n\r\nx", Fault: "bytes after the reply"},
	{Name: "trailing HEAD", Head: true, Text: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", Fault: "bytes after the reply"},
	{Name: "trailing chunked", Text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\r\n", Fault: "bytes after the reply"},
}
