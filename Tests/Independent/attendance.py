#!/usr/bin/env python3
"""Attendance by episode and week, recomputed from recorded events without code of the ledger.

    attendance.py --events events.ndjson --time-zone America/New_York --effective-at 2024-12-31

Prints one object a line for every episode that was admitted by E (default now): {"episode_id",
"weeks": [{"week", "attended", "missed", "hours", "planned_hours", "flags"}], "rate", "flags"};
flags are names. The rules are those of read-models.md, "Attendance".
"""

import argparse
import json
import re
import sys
import time
from datetime import timedelta

from census import TRANSFERS, last_contact, stays_of
from history import ENDS
from ledger_arguments import add_ledger_arguments, read_ledger, time_of
from sessions import (
    attendance_rate,
    counted_sessions,
    hours,
    missed_by_reason,
    outside,
    overlapping,
)

INTENSIVE_OUTPATIENT = "intensive_outpatient"
WEEKLY_HOURS = 9
WEEKLY_HOURS_OF_ADOLESCENTS = 6


def monday_of(day):
    return day - timedelta(days=day.weekday())


def iso_weeks(first, last):
    """The Mondays of the ISO weeks from one date's to another's."""
    found = [monday_of(first)]
    while found[-1] + timedelta(days=7) <= last:
        found.append(found[-1] + timedelta(days=7))
    return found


def week_name(monday):
    year, week, _ = monday.isocalendar()
    return f"{year:04d}-W{week:02d}"


def threshold(program, weekly_hours):
    """The hours a week that the program's clients are to reach."""
    if program in weekly_hours:
        return weekly_hours[program]
    words = re.findall(r"[^\W\d_]+", program.lower())
    return WEEKLY_HOURS_OF_ADOLESCENTS if "adolescent" in words else WEEKLY_HOURS


def planned_hours(entries, instant):
    """The planned hours a week in force at an instant, as the admission and changes say."""
    planned, admitted = None, False
    for entry in entries:
        if entry.time > instant or (admitted and entry.type in ENDS):
            break
        admitted = admitted or entry.type == "admitted"
        if admitted and entry.type in ("admitted",) + TRANSFERS:
            planned = entry.data.get("planned_hours_per_week", planned)
    return planned


def intensive_runs(stays):
    """[start, end) of the times of unbroken intensive outpatient care; `end` None: it goes on."""
    runs = []
    for stay in stays:
        if stay.level_of_care != INTENSIVE_OUTPATIENT:
            continue
        if runs and runs[-1][1] == stay.start:
            runs[-1] = (runs[-1][0], stay.end)
        else:
            runs.append((stay.start, stay.end))
    return runs


def is_whole_week(monday, runs, days, effective_at):
    """Whether the week's hours must reach the threshold: it is over, and all of it intensive."""
    if days.start(monday + timedelta(days=7)) > effective_at:
        return False
    sunday = monday + timedelta(days=6)
    return any(
        days.date_of(start) <= monday and (end is None or sunday < days.date_of(end))
        for start, end in runs
    )


def program_at(stays, instant):
    """The program in force at an instant of the episode."""
    return [stay.program for stay in stays if stay.start <= instant][-1]


def attendance(episode_id, entries, days, effective_at, weekly_hours=()):
    """One episode's answer at E, or None before its admission."""
    entries = [entry for entry in entries if entry.time <= effective_at]
    stays = stays_of(episode_id, entries)
    if not stays:
        return None
    weekly_hours = dict(weekly_hours)
    start, end = stays[0].start, stays[-1].end
    last = effective_at if end is None else end
    sessions = counted_sessions(entries, start, end)
    duplicates = [one for one in sessions if len(one.entries) > 1]
    overlaps = overlapping(sessions)
    runs = intensive_runs(stays)

    def mondays(entries):
        return {monday_of(days.date_of(entry.time)) for entry in entries}

    duplicated = mondays(entry for one in duplicates for entry in one.entries)
    overlapped = mondays(one.entry for one in overlaps)
    by_week = {}
    for session in sessions:
        monday = monday_of(days.date_of(session.entry.time))
        by_week.setdefault(monday, []).append(session)

    weeks = []
    for monday in iso_weeks(days.date_of(start), days.date_of(last)):
        of_week = by_week.get(monday, [])
        until = min(days.start(monday + timedelta(days=7)) - 1, last)
        flags = []
        if is_whole_week(monday, runs, days, effective_at):
            if hours(of_week) < threshold(program_at(stays, until), weekly_hours):
                flags.append("below_weekly_hours")
        if monday in duplicated:
            flags.append("duplicate_session")
        if monday in overlapped:
            flags.append("overlapping_sessions")
        weeks.append(
            {
                "week": week_name(monday),
                "attended": sum(session.attended for session in of_week),
                "missed": missed_by_reason(of_week),
                "hours": hours(of_week),
                "planned_hours": planned_hours(entries, until),
                "flags": flags,
            }
        )
    contact_outside = end is not None and last_contact(entries, stays)[1]
    raised = (
        ("duplicate_session", duplicates),
        ("outside_episode", contact_outside or outside(entries, start, end)),
        ("overlapping_sessions", overlaps),
    )
    return {
        "episode_id": episode_id,
        "weeks": weeks,
        "rate": attendance_rate(sessions),
        "flags": [name for name, found in raised if found],
    }


def program_hours(text):
    """PROGRAM=HOURS."""
    program, _, number = text.rpartition("=")
    if not program:
        raise argparse.ArgumentTypeError("PROGRAM=HOURS")
    return program, float(number)


def main(arguments=None, output=None):
    output = output or sys.stdout
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_ledger_arguments(parser, effective_at=True)
    parser.add_argument(
        "--weekly-hours", action="append", default=[], type=program_hours, metavar="PROGRAM=HOURS"
    )
    options = parser.parse_args(arguments)
    _, found, days = read_ledger(options)
    effective_at = time_of(options.effective_at, days)
    if effective_at is None:
        effective_at = time.time_ns() // 1000
    for episode_id, (entries, _) in found.items():
        answer = attendance(episode_id, entries, days, effective_at, options.weekly_hours)
        if answer is not None:
            print(json.dumps(answer, ensure_ascii=False), file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
