"""Stacks of layers and apps, as files of Paste Deploy name them."""

import os
from urllib.parse import quote

from . import suite
from .config import ConfigError


def load(stack):
    """The WSGI application of a stack: FILE.ini, or FILE.ini#NAME for another app of it than "main"."""
    try:
        from paste.deploy import loadapp
    except ImportError as error:
        said = "%s: Paste Deploy is not installed: apt-get install python3-pastedeploy"
        raise ConfigError(said % stack) from error
    path, _, name = stack.partition("#")
    app = loadapp("config:" + quote(os.path.abspath(path)), name=name or "main")
    for what, who in getattr(app, "missing", {}).items():
        said = '%s: %s requires "%s", which no layer outside it provides'
        raise ConfigError(said % (path, who, what))
    return app


def mount(mounts):
    """The application of the suite with stacks beside it: a line for each, of a path of one segment and a stack."""
    stacks = {}
    for line in mounts.splitlines():
        path, _, stack = line.partition(" ")
        stacks[path] = load(stack)

    def application(environ, start_response):
        path = environ.get("PATH_INFO", "")
        root = path[: path.find("/", 1)] if "/" in path[1:] else path
        stack = stacks.get(root)
        if stack is None:
            return suite.application(environ, start_response)
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + root
        environ["PATH_INFO"] = path[len(root) :]
        return stack(environ, start_response)

    return application
