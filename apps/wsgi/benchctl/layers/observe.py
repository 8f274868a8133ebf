"""What became of requests, for the layers that count and log them."""

import time

from ..answer import Stream, ask
from ..layer import Layer


class Exchange:
    """A request as it came, and what became of it once it has ended."""

    def __init__(self, environ):
        self.environ = environ
        self.method = environ["REQUEST_METHOD"]
        self.path = environ.get("PATH_INFO") or "/"  # layers inside may change it
        self.start, self.began = time.time(), time.perf_counter()
        self.status = self.sent = self.took = 0
        self.error = None

    def end(self):
        self.took = time.perf_counter() - self.began


class Observer(Layer):
    """Has ended see each request when it has ended: when the application has answered with a whole
    body, or the server closes the stream. A request that failed has status 500, as servers answer it."""

    def ended(self, exchange):
        raise NotImplementedError

    def __call__(self, environ, start_response):
        exchange = Exchange(environ)
        try:
            answer = ask(self.app, environ)
        except BaseException as error:
            exchange.status, exchange.error = 500, error
            self.over(exchange)
            raise
        exchange.status = answer.code
        whole = answer.whole()
        if whole is None and not answer.is_file(environ):
            answer.body = Observed(answer.body, exchange, self)
            return answer.send(start_response)
        if exchange.method != "HEAD" and answer.code not in (204, 304):
            exchange.sent = max(answer.length(), 0) if whole is None else len(whole)
        self.over(exchange)
        return answer.send(start_response)

    def over(self, exchange):
        exchange.end()
        self.ended(exchange)


class Observed(Stream):
    """A stream that counts what passes."""

    def __init__(self, body, exchange, home):
        super().__init__(body)
        self.exchange, self.home = exchange, home

    def __next__(self):
        try:
            block = next(self.blocks)
        except StopIteration:
            raise
        except BaseException as error:
            self.exchange.error = error
            raise
        self.exchange.sent += len(block)
        return block

    def close(self):
        home, self.home = self.home, None
        try:
            super().close()
        finally:
            if home:
                home.over(self.exchange)
