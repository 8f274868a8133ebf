import hashlib
import ipaddress
import math
import threading
import time
from collections import OrderedDict

from ..answer import ask, plain
from ..config import quote
from ..layer import Layer
from .client import client_of
from .fields import is_token, variable


class RateLimit(Layer):
    """Answers requests of a client or a key that come too often with 429 (RFC 6585 section 4).

    Each process has buckets of its own, as those of a server in Go have.
    """

    name = "rate-limit"

    def __init__(self, app, conf):
        super().__init__(app, conf)
        if conf.key and not is_token(conf.key):
            raise ValueError("key: %s is no name of a field (RFC 9110 section 5.1)" % quote(conf.key))
        self.variable = variable(conf.key)
        self.buckets, self.lock = OrderedDict(), threading.Lock()

    def __call__(self, environ, start_response):
        wait = self.take(self.key(environ), time.monotonic())
        if wait > 0:
            retry = [("Retry-After", str(math.ceil(wait)))]
            return plain(environ, start_response, 429, "too many requests", retry)
        return ask(self.app, environ).send(start_response)

    def key(self, environ):
        """What requests are told apart by. It does not grow with what a client sends."""
        if self.conf.key:
            value = environ.get(self.variable, "")
            return hashlib.sha256(value.encode("latin-1")).digest()[:16]
        address = client_of(environ).address
        if address is not None and address.version == 6:  # the network of one client
            return ipaddress.IPv6Address(int(address) >> 64 << 64)
        return address

    def take(self, key, now):
        """Take a request from the bucket of a key: how long there will be none, in s, 0 if there was one."""
        with self.lock:
            tokens, last = self.buckets.pop(key, (self.conf.burst, now))
            tokens = min(self.conf.burst, tokens + (now - last) * self.conf.rate)
            wait = 0 if tokens >= 1 else (1 - tokens) / self.conf.rate
            if len(self.buckets) >= self.conf.max_keys:
                self.buckets.popitem(last=False)  # that which was used least recently
            self.buckets[key] = (tokens if wait else tokens - 1, now)
            return wait
