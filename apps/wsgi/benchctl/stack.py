"""Stacks of layers and apps, as files of Paste Deploy name them."""

import os
from urllib.parse import quote

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
