#!/usr/bin/env python3
"""Compares the independent list of attendance with the ledger's.

    compare_attendance_list.py EXPECTED.json ACTUAL.json

EXPECTED is the output of attendance_list.py, ACTUAL of `episode-ledger attendance --effective-at T
--format json`, or each several, one a line. Compared are the weeks, the dates, every member of every
row, of flags those of the list with since when, and that the rows are in order. Exit 0 when all agree,
1 with the first differences.
"""

import sys

from attendance_list import SERIOUS, seriousness
from comparison import by_episode, member_differences, read_documents, report, two_paths

LIST = ("program", "last_week", "present_week", "dates")
ROW = (
    "client_id", "program", "level_of_care", "from", "day_of_stay", "last_week",
    "present_week_hours", "no_shows_in_a_row", "last_attended_at", "last_attended_on",
    "days_not_seen", "days", "flags",
)


def own_flags(row):
    found = [[flag["flag"], flag["since"]] for flag in row["flags"] if flag["flag"] in SERIOUS]
    return row | {"flags": found}


def place(row):
    names = [flag["flag"] for flag in row["flags"]]
    return seriousness(names), row["program"], row["client_id"], row["episode_id"]


def differences(expected, actual):
    """Every difference between the lists, one text each."""
    if len(expected) != len(actual):
        yield f"expected {len(expected)} lists; got {len(actual)}"
    for ours, theirs in zip(expected, actual):
        where = f"{ours['dates'][-1]} {ours['program'] or 'all programs'}"
        if theirs.get("parked"):
            yield f"{where}: parked"
        yield from member_differences(where, ours, theirs, LIST)
        mine, _ = by_episode(ours["enrolled"])
        listed, twice = by_episode(theirs["enrolled"])
        yield from twice
        for episode_id in sorted(set(mine) ^ set(listed)):
            yield f"{where} {episode_id}: only in one of the lists"
        for episode_id in sorted(set(mine) & set(listed)):
            yield from member_differences(
                f"{where} {episode_id}", mine[episode_id], own_flags(listed[episode_id]), ROW
            )
        places = [place(row) for row in theirs["enrolled"]]
        if places != sorted(places):
            yield f"{where}: not in order"


def main(arguments=None):
    paths = two_paths(arguments, __doc__)
    if paths is None:
        return 64
    expected, actual = (read_documents(path) for path in paths)
    rows = sum(len(one["enrolled"]) for one in expected)
    return report(
        list(differences(expected, actual)), f"equal: {len(expected)} lists, {rows} rows"
    )


if __name__ == "__main__":
    sys.exit(main())
