"""What the comparing programs share: reading answers, equality, and the report."""

import json
import sys

SHOWN = 20
TOLERANCE = 1e-9


def read_documents(path):
    """The JSON objects of a file: one list of them, or one a line."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return whole if isinstance(whole, list) else [whole]


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def equal(expected, actual):
    """Plain equality, of numbers to a relative 1e-9."""
    if is_number(expected) and is_number(actual):
        return abs(expected - actual) <= TOLERANCE * max(1, abs(expected), abs(actual))
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(
            equal(expected[name], actual[name]) for name in expected
        )
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(equal, expected, actual))
    return type(expected) is type(actual) and expected == actual


def member_differences(where, expected, actual, names):
    """One text for each of the named members that differs."""
    for name in names:
        ours, theirs = expected.get(name), actual.get(name)
        if not equal(ours, theirs):
            yield f"{where} {name}: expected {shown(ours)}; got {shown(theirs)}"


def counts(value):
    """Numbers by name, without the zeros."""
    return {name: number for name, number in (value or {}).items() if number != 0}


def shown(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def by_episode(documents):
    """Documents by episode id, and one text for each that comes twice."""
    found, twice = {}, []
    for document in documents:
        episode_id = document["episode_id"].lower()
        if episode_id in found:
            twice.append(f"{episode_id}: answered twice")
        found[episode_id] = document
    return found, twice


def report(differences, summary):
    """Prints the first differences, or the summary; the exit code."""
    for text in differences[:SHOWN]:
        print(text)
    if len(differences) > SHOWN:
        print(f"... and {len(differences) - SHOWN} more")
    if differences:
        return 1
    print(summary)
    return 0


def two_paths(arguments, documentation):
    """The two arguments, or None after printing how to use the program."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 2:
        print(documentation, file=sys.stderr)
        return None
    return arguments
