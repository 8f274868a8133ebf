"""The test apps of benchctl for ASGI servers (ASGI 3.0, HTTP and lifespan).

The apps of the package benchctl, which must lie beside this module. Those that read a body
or wait are coroutines here, so that the event loop is free meanwhile; the others
are called as they are. Python 3.9, standard library.
"""

import asyncio
import hashlib
import inspect
import time

from benchctl import suite as app

# The apps that differ from those of benchctl.suite, with the same parameters. They may be
# coroutines, and may answer with an asynchronous iterator.


def echo(values, environ, headers):
    headers.append(("Content-Type", app.BYTES))
    length = request_length(environ)
    if length is not None:
        headers.append(("Content-Length", length))
    return request_blocks(environ["asgi.receive"])


def request_length(environ):
    """The length of the request's body, None if it has no length but an end."""
    if "HTTP_TRANSFER_ENCODING" in environ:  # which a length has no say beside
        return None
    return environ.get("HTTP_CONTENT_LENGTH", "0")


async def request_blocks(receive):
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise EOFError("request body: its end is missing")
        more = message.get("more_body", False)
        if message.get("body"):
            yield message["body"]


def stream(values, environ, headers):
    headers.append(("Content-Type", app.TEXT))
    return stream_chunks(*values)


async def stream_chunks(chunks, length, ms):
    for i in range(chunks):
        if i and ms:
            await pause(ms / 1000)
        yield app.block(i * length, length)


async def pause(seconds):
    """Wait, no shorter than told. Loops whose clock counts milliseconds, as uvloop's,
    may wake up to one too early."""
    end = time.monotonic() + seconds
    await asyncio.sleep(seconds)
    while time.monotonic() < end:
        await asyncio.sleep(0.001)


async def sleep(values, environ, headers):
    await pause(values[0] / 1000)
    headers.append(("Content-Type", app.TEXT))
    return b"slept\n"


async def upload(values, environ, headers):
    digest = hashlib.sha256()
    async for data in request_blocks(environ["asgi.receive"]):
        digest.update(data)
    headers.append(("Content-Type", app.TEXT))
    return digest.hexdigest().encode() + b"\n"


async def ident(values, environ, headers):
    async for _ in request_blocks(environ["asgi.receive"]):
        pass
    return app.identified(environ, headers)


async def ziade(values, environ, headers):
    ms, steps = values
    x = app.generate(steps)
    await pause(ms / 1000)
    app.write_and_remove(app.block(0, 1024))
    headers.append(("Content-Type", app.TEXT))
    return b"%d\n" % x


def watch(values, environ, headers):
    headers.append(("Content-Type", app.TEXT))
    return Watched(environ["asgi.receive"], *values)


class Watched(app.Watched):
    """A body that notes what happens to it, and ends when its client has left."""

    def __init__(self, receive, *values):
        super().__init__({}, *values)
        self.receive = receive

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.sent == self.chunks:
            raise StopAsyncIteration
        if self.sent and await left(self.receive, self.ms / 1000):
            raise StopAsyncIteration
        return self.block()


async def left(receive, seconds):
    """Wait, unless the client leaves, and tell whether it did: sending need not."""
    try:
        await asyncio.wait_for(disconnected(receive), seconds)
    except asyncio.TimeoutError:
        return False
    return True


async def disconnected(receive):
    while (await receive())["type"] != "http.disconnect":
        pass


OWN = {
    "echo": echo,
    "stream": stream,
    "sleep": sleep,
    "upload": upload,
    "ident": ident,
    "ziade": ziade,
    "watch": watch,
}
ROUTES = {
    path: (name, OWN.get(name, shared), methods, params)
    for path, (name, shared, methods, params) in app.ROUTES.items()
}


async def application(scope, receive, send):
    """The ASGI application."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http":
        await serve(scope, receive, send)
    else:
        raise ValueError("no app for the protocol %r" % scope["type"])


async def lifespan(receive, send):
    """Say yes to the start and to the end: there is nothing to do at either."""
    asked = None
    while asked != "lifespan.shutdown":
        asked = (await receive())["type"]
        await send({"type": asked + ".complete"})


async def serve(scope, receive, send):
    headers = []
    reply = app.answer(ROUTES, environment(scope, receive), headers)
    if inspect.iscoroutine(reply):
        reply = await reply
    status, body = app.complete(reply, headers)
    try:
        await send_start(send, status, headers)
        await send_body(send, body if scope["method"] != "HEAD" else None)
    finally:
        if hasattr(body, "close"):
            body.close()


def environment(scope, receive):
    """What the apps ask of a request, by its names in WSGI."""
    environ = {
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": scope["path"],
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "asgi.receive": receive,
    }
    for name, value in scope["headers"]:
        key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        environ[key] = value.decode("latin-1")
    return environ


async def send_start(send, status, headers):
    fields = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers]
    await send({"type": "http.response.start", "status": status, "headers": fields})


async def send_body(send, body):
    """Send a whole body, none, or one block by block as it is made."""
    if body is None or isinstance(body, bytes):
        await send({"type": "http.response.body", "body": body or b""})
        return
    async for data in body if hasattr(body, "__aiter__") else each(body):
        await send({"type": "http.response.body", "body": data, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def each(blocks):
    for data in blocks:
        yield data
