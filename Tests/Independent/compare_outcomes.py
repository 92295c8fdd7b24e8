#!/usr/bin/env python3
"""Compares the independent outcomes with the ledger's.

    compare_outcomes.py EXPECTED.json ACTUAL.json

EXPECTED is the output of outcomes.py, ACTUAL of `episode-ledger outcomes --from D1 --to D2
[--program P] [--by service] --format json`, or each several, one a line. Exit 0 when all agree, 1 with the
differences.
"""

import sys

from comparison import member_differences, read_documents, report, two_paths

MEMBERS = (
    "from", "to", "program", "by", "by_reason", "discharges", "alos_days", "median_los_days",
    "los_quartile_days", "adc", "average_daily_enrolment",
)


def differences(expected, actual):
    """Every difference between the outcomes, one text each."""
    if len(expected) != len(actual):
        yield f"expected {len(expected)} outcomes; got {len(actual)}"
    for ours, theirs in zip(expected, actual):
        where = f"{ours['from']} to {ours['to']} {ours['program'] or 'all programs'} by {ours['by']}"
        if theirs.get("parked"):
            yield f"{where}: parked"
        yield from member_differences(where, ours, theirs, MEMBERS)


def main(arguments=None):
    paths = two_paths(arguments, __doc__)
    if paths is None:
        return 64
    expected, actual = (read_documents(path) for path in paths)
    discharges = sum(one["discharges"] for one in expected)
    return report(
        list(differences(expected, actual)),
        f"equal: {len(expected)} outcomes, {discharges} discharges",
    )


if __name__ == "__main__":
    sys.exit(main())
