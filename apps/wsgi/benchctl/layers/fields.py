"""Names and values of header fields, and networks in them: what layers share."""

import ipaddress
import re

from ..config import quote

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Those that belong to the server, and the one that frames the body.
OWNED = (
    "Connection", "Transfer-Encoding", "Keep-Alive", "Proxy-Connection", "Upgrade", "TE", "Trailer",
    "Content-Length",
)  # fmt: skip


def is_token(text):
    """Whether text is a token (RFC 9110 section 5.6.2), as names of fields and methods are."""
    return bool(TOKEN.fullmatch(text))


def listed(text):
    """The members of a list of tokens (RFC 9110 section 5.6.1), without the empty ones."""
    return [one for one in (one.strip(" \t") for one in text.split(",")) if one]


def lists(text, member):
    """Whether a list has a member, without regard to case."""
    return member.lower() in (one.lower() for one in listed(text))


def varying(vary, *names):
    """A field Vary with more names (RFC 9110 section 12.5.5)."""
    for name in names:
        if not vary:
            vary = name
        elif not lists(vary, name) and not lists(vary, "*"):
            vary += ", " + name
    return vary


def check_name(name):
    """Refuse what is not the name of a field that a layer sets or takes away."""
    if not is_token(name):
        raise ValueError("%s is no name of a field (RFC 9110 section 5.1)" % quote(name))
    if name.lower() in (one.lower() for one in OWNED):
        raise ValueError("%s belongs to the server (A3)" % name)


def check_value(name, value):
    """Refuse what is not the value of a field."""
    if value.strip() != value or re.search("[\x00-\x08\x0a-\x1f\x7f]", value):
        said = "%s is no value of field %s (RFC 9110 section 5.5)"
        raise ValueError(said % (quote(value), name))


def variable(name):
    """Where the environment has a field of the request."""
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + key


def native(text):
    """A text of the config as it is in header fields, byte by byte."""
    return text.encode().decode("latin-1")


def request_length(environ):
    """The length of the request's body in bytes, -1 if it is chunked."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length:
        return int(length)
    return -1 if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower() else 0


def networks(texts):
    """Networks as "10.0.0.0/8", or addresses."""
    return [network(text) for text in texts]


def network(text):
    said = '%s is no network, as "10.0.0.0/8", and no address' % quote(text)
    if not re.fullmatch(r"[0-9a-fA-F.:]+(/(0|[1-9][0-9]*))?", text):
        raise ValueError(said)
    try:
        one = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(said) from None
    if one.network_address != ipaddress.ip_address(text.partition("/")[0]):
        raise ValueError("%s has bits beyond its length; %s has none" % (quote(text), one))
    if one.version == 6 and one.network_address.ipv4_mapped:
        raise ValueError("%s is of IPv4: write it as one" % quote(text))
    return one


def contain(all_networks, address):
    """Whether an address, which may be None, is in one of the networks."""
    return address is not None and any(address in one for one in all_networks)
