// Package apps is the contract between HTTP servers and the test apps they
// carry: what WSGI (PEP 3333) is to Python's servers, this package is to the
// engines measured here. An engine that carries it serves every app, and every
// app runs unchanged on every engine.
//
// The contract is deliberately not net/http.Handler. A Handler pushes its body
// into a writer, which engines that send the reply after the handler returned
// can only serve with a goroutine and a pipe per request; that cost would decide
// the comparison. Here, as in WSGI, bodies are pulled: the app answers with a
// whole body or with an iterator of blocks, and the server pulls the blocks.
//
// # Duties of the server
//
//	S1  Calls App.Serve once per request, from any goroutine, many at a time. No
//	    value of a field that it hands out has a CR, LF or NUL in it (RFC 9110
//	    section 5.5).
//	S2  Keeps Request and Response valid until Serve returned and, when the app
//	    answered with Stream, until the Body was closed. Strings and slices that
//	    Request hands out live no longer than that.
//	S3  Bounds Request.Body by the request's framing: io.EOF at Content-Length
//	    or after the last chunk, never a byte of the next request
//	    (RFC 9112 section 6). Chunked requests are decoded, and an end or a
//	    chunk that is not as it should be is an error, never another body.
//	S4  Sends no header before Reply, the first non-empty block, or the body's end.
//	S5  Sends each block of a Stream before it asks for the next one, without
//	    waiting for more (PEP 3333, "Buffering and Streaming").
//	S6  Calls Body.Close exactly once for every Stream, also after an error of
//	    Next, a lost client or a panic; Next is never called after Close.
//	S7  Frames the reply: a Content-Length set by the app is kept and the body is
//	    cut at it; a shorter body closes the connection so that the client sees
//	    the failure. A Reply without one gets one, and one that contradicts the
//	    body of a Reply may be corrected instead. A Stream without one is sent
//	    chunked, or until close to an HTTP/1.0 client (RFC 9112 section 6.3).
//	S8  Sends no body for HEAD, 1xx, 204 and 304 (RFC 9110 section 9.3.2, 15).
//	S9  Answers 500, without the headers the app had set, when Serve returned an
//	    error, panicked or did not answer, also if it did so after an answer that
//	    was not sent yet. Cuts the connection when a Body fails after headers were
//	    sent, so that a failure never looks like a complete reply; before that it
//	    does either.
//	S10 Leaves the connection usable or closes it when the app did not read the
//	    whole request body (RFC 9112 section 9.3).
//	S11 Answers "Expect: 100-continue" no later than the first read of the body
//	    (RFC 9110 section 10.1.1).
//	S12 Adds Date (RFC 9110 section 6.6.1); owns Connection, Transfer-Encoding
//	    and every other hop-by-hop field.
//	S13 Stops gracefully when its context ends: accepts no more connections,
//	    finishes requests in flight, returns within the grace it was given.
//	S14 Drains when its listener is stopped before: accepts no more connections,
//	    ends each connection with its next reply, which says so by "Connection:
//	    close" (RFC 9112 section 9.6), and leaves connections alone that ask for
//	    none. It tells the listener of each connection that has ended.
//	S15 Sends one field of a name, with the value that was set last, but for Set-Cookie:
//	    each one that was set is a field of its own, in their order. It is the one field
//	    whose values can't be joined to a list (RFC 9110 section 5.3).
//	S16 Tells by Request.Peer who is at the other end of the connection, and not who a field
//	    of the request names.
//
// # Duties of the app
//
//	A1  Is safe for concurrent use, and keeps no state in a thread or goroutine.
//	A2  Answers exactly once: Reply, Stream, File, or an error from Serve. A second
//	    answer is ErrAnswered.
//	A3  Sets header fields before it answers; none that belongs to the server
//	    (Connection, Transfer-Encoding, Keep-Alive, Upgrade, TE, Trailer).
//	A4  Does not change a body it gave to Reply, which may be sent after Serve
//	    returned, nor a block it returned from Next before the following call of
//	    Next or Close.
//	A5  Keeps no Request, Response, header value or path after S2 has ended.
//	A6  A Content-Length that it sets is the number of bytes it sends.
//	A7  Reads the request body only inside Serve, or inside Next of its Stream.
//	A8  Lets Next return io.EOF at the end, alone, with no block.
//
// # Optional parts
//
// A Response may implement FileReplier, if its server has a way of its own to send
// a file; apps that answer with a file use it where it is there.
//
// An App may implement Starter and Stopper; a failed Start keeps the server from
// becoming ready (as ASGI's lifespan does). Request.Context is cancelled at the
// latest when the request is over; whether it is cancelled as soon as the client
// went away is a capability that servers declare.
package apps
