"""The test apps of benchctl for WSGI servers (PEP 3333).

Twins of the Go apps in apps/suite: the same status, body, Content-Type,
Content-Length and texts of errors, byte for byte. The module asgi makes an application
for ASGI servers of them.

The environment variable BENCHCTL_APP mounts one app alone, by its name. BENCHCTL_IDS
names a file for the ids of the requests to the app ident.
"""

import gzip
import hashlib
import hmac
import json
import os
import tempfile
import time

from .answer import given, status_line
from .nearest import hint

PERIOD = 4093  # bytes after which the pattern repeats; a prime
BLOCK = 64 << 10  # most of the pattern in one block, bytes
ECHO_BLOCK = 32 << 10  # most of a request body read at once, bytes
TEXT = "text/plain"
HTML = "text/html; charset=utf-8"
BYTES = "application/octet-stream"


class Failed(Exception):
    """The app fails, as it was asked to."""


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
# list of header fields to add to; it returns the body as bytes or an iterator, and
# before it the status, if that is not 200.


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
    return stream_chunks(environ, *values)


def stream_chunks(environ, chunks, length, ms):
    for i in range(chunks):
        if i and ms:
            pause(environ, ms / 1000)
        yield block(i * length, length)


def pause(environ, seconds):
    """Wait, or fail at the deadline of the layer timeout, if that comes before."""
    left = environ.get("benchctl.left")
    if left is None or seconds < left():
        time.sleep(seconds)
        return
    time.sleep(max(0, left()))
    raise TimeoutError("the deadline came before the end of a wait")


def sleep(values, environ, headers):
    pause(environ, values[0] / 1000)
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


SESSION_KEY = b"benchctl session key"
SESSION_ATTRIBUTES = "; Path=/; HttpOnly; SameSite=Lax"
MAX_VISITS = 1000000000


def session(values, environ, headers):
    visits = visits_of(environ.get("HTTP_COOKIE", "")) + 1
    headers.append(("Content-Type", TEXT))
    text = str(visits)
    cookie = "session=%s.%s%s" % (text, signature(text), SESSION_ATTRIBUTES)
    headers.append(("Set-Cookie", cookie))
    return b"visits %d\n" % visits


def signature(text):
    return hmac.new(SESSION_KEY, text.encode("latin-1"), "sha256").hexdigest()


def visits_of(cookies):
    for pair in cookies.split(";"):
        pair = pair.strip()
        if not pair.startswith("session="):
            continue
        text, _, signed = pair[len("session=") :].partition(".")
        n = number(text)
        if n is None or n >= MAX_VISITS:
            continue
        if hmac.compare_digest(signed.encode("latin-1"), signature(text).encode()):
            return n
    return 0


FORTUNES = (
    "fortune: No such file or directory",
    "A computer scientist is someone who fixes things that aren't broken.",
    "After enough decimal places, nobody gives a damn.",
    "A bad random number generator: 1, 1, 1, 1, 1, 4.33e+67, 1, 1, 1",
    "A computer program does what you tell it to do, not what you want it to do.",
    "Emacs is a nice operating system, but I prefer UNIX. \u2014 Tom Christaensen",
    "Any program that runs right is obsolete.",
    "A list is only as strong as its weakest link. \u2014 Donald Knuth",
    "Feature: A bug with seniority.",
    "Computers make very fast, very accurate mistakes.",
    '<script>alert("This should not be displayed in a browser alert box.");</script>',
    "\u30d5\u30ec\u30fc\u30e0\u30ef\u30fc\u30af\u306e"
    "\u30d9\u30f3\u30c1\u30de\u30fc\u30af",
)
FORTUNE_ROWS = 100
STORED = [
    (i, "%s #%d" % (FORTUNES[i % len(FORTUNES)], i)) for i in range(1, FORTUNE_ROWS)
]
# As Go's html/template escapes text in an element.
ESCAPES = str.maketrans(
    {
        "\0": "\ufffd",
        '"': "&#34;",
        "&": "&amp;",
        "'": "&#39;",
        "+": "&#43;",
        "<": "&lt;",
        ">": "&gt;",
    }
)


