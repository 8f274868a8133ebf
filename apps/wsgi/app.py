"""The application for WSGI servers (PEP 3333): app:application.

It is the test apps, by their paths, or the stack that the environment variable
BENCHCTL_STACK names: FILE.ini, or FILE.ini#NAME, an app in a file of Paste Deploy.
BENCHCTL_MOUNTS names stacks beside the test apps, each after the path below which it is.
"""

import os

STACK, MOUNTS = os.environ.get("BENCHCTL_STACK"), os.environ.get("BENCHCTL_MOUNTS")
if STACK:
    from benchctl.stack import load

    application = load(STACK)
elif MOUNTS:
    from benchctl.stack import mount

    application = mount(MOUNTS)
else:
    from benchctl.suite import application  # noqa: F401
