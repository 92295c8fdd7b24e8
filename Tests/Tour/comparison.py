"""Compares what a document says that a command prints with what it prints."""

import re

LEFT_OUT = "…"


def difference(expected, got):
    """Returns the first difference as (line, expected, got), or None where there is none.

    `expected` has pairs of a line's number and its text. In a line, `…` stands for some left-out text;
    alone in a line, for any number of left-out lines. Nothing else may differ, but for empty lines at
    the end.

    The parts between left-out lines are looked for one after the other, each as early as it is found:
    that finds a way to match where there is one.
    """
    got = list(got)
    while got and not got[-1]:
        got.pop()
    parts = [[]]
    for number, text in expected:
        if text == LEFT_OUT:
            parts.append([])
        else:
            parts[-1].append((number, re.compile(pattern(text)), text))
    place = 0
    for index, part in enumerate(parts):
        last = len(got) - len(part)
        is_last = index == len(parts) - 1
        first = max(place, last) if is_last and index > 0 else place
        places = range(first, (first if is_last or index == 0 else last) + 1)
        found = next((at for at in places if matches(part, got, at) == len(part)), None)
        if found is None:
            at = max(places, key=lambda at: matches(part, got, at), default=first)
            fitting = matches(part, got, at)
            number, _, text = part[fitting] if fitting < len(part) else part[-1]
            line = at + fitting
            return number, text, got[line] if line < len(got) else "(the output has ended)"
        place = found + len(part)
    if place < len(got):
        return expected[-1][0], "(the output ends here)", got[place]
    return None


def pattern(text):
    """A regular expression for a line in which `…` stands for some left-out text."""
    return ".+".join(re.escape(piece) for piece in text.split(LEFT_OUT))


def matches(part, got, at):
    """How many lines of a part, from its first on, are those of the output from a place on."""
    for index, (_, expression, _) in enumerate(part):
        if at + index >= len(got) or not expression.fullmatch(got[at + index]):
            return index
    return len(part)


def unnoticed_figure(expected, got):
    """Returns (line, changed line) where another figure in the document would not be noticed."""
    for index, (number, text) in enumerate(expected):
        for place, character in enumerate(text):
            if character in "0123456789":
                other = str((int(character) + 1) % 10)
                changed = text[:place] + other + text[place + 1 :]
                if not difference(
                    expected[:index] + [(number, changed)] + expected[index + 1 :], got
                ):
                    return number, changed
    return None
