"""The application for WSGI servers (PEP 3333): the test apps, by their paths."""

from benchctl.suite import application  # noqa: F401
