"""The config of layers and apps, by the texts of a file: a twin of apps/stack/field.go."""

import json
import os
import re
from types import SimpleNamespace

from .nearest import hint

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "catalog.json")) as f:
    CATALOG = json.load(f)  # written by a test, from what is declared in Go

# Durations are in ns.
UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9}
UNITS.update({"m": 60 * 10**9, "h": 3600 * 10**9})
SECOND = UNITS["s"]
SIZES = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))
ZERO = {"text": "", "secret": "", "bool": False, "list": [], "map": {}}


class ConfigError(ValueError):
    """What is wrong with a section, a line for each fault, with its file and line."""


def read(kind, name, texts, global_conf):
    """The config of a layer or an app (kind is "layers" or "apps"): its fields, with _ for -.

    Fields that are not there have their defaults, or what means that there is none.
    """
    fields = {field["name"]: field for field in CATALOG[kind][name].get("fields", ())}
    path = global_conf.get("__file__", "")
    faults, values = [], {}
    for key, text in texts.items():
        if key not in fields:
            known = hint(key, list(fields))
            faults.append("%s%s has no field %s%s" % (place(path, key, 1), name, quote(key), known))
            continue
        try:
            values[key] = parse(fields[key]["type"], text)
        except ValueError as error:
            faults.append("%s%s of %s: %s" % (place(path, key, 2), key, name, error))
    for key, field in fields.items() if not faults else ():
        try:
            values[key] = complete(field, values.get(key))
        except ValueError as error:
            faults.append("%s%s of %s: %s" % (place(path, key, 2), key, name, error))
    if faults:
        raise ConfigError("\n".join(faults))
    return SimpleNamespace(**{key.replace("-", "_"): v for key, v in values.items()})


def complete(field, value):
    """A value with its default and its bounds."""
    kind = field["type"]
    if not value and not isinstance(value, (list, dict)):
        if field.get("required"):
            raise ValueError("is required")
        if "default" not in field:
            return ZERO.get(kind, 0)
        value = parse(kind, field["default"])
    if "oneof" in field and value not in field["oneof"]:
        raise ValueError("%s is none of %s" % (quote(value), ", ".join(field["oneof"])))
    for bound, word in (("min", "less"), ("max", "more")):
        if bound not in field:
            continue
        limit = parse(kind, field[bound])
        if value < limit if bound == "min" else value > limit:
            raise ValueError("%s is %s than %s" % (show(kind, value), word, field[bound]))
    return value


def parse(kind, text):
    """A value of a type by its text."""
    return PARSERS[kind](text)


def parse_number(text):
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise ValueError("%s is not a whole number" % quote(text))
    n = int(text)
    if not -(1 << 63) <= n < 1 << 63:
        raise ValueError("%s is beyond what a number holds" % quote(text))
    return n


def parse_fraction(text):
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        raise ValueError("%s is not a number" % quote(text))
    n = float(text)
    if n - n != 0:
        raise ValueError("%s is beyond what a number holds" % quote(text))
    return n


def parse_bool(text):
    low = text.strip().lower()
    if low in ("true", "yes", "on", "y", "t", "1"):
        return True
    if low in ("false", "no", "off", "n", "f", "0"):
        return False
    raise ValueError("%s is neither true nor false" % quote(text))


DURATION = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")


def parse_duration(text):
    number = text[1:] if text[:1] in ("+", "-") else text
    if not re.fullmatch("(%s)+" % DURATION.pattern, number) and number != "0":
        raise ValueError('%s is not a duration with a unit, as "30s"' % quote(text))
    ns = 0
    for amount, unit in DURATION.findall(number):
        whole, _, part = amount.partition(".")
        ns += int(whole or "0") * UNITS[unit]
        ns += int(part or "0") * UNITS[unit] // 10 ** len(part)
    return -ns if text[0] == "-" else ns


def parse_size(text):
    number, unit = text, 1
    for name, size in SIZES:
        if text.endswith(name):
            number, unit = text[: -len(name)].strip(), size
            break
    if re.fullmatch(r"[+]?[0-9]+", number) and int(number) <= (1 << 62) // unit:
        return int(number) * unit
    raise ValueError('%s is not a size, as "64KiB" or a number of bytes' % quote(text))


def parse_secret(text):
    kind, _, at = text.partition(":")
    if kind not in ("env", "file") or not at:
        raise ValueError('a secret is given by reference, as "env:NAME" or "file:PATH"')
    return text


def parse_map(text):
    values = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, colon, value = line.strip().partition(":")
        if not colon:
            raise ValueError('%s is not "name: value"' % quote(line.strip()))
        if name.strip() in values:
            raise ValueError("%s is set twice" % quote(name.strip()))
        values[name.strip()] = value.strip()
    return values


PARSERS = {
    "text": str,
    "number": parse_number,
    "fraction": parse_fraction,
    "bool": parse_bool,
    "duration": parse_duration,
    "size": parse_size,
    "secret": parse_secret,
    "list": str.split,
    "map": parse_map,
}


def secret(reference):
    """What a secret is itself, in bytes. It fails if there is none, or an empty one."""
    parse_secret(reference)
    kind, _, at = reference.partition(":")
    if kind == "env":
        value = os.fsencode(os.environ.get(at, ""))
        if not value:
            raise ValueError("secret %s: the variable is not set" % reference)
        return value
    try:
        with open(at, "rb") as f:
            value = f.read().rstrip(b"\r\n")
    except OSError as error:
        said = "open %s: %s" % (at, error.strerror.lower())
        raise ValueError("secret %s: %s" % (reference, said)) from error
    if not value:
        raise ValueError("secret %s: the file is empty" % reference)
    return value


def show(kind, value):
    """A value as Go writes it in errors."""
    if kind == "duration":
        return show_duration(value)
    if kind == "size":
        for name, size in SIZES:
            if value and value % size == 0:
                return "%d%s" % (value // size, name)
    return "%g" % value if kind == "fraction" else str(value)


def show_duration(ns):
    if ns < 0:
        return "-" + show_duration(-ns)
    for unit in ("ns", "µs", "ms"):
        if ns < UNITS[unit] * 1000:
            return decimal(ns, UNITS[unit]) + unit if ns else "0s"
    minutes, ns = divmod(ns, UNITS["m"])
    text = decimal(ns, SECOND) + "s"
    if minutes:
        text = "%dm%s" % (minutes % 60, text)
    return "%dh%s" % (minutes // 60, text) if minutes >= 60 else text


def decimal(n, unit):
    whole, rest = divmod(n, unit)
    part = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return "%d.%s" % (whole, part) if part else str(whole)


def quote(text):
    return json.dumps(text, ensure_ascii=False)


def place(path, key, group):
    """Where a key (group 1) or its value (2) stands, as "FILE:LINE:COLUMN: ".

    Paste Deploy does not tell it: it is known where one line of the file alone has that key.
    """
    option = re.compile(r"(%s)\s*[=:]\s*(?=(\S))" % re.escape(key))
    try:
        with open(path, encoding="utf-8") as file:
            hits = [(n, option.match(line)) for n, line in enumerate(file, 1)]
    except (OSError, ValueError):
        hits = []
    hits = [(n, hit) for n, hit in hits if hit]
    if len(hits) != 1:
        return path and path + ": "
    line, hit = hits[0]
    return "%s:%d:%d: " % (path, line, hit.start(group) + 1)
