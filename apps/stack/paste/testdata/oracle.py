"""Resolves what standard input asks for as the installed Paste Deploy does.

Input: a JSON list of {file, name, globals}. Output: a list of the contexts, or of
errors. Eggs and modules are not looked up: a reference resolves to its own text.
"""
import json
import re
import sys
from importlib import metadata
from urllib.parse import quote

from paste.deploy import loadwsgi


class Found:
    """Stands in for importlib.metadata: every distribution is installed."""

    @staticmethod
    def distribution(name):
        if not name:
            raise ValueError("a distribution name is required")
        return name

    class EntryPoint:
        def __init__(self, name, group, value):
            self.value = value

        def load(self):
            if not metadata.EntryPoint.pattern.match(self.value):
                raise AttributeError(self.value)
            return self.value


def composite(factory):
    egg, _, name = factory.partition("#")
    if egg.lower() == "egg:paste" and name in ("urlmap", "cascade"):
        return name
    return {
        "paste.urlmap:urlmap_factory": "urlmap",
        "paste.cascade:make_cascade": "cascade",
    }.get(factory.removeprefix("call:"))


def find_egg_entry_point(self, object_type, name=None):
    if not name:
        raise LookupError("no entry point")
    factory = f"egg:{self.spec}#{name}"
    protocol = object_type.egg_protocols[0][0]
    if object_type is loadwsgi.APP and composite(factory):
        protocol = "paste.composite_factory"
    return factory, protocol, name


def lookup_object(spec):
    module, target = spec.split(":")
    if not module:
        raise ValueError(spec)
    return "call:" + spec


loadwsgi.importlib_metadata = Found
loadwsgi.EggLoader.find_egg_entry_point = find_egg_entry_point
loadwsgi.lookup_object = lookup_object


def tree(c):
    out = {
        "kind": c.object_type.name,
        "factory": c.object or "",
        "protocol": c.protocol or "",
        "global": dict(c.global_conf),
        "local": [[k, v] for k, v in c.local_conf.items()],
    }
    kind = c.object_type
    if kind is loadwsgi.PIPELINE:
        out["app"] = tree(c.app_context)
        out["filters"] = [tree(f) for f in c.filter_contexts]
    elif kind in (loadwsgi.FILTER_APP, loadwsgi.FILTER_WITH):
        out["next"] = tree(c.next_context)
        out["filter"] = tree(c.filter_context)
    elif kind is loadwsgi.APP and composite(c.object):
        out["children"] = [
            [key, tree(c.loader.app_context(name, global_conf=c.global_conf))]
            for key, name in c.local_conf.items()
            if key != "catch"
        ]
    return out


def resolve(file, name, globals):
    uri = "config:" + quote(file)
    try:
        return tree(loadwsgi.loadcontext(loadwsgi.APP, uri, name=name or None, global_conf=globals))
    except Exception as e:
        return {"error": f"{type(e).__name__}: {e}"}


sys.setrecursionlimit(2000)
json.dump([resolve(**asked) for asked in json.load(sys.stdin)], sys.stdout)
