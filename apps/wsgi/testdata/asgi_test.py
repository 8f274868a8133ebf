"""What no reply shows of the ASGI application: in which order it receives and sends.

The conversations are of letters: r receive, h the header sent, b a block that more
follow, e the end.
"""

import asyncio
import time
import unittest
from unittest import mock

import asgi
from benchctl import suite as app

LETTERS = {("http.response.start", False): "h", ("http.response.body", True): "b"}


class Server:
    """The server's side of one request, whose client sends these blocks."""

    def __init__(self, blocks=(b"",), leaves_after=None, deaf=False):
        self.blocks, self.leaves_after, self.deaf = list(blocks), leaves_after, deaf
        self.said, self.replied = "", b""

    async def receive(self):
        self.said += "r"
        if self.blocks:
            data = self.blocks.pop(0)
            more = bool(self.blocks) or self.leaves_after == 0
            return {"type": "http.request", "body": data, "more_body": more}
        while self.leaves_after is None or self.said.count("b") < self.leaves_after:
            await asyncio.sleep(0.001)
        return {"type": "http.disconnect"}

    async def send(self, message):
        if self.deaf and message["type"] == "http.response.body":
            raise OSError("the client has left")
        more = message.get("more_body", False)
        self.said += LETTERS.get((message["type"], more), "e")
        self.replied += message.get("body", b"")

    async def ask(self, target, method="GET"):
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [],
        }
        await asgi.application(scope, self.receive, self.send)
        return self.said


def notes(i):
    with open(app.watch_path(i), "rb") as f:
        return f.read()


class TestConversations(unittest.IsolatedAsyncioTestCase):
    async def test_whole(self):
        self.assertEqual("he", await Server().ask("/hello"))

    async def test_head(self):
        for target in ("/hello", "/size?bytes=1000000", "/stream", "/static-1k"):
            server = Server()
            self.assertEqual("he", await server.ask(target, "HEAD"))
            self.assertEqual(b"", server.replied)

    async def test_blocks_are_sent_as_they_are_made(self):
        self.assertEqual("hbbbe", await Server().ask("/stream?chunks=3"))
        self.assertEqual("hbbe", await Server().ask("/size?bytes=65537"))

    async def test_echo_sends_a_block_before_it_receives_the_next(self):
        server = Server((b"one", b"", b"three"))
        self.assertEqual("hrbrrbe", await server.ask("/echo", "POST"))
        self.assertEqual(b"onethree", server.replied)

    async def test_upload_receives_to_the_end(self):
        self.assertEqual("rrrhe", await Server((b"1", b"2", b"3")).ask("/upload", "POST"))

    async def test_ident_receives_to_the_end(self):
        self.assertEqual("rrhe", await Server((b"1", b"2")).ask("/ident", "POST"))

    async def test_body_is_cut(self):
        for path, said in (("/upload", "rr"), ("/echo", "hrbr"), ("/ident", "rr")):
            server = Server((b"cut",), leaves_after=0)
            with self.assertRaises(EOFError):
                await server.ask(path, "POST")
            self.assertEqual(said, server.said)

    async def test_failures(self):
        for target, said in (("/error?at=1", ""), ("/error?at=2", "hb")):
            server = Server()
            with self.assertRaises(app.Failed):
                await server.ask(target)
            self.assertEqual(said, server.said)

    async def test_waits_overlap(self):
        targets = ("/sleep?ms=100", "/ziade?ms=100", "/stream?chunks=2&ms=100")
        waits = (Server().ask(target) for target in targets * 100)
        await asyncio.wait_for(asyncio.gather(*waits), 10)

    async def test_watch(self):
        await Server().ask("/watch?id=1&chunks=3&ms=0")
        self.assertEqual(b"o..c", notes(1))

    async def test_watch_ends_when_the_client_left(self):
        await Server(leaves_after=2).ask("/watch?id=2&chunks=1000&ms=1000")
        self.assertEqual(b"o.c", notes(2))

    async def test_watch_is_closed_when_it_can_not_be_sent(self):
        with self.assertRaises(OSError):
            await Server(deaf=True).ask("/watch?id=3")
        self.assertEqual(b"oc", notes(3))

    async def test_watch_is_closed_when_it_is_not_asked_for(self):
        await Server().ask("/watch?id=4", "HEAD")
        self.assertEqual(b"c", notes(4))


class TestProtocols(unittest.IsolatedAsyncioTestCase):
    async def test_lifespan(self):
        events = ["lifespan.shutdown", "lifespan.startup"]
        sent = []

        async def receive():
            return {"type": events.pop()}

        async def send(message):
            sent.append(message["type"])

        await asgi.application({"type": "lifespan"}, receive, send)
        self.assertEqual(
            ["lifespan.startup.complete", "lifespan.shutdown.complete"], sent
        )

    async def test_others_are_refused(self):
        with self.assertRaises(ValueError):
            await asgi.application({"type": "websocket"}, None, None)


class TestApps(unittest.TestCase):
    def test_no_own_app_is_without_a_twin(self):
        self.assertLessEqual(set(asgi.OWN), set(app.APPS))


class TestTimes(unittest.IsolatedAsyncioTestCase):
    async def test_waits(self):
        """No wait is shorter than told, on a loop that wakes a half too early."""
        whole = asyncio.sleep
        for target, least in (
            ("/sleep?ms=10", 0.01),
            ("/ziade?ms=10", 0.01),
            ("/stream?chunks=3&bytes=1&ms=5", 0.01),
        ):
            with mock.patch("asyncio.sleep", lambda seconds: whole(seconds / 2)):
                begun = time.monotonic()
                await Server().ask(target)
                self.assertGreaterEqual(time.monotonic() - begun, least, target)

    async def test_work(self):
        """The app cpu uses CPU time of its thread, by WSGI and by ASGI."""
        for ask in (
            lambda: app.cpu((3000,), {}, []),
            lambda: app.answer(asgi.ROUTES, ENVIRON_CPU, []),
        ):
            before = time.thread_time_ns()
            self.assertEqual(b"burned\n", ask())
            self.assertGreaterEqual(time.thread_time_ns() - before, 3000000)

    def test_blocking_waits(self):
        """Nor is one by WSGI."""
        for name, values in (("sleep", (10,)), ("ziade", (10, 1))):
            begun = time.monotonic()
            app.APPS[name][0](values, {}, [])
            self.assertGreaterEqual(time.monotonic() - begun, 0.01, name)
        begun = time.monotonic()
        self.assertEqual(3, len(list(app.stream_chunks({}, 3, 1, 5))))
        self.assertGreaterEqual(time.monotonic() - begun, 0.01)


ENVIRON_CPU = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/cpu",
    "QUERY_STRING": "us=3000",
}


if __name__ == "__main__":
    unittest.main()
