import re

from ..answer import ask
from ..layer import Layer
from .client import Client, address, peer
from .fields import contain, is_token, networks

UNIX = "unix"  # the peer of a Unix socket, among those that are trusted


class Forwarded(Layer):
    """Finds out the client of a request that came by proxies: "benchctl.client" in the environment.

    A peer that is no trusted proxy is the client itself, whatever it says.
    """

    name = "forwarded"

    def __init__(self, app, conf):
        super().__init__(app, conf)
        try:
            self.trusted = networks([text for text in conf.trusted if text != UNIX])
        except ValueError as error:
            raise ValueError("trusted: %s" % error) from None

    def __call__(self, environ, start_response):
        client = Client(peer(environ))
        if self.trusts(client.address):
            find = from_forwarded if self.conf.field == "Forwarded" else from_x_forwarded
            client = find(environ, self.trusted, client)
        return ask(self.app, {**environ, "benchctl.client": client}).send(start_response)

    def trusts(self, address):
        """Whether a peer is a trusted proxy. One without an address is on a Unix socket."""
        return contain(self.trusted, address) or UNIX in self.conf.trusted and address is None


def farthest(entries, trusted, near):
    """The client among entries that were added from the left to the right: the rightmost that is none of a
    trusted proxy, or the leftmost if all are. Without entries it is the peer."""
    for client in reversed(entries):
        if not contain(trusted, client.address):
            return client
    return entries[0] if entries else near


def from_x_forwarded(environ, trusted, near):
    """X-Forwarded-For. The scheme is the last of X-Forwarded-Proto, which the nearest proxy has told."""
    field = environ.get("HTTP_X_FORWARDED_FOR", "")
    texts = field.split(",") if field else ()
    client = farthest([Client(node(text.strip(" \t"))) for text in texts], trusted, near)
    last = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2]
    return client._replace(scheme=scheme(last.strip(" \t")))


def from_forwarded(environ, trusted, near):
    """Forwarded. Address and scheme are of the same entry."""
    entries = parse(environ.get("HTTP_FORWARDED", ""))
    return Client() if entries is None else farthest(entries, trusted, near)


# Tokens are taken to be wider than they are, since many proxies leave out the quotes that an
# address with colons needs.
PAIR = re.compile(r'([^=]*)=(?:"((?:[^"\\]|\\.)*)"|([^ \t;,"]+))', re.DOTALL)
SEPARATOR = re.compile(r"[ \t]*([;,]?)[ \t]*")


def parse(text):
    """The entries of a field Forwarded (RFC 7239 section 4), None if it can't be parsed."""
    entries, at, client = [], 0, Client()
    while at < len(text):
        pair = PAIR.match(text, at)
        if not pair or not is_token(pair[1]):
            return None
        client = told(client, pair[1].lower(), value_of(pair))
        separator = SEPARATOR.match(text, pair.end())
        at = separator.end()
        if separator[1] == ";":
            if at == len(text):
                return None
            continue
        entries.append(client)
        client = Client()
        if not separator[1] and at < len(text):
            return None
    return entries


def value_of(pair):
    quoted = pair[2]
    return pair[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)


def told(client, name, value):
    """A client with what a pair of its entry tells."""
    if name == "for":
        return client._replace(address=node(value))
    if name == "proto":
        return client._replace(scheme=scheme(value))
    return client


def node(text):
    """The address of a node (RFC 7239 section 6), with a port or without; None if it is none."""
    bare = text[1:] if text.startswith("[") else text
    one = address(bare[:-1] if bare.endswith("]") else bare)
    with_port = re.fullmatch(r"(?:\[(.*:.*)\]|([^:]*)):([0-9]+)", text, re.ASCII)
    if one is None and with_port and int(with_port[3]) <= 65535:
        one = address(with_port[1] or with_port[2])
    return one


def scheme(text):
    """A scheme in small letters, "" if it is none (RFC 3986 section 3.1)."""
    return text.lower() if re.fullmatch(r"[0-9A-Za-z+.-]*", text) else ""
