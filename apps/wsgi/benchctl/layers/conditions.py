"""Conditions of requests (RFC 9110 section 13)."""

import re
from datetime import datetime

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
DAY, MONTH = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)", "(%s)" % "|".join(MONTHS)
LONG_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
TIME = r"(\d\d):(\d\d):(\d\d)"
# Each with the order of year, month and day in it (RFC 9110 section 5.6.7).
DATES = (
    (re.compile(r"%s, (\d\d) %s (\d{4}) %s GMT" % (DAY, MONTH, TIME), re.ASCII), (2, 1, 0)),
    (re.compile(r"%s, (\d\d)-%s-(\d\d) %s GMT" % (LONG_DAY, MONTH, TIME), re.ASCII), (2, 1, 0)),
    (re.compile(r"%s %s ( ?\d{1,2}) %s (\d{4})" % (DAY, MONTH, TIME), re.ASCII), (5, 0, 1)),
)
TAG = re.compile(r'[ \t,]*((?:W/)?"[^"]*")')


def tags(text):
    """The entity tags of a list, as they are written (RFC 9110 section 8.8.3), up to what is none."""
    found, at = [], 0
    while True:
        tag = TAG.match(text, at)
        if not tag:
            return found
        found.append(tag[1])
        at = tag.end()


def is_weak(tag):
    return tag.startswith("W/")


def weak(tag):
    """A tag as a weak one."""
    return tag if not tag or is_weak(tag) else "W/" + tag


def same_strong(a, b):
    """Whether tags are the same by the strong comparison (RFC 9110 section 8.8.3.2)."""
    return a == b and a != "" and not is_weak(a)


def same_weak(a, b):
    return b != "" and opaque(a) == opaque(b)


def opaque(tag):
    return tag[2:] if is_weak(tag) else tag


def matches(condition, tag, same):
    """Whether a condition holds for a representation with a tag: it is "*", or has the tag."""
    return condition.strip(" \t") == "*" or any(same(one, tag) for one in tags(condition))


def precondition(environ, tag, modified):
    """How the conditions of a GET or HEAD are answered, in the order of RFC 9110 section 13.2.2:
    412, 304, or 0 if all hold. The representation has a tag and a date of its last change, or ""."""
    match, none = environ.get("HTTP_IF_MATCH", ""), environ.get("HTTP_IF_NONE_MATCH", "")
    since = compare_dates(modified, environ.get("HTTP_IF_UNMODIFIED_SINCE", ""))
    if match:
        if not matches(match, tag, same_strong):
            return 412
    elif since is not None and since > 0:
        return 412
    since = compare_dates(modified, environ.get("HTTP_IF_MODIFIED_SINCE", ""))
    if none:
        return 304 if matches(none, tag, same_weak) else 0
    return 304 if since is not None and since <= 0 else 0


def compare_dates(a, b):
    """Compare two dates: less than, equal to or more than 0; None where one of both is none."""
    if not a or not b:
        return None
    x, y = parse_date(a), parse_date(b)
    if x is None or y is None:
        return None
    return (x > y) - (x < y)


def parse_date(text):
    for form, (year, month, day) in DATES:
        parts = form.fullmatch(text)
        if not parts:
            continue
        parts = parts.groups()
        clock = parts[2:5] if year == 5 else parts[3:6]
        full = int(parts[year])
        if len(parts[year]) == 2:
            full += 1900 if full >= 69 else 2000
        try:
            return datetime(full, MONTHS.index(parts[month]) + 1, int(parts[day]), *map(int, clock))
        except ValueError:
            return None
    return None
