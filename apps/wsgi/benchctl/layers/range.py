import base64
import os
import re

from ..answer import TEXT, Stream, status_line
from ..layer import Layer
from .conditions import compare_dates, is_weak, same_strong
from .fields import listed


class Range(Layer):
    """Answers GET with the parts of a 200 reply that the client asks for.

    Of a stream, what lies before a part is pulled and dropped, and what lies behind the last one is not
    pulled.
    """

    name = "range"

    def edit(self, environ, answer):
        method, asked = environ["REQUEST_METHOD"], environ.get("HTTP_RANGE", "")
        if method not in ("GET", "HEAD") or not has_parts(answer):
            return
        answer.set("Accept-Ranges", "bytes")
        if method == "HEAD" or not asked or not unchanged(environ, answer):
            return
        size = answer.length()
        parts = spans(asked, size, self.conf.max_ranges)
        if parts is None:
            return
        if not parts:
            unsatisfiable(answer, size)
        elif len(parts) == 1:
            one_part(answer, parts[0], size)
        else:
            many_parts(answer, parts, size)


# The fields that are of the body which is not sent.
OF_BODY = (
    "Content-Type", "Content-Encoding", "Content-Range", "Accept-Ranges", "ETag", "Last-Modified",
    "Content-Digest", "Content-Disposition", "Content-Language", "Repr-Digest",
)  # fmt: skip


def has_parts(answer):
    if answer.code != 200 or answer.field("Content-Encoding") or answer.field("Content-Range"):
        return False
    return answer.field("Accept-Ranges").lower() != "none" and answer.length() >= 0


def unchanged(environ, answer):
    """Whether If-Range holds, if there is one (RFC 9110 section 13.1.5)."""
    condition = environ.get("HTTP_IF_RANGE", "")
    if not condition:
        return True
    if condition.startswith('"') or is_weak(condition):
        return same_strong(condition, answer.field("ETag"))
    return compare_dates(condition, answer.field("Last-Modified")) == 0


def unsatisfiable(answer, size):
    """No part asked for is in the body (RFC 9110 section 15.5.17)."""
    answer.take(*OF_BODY)
    answer.instead(416, b"no such range\n")
    answer.set("Content-Type", TEXT)
    answer.set("Content-Range", "bytes */%d" % size)


def one_part(answer, span, size):
    """A single part (RFC 9110 section 15.3.7.1)."""
    answer.status = status_line(206)
    answer.set("Content-Range", content_range(span, size))
    answer.take("Content-Digest")  # which was of the whole; Repr-Digest still is
    whole = answer.whole()
    if whole is not None:
        answer.give(whole[slice(*span)])
        return
    answer.body = Parted(answer.body, [(b"", span)])
    answer.set("Content-Length", str(span[1] - span[0]))


def many_parts(answer, all_spans, size):
    """Several parts (RFC 9110 section 15.3.7.2, RFC 2046 section 5.1)."""
    answer.status = status_line(206)
    boundary = base64.b32encode(os.urandom(20))[:26].decode()
    end, parts = b"\r\n--%s--\r\n" % boundary.encode(), []
    media_type = answer.field("Content-Type")
    for span in all_spans:
        lines = ["\r\n" if parts else "", "--", boundary, "\r\n"]
        if media_type:
            lines += ["Content-Type: ", media_type, "\r\n"]
        lines += ["Content-Range: ", content_range(span, size), "\r\n\r\n"]
        parts.append(("".join(lines).encode("latin-1"), span))
    length = len(end) + sum(len(head) + span[1] - span[0] for head, span in parts)
    answer.body = Parted(answer.body, parts, end)
    answer.set("Content-Type", "multipart/byteranges; boundary=" + boundary)
    answer.set("Content-Length", str(length))
    answer.take("Content-Digest")


def content_range(span, size):
    """The field Content-Range of a part (RFC 9110 section 14.4)."""
    return "bytes %d-%d/%d" % (span[0], span[1] - 1, size)


def spans(field, size, most):
    """The parts that a field Range asks for (RFC 9110 section 14.1.2), from a byte up to the one before
    another, without what lies behind the end. It is None if the field is to be ignored."""
    unit, equals, asked = field.partition("=")
    if not equals or unit.lower() != "bytes":
        return None
    asked, found = listed(asked), []
    if not asked or len(asked) > most:
        return None
    for text in asked:
        span = read_span(text, size)
        if span is None or span[0] < span[1] and found and span[0] < found[-1][1]:
            return None
        if span[0] < span[1]:
            found.append(span)
    return found


def read_span(text, size):
    """The part of "first-last", "first-" or "-suffix"; behind the end it is an empty one."""
    ends = re.fullmatch(r"([0-9]*)-([0-9]*)", text)
    if not ends or text == "-":
        return None
    first, last = ends.groups()
    if not first:  # all of nothing is satisfied, and no Content-Range can tell of it
        return None if int(last) > 0 and size == 0 else (max(size - int(last), 0), size)
    if not last:
        return int(first), size
    return None if int(last) < int(first) else (int(first), min(int(last), size - 1) + 1)


class Parted(Stream):
    """Parts of a body, in the order in which they are there, each with what is sent before it."""

    def __init__(self, body, parts, end=b""):
        super().__init__(body)
        self.pieces = self.cut(parts, end)

    def __next__(self):
        return next(self.pieces)

    def cut(self, parts, end):
        block, at = b"", 0  # of the body, and where it begins
        for head, (first, last) in parts:
            if head:
                yield head
            while at < last:
                if not block:
                    block = next(self.blocks, None)
                    if block is None:  # which the application had promised
                        raise EOFError("the body is shorter than its length")
                piece = block[max(first - at, 0) : last - at]
                used = min(len(block), last - at)
                block, at = block[used:], at + used
                if piece:
                    yield piece
        if end:
            yield end
