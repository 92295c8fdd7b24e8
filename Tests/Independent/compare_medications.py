#!/usr/bin/env python3
"""Compares the independent medication reviews with the ledger's.

    compare_medications.py [--timeline] EXPECTED.json ACTUAL.json

EXPECTED is the output of medications.py, ACTUAL a JSON list of
`episode-ledger medication-review --episode ID --format json` answers to the same queries in the
same order. Compared are what is active (and its order), held and scheduled, and each flag with its
events; with `--timeline` every interval too. Exit 0 when all agree, 1 with the first differences.
"""

import sys
from collections import Counter

from comparison import equal, read_documents, report, shown

ROW = ("from", "daily_dose")
HELD_ROW = ROW + ("held_since", "held_by")
LISTS = (("active", ROW), ("held", HELD_ROW), ("scheduled", ROW))
TIMELINE = ("timeline", ("from", "to", "ended_by"))


def keyed(rows):
    """Rows by lineage and event; a key that comes again gets a number."""
    found = {}
    for row in rows:
        key = (row["lineage"].lower(), row["event_id"].lower())
        number = 1
        while key + (number,) in found:
            number += 1
        found[key + (number,)] = row
    return found


def list_differences(where, expected, actual, members):
    ours, theirs = keyed(expected), keyed(actual)
    for key in sorted(set(ours) | set(theirs)):
        at = f"{where} {key[0]} ({key[1]})" if key[0] != key[1] else f"{where} {key[0]}"
        if key not in theirs:
            yield f"{at}: expected {shown(ours[key])}; not listed"
        elif key not in ours:
            yield f"{at}: not expected; got {shown({n: theirs[key].get(n) for n in members})}"
        else:
            for name in members:
                mine, other = ours[key].get(name), theirs[key].get(name)
                if not equal(mine, other):
                    yield f"{at} {name}: expected {shown(mine)}; got {shown(other)}"


def flags(answer):
    return {
        (flag["flag"], tuple(sorted({id.lower() for id in flag["event_ids"]})))
        for flag in answer["flags"]
    }


def differences(where, expected, actual, lists=LISTS):
    """What differs between two answers, one text each."""
    if actual.get("parked"):
        yield f"{where}: parked"
    for name, members in lists:
        yield from list_differences(f"{where} {name}", expected[name], actual[name], members)
    starts = [row["from"] for row in actual["active"]]
    if starts != sorted(starts):
        yield f"{where} active: not in the order of their beginnings"
    ours, theirs = flags(expected), flags(actual)
    for flag, ids in sorted(ours - theirs):
        yield f"{where} flags: {flag} of {', '.join(ids)} is missing"
    for flag, ids in sorted(theirs - ours):
        yield f"{where} flags: {flag} of {', '.join(ids)} is not expected"


def place(number, answer):
    """How a query is named in a difference; the answer repeats the query."""
    known = answer.get("known_at") or "all"
    return (
        f"query {number} ({answer.get('episode_id')} at {answer.get('effective_at')}, "
        f"known {known} by {answer.get('known_by')})"
    )


def main(arguments=None):
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    lists = LISTS
    if "--timeline" in arguments:
        arguments.remove("--timeline")
        lists += (TIMELINE,)
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    expected, actual = (read_documents(path) for path in arguments)
    found = []
    if len(expected) != len(actual):
        found.append(f"expected {len(expected)} answers; got {len(actual)}")
    for number, (ours, theirs) in enumerate(zip(expected, actual)):
        found += differences(place(number, theirs), ours, theirs, lists)
    names = Counter(flag["flag"] for answer in expected for flag in answer["flags"])
    totals = ", ".join(
        f"{sum(len(answer[name]) for answer in expected)} {name}" for name, _ in lists
    )
    flagged = " ".join(f"{name}={names[name]}" for name in sorted(names)) or "none"
    return report(found, f"equal: {len(expected)} queries, {totals}; flags: {flagged}")


if __name__ == "__main__":
    sys.exit(main())
