from ..layer import Layer
from .fields import check_name, check_value, native


class Headers(Layer):
    """Sets and takes away fields of the reply, whatever its status."""

    name = "headers"

    def __init__(self, app, conf):
        super().__init__(app, conf)
        self.check()
        self.before = [(k, native(v)) for k, v in sorted(conf.default.items())]
        self.after = [(k, native(v)) for k, v in sorted(conf.set.items())]
        self.dropped = {name.lower() for name in [*conf.remove, *conf.set]}

    def check(self):
        seen = {}
        for field in ("set", "default", "remove"):
            values = getattr(self.conf, field)
            for name in values if field == "remove" else sorted(values):
                try:
                    check_name(name)
                    if field != "remove":
                        check_value(name, values[name])
                except ValueError as error:
                    raise ValueError("%s: %s" % (field, error)) from None
                if field == "default" and name.lower() == "set-cookie":
                    said = 'default: %s: one that the app sets does not replace it (S15); set it in "set"'
                    raise ValueError(said % name)
                if name.lower() in seen:
                    before = seen[name.lower()]
                    raise ValueError('%s: %s is in "%s" already' % (field, name, before))
                seen[name.lower()] = field

    def edit(self, environ, answer):
        kept = [h for h in answer.headers if h[0].lower() not in self.dropped]
        there = {h[0].lower() for h in kept}
        more = [h for h in self.before if h[0].lower() not in there]
        answer.headers = kept + more + self.after
