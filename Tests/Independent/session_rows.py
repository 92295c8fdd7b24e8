#!/usr/bin/env python3
"""Sessions and their rosters, recomputed from recorded events without code of the ledger.

    session_rows.py --events events.ndjson --time-zone America/New_York \\
        [--date 2024-03-01 | --from 2024-03-01 --to 2024-03-31] [--session-id S] [--facilitator F] \\
        [--author A] [--program P] [--episode E]

Prints {"sessions": [{"session_id", "date", "starts_at", …, "attended", "missed", "unmarked", "flags",
"entries": [a row for each session entry in force]}], "episodes": [{"episode_id", …, "attended",
"missed", "last_attended_at"}]}: the members of an answer of `sessions`, with all that it is asked
for in force at once. Flags are {"flag", "event_ids"}.
"""

import argparse
import json
import sys

from census import stays_of
from ledger_arguments import add_ledger_arguments, read_ledger, time_of
from local_days import format_instant, parse_date
from sessions import SESSIONS, EpisodeSessions, tally, was_attended

OF_THE_EPISODE = ("counted", "missed_after_end")
# Held for everyone in the program; the others are for one client.
FOR_A_GROUP = (
    "group", "psychoeducation", "activity", "occupational_therapy", "peer_support", "other",
)
OWN = ("date", "time")  # of rows, not of answers


def by_start(row):
    return (row["time"], row["event_id"])


def outcome(entry):
    if entry.type == "session_missed":
        return "missed"
    return "attended" if was_attended(entry) else "family_without_client"


def through(found, effective_at):
    """What happened up to a time; None: everything."""
    if effective_at is None:
        return found
    result = {}
    for episode_id, (entries, _) in found.items():
        entries = [entry for entry in entries if entry.time <= effective_at]
        stays = stays_of(episode_id, entries)
        if stays:
            result[episode_id] = (entries, stays)
    return result


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
                    "standing": sessions.standing[entry.event_id],
                    "group_size": data.get("group_size"),
                    "program": stay.program,
                    "level_of_care": stay.level_of_care,
                    "facilitators": [one["id"] for one in data.get("facilitators", ())],
                    "author": entry.author,
                    "date": days.date_of(entry.time).isoformat(),
                    "time": entry.time,
                }
            )
    return sorted(result, key=by_start)


def sessions_of(rows):
    """The rows of each session: an id on a date, for a series may have one; else it is its own."""
    groups = {}
    for row in rows:
        alone = row["session_id"] is None
        key = row["event_id"] if alone else (row["session_id"], row["date"])
        groups.setdefault(key, []).append(row)
    return list(groups.values())


def clients(rows, outcome):
    """Who came, or did not, as far as it is of the episode."""
    return {
        row["client_id"]
        for row in rows
        if row["standing"] in OF_THE_EPISODE and row["outcome"] == outcome
    }


def unmarked(rows, kind, programs, found):
    """Who was enrolled in one of the programs as the session began, and is not marked in it."""
    if kind not in FOR_A_GROUP or rows[0]["session_id"] is None:
        return []
    start = min(row["time"] for row in rows)
    marked = {row["client_id"] for row in rows}
    return sorted(
        (
            {"episode_id": episode_id, "client_id": stay.client_id, "program": stay.program}
            for episode_id, (_, stays) in found.items()
            for stay in stays
            if stay.program in programs
            and stay.client_id not in marked
            and stay.start <= start
            and (stay.end is None or stay.end > start)
        ),
        key=lambda one: (one["client_id"], one["episode_id"]),
    )


def session(rows, found):
    """A session with its roster; `rows` by start, `found` None: without who is unmarked."""
    held = [row for row in rows if row["outcome"] != "missed"] or rows
    programs = {row["program"] for row in rows if row["standing"] in OF_THE_EPISODE}
    came = clients(rows, "attended")
    doubtful = [
        row["event_id"]
        for row in rows
        if row["group_size"] is not None and row["group_size"] < len(came)
    ]
    return {
        "session_id": rows[0]["session_id"],
        "date": rows[0]["date"],
        "starts_at": rows[0]["starts_at"],
        "kind": held[0]["kind"],
        "modality": next((row["modality"] for row in rows if row["modality"]), None),
        "topic": next((row["topic"] for row in rows if row["topic"]), None),
        "programs": sorted(programs),
        "facilitators": sorted({id for row in rows for id in row["facilitators"]}),
        "attended": len(came),
        "missed": len(clients(rows, "missed")),
        "unmarked": [] if found is None else unmarked(rows, held[0]["kind"], programs, found),
        "flags": [{"flag": "group_size", "event_ids": doubtful}] if doubtful else [],
        "entries": [{name: row[name] for name in row if name not in OWN} for row in rows],
    }


def caseload(rows):
    """The episodes of some rows, with what of them is of the episode."""
    by_episode = {}
    for row in rows:
        if row["standing"] in OF_THE_EPISODE:
            by_episode.setdefault(row["episode_id"], []).append(row)
    result = []
    for episode_id, own in by_episode.items():
        attended = [row for row in own if row["outcome"] == "attended"]
        result.append(
            {
                "episode_id": episode_id,
                "client_id": own[0]["client_id"],
                "program": own[-1]["program"],
                "attended": len(attended),
                "missed": tally(row["reason"] for row in own if row["outcome"] == "missed"),
                "last_attended_at": attended[-1]["starts_at"] if attended else None,
            }
        )
    return sorted(result, key=lambda one: (one["client_id"], one["episode_id"]))


def session_list(
    found, days, first=None, last=None, session_id=None, facilitator=None, author=None,
    program=None, episode=None,
):
    """The sessions that are asked for; `found` is {episode id: (entries, stays)}."""
    rows = [
        row
        for row in session_rows(found, days)
        if (first is None or row["date"] >= str(first))
        and (last is None or row["date"] <= str(last))
        and session_id in (None, row["session_id"])
        and program in (None, row["program"])
        and episode in (None, row["episode_id"])
    ]
    # Somebody's sessions are told whole, with the entries that name nobody.
    listed = [
        of_session
        for of_session in sessions_of(rows)
        if (facilitator is None or any(facilitator in row["facilitators"] for row in of_session))
        and (author is None or any(row["author"] == author for row in of_session))
    ]
    everyone = found if episode is None else None
    chosen = [row for of_session in listed for row in of_session]
    return {
        "sessions": [session(of_session, everyone) for of_session in listed],
        "episodes": caseload(sorted(chosen, key=by_start)),
    }


def main(arguments=None, output=None):
    output = output or sys.stdout
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_ledger_arguments(parser, effective_at=True)
    for name in ("--date", "--from", "--to"):
        parser.add_argument(name, type=parse_date)
    for name in ("--session-id", "--facilitator", "--author", "--program", "--episode"):
        parser.add_argument(name)
    options = parser.parse_args(arguments)
    _, found, days = read_ledger(options)
    found = through(found, time_of(options.effective_at, days))
    document = session_list(
        found,
        days,
        options.date or getattr(options, "from"),
        options.date or options.to,
        options.session_id,
        options.facilitator,
        options.author,
        options.program,
        options.episode and options.episode.lower(),
    )
    json.dump(document, output, indent=1, ensure_ascii=False)
    print(file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
