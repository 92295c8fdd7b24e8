#!/usr/bin/env python3
"""The statistics of a period, recomputed from recorded events without code of the ledger.

    program_statistics.py --events events.ndjson --time-zone America/New_York \\
        --from 2024-01-01 --to 2024-12-31 [--program iop-adult-day] [--by month|week]

Prints {"from", "to", "program", "by", "periods": [{"from", "to", "total", "groups",
"readmissions"}]}. In every period and group: carried over (at the midnight before) + admitted +
transferred in = ended + transferred out + remaining (at the last midnight).
"""

import argparse
import json
import sys
from datetime import date, timedelta

from attendance import attendance, monday_of, program_at
from census import TRANSFERS, is_enrolled, length_of_stay, stays_of
from ledger_arguments import add_ledger_arguments, read_ledger
from local_days import format_instant
from outcomes import add_period, quantile
from sessions import BY_PROGRAM, EpisodeSessions, tally

READMISSION_DAYS = 30
DIMENSIONS = ("referral_source", "payer_class", "prior_level_of_care", "track", "schedule")


def parts(first, last, by):
    """(first, last) of the months or weeks of a period, cut at its ends."""
    found, start = [], first
    while start <= last:
        if by == "month":
            following = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
        elif by == "week":
            following = monday_of(start) + timedelta(days=7)
        else:
            following = last + timedelta(days=1)
        found.append((start, min(following - timedelta(days=1), last)))
        start = following
    return found


