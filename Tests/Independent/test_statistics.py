"""Hand-made histories with counted answers: statistics, rows of sessions, rosters, episodes."""

import copy
import io
import json
import os
import tempfile
import unittest
from contextlib import redirect_stdout

import census
import compare_sessions
import compare_statistics
import program_statistics
import session_rows
from episodes import episode_rows
from history import read_events
from local_days import parse_date, parse_instant
from test_census import IOP
from test_medications import instant
from test_summaries import DAYS, CareHistory

FLOW = ("carried_over", "admitted", "transferred_in", "ended", "transferred_out", "remaining")


def episode(number, admitted, client=None, **data):
    """An episode of a client of its own unless one is named."""
    history = CareHistory()
    history.episode_id = f"e{number}"
    history.lines.clear()
    history.admit(admitted, **data)
    history.lines[0]["data"]["client_id"] = client or f"c{number}"
    return history


def found_in(*histories):
    lines = [json.dumps(line) for history in histories for line in history.lines]
    return census.all_stays(read_events(lines))


def periods(first, last, *histories, program=None, by=None):
    dates = parse_date(first), parse_date(last)
    return program_statistics.statistics(found_in(*histories), DAYS, *dates, program, by)["periods"]


def total(*asked, **options):
    return periods(*asked, **options)[0]["total"]


def flow(*asked, **options):
    return tuple(total(*asked, **options)[name] for name in FLOW)


