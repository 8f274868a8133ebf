import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import MutableMapping

from ..answer import ask, close
from ..config import SECOND, quote, secret, show_duration
from ..layer import Layer
from .fields import is_token, varying

MIN_KEY = 32  # bytes, so that it is no weaker than SHA-256
MAX_COOKIE = 4096  # bytes with its attributes, as clients keep at least (RFC 6265 section 6.1)


class Sessions(Layer):
    """Keeps a few texts for each client, in a signed cookie: "benchctl.session" in the environment.

    The cookies are those of github.com/gorilla/securecookie: what one world signs the other one reads.
    """

    name = "session"

    def __init__(self, app, conf):
        super().__init__(app, conf)
        self.check()
        self.keys = [self.key("key", conf.key)]
        self.keys += [self.key("old-keys", old) for old in conf.old_keys]

    def check(self):
        conf = self.conf
        host, is_secure = conf.name.startswith("__Host-"), conf.name.startswith("__Secure-")
        if not is_token(conf.name):
            raise ValueError("http: invalid Cookie.Name")
        bad = re.search(r"[^ -:<-~]", conf.path)
        if bad:
            raise ValueError("http: invalid byte %r in Cookie.Path" % bad[0])
        if conf.domain and not is_domain(conf.domain):
            raise ValueError("http: invalid Cookie.Domain")
        if not conf.path.startswith("/"):
            raise ValueError('path: %s does not begin with "/"' % quote(conf.path))
        if conf.max_age % SECOND:
            raise ValueError("max-age: %s is not of whole seconds" % show_duration(conf.max_age))
        if conf.insecure and conf.same_site == "none":
            raise ValueError("insecure: does not go with same-site none")
        if conf.insecure and (host or is_secure):
            raise ValueError("insecure: does not go with the name %s" % conf.name)
        if host and (conf.path != "/" or conf.domain):
            raise ValueError("name: %s goes with path / and no domain alone" % conf.name)

    def key(self, field, reference):
        try:
            key = secret(reference)
        except ValueError as error:
            raise ValueError("%s: %s" % (field, error)) from None
        if len(key) < MIN_KEY:
            said = "%s: secret %s: %d bytes are no key; it has %d or more"
            raise ValueError(said % (field, reference, len(key), MIN_KEY))
        return key

    def __call__(self, environ, start_response):
        if "benchctl.cookies" not in environ:
            raise RuntimeError('session requires "cookies", which no layer outside it provides')
        session = Session(self, environ["benchctl.cookies"].get(self.conf.name))
        answer = ask(self.app, {**environ, "benchctl.session": session})
        try:
            self.write(session, answer)
        except BaseException:
            close(answer.body)
            raise
        return answer.send(start_response)

    def write(self, session, answer):
        """Write the session, if it was changed, and say if the reply depends on it."""
        session.answered = True
        if session.values is not None:
            answer.set("Vary", varying(answer.field("Vary"), "Cookie"))
        if not session.changed:
            return
        if session.values:
            value = sign(self.keys[0], self.conf.name, session.values)
            answer.add("Set-Cookie", self.cookie(value, self.conf.max_age // SECOND))
        elif session.cookie is not None:
            answer.add("Set-Cookie", self.cookie("", 0))

    def cookie(self, value, age):
        conf = self.conf
        text = "%s=%s; Path=%s" % (conf.name, value, conf.path)
        if conf.domain:
            text += "; Domain=" + conf.domain.lstrip(".")
        text += "; Max-Age=%d; HttpOnly" % age
        if not conf.insecure:
            text += "; Secure"
        text += "; SameSite=" + conf.same_site.title()
        if len(text) > MAX_COOKIE:
            said = "session: the cookie has %d bytes, %d at most"
            raise RuntimeError(said % (len(text), MAX_COOKIE))
        return text

    def read(self, cookie):
        """The values that a cookie has, none if it was changed by others or is too old."""
        for key in self.keys if cookie and len(cookie) <= MAX_COOKIE else ():
            values = verify(key, self.conf.name, cookie, self.conf.max_age // SECOND)
            if values is not None:
                return values
        return {}


class Session(MutableMapping):
    """The session of a client, texts by their names. It can be changed until the app has answered."""

    def __init__(self, home, cookie):
        self.home, self.cookie, self.values = home, cookie, None
        self.changed = self.answered = False

    def load(self):
        """Read the session from the cookie, the first time that it is needed."""
        if self.values is None:
            self.values = self.home.read(self.cookie)
        return self.values

    def change(self):
        if self.answered:
            raise RuntimeError("request already answered")
        self.changed = True
        return self.load()

    def __getitem__(self, name):
        return self.load()[name]

    def __setitem__(self, name, value):
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError("a session has texts by their names")
        self.change()[name] = value

    def __delitem__(self, name):
        del self.change()[name]

    def __iter__(self):
        return iter(self.load())

    def __len__(self):
        return len(self.load())

    def clear(self):
        self.change().clear()


# JSON as encoding/json of Go writes it.
ESCAPES = {ord(c): "\\u%04x" % ord(c) for c in "<>&\u2028\u2029"}


def sign(key, name, values):
    """The value of a cookie: the base64 of time, values and HMAC."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    text = base64.urlsafe_b64encode((text.translate(ESCAPES) + "\n").encode())
    signed = b"%d|%s" % (time.time(), text)
    whole = signed + b"|" + mac(key, name, signed)
    if len(base64.urlsafe_b64encode(whole)) > MAX_COOKIE:
        raise RuntimeError("session: securecookie: the value is too long")
    return base64.urlsafe_b64encode(whole).decode()


def verify(key, name, cookie, max_age):
    """The values of a cookie, None if they are not those that were signed by the key, or too old."""
    try:
        whole = base64.b64decode(cookie.encode("ascii"), b"-_", validate=True)
        at, text, signature = whole.split(b"|", 2)
        if not hmac.compare_digest(signature, mac(key, name, at + b"|" + text)):
            return None
        if int(at) < time.time() - max_age:
            return None
        values = json.loads(base64.b64decode(text, b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        return None
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        return None
    return values


def mac(key, name, signed):
    return hmac.new(key, b"%s|%s" % (name.encode(), signed), hashlib.sha256).digest()


def is_domain(text):
    """Whether text is a host that cookies may be for, as net/http has it."""
    label = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
    if re.fullmatch(r"\.?%s(\.%s)*" % (label, label), text) and re.search("[A-Za-z]", text):
        return len(text) <= 255
    return bool(re.fullmatch(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}", text, re.ASCII))
