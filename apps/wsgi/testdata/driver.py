"""A WSGI server in memory: asks a stack and tells what it answered.

It reads JSON: stacks as benchctl.stack.load takes them, and requests for each. It writes JSON: for each stack an
answer to each request, or the error if it can't be loaded. Time stands still but for those who sleep, from the
beginning of 2000 on, as in a bubble of testing/synctest.
"""

import base64
import io
import json
import sys
import time
from wsgiref import validate

NONE = "application/x-none"  # where the validator wants a type, and there is no content


class Clock:
    now = 946684800.0

    @classmethod
    def sleep(cls, seconds):
        cls.now += seconds


time.sleep = Clock.sleep
time.time = time.monotonic = time.perf_counter = lambda: Clock.now


def environment(request):
    """The environment of a request, as a server makes it."""
    path, _, query = request["target"].partition("?")
    body = base64.b64decode(request.get("body") or "")
    environ = {
        "REQUEST_METHOD": request["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": native(path),
        "QUERY_STRING": native(query),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        "driver.events": [],
    }
    if request.get("peer"):
        environ["REMOTE_ADDR"] = request["peer"]
    if request.get("chunked"):
        environ.update({"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True})
    elif body:
        environ["CONTENT_LENGTH"] = str(len(body))
    for name, value in request.get("fields") or ():
        key = name.upper().replace("-", "_")
        environ.setdefault(key if key == "CONTENT_TYPE" else "HTTP_" + key, native(value))
    return environ


def native(text):
    return text.encode().decode("latin-1")


class FileWrapper:
    """A server's own way to send files."""

    def __init__(self, file, length=8192):
        self.file, self.length, self.close = file, length, file.close

    def __iter__(self):
        return iter(lambda: self.file.read(self.length), b"")


def typed(app):
    """The app, but that a reply without content has a type, which the validator wants (RFC 9110 does not)."""

    def typing(environ, start_response):
        def typing_start(status, headers, exc_info=None):
            names = [name.lower() for name, _ in headers]
            if "content-type" not in names and status[:3] not in ("204", "304"):
                headers = [*headers, ("Content-Type", NONE)]
            return start_response(status, headers, *([exc_info] if exc_info else []))

        return app(environ, typing_start)

    return typing


def ask(app, request):
    environ, answer = environment(request), {"blocks": []}
    events = environ["driver.events"]

    def start_response(status, headers, exc_info=None):
        fields = [(name, value.encode("latin-1").decode()) for name, value in headers if value != NONE]
        answer.update(status=int(status[:3]), fields=fields)
        return lambda data: answer["blocks"].append(data)

    body = None
    try:
        body = app(environ, start_response)
        for block in body:
            if block:
                events.append("s")
                answer["blocks"].append(base64.b64encode(block).decode())
            if len(answer["blocks"]) == request.get("leaves"):
                break
    except AssertionError as broken:  # of the validator
        answer["broken"] = str(broken)
    except Exception as failed:
        answer["failed"] = str(failed)
    finally:
        if hasattr(body, "close"):
            body.close()
    answer["events"] = "".join(events)
    return answer


def answers(stack, requests):
    from benchctl.stack import load  # by the time that stands still

    try:
        app = validate.validator(typed(load(stack)))
    except Exception as error:
        return {"error": "%s: %s" % (type(error).__name__, error)}
    replies = [ask(app, request) for request in requests]
    probe = sys.modules.get("probe")
    return {"answers": replies, "left": probe.opened - probe.closed if probe else 0}


json.dump([answers(**one) for one in json.load(sys.stdin)], sys.stdout)
