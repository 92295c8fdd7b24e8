#!/usr/bin/env python3
"""Compares the independent attendance with the ledger's.

    compare_attendance.py EXPECTED.ndjson ACTUAL.ndjson

EXPECTED is the output of attendance.py, ACTUAL one `episode-ledger attendance --episode ID
--effective-at T --format json` answer a line. Compared are the weeks with their flags' names, the
rate, what was missed after the end, and the names of the episode's flags about sessions. Exit 0 when all agree, 1 with the first
differences.
"""

import sys
from collections import Counter

from comparison import by_episode, counts, member_differences, read_documents, report, two_paths

WEEK = ("attended", "missed", "hours", "planned_hours", "threshold", "not_judged", "flags")
SESSION_FLAGS = (
    "duplicate_session", "missed_and_attended", "outside_episode", "overlapping_sessions",
)


def names_of(flags):
    """The names of flags, which are names or {"flag", …}."""
    return sorted({flag if isinstance(flag, str) else flag["flag"] for flag in flags})


def comparable(week):
    return week | {"missed": counts(week["missed"]), "flags": names_of(week["flags"])}


def episode_differences(episode_id, expected, actual):
    if actual.get("parked"):
        yield f"{episode_id}: parked"
    ours, theirs = (
        {week["week"]: comparable(week) for week in one["weeks"]} for one in (expected, actual)
    )
    listed = [[week["week"] for week in one["weeks"]] for one in (expected, actual)]
    yield from member_differences(
        episode_id, {"weeks": listed[0]}, {"weeks": listed[1]}, ("weeks",)
    )
    for week in sorted(set(ours) & set(theirs)):
        yield from member_differences(f"{episode_id} {week}", ours[week], theirs[week], WEEK)
    yield from member_differences(episode_id, expected, actual, ("rate",))
    told_later = [
        {"missed_after_end": counts(one.get("missed_after_end"))} for one in (expected, actual)
    ]
    yield from member_differences(episode_id, *told_later, ("missed_after_end",))
    flags = [
        {"flags": [name for name in names_of(one["flags"]) if name in SESSION_FLAGS]}
        for one in (expected, actual)
    ]
    yield from member_differences(episode_id, *flags, ("flags",))


def differences(expected, actual):
    """Every difference between the answers, one text each."""
    ours, _ = by_episode(expected)
    theirs, found = by_episode(actual)
    for episode_id in sorted(set(ours) | set(theirs)):
        if episode_id not in theirs:
            found.append(f"{episode_id}: no answer")
        elif episode_id in ours:
            found += episode_differences(episode_id, ours[episode_id], theirs[episode_id])
        elif theirs[episode_id]["weeks"]:
            found.append(f"{episode_id}: not admitted, but has weeks")
    return found


def main(arguments=None):
    paths = two_paths(arguments, __doc__)
    if paths is None:
        return 64
    expected, actual = (read_documents(path) for path in paths)
    weeks = [week for one in expected for week in one["weeks"]]
    flags = Counter(name for week in weeks for name in week["flags"])
    flagged = " ".join(f"{name}={flags[name]}" for name in sorted(flags)) or "none"
    return report(
        differences(expected, actual),
        f"equal: {len(expected)} episodes, {len(weeks)} weeks; flags of weeks: {flagged}",
    )


if __name__ == "__main__":
    sys.exit(main())
