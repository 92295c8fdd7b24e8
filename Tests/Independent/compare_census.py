#!/usr/bin/env python3
"""Compares the independent census with the ledger's and checks the census identity.

    compare_census.py EXPECTED.json ACTUAL.json

EXPECTED is the output of census.py, ACTUAL of
`episode-ledger census --from D1 --to D2 --format json`. Exit 0 when they agree on every day,
program and level, and on the clients; 1 with the first differences when they do not. With
`census.py --date D` and `episode-ledger census --date D` compared are the groups, the clients and
every stay of that midnight.
"""

import json
import sys

from comparison import member_differences

STAY = (
    "client_id", "program", "track", "tracks", "level_of_care", "start_reason", "day_of_stay",
    "hours_last_7_days",
)
COUNTS = ("census", "admissions", "transfers_in", "transfers_out", "discharges")
SHOWN = 20


def table(day):
    """The groups of a day by (program, level)."""
    return {
        (group["program"], group["level_of_care"]): tuple(group[name] for name in COUNTS)
        for group in day["groups"]
    }


def describe(row):
    return "not listed" if row is None else " ".join(
        f"{name}={number}" for name, number in zip(COUNTS, row)
    )


def differences(expected, actual):
    """What differs, one text each, in the order of the days."""
    if actual.get("parked"):
        yield f"{len(actual['parked'])} episodes are parked"
    dates = [day["date"] for day in expected["days"]]
    if [day["date"] for day in actual["days"]] != dates:
        yield f"the days differ: expected {dates[0]} to {dates[-1]}, got " + ", ".join(
            day["date"] for day in actual["days"]
        )
    for name, date in (("from", dates[0]), ("to", dates[-1])):
        if name in actual and actual[name] != date:
            yield f"{name!r} is {actual[name]}, expected {date}"
    by_date = {day["date"]: day for day in actual["days"]}
    for day in expected["days"]:
        if day["date"] in by_date:
            yield from day_differences(day, by_date[day["date"]])


def day_differences(expected, actual):
    date = expected["date"]
    ours, theirs = table(expected), table(actual)
    for group in sorted(set(ours) | set(theirs)):
        if ours.get(group) != theirs.get(group):
            yield (
                f"{date} {group[0]} {group[1]}: expected {describe(ours.get(group))}; "
                f"got {describe(theirs.get(group))}"
            )
    listed = [(group["program"], group["level_of_care"]) for group in actual["groups"]]
    if len(listed) != len(set(listed)):
        yield f"{date}: a group is listed twice"
    if listed != sorted(listed):
        yield f"{date}: the groups are not sorted by program and level of care"
    if any(not any(row) for row in theirs.values()):
        yield f"{date}: a group without any number is listed"
    total = sum(row[0] for row in theirs.values())
    if "total" in actual and actual["total"] != total:
        yield f"{date}: total is {actual['total']}, the groups add up to {total}"
    yield from member_differences(date, expected, actual, ("total", "total_clients"))


def date_differences(expected, actual):
    """What differs between two censuses of one date."""
    if actual.get("parked"):
        yield f"{len(actual['parked'])} episodes are parked"
    yield from day_differences(expected, actual)
    rows = [
        {(row["episode_id"].lower(), row["from"]): stay(row) for row in document["episodes"]}
        for document in (expected, actual)
    ]
    ours, theirs = rows
    for key in sorted(set(ours) | set(theirs)):
        where = f"{expected['date']} {key[0]} {key[1]}"
        yield from member_differences(
            where, {"stay": ours.get(key)}, {"stay": theirs.get(key)}, ("stay",)
        )


def stay(row):
    """What is compared of a stay; whether its client is there twice is a flag of the ledger's."""
    names = [flag["flag"] for flag in row.get("flags", ())]
    return {name: row.get(name) for name in STAY} | {
        "overlapping_episode": row.get("overlapping_episode", "overlapping_episode" in names)
    }


def identity_failures(before, days):
    """Where the census is not yesterday's + admissions + in - out - discharges."""
    previous = table(before)
    for day in days:
        current = table(day)
        for group in sorted(set(previous) | set(current)):
            yesterday = previous.get(group, (0,) * 5)[0]
            today, admissions, moved_in, moved_out, discharges = current.get(group, (0,) * 5)
            due = yesterday + admissions + moved_in - moved_out - discharges
            if today != due:
                yield (
                    f"{day['date']} {group[0]} {group[1]}: census is {today}, but "
                    f"{yesterday} + {admissions} + {moved_in} - {moved_out} - {discharges} = {due}"
                )
        previous = current


def compare(expected, actual):
    """Every difference and every failure of the identity, one text each."""
    if "episodes" in expected:
        return list(date_differences(expected, actual))
    found = list(differences(expected, actual))
    for name, days in (("expected", expected["days"]), ("actual", actual["days"])):
        failures = identity_failures(expected["before"], days)
        found += [f"identity ({name}): {text}" for text in failures]
    return found


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    documents = []
    for path in arguments:
        with open(path, encoding="utf-8") as file:
            documents.append(json.load(file))
    found = compare(*documents)
    for text in found[:SHOWN]:
        print(text)
    if len(found) > SHOWN:
        print(f"... and {len(found) - SHOWN} more")
    if found:
        return 1
    if "episodes" in documents[0]:
        print(f"equal: {len(documents[0]['episodes'])} stays of {documents[0]['date']}")
        return 0
    groups = sum(len(day["groups"]) for day in documents[0]["days"])
    print(f"equal: {len(documents[0]['days'])} days, {groups} groups; the identity holds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
