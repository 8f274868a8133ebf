"""Who sent a request."""

import ipaddress
from collections import namedtuple

# An address of module ipaddress or None, and the scheme in small letters, or "".
Client = namedtuple("Client", ("address", "scheme"), defaults=(None, ""))


def client_of(environ):
    """The client that the layer forwarded has found out, and outside of it the peer of the connection."""
    return environ.get("benchctl.client") or Client(peer(environ))


def peer(environ):
    """The address of the other end of the connection, None if it has none, as on a Unix socket."""
    return address(environ.get("REMOTE_ADDR") or "")


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
