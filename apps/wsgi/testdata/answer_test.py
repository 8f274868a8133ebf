"""How layers treat applications of WSGI of all sorts, and what servers offer them (PEP 3333)."""

import io
import sys
import unittest
import zlib
from unittest import mock
from wsgiref import util
from wsgiref.validate import validator

from benchctl.answer import ask
from benchctl.layers import (
    access_log, body_limit, compress, cors, etag, forwarded, headers, health, method_override, metrics,
    range, rate_limit, recover, request_id, timeout,
)  # fmt: skip
from benchctl.layers.cookies import Cookies
from benchctl.layers.session import Sessions

PLAIN = [("Content-Type", "text/plain")]
# Layers that look at no byte of the body.
LOOK_AT_FIELDS = (
    access_log.AccessLog, cors.CORS, forwarded.Forwarded, headers.Headers, metrics.Metrics, recover.Recover,
    request_id.RequestID, timeout.Timeout, Cookies, etag.ETag,
)  # fmt: skip
OTHERS = (
    body_limit.BodyLimit, compress.Compress, health.Health, method_override.MethodOverride, range.Range,
    rate_limit.RateLimit,
)  # fmt: skip
# What they need of config.
CONF = {
    "cors": {"origins": "*"},
    "forwarded": {"trusted": "::1"},
    "access-log": {"file": "log"},
    "rate-limit": {"rate": "1"},
    "compress": {"encodings": "gzip"},
}


def made(layer, app):
    return layer.factory({}, **CONF.get(layer.name, {}))(app)


class FileWrapper:
    def __init__(self, file):
        self.file = file

    def __iter__(self):
        return iter(self.file)


def environment(**more):
    environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": ""}
    environ.update({"wsgi.errors": io.StringIO(), "wsgi.input": io.BytesIO()})
    return {**environ, "wsgi.file_wrapper": FileWrapper, **more}


class Body:
    """An iterable that counts how it is used."""

    def __init__(self, *blocks):
        self.blocks, self.pulled, self.closed = list(blocks), 0, 0

    def __iter__(self):
        return self

    def __next__(self):
        if not self.blocks:
            raise StopIteration
        self.pulled += 1
        block = self.blocks.pop(0)
        if isinstance(block, Exception):
            raise block
        return block() if callable(block) else block

    def close(self):
        self.closed += 1


class Server:
    """The server's side of one request."""

    def __init__(self, app, **more):
        self.status = None
        self.body = app(environment(**more), self.start_response)

    def start_response(self, status, fields, exc_info=None):
        self.status, self.fields = status, fields
        return lambda data: None


def answering(body, status="200 OK", fields=PLAIN):
    def app(environ, start_response):
        start_response(status, list(fields))
        return body

    return app


