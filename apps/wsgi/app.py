"""The test apps of benchctl for WSGI servers (PEP 3333).

Twins of the Go apps in apps/suite: the same status, body, Content-Type,
Content-Length and texts of errors, byte for byte. Python 3.9, standard library.

The environment variable BENCHCTL_APP mounts one app alone, by its name.
"""

import json
import os
import time
from http import HTTPStatus

PERIOD = 4093  # bytes after which the pattern repeats; a prime
BLOCK = 64 << 10  # most of the pattern in one block, bytes
ECHO_BLOCK = 32 << 10  # most of a request body read at once, bytes
TEXT = "text/plain"
BYTES = "application/octet-stream"


class Wrong(Exception):
    """The request is wrong; its text is the reply's."""


def make_pattern():
    """The pattern that bodies are cut from: see apps/suite/pattern.go."""
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    period, x = bytearray(), 1
    for _ in range(PERIOD):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        period.append(letters[x >> 26])
    return bytes(period) * (BLOCK // PERIOD + 2)


PATTERN = make_pattern()


def block(offset, length):
    start = offset % PERIOD
    return PATTERN[start : start + length]


# The apps. Each takes the values of its parameters, the WSGI environment and a
# list of header fields to add to; it returns the body as bytes or an iterator.


def hello(values, environ, headers):
    headers.append(("Content-Type", TEXT))
    return b"Hello, World!"


def to_json(values, environ, headers):
    headers.append(("Content-Type", "application/json"))
    return json.dumps({"message": "Hello, World!"}, separators=(",", ":")).encode()


def echo(values, environ, headers):
    headers.append(("Content-Type", BYTES))
    length = request_length(environ)
    if length is not None:
        headers.append(("Content-Length", str(length)))
    return request_blocks(environ["wsgi.input"], length)


def request_length(environ):
    """The length of the request's body, None if it has no length but an end."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length:
        return int(length)
    if "chunked" not in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        return 0
    if not environ.get("wsgi.input_terminated"):
        raise Wrong("the server does not tell where a chunked body ends")
    return None


def request_blocks(source, length):
    while length is None or length > 0:
        data = source.read(ECHO_BLOCK if length is None else min(length, ECHO_BLOCK))
        if not data and length is None:
            return
        if not data:
            raise EOFError("request body: %d bytes are missing" % length)
        if length is not None:
            length -= len(data)
        yield data


def size(values, environ, headers):
    (length,) = values
    headers.append(("Content-Type", TEXT))
    if length <= BLOCK:
        return block(0, length)
    headers.append(("Content-Length", str(length)))
    return (block(at, min(length - at, BLOCK)) for at in range(0, length, BLOCK))


def stream(values, environ, headers):
    headers.append(("Content-Type", TEXT))
    return stream_chunks(*values)


def stream_chunks(chunks, length, ms):
    for i in range(chunks):
        if i and ms:
            time.sleep(ms / 1000)
        yield block(i * length, length)


def sleep(values, environ, headers):
    time.sleep(values[0] / 1000)
    headers.append(("Content-Type", TEXT))
    return b"slept\n"


def cpu(values, environ, headers):
    end = time.thread_time_ns() + values[0] * 1000
    x = 1
    while time.thread_time_ns() < end:
        for _ in range(10):
            x = x * 1103515245 + 12345 & 0x7FFFFFFF
    headers.append(("Content-Type", TEXT))
    return b"burned\n"


def fields(values, environ, headers):
    (count,) = values
    headers.append(("Content-Type", TEXT))
    for i in range(count):
        value = environ.get("HTTP_X_BENCH_%d" % i)
        if value:
            headers.append(("X-Reply-%d" % i, value))
    return b"%d\n" % count


# name: app, methods, parameters as (name, default, least, most)
APPS = {
    "hello": (hello, ("GET", "HEAD"), ()),
    "json": (to_json, ("GET", "HEAD"), ()),
    "echo": (echo, ("POST",), (("bytes", 1024, 1, 4 << 20),)),
    "size": (size, ("GET", "HEAD"), (("bytes", 10000, 1, 100000000),)),
    "stream": (
        stream,
        ("GET", "HEAD"),
        (("chunks", 8, 1, 1000), ("bytes", 1024, 1, BLOCK), ("ms", 0, 0, 1000)),
    ),
    "sleep": (sleep, ("GET", "HEAD"), (("ms", 10, 0, 60000),)),
    "cpu": (cpu, ("GET", "HEAD"), (("us", 100, 0, 10000000),)),
    "headers": (fields, ("GET", "HEAD"), (("count", 20, 0, 90),)),
}


def mounted(name):
    """The apps by path: the one named (its parameters are ignored), or all."""
    name = name.partition("?")[0]
    if name and name not in APPS:
        raise LookupError("BENCHCTL_APP: unknown app %r" % name)
    return {"/" + n: (n,) + APPS[n] for n in APPS if name in ("", n)}


ROUTES = mounted(os.environ.get("BENCHCTL_APP", ""))


def application(environ, start_response):
    """The WSGI application."""
    headers = []
    try:
        status, body = answer(environ, headers)
    except Wrong as wrong:
        headers[:] = [("Content-Type", TEXT)]
        status, body = 400, str(wrong).encode("latin-1") + b"\n"
    if isinstance(body, bytes):
        headers.append(("Content-Length", str(len(body))))
        body = [body]
    start_response("%d %s" % (status, HTTPStatus(status).phrase), headers)
    if environ["REQUEST_METHOD"] == "HEAD":
        return iter((b"",))  # of unknown length: servers must not make one of it
    return body


def answer(environ, headers):
    route = ROUTES.get(environ.get("PATH_INFO", ""))
    if route is None:
        headers.append(("Content-Type", TEXT))
        return 404, b"not found\n"
    name, app, methods, params = route
    if environ["REQUEST_METHOD"] not in methods:
        headers.append(("Allow", ", ".join(methods)))
        headers.append(("Content-Type", TEXT))
        return 405, b"method not allowed\n"
    values = arguments(name, params, environ.get("QUERY_STRING", ""))
    return 200, app(values, environ, headers)


# Parameters: see apps/suite/params.go.


def arguments(app, params, query):
    """The values of an app's parameters, in their order."""
    values = {name: default for name, default, _, _ in params}
    if not query:
        return tuple(values.values())
    seen = set()
    for pair in query.split("&"):
        key, _, text = pair.partition("=")
        if key not in values:
            raise Wrong(unknown(app, key, list(values)))
        _, _, least, most = next(p for p in params if p[0] == key)
        value = number(text)
        if value is None or not least <= value <= most:
            raise Wrong(
                'app %s: parameter "%s" is %s: a whole number from %d to %d is needed'
                % (app, key, quote(text), least, most)
            )
        if key in seen:
            raise Wrong('app %s: parameter "%s" is given twice' % (app, key))
        seen.add(key)
        values[key] = value
    return tuple(values.values())


def unknown(app, key, names):
    said = "app %s: unknown parameter %s: " % (app, quote(key))
    if not names:
        return said + "it takes none"
    near = nearest(key, names)
    if near:
        return said + 'did you mean "%s"?' % near
    return said + "known are " + ", ".join(names)


def number(text):
    """The value of decimal digits, None if it is none or has too many."""
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0")
    return int(digits or "0") if len(digits) < 19 else None


def quote(text):
    """Printable ASCII in quotes, other bytes as \\xNN, no more than 40 of them."""
    out = ""
    for c in text[:40]:
        if c in '"\\':
            out += "\\" + c
        else:
            out += c if " " <= c <= "~" else "\\x%02x" % ord(c)
    return '"%s%s"' % (out, "..." if len(text) > 40 else "")


# The nearest name: see apps/nearest.


def nearest(word, names):
    if not word or len(word) > 64:
        return None
    best, least = None, 2 + len(word) // 4
    for name in names:
        d = distance(word, name)
        if d < least and d < len(name):
            best, least = name, d
    if best is None and len(word) > 1:
        best = next((name for name in names if name.startswith(word)), None)
    return best


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        diagonal, row[0] = row[0], i + 1
        for j, y in enumerate(b):
            cost = diagonal if x == y else 1 + min(diagonal, row[j], row[j + 1])
            diagonal, row[j + 1] = row[j + 1], cost
    return row[-1]
