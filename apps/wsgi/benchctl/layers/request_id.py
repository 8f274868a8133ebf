import base64
import os
import re

from ..answer import ask
from ..layer import Layer
from .client import client_of
from .fields import check_name, contain, networks, variable

SANE = re.compile(r"[0-9A-Za-z_.:+=@~-]{1,128}")


class RequestID(Layer):
    """Gives each request an id: "benchctl.request_id" in the environment, and a field of the reply."""

    name = "request-id"

    def __init__(self, app, conf):
        super().__init__(app, conf)
        try:
            check_name(conf.field)
        except ValueError as error:
            raise ValueError("field: %s" % error) from None
        if conf.networks and not conf.trust:
            raise ValueError("networks: have no effect without trust")
        try:
            self.networks = networks(conf.networks)
        except ValueError as error:
            raise ValueError("networks: %s" % error) from None
        self.variable = variable(conf.field)

    def __call__(self, environ, start_response):
        identity = self.taken(environ) or base64.b32encode(os.urandom(20))[:26].decode()
        answer = ask(self.app, {**environ, "benchctl.request_id": identity})
        answer.default(self.conf.field, identity)
        return answer.send(start_response)

    def taken(self, environ):
        """The id that the request brings, if it is taken."""
        if not self.conf.trust:
            return ""
        if self.networks and not contain(self.networks, client_of(environ).address):
            return ""
        brought = environ.get(self.variable, "")
        return brought if SANE.fullmatch(brought) else ""