def template(values, environ, headers):
    rows = STORED + [(0, "Additional fortune added at request time.")]
    rows.sort(key=lambda row: row[1])
    parts = [
        "<!DOCTYPE html>\n",
        "<html><head><title>Fortunes</title></head><body><table>\n",
        "<tr><th>id</th><th>message</th></tr>\n",
    ]
    for i, message in rows:
        parts.append(
            "<tr><td>%d</td><td>%s</td></tr>\n" % (i, message.translate(ESCAPES))
        )
    parts.append("</table></body></html>\n")
    headers.append(("Content-Type", HTML))
    return "".join(parts).encode()


def static(name, size):
    """The app of a file, which is made next to this package if it isn't there."""
    package = os.path.dirname(os.path.abspath(__file__))
    path = os.path.join(os.path.dirname(package), name)

    def make():
        handle, new = tempfile.mkstemp(dir=os.path.dirname(path))
        with os.fdopen(handle, "wb") as f:
            for at in range(0, size, BLOCK):
                f.write(block(at, min(size - at, BLOCK)))
        os.replace(new, path)

    def app(values, environ, headers):
        headers.append(("Content-Type", BYTES))
        headers.append(("Content-Length", str(size)))
        try:
            f = open(path, "rb")
        except FileNotFoundError:
            make()
            f = open(path, "rb")
        wrapper = environ.get("wsgi.file_wrapper", FileBody)
        return wrapper(f, BLOCK)

    return app


class FileBody:
    """A file, block by block, for servers without wsgi.file_wrapper."""

    def __init__(self, f, length):
        self.f, self.length = f, length
        self.close = f.close

    def __iter__(self):
        return self

    def __next__(self):
        data = self.f.read(self.length)
        if not data:
            raise StopIteration
        return data


def upload(values, environ, headers):
    digest = hashlib.sha256()
    for data in request_blocks(environ["wsgi.input"], request_length(environ)):
        digest.update(data)
    headers.append(("Content-Type", TEXT))
    return digest.hexdigest().encode() + b"\n"


MAX_COMPRESSED = 1000000
PROSE = b"".join(
    b"%07d the quick brown fox jumps over the lazy dog, and is off.\n" % n
    for n in range(MAX_COMPRESSED // 64 + 1)
)


def compress(values, environ, headers):
    text = PROSE[: values[0]]
    headers.append(("Content-Type", TEXT))
    headers.append(("Vary", "Accept-Encoding"))
    if not takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
        return text
    headers.append(("Content-Encoding", "gzip"))
    return gzip.compress(text, 6, mtime=0)


def takes_gzip(accept):
    for one in accept.split(","):
        coding, _, weight = one.partition(";")
        if coding.strip().lower() == "gzip":
            weight = weight.replace(" ", "")
            return not weight.startswith("q=0") or any(c in weight for c in "123456789")
    return False


def error(values, environ, headers):
    (at,) = values
    if at == 1:
        raise Failed("failed on purpose")
    headers.append(("Content-Type", TEXT))
    if at == 2:
        return failing()
    if at in (3, 4):
        headers.append(("Content-Length", "4" if at == 3 else "10"))
        return iter((b"failed\n",))
    return 500, b"failed\n"


def failing():
    yield b"failed\n"
    raise Failed("failed on purpose")


def status(values, environ, headers):
    (code,) = values
    if code == 304:
        headers.append(("ETag", '"benchctl"'))
    if code in (204, 304):
        return code, None
    headers.append(("Content-Type", TEXT))
    return code, b"status %d\n" % code


def ziade(values, environ, headers):
    ms, steps = values
    x = generate(steps)
    pause(environ, ms / 1000)
    write_and_remove(block(0, 1024))
    headers.append(("Content-Type", TEXT))
    return b"%d\n" % x


def generate(steps):
    x = 1
    for _ in range(steps):
        x = x * 1103515245 + 12345 & 0x7FFFFFFF
    return x


def write_and_remove(content):
    handle, path = tempfile.mkstemp(prefix="benchctl-ziade-")
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(content)
    finally:
        os.remove(path)


BORN = time.time_ns()


def ident(values, environ, headers):
    for _ in request_blocks(environ["wsgi.input"], request_length(environ)):
        pass
    return identified(environ, headers)


def identified(environ, headers):
    """The reply of ident, once the body has come. The id is noted before."""
    asked = environ.get("HTTP_X_REQUEST_ID", "")
    known = asked.isascii() and asked.isdigit() and len(asked) <= 20
    if known and IDS is not None:
        os.write(IDS, asked.encode() + b"\n")  # once: lines of processes do not mix
    headers.append(("Content-Type", TEXT))
    name = asked if known else "-"
    return b"%s %d %d\n" % (name.encode(), os.getpid(), BORN)


def open_ids(path):
    """The file for ids, which several processes may have open; None if there is none."""
    if not path:
        return None
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)


