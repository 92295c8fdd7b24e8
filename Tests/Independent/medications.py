#!/usr/bin/env python3
"""The medication review, recomputed from recorded events without any code of the ledger.

    episode-ledger export > events.ndjson
    medications.py --events events.ndjson --time-zone America/New_York \\
        --random 500 --seed 1 --write-queries queries.json > expected.json
    medications.py --events events.ndjson --time-zone America/New_York \\
        --queries queries.json > expected.json

A query is {"episode_id" or "client_id", "effective_at", "known_at" (or null), "known_by"}; for each,
in the same order, the answer lists what is active, held, scheduled, and known only later, every
interval that began by then, the changes, and the flags with the events that raise them. The rules
are those of read-models.md, "Medication review"; the fold is in medication_lineages.py, the flags of
state in medication_flags.py, what a medication is in substances.py.
"""

import argparse
import json
import os
import random
import sys

from census import stays_of
from history import effective_history
from ledger_arguments import read_episodes
from local_days import DAY, HOUR, MINUTE, LocalDays, format_instant, parse_instant
from medication_flags import late_entries, state_flags
from medication_lineages import HELD, OPEN, MedicationCourses, end_of
from regimens import daily_dose, interval_days, is_single
from settings import Settings
from substances import Formulary, route_group

NOT_REVIEWED_DAYS = 14
LISTS = ("active", "held", "scheduled", "later")


