#!/usr/bin/env python3
"""Compares the independent rows of sessions with the ledger's.

    compare_sessions.py EXPECTED.json ACTUAL.json

EXPECTED is the output of session_rows.py, ACTUAL of `episode-ledger sessions … --format json` with
the same choice, or each several, one a line. Compared is every row by its event. Exit 0 when all
agree, 1 with the differences.
"""

import sys

from comparison import member_differences, read_documents, report, two_paths

ROW = (
    "episode_id", "client_id", "session_id", "kind", "modality", "topic", "starts_at", "minutes",
    "outcome", "reason", "attendance", "counted", "program", "level_of_care", "facilitators",
    "author",
)


def rows(document):
    return {
        row["event_id"].lower(): row | {"episode_id": row["episode_id"].lower()}
        for row in document["sessions"]
    }


def differences(expected, actual):
    """Every difference between the rows, one text each."""
    if len(expected) != len(actual):
        yield f"expected {len(expected)} answers; got {len(actual)}"
    for number, (mine, other) in enumerate(zip(expected, actual)):
        if other.get("parked"):
            yield f"answer {number}: parked"
        ours, theirs = rows(mine), rows(other)
        for event_id in sorted(set(ours) | set(theirs)):
            at = f"answer {number} {event_id}"
            if event_id not in ours or event_id not in theirs:
                yield f"{at}: {'not expected' if event_id in theirs else 'not listed'}"
            else:
                yield from member_differences(at, ours[event_id], theirs[event_id], ROW)


def main(arguments=None):
    paths = two_paths(arguments, __doc__)
    if paths is None:
        return 64
    expected, actual = (read_documents(path) for path in paths)
    listed = sum(len(one["sessions"]) for one in expected)
    return report(list(differences(expected, actual)), f"equal: {listed} sessions")


if __name__ == "__main__":
    sys.exit(main())
