"""That random histories provoke every rule: how often each does, in the seeds that are compared.

A rule that no history provokes would be compared with nothing; a count of zero fails.
"""

import json
import unittest
from collections import Counter
from datetime import timedelta

import medication_lineages
import medications
from attendance import attendance, is_below, level_of_whole_week, runs_of_levels
from census import TRANSFERS, all_stays, census_of_date
from history import read_events
from local_days import HOUR, LocalDays, parse_date, parse_instant
from medication_lineages import AMBIGUOUS, CLOSED, OPEN, MedicationCourses, end_of
from outcomes import outcomes
from program_statistics import DIMENSIONS, statistics
from random_histories import histories
from regimens import is_as_needed, is_single, percent, unit_of
from session_rows import session_list, session_rows
from sessions import NOT_OF_THE_PROGRAM, EpisodeSessions, covered
from substances import Formulary
from summaries import has_died, summary

SEEDS = [(seed, "America/New_York") for seed in (11, 901, 902, 903, 904, 905, 906)] + [
    (seed, "Australia/Lord_Howe") for seed in (12, 911, 912)
]
EPISODES, QUERIES = 16, 24
FORMULARY = Formulary.read()
ALL = parse_instant("2026-01-01T00:00:00Z")
PERIOD = parse_date("2024-02-01"), parse_date("2025-01-31")


class CountedCourses(MedicationCourses):
    """Counts the ways in which the fold finds what a change is about."""

    counts = Counter()

    def _only(self, entry, hits):
        found = super()._only(entry, hits)
        if len(hits) > 1:
            if found is AMBIGUOUS:
                self.counts["several: ambiguous"] += 1
            elif sum(not is_single(one.regimen) for one in hits) == 1:
                self.counts["several: single doses aside"] += 1
            else:
                self.counts["several: the frequency named"] += 1
        return found

    def _empty(self, entry, lineage, stops=None):
        kind = "start" if entry.data["change"] == "start" else "other change"
        self.counts[f"emptied: {kind}"] += 1
        if entry.event_id not in self._started_by_order and kind == "start":
            self.counts["emptied: a start without the stop's order"] += 1
        super()._empty(entry, lineage, stops)

    def _stops_before_starts(self):
        found = super()._stops_before_starts()
        self._started_by_order = set(found)
        return found

    def _note(self, entry, lineage, percent=None):
        super()._note(entry, lineage, percent)
        how = self.changes[-1][2]
        if how is not None:
            started = entry.data["change"] == "start" and how != "order_id"
            self.counts[f"{'ordered here' if started else 'matched'}: by {how}"] += 1

    def _matched_or_flagged(self, entry):
        lineage = self._match(entry, (OPEN, medication_lineages.HELD))
        if lineage not in (None, AMBIGUOUS) and lineage.state == CLOSED:
            self.counts["emptied: a hold or review"] += 1
        return super()._matched_or_flagged(entry)

    def _cancel_a_later_start(self, stop):
        before = len(self._emptying)
        super()._cancel_a_later_start(stop)
        if len(self._emptying) > before:
            self.counts["a stop cancels a later start"] += 1


def of_medications(episodes, days, seed):
    """What the queries of the comparison meet."""
    counts = Counter()
    reviews = medications.Reviews(episodes, FORMULARY, days)
    for query in medications.random_queries(reviews, QUERIES, seed, clients=0.2):
        answer = reviews.answer(query)
        counts["query about a client"] += "client_id" in query
        counts["query of another open episode"] += bool(answer.get("other_open_episodes"))
        for flag in answer["flags"]:
            counts[f"flag {flag['flag']}"] += 1
            counts["flag across episodes"] += "client_id" not in query and any(
                id.split("/")[0] not in named(episodes[query["episode_id"]])
                for id in flag.get("lineages", ())
            )
            if flag["flag"] == "same_ingredient":
                counts["total a day of one ingredient"] += flag["total"] is not None
        for row in sum((answer[name] for name in medications.LISTS), []):
            unit = (row["regimen"] or {}).get("unit", "")
            counts["an interval between doses"] += row["interval_days"] is not None
            counts["a single dose"] += row["single_dose"]
            counts["a rate"] += "/" in unit
            counts["on arrival and changed since"] += row["on_arrival"] and row["since"] < row["from"]
            counts["incomplete substances"] += bool(row["substances"]) and not row["assessed"]
            counts["unknown substances"] += not row["substances"]
            counts[f"route {row['route_group'] or 'unknown'}"] += 1
            counts["scheduled end"] += bool(row.get("scheduled_end"))
            counts["end known later"] += bool(row.get("later_end"))
        counts["scheduled"] += len(answer["scheduled"])
        counts["known later"] += len(answer["later"])
    return counts


