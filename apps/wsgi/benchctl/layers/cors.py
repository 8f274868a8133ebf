import re

from ..answer import reply
from ..config import SECOND, quote
from ..layer import Layer
from .fields import is_token, listed, varying

HOST = r"(?:[a-z0-9._~!$&'()+,;=-]+|\[[0-9a-f:.]+\])(?::[0-9]*)?"
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:\*\.)?" + HOST)
PREFIX = "access-control-"
NO_ORIGIN = (
    'origins: %s is no origin, as "https://example.org" or "https://*.example.org:8443", in small letters'
)


class CORS(Layer):
    """Tells browsers which other origins may read replies, and answers preflights."""

    name = "cors"

    def __init__(self, app, conf):
        super().__init__(app, conf)
        self.check()
        self.any = "*" in conf.origins
        self.exact = [o for o in conf.origins if "*" not in o]
        self.below = [o.split("*") for o in conf.origins if "*" in o and not self.any]
        self.headers = [h.lower() for h in conf.headers]
        self.max_age = str(conf.max_age // SECOND)

    def check(self):
        for origin in self.conf.origins:
            if origin != "*" and not ORIGIN.fullmatch(origin):
                raise ValueError(NO_ORIGIN % quote(origin))
        for field in ("origins", "methods", "headers", "expose"):
            values = getattr(self.conf, field)
            if "*" in values and self.conf.credentials:
                raise ValueError("%s: * does not go with credentials" % field)
            if "*" in values and len(values) > 1:
                raise ValueError("%s: * is all, and stands alone" % field)
            for value in values if field != "origins" else ():
                if not is_token(value):
                    said = "%s: %s is no token (RFC 9110 section 5.6.2)"
                    raise ValueError(said % (field, quote(value)))

    def __call__(self, environ, start_response):
        origin = environ.get("HTTP_ORIGIN", "")
        method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "")
        if origin and method and environ["REQUEST_METHOD"] == "OPTIONS":
            headers = self.preflight(environ, origin, method)
            return reply(environ, start_response, 204, None, headers)
        return super().__call__(environ, start_response)

    def edit(self, environ, answer):
        """Vary says that the reply depends on the origin, even if there is none, so that no cache gives it
        to another one."""
        fields = [h for h in answer.headers if not h[0].lower().startswith(PREFIX)]
        allowed = self.allowed(environ.get("HTTP_ORIGIN", ""))
        if allowed and self.conf.expose:
            allowed.append(("Access-Control-Expose-Headers", ", ".join(self.conf.expose)))
        answer.headers = fields + allowed
        if not self.any:
            answer.set("Vary", varying(answer.field("Vary"), "Origin"))

    def allowed(self, origin):
        """The fields by which an origin may read the reply, if it may."""
        if not origin or not self.may(origin):
            return []
        headers = [("Access-Control-Allow-Origin", "*" if self.any else origin)]
        if self.conf.credentials:
            headers.append(("Access-Control-Allow-Credentials", "true"))
        return headers

    def may(self, origin):
        if self.any or origin in self.exact:
            return True
        return any(
            len(origin) > len(a) + len(b) and origin.startswith(a) and origin.endswith(b)
            for a, b in self.below
        )

    def preflight(self, environ, origin, method):
        """Whether a request may be made (Fetch, "CORS-preflight request")."""
        vary = "Access-Control-Request-Method, Access-Control-Request-Headers"
        headers = [("Vary", vary if self.any else "Origin, " + vary)]
        asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        if not self.may(origin) or not self.takes(method, asked):
            return headers
        headers += self.allowed(origin)
        headers.append(("Access-Control-Allow-Methods", ", ".join(self.conf.methods)))
        if self.conf.headers:
            headers.append(("Access-Control-Allow-Headers", ", ".join(self.conf.headers)))
        headers.append(("Access-Control-Max-Age", self.max_age))
        return headers

    def takes(self, method, fields):
        """Whether a method and fields are allowed. Methods are compared with regard to case."""
        if "*" not in self.conf.methods and method not in self.conf.methods:
            return False
        for name in listed(fields.lower()):
            free = self.headers == ["*"] and name != "authorization"
            if not free and name not in self.headers:
                return False
        return True