# The notes of "watch" lie in a file, as the request that asks for them may reach
# another process.


def watch(values, environ, headers):
    headers.append(("Content-Type", TEXT))
    return Watched(environ, *values)


def watch_path(i):
    return os.path.join(tempfile.gettempdir(), "benchctl-watch-%d" % i)


class Watched:
    """A body that notes what happens to it: o opened, . a block, c closed."""

    def __init__(self, environ, i, chunks, ms):
        self.environ, self.path = environ, watch_path(i)
        self.chunks, self.ms, self.sent = chunks, ms, 0

    def note(self, event):
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_NOFOLLOW
        handle = os.open(self.path, flags, 0o600)
        try:
            os.write(handle, event)
        finally:
            os.close(handle)

    def __iter__(self):
        return self

    def __next__(self):
        if self.sent == self.chunks:
            raise StopIteration
        if self.sent:
            pause(self.environ, self.ms / 1000)
        return self.block()

    def block(self):
        self.note(b"." if self.sent else b"o")
        self.sent += 1
        return block((self.sent - 1) * 1024, 1024)

    def close(self):
        self.note(b"c")


def watched(values, environ, headers):
    headers.append(("Content-Type", TEXT))
    try:
        with open(watch_path(*values), "rb") as f:
            return f.read() + b"\n"
    except FileNotFoundError:
        return b"\n"


def seen(values, environ, headers):
    headers.append(("Content-Type", TEXT))
    return b"".join(
        b"%s: %s\n" % (name, environ.get(key, "").encode("latin-1").hex().encode())
        for name, key in ((b"Host", "HTTP_HOST"), (b"X-Bench-0", "HTTP_X_BENCH_0"))
    )


# What "validate" is for is the server, so it has no twin in Go.


def validate(values, environ, headers):
    """Tell whether the server breaks PEP 3333, by the validator of the library."""
    from wsgiref.validate import validator  # which nothing else needs

    try:
        # The validator wants them not to be there. PEP 3333 does not, and CGI leaves
        # it to the server (RFC 3875 section 4.1.18).
        environ.pop("HTTP_CONTENT_TYPE", None)
        environ.pop("HTTP_CONTENT_LENGTH", None)
        return validator(validated)(environ, lambda _, more: headers.extend(more))
    except Wrong:
        raise
    except Exception as broken:
        headers[:] = [("Content-Type", TEXT)]
        said = "%s: %s" % (type(broken).__name__, broken)
        return 500, said[:1000].encode("latin-1", "replace") + b"\n"


