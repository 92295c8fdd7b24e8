#!/usr/bin/env python3
"""Compares the independent retention with the ledger's.

    compare_retention.py EXPECTED.json ACTUAL.json

EXPECTED is the output of retention.py, ACTUAL of `episode-ledger retention --from D1 --to D2
--effective-at T [--program P] [--level-of-care L] --format json`, or each several, one a line. Checks
besides that who is in care and who has ended are 1 together on every day. Exit 0 when all agree, 1
with the differences.
"""

import sys

from comparison import equal, member_differences, read_documents, report, two_paths

MEMBERS = (
    "from", "to", "program", "level_of_care", "began", "open", "readings", "told_through_day",
    "days", "ended", "groups",
)


def differences(expected, actual):
    """Every difference between the answers, one text each."""
    if len(expected) != len(actual):
        yield f"expected {len(expected)} answers; got {len(actual)}"
    for ours, theirs in zip(expected, actual):
        where = f"{ours['from']} to {ours['to']} {ours['program'] or 'all programs'}"
        if theirs.get("parked"):
            yield f"{where}: parked"
        yield from member_differences(where, ours, theirs, MEMBERS)
        for day in theirs["days"]:
            if not equal(1.0, day["retained"] + sum(day["ended_shares"].values())):
                yield f"{where}: day {day['day']} does not add up to 1"


def main(arguments=None):
    paths = two_paths(arguments, __doc__)
    if paths is None:
        return 64
    expected, actual = (read_documents(path) for path in paths)
    days = sum(len(one["days"]) for one in expected)
    return report(
        list(differences(expected, actual)), f"equal: {len(expected)} answers, {days} days"
    )


if __name__ == "__main__":
    sys.exit(main())
