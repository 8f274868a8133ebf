from ..answer import ask, plain
from ..config import quote
from ..layer import Layer
from .fields import check_name, is_token, variable

TAKEN_OTHERWISE = ("CONNECT", "GET", "HEAD", "OPTIONS", "POST", "TRACE")


class MethodOverride(Layer):
    """Has a POST ask with the method that a field of it names. One that it may not ask with gets 400."""

    name = "method-override"

    def __init__(self, app, conf):
        super().__init__(app, conf)
        for i, method in enumerate(conf.methods):
            if not is_token(method) or method != method.upper():
                said = 'methods: %s is no method, as "PUT" (RFC 9110 section 9.1)'
                raise ValueError(said % quote(method))
            if method in TAKEN_OTHERWISE:
                said = "methods: a POST can't ask with %s, which servers and caches take in another way"
                raise ValueError(said % method)
            if method in conf.methods[:i]:
                raise ValueError("methods: %s is listed twice" % method)
        try:
            check_name(conf.field)
        except ValueError as error:
            raise ValueError("field: %s" % error) from None
        self.variable = variable(conf.field)

    def __call__(self, environ, start_response):
        named = environ.get(self.variable, "").upper()
        if environ["REQUEST_METHOD"] == "POST" and named not in ("", "POST"):
            if named not in self.conf.methods:
                said = "no method that a POST may ask with; there are " + ", ".join(self.conf.methods)
                return plain(environ, start_response, 400, said)
            environ = {**environ, "REQUEST_METHOD": named}
        return ask(self.app, environ).send(start_response)
