#!/usr/bin/env python3
"""The census, recomputed from recorded events by a program that shares no code with the ledger.

    episode-ledger export > events.ndjson
    census.py --events events.ndjson --time-zone America/New_York --from 2025-01-01 --to 2025-01-31

Prints {"before": {"date", "groups"}, "days": [{"date", "groups"}]}: every day of the range, and
the day before it, which the identity of the census needs. `--stays` prints the stays instead, one
a line. The rules are those of read-models.md, sections "Effective history" and "Census".
"""

import argparse
import json
import sys
from bisect import bisect_left
from dataclasses import dataclass
from datetime import timedelta
from typing import Optional

from history import ENDS, STEPS, effective_history, everything_is_known, read_events
from local_days import (
    LocalDays,
    format_instant,
    parse_date,
    parse_instant,
    parse_time_argument,
)

COUNTS = ("census", "admissions", "transfers_in", "transfers_out", "discharges")
TRANSFERS = STEPS + ("program_changed",)
WHOLE_NIGHTS = ("inpatient", "residential")


@dataclass
class Stay:
    """Part of an episode at one program, track and level of care: [start, end)."""

    episode_id: str
    client_id: str
    program: str
    track: Optional[str]
    level_of_care: str
    start: int
    start_reason: str
    end: Optional[int] = None
    end_reason: Optional[str] = None

    @property
    def group(self):
        return (self.program, self.level_of_care)


def stays_of(episode_id, entries):
    """The stays of one effective history: from the admission to the first end after it."""
    stays = []
    for entry in entries:
        if entry.type == "admitted":
            stays.append(
                Stay(
                    episode_id=episode_id,
                    client_id=entry.data["client_id"],
                    program=entry.data["program"],
                    track=entry.data.get("track"),
                    level_of_care=entry.data["level_of_care"],
                    start=entry.time,
                    start_reason="admitted",
                )
            )
        elif not stays:
            continue
        elif entry.type in TRANSFERS:
            now = stays[-1]
            program = entry.data.get("program", now.program)
            track = entry.data.get("track", now.track)
            level = entry.data["to_level"] if entry.type in STEPS else now.level_of_care
            if (program, track, level) == (now.program, now.track, now.level_of_care):
                continue
            now.end, now.end_reason = entry.time, entry.type
            stays.append(
                Stay(episode_id, now.client_id, program, track, level, entry.time, entry.type)
            )
        elif entry.type in ENDS:
            stays[-1].end = entry.time
            stays[-1].end_reason = (
                "completed" if entry.type == "completed" else entry.data["reason"]
            )
            break
    return stays


def last_contact(entries, stays):
    """The last contact of an ended episode, and whether the one stated lay outside of it."""
    start, end = stays[0].start, stays[-1].end
    ending = next(
        entry
        for entry in entries
        if entry.type in ENDS and (entry.time, entry.position) > admission_order(entries)
    )
    if "last_contact_at" in ending.data:
        stated = parse_instant(ending.data["last_contact_at"])
        return (stated, False) if start <= stated <= end else (end, True)

    attended = {}
    for entry in entries:
        was_there = entry.type == "session_attended" or (
            entry.type == "family_session_held" and entry.data["client_present"]
        )
        if not was_there or not start <= entry.time <= end:
            continue
        session = entry.data["session_id"]
        if session not in attended or attended[session].position < entry.position:
            attended[session] = entry
    return max((entry.time for entry in attended.values()), default=end), False


def admission_order(entries):
    """Where the admission stands in the order of the history."""
    return next((entry.time, entry.position) for entry in entries if entry.type == "admitted")


def length_of_stay(entries, stays, days):
    """Days of stay of an ended episode (TEDS), None of an open one, and the contact's flag."""
    if stays[-1].end is None:
        return None, False
    contact, outside = last_contact(entries, stays)
    nights = (days.date_of(contact) - days.date_of(stays[0].start)).days
    if stays[-1].level_of_care in WHOLE_NIGHTS:
        return max(nights, 1), outside
    return nights + 1, outside


