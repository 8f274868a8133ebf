import ipaddress
import re
from collections import namedtuple

from ..answer import ask
from ..layer import Layer
from .fields import contain, is_token, networks

# Who sent a request: an address of module ipaddress or None, and the scheme in small letters, or "".
Client = namedtuple("Client", ("address", "scheme"), defaults=(None, ""))


class Forwarded(Layer):
    """Finds out the client of a request that came by proxies: "benchctl.client" in the environment.

    As in Go the peer is taken for a trusted proxy, always, and REMOTE_ADDR is not looked at.
    """

    name = "forwarded"

    def __init__(self, app, conf):
        super().__init__(app, conf)
        try:
            self.trusted = networks(conf.trusted)
        except ValueError as error:
            raise ValueError("trusted: %s" % error) from None

    def __call__(self, environ, start_response):
        find = from_forwarded if self.conf.field == "Forwarded" else from_x_forwarded
        client = find(environ, self.trusted)
        return ask(self.app, {**environ, "benchctl.client": client}).send(start_response)


def farthest(entries, trusted):
    """The client among entries that were added from the left to the right: the rightmost that is none of a
    trusted proxy, or the leftmost if all are."""
    for client in reversed(entries):
        if not contain(trusted, client.address):
            return client
    return entries[0] if entries else Client()


def from_x_forwarded(environ, trusted):
    """X-Forwarded-For. The scheme is the last of X-Forwarded-Proto, which the nearest proxy has told."""
    texts = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
    client = farthest([Client(node(text.strip(" \t"))) for text in texts], trusted)
    last = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2]
    return client._replace(scheme=scheme(last.strip(" \t")))


def from_forwarded(environ, trusted):
    """Forwarded. Address and scheme are of the same entry."""
    entries = parse(environ.get("HTTP_FORWARDED", ""))
    return Client() if entries is None else farthest(entries, trusted)


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


def address(text):
    """An address without a zone, and as IPv4 where it is one."""
    bare, zone, name = text.partition("%")
    try:
        one = ipaddress.ip_address(bare)
    except ValueError:
        return None
    if zone and (one.version == 4 or not name):
        return None
    return one.version == 6 and one.ipv4_mapped or one


def scheme(text):
    """A scheme in small letters, "" if it is none (RFC 3986 section 3.1)."""
    return text.lower() if re.fullmatch(r"[0-9A-Za-z+.-]*", text) else ""
