"""Answers of WSGI applications on their way to the client, as layers see and change them."""

from http import HTTPStatus

TEXT = "text/plain"

# In the environment of a request, where a layer outside wants the body of a reply to HEAD, to look at
# it. It takes it away. Where nobody wants it, who answers leaves it out: not all servers do.
HEAD_BODY = "benchctl.head_body"


def status_line(status):
    try:
        return "%d %s" % (status, HTTPStatus(status).phrase)
    except ValueError:
        return "%d Unknown" % status


def given(environ, body):
    """A whole body as it is given to the server."""
    if environ["REQUEST_METHOD"] == "HEAD" and not environ.get(HEAD_BODY):
        return iter((b"",))  # of unknown length: servers must not make one of it
    return [body]


def reply(environ, start_response, status, body=None, headers=()):
    """Answer with a whole body; None is for a status that has none."""
    headers = list(headers)
    if body is not None:
        headers.append(("Content-Length", str(len(body))))
    start_response(status_line(status), headers)
    return [] if body is None else given(environ, body)


def plain(environ, start_response, status, text, headers=()):
    """Answer with a line of plain text."""
    headers = [*headers, ("Content-Type", TEXT)]
    return reply(environ, start_response, status, text.encode() + b"\n", headers)


def close(body):
    if hasattr(body, "close"):
        body.close()


class Stream:
    """A body that passes on another, block by block, and closes it once."""

    def __init__(self, body):
        self.body, self.blocks = body, iter(body)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.blocks)

    def close(self):
        body, self.body = self.body, None
        close(body)


class Begun(Stream):
    """A body of which some blocks have come already."""

    def __init__(self, body, blocks, first):
        self.body, self.blocks, self.first = body, blocks, first

    def __next__(self):
        return self.first.pop(0) if self.first else next(self.blocks)


class Answer:
    """An answer: its status line, header fields and body.

    A body that is a list or a tuple is whole, and all others are streams, of which no block
    is pulled before the server asks for it.
    """

    __slots__ = ("status", "headers", "body")

    def __init__(self):
        self.status = self.body = None

    @property
    def code(self):
        return int(self.status[:3])

    def field(self, name):
        """The value of a field, "" if there is none."""
        name = name.lower()
        return ", ".join(v for k, v in self.headers if k.lower() == name)

    def take(self, *names):
        """Take fields away."""
        names = [name.lower() for name in names]
        self.headers = [h for h in self.headers if h[0].lower() not in names]

    def set(self, name, value):
        """Set a field, in the place of those of its name; "" takes them away."""
        self.take(name)
        if value:
            self.headers.append((name, value))

    def add(self, name, value):
        """Set a field beside others of its name, as Set-Cookie is (RFC 9110 section 5.3)."""
        self.headers.append((name, value))

    def default(self, name, value):
        """Set a field that is not there."""
        if not self.field(name):
            self.set(name, value)

    def whole(self):
        """The body, if it is whole, else None."""
        if isinstance(self.body, (list, tuple)):
            return b"".join(self.body)
        return None

    def length(self):
        """The length of the body in bytes, -1 if it is not known."""
        whole = self.whole()
        if whole:
            return len(whole)
        told = self.field("Content-Length")
        if told.isascii() and told.isdigit():
            return int(told)  # also of HEAD, whose body may have been left out
        return -1 if whole is None else 0

    def is_file(self, environ):
        """Whether the server may send the body in its own way, if it gets it as it is."""
        wrapper = environ.get("wsgi.file_wrapper")
        return isinstance(wrapper, type) and isinstance(self.body, wrapper)

    def give(self, body):
        """Have a whole body in the place of the one that there was."""
        self.body = [body]
        self.set("Content-Length", str(len(body)))

    def instead(self, status, body=None):
        """Answer otherwise, with another whole body; None is for a status that has none."""
        old, self.status, self.body = self.body, status_line(status), []
        self.take("Content-Length")
        if body is not None:
            self.give(body)
        close(old)

    def send(self, start_response):
        """Hand the answer on: what a WSGI application returns."""
        try:
            start_response(self.status, self.headers)
        except BaseException:
            close(self.body)
            raise
        return self.body


def ask(app, environ):
    """The Answer of an application. Of its body it pulls what makes it answer, and no more.

    What an application writes by the function that start_response returns, an old way that is no stream,
    begins the body.
    """
    answer, written = Answer(), []

    def start_response(status, headers, exc_info=None):
        try:
            if exc_info and answer.body is not None:  # it may have been sent
                raise exc_info[1].with_traceback(exc_info[2])
            if not exc_info and answer.status is not None:
                raise AssertionError("start_response was called a second time")
        finally:
            exc_info = None  # which refers to this frame
        answer.status, answer.headers = status, list(headers)
        return written.append

    body = app(environ, start_response)
    try:
        first, blocks = begin(answer, body)
    except BaseException:
        close(body)
        raise
    if blocks is not None or written:
        body = Begun(body, blocks or iter(body), written + first)
    answer.body = body
    return answer


def begin(answer, body):
    """Pull from a body until its application has answered, if it has not: the blocks that came, and the rest."""
    if answer.status is not None:
        return [], None
    first, blocks = [], iter(body)
    for block in blocks:
        first.append(block)
        if answer.status is not None:
            return first, blocks
    if answer.status is None:
        raise AssertionError("the application did not call start_response")
    return first, blocks
