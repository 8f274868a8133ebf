import traceback

from ..answer import Stream, ask
from ..layer import Layer


class Recover(Layer):
    """Logs what an application raises, with its traceback, and lets it go on.

    In Go this makes a panic an error, and errors are not logged. In Python both are exceptions.
    """

    name = "recover"

    def __call__(self, environ, start_response):
        try:
            answer = ask(self.app, environ)
        except Exception as error:
            log(environ, "serve", error)
            raise
        if answer.whole() is None and not answer.is_file(environ):
            answer.body = Recovered(answer.body, environ)
        return answer.send(start_response)


class Recovered(Stream):
    """A stream whose failures are logged."""

    def __init__(self, body, environ):
        super().__init__(body)
        self.environ = environ

    def __next__(self):
        try:
            return next(self.blocks)
        except StopIteration:
            raise
        except Exception as error:
            log(self.environ, "next", error)
            raise

    def close(self):
        try:
            super().close()
        except Exception as error:
            log(self.environ, "close", error)
            raise


def log(environ, where, error):
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    request = "%s %r" % (environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
    errors = environ["wsgi.errors"]
    errors.write("recover: in %s of %s:\n%s" % (where, request, text))
    errors.flush()
