#!/usr/bin/env python3
"""The census, recomputed from recorded events by a program that shares no code with the ledger.

    episode-ledger export > events.ndjson
    census.py --events events.ndjson --time-zone America/New_York --from 2025-01-01 --to 2025-01-31

Prints {"before": {…}, "days": [{"date", "total", "total_clients", "groups"}]}: every day of the
range, and the day before it, which the identity of the census needs. `--date` prints the stays of
one day's midnight instead, as the census of that date names them; `--stays` all stays, one a line.
The rules are those of read-models.md, sections "Effective history" and "Census".
"""

import argparse
import json
import sys
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import timedelta
from typing import List, Optional

from history import ENDS, STEPS, effective_history, everything_is_known, read_events
from local_days import (
    LocalDays,
    format_instant,
    parse_date,
    parse_instant,
    parse_time_argument,
)
from sessions import EpisodeSessions, end_after_admission, hours

COUNTS = ("census", "admissions", "transfers_in", "transfers_out", "discharges")
TRANSFERS = STEPS + ("program_changed",)
WHOLE_NIGHTS = ("inpatient", "residential")


@dataclass
class Stay:
    """Part of an episode at one program and level of care: [start, end).

    `tracks` are (track, since when) of those named in it, the first since its start.
    """

    episode_id: str
    client_id: str
    program: str
    level_of_care: str
    start: int
    start_reason: str
    tracks: List[tuple] = field(default_factory=list)
    schedule: Optional[str] = None
    end: Optional[int] = None
    end_reason: Optional[str] = None

    @property
    def track(self):
        """The last one in it."""
        return self.tracks[-1][0] if self.tracks else None

    def name_track(self, track, instant):
        if track is not None and track != self.track:
            self.tracks.append((track, instant))

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
                    level_of_care=entry.data["level_of_care"],
                    start=entry.time,
                    start_reason="admitted",
                    schedule=entry.data.get("schedule"),
                )
            )
            stays[-1].name_track(entry.data.get("track"), entry.time)
        elif not stays:
            continue
        elif entry.type in TRANSFERS:
            now = stays[-1]
            program = entry.data.get("program", now.program)
            track = entry.data.get("track", now.track)
            level = entry.data["to_level"] if entry.type in STEPS else now.level_of_care
            if (program, level) != (now.program, now.level_of_care):
                now.end, now.end_reason = entry.time, entry.type
                stays.append(
                    Stay(
                        episode_id, now.client_id, program, level, entry.time, entry.type,
                        schedule=now.schedule,
                    )
                )
            stays[-1].name_track(track, entry.time)
            stays[-1].schedule = entry.data.get("schedule", now.schedule)
        elif entry.type in ENDS:
            stays[-1].end = entry.time
            stays[-1].end_reason = (
                "completed" if entry.type == "completed" else entry.data["reason"]
            )
            break
    return stays


def last_contact(entries, stays, days):
    """The last contact of an ended episode, and whether the one stated lay outside of it, by date."""
    ending = end_after_admission(entries)
    if "last_contact_at" in ending.data:
        stated = parse_instant(ending.data["last_contact_at"])
        dates = [days.date_of(instant) for instant in (stays[0].start, stated, stays[-1].end)]
        return (stated, False) if dates == sorted(dates) else (stays[-1].end, True)
    attended = [
        session.entry.time
        for session in EpisodeSessions(entries, stays, days).sessions
        if session.attended
    ]
    return max(attended, default=stays[-1].end), False


def days_from(start, contact, level_of_care, days):
    """The days from one instant to another by the day rule of a level of care, at least 1."""
    nights = (days.date_of(contact) - days.date_of(start)).days
    return max(nights if level_of_care in WHOLE_NIGHTS else nights + 1, 1)


def length_of_stay(entries, stays, days):
    """Days of stay of an ended episode (TEDS), None of an open one, and the contact's flag."""
    if stays[-1].end is None:
        return None, False
    contact, outside = last_contact(entries, stays, days)
    return days_from(stays[0].start, contact, stays[-1].level_of_care, days), outside


def is_enrolled(stay, midnight):
    """Whether a stay is in the census of the midnight at which a day ends."""
    return stay.start < midnight and (stay.end is None or stay.end >= midnight)


def census(stays, days, first, last):
    """Every day from `first` to `last`: a list of {"date", "total", "total_clients", "groups"}.

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
        there = [stay for stay in stays if is_enrolled(stay, midnight)]
        result.append(
            {
                "date": day.isoformat(),
                "total": len(there),
                "total_clients": len({stay.client_id for stay in there}),
                "groups": groups,
            }
        )
        day += timedelta(days=1)
    return result


def census_of_date(found, days, day):
    """The census of one date: what had happened by its midnight, and who was there."""
    midnight = days.end(day)
    rows, stays = [], []
    for episode_id, (entries, _) in found.items():
        history = [entry for entry in entries if entry.time < midnight]
        of_episode = stays_of(episode_id, history)
        stays += of_episode
        for stay in of_episode:
            if is_enrolled(stay, midnight):
                rows.append(
                    {
                        "episode_id": episode_id,
                        "client_id": stay.client_id,
                        "program": stay.program,
                        "track": stay.track,
                        "tracks": track_rows(stay),
                        "level_of_care": stay.level_of_care,
                        "from": format_instant(stay.start),
                        "start_reason": stay.start_reason,
                        "day_of_stay": (day - days.date_of(stay.start)).days + 1,
                        "hours_last_7_days": hours_of_dates(
                            history, of_episode, days, day - timedelta(days=6), day
                        ),
                    }
                )
    listed = [row["client_id"] for row in rows]
    for row in rows:
        row["overlapping_episode"] = listed.count(row["client_id"]) > 1
    return census(stays, days, day, day)[0] | {"episodes": rows}


def hours_of_dates(entries, stays, days, first, last):
    return hours(
        session
        for session in EpisodeSessions(entries, stays, days).sessions
        if first <= days.date_of(session.entry.time) <= last
    )


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


def track_rows(stay):
    return [{"track": track, "from": format_instant(since)} for track, since in stay.tracks]


def stay_row(stay, days_of_stay, contact_outside):
    """One stay as a JSON object; the length of stay is the whole episode's."""
    return {
        "episode_id": stay.episode_id,
        "client_id": stay.client_id,
        "program": stay.program,
        "track": stay.track,
        "tracks": track_rows(stay),
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
    parser.add_argument("--date", type=parse_date, help="the stays of one day's midnight")
    parser.add_argument("--stays", action="store_true", help="print stays, one a line")
    options = parser.parse_args(arguments)
    without_period = options.stays or options.date is not None
    if not without_period and (options.first is None or options.last is None):
        parser.error("--from and --to are required without --stays and --date")

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

    if options.date is not None:
        json.dump(census_of_date(found, days, options.date), output, indent=1)
        print(file=output)
        return 0

    stays = [stay for _, stays in found.values() for stay in stays]
    before, *listed = census(stays, days, options.first - timedelta(days=1), options.last)
    json.dump({"before": before, "days": listed}, output, indent=1)
    print(file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
