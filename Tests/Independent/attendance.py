#!/usr/bin/env python3
"""Attendance by episode and week, recomputed from recorded events without code of the ledger.

    attendance.py --events events.ndjson --time-zone America/New_York --effective-at 2024-12-31

Prints one object a line for every episode that was admitted by E (default now): {"episode_id",
"weeks": [{"week", "attended", "missed", "hours", "planned_hours", "threshold", "not_judged",
"flags"}], "rate", "missed_after_end", "flags"}; flags are names. The rules are those of read-models.md, "Attendance" and
"Sessions and hours". `--settings` reads the ledger's settings from a file, such as an answer.
"""

import argparse
import json
import re
import sys
import time
from datetime import timedelta
from fractions import Fraction

from census import TRANSFERS, last_contact, stays_of
from history import ENDS
from ledger_arguments import add_ledger_arguments, read_ledger, time_of
from local_days import HOUR
from sessions import (
    BY_PROGRAM,
    EpisodeSessions,
    attendance_rate,
    covered,
    hours,
    missed_by_reason,
    overlapping,
)
from settings import Settings

WEEKLY_HOURS = {"intensive_outpatient": 9, "partial_hospitalization": 20}
WEEKLY_HOURS_OF_ADOLESCENTS = {"intensive_outpatient": 6}


def monday_of(day):
    return day - timedelta(days=day.weekday())


def first_date_of_week(day, first_weekday):
    """The date on which the day's week began, where weeks begin on that weekday (0: Monday)."""
    return day - timedelta(days=(day.weekday() - first_weekday) % 7)


def weeks_from(first, last, first_weekday=0):
    """The first dates of the weeks from one date's to another's."""
    found = [first_date_of_week(first, first_weekday)]
    while found[-1] + timedelta(days=7) <= last:
        found.append(found[-1] + timedelta(days=7))
    return found


def week_name(first_date, first_weekday=0):
    """2026-W09 where weeks begin on Monday, else the first date."""
    if first_weekday != 0:
        return first_date.isoformat()
    year, week, _ = first_date.isocalendar()
    return f"{year:04d}-W{week:02d}"


def threshold(level, program, date, weekly_hours, settings):
    """The hours a week that the program's clients are to reach: as told, as set, as usual."""
    if program in weekly_hours:
        return weekly_hours[program]
    as_set = settings.weekly_hours(program, date)
    if as_set is not None:
        return as_set
    words = re.findall(r"[^\W\d_]+", program.lower())
    adolescents = WEEKLY_HOURS_OF_ADOLESCENTS if "adolescent" in words else {}
    return adolescents.get(level, WEEKLY_HOURS[level])


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


def runs_of_levels(stays):
    """(level, start, end) of the times of unbroken care at one level; `end` None: it goes on."""
    runs = []
    for stay in stays:
        if runs and runs[-1][0] == stay.level_of_care:
            runs[-1] = (stay.level_of_care, runs[-1][1], stay.end)
        else:
            runs.append((stay.level_of_care, stay.start, stay.end))
    return runs


def level_of_whole_week(first, runs, days, effective_at):
    """The level whose hours the week must reach: it is over, and all of it was at that level."""
    if days.start(first + timedelta(days=7)) > effective_at:
        return None
    last = first + timedelta(days=6)
    for level, start, end in runs:
        if level in WEEKLY_HOURS and days.date_of(start) <= first:
            if end is None or last < days.date_of(end):
                return level
    return None


def is_below(of_week, weekly_hours):
    """Whether a week's sessions have fewer hours; not where the program cancelled all of them."""
    cancelled = [one.missed and one.entry.data["reason"] == BY_PROGRAM for one in of_week]
    if cancelled and all(cancelled):
        return False
    return covered(of_week) < Fraction(weekly_hours) * HOUR


