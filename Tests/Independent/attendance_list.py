#!/usr/bin/env python3
"""How everybody attends who is enrolled, recomputed from recorded events without code of the ledger.

    attendance_list.py --events events.ndjson --time-zone America/New_York --effective-at T

Prints {"program", "last_week", "present_week", "dates", "enrolled"}, the rows as `attendance` without
an episode has them; flags are [name, since]. The rules are those of read-models.md, "Everybody who is
enrolled".
"""

import argparse
import json
import sys
import time
from datetime import timedelta

from attendance import (
    first_date_of_week,
    is_below,
    level_of_whole_week,
    program_hours,
    runs_of_levels,
    threshold,
    week_name,
    why_not_judged,
)
from census import stays_of
from ledger_arguments import add_ledger_arguments, read_ledger, time_of
from local_days import format_instant
from sessions import EpisodeSessions, hours
from settings import Settings

NO_SHOWS_IN_A_ROW, NOT_SEEN_DAYS = 3, 7
SERIOUS = ("no_shows_in_a_row", "not_seen", "below_weekly_hours")
WEEK = timedelta(days=7)


def outcome(session):
    if session.attended:
        return "attended"
    return session.entry.data["reason"] if session.missed else "family_without_client"


def short(session):
    minutes = session.entry.data["minutes"] if session.counts else 0
    return {"outcome": outcome(session)} | ({"minutes": minutes} if minutes else {})


class Weeks:
    """The weeks of an episode, and whether their hours are enough."""

    def __init__(self, stays, sessions, days, effective_at, weekly_hours, settings):
        self.stays, self.sessions, self.days = stays, sessions, days
        self.effective_at = effective_at
        self.weekly_hours, self.settings = weekly_hours, settings

    def of(self, first):
        return [
            one for one in self.sessions if first <= self.days.date_of(one.entry.time) < first + WEEK
        ]

    def judged(self, first):
        of_week, runs = self.of(first), runs_of_levels(self.stays)
        unjudged = why_not_judged(first, of_week, runs, self.days, self.effective_at)
        needed, below = None, False
        if unjudged is None:
            level = level_of_whole_week(first, runs, self.days, self.effective_at)
            end = self.days.start(first + WEEK)
            program = [stay.program for stay in self.stays if stay.start < end][-1]
            last = first + timedelta(days=6)
            needed = threshold(level, program, last, self.weekly_hours, self.settings)
            below = is_below(of_week, needed)
        return {
            "hours": hours(of_week), "threshold": needed, "not_judged": unjudged, "below": below,
        }


def row(episode_id, entries, days, effective_at, weekly_hours, settings):
    """An episode's row at E, or None where it is not enrolled."""
    entries = [entry for entry in entries if entry.time <= effective_at]
    stays = stays_of(episode_id, entries)
    if not stays or stays[-1].end is not None:
        return None
    stay, date = stays[-1], days.date_of(effective_at)
    sessions = sorted(
        EpisodeSessions(entries, stays, days).sessions,
        key=lambda one: (one.entry.time, one.entry.position),
    )
    weeks = Weeks(stays, sessions, days, effective_at, dict(weekly_hours), settings)
    present = first_date_of_week(date, settings.first_weekday(date))
    attended = [one.entry.time for one in sessions if one.attended]
    run = []
    for one in reversed(sessions):
        if one.attended:
            break
        if outcome(one) == "no_show":
            run.insert(0, one.entry.time)
    seen = days.date_of(attended[-1] if attended else stays[0].start)
    flags = []
    needed = settings.number("no_shows_in_a_row", stay.program, date) or NO_SHOWS_IN_A_ROW
    if len(run) >= needed:
        flags.append(["no_shows_in_a_row", run[needed - 1]])
    longest = settings.number("not_seen_days", stay.program, date) or NOT_SEEN_DAYS
    if (date - seen).days >= longest:
        flags.append(["not_seen", days.start(seen + timedelta(days=longest))])
    first = last = present - WEEK
    if weeks.judged(last)["below"]:
        while weeks.judged(first - WEEK)["below"]:
            first -= WEEK
        flags.append(["below_weekly_hours", days.start(first + WEEK)])
    return {
        "episode_id": episode_id,
        "client_id": stay.client_id,
        "program": stay.program,
        "level_of_care": stay.level_of_care,
        "from": format_instant(stay.start),
        "day_of_stay": (date - days.date_of(stay.start)).days + 1,
        "last_week": weeks.judged(last),
        "present_week_hours": hours(weeks.of(present)),
        "no_shows_in_a_row": len(run),
        "last_attended_at": format_instant(attended[-1]) if attended else None,
        "last_attended_on": seen.isoformat() if attended else None,
        "days_not_seen": (date - seen).days,
        "days": [
            [short(one) for one in sessions if days.date_of(one.entry.time) == day]
            for day in (date - timedelta(days=number) for number in range(13, -1, -1))
        ],
        "flags": [[name, format_instant(since)] for name, since in flags],
    }


def attendance_list(
    found, days, effective_at, program=None, weekly_hours=(), settings=Settings()
):
    """The list at E; `found` is {episode id: (entries, stays)}."""
    rows = [
        row(episode_id, entries, days, effective_at, weekly_hours, settings)
        for episode_id, (entries, _) in found.items()
    ]
    date = days.date_of(effective_at)
    first_weekday = settings.first_weekday(date)
    present = first_date_of_week(date, first_weekday)
    return {
        "program": program,
        "last_week": week_name(present - WEEK, first_weekday),
        "present_week": week_name(present, first_weekday),
        "dates": [(date - timedelta(days=number)).isoformat() for number in range(13, -1, -1)],
        "enrolled": [one for one in rows if one and program in (None, one["program"])],
    }


def seriousness(flags):
    """Where a row with these flags stands; `flags` are names."""
    return min([SERIOUS.index(name) if name in SERIOUS else 3 for name in flags] or [4])


def main(arguments=None, output=None):
    output = output or sys.stdout
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_ledger_arguments(parser, effective_at=True)
    parser.add_argument("--program")
    parser.add_argument(
        "--weekly-hours", action="append", default=[], type=program_hours, metavar="PROGRAM=HOURS"
    )
    parser.add_argument("--settings", help="JSON with the ledger's settings")
    options = parser.parse_args(arguments)
    _, found, days = read_ledger(options)
    settings = Settings.read(options.settings, time_of(options.known_at, days))
    effective_at = time_of(options.effective_at, days)
    if effective_at is None:
        effective_at = time.time_ns() // 1000
    result = attendance_list(
        found, days, effective_at, options.program, options.weekly_hours, settings
    )
    json.dump(result, output, indent=1, ensure_ascii=False)
    print(file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