def census(stays, days, first, last):
    """The groups of every day from `first` to `last`: a list of {"date", "groups"}.

    A group is listed when any of its five numbers is not zero.
    """
    starts, ends = {}, {}
    for stay in stays:
        started = "admissions" if stay.start_reason == "admitted" else "transfers_in"
        starts.setdefault(stay.group, {}).setdefault(started, []).append(stay.start)
        if stay.end is not None:
            ended = "transfers_out" if stay.end_reason in TRANSFERS else "discharges"
            ends.setdefault(stay.group, {}).setdefault(ended, []).append(stay.end)
    moments = {
        group: {name: sorted(times) for side in (starts, ends)
                for name, times in side.get(group, {}).items()}
        for group in starts
    }

    result = []
    day = first
    while day <= last:
        begin, midnight = days.start(day), days.end(day)
        groups = []
        for (program, level), times in sorted(moments.items()):
            def before(name, instant):
                return bisect_left(times.get(name, ()), instant)

            row = {name: before(name, midnight) - before(name, begin) for name in COUNTS[1:]}
            row["census"] = (
                before("admissions", midnight)
                + before("transfers_in", midnight)
                - before("transfers_out", midnight)
                - before("discharges", midnight)
            )
            if any(row.values()):
                groups.append(
                    {"program": program, "level_of_care": level}
                    | {name: row[name] for name in COUNTS}
                )
        result.append({"date": day.isoformat(), "groups": groups})
        day += timedelta(days=1)
    return result


def all_stays(episodes, known_at=None, known_by="source"):
    """(entries, stays) of every episode that has an effective history, by episode id."""
    if known_at is not None and everything_is_known(episodes, known_at):
        known_at = None
    result = {}
    for episode_id in sorted(episodes):
        entries = effective_history(episodes[episode_id], known_at, known_by)
        if entries:
            result[episode_id] = (entries, stays_of(episode_id, entries))
    return result


def stay_row(stay, days_of_stay, contact_outside):
    """One stay as a JSON object; the length of stay is the whole episode's."""
    return {
        "episode_id": stay.episode_id,
        "client_id": stay.client_id,
        "program": stay.program,
        "track": stay.track,
        "level_of_care": stay.level_of_care,
        "from": format_instant(stay.start),
        "to": None if stay.end is None else format_instant(stay.end),
        "start_reason": stay.start_reason,
        "end_reason": stay.end_reason,
        "length_of_stay_days": days_of_stay,
        "last_contact_outside_episode": contact_outside,
    }


def main(arguments=None, output=None):
    output = output or sys.stdout
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", required=True, help="NDJSON file, or - for standard input")
    parser.add_argument("--time-zone", required=True, help="the ledger's IANA zone")
    parser.add_argument("--from", dest="first", type=parse_date)
    parser.add_argument("--to", dest="last", type=parse_date)
    parser.add_argument("--known-at", help="RFC 3339, or a date, which means its 24:00")
    parser.add_argument("--known-by", choices=("source", "ledger"), default="source")
    parser.add_argument("--stays", action="store_true", help="print stays, one a line")
    options = parser.parse_args(arguments)
    if not options.stays and (options.first is None or options.last is None):
        parser.error("--from and --to are required without --stays")

    days = LocalDays(options.time_zone)
    known_at = None if options.known_at is None else parse_time_argument(options.known_at, days)
    if options.events == "-":
        episodes = read_events(sys.stdin)
    else:
        with open(options.events, encoding="utf-8") as lines:
            episodes = read_events(lines)
    found = all_stays(episodes, known_at, options.known_by)

    if options.stays:
        for entries, stays in found.values():
            days_of_stay, outside = length_of_stay(entries, stays, days)
            for stay in stays:
                print(json.dumps(stay_row(stay, days_of_stay, outside)), file=output)
        return 0

    stays = [stay for _, stays in found.values() for stay in stays]
    before, *listed = census(stays, days, options.first - timedelta(days=1), options.last)
    json.dump({"before": before, "days": listed}, output, indent=1)
    print(file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