def named(events):
    return {event.event_id for event in events}


def of_courses(found):
    """What the folds of all episodes meet."""
    counts = Counter()
    for entries, _ in found.values():
        CountedCourses.counts = counts
        courses = CountedCourses(entries, FORMULARY)
        for lineage in courses.lineages:
            for before, after in zip(lineage.intervals, lineage.intervals[1:]):
                one, other = before.regimen or {}, after.regimen or {}
                counts["as needed no more"] += is_as_needed(one) and "as_needed" not in other
                counts["units convert"] += (
                    percent(one, other) is not None and unit_of(one) != unit_of(other)
                )
        end = end_of(entries)
        if end is not None:
            at_end = [one for one in courses.intervals if one.start == end.time and one.was_in_force]
            counts["takes effect at the end"] += len(at_end)
    return counts


def of_sessions(found, days):
    counts = Counter()
    for episode_id, (entries, stays) in found.items():
        sessions = EpisodeSessions(entries, stays, days)
        dates = {}
        for one in sessions.sessions:
            start, end = stays[0].start, stays[-1].end
            counts["session before the admission, on its date"] += one.entry.time < start
            counts["session after the end, on its date"] += end is not None and one.entry.time > end
            counts["missed and attended"] += len(one.misses)
            if one.kind in NOT_OF_THE_PROGRAM and one.attended:
                counts[f"practitioner's visit {'counts' if one.counts else 'does not count'}"] += 1
            dates.setdefault(one.entry.data.get("session_id"), set()).add(
                days.date_of(one.entry.time)
            )
        counts["series of one id"] += sum(
            len(of_id) > 1 for id, of_id in dates.items() if id is not None
        )
        counts["outside the episode"] += len(sessions.outside)
        counts["missed after the end"] += len(sessions.missed_after_end)
        simple = sum(
            one.span[1] - one.span[0] for one in sessions.sessions if one.counts
        )
        counts["hours that overlap"] += covered(sessions.sessions) < simple
        answer = attendance(episode_id, entries, days, ALL)
        for week in answer["weeks"]:
            for flag in week["flags"]:
                counts[f"week {flag}"] += 1
            counts["hours that are not whole"] += week["hours"] % 1 != 0
        counts.update(of_weeks(sessions, stays, days))
    return counts


def of_weeks(sessions, stays, days):
    """The weeks that are judged by the hours of their level, and those that were closed."""
    counts = Counter()
    by_week = {}
    for one in sessions.sessions:
        date = days.date_of(one.entry.time)
        by_week.setdefault(date - timedelta(days=date.weekday()), []).append(one)
    runs = runs_of_levels(stays)
    for monday, of_week in by_week.items():
        level = level_of_whole_week(monday, runs, days, ALL)
        if level is not None:
            counts[f"week of {level}"] += 1
            counts["week that the program closed"] += (
                covered(of_week) == 0 and not is_below(of_week, 9)
            )
            counts["week of nine hours exactly"] += covered(of_week) == 9 * HOUR
    return counts


def of_summaries(found, days):
    counts = Counter()
    for episode_id, (entries, stays) in found.items():
        ended = stays[-1].end is not None
        one = summary(episode_id, entries, days, FORMULARY, None if ended else ALL)
        counts[f"{one['status']} summary"] += 1
        counts["takes effect after the discharge"] += len(one["after_discharge"])
        counts["one stopped and one new are changed"] += sum(
            "|" in pair for pair in one["medications"]["changed"]
        )
        counts["summary of who died"] += ended and has_died(end_of(entries))
        counts["weeks are not those of the calendar"] += one["weeks"] != len(
            attendance(episode_id, entries, days, ALL)["weeks"]
        )
    return counts


