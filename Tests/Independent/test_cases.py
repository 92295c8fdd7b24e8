"""Small histories with answers that were worked out by hand, each with its source.

Each check is an argument list for the command line and an expression over its JSON answer; here the
recount gives an answer of that shape. The test says so where the folder of histories is absent.
"""

import argparse
import glob
import json
import os
import time
import unittest

from attendance import attendance
from census import all_stays, census, census_of_date
from episodes import episode_rows
from history import read_events
from local_days import LocalDays, parse_date, parse_time_argument
from medication_lineages import MedicationCourses
from medications import Reviews
from outcomes import outcomes
from substances import Formulary
from summaries import summary

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "../../../shared/data/cases")
FORMULARY = Formulary.read()
NAMES = {
    one.__name__: one for one in (sorted, len, set, round, sum, any, next, str, list)
}


class Answers:
    """One history, asked as the command line is."""

    def __init__(self, path, zone):
        with open(path, encoding="utf-8") as lines:
            self.events = read_events(lines)
        self.days = LocalDays(zone)
        self.reviews = Reviews(self.events, FORMULARY, self.days)

    def answer(self, words):
        parser = argparse.ArgumentParser()
        parser.add_argument("command")
        for name in (
            "--date", "--from", "--to", "--known-at", "--effective-at", "--episode", "--client",
            "--program", "--by",
        ):
            parser.add_argument(name)
        parser.add_argument("--diff", nargs=2)
        asked = parser.parse_args(words)
        if asked.diff is not None:
            before, after = (self.answered(asked, known_at) for known_at in asked.diff)
            return {"differences": list(differing_items(before, after))}
        return self.answered(asked, asked.known_at)

    def time(self, text):
        return None if text is None else parse_time_argument(text, self.days)

    def answered(self, asked, known_at):
        known_at, effective_at = self.time(known_at), self.time(asked.effective_at)
        found = all_stays(self.events, known_at)
        now = time.time_ns() // 1000 if effective_at is None else effective_at
        first, last = (
            text and parse_date(text) for text in (getattr(asked, "from"), asked.to)
        )
        if asked.command == "census":
            if asked.date is None:
                stays = [stay for _, stays in found.values() for stay in stays]
                return {"days": census(stays, self.days, first, last)}
            return with_flags(census_of_date(found, self.days, parse_date(asked.date)))
        if asked.command == "episodes":
            rows = episode_rows(found, self.days, now, asked.client)
            return {"episodes": [row | {"flags": flag_objects(row["flags"])} for row in rows]}
        if asked.command == "outcomes":
            by = asked.by or "episode"
            return outcomes(found, self.days, first, last, asked.program, by)
        if asked.command == "attendance":
            return self.attendance(asked.episode, found, now)
        if asked.command == "medication-review":
            return self.reviews.review(asked.episode, now, known_at)
        if asked.episode is not None:
            return self.summary(asked.episode, found[asked.episode][0])
        summaries = [
            summary(episode_id, entries, self.days, FORMULARY)
            for episode_id, (entries, _) in found.items()
        ]
        return {"summaries": [{"missing": missing(one)} for one in summaries]}

    def attendance(self, episode_id, found, effective_at):
        answer = attendance(episode_id, found[episode_id][0], self.days, effective_at)
        weeks = [week | {"flags": flag_objects(week["flags"])} for week in answer["weeks"]]
        return answer | {"flags": flag_objects(answer["flags"]), "weeks": weeks}

    def summary(self, episode_id, entries):
        """In the shape of the document: elements with a value."""
        found = summary(episode_id, entries, self.days, FORMULARY)
        lineages = {
            one.id: one.medication for one in MedicationCourses(entries, FORMULARY).lineages
        }
        return {
            "client": elements(found, "end_date", "length_of_stay_days"),
            "course_of_care": elements(found, "missed_after_end"),
            "medications": {
                "at_discharge": [
                    {"value": {"medication": lineages[id]}}
                    for id in found["medications"]["at_discharge"]
                ],
                "after_discharge": found["after_discharge"],
            },
        }


def elements(found, *names):
    return {name: {"value": found[name]} for name in names}


def missing(found):
    return [name for name, value in found["completeness"].items() if value == "missing"]


def flag_objects(names):
    return [{"flag": name} for name in names]


def with_flags(document):
    for row in document["episodes"]:
        row["flags"] = flag_objects(["overlapping_episode"] * row["overlapping_episode"])
    return document


def differing_items(before, after):
    """The parts of two censuses of a date that differ."""

    def parts(document):
        found = {f"episodes/{row['episode_id']}": row for row in document["episodes"]}
        for group in document["groups"]:
            found[f"groups/{group['program']}/{group['level_of_care']}"] = group
        return found

    ours, theirs = parts(before), parts(after)
    for item in sorted(set(ours) | set(theirs)):
        if ours.get(item) != theirs.get(item):
            yield {"item": item}


@unittest.skipUnless(os.path.isdir(CASES), f"{CASES} is absent")
class CasesTest(unittest.TestCase):
    def test_every_history_has_the_answers_worked_out_by_hand(self):
        checked = 0
        for path in sorted(glob.glob(os.path.join(CASES, "*.expected.json"))):
            with open(path, encoding="utf-8") as file:
                case = json.load(file)
            answers = Answers(path.replace(".expected.json", ".ndjson"), case["zone"])
            for check in case["checks"]:
                checked += 1
                with self.subTest(case=case["name"], asked=check["argv"], why=check["why"]):
                    answer = answers.answer(check["argv"])
                    got = eval(check["expr"], dict(NAMES, r=answer))
                    self.assertEqual(got, check["expected"])
        self.assertEqual(checked, 77)


if __name__ == "__main__":
    unittest.main()