class EpisodeReview:
    """One episode's medications as known at K: at E, and scheduled after it."""

    def __init__(self, episode_id, entries, effective_at, formulary):
        self.not_reviewed_days = NOT_REVIEWED_DAYS
        self.episode_id = episode_id
        self.effective_at = effective_at
        self.formulary = formulary
        self.knowledge = {entry.event_id: entry.known for entry in entries}
        self.known_entries = entries
        self.history = [entry for entry in entries if entry.time <= effective_at]
        self.courses = MedicationCourses(self.history, formulary, entries)
        self.all_courses = MedicationCourses(entries, formulary)
        self.end = end_of(self.history)
        admission = next(entry for entry in entries if entry.type == "admitted")
        self.client_id = admission.data["client_id"]
        self.allergies = [
            (admission.event_id, formulary.in_text(text).names)
            for text in admission.data.get("allergies", ())
            if admission.time <= effective_at
        ]
        ahead = [one for one in self.all_courses.intervals if one.start > effective_at]
        ahead = [one for one in ahead if one.was_in_force and self.end is None]
        self.scheduled = [one for one in ahead if self.is_known(one.event_id)]
        self.later = [one for one in ahead if not self.is_known(one.event_id)]

        self.stays = stays_of(episode_id, self.history)

    @property
    def is_open(self):
        """Whether the episode has begun and has not ended, at E."""
        return bool(self.stays) and self.stays[-1].end is None

    def in_state(self, state):
        """From the end on nothing is active or held, or scheduled."""
        return [] if self.end is not None else self.courses.in_state(state)

    def is_known(self, event_id):
        """Whether it was known at E."""
        return self.knowledge[event_id] <= self.effective_at

    def event_flags(self, originals):
        flags = self.courses.flags + list(late_entries(self.history, originals))
        for entry in self.history:
            if entry.type != "medication_adjusted" or self.end is None:
                continue
            told_after = self.knowledge[entry.event_id] > self.knowledge[self.end.event_id]
            if entry.time >= self.end.time and told_after:
                flags.append(("after_end", [entry.event_id]))
        return [{"flag": flag, "event_ids": sorted(set(ids))} for flag, ids in flags]

    def lineage(self, id):
        """A lineage as it stands at E, or as it is to begin."""
        return next(
            one
            for courses in (self.courses, self.all_courses)
            for one in courses.lineages
            if one.id == id and one.intervals
        )

    # Rows

    def row(self, interval):
        medication, regimen = interval.medication, interval.regimen
        dose, made_of = daily_dose(regimen), self.formulary.substances(medication)
        lineage = self.lineage(interval.lineage)
        return {
            "lineage": interval.lineage,
            "event_id": interval.event_id,
            "medication": medication,
            "regimen": regimen,
            "from": format_instant(interval.start),
            "since": format_instant(lineage.since),
            "on_arrival": lineage.on_arrival,
            "daily_dose": None if dose is None else float(dose[0]),
            "interval_days": interval_days(regimen),
            "single_dose": is_single(regimen),
            "substances": sorted(made_of.names),
            "route_group": route_group(medication, (regimen or {}).get("route")),
            "classes": sorted(self.formulary.classes(medication)),
            "assessed": made_of.complete,
        }

    def active_row(self, lineage):
        return self.row(lineage.interval) | self.ends(lineage.interval)

    def ends(self, interval):
        """What is known to end the regimen in force: at E, or only later."""
        end = {"scheduled_end": None, "later_end": None}
        for one in self.all_courses.intervals:
            same = (one.lineage, one.event_id) == (interval.lineage, interval.event_id)
            if not same or one.end is None or one.end <= self.effective_at:
                continue
            event_id = self._ending(one)
            known = self.is_known(event_id)
            found = {"at": format_instant(one.end), "change": one.ended_by}
            if not known:
                found["known_at"] = format_instant(self.knowledge[event_id])
            end["scheduled_end" if known else "later_end"] = found
        return end

    def _ending(self, interval):
        """The event that ends an interval: what opens the next, else the hold or the stop."""
        (lineage,) = [one for one in self.all_courses.lineages if one.id == interval.lineage]
        if interval.ended_by == "stop":
            return lineage.stops[-1].event_id
        if interval.ended_by == "hold":
            return next(hold.event_id for hold in lineage.holds if hold.start == interval.end)
        return next(
            one.event_id
            for one in lineage.intervals[lineage.intervals.index(interval) + 1:]
            if one.start == interval.end
        )

    def held_row(self, lineage):
        hold = lineage.holds[-1]
        return self.row(lineage.interval) | {
            "held_since": format_instant(hold.start),
            "held_by": hold.event_id,
        }

    def later_row(self, interval):
        known_at = format_instant(self.knowledge[interval.event_id])
        return self.row(interval) | {"known_at": known_at}

    def timeline_row(self, interval):
        """An interval, cut off at the end of the episode."""
        end, ended_by = interval.end, interval.ended_by
        if self.end is not None and (end is None or end > self.end.time):
            end, ended_by = max(interval.start, self.end.time), "episode_end"
        return {
            "lineage": interval.lineage,
            "event_id": interval.event_id,
            "from": format_instant(interval.start),
            "to": None if end is None else format_instant(end),
            "ended_by": ended_by,
        }

    def rows(self):
        def order(lineage):
            return (lineage.interval.start, lineage.opened)

        return {
            "active": [
                self.active_row(lineage) for lineage in sorted(self.in_state(OPEN), key=order)
            ],
            "held": [self.held_row(lineage) for lineage in sorted(self.in_state(HELD), key=order)],
            "scheduled": [self.row(interval) for interval in self.scheduled],
            "later": [self.later_row(interval) for interval in self.later],
        }

    def change_rows(self):
        return [
            {
                "event_id": entry.event_id,
                "change": entry.data["change"],
                "lineage": lineage.id,
                "matched_by": by,
                "percent": None if percent is None else float(percent),
            }
            for entry, lineage, by, percent in self.courses.changes
        ]