def of_census(found, days):
    counts = Counter()
    stays = [stay for _, of_episode in found.values() for stay in of_episode]
    counts["change of track within a stay"] += sum(len(stay.tracks) > 1 for stay in stays)
    for number in range(0, 300, 10):
        document = census_of_date(found, days, PERIOD[0] + timedelta(days=number))
        counts["client in two stays"] += document["total"] > document["total_clients"]
    by_service = outcomes(found, days, *PERIOD, by="service")
    for row in by_service["by_reason"]:
        counts["service that another follows"] += row["n"] * (row["teds_reason"] == 4)
    counts["more services than episodes"] += (
        by_service["discharges"] > outcomes(found, days, *PERIOD)["discharges"]
    )
    for period in statistics(found, days, *PERIOD, by="month")["periods"]:
        counts["readmission"] += len(period["readmissions"])
        for name in ("carried_over", "admitted", "transferred_in", "transferred_out", "remaining"):
            counts[f"statistics {name}"] += period["total"][name]
        counts["statistics ended"] += sum(period["total"]["ended"].values())
        counts["statistics service_days"] += period["total"]["service_days"]
        for group in period["groups"]:
            counts[f"statistics by {group['dimension']}"] += group["value"] is not None
    return counts


def of_rosters(found, days):
    counts = Counter()
    rows = session_rows(found, days)
    for row in rows:
        counts[f"row {row['outcome']}"] += 1
        counts["row that is not counted"] += not row["counted"]
        counts["row with facilitators"] += bool(row["facilitators"])
        counts[f"row {row['standing']}"] += 1
    for session in session_list(found, days)["sessions"]:
        counts["roster of several clients"] += session["attended"] > 1
        counts["roster with somebody unmarked"] += bool(session["unmarked"])
        counts["flag group_size"] += bool(session["flags"])
    return counts


EXPECTED = (
    "matched: by order_id", "matched: by rxcui", "matched: by name", "matched: by substance",
    "ordered here: by product", "ordered here: by substance", "several: ambiguous",
    "several: single doses aside", "several: the frequency named", "emptied: start",
    "emptied: other change", "emptied: a hold or review",
    "emptied: a start without the stop's order", "a stop cancels a later start",
    "flag changed_after_stop", "flag stopped_before_started", "flag incomplete_regimen",
    "flag duplicate_active", "flag same_ingredient", "flag opioid_and_benzodiazepine",
    "flag two_antipsychotics", "flag allergy_recorded", "flag stopped_still_listed",
    "flag not_reviewed", "flag after_end", "flag across episodes", "total a day of one ingredient",
    "query about a client", "query of another open episode", "an interval between doses",
    "a single dose", "a rate", "on arrival and changed since", "incomplete substances",
    "unknown substances", "scheduled", "known later", "scheduled end", "end known later",
    "as needed no more", "units convert", "takes effect at the end", "series of one id",
    "session before the admission, on its date", "session after the end, on its date",
    "missed and attended", "practitioner's visit counts", "practitioner's visit does not count",
    "outside the episode", "missed after the end", "hours that overlap", "hours that are not whole",
    "week below_weekly_hours", "week missed_and_attended", "week of intensive_outpatient",
    "week of partial_hospitalization", "week that the program closed", "week of nine hours exactly",
    "takes effect after the discharge", "one stopped and one new are changed",
    "summary of who died", "interim summary", "weeks are not those of the calendar",
    "change of track within a stay", "client in two stays", "service that another follows",
    "more services than episodes", "readmission", "row family_without_client",
    "row duplicate_session", "row missed_and_attended", "row missed_after_end",
    "row that is not counted", "row with facilitators", "roster of several clients",
    "roster with somebody unmarked", "flag group_size", "statistics ended",
) + tuple(f"statistics by {dimension}" for dimension in DIMENSIONS)


def provoked():
    """How often each rule is, over all seeds."""
    counts = Counter()
    for seed, zone in SEEDS:
        days = LocalDays(zone)
        lines = [
            json.dumps(line) for line, _ in histories(seed, EPISODES, zone, medications=True)
        ]
        episodes = read_events(lines)
        found = all_stays(episodes)
        for of_seed in (
            of_medications(episodes, days, seed), of_courses(found), of_sessions(found, days),
            of_summaries(found, days), of_census(found, days), of_rosters(found, days),
        ):
            for rule, number in of_seed.items():
                counts[rule] += number
    return counts


class ProvokedTest(unittest.TestCase):
    def test_every_rule_is_provoked_by_the_histories_that_are_compared(self):
        counts = provoked()
        for rule in sorted(set(EXPECTED) | set(counts)):
            self.assertGreater(counts[rule], 0, f"{rule} is not provoked")


if __name__ == "__main__":
    for rule, number in sorted(provoked().items()):
        print(f"{number:6} {rule}")
