#!/usr/bin/env python3
"""Asks the program about one ledger, recounts every answer, and compares the two.

    recount.py --program .build/debug/episode-ledger --events histories.ndjson \\
        --time-zone America/New_York [--queries 100] [--seed 1] [--only attendance,outcomes]

The histories (import lines) go into a ledger of their own, in the database that the environment names
or in a private cluster in a temporary folder. Medication reviews, discharge summaries, attendance of
single episodes and of everybody, census, outcomes by episode and by service, retention, statistics and
sessions are asked for as everything is known now, and as it was known at several times on both clocks; at the
end, attendance and reviews again with settings of every kind. Prints a line for each comparison; exit
0 when all agree, else 1 with the first differences.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import compare_attendance
import compare_attendance_list
import compare_census
import compare_medications
import compare_outcomes
import compare_retention
import compare_sessions
import compare_statistics
import compare_summaries
from attendance import attendance
from attendance_list import attendance_list
from census import all_stays, census, census_of_date
from comparison import SHOWN
from history import read_events
from local_days import LocalDays, format_instant, parse_instant
from medications import Reviews, random_queries
from outcomes import outcomes
from program_statistics import statistics
from retention import retention
from session_rows import session_list, session_rows, through
from settings import Settings
from substances import Formulary
from summaries import summary

LEDGER = "recount"
LATEST = parse_instant("2026-01-01T00:00:00Z")  # after all that random histories tell
MARGIN = timedelta(days=40)  # corrections move entries beyond what the events' own times say
SETTINGS = (
    ("weekly_hours.iop-adult-day=12", "--from", "2024-01-01"),
    ("weekly_hours.php=3.5", "--from", "2024-06-01"),
    ("weekly_hours.iop-adult-day=default", "--from", "2024-08-01"),
    ("not_reviewed_days=3", "--from", "2024-01-01"),
    ("not_reviewed_days.iop-adult-evening=30", "--from", "2024-01-01"),
    ("first_day_of_week=sunday", "--from", "2024-01-01"),
    ("no_shows_in_a_row=2", "--from", "2024-01-01"),
    ("not_seen_days=10", "--from", "2024-01-01"),
    ("not_seen_days.iop-adult-day=4", "--from", "2024-01-01"),
)
SHARE_OF_PAST = 3  # of what was known before, every third is asked for


class Program:
    """The command line of the program, on one ledger."""

    def __init__(self, path, folder):
        self.path = path
        self.answers = 0
        self.own = [] if "EPISODE_LEDGER_DATABASE_URL" in os.environ else ["--data-dir", folder]

    def run(self, *words, status=0):
        end = subprocess.run(
            [self.path, *words, *self.own], capture_output=True, text=True, timeout=600
        )
        if end.returncode != status:
            raise SystemExit(f"{' '.join(words)}: exit {end.returncode}\n{end.stderr[:2000]}")
        return end.stdout

    def ask(self, *words):
        self.answers += 1
        return json.loads(self.run(*words, "--ledger", LEDGER, "--format", "json"))

    def ask_about_ledger(self, command, *words):
        self.answers += 1
        return json.loads(self.run("ledgers", command, LEDGER, *words, "--format", "json"))

    def ask_each(self, questions):
        """The answers to lists of words, in their order, two at a time."""
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda words: self.ask(*words), questions))

    def keep_cluster(self):
        """A process that holds a private cluster up, or None."""
        if not self.own:
            return None
        return subprocess.Popen(
            [self.path, "serve", "--port", "0", "--without-workers", *self.own],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )


class Recount:
    """One ledger, as the program tells it and as its events do."""

    def __init__(self, program, path, zone, only_now=False):
        self.program = program
        self.only_now = only_now
        self.settings = Settings()
        self.days = LocalDays(zone)
        self.formulary = Formulary.read()
        program.run("ledgers", "create", LEDGER, "--time-zone", zone)
        imported = program.ask("import", path)
        if imported["refused"]:
            raise SystemExit(f"{imported['refused']} lines were refused")
        program.run("projections", "run", "--until-caught-up", "--ledger", LEDGER)
        export = program.run("export", "--ledger", LEDGER)
        self.episodes = read_events(export.splitlines())
        self.events = [event for events in self.episodes.values() for event in events]
        times = [event.occurred_at for event in self.events]
        self.first = self.days.date_of(min(times)) - MARGIN
        yesterday = self.days.date_of(time.time_ns() // 1000) - timedelta(days=1)
        self.last = min(self.days.date_of(max(times)) + MARGIN, yesterday)

    def knowledge(self):
        """(how it is asked, known at, known by): everything, and at quantiles of both clocks."""
        yield [], None, "source"
        if self.only_now:
            return
        for clock, quantiles in (("source", (0.3, 0.8)), ("ledger", (0.5,))):
            times = sorted(event.known_at(clock) for event in self.events)
            for quantile in quantiles:
                known_at = times[int((len(times) - 1) * quantile)]
                words = ["--known-at", format_instant(known_at), "--known-by", clock]
                yield words, known_at, clock

    def settings_of_the_ledger(self, queries, seed):
        """Attendance and reviews once more, after settings of every kind were made."""
        for words in SETTINGS:
            self.program.ask_about_ledger("settings", "--set", *words)
        document = self.program.ask_about_ledger("settings")
        self.settings, self.only_now = Settings(document["settings"]), True
        yield from self.attendance()
        yield from self.attendance_lists()
        yield from self.medications(queries, seed)

    @staticmethod
    def chosen(listed, known_at):
        """All as everything is known now, a part of them as it was known before."""
        return list(listed)[:: 1 if known_at is None else SHARE_OF_PAST]

    def medications(self, queries, seed):
        reviews = Reviews(self.episodes, self.formulary, self.days, settings=self.settings)
        asked = random_queries(reviews, queries, seed, clients=0.1)
        answers = self.program.ask_each([review_words(query) for query in asked])
        lists = compare_medications.LISTS + (compare_medications.TIMELINE,)
        for number, (query, answer) in enumerate(zip(asked, answers)):
            where = compare_medications.place(number, answer)
            yield from compare_medications.differences(
                where, reviews.answer(query), answer, lists
            )

    def attendance(self):
        for words, known_at, clock in self.knowledge():
            found = all_stays(self.episodes, known_at, clock)
            expected = [
                attendance(episode_id, entries, self.days, LATEST, (), self.settings)
                for episode_id, (entries, _) in self.chosen(found.items(), known_at)
            ]
            expected = [answer for answer in expected if answer is not None]
            when = ["--effective-at", format_instant(LATEST), *words]
            actual = self.program.ask_each(
                ["attendance", "--episode", answer["episode_id"], *when] for answer in expected
            )
            yield from compare_attendance.differences(expected, actual)

    def attendance_lists(self):
        """Everybody who is enrolled, at times from first to last, and those of a program."""
        times = sorted(event.occurred_at for event in self.events)
        programs = [event.data["program"] for event in self.events if event.type == "admitted"]
        expected, questions = [], []
        for words, known_at, clock in self.knowledge():
            found = all_stays(self.episodes, known_at, clock)
            for number, time_of in enumerate(self.chosen(times[:: len(times) // 9], known_at)):
                date = self.days.date_of(time_of)
                # A date means just before its 24:00.
                at, when = (
                    (time_of, format_instant(time_of))
                    if number % 2 == 0
                    else (self.days.end(date) - 1, str(date))
                )
                program = None if number % 3 else max(programs, key=programs.count)
                expected.append(
                    attendance_list(found, self.days, at, program, (), self.settings)
                )
                asked = {"effective-at": when, "program": program}
                questions.append(["attendance", *options(asked), *words])
        yield from compare_attendance_list.differences(
            expected, self.program.ask_each(questions)
        )

    def summaries(self):
        times = sorted(event.occurred_at for event in self.events)
        for words, known_at, clock in self.knowledge():
            found = all_stays(self.episodes, known_at, clock)
            for effective_at in (LATEST, times[len(times) // 2]):
                expected = [
                    summary(episode_id, entries, self.days, self.formulary, effective_at)
                    for episode_id, (entries, _) in self.chosen(found.items(), known_at)
                ]
                expected = [one for one in expected if one is not None]
                when = ["--interim", "--effective-at", format_instant(effective_at), *words]
                actual = self.program.ask_each(
                    ["discharge-summary", "--episode", one["episode_id"], *when]
                    for one in expected
                )
                yield from compare_summaries.differences(expected, actual)

    def census(self):
        period = ["--from", str(self.first), "--to", str(self.last)]
        for words, known_at, clock in self.knowledge():
            found = all_stays(self.episodes, known_at, clock)
            stays = [stay for _, stays in found.values() for stay in stays]
            before, *listed = census(
                stays, self.days, self.first - timedelta(days=1), self.last
            )
            actual = self.program.ask("census", *period, *words)
            yield from compare_census.compare({"before": before, "days": listed}, actual)
            with_groups = [day for day in listed if day["groups"]][::17]
            for day in self.chosen(with_groups, known_at):
                date = self.first + timedelta(days=listed.index(day))
                yield from compare_census.compare(
                    census_of_date(found, self.days, date),
                    self.program.ask("census", "--date", str(date), *words),
                )

    def outcomes(self):
        return self.of_period(
            compare_outcomes, outcomes, "outcomes", [{"by": "episode"}, {"by": "service"}]
        )

    def statistics(self):
        ways = [{}, {"by": "month"}, {"by": "week"}]
        return self.of_period(compare_statistics, statistics, "statistics", ways)

    def retention(self):
        """Of the whole period and of its middle, at times from first to last, by program and level."""
        times = sorted(event.occurred_at for event in self.events)
        programs = [event.data["program"] for event in self.events if event.type == "admitted"]
        middle = self.days.date_of(times[len(times) // 2])
        expected, questions = [], []
        for words, known_at, clock in self.knowledge():
            found = all_stays(self.episodes, known_at, clock)
            for at in self.chosen([LATEST, *times[:: len(times) // 3]], known_at):
                for first, last in ((self.first, self.last), (middle - MARGIN, middle)):
                    for only in (
                        {}, {"program": max(programs, key=programs.count)},
                        {"level_of_care": "intensive_outpatient"},
                    ):
                        expected.append(
                            retention(found, self.days, first, last, at, **only)
                        )
                        asked = {"from": first, "to": last, "effective-at": format_instant(at)}
                        asked |= {name.replace("_", "-"): one for name, one in only.items()}
                        questions.append(["retention", *options(asked), *words])
        yield from compare_retention.differences(expected, self.program.ask_each(questions))

    def of_period(self, comparison, recounted, command, ways):
        """A question about the whole period and about a program of it, asked in several ways."""
        programs = [event.data["program"] for event in self.events if event.type == "admitted"]
        expected, questions = [], []
        for words, known_at, clock in self.knowledge():
            found = all_stays(self.episodes, known_at, clock)
            for program in (None, max(programs, key=programs.count)):
                for way in ways:
                    expected.append(
                        recounted(found, self.days, self.first, self.last, program, **way)
                    )
                    asked = {"from": self.first, "to": self.last, "program": program} | way
                    if asked.get("by") == "episode":
                        del asked["by"]
                    questions.append([command, *options(asked), *words])
        yield from comparison.differences(expected, self.program.ask_each(questions))

    def sessions(self):
        """Every way to ask for sessions, of some of the dates, sessions, people and so on."""
        period = {"from": self.first, "to": self.last}
        for words, known_at, clock in self.knowledge():
            found = all_stays(self.episodes, known_at, clock)
            rows = session_rows(found, self.days)
            values = {
                name: self.chosen(sorted({row[name] for row in rows if row[name]})[::part], known_at)
                for name, part in (("date", 9), ("session_id", 40), ("author", 1), ("program", 1),
                                   ("episode_id", 3))
            }
            people = sorted({person for row in rows for person in row["facilitators"]})
            middle = sorted(row["time"] for row in rows)[len(rows) // 2 :][:1]
            asked = [{"date": date} for date in values["date"]]
            asked += [{"session-id": id} for id in values["session_id"]]
            asked += [period | {"facilitator": one} for one in self.chosen(people, known_at)]
            asked += [period | {"author": one} for one in values["author"]]
            for program in values["program"]:
                asked.append(period | {"program": program})
                asked += [
                    period | {"program": program, "effective-at": format_instant(instant)}
                    for instant in middle
                ]
            asked += [{"episode": id} for id in values["episode_id"]]
            expected = [
                session_list(through(found, middle[0] if "effective-at" in one else None),
                             self.days, **session_choice(one))
                for one in asked
            ]
            actual = self.program.ask_each(["sessions", *options(one), *words] for one in asked)
            yield from compare_sessions.differences(expected, actual)


def session_choice(asked):
    """What is asked of sessions as the recount takes it."""
    choice = {name.replace("-", "_"): value for name, value in asked.items()}
    choice.pop("effective_at", None)
    date = choice.pop("date", None)
    return choice | {"first": choice.pop("from", date), "last": choice.pop("to", date)}


def review_words(query):
    words = ["medication-review", "--effective-at", query["effective_at"]]
    for name, option in (("episode_id", "--episode"), ("client_id", "--client")):
        if name in query:
            words += [option, query[name]]
    known_at = [] if query["known_at"] is None else ["--known-at", query["known_at"]]
    return words + known_at + ["--known-by", query["known_by"]]


def options(asked):
    """Command-line options of what is not None."""
    return [
        word
        for name, value in asked.items()
        if value is not None
        for word in (f"--{name}", str(value))
    ]


COMPARED = (
    "medications", "summaries", "attendance", "attendance_lists", "census", "outcomes", "retention",
    "statistics", "sessions", "settings_of_the_ledger",
)
ASKED_AT_RANDOM = ("medications", "settings_of_the_ledger")


def compare_all(recount, arguments):
    failed = False
    for name in arguments.only.split(","):
        own = (arguments.queries, arguments.seed) if name in ASKED_AT_RANDOM else ()
        recount.program.answers = 0
        found = list(getattr(recount, name)(*own))
        result = f"{len(found)} differences" if found else "equal"
        print(f"{name}: {result}, {recount.program.answers} answers", flush=True)
        for text in found[:SHOWN]:
            print(f"  {text}")
        failed = failed or bool(found)
    return 1 if failed else 0


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="the binary")
    parser.add_argument("--events", required=True, help="NDJSON file of import lines")
    parser.add_argument("--time-zone", required=True, help="the ledger's IANA zone")
    parser.add_argument("--queries", type=int, default=100, help="of the medication review")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--now", action="store_true", help="only as everything is known now")
    parser.add_argument("--only", default=",".join(COMPARED), help="some of: %(default)s")
    arguments = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="recount-") as folder:
        os.chmod(folder, 0o777)  # PostgreSQL's own user makes the cluster in it
        program = Program(arguments.program, folder)
        program.run("migrate")
        keeper = program.keep_cluster()
        try:
            recount = Recount(
                program, arguments.events, arguments.time_zone, arguments.now
            )
            return compare_all(recount, arguments)
        finally:
            if keeper is not None:
                keeper.terminate()
                keeper.wait()


if __name__ == "__main__":
    sys.exit(main())
