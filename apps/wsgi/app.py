"""The application for WSGI servers (PEP 3333): app:application.

It is the test apps, by their paths, or the stack that the environment variable
BENCHCTL_STACK names: FILE.ini, or FILE.ini#NAME, an app in a file of Paste Deploy.
"""

import os

STACK = os.environ.get("BENCHCTL_STACK")
if STACK:
    from benchctl.stack import load

    application = load(STACK)
else:
    from benchctl.suite import application  # noqa: F401
