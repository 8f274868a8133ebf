"""An app that answers as the query of a request asks, for tests of layers: a twin of that in probe_test.go."""

import json
from urllib.parse import parse_qs

from benchctl import suite
from benchctl.layers.client import client_of

TEXT = b"".join(b"%07d all libraries make this shorter\n" % n for n in range(1000))
opened = closed = 0


class Failed(Exception):
    pass


def factory(global_conf, /, **conf):
    return application


def application(environ, start_response):
    asked = {k: v[0] for k, v in parse_qs(utf8(environ["QUERY_STRING"])).items()}
    headers = []
    reply = answer(environ, asked, headers)
    return suite.respond(environ, start_response, reply, headers)


def answer(environ, asked, headers):
    if "read" in asked:
        read(environ)
    if "wait" in asked:
        suite.pause(environ, int(asked["wait"]) / 1000)
    if "fail" in asked:
        raise Failed("failed on purpose")
    visits(environ, asked)
    status = int(asked.get("status", "200"))
    if status not in (204, 304):
        headers.append(("Content-Type", asked.get("type", "text/plain")))
    for field in filter(None, environ.get("HTTP_X_SET", "").split("|")):
        name, _, value = field.partition(":")
        headers[:] = [h for h in headers if h[0].lower() != name.lower()]
        headers.append((name, value.strip()))
    if "stream" in asked:
        blocks, length = map(int, asked["stream"].split("x"))
        if "length" in asked:
            headers.append(("Content-Length", str(blocks * length)))
        return status, Blocks(environ, blocks, length, int(asked.get("late", "-1")), asked)
    if "whole" in asked:
        return status, TEXT[: int(asked["whole"])]
    return status, None if status in (204, 304) else tell(environ)


def read(environ):
    """Read the body of the request, or fail."""
    length = suite.request_length(environ)
    return b"".join(suite.request_blocks(environ["wsgi.input"], length))


def visits(environ, asked):
    session = environ.get("benchctl.session")
    if session is None:
        return
    if "visit" in asked:
        session["visits"] = str(int(session.get("visits", "0")) + 1)
    if "name" in asked:
        session["name"] = asked["name"]
    if "forget" in asked:
        session.clear()


def tell(environ):
    """What the layers outside tell."""
    client, cookies = client_of(environ), environ.get("benchctl.cookies")
    session = environ.get("benchctl.session")
    told = {
        "method": environ["REQUEST_METHOD"],
        "path": utf8(environ["PATH_INFO"] or "/"),
        "user": utf8(environ.get("benchctl.user", "")),
        "id": len(environ.get("benchctl.request_id", "")),
        "client": str(client.address or "") + " " + client.scheme,
        "cookies": {name: utf8(value) for name, value in (cookies or {}).items()},
        "session": dict(session) if session is not None else {},
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def utf8(native):
    return native.encode("latin-1").decode()


class Blocks:
    """A stream that notes how it is pulled and closed, and fails after some blocks."""

    def __init__(self, environ, blocks, length, late, asked):
        global opened
        opened += 1
        self.environ, self.blocks, self.length, self.late = environ, blocks, length, late
        self.wait, self.sent = int(asked.get("pause", "0")), 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.sent == self.late:
            raise Failed("failed on purpose")
        if self.sent == self.blocks:
            raise StopIteration
        if self.wait:
            suite.pause(self.environ, self.wait / 1000)
        self.sent += 1
        self.environ["driver.events"].append("p")
        return TEXT[(self.sent - 1) * self.length : self.sent * self.length]

    def close(self):
        global closed
        closed += 1
        self.environ["driver.events"].append("c")