class Period:
    """A period of dates of a ledger; `episodes` is {episode id: (entries, stays)}.

    `over` is the time up to which entries take part."""

    def __init__(self, episodes, days, over, first, last, program=None):
        self.days = days
        self.over = over
        self.first, self.last = first, last
        self.start, self.end = days.start(first), days.end(last)
        self.program = program
        self.episodes = episodes

    def wanted(self, stay):
        return self.program in (None, stay.program)

    def contains(self, instant):
        return instant is not None and self.start <= instant < self.end

    def touched(self, stays):
        """The wanted stays that were going on at some time of the period."""
        return [
            stay
            for stay in stays
            if self.wanted(stay)
            and stay.start < self.end
            and (stay.end is None or stay.end >= self.start)
        ]

    def sessions(self, entries, stays):
        """The sessions of the period in the wanted program, and those missed after the end."""
        found = EpisodeSessions(entries, stays, self.days)

        def is_wanted(session):
            if not self.contains(session.entry.time):
                return False
            before = [stay for stay in stays if stay.start <= session.entry.time]
            return self.wanted(before[-1] if before else stays[0])

        return [session for session in found.expected if is_wanted(session)]

    def has_sessions(self, entries, stays):
        """Whether a session of the period was attended or missed."""
        return any(one.attended or one.missed for one in self.sessions(entries, stays))

    def figures(self, ids):
        """The figures of some of the episodes."""
        chosen = [self.episodes[episode_id] for episode_id in ids]
        touched = [stay for _, stays in chosen for stay in self.touched(stays)]
        begun = [stay for stay in touched if self.contains(stay.start)]
        over = [stay for stay in touched if self.contains(stay.end)]
        ended = [stay for stay in over if stay.end_reason not in TRANSFERS]
        lengths = [
            length_of_stay(entries, stays, self.days)[0]
            for entries, stays in chosen
            if self.contains(stays[-1].end) and self.wanted(stays[-1])
        ]
        of_episode = [self.sessions(entries, stays) for entries, stays in chosen]
        sessions = [session for found in of_episode for session in found]
        attended = [session for session in sessions if session.attended]
        missed = tally(one.entry.data["reason"] for one in sessions if one.missed)
        expected = len(attended) + sum(missed.values()) - missed.get(BY_PROGRAM, 0)
        return {
            "carried_over": sum(is_enrolled(stay, self.start) for stay in touched),
            "admitted": sum(stay.start_reason == "admitted" for stay in begun),
            "transferred_in": sum(stay.start_reason in TRANSFERS for stay in begun),
            "ended": tally(stay.end_reason for stay in ended),
            "transferred_out": len(over) - len(ended),
            "remaining": sum(is_enrolled(stay, self.end) for stay in touched),
            "clients": len({stay.client_id for stay in touched}),
            "mean_los_days": sum(lengths) / len(lengths) if lengths else None,
            "median_los_days": quantile(lengths, 0.5) if lengths else None,
            "service_days": sum(
                len(
                    {
                        self.days.date_of(one.entry.time)
                        for one in found
                        if one.attended and one.counts
                    }
                )
                for found in of_episode
            ),
            "attended": len(attended),
            "missed": missed,
            "attendance_rate": len(attended) / expected if expected else None,
            "no_show_rate": missed.get("no_show", 0) / expected if expected else None,
        } | self.judged(chosen)

    def judged(self, chosen):
        """The weeks that ended in the period and were held against a threshold."""
        weeks = [week for entries, stays in chosen for week in self.weeks(entries, stays)]
        below = sum("below_weekly_hours" in week["flags"] for week in weeks)
        return {
            "judged_weeks": len(weeks),
            "weeks_below": below,
            "below_rate": below / len(weeks) if weeks else None,
        }

    def weeks(self, entries, stays):
        """An episode's judged weeks of the period, those that ended in the wanted program."""
        found = []
        for week in attendance(None, entries, self.days, self.over)["weeks"]:
            year, number = week["week"].split("-W")
            last = date.fromisocalendar(int(year), int(number), 7)
            if week["threshold"] is None or not self.first <= last <= self.last:
                continue
            if self.program in (None, program_at(stays, self.days.end(last) - 1)):
                found.append(week)
        return found

    def readmissions(self):
        """Admissions 0 to 30 dates after an end of another episode of the client."""
        found = []
        for episode_id, (_, stays) in self.episodes.items():
            admission = stays[0]
            if not self.contains(admission.start) or not self.wanted(admission):
                continue
            date = self.days.date_of(admission.start)
            ends = [
                (final.end, other)
                for other, (_, others) in self.episodes.items()
                for final in others[-1:]
                if other != episode_id
                and final.client_id == admission.client_id
                and final.end is not None
                and 0 <= (date - self.days.date_of(final.end)).days <= READMISSION_DAYS
            ]
            if ends:
                end, before = max(ends)
                found.append(
                    {
                        "episode_id": episode_id,
                        "client_id": admission.client_id,
                        "program": admission.program,
                        "admitted_at": format_instant(admission.start),
                        "previous_episode_id": before,
                        "previous_ended_at": format_instant(end),
                        "days": (date - self.days.date_of(end)).days,
                    }
                )
        return found

    def described(self, entries, stays):
        """The values of an episode by dimension: of its admission, or last in the period.

        Of an episode that was over before it, of which only misses are counted, the last ones known.
        """
        admission = next(entry.data for entry in entries if entry.type == "admitted")
        entries = [entry for entry in entries if entry.time < self.end]
        stays = stays_of(None, entries)
        last = (self.touched(stays) or [stay for stay in stays if self.wanted(stay)])[-1]
        return {
            "referral_source": admission.get("referral_source"),
            "payer_class": admission.get("payer", {}).get("class"),
            "prior_level_of_care": admission.get("prior_level_of_care"),
            "track": last.track,
            "schedule": last.schedule,
        }

    def answer(self):
        readmissions = self.readmissions()
        readmitted = {row["episode_id"] for row in readmissions}

        def with_readmissions(ids):
            return self.figures(ids) | {"readmissions": len(readmitted & set(ids))}

        there = [
            episode_id
            for episode_id, (entries, stays) in self.episodes.items()
            if self.touched(stays) or self.has_sessions(entries, stays)
        ]
        groups = {}
        for episode_id in there:
            for pair in self.described(*self.episodes[episode_id]).items():
                groups.setdefault(pair, []).append(episode_id)
        return {
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "total": with_readmissions(list(self.episodes)),
            "groups": [
                {"dimension": dimension, "value": value} | with_readmissions(ids)
                for (dimension, value), ids in sorted(
                    groups.items(), key=lambda one: (DIMENSIONS.index(one[0][0]), str(one[0][1]))
                )
            ],
            "readmissions": readmissions,
        }


def statistics(found, days, first, last, program=None, by=None):
    """The statistics object; `found` is {episode id: (entries, stays)}."""
    episodes = {}
    for episode_id, (entries, _) in found.items():
        entries = [entry for entry in entries if entry.time < days.end(last)]
        stays = stays_of(episode_id, entries)
        if stays:
            episodes[episode_id] = (entries, stays)
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "program": program,
        "by": by,
        "periods": [
            Period(episodes, days, days.end(last), *part, program).answer()
            for part in parts(first, last, by)
        ],
    }


def main(arguments=None, output=None):
    output = output or sys.stdout
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_ledger_arguments(parser)
    add_period(parser)
    parser.add_argument("--by", choices=("month", "week"))
    options = parser.parse_args(arguments)
    _, found, days = read_ledger(options)
    result = statistics(
        found, days, options.first, options.last, options.program, options.by
    )
    json.dump(result, output, indent=1, ensure_ascii=False)
    print(file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
