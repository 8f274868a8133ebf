import os
import re

from ..answer import ask, plain
from ..config import quote
from ..layer import Layer


class Health(Layer):
    """Tells at a path whether the server is fit for requests: 200, or 503 while a file is there.

    WSGI tells an application neither its start nor its end: it is neither starting nor stopping. Checks
    are no config, so that the field timeout bounds none here.
    """

    name = "health"

    def __init__(self, app, conf):
        super().__init__(app, conf)
        check_path(conf.path)

    def __call__(self, environ, start_response):
        if (environ.get("PATH_INFO") or "/") != self.conf.path:
            return ask(self.app, environ).send(start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return not_allowed(environ, start_response)
        fresh = [("Cache-Control", "no-store")]
        if self.conf.down_file and is_there(self.conf.down_file):
            return plain(environ, start_response, 503, "down", fresh)
        return plain(environ, start_response, 200, "ok", fresh)


def not_allowed(environ, start_response):
    return plain(environ, start_response, 405, "method not allowed", [("Allow", "GET, HEAD")])


def check_path(path):
    if not path.startswith("/") or re.search("[?#]", path):
        raise ValueError('path: %s is no path, as "/healthz"' % quote(path))


def is_there(path):
    """Whether a file is there. One that can't be looked at may be."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    except OSError:
        pass
    return True