def why_not_judged(first, of_week, runs, days, effective_at):
    """Why a week is held against no threshold; None where it is held against one."""
    if days.start(first + timedelta(days=7)) > effective_at:
        return "not_over"
    last = first + timedelta(days=6)
    levels = [
        level
        for level, start, end in runs
        if days.date_of(start) <= first and (end is None or last < days.date_of(end))
    ]
    if not levels:
        return "not_there_all_week"
    if levels[0] not in WEEKLY_HOURS:
        return "no_threshold"
    if of_week and all(one.missed and one.entry.data["reason"] == BY_PROGRAM for one in of_week):
        return "closed_by_program"
    return None


def program_at(stays, instant):
    """The program in force at an instant of the episode."""
    return [stay.program for stay in stays if stay.start <= instant][-1]


def attendance(
    episode_id, entries, days, effective_at, weekly_hours=(), settings=Settings()
):
    """One episode's answer at E, or None before its admission."""
    entries = [entry for entry in entries if entry.time <= effective_at]
    stays = stays_of(episode_id, entries)
    if not stays:
        return None
    weekly_hours = dict(weekly_hours)
    start, end = stays[0].start, stays[-1].end
    last = effective_at if end is None else end
    first_weekday = settings.first_weekday(days.date_of(effective_at - 1))
    found = EpisodeSessions(entries, stays, days)
    sessions, runs = found.sessions, runs_of_levels(stays)

    def week_of(entry):
        return first_date_of_week(days.date_of(entry.time), first_weekday)

    duplicates = [entry for one in found.recorded_twice for entry in one.entries]
    overlaps = [one.entry for one in overlapping(sessions)]
    came_late = [entry for one in found.came_late for entry in [one.entry] + one.misses]
    flagged = {
        "duplicate_session": set(map(week_of, duplicates)),
        "missed_and_attended": set(map(week_of, came_late)),
        "overlapping_sessions": set(map(week_of, overlaps)),
    }
    by_week = {}
    for session in sessions:
        by_week.setdefault(week_of(session.entry), []).append(session)

    weeks = []
    for first in weeks_from(days.date_of(start), days.date_of(last), first_weekday):
        of_week, last_date = by_week.get(first, []), first + timedelta(days=6)
        until = min(days.end(last_date) - 1, last)
        flags, needed = [], None
        unjudged = why_not_judged(first, of_week, runs, days, effective_at)
        level = level_of_whole_week(first, runs, days, effective_at)
        if level is not None:
            program = program_at(stays, until)
            needed = threshold(level, program, last_date, weekly_hours, settings)
            if is_below(of_week, needed):
                flags.append("below_weekly_hours")
        flags += [name for name, of_weeks in flagged.items() if first in of_weeks]
        weeks.append(
            {
                "week": week_name(first, first_weekday),
                "attended": sum(session.attended for session in of_week),
                "missed": missed_by_reason(of_week),
                "hours": hours(of_week),
                "planned_hours": planned_hours(entries, until),
                "threshold": needed if unjudged is None else None,
                "not_judged": unjudged,
                "flags": flags,
            }
        )
    contact_outside = end is not None and last_contact(entries, stays, days)[1]
    raised = (
        ("duplicate_session", duplicates),
        ("missed_and_attended", came_late),
        ("outside_episode", contact_outside or found.outside),
        ("overlapping_sessions", overlaps),
    )
    return {
        "episode_id": episode_id,
        "weeks": weeks,
        "rate": attendance_rate(found.expected),
        "missed_after_end": missed_by_reason(found.missed_after_end),
        "flags": [name for name, entries in raised if entries],
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
    parser.add_argument("--settings", help="JSON with the ledger's settings")
    options = parser.parse_args(arguments)
    _, found, days = read_ledger(options)
    settings = Settings.read(options.settings, time_of(options.known_at, days))
    effective_at = time_of(options.effective_at, days)
    if effective_at is None:
        effective_at = time.time_ns() // 1000
    for episode_id, (entries, _) in found.items():
        answer = attendance(
            episode_id, entries, days, effective_at, options.weekly_hours, settings
        )
        if answer is not None:
            print(json.dumps(answer, ensure_ascii=False), file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