def validated(environ, start_response):
    """A WSGI application that uses what a server must offer, and sends the body back."""
    environ["wsgi.errors"].write("")
    environ["wsgi.errors"].flush()
    source, length = environ["wsgi.input"], request_length(environ)
    data = b"valid\n"
    if length != 0:  # but three lines or more: no server need know an end beyond them
        begin = source.readline() + b"".join(source.readlines(1))
        left = None if length is None else length - len(begin)
        data += begin + b"".join(request_blocks(source, left))
    start_response(
        "200 OK", [("Content-Type", TEXT), ("Content-Length", str(len(data)))]
    )
    return [data]


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
    "session": (session, ("GET", "HEAD"), (("visits", 1, 1, MAX_VISITS - 1),)),
    "template": (template, ("GET", "HEAD"), ()),
    "static-1k": (static("static-1k", 1 << 10), ("GET", "HEAD"), ()),
    "static-1m": (static("static-1m", 1 << 20), ("GET", "HEAD"), ()),
    "upload": (upload, ("POST",), (("bytes", 1 << 20, 1, 64 << 20),)),
    "compress": (compress, ("GET", "HEAD"), (("bytes", 10000, 1, MAX_COMPRESSED),)),
    "error": (error, ("GET", "HEAD"), (("at", 0, 0, 4),)),
    "status": (status, ("GET", "HEAD", "POST"), (("code", 204, 200, 599),)),
    "ziade": (
        ziade,
        ("GET", "HEAD"),
        (("ms", 100, 0, 60000), ("steps", 1000, 0, 10000000)),
    ),
    "ident": (ident, ("GET", "HEAD", "POST"), ()),
    "watch": (
        watch,
        ("GET", "HEAD"),
        (("id", 0, 0, 1000000000), ("chunks", 300, 1, 1000), ("ms", 10, 0, 1000)),
    ),
    "watched": (watched, ("GET", "HEAD"), (("id", 0, 0, 1000000000),)),
    "seen": (seen, ("GET", "HEAD"), ()),
}
# The mixes of apps/suite have no app of their own: their parts are mounted.
MIXES = {
    "mixed": (
        "hello", "json", "template", "session", "size", "static-1k", "compress", "upload",
    ),
}


def mounted(name):
    """The apps by path: those named (parameters are ignored), or all."""
    name = name.partition("?")[0]
    if name and name not in APPS and name not in MIXES:
        raise LookupError("BENCHCTL_APP: unknown app %r" % name)
    names = MIXES.get(name) or ((name,) if name else APPS)
    return {"/" + n: (n,) + APPS[n] for n in names}


ROUTES = mounted(os.environ.get("BENCHCTL_APP", ""))
IDS = open_ids(os.environ.get("BENCHCTL_IDS")) if "/ident" in ROUTES else None
WSGI_ROUTES = dict(ROUTES, **{"/validate": ("validate", validate, ("GET", "POST"), ())})


def application(environ, start_response):
    """The WSGI application of the apps, by their paths."""
    headers = []
    reply = answer(WSGI_ROUTES, environ, headers)
    return respond(environ, start_response, reply, headers)


def respond(environ, start_response, reply, headers):
    """Answer with an app's reply, by WSGI."""
    status, body = complete(reply, headers)
    start_response(status_line(status), headers)
    if isinstance(body, bytes):
        return given(environ, body)
    if environ["REQUEST_METHOD"] == "HEAD":
        if hasattr(body, "close"):
            body.close()
        return iter((b"",))  # of unknown length: servers must not make one of it
    return body if body is not None else []


def complete(reply, headers):
    """The status and body of an app's reply; a body of bytes gets its length."""
    status, body = reply if isinstance(reply, tuple) else (200, reply)
    if isinstance(body, bytes):
        headers.append(("Content-Length", str(len(body))))
    return status, body


def answer(routes, environ, headers):
    """The reply of the app that a request is for, or of none: 404, 405, 400."""
    route = routes.get(environ.get("PATH_INFO", ""))
    if route is None:
        headers.append(("Content-Type", TEXT))
        return 404, b"not found\n"
    return checked(*route, environ, headers)


def checked(name, app, methods, params, environ, headers):
    """The reply of an app to a request: 405 and 400, if method or parameters are wrong."""
    if environ["REQUEST_METHOD"] not in methods:
        headers.append(("Allow", ", ".join(methods)))
        headers.append(("Content-Type", TEXT))
        return 405, b"method not allowed\n"
    try:
        values = arguments(name, params, environ.get("QUERY_STRING", ""))
        return app(values, environ, headers)
    except Wrong as wrong:
        headers[:] = [("Content-Type", TEXT)]
        return 400, str(wrong).encode("latin-1") + b"\n"


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
    said = "app %s: unknown parameter %s" % (app, quote(key))
    return said + (hint(key, names) or ": it takes none")


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
