import json
import time
from datetime import datetime
from urllib.parse import quote

from .client import client_of
from .lines import Lines
from .observe import Observer

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
PLAIN = "$&+,/:;=@"  # beside letters, digits and -_.~: what net/url leaves in a path
# Text as Apache writes it, so that it ends neither quotes nor the line.
ESCAPES = {c: "\\x%02x" % c for c in range(256) if not 0x20 <= c <= 0x7E}
ESCAPES.update({ord(c): "\\" + c for c in '"\\'})


class AccessLog(Observer):
    """Writes a line for each request when it has ended, in the form of NCSA, Apache or JSON.

    The client is the peer of the connection. A client behind proxies, the user and the id of a request are
    those that the layers forwarded, basic-auth and request-id tell, where they stand outside of it.
    """

    name = "access-log"

    def __init__(self, app, conf):
        super().__init__(app, conf)
        self.lines = Lines(conf.file, 0 if conf.unbuffered else conf.flush / 10**9)

    def ended(self, exchange):
        if self.conf.format == "json":
            self.lines.write(as_json(exchange))
        else:
            self.lines.write(as_ncsa(exchange, self.conf.format == "combined"))


def as_ncsa(x, combined):
    """A line of the format common, or combined."""
    user = x.environ.get("benchctl.user", "").translate(ESCAPES).replace(" ", "+")
    request = x.method.translate(ESCAPES) + " " + target(x)
    line = '%s - %s [%s] "%s" %d %s' % (
        address(x) or "-", user or "-", clock(x.start), request, x.status, x.sent or "-",
    )  # fmt: skip
    if combined:
        for name in ("HTTP_REFERER", "HTTP_USER_AGENT"):
            line += ' "%s"' % (x.environ.get(name) or "-").translate(ESCAPES)
    return "%s %d\n" % (line, x.took * 10**6)


def as_json(x):
    """An object with what the format combined tells, and the id of the request."""
    now = datetime.fromtimestamp(time.time()).astimezone().isoformat()
    record = {"time": now.replace("+00:00", "Z"), "level": "INFO", "msg": "request"}
    environ = x.environ
    for name, value in (
        ("client", address(x)),
        ("user", environ.get("benchctl.user")),
        ("request_id", environ.get("benchctl.request_id")),
        ("method", x.method),
        ("path", x.path),
        ("query", environ.get("QUERY_STRING")),
        ("referer", environ.get("HTTP_REFERER")),
        ("user_agent", environ.get("HTTP_USER_AGENT")),
    ):
        if value:
            record[name] = value.encode("latin-1").decode("utf-8", "replace")
    record.update(status=x.status, bytes=x.sent, seconds=x.took)
    if x.error is not None:
        record["error"] = str(x.error)
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n"


def address(x):
    return str(client_of(x.environ).address or "")


def clock(seconds):
    at = time.localtime(seconds)
    return time.strftime("%%d/%s/%%Y:%%H:%%M:%%S %%z" % MONTHS[at.tm_mon - 1], at)


def target(x):
    """Path and query of a request as they can stand in a request line."""
    text = quote(x.path.encode("latin-1"), safe=PLAIN)
    query = x.environ.get("QUERY_STRING")
    return (text + "?" + query if query else text).translate(ESCAPES)
