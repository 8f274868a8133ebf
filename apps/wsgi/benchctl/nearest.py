"""What a mistyped name was meant to be: a twin of internal/nearest."""


def hint(word, names):
    """The end of an error about an unknown name; "" if there are no names."""
    close, begins = within(1, word, names), begun(word, names)
    if not close and len(begins) > 1:
        return ": did you mean one of %s?" % ", ".join(begins)
    near = close or "".join(begins) or within(1 + len(word) // 4, word, names)
    if near:
        return ': did you mean "%s"?' % near
    if not names:
        return ""
    return (": known is " if len(names) == 1 else ": known are ") + ", ".join(names)


def within(most, word, names):
    """The first of the names that are the fewest edits from word, if those are not more than most."""
    if not word or len(word) > 64:
        return None
    best, least = None, most + 1
    for name in names:
        d = distance(word, name)
        if d < least and d < len(name):
            best, least = name, d
    return best


def begun(word, names):
    """The names that word is the beginning of."""
    return [name for name in names if len(word) > 1 and name.startswith(word)]


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        diagonal, row[0] = row[0], i + 1
        for j, y in enumerate(b):
            cost = diagonal if x == y else 1 + min(diagonal, row[j], row[j + 1])
            diagonal, row[j + 1] = row[j + 1], cost
    return row[-1]
