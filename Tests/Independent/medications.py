#!/usr/bin/env python3
"""The medication review, recomputed from recorded events without any code of the ledger.

    episode-ledger export > events.ndjson
    medications.py --events events.ndjson --value-sets bh_rxnorm_value_sets.csv \\
        --random 500 --seed 1 --write-queries queries.json > expected.json
    medications.py --events events.ndjson --value-sets bh_rxnorm_value_sets.csv \\
        --queries queries.json > expected.json

A query is {"episode_id", "effective_at", "known_at" (or null), "known_by"}; for each, in the same
order, the answer lists what is active, held and scheduled, every interval that began by then, and
the flags with the events that raise them. The rules are those of read-models.md, "Medication
review"; the fold is in medication_lineages.py, the classes of medications in
medication_classes.py.
"""

import argparse
import json
import random
import sys

from history import effective_history
from ledger_arguments import read_episodes
from local_days import DAY, HOUR, MINUTE, format_instant, parse_instant
from medication_classes import ANTIPSYCHOTIC, BENZODIAZEPINE, OPIOID, MedicationClasses
from medication_lineages import HELD, OPEN, MedicationCourses, daily_dose, normalized

LATE = DAY
NOT_REVIEWED_DAYS = 14


def late_entries(entries, originals):
    """The medication entries that were known more than 24 hours after they took effect.

    What counts is the original: a correction does not make its target late.
    """
    for entry in entries:
        is_medication = entry.type == "medication_adjusted" or (
            entry.type == "admitted" and entry.data.get("medications")
        )
        original = originals[entry.event_id]
        if is_medication and original.known_at("source") - original.occurred_at > LATE:
            yield "late_entry", [entry.event_id]


def duplicates(lineages):
    """Groups of lineages connected by an equal rxcui or an equal name, of two or more."""
    groups = []
    for lineage in lineages:
        names = {("name", normalized(lineage.medication["name"]))}
        if "rxcui" in lineage.medication:
            names.add(("rxcui", lineage.medication["rxcui"]))
        group = [lineage]
        for other in [one for one in groups if one[0] & names]:
            groups.remove(other)
            names |= other[0]
            group = other[1] + group
        groups.append((names, group))
    return [group for _, group in groups if len(group) > 1]


def state_flags(courses, classes, effective_at, not_reviewed_days):
    """The flags that hold at E."""
    active = courses.in_state(OPEN)
    for group in duplicates(active):
        yield "duplicate_active", in_force(group)

    for lineage in active + courses.in_state(HELD):
        time, event_id = lineage.last_event
        if effective_at - time > not_reviewed_days * DAY:
            yield "not_reviewed", [event_id]

    def of_class(name):
        found = [(one, classes.ingredients(name, one.medication)) for one in active]
        return [(lineage, ingredients) for lineage, ingredients in found if ingredients]

    opioids, benzodiazepines = of_class(OPIOID), of_class(BENZODIAZEPINE)
    if opioids and benzodiazepines:
        yield "opioid_and_benzodiazepine", in_force(one for one, _ in opioids + benzodiazepines)
    antipsychotics = of_class(ANTIPSYCHOTIC)
    if len({ingredient for _, found in antipsychotics for ingredient in found}) > 1:
        yield "two_antipsychotics", in_force(one for one, _ in antipsychotics)


def in_force(lineages):
    """The events of the lineages' intervals in force."""
    return [lineage.interval.event_id for lineage in lineages]


def interval_row(interval, classes):
    dose = daily_dose(interval.regimen)
    return {
        "lineage": interval.lineage,
        "event_id": interval.event_id,
        "from": format_instant(interval.start),
        "name": interval.medication["name"],
        "daily_dose": None if dose is None else float(dose),
        "classes": classes.of(interval.medication),
    }


def held_row(lineage, classes):
    hold = lineage.holds[-1]
    return interval_row(lineage.interval, classes) | {
        "held_since": format_instant(hold.start),
        "held_by": hold.event_id,
    }


def timeline_row(interval):
    return {
        "lineage": interval.lineage,
        "event_id": interval.event_id,
        "from": format_instant(interval.start),
        "to": None if interval.end is None else format_instant(interval.end),
        "ended_by": interval.ended_by,
    }


class Reviews:
    """Answers for one set of events."""

    def __init__(self, episodes, classes, not_reviewed_days=NOT_REVIEWED_DAYS):
        self.episodes = episodes
        self.classes = classes
        self.not_reviewed_days = not_reviewed_days
        recorded = [event.recorded_at for events in episodes.values() for event in events]
        self._head = max(recorded) if recorded and None not in recorded else None

    def entries(self, episode_id, known_at, known_by):
        """The effective history known then; at or after the head's recorded time, all of it."""
        if known_at is not None and self._head is not None and known_at >= self._head:
            known_at = None
        return effective_history(self.episodes.get(episode_id, ()), known_at, known_by)

    def review(self, episode_id, effective_at, known_at=None, known_by="source"):
        """One answer, instants in microseconds."""
        entries = self.entries(episode_id, known_at, known_by)
        originals = {event.event_id: event for event in self.episodes.get(episode_id, ())}
        history = [entry for entry in entries if entry.time <= effective_at]
        courses = MedicationCourses(history)

        def order(lineage):
            return (lineage.interval.start, lineage.opened)

        flags = courses.flags + list(late_entries(history, originals))
        flags += state_flags(courses, self.classes, effective_at, self.not_reviewed_days)
        return {
            "active": [
                interval_row(lineage.interval, self.classes)
                for lineage in sorted(courses.in_state(OPEN), key=order)
            ],
            "held": [
                held_row(lineage, self.classes)
                for lineage in sorted(courses.in_state(HELD), key=order)
            ],
            "scheduled": [
                interval_row(interval, self.classes)
                for interval in MedicationCourses(entries).intervals
                if interval.start > effective_at and interval.was_in_force
            ],
            "timeline": [timeline_row(interval) for interval in courses.intervals],
            "flags": [
                {"flag": flag, "event_ids": sorted(set(ids))} for flag, ids in sorted(flags)
            ],
        }

    def answer(self, query):
        """One answer to a query as a JSON object."""
        known_at = query["known_at"]
        return self.review(
            query["episode_id"].lower(),
            parse_instant(query["effective_at"]),
            None if known_at is None else parse_instant(known_at),
            query["known_by"],
        )


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


def random_queries(reviews, number, seed):
    """Queries for random episodes, among instants that matter. The admission is known in each."""
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
        if not reviews.entries(episode_id, known_at, known_by):
            continue
        queries.append(
            {
                "episode_id": episode_id,
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
    parser.add_argument("--value-sets", required=True, help="CSV of the RxNorm value sets")
    parser.add_argument("--not-reviewed-days", type=int, default=NOT_REVIEWED_DAYS)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--queries", help="JSON list of queries")
    asked.add_argument("--random", type=int, help="make this many queries from the events")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write-queries", help="where to write the random queries")
    options = parser.parse_args(arguments)

    reviews = Reviews(
        read_episodes(options.events),
        MedicationClasses.read(options.value_sets),
        options.not_reviewed_days,
    )
    if options.queries is not None:
        with open(options.queries, encoding="utf-8") as file:
            queries = json.load(file)
    else:
        queries = random_queries(reviews, options.random, options.seed)
        if options.write_queries is not None:
            with open(options.write_queries, "w", encoding="utf-8") as file:
                json.dump(queries, file, indent=1)
    json.dump([reviews.answer(query) for query in queries], output, indent=1)
    print(file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
