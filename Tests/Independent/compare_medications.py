#!/usr/bin/env python3
"""Compares the independent medication reviews with the ledger's.

    compare_medications.py [--timeline] EXPECTED.json ACTUAL.json

EXPECTED is the output of medications.py, ACTUAL a JSON list of
`episode-ledger medication-review --format json` answers to the same queries in the same order.
Compared are what is active (and its order), held, scheduled and known only later, what the changes
were matched by, each flag with its events (and lineages, of flags of state), and the client's other
open episodes; with `--timeline` every interval too. Exit 0 when all agree, 1 with the first
differences.

Where one flag is raised for what several flags could tell as well, the lineages of all of them
together are compared. Of what never was in force the contract does not say which lineage's row it
is, nor how a timeline goes on after the end: neither is compared.
"""

import sys
from collections import Counter

from comparison import equal, member_differences, read_documents, report, shown

ROW = (
    "from", "since", "on_arrival", "daily_dose", "interval_days", "single_dose", "substances",
    "route_group", "assessed",
)
LISTS = (
    ("active", ROW + ("scheduled_end", "later_end")),
    ("held", ROW + ("held_since", "held_by")),
    ("scheduled", ROW),
    ("later", ROW + ("known_at",)),
)
TIMELINE = ("timeline", ("from", "to", "ended_by"))
CHANGE = ("lineage", "matched_by", "percent")
ENDS = ("scheduled_end", "later_end")
TOGETHER = ("same_ingredient", "stopped_still_listed", "allergy_recorded")


def comparable(row, ended_at=None):
    """A row with what of it is compared, or None."""
    row = dict(row)
    for name in ENDS:
        if isinstance(row.get(name), dict):
            row[name] = {member: row[name].get(member) for member in ("at", "change")}
    if "to" in row:
        if ended_at is not None and row["from"] >= ended_at:
            return None
        if row["to"] == row["from"]:
            row["lineage"] = ""
    return row


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


def list_differences(where, expected, actual, members, ended_at=None):
    ours, theirs = (
        keyed(filter(None, (comparable(row, ended_at) for row in rows)))
        for rows in (expected, actual)
    )
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


def flags(answer, told):
    """What is compared of each flag; `told` is whether a flag of the name tells its lineages."""
    found, together = set(), {}
    for flag in answer["flags"]:
        name = flag["flag"]
        lineages = tuple(sorted(id.lower() for id in flag.get("lineages") or ()))
        if name in TOGETHER:
            together.setdefault(name, set()).update(lineages)
            continue
        events = tuple(sorted({id.lower() for id in flag["event_ids"]}))
        medications = tuple(sorted(set(flag.get("medications") or ())))
        found.add((name, events) + ((lineages, medications) if name in told else ()))
    return found | {(name, (), tuple(sorted(ids))) for name, ids in together.items()}


def flag_text(flag):
    return f"{flag[0]} of {', '.join(flag[1] + sum(flag[2:], ()))}"


def differences(where, expected, actual, lists=LISTS):
    """What differs between two answers, one text each."""
    if actual.get("parked"):
        yield f"{where}: parked"
    for name, members in lists:
        if name in expected or name != TIMELINE[0]:
            ended_at = actual.get("ended_at") if name == TIMELINE[0] else None
            yield from list_differences(
                f"{where} {name}", expected[name], actual.get(name, ()), members, ended_at
            )
    starts = [row["from"] for row in actual["active"]]
    if starts != sorted(starts):
        yield f"{where} active: not in the order of their beginnings"
    told = {flag["flag"] for flag in expected["flags"] if "lineages" in flag}
    ours, theirs = flags(expected, told), flags(actual, told)
    for flag in sorted(ours - theirs):
        yield f"{where} flags: {flag_text(flag)} is missing"
    for flag in sorted(theirs - ours):
        yield f"{where} flags: {flag_text(flag)} is not expected"
    changes = {change["event_id"].lower(): change for change in actual.get("changes", ())}
    for change in expected.get("changes", ()):
        other = changes.get(change["event_id"].lower(), {})
        names = [name for name in CHANGE if change["change"] != "start" or name != "matched_by"]
        yield from member_differences(
            f"{where} changes {change['event_id']}", change, other, names
        )
    if "other_open_episodes" in expected:
        named = actual.get("other_open_episodes") or ()
        ids = [one if isinstance(one, str) else one["episode_id"] for one in named]
        if sorted(map(str.lower, ids)) != expected["other_open_episodes"]:
            yield f"{where} other_open_episodes: got {shown(ids)}"


def place(number, answer):
    """How a query is named in a difference; the answer repeats the query."""
    known = answer.get("known_at") or "all"
    return (
        f"query {number} ({answer.get('episode_id') or 'a client'} at {answer.get('effective_at')}, "
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
        f"{sum(len(answer.get(name, ())) for answer in expected)} {name}" for name, _ in lists
    )
    flagged = " ".join(f"{name}={names[name]}" for name in sorted(names)) or "none"
    return report(found, f"equal: {len(expected)} queries, {totals}; flags: {flagged}")


if __name__ == "__main__":
    sys.exit(main())
