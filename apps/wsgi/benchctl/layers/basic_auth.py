import base64
import binascii
import hashlib
import hmac
import os
import re

from ..answer import ask, plain
from ..config import quote, secret
from ..layer import Layer
from .fields import check_value, native

MAX_CREDENTIALS = 512  # of base64, bytes
MAX_BCRYPT = 72  # that bcrypt takes of a password, bytes
BCRYPT = re.compile(rb"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")


class BasicAuth(Layer):
    """Lets requests through that have the name and the password of a user (RFC 7617): "benchctl.user" in the
    environment, and REMOTE_USER."""

    name = "basic-auth"

    def __init__(self, app, conf):
        super().__init__(app, conf)
        try:
            check_value("WWW-Authenticate", conf.realm)
        except ValueError as error:
            raise ValueError("realm: %s" % error) from None
        try:
            text = secret(conf.users)
        except ValueError as error:
            raise ValueError("users: %s" % error) from None
        try:
            self.users = read(text)
        except ValueError as error:
            raise ValueError("users: %s: %s" % (conf.users, error)) from None
        # Whose password is compared for users that are not there.
        self.nobody = max(self.users.values(), key=lambda account: account.cost)
        quoted = native(re.sub(r'([\\"])', r"\\\1", conf.realm))  # RFC 9110 section 5.6.4
        self.challenge = 'Basic realm="%s", charset="UTF-8"' % quoted

    def __call__(self, environ, start_response):
        name = self.user(environ.get("HTTP_AUTHORIZATION", ""))
        if name is None:
            challenge = [("WWW-Authenticate", self.challenge)]
            return plain(environ, start_response, 401, "unauthorized", challenge)
        user = name.decode("latin-1")
        environ = {**environ, "benchctl.user": user, "REMOTE_USER": user, "AUTH_TYPE": "Basic"}
        return ask(self.app, environ).send(start_response)

    def user(self, field):
        """The name of the user whose credentials a field Authorization has, None if there is none."""
        if field[:6].lower() != "basic ":
            return None
        encoded = field[6:].strip(" ")
        if len(encoded) > MAX_CREDENTIALS:
            return None
        try:
            text = base64.b64decode(encoded.encode("latin-1"), validate=True)
        except binascii.Error:
            return None
        name, colon, password = text.partition(b":")
        if not colon or re.search(rb"[\x00-\x1f\x7f]", text):
            return None
        account = self.users.get(name)
        if account is None:
            self.nobody.compare(password)  # for the time that it takes
            return None
        return name if account.has(password) else None


class Account:
    """A user's hash of the password: by bcrypt or, with cost 0, of SHA-256."""

    def __init__(self, hashed, cost):
        self.hashed, self.cost = hashed, cost
        self.proven, self.key = None, os.urandom(32)
        if cost:
            self.bcrypt = library()

    def has(self, password):
        """Whether the password is that of the user. bcrypt is slow on purpose: a password that was right once is
        known again by a keyed hash."""
        if not self.cost:
            return self.compare(password)
        known = hmac.digest(self.key, password, "sha256")
        if self.proven is not None and hmac.compare_digest(known, self.proven):
            return True
        if not self.compare(password):
            return False
        self.proven = known
        return True

    def compare(self, password):
        if self.cost:
            return self.bcrypt.checkpw(password[:MAX_BCRYPT], self.hashed)
        return hmac.compare_digest(hashlib.sha256(password).digest(), self.hashed)


def library():
    try:
        import bcrypt
    except ImportError:
        said = "a hash is by bcrypt, for which a module of Python is needed: apt-get install python3-bcrypt"
        raise ValueError(said) from None
    return bcrypt


def read(text):
    """The accounts of users by their names."""
    users = {}
    for number, line in enumerate(text.split(b"\n"), 1):
        line = line.strip()
        if not line or line.startswith(b"#"):
            continue
        try:
            name, account = parse(line)
            if name in users:
                raise ValueError("user %s is there twice" % shown(name))
        except ValueError as error:
            raise ValueError("line %d: %s" % (number, error)) from None
        users[name] = account
    if not users:
        raise ValueError("no users")
    return users


def parse(line):
    """An account with its name. The errors tell nothing of the hash."""
    name, _, hashed = line.partition(b":")
    if not name or re.search(rb"[\x00-\x1f\x7f]", name):
        raise ValueError("%s is no name of a user (RFC 7617 section 2)" % shown(name))
    if hashed.startswith(b"{SHA256}"):
        digest = hashed[len(b"{SHA256}") :]
        try:
            decoded = base64.b64decode(digest, validate=True)
        except binascii.Error:
            decoded = b""
        if len(decoded) != 32 or base64.b64encode(decoded) != digest:
            raise ValueError("user %s: {SHA256} goes with the base64 of 32 bytes" % shown(name))
        return name, Account(decoded, 0)
    form = BCRYPT.fullmatch(hashed)
    if not form or not 4 <= int(form[1]) <= 31:
        said = "user %s: the hash of the password is neither of bcrypt nor {SHA256}"
        raise ValueError(said % shown(name))
    return name, Account(hashed, int(form[1]))


def shown(name):
    return quote(name.decode("utf-8", "replace"))
