"""Middleware as Paste Deploy makes it."""

from . import config
from .answer import ask, close


class Layer:
    """An application that stands before another: a twin of a stack.Layer.

    What is wrong with its config its __init__ tells by a ValueError.
    """

    name = ""

    @classmethod
    def factory(cls, global_conf, /, **texts):
        """The paste.filter_factory of the layer."""
        conf = config.read("layers", cls.name, texts, global_conf)

        def wrap(app):
            try:
                return cls(app, conf)
            except ValueError as error:
                path = global_conf.get("__file__", "")
                said = "%s: %s" % (cls.name, error)
                raise config.ConfigError(path and "%s: %s" % (path, said) or said) from error

        return wrap

    def __init__(self, app, conf):
        self.app, self.conf = app, conf
        about = config.CATALOG["layers"][self.name]
        # What is required of layers outside, by those who require it.
        inner = getattr(app, "missing", {})
        provided = about.get("provides", ())
        self.missing = {what: who for what, who in inner.items() if what not in provided}
        self.missing.update((what, self.name) for what in about.get("requires", ()))

    def __call__(self, environ, start_response):
        """Edit the answer of the application."""
        answer = ask(self.app, environ)
        try:
            self.edit(environ, answer)
        except BaseException:
            close(answer.body)
            raise
        return answer.send(start_response)

    def edit(self, environ, answer):
        """Change an answer in place. No block of a stream is pulled here."""
        raise NotImplementedError
