import logging
import re

from ..answer import Stream, plain
from ..config import quote
from ..layer import Layer
from .conditions import tags, weak
from .encode import CODINGS, MODULES, is_there
from .fields import listed, lists, varying

IDENTITY = -1  # the choice of no content coding


class Compress(Layer):
    """Encodes replies as the client accepts it, each block of a stream by itself.

    Codings whose library is not installed are left out, which is logged.
    """

    name = "compress"

    def __init__(self, app, conf):
        super().__init__(app, conf)
        self.check()
        self.types = [re.compile(wild(t), re.IGNORECASE | re.DOTALL) for t in conf.types]
        self.names = [name for name in conf.encodings if is_there(name)]
        out = [name for name in conf.encodings if name not in self.names]
        if out:
            modules = ", ".join(MODULES[name] for name in out)
            said = "compress: %s left out, not installed: python module %s"
            logging.getLogger("benchctl").warning(said, ", ".join(out), modules)
        levels = {"gzip": conf.gzip_level, "br": conf.br_level, "zstd": conf.zstd_level}
        self.levels = [levels[name] for name in self.names]

    def check(self):
        for i, name in enumerate(self.conf.encodings):
            if name not in CODINGS:
                said = "encodings: no content coding: %s; there are zstd, br and gzip"
                raise ValueError(said % quote(name))
            if name in self.conf.encodings[:i]:
                raise ValueError("encodings: %s is listed twice" % quote(name))
        for t in self.conf.types:
            if t.count("*") > 1 or t.count("/") != 1 or re.search("[;,]", t):
                said = 'types: %s is no media type, as "text/html" or "text/*"'
                raise ValueError(said % quote(t))

    def __call__(self, environ, start_response):
        accept = environ.get("HTTP_ACCEPT_ENCODING", "")
        choice, bare = negotiate(accept, self.names)
        if choice == IDENTITY and not bare:
            said = "no acceptable content coding; there are " + ", ".join(self.names)
            vary = [("Vary", "Accept-Encoding")]
            return plain(environ, start_response, 406, said, vary)
        return super().__call__(environ, start_response)

    def edit(self, environ, answer):
        if answer.code == 304:
            not_modified(environ, answer)
            return
        if not self.may(answer):
            return
        answer.set("Vary", varying(answer.field("Vary"), "Accept-Encoding"))
        choice, bare = negotiate(environ.get("HTTP_ACCEPT_ENCODING", ""), self.names)
        if choice == IDENTITY or environ["REQUEST_METHOD"] == "HEAD":
            return
        if bare and 0 <= answer.length() < self.conf.min_size:
            return
        self.encode(answer, choice, bare)

    def may(self, answer):
        """Whether the reply is of a kind that is encoded for some clients."""
        if answer.code < 200 or answer.code in (204, 205, 206):
            return False
        if answer.field("Content-Encoding") or answer.field("Content-Range"):
            return False
        if lists(answer.field("Cache-Control"), "no-transform"):
            return False
        bare = answer.field("Content-Type").partition(";")[0].strip(" \t")
        return any(t.fullmatch(bare) for t in self.types)

    def encode(self, answer, choice, bare):
        """A whole body stays as it is if that makes it no shorter and the client takes it so."""
        encoder, whole = CODINGS[self.names[choice]](self.levels[choice]), answer.whole()
        if whole is None:
            answer.body = Encoded(answer.body, encoder)
            answer.take("Content-Length")
        else:
            encoded = encoder.end(whole)
            if bare and len(encoded) >= len(whole):
                return
            answer.give(encoded)
        answer.set("Content-Encoding", self.names[choice])
        answer.set("ETag", weak(answer.field("ETag")))
        answer.take("Accept-Ranges", "Content-Digest", "Repr-Digest")  # of the plain body


class Encoded(Stream):
    """A stream in a content coding. Each block is flushed, so that the client can decode all of it."""

    def __init__(self, body, encoder):
        super().__init__(body)
        self.encoder = encoder

    def __next__(self):
        if self.encoder is None:
            raise StopIteration
        for data in self.blocks:
            return self.encoder.block(data) if data else b""
        encoder, self.encoder = self.encoder, None
        return encoder.end()


def wild(media_type):
    """The pattern of a media type, in which a * stands for any text."""
    return ".+".join(re.escape(part) for part in media_type.split("*"))


def not_modified(environ, answer):
    """Have a 304 tell what the reply told that the client has (RFC 9110 section 15.4.5)."""
    answer.set("Vary", varying(answer.field("Vary"), "Accept-Encoding"))
    tag = answer.field("ETag")
    if tag and weak(tag) in tags(environ.get("HTTP_IF_NONE_MATCH", "")):
        answer.set("ETag", weak(tag))


def negotiate(accept, offered):
    """What an Accept-Encoding likes best of the codings offered (RFC 9110 section 12.5.3), the best liked
    by the server first, and whether it takes a body without a coding."""
    like, bare, other = {}, None, None
    for one in listed(accept):
        name, _, weight = one.partition(";")
        q = quality(weight)
        if q is None:
            continue  # as if it were not there
        name = name.rstrip(" \t").lower()
        if name == "*":
            other = q
        elif name == "identity":
            bare = q
        else:
            like["gzip" if name == "x-gzip" else name] = q
    bare = other if bare is None else bare
    choice, best = IDENTITY, bare or 0
    for i, name in enumerate(offered):
        q = like.get(name, other)
        if q is not None and (q > best or q == best and q > 0 and choice == IDENTITY):
            choice, best = i, q
    return choice, bare != 0


WEIGHT = re.compile(r"[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.[0-9]{0,3})?)", re.ASCII)


def quality(weight):
    """A weight in thousandths (RFC 9110 section 12.4.2); none is 1000. It is None if it is not one."""
    weight = weight.strip(" \t")
    if not weight:
        return 1000
    number = WEIGHT.fullmatch(weight)
    if not number:
        return None
    whole, _, digits = number[1].partition(".")
    q = int(whole) * 1000 + int(digits.ljust(3, "0"))
    return q if q <= 1000 else None