class Reviews:
    """Answers for one set of events.

    `not_reviewed_days` None: what the settings of the program or the ledger say, else 14.
    """

    def __init__(self, episodes, formulary, days, not_reviewed_days=None, settings=Settings()):
        self.episodes = episodes
        self.formulary = formulary
        self.days = days
        self.not_reviewed_days = not_reviewed_days
        self.settings = settings
        recorded = [event.recorded_at for events in episodes.values() for event in events]
        self._head = max(recorded) if recorded and None not in recorded else None
        self._may_be = {}  # client id -> episodes that ever named it
        for episode_id in sorted(episodes):
            for client_id in client_ids_named(episodes[episode_id]):
                self._may_be.setdefault(client_id, []).append(episode_id)

    def known(self, known_at):
        """At or after the head's recorded time everything is known."""
        if known_at is not None and self._head is not None and known_at >= self._head:
            return None
        return known_at

    def entries(self, episode_id, known_at, known_by):
        """The effective history known then."""
        events = self.episodes.get(episode_id, ())
        return effective_history(events, self.known(known_at), known_by)

    def of_episode(self, episode_id, effective_at, known_at, known_by):
        """The review of one episode, or None where it has no admission that is known."""
        entries = self.entries(episode_id, known_at, known_by)
        if not entries:
            return None
        review = EpisodeReview(episode_id, entries, effective_at, self.formulary)
        review.not_reviewed_days = self.not_reviewed_days or self.days_set_for(review, known_at)
        return review

    def days_set_for(self, review, known_at):
        """The days that are set for the program of the review's last stay, or for the ledger."""
        program = review.stays[-1].program if review.stays else None
        date = self.days.date_of(review.effective_at)
        settings = self.settings.known(known_at)
        return settings.not_reviewed_days(program, date) or NOT_REVIEWED_DAYS

    def open_episodes(self, client_id, effective_at, known_at, known_by):
        """The reviews of the client's episodes that are open at E."""
        found = (
            self.of_episode(episode_id, effective_at, known_at, known_by)
            for episode_id in self._may_be.get(client_id, ())
        )
        return [one for one in found if one and one.client_id == client_id and one.is_open]

    def flags(self, reviews, client_episodes):
        """The flags of events and of state of reviews that are told together."""
        found = []
        for review in reviews:
            originals = {
                event.event_id: event for event in self.episodes[review.episode_id]
            }
            found += review.event_flags(originals)
        found += state_flags(reviews, client_episodes, self.formulary, self.days)
        return sorted(found, key=lambda flag: (flag["flag"], flag["event_ids"]))

    def review(self, episode_id, effective_at, known_at=None, known_by="source"):
        """One answer, instants in microseconds; an empty one without an admission that is known."""
        review = self.of_episode(episode_id, effective_at, known_at, known_by)
        if review is None:
            return {
                name: [] for name in LISTS + ("timeline", "changes", "flags", "other_open_episodes")
            }
        others = [
            one
            for one in self.open_episodes(review.client_id, effective_at, known_at, known_by)
            if one.episode_id != episode_id
        ]
        return review.rows() | {
            "timeline": [review.timeline_row(interval) for interval in review.courses.intervals],
            "changes": review.change_rows(),
            "flags": self.flags([review], [review] + others),
            "other_open_episodes": sorted(one.episode_id for one in others),
        }

    def client_review(self, client_id, effective_at, known_at=None, known_by="source"):
        """The client's open episodes together, each row with its episode."""
        reviews = self.open_episodes(client_id, effective_at, known_at, known_by)
        lists = [
            {
                name: [row | {"episode_id": review.episode_id} for row in rows]
                for name, rows in review.rows().items()
            }
            for review in reviews
        ]
        return {
            name: sorted(
                (row for one in lists for row in one[name]), key=lambda row: row["from"]
            )
            for name in LISTS
        } | {"client_id": client_id, "flags": self.flags(reviews, reviews)}

    def answer(self, query):
        """One answer to a query as a JSON object."""
        known_at = query["known_at"]
        when = (
            parse_instant(query["effective_at"]),
            None if known_at is None else parse_instant(known_at),
            query["known_by"],
        )
        if "client_id" in query:
            return self.client_review(query["client_id"], *when)
        return self.review(query["episode_id"].lower(), *when)