class TestAsk(unittest.TestCase):
    def test_an_answer_within_the_body(self):
        def app(environ, start_response):
            start_response("200 OK", PLAIN)
            yield b"a"
            yield b"b"

        for layer in LOOK_AT_FIELDS:
            self.assertEqual([b"a", b"b"], list(Server(made(layer, app)).body), layer)

    def test_no_more_is_pulled_than_answers(self):
        body = Body(lambda: answer() or b"a", b"b")

        def app(environ, start_response):
            nonlocal answer
            answer = lambda: start_response("200 OK", PLAIN) and None  # noqa: E731
            return body

        answer = None
        asked = ask(app, environment())
        self.assertEqual((1, "200 OK"), (body.pulled, asked.status))
        self.assertEqual([b"a", b"b"], list(asked.body))

    def test_an_answer_at_the_end_of_the_body(self):
        def app(environ, start_response):
            start_response("204 No Content", [])
            return
            yield

        self.assertEqual([], list(Server(made(headers.Headers, app)).body))

    def test_what_is_written_begins_the_body(self):
        def app(environ, start_response):
            write = start_response("200 OK", PLAIN)
            write(b"a")
            write(b"b")
            return [b"c"]

        self.assertEqual(b"abc", b"".join(Server(made(headers.Headers, app)).body))

    def test_a_changed_mind(self):
        def app(environ, start_response):
            start_response("200 OK", PLAIN)
            try:
                raise KeyError("x")
            except KeyError:
                start_response("500 No", PLAIN, sys.exc_info())
            return [b"a"]

        self.assertEqual("500 No", Server(made(headers.Headers, app)).status)

    def test_a_mind_changed_too_late(self):
        def app(environ, start_response):
            start_response("200 OK", PLAIN)

            def blocks():
                yield b"a"
                try:
                    raise KeyError("x")
                except KeyError:
                    start_response("500 No", PLAIN, sys.exc_info())

            return blocks()

        body = iter(Server(made(headers.Headers, app)).body)
        self.assertEqual(b"a", next(body))
        self.assertRaises(KeyError, next, body)

    def test_two_answers(self):
        def app(environ, start_response):
            start_response("200 OK", PLAIN)
            start_response("200 OK", PLAIN)
            return []

        self.assertRaises(AssertionError, Server, made(headers.Headers, app))

    def test_no_answer(self):
        body = Body(b"a")
        self.assertRaises(AssertionError, Server, made(headers.Headers, lambda *_: body))
        self.assertEqual(1, body.closed)

    def test_a_body_that_fails_before_its_app_answers(self):
        body = Body(KeyError("x"))
        self.assertRaises(KeyError, Server, made(headers.Headers, lambda *_: body))
        self.assertEqual(1, body.closed)


