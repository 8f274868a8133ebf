from ..answer import ask, plain
from ..layer import Layer
from .fields import request_length


class BodyTooLarge(Exception):
    """A read beyond the limit of the layer body-limit."""


class BodyLimit(Layer):
    """Answers requests whose body is too long with 413 (RFC 9110 section 15.5.14).

    Those that tell their length it answers without the application. A chunked body is cut: reads fail, and the
    request is answered with 413 if the application has not answered.
    """

    name = "body-limit"

    def __call__(self, environ, start_response):
        length = request_length(environ)
        if length > self.conf.max:
            return too_large(environ, start_response)
        if length >= 0:
            return ask(self.app, environ).send(start_response)
        source = Limited(environ["wsgi.input"], self.conf.max)
        try:
            answer = ask(self.app, {**environ, "wsgi.input": source})
        except Exception:
            if not source.cut:
                raise
            return too_large(environ, start_response)
        return answer.send(start_response)


def too_large(environ, start_response):
    return plain(environ, start_response, 413, "request body too large")


class Limited:
    """The body of a request, which it cuts."""

    def __init__(self, source, left):
        self.source, self.left, self.cut = source, left, False

    def take(self, read, size):
        """Take bytes by a function. Where nothing more may come it still reads, since the body may end
        there."""
        if self.cut:
            raise BodyTooLarge("request body too large")
        most = self.left + 1
        data = read(most if size is None or size < 0 else min(size, most))
        if len(data) > self.left:
            self.cut = True
            raise BodyTooLarge("request body too large")
        self.left -= len(data)
        return data

    def read(self, size=-1):
        if size is not None and size >= 0:
            return self.take(self.source.read, size)
        return b"".join(iter(lambda: self.take(self.source.read, -1), b""))

    def readline(self, size=-1):
        return self.take(self.source.readline, size)

    def readlines(self, hint=None):
        return list(self)

    def __iter__(self):
        return iter(self.readline, b"")
