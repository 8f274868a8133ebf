from ..answer import ask
from ..layer import Layer
from .fields import is_token


class Cookies(Layer):
    """Reads the cookies of the request: "benchctl.cookies" in the environment, values by their names."""

    name = "cookies"

    def __call__(self, environ, start_response):
        cookies = read(environ.get("HTTP_COOKIE", ""))
        return ask(self.app, {**environ, "benchctl.cookies": cookies}).send(start_response)


def read(field):
    """The cookies of a field Cookie. Of those with one name the first one counts: clients send that of the
    longest path first (RFC 6265 section 5.4). What is no pair, or has no name, is left out."""
    cookies = {}
    for pair in field.split(";"):
        name, equals, value = pair.strip(" \t").partition("=")
        if not equals or not is_token(name):
            continue
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1]  # RFC 6265 section 4.1.1
        cookies.setdefault(name, value)
    return cookies