class TestBothSides(unittest.TestCase):
    """Layers are applications to the server, and servers to the application."""

    def test_between_validators(self):
        def app(environ, start_response):
            source = environ["wsgi.input"]
            data = source.readline(3) + source.read(2) + b"".join(source.readlines(2)) + source.read(9)
            start_response("200 OK", PLAIN)
            return iter((data, b"", b"x" * 2000))

        for layer in (*LOOK_AT_FIELDS, *OTHERS):
            stack = validator(made(layer, validator(app)))
            environ = environment(REQUEST_METHOD="POST", HTTP_ACCEPT_ENCODING="gzip")
            util.setup_testing_defaults(environ)
            environ["wsgi.input"] = io.BytesIO(b"ab\ncdef\ngh\ni")
            environ.update({"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True})
            body = stack(environ, lambda *_: lambda data: None)
            data = b"".join(body)
            body.close()
            if layer is compress.Compress:
                data = zlib.decompress(data, 16 + zlib.MAX_WBITS)
            self.assertEqual(b"ab\ncdef\ngh\ni" + b"x" * 2000, data, layer)


class TestBodies(unittest.TestCase):
    def test_a_stream_is_closed_once(self):
        for layer in (*LOOK_AT_FIELDS, compress.Compress, range.Range):
            body = Body(b"a" * 100, b"b" * 100)
            server = Server(made(layer, answering(body)), HTTP_ACCEPT_ENCODING="gzip")
            list(server.body)
            server.body.close()
            if not isinstance(server.body, Body):
                server.body.close()
            self.assertEqual(1, body.closed, layer)

    def test_a_part_of_a_stream(self):
        body = Body(b"abc", b"def", b"ghi", b"jkl")
        fields = [*PLAIN, ("Content-Length", "12")]
        server = Server(made(range.Range, answering(body, fields=fields)), HTTP_RANGE="bytes=4-5")
        self.assertEqual([b"ef"], list(server.body))
        server.body.close()
        self.assertEqual((2, 1), (body.pulled, body.closed))

    def test_a_body_that_is_not_sent(self):
        body = Body(b"a")
        fields = [*PLAIN, ("ETag", '"a"')]
        app = made(etag.ETag, answering(body, fields=fields))
        self.assertEqual("304 Not Modified", Server(app, HTTP_IF_NONE_MATCH='"a"').status)
        self.assertEqual((0, 1), (body.pulled, body.closed))

    def test_a_layer_that_fails(self):
        body = Body(b"a")

        def app(environ, start_response):
            environ["benchctl.session"]["a"] = "b" * 5000
            start_response("200 OK", PLAIN)
            return body

        stack = Cookies.factory({})(Sessions.factory({}, key="env:TWINS_KEY")(app))
        self.assertRaises(RuntimeError, Server, stack)
        self.assertEqual(1, body.closed)

    def test_a_server_that_fails(self):
        body = Body(b"a")

        def fails(*_):
            raise OSError("the client has left")

        app = made(headers.Headers, answering(body))
        self.assertRaises(OSError, app, environment(), fails)
        self.assertEqual(1, body.closed)

    def test_a_file_reaches_the_server_as_it_is(self):
        for layer in LOOK_AT_FIELDS:
            body = FileWrapper(io.BytesIO(b"abc"))
            self.assertIs(body, Server(made(layer, answering(body))).body, layer)

    def test_head_of_a_file(self):
        body = Body(b"abc")
        app = made(etag.ETag, answering(body))
        self.assertEqual(b"", b"".join(Server(app, REQUEST_METHOD="HEAD").body))
        self.assertEqual((0, 1), (body.pulled, body.closed))

    def test_those_outside_do_not_see_what_a_layer_adds(self):
        for layer in (Cookies, forwarded.Forwarded, request_id.RequestID, timeout.Timeout):
            environ = environment()
            before = dict(environ)
            made(layer, answering([b"a"]))(environ, lambda *_: None)
            self.assertEqual(before, environ, layer)


class TestTimeout(unittest.TestCase):
    def test_the_time_of_sending_does_not_count(self):
        now = 0.0

        def passes(seconds):
            nonlocal now
            now += seconds

        with mock.patch("time.monotonic", lambda: now):
            body = Body(lambda: passes(20) or b"a", lambda: passes(20) or b"b", lambda: passes(40) or b"c")
            blocks = iter(Server(made(timeout.Timeout, answering(body))).body)
            passes(100)
            self.assertEqual(b"a", next(blocks))
            passes(100)
            self.assertEqual(b"b", next(blocks))
            self.assertRaises(TimeoutError, next, blocks)


class TestSession(unittest.TestCase):
    def test_as_a_mapping(self):
        seen = []

        def app(environ, start_response):
            session = environ["benchctl.session"]
            session.update(a="1", b="2")
            del session["a"]
            seen.extend([dict(session), len(session), session.get("a"), session.pop("c", None)])
            with self.assertRaises(TypeError):
                session["n"] = 1
            start_response("200 OK", PLAIN)

            def late():
                with self.assertRaises(RuntimeError):
                    session["d"] = "3"
                yield b""

            return late()

        stack = Cookies.factory({})(Sessions.factory({}, key="env:TWINS_KEY")(app))
        server = Server(stack)
        self.assertEqual([b""], list(server.body))
        self.assertEqual([{"b": "2"}, 1, None, None], seen)
        self.assertEqual(1, [name for name, _ in server.fields].count("Set-Cookie"))

    def test_without_cookies(self):
        stack = Sessions.factory({}, key="env:TWINS_KEY")(answering([b"a"]))
        with self.assertRaisesRegex(RuntimeError, 'session requires "cookies"'):
            Server(stack)


class TestRecover(unittest.TestCase):
    def test_it_logs(self):
        environ = environment(PATH_INFO="/\n")
        app = made(recover.Recover, answering(Body(b"a", KeyError("lost"))))
        body = iter(app(environ, lambda *_: None))
        self.assertEqual(b"a", next(body))
        self.assertRaises(KeyError, next, body)
        log = environ["wsgi.errors"].getvalue()
        self.assertIn("recover: in next of GET '/\\n':\nTraceback ", log)
        self.assertIn("KeyError: 'lost'\n", log)


if __name__ == "__main__":
    unittest.main()
