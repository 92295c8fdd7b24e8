#!/usr/bin/env python3
"""The rows of sessions and their rosters, recomputed from recorded events without code of the ledger.

    session_rows.py --events events.ndjson --time-zone America/New_York \\
        [--date 2024-03-01] [--session-id S] [--facilitator F] [--author A] [--program P] [--episode E]

Prints {"sessions": [a row for each session entry in force], "rosters": [{"session_id", "date",
"came", "did_not_come", "unmarked", "flags"}]}: a roster is a session on its date.
"""

import argparse
import json
import sys

from ledger_arguments import add_ledger_arguments, read_ledger
from local_days import format_instant, parse_date
from sessions import SESSIONS, EpisodeSessions, was_attended

# Held for everyone in the program; the others are for one client.
FOR_A_GROUP = (
    "group", "psychoeducation", "activity", "occupational_therapy", "peer_support", "other",
)


def outcome(entry):
    if entry.type == "session_missed":
        return "missed"
    return "attended" if was_attended(entry) else "family_without_client"


def session_rows(found, days):
    """The rows of all episodes; `found` is {episode id: (entries, stays)}."""
    result = []
    for episode_id, (entries, stays) in found.items():
        sessions = EpisodeSessions(entries, stays, days)
        counted = {one.entry.event_id for one in sessions.sessions if one.counts}
        for entry in entries:
            if entry.type not in SESSIONS:
                continue
            data = entry.data
            before = [stay for stay in stays if stay.start <= entry.time]
            stay = before[-1] if before else stays[0]
            result.append(
                {
                    "episode_id": episode_id,
                    "client_id": stay.client_id,
                    "event_id": entry.event_id,
                    "session_id": data.get("session_id"),
                    "kind": "family" if entry.type == "family_session_held" else data["kind"],
                    "modality": data.get("modality"),
                    "topic": data.get("topic"),
                    "starts_at": format_instant(entry.time),
                    "minutes": data.get("minutes"),
                    "outcome": outcome(entry),
                    "reason": data.get("reason"),
                    "attendance": data.get("attendance"),
                    "counted": entry.event_id in counted,
                    "program": stay.program,
                    "level_of_care": stay.level_of_care,
                    "facilitators": [one["id"] for one in data.get("facilitators", ())],
                    "author": entry.author,
                    "date": days.date_of(entry.time).isoformat(),
                    "time": entry.time,
                    "group_size": data.get("group_size"),
                }
            )
    return sorted(result, key=lambda row: (row["time"], row["episode_id"], row["event_id"]))


def rosters(rows, found):
    """The sessions with an id, by date: who came, who did not, and who is not marked."""
    groups = {}
    for row in rows:
        if row["session_id"] is not None:
            groups.setdefault((row["date"], row["session_id"]), []).append(row)
    result = []
    for (date, session_id), of_session in sorted(groups.items()):
        came = {row["client_id"] for row in of_session if row["outcome"] == "attended"}
        marked = {row["client_id"] for row in of_session}
        enrolled = set()
        if any(row["kind"] in FOR_A_GROUP for row in of_session):
            start = min(row["time"] for row in of_session)
            programs = {row["program"] for row in of_session}
            enrolled = {
                stay.client_id
                for _, stays in found.values()
                for stay in stays
                if stay.program in programs
                and stay.start <= start
                and (stay.end is None or stay.end > start)
            }
        sizes = [row["group_size"] for row in of_session if row["group_size"] is not None]
        result.append(
            {
                "session_id": session_id,
                "date": date,
                "came": sorted(came),
                "did_not_come": sorted(marked - came),
                "unmarked": sorted(enrolled - marked),
                "flags": ["group_size"] if any(size < len(came) for size in sizes) else [],
            }
        )
    return result


def main(arguments=None, output=None):
    output = output or sys.stdout
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_ledger_arguments(parser, effective_at=True)
    parser.add_argument("--date", type=parse_date)
    for name in ("--session-id", "--facilitator", "--author", "--program", "--episode"):
        parser.add_argument(name)
    options = parser.parse_args(arguments)
    _, found, days = read_ledger(options)
    asked = {
        "date": options.date and options.date.isoformat(),
        "session_id": options.session_id,
        "author": options.author,
        "program": options.program,
        "episode_id": options.episode and options.episode.lower(),
    }
    rows = session_rows(found, days)
    chosen = [
        row
        for row in rows
        if all(value in (None, row[name]) for name, value in asked.items())
        and (options.facilitator is None or options.facilitator in row["facilitators"])
    ]
    keys = {(row["date"], row["session_id"]) for row in chosen}
    whole = [row for row in rows if (row["date"], row["session_id"]) in keys]
    own = ("date", "time", "group_size")
    document = {
        "sessions": [
            {name: value for name, value in row.items() if name not in own} for row in chosen
        ],
        "rosters": rosters(whole, found),
    }
    json.dump(document, output, indent=1, ensure_ascii=False)
    print(file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
