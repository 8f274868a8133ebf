import time

from ..answer import Stream, ask, plain
from ..config import SECOND
from ..layer import Layer


class Timeout(Layer):
    """Bounds how long the application may take to answer, and for each block of a stream.

    Applications find the seconds left by the function "benchctl.left" in the environment, and may heed them: one that
    does not is not interrupted. A request that is not answered when the application fails after the deadline gets 503,
    and an answer that it gives late stands; a stream whose block came too late is cut.
    """

    name = "timeout"

    def __call__(self, environ, start_response):
        wait = Wait(self.conf.after / SECOND, environ.get("benchctl.left"))
        source = Timed(environ["wsgi.input"], wait)
        try:
            answer = ask(self.app, {**environ, "wsgi.input": source, "benchctl.left": wait.left})
        except Exception:
            if not wait.expired():
                raise
            return plain(environ, start_response, 503, "timeout")
        wait.pause()
        if answer.whole() is None and not answer.is_file(environ):
            answer.body = TimedBody(answer.body, wait)
        return answer.send(start_response)


class Wait:
    """The wait for an application, which has an end. It is paused while the server sends."""

    def __init__(self, seconds, outer):
        self.seconds, self.outer, self.late = seconds, outer, False
        self.begin()

    def begin(self):
        self.end = time.monotonic() + self.seconds

    def pause(self):
        self.late, self.end = self.expired(), None

    def left(self):
        """The seconds until the end, of this wait or one outside of it."""
        own = float("inf") if self.end is None else self.end - time.monotonic()
        own = 0 if self.late else own
        return own if self.outer is None else min(own, self.outer())

    def expired(self):
        return self.late or self.end is not None and time.monotonic() >= self.end

    def check(self):
        if self.expired():
            raise TimeoutError("deadline exceeded")


class Timed:
    """The body of a request, of which no read begins after the deadline."""

    def __init__(self, source, wait):
        self.source, self.wait = source, wait

    def read(self, *size):
        self.wait.check()
        return self.source.read(*size)

    def readline(self, *size):
        self.wait.check()
        return self.source.readline(*size)

    def readlines(self, *hint):
        self.wait.check()
        return self.source.readlines(*hint)

    def __iter__(self):
        return iter(self.readline, b"")


class TimedBody(Stream):
    """A stream that is cut where a block comes too late."""

    def __init__(self, body, wait):
        super().__init__(body)
        self.wait = wait

    def __next__(self):
        self.wait.check()
        self.wait.begin()
        try:
            block = next(self.blocks)
        finally:
            self.wait.pause()
        self.wait.check()
        return block
