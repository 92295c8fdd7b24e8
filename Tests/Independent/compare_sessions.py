#!/usr/bin/env python3
"""Compares the independent sessions and rosters with the ledger's.

    compare_sessions.py EXPECTED.json ACTUAL.json

EXPECTED is the output of session_rows.py, ACTUAL of `episode-ledger sessions … --format json` with
the same choice, or each several, one a line. Compared are every session with its numbers, who is
unmarked and its flags, every entry by its event, and every episode. Exit 0 when all agree, 1 with
the differences.
"""

import sys

from comparison import member_differences, read_documents, report, two_paths

SESSION = (
    "session_id", "date", "starts_at", "kind", "modality", "topic", "programs", "facilitators",
    "attended", "missed", "unmarked", "flags",
)
ENTRY = (
    "episode_id", "client_id", "session_id", "kind", "modality", "topic", "starts_at", "minutes",
    "outcome", "reason", "attendance", "counted", "standing", "group_size", "program",
    "level_of_care", "facilitators", "author",
)
EPISODE = ("client_id", "program", "attended", "missed", "last_attended_at")


def with_lower_id(row, name="episode_id"):
    return row | {name: row[name].lower()}


def by_entries(answer):
    """The sessions by the events of their entries."""
    found = {}
    for session in answer["sessions"]:
        key = " ".join(sorted(entry["event_id"].lower() for entry in session["entries"]))
        found[key] = session | {
            "unmarked": sorted(
                map(with_lower_id, session["unmarked"]), key=lambda one: one["episode_id"]
            ),
            "flags": [
                {
                    "flag": flag["flag"],
                    "event_ids": sorted(id.lower() for id in flag["event_ids"]),
                }
                for flag in session["flags"]
            ],
        }
    return found


def entries(answer):
    return {
        entry["event_id"].lower(): with_lower_id(entry)
        for session in answer["sessions"]
        for entry in session["entries"]
    }


def episodes(answer):
    return {one["episode_id"].lower(): one for one in answer["episodes"]}


COMPARED = (("entry", entries, ENTRY), ("session of", by_entries, SESSION),
            ("episode", episodes, EPISODE))


def differences(expected, actual):
    """Every difference between the answers, one text each."""
    if len(expected) != len(actual):
        yield f"expected {len(expected)} answers; got {len(actual)}"
    for number, (mine, other) in enumerate(zip(expected, actual)):
        asked = " ".join(
            f"{name}={other[name]}"
            for name in ("from", "to", "session_id", "facilitator", "author", "program",
                         "episode_id", "effective_at", "known_at", "known_by")
            if other.get(name) is not None
        )
        where = f"answer {number} ({asked})"
        if other.get("parked"):
            yield f"{where}: parked"
        for what, listed, members in COMPARED:
            ours, theirs = listed(mine), listed(other)
            for key in sorted(set(ours) | set(theirs)):
                at = f"{where} {what} {key}"
                if key not in ours or key not in theirs:
                    yield f"{at}: {'not expected' if key in theirs else 'not listed'}"
                else:
                    yield from member_differences(at, ours[key], theirs[key], members)


def main(arguments=None):
    paths = two_paths(arguments, __doc__)
    if paths is None:
        return 64
    expected, actual = (read_documents(path) for path in paths)
    sessions = [session for one in expected for session in one["sessions"]]
    listed = sum(len(session["entries"]) for session in sessions)
    unmarked = sum(len(session["unmarked"]) for session in sessions)
    flags = sum(len(session["flags"]) for session in sessions)
    return report(
        list(differences(expected, actual)),
        f"equal: {len(sessions)} sessions, {listed} entries, {unmarked} unmarked, {flags} flags",
    )


if __name__ == "__main__":
    sys.exit(main())