class StatisticsTest(unittest.TestCase):
    def histories(self):
        stays, goes, comes, moves, early = (
            episode(1, "2025-01-06 09:00"), episode(2, "2025-01-06 09:00"),
            episode(3, "2025-02-03 09:00"), episode(4, "2025-01-20 09:00"),
            episode(5, "2025-01-06 09:00"),
        )
        goes.add("discharged", "2025-02-10 09:00", reason="dropped_out")
        comes.complete("2025-02-20 09:00")
        moves.step("stepped_down", "2025-02-05 09:00", IOP, "outpatient", program="op")
        early.complete("2025-01-31 23:59")
        return stays, goes, comes, moves, early

    def test_what_was_carried_over_and_came_is_what_went_and_remains(self):
        histories = self.histories()
        self.assertEqual(
            flow("2025-02-01", "2025-02-28", *histories),
            (3, 1, 1, {"completed": 1, "dropped_out": 1}, 1, 2),
        )
        self.assertEqual(
            flow("2025-02-01", "2025-02-28", *histories, program="iop-day"),
            (3, 1, 0, {"completed": 1, "dropped_out": 1}, 1, 1),
        )
        self.assertEqual(
            flow("2025-02-01", "2025-02-28", *histories, program="op"), (0, 0, 1, {}, 0, 1)
        )
        self.assertEqual(total("2025-02-01", "2025-02-28", *histories)["clients"], 4)

    def test_what_happens_at_24_00_belongs_to_the_next_period(self):
        history = episode(1, "2025-02-01 00:00")
        history.complete("2025-03-01 00:00")
        self.assertEqual(flow("2025-01-01", "2025-01-31", history), (0, 0, 0, {}, 0, 0))
        self.assertEqual(flow("2025-02-01", "2025-02-28", history), (0, 1, 0, {}, 0, 1))
        self.assertEqual(flow("2025-03-01", "2025-03-31", history), (1, 0, 0, {"completed": 1}, 0, 0))

    def test_months_and_weeks_are_cut_at_the_ends_of_the_period(self):
        for by, expected in (
            (None, [("2025-01-15", "2025-02-10")]),
            ("month", [("2025-01-15", "2025-01-31"), ("2025-02-01", "2025-02-10")]),
            ("week", [("2025-01-15", "2025-01-19"), ("2025-01-20", "2025-01-26"),
                      ("2025-01-27", "2025-02-02"), ("2025-02-03", "2025-02-09"),
                      ("2025-02-10", "2025-02-10")]),
        ):
            found = periods("2025-01-15", "2025-02-10", *self.histories(), by=by)
            self.assertEqual([(one["from"], one["to"]) for one in found], expected)
            for one in found:
                self.assertEqual(list(compare_statistics.period_differences(one, one)), [])

    def test_lengths_of_stay_are_of_the_episodes_that_ended(self):
        found = total("2025-02-01", "2025-02-28", *self.histories())
        self.assertEqual((found["mean_los_days"], found["median_los_days"]), (27, 27))
        found = total("2025-03-01", "2025-03-31", *self.histories())
        self.assertEqual((found["mean_los_days"], found["median_los_days"]), (None, None))
        moved = self.histories()[3]
        moved.complete("2025-02-08 09:00")
        for program, expected in (("iop-day", None), ("op", 20)):
            found = total("2025-02-01", "2025-02-28", moved, program=program)
            self.assertEqual(found["mean_los_days"], expected)

    def test_an_admission_0_to_30_dates_after_an_end_of_the_client_is_a_readmission(self):
        for ended, admitted, days in (
            ("2025-01-06 23:00", "2025-01-06 09:30", 0), ("2025-01-06 12:00", "2025-02-05 23:00", 30),
            ("2025-01-06 12:00", "2025-02-06 00:00", None), ("2025-01-07 12:00", "2025-01-06 12:00", None),
        ):
            first, second = episode(1, "2025-01-01 09:00", "c"), episode(2, admitted, "c", program="b")
            first.complete(ended)
            (one,) = periods("2025-01-01", "2025-02-28", first, second)
            self.assertEqual([row["days"] for row in one["readmissions"]], [] if days is None else [days])
            self.assertEqual(one["total"]["readmissions"], len(one["readmissions"]))
        for program, number in ((None, 1), ("b", 1), ("iop-day", 0)):
            second = episode(2, "2025-01-20 09:00", "c", program="b")
            (one,) = periods("2025-01-10", "2025-02-28", first, second, program=program)
            self.assertEqual(len(one["readmissions"]), number)
        self.assertEqual(one["readmissions"], [])
        (one,) = periods("2025-01-10", "2025-02-28", first, second)
        self.assertEqual(
            (one["readmissions"][0]["episode_id"], one["readmissions"][0]["previous_episode_id"]),
            ("e2", "e1"),
        )

    def test_of_several_ends_before_it_the_latest_is_named(self):
        histories = [episode(number, "2025-01-01 09:00", "c") for number in (1, 2, 3)]
        for history, day in zip(histories, (5, 9, 7)):
            history.complete(f"2025-01-{day:02d} 09:00")
        (one,) = periods("2025-01-10", "2025-01-31", *histories, episode(4, "2025-01-12 09:00", "c"))
        self.assertEqual(one["readmissions"][0]["previous_episode_id"], "e2")

    def test_service_days_attendance_and_no_shows(self):
        history = episode(1, "2025-01-06 09:00")
        history.attend("2025-01-07 09:00")
        history.attend("2025-01-07 13:00")
        history.attend("2025-01-08 09:00")
        history.attend("2025-01-09 09:00", kind="case_management")
        history.family("2025-01-10 09:00", False, counts_toward_hours=True)
        history.miss("2025-01-10 09:00")
        history.miss("2025-01-11 09:00", "excused")
        history.miss("2025-01-12 09:00", "cancelled_by_program")
        history.attend("2025-02-03 09:00")
        found = total("2025-01-01", "2025-01-31", history)
        self.assertEqual((found["service_days"], found["attended"]), (2, 4))
        self.assertEqual(
            found["missed"], {"cancelled_by_program": 1, "excused": 1, "no_show": 1}
        )
        self.assertEqual((found["attendance_rate"], found["no_show_rate"]), (4 / 6, 1 / 6))
        self.assertIsNone(total("2025-03-01", "2025-03-31", history)["no_show_rate"])

    def test_sessions_belong_to_the_program_at_their_start(self):
        history = self.histories()[3]
        history.attend("2025-02-04 09:00")
        history.attend("2025-02-05 09:00")
        history.miss("2025-02-10 09:00")
        history.complete("2025-02-08 09:00")
        for program, attended, missed in (("iop-day", 1, {}), ("op", 1, {"no_show": 1})):
            found = total("2025-02-01", "2025-02-28", history, program=program)
            self.assertEqual((found["attended"], found["missed"]), (attended, missed))

    def test_groups_are_by_what_the_admission_says_and_by_the_last_track_and_schedule(self):
        history = episode(
            1, "2025-01-06 09:00", referral_source="court", payer={"class": "medicaid"},
            prior_level_of_care="residential", track="mental_health", schedule="day",
        )
        history.add("program_changed", "2025-01-31 23:00", track="co_occurring", rationale="r")
        history.add("program_changed", "2025-02-01 00:00", schedule="evening", rationale="r")
        january, february = periods(
            "2025-01-01", "2025-02-28", history, episode(2, "2025-02-06 09:00"), by="month"
        )
        self.assertEqual(
            [(group["dimension"], group["value"]) for group in january["groups"]],
            [("referral_source", "court"), ("payer_class", "medicaid"),
             ("prior_level_of_care", "residential"), ("track", "co_occurring"), ("schedule", "day")],
        )
        shown = {(group["dimension"], group["value"]): group for group in february["groups"]}
        self.assertEqual(shown[("schedule", "evening")]["carried_over"], 1)
        self.assertEqual(shown[("schedule", None)]["admitted"], 1)
        self.assertNotIn(("schedule", "day"), shown)

    def test_what_was_missed_after_an_end_told_later_is_in_the_groups_of_a_later_period_too(self):
        history = episode(
            1, "2025-01-06 09:00", referral_source="court", track="mental_health", schedule="day"
        )
        history.add("program_changed", "2025-01-13 09:00", program="op", rationale="r")
        history.add("program_changed", "2025-01-20 09:00", schedule="evening", rationale="r")
        history.miss("2025-02-03 09:00")
        history.family("2025-02-04 09:00", client_present=False)
        history.complete("2025-01-28 09:00")
        history.lines[-1]["source_recorded_at"] = instant("2025-02-05 09:00")
        for program, missed in ((None, {"no_show": 1}), ("op", {"no_show": 1}), ("iop-day", None)):
            _, february = periods("2025-01-01", "2025-02-28", history, program=program, by="month")
            self.assertEqual(
                {(one["dimension"], one["value"]): one["missed"] for one in february["groups"]},
                {} if missed is None else {
                    ("referral_source", "court"): missed, ("payer_class", None): missed,
                    ("prior_level_of_care", None): missed, ("track", "mental_health"): missed,
                    ("schedule", "evening"): missed,
                },
            )
            self.assertEqual(february["total"]["missed"], missed or {})
            self.assertEqual(february["total"]["clients"], 0)
            self.assertEqual(list(compare_statistics.sum_failures("", february)), [])

    def test_groups_without_all_sessions_of_the_total_are_found(self):
        history = episode(1, "2025-01-06 09:00")
        history.attend("2025-01-07 09:00")
        history.miss("2025-01-08 09:00")
        for change in (
            {"attended": 0}, {"attended": 2}, {"missed": {}}, {"missed": {"excused": 1}},
        ):
            (period,) = periods("2025-01-01", "2025-01-31", history)
            self.assertEqual(list(compare_statistics.period_differences(period, period)), [])
            period["groups"][-1].update(change)
            found = list(compare_statistics.period_differences(period, period))
            self.assertEqual(len(found), 2)
            self.assertIn("schedule: groups have", found[0])

    def test_the_comparison_finds_every_planted_difference(self):
        first, second = episode(1, "2025-01-01 09:00", "c"), episode(2, "2025-01-20 09:00", "c")
        first.complete("2025-01-18 09:00")
        first.miss("2025-01-17 09:00")
        dates = parse_date("2025-01-01"), parse_date("2025-01-31")
        expected = program_statistics.statistics(found_in(first, second), DAYS, *dates)

        def planted(change):
            changed = copy.deepcopy(expected)
            change(changed["periods"][0])
            return list(compare_statistics.differences([expected], [changed]))

        self.assertEqual(planted(lambda period: None), [])
        for name in compare_statistics.FIGURES:
            value = {"died": 5} if name in ("ended", "missed") else 77
            self.assertTrue(planted(lambda period: period["total"].update({name: value})), name)
            self.assertTrue(planted(lambda period: period["groups"][0].update({name: value})), name)
        for name in compare_statistics.READMISSION:
            change = {name: "other"}
            self.assertTrue(planted(lambda period: period["readmissions"][0].update(change)), name)
        self.assertTrue(planted(lambda period: period["readmissions"].pop()))
        self.assertTrue(planted(lambda period: period["groups"].pop()))
        self.assertTrue(planted(lambda period: period.update({"to": "2025-02-01"})))
        same = copy.deepcopy(expected)
        for document in (expected, same):
            document["periods"][0]["total"]["remaining"] += 1
        found = list(compare_statistics.differences([expected], [same]))
        self.assertEqual(len(found), 2)


