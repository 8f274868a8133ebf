import base64
import hashlib

from ..answer import HEAD_BODY, close
from ..layer import Layer
from .conditions import precondition

# What describes a body that is not sent, beside ETag and Last-Modified.
OF_BODY = (
    "Content-Type", "Content-Length", "Content-Encoding", "Content-Language", "Content-Disposition",
    "Accept-Ranges", "Content-Digest", "Repr-Digest",
)  # fmt: skip


class ETag(Layer):
    """Gives whole bodies an entity tag, and answers the conditions of requests."""

    name = "etag"

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] != "HEAD" or environ.get(HEAD_BODY):
            return super().__call__(environ, start_response)
        close(super().__call__({**environ, HEAD_BODY: True}, start_response))
        return iter((b"",))

    def edit(self, environ, answer):
        method = environ["REQUEST_METHOD"]
        if answer.code != 200 or method not in ("GET", "HEAD"):
            return
        body = answer.whole()
        if body is not None and (body or method == "GET"):
            answer.default("Content-Length", str(len(body)))
            answer.default("ETag", tag_of(body))
        tag, modified = answer.field("ETag"), answer.field("Last-Modified")
        if method == "HEAD" and not tag and not modified:
            return  # GET may have a tag
        status = precondition(environ, tag, modified)
        if not status:
            return
        answer.take("ETag", "Last-Modified", *OF_BODY)
        answer.instead(status, b"" if status == 412 else None)
        if status == 304 and tag:
            answer.set("ETag", tag)
        elif status == 304:
            answer.set("Last-Modified", modified)


def tag_of(body):
    """The first 128 bits of the body's SHA-256."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()[:16])
    return '"%s"' % digest.rstrip(b"=").decode()
