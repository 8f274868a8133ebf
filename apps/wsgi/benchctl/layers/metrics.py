import bisect
import re
import threading

from ..answer import reply
from ..config import quote
from .health import check_path, not_allowed
from .observe import Observer

FORMAT = "text/plain; version=0.0.4; charset=utf-8"
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")  # others are "other"


class Metrics(Observer):
    """Counts and times requests, and tells it at a path as Prometheus reads it.

    Each process counts its own requests, as those of a server in Go do.
    """

    name = "metrics"

    def __init__(self, app, conf):
        super().__init__(app, conf)
        if not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", conf.prefix):
            raise ValueError("prefix: %s is no part of a metric's name" % quote(conf.prefix))
        try:
            self.bounds = bounds(conf.buckets)
        except ValueError as error:
            raise ValueError("buckets: %s" % error) from None
        check_path(conf.path)
        self.lock = threading.Lock()
        self.requests = {(c, m): 0 for c in "12345" for m in (*METHODS, "other")}
        self.buckets = [0] * (len(self.bounds) + 1)
        self.in_flight = self.bytes = 0
        self.seconds = 0.0

    def __call__(self, environ, start_response):
        if (environ.get("PATH_INFO") or "/") == self.conf.path:
            return self.tell(environ, start_response)
        with self.lock:
            self.in_flight += 1
        return super().__call__(environ, start_response)

    def ended(self, exchange):
        method = exchange.method if exchange.method in METHODS else "other"
        kind = str(min(max(exchange.status // 100, 1), 5))
        with self.lock:
            self.in_flight -= 1
            self.seconds += exchange.took
            self.buckets[bisect.bisect_left(self.bounds, exchange.took)] += 1
            self.bytes += exchange.sent
            self.requests[kind, method] += 1

    def tell(self, environ, start_response):
        """Answer with all metrics."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return not_allowed(environ, start_response)
        headers = [("Content-Type", FORMAT), ("Cache-Control", "no-store")]
        with self.lock:
            text = "".join(line + "\n" for line in self.text())
        return reply(environ, start_response, 200, text.encode(), headers)

    def text(self):
        name = self.conf.prefix + "_request_duration_seconds"
        help_text = "Time until the app answered, or its stream was closed."
        yield from head(name, "histogram", help_text)
        total = 0
        for bound, count in zip([*map(number, self.bounds), "+Inf"], self.buckets):
            total += count
            yield '%s_bucket{le="%s"} %d' % (name, bound, total)
        yield "%s_sum %s" % (name, number(self.seconds))
        yield "%s_count %d" % (name, total)
        name = self.conf.prefix + "_requests_in_flight"
        yield from head(name, "gauge", "Requests that have not ended.")
        yield "%s %s" % (name, number(self.in_flight))
        name = self.conf.prefix + "_requests_total"
        help_text = "Requests that have ended, by method and class of the status."
        yield from head(name, "counter", help_text)
        for (kind, method), count in self.requests.items():
            yield '%s{class="%sxx",method="%s"} %s' % (name, kind, method, number(count))
        name = self.conf.prefix + "_response_body_bytes_total"
        yield from head(name, "counter", "Bytes of bodies that the server got from the app.")
        yield "%s %s" % (name, number(self.bytes))


def head(name, kind, text):
    return "# HELP %s %s" % (name, text), "# TYPE %s %s" % (name, kind)


def number(n):
    """A number as Go writes it: in as few digits as tell it, with an exponent from a million on."""
    for digits in range(17):
        text = "%.*e" % (digits, n)
        if float(text) == n:
            break
    exponent = int(text.partition("e")[2])
    return text if not -5 < exponent < 6 else "%.*f" % (max(digits - exponent, 0), n)


def bounds(texts):
    """The upper bounds of buckets, the least first."""
    found = []
    for text in texts:
        try:
            n = float(text)
        except ValueError:
            n = 0
        if not 0 < n < 1e9:
            raise ValueError("%s is no number of seconds" % quote(text))
        if found and n <= found[-1]:
            raise ValueError("%s is not more than the one before" % quote(text))
        found.append(n)
    return found