class SessionRowsTest(unittest.TestCase):
    def histories(self):
        one, other, away, later = (
            episode(1, "2025-01-06 09:00"), episode(2, "2025-01-06 09:00"),
            episode(3, "2025-01-06 09:00"), episode(4, "2025-01-09 09:00"),
        )
        one.attend("2025-01-07 10:00", "g", facilitators=[{"id": "f1"}], topic="anger", group_size=1)
        other.attend("2025-01-07 10:10", "g")
        other.miss("2025-01-08 10:00", "excused", session_id="g")
        away.family("2025-01-08 15:00", client_present=False, session="f")
        away.attend("2025-01-05 10:00", "g", kind="assessment")
        return one, other, away, later

    def rows(self):
        rows = session_rows.session_rows(found_in(*self.histories()), DAYS)
        return sorted(rows, key=lambda row: (row["time"], row["episode_id"]))

    def test_each_entry_in_force_is_a_row(self):
        rows = self.rows()
        self.assertEqual(
            [(row["episode_id"], row["outcome"], row["kind"], row["counted"]) for row in rows],
            [
                ("e3", "attended", "assessment", False), ("e1", "attended", "group", True),
                ("e2", "attended", "group", True), ("e2", "missed", "group", False),
                ("e3", "family_without_client", "family", False),
            ],
        )
        self.assertEqual(
            (rows[1]["facilitators"], rows[1]["topic"], rows[1]["program"]), (["f1"], "anger", "iop-day")
        )
        self.assertEqual((rows[3]["reason"], rows[3]["minutes"]), ("excused", None))

    def listed(self, *histories, **asked):
        found = found_in(*histories or self.histories())
        return session_rows.session_list(found, DAYS, **asked)

    def by_date_and_id(self, **asked):
        return {
            (one["date"], one["session_id"]): one for one in self.listed(**asked)["sessions"]
        }

    def test_a_roster_says_who_came_who_did_not_and_who_is_not_marked(self):
        listed = self.by_date_and_id()
        group = listed[("2025-01-07", "g")]
        self.assertEqual((group["attended"], group["missed"]), (2, 0))
        self.assertEqual(
            group["unmarked"], [{"episode_id": "e3", "client_id": "c3", "program": "iop-day"}]
        )
        self.assertEqual(
            [(one["flag"], len(one["event_ids"])) for one in group["flags"]], [("group_size", 1)]
        )
        self.assertEqual(
            (group["kind"], group["topic"], group["facilitators"], group["programs"]),
            ("group", "anger", ["f1"], ["iop-day"]),
        )
        missed = listed[("2025-01-08", "g")]
        self.assertEqual((missed["attended"], missed["missed"]), (0, 1))
        self.assertEqual([one["client_id"] for one in missed["unmarked"]], ["c1", "c3"])
        self.assertEqual(listed[("2025-01-08", "f")]["unmarked"], [])
        outside = listed[("2025-01-05", "g")]
        self.assertEqual((outside["attended"], outside["programs"]), (0, []))
        self.assertEqual(outside["unmarked"], [])

    def test_a_client_of_two_episodes_who_is_marked_under_one_is_marked(self):
        one, other = episode(1, "2025-01-06 09:00", "c"), episode(2, "2025-01-06 09:00", "c")
        one.attend("2025-01-07 10:00", "g")
        (session,) = self.listed(one, other)["sessions"]
        self.assertEqual((session["attended"], session["unmarked"]), (1, []))

    def test_one_episode_s_sessions_have_nobody_who_is_not_marked(self):
        listed = self.by_date_and_id(episode="e1")
        self.assertEqual(list(listed), [("2025-01-07", "g")])
        self.assertEqual(listed[("2025-01-07", "g")]["unmarked"], [])

    def test_a_stay_that_ends_as_the_session_begins_is_none_of_its(self):
        for ended, number in (("2025-01-07 10:00", 0), ("2025-01-07 10:01", 1)):
            one, other = episode(1, "2025-01-06 09:00"), episode(2, "2025-01-06 09:00")
            one.attend("2025-01-07 10:00", "g")
            other.complete(ended)
            (session,) = self.listed(one, other)["sessions"]
            self.assertEqual(len(session["unmarked"]), number)

    def test_somebody_s_session_is_told_whole_with_the_clients_and_what_is_of_their_episode(self):
        found = self.listed(facilitator="f1")
        self.assertEqual([len(one["entries"]) for one in found["sessions"]], [2])
        self.assertEqual([one["episode_id"] for one in found["episodes"]], ["e1", "e2"])
        e2 = self.listed()["episodes"][1]
        self.assertEqual(
            (e2["attended"], e2["missed"], e2["last_attended_at"]),
            (1, {"excused": 1}, "2025-01-07T15:10:00.000000Z"),
        )
        e3 = self.listed()["episodes"][2]
        self.assertEqual((e3["attended"], e3["missed"], e3["last_attended_at"]), (0, {}, None))

    def test_standing_says_what_an_entry_is(self):
        history = episode(1, "2025-01-06 09:00")
        history.attend("2025-01-05 10:00", "early")
        history.attend("2025-01-07 10:00", "g")
        history.attend("2025-01-07 10:01", "g")
        history.miss("2025-01-08 10:00")
        history.attend("2025-01-08 10:30", "h")
        history.miss("2025-01-10 23:30")
        history.attend("2025-01-11 00:15", "night")  # the day after the end's
        history.miss("2025-01-14 10:00", session_id="a")
        history.attend("2025-01-14 10:00", "a")
        history.miss("2025-01-15 10:00")
        history.miss("2025-01-21 10:00")
        history.complete("2025-01-10 12:00")
        history.lines[-1]["source_recorded_at"] = instant("2025-01-20 09:00")
        rows = session_rows.session_rows(found_in(history), DAYS)
        self.assertEqual(
            [row["standing"] for row in sorted(rows, key=lambda row: row["starts_at"])],
            ["outside_episode", "duplicate_session", "counted", "missed_and_attended", "counted",
             "missed_and_attended", "outside_episode"]
            + [row["standing"] for row in rows if row["session_id"] == "a"]
            + ["missed_after_end", "outside_episode"],
        )
        self.assertEqual(
            {row["outcome"]: row["standing"] for row in rows if row["session_id"] == "a"},
            {"attended": "outside_episode", "missed": "duplicate_session"},
        )

    def output(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "events")
            with open(path, "w", encoding="utf-8") as file:
                for history in self.histories():
                    for line in history.lines:
                        print(json.dumps(line), file=file)
            output = io.StringIO()
            session_rows.main(
                ["--events", path, "--time-zone", "America/New_York", *arguments], output
            )
            return json.loads(output.getvalue())

    def test_the_entries_are_chosen_by_date_session_person_program_or_episode(self):
        for arguments, number in (
            ((), 5), (("--date", "2025-01-08"), 2), (("--session-id", "g"), 4),
            (("--from", "2025-01-07", "--to", "2025-01-07"), 2), (("--to", "2025-01-06"), 1),
            (("--facilitator", "f1"), 2), (("--program", "iop-day"), 5), (("--program", "b"), 0),
            (("--episode", "E2"), 2), (("--author", "nobody"), 0),
            (("--effective-at", "2025-01-07"), 3),
        ):
            found = self.output(*arguments)["sessions"]
            self.assertEqual(sum(len(one["entries"]) for one in found), number, arguments)

    def test_the_comparison_finds_every_planted_difference(self):
        expected = self.output()
        self.assertEqual(list(compare_sessions.differences([expected], [expected])), [])
        group = next(one for one in expected["sessions"] if one["flags"])
        place = expected["sessions"].index(group)

        def planted(change):
            changed = copy.deepcopy(expected)
            change(changed)
            return len(list(compare_sessions.differences([expected], [changed])))

        for name in compare_sessions.ENTRY:
            other = {name: "other"}
            self.assertEqual(
                planted(lambda one: one["sessions"][0]["entries"][0].update(other)), 1, name
            )
        for name in compare_sessions.SESSION:
            other = {name: [] if name in ("unmarked", "flags") else "other"}
            self.assertEqual(planted(lambda one: one["sessions"][place].update(other)), 1, name)
        for name in compare_sessions.EPISODE:
            other = {name: "other"}
            self.assertEqual(planted(lambda one: one["episodes"][0].update(other)), 1, name)
        self.assertEqual(
            planted(lambda one: one["sessions"][place]["flags"][0].update(event_ids=[])), 1
        )
        self.assertEqual(planted(lambda one: one["episodes"].pop()), 1)
        self.assertEqual(planted(lambda one: one["sessions"].pop()), 2)  # it and its entry
        self.assertEqual(planted(lambda one: one.update(parked=["e1"])), 1)
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as printed:
            path = os.path.join(folder, "answer")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(expected, file)
            self.assertEqual(compare_sessions.main([path, path]), 0)
        self.assertIn("equal: 4 sessions, 5 entries, 3 unmarked, 1 flags", printed.getvalue())


class EpisodesTest(unittest.TestCase):
    def test_the_end_is_no_part_of_an_episode(self):
        for begun, overlapping in (("2025-01-10 12:00", False), ("2025-01-10 11:59", True)):
            first, second = episode(1, "2025-01-06 09:00", "c"), episode(2, begun, "c")
            first.complete("2025-01-10 12:00")
            rows = episode_rows(
                found_in(first, second, episode(3, "2025-01-06 09:00")), DAYS,
                parse_instant(instant("2025-02-01 00:00")),
            )
            self.assertEqual(
                [(row["episode_id"], row["overlapping_episode"]) for row in rows],
                [("e1", overlapping), ("e3", False), ("e2", overlapping)],
            )


if __name__ == "__main__":
    unittest.main()