def client_ids_named(events):
    """The client ids that an episode's admission or its corrections name."""
    found = set()
    for event in events:
        for data in (event.data, event.data.get("replacement", {})):
            if "client_id" in data:
                found.add(data["client_id"])
    return found


# Random queries

NEARBY = (0, 0, -1, -1, 1)


def near(generator, instants):
    """A moment at one of the instants, a microsecond beside it, hours around it, or between."""
    shape = generator.random()
    if shape < 0.25:
        return generator.randrange(min(instants) - DAY, max(instants) + 30 * DAY)
    instant = generator.choice(instants)
    if shape < 0.7:
        return instant + generator.choice(NEARBY)
    if shape < 0.9:
        return instant + generator.randrange(1, 72 * 60) * MINUTE
    return instant - generator.randrange(1, 24) * HOUR


def random_queries(reviews, number, seed, clients=0.0):
    """Queries for random episodes, among instants that matter. The admission is known in each.

    `clients` is the share of those that ask about the client of the episode.
    """
    generator = random.Random(seed)
    with_medications = [
        episode_id
        for episode_id in sorted(reviews.episodes)
        if any(event.type == "medication_adjusted" for event in reviews.episodes[episode_id])
    ] or sorted(reviews.episodes)
    queries = []
    for _ in range(number * 50):
        if len(queries) == number:
            break
        episode_id = generator.choice(with_medications)
        events = reviews.episodes[episode_id]
        times = [event.occurred_at for event in events] + [
            parse_instant(event.data["replacement_occurred_at"])
            for event in events
            if "replacement_occurred_at" in event.data
        ]
        known_at, known_by = None, "source"
        if generator.random() < 0.7:
            has_recorded = all(event.recorded_at is not None for event in events)
            if has_recorded and generator.random() < 0.15:
                known_by = "ledger"
            known_at = near(generator, [event.known_at(known_by) for event in events])
        effective_at = near(generator, times)
        entries = reviews.entries(episode_id, known_at, known_by)
        if not entries:
            continue
        asked = {"episode_id": episode_id}
        if generator.random() < clients:
            admission = next(entry for entry in entries if entry.type == "admitted")
            asked = {"client_id": admission.data["client_id"]}
        queries.append(
            asked
            | {
                "effective_at": format_instant(effective_at),
                "known_at": None if known_at is None else format_instant(known_at),
                "known_by": known_by,
            }
        )
    return queries


def main(arguments=None, output=None):
    output = output or sys.stdout
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", required=True, help="NDJSON file, or - for standard input")
    parser.add_argument("--time-zone", default="UTC", help="the ledger's IANA zone")
    parser.add_argument("--value-sets", help="CSV of the RxNorm value sets, if not that of data/")
    parser.add_argument("--not-reviewed-days", type=int)
    parser.add_argument("--settings", help="JSON with the ledger's settings")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--queries", help="JSON list of queries")
    asked.add_argument("--random", type=int, help="make this many queries from the events")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=float, default=0.0, help="the share about clients")
    parser.add_argument("--write-queries", help="where to write the random queries")
    options = parser.parse_args(arguments)

    reviews = Reviews(
        read_episodes(options.events),
        Formulary.read(options.value_sets and os.path.abspath(options.value_sets)),
        LocalDays(options.time_zone),
        options.not_reviewed_days,
        Settings.read(options.settings),
    )
    if options.queries is not None:
        with open(options.queries, encoding="utf-8") as file:
            queries = json.load(file)
    else:
        queries = random_queries(reviews, options.random, options.seed, options.clients)
        if options.write_queries is not None:
            with open(options.write_queries, "w", encoding="utf-8") as file:
                json.dump(queries, file, indent=1)
    json.dump([reviews.answer(query) for query in queries], output, indent=1)
    print(file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
