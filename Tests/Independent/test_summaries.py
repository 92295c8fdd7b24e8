"""Hand-made histories with counted answers: attendance, outcomes, discharge summaries."""

import copy
import io
import json
import os
import tempfile
import unittest
from contextlib import redirect_stdout

import attendance
import census
import compare_attendance
import compare_outcomes
import compare_summaries
import outcomes
import summaries
from history import effective_history, read_events
from local_days import LocalDays, parse_date, parse_instant
from random_histories import histories
from test_census import IOP, ZONE
from test_medications import FULL, MedicationHistory, instant, order, tail

DAYS = LocalDays(ZONE)


class CareHistory(MedicationHistory):
    """An episode with sessions."""

    def attend(self, at, session=None, minutes=60, **more):
        more.setdefault("kind", "group")
        session = session or f"s{len(self.lines)}"
        return self.add("session_attended", at, session_id=session, minutes=minutes, **more)

    def miss(self, at, reason="no_show", **more):
        return self.add("session_missed", at, kind="group", reason=reason, **more)

    def family(self, at, client_present, relations=("parent",), session=None, **more):
        return self.add(
            "family_session_held", at,
            session_id=session or f"s{len(self.lines)}", minutes=more.pop("minutes", 60),
            participants=[{"relation": relation} for relation in relations],
            client_present=client_present, **more
        )

    def complete(self, at="2025-01-31 12:00", **data):
        return self.add("completed", at, **data)

    @property
    def entries(self):
        return effective_history(self.events)

    def attendance(self, at="2025-03-01 00:00", weekly_hours=()):
        return attendance.attendance(
            self.episode_id, self.entries, DAYS, parse_instant(instant(at)), weekly_hours
        )

    def weeks(self, *members, **options):
        """The named members of every week, after its number."""
        return [
            (int(week["week"][-2:]), *(week[name] for name in members))
            for week in self.attendance(**options)["weeks"]
        ]

    def flagged(self, flag, **options):
        """The numbers of the weeks with this flag."""
        return [number for number, flags in self.weeks("flags", **options) if flag in flags]

    def summary(self):
        return summaries.summary(self.episode_id, self.entries, DAYS)

    def medication_lists(self):
        """{list: lineages} without the empty lists."""
        lists = self.summary()["medications"]
        return {name: [tail(id) for id in ids] for name, ids in lists.items() if ids}


class AttendanceTest(unittest.TestCase):
    def test_every_week_from_the_admission_to_the_end_is_listed(self):
        history = CareHistory()  # 6 January 2025 is the Monday of week 2
        history.attend("2025-01-22 10:00")
        history.complete("2025-01-27 00:00")
        self.assertEqual(
            history.weeks("attended"), [(2, 0), (3, 0), (4, 1), (5, 0)]
        )
        self.assertEqual([week for week, in history.weeks(at="2025-01-14 00:00")], [2, 3])
        self.assertIsNone(history.attendance(at="2025-01-06 08:59"))

    def test_the_year_of_a_week_is_the_iso_year(self):
        history = CareHistory(admitted="2024-12-30 09:00")
        self.assertEqual(history.attendance("2024-12-31 00:00")["weeks"][0]["week"], "2025-W01")

    def test_each_session_counts_once_attended_before_missed_and_then_the_later_position(self):
        history = CareHistory()
        history.attend("2025-01-07 10:00", "a", minutes=60)
        history.attend("2025-01-08 10:00", "a", minutes=90)
        history.miss("2025-01-09 10:00", session_id="a")
        history.miss("2025-01-14 10:00", session_id="b")
        history.miss("2025-01-15 10:00", "excused", session_id="b")
        history.miss("2025-01-16 10:00")
        history.miss("2025-01-16 10:00")
        history.complete("2025-01-17 12:00")
        self.assertEqual(
            history.weeks("attended", "missed", "hours", "flags"),
            [
                (2, 1, {}, 1.5, ["below_weekly_hours", "duplicate_session"]),
                (3, 0, {"excused": 1, "no_show": 2}, 0, ["duplicate_session"]),
            ],
        )
        self.assertEqual(history.attendance()["flags"], ["duplicate_session"])

    def test_the_rate_leaves_out_what_the_program_cancelled_and_families_alone(self):
        history = CareHistory()
        self.assertIsNone(history.attendance()["rate"])
        history.family("2025-01-07 10:00", client_present=False)
        history.miss("2025-01-07 10:00", "cancelled_by_program")
        self.assertIsNone(history.attendance()["rate"])
        history.attend("2025-01-07 12:00")
        history.family("2025-01-07 14:00", client_present=True)
        history.miss("2025-01-07 16:00", "cancelled_by_client")
        self.assertAlmostEqual(history.attendance()["rate"], 2 / 3)

    def test_minutes_count_unless_the_entry_says_otherwise(self):
        history = CareHistory()
        history.attend("2025-01-07 08:00", minutes=30)
        history.attend("2025-01-07 09:00", minutes=30, counts_toward_hours=False)
        history.family("2025-01-07 10:00", True, minutes=60)
        history.family("2025-01-07 12:00", False, minutes=100)
        history.family("2025-01-07 14:00", False, minutes=120, counts_toward_hours=True)
        history.family("2025-01-07 17:00", True, minutes=100, counts_toward_hours=False)
        history.complete("2025-01-08 12:00")
        self.assertEqual(history.weeks("attended", "hours"), [(2, 4, 3.5)])

    def test_sessions_outside_the_episode_count_in_nothing(self):
        history = CareHistory()
        history.attend("2025-01-06 08:59", "a")
        history.attend("2025-01-06 09:00", "b")
        history.attend("2025-01-10 12:00", "c")
        history.miss("2025-01-10 12:01", session_id="c")
        history.complete("2025-01-10 12:00")
        self.assertEqual(history.weeks("attended", "missed", "flags"), [(2, 2, {}, [])])
        self.assertEqual(history.attendance()["flags"], ["outside_episode"])

    def test_sessions_that_touch_do_not_overlap(self):
        history = CareHistory()
        history.attend("2025-01-07 10:00", minutes=60)
        history.attend("2025-01-07 11:00", minutes=60)
        self.assertEqual(history.flagged("overlapping_sessions"), [])
        history.attend("2025-01-14 10:00", minutes=61)
        history.family("2025-01-14 11:00", client_present=True)
        self.assertEqual(history.flagged("overlapping_sessions"), [3])

    def test_planned_hours_are_those_in_force_at_the_end_of_the_week(self):
        history = CareHistory(admitted="2025-01-06 09:00")
        history.lines[0]["data"]["planned_hours_per_week"] = 9
        history.add("program_changed", "2025-01-14 09:00", program="b", rationale="r")
        history.step(
            "stepped_down", "2025-01-22 09:00", IOP, "outpatient", planned_hours_per_week=3
        )
        history.complete("2025-01-24 09:00")
        self.assertEqual(history.weeks("planned_hours"), [(2, 9), (3, 9), (4, 3)])
        self.assertEqual(CareHistory().weeks("planned_hours", at="2025-01-07 00:00"), [(2, None)])

    def test_only_whole_weeks_of_intensive_care_must_reach_the_hours(self):
        history = CareHistory(admitted="2025-01-07 09:00")  # a Tuesday
        history.complete("2025-01-27 12:00")  # a Monday: the week before is whole
        self.assertEqual(history.flagged("below_weekly_hours"), [3, 4])
        history = CareHistory(admitted="2025-01-06 23:59")  # a Monday
        history.complete("2025-01-19 12:00")  # a Sunday: its week is not whole
        self.assertEqual(history.flagged("below_weekly_hours"), [2])

    def test_a_week_counts_from_the_moment_it_is_over(self):
        history = CareHistory()
        self.assertEqual(
            history.flagged("below_weekly_hours", at="2025-01-13T04:59:59.999999Z"), []
        )
        self.assertEqual(history.flagged("below_weekly_hours", at="2025-01-13T05:00:00Z"), [2])

    def test_another_level_breaks_the_weeks_and_another_program_does_not(self):
        history = CareHistory()
        history.add("program_changed", "2025-01-08 09:00", program="b", rationale="r")
        history.step("stepped_up", "2025-01-15 09:00", IOP, "inpatient")
        history.step("stepped_down", "2025-01-16 09:00", "inpatient", IOP)
        history.complete("2025-01-27 09:00")
        self.assertEqual(history.flagged("below_weekly_hours"), [2, 4])

    def test_the_threshold_is_nine_six_of_adolescents_or_as_told(self):
        for program, told, minutes, below in (
            ("iop", {}, 540, False),
            ("iop", {}, 539, True),
            ("iop-Adolescent", {}, 360, False),
            ("iop-adolescent", {}, 359, True),
            ("iop-adolescents", {}, 360, True),
            ("iop", {"iop": 12}, 719, True),
            ("iop-adolescent", {"iop-adolescent": 0}, 1, False),
        ):
            history = CareHistory()
            history.lines[0]["data"]["program"] = program
            history.attend("2025-01-07 09:00", minutes=minutes)
            history.complete("2025-01-13 09:00")
            found = history.flagged("below_weekly_hours", weekly_hours=told)
            self.assertEqual(found, [2] if below else [], (program, minutes))


class OutcomesTest(unittest.TestCase):
    def found(self, *histories):
        return census.all_stays(
            read_events(json.dumps(line) for history in histories for line in history.lines)
        )

    def history(self, number, program="iop-day", ends=None, **end):
        history = CareHistory()
        history.episode_id = f"e{number}"
        history.lines.clear()
        history.admit("2025-01-06 09:00", program=program)
        if ends is not None:
            history.add("discharged" if "reason" in end else "completed", ends, **end)
        return history

    def outcomes(self, found, first, last, program=None):
        return outcomes.outcomes(found, DAYS, parse_date(first), parse_date(last), program)

    def test_reasons_lengths_and_the_average_daily_census(self):
        found = self.found(
            self.history(1, ends="2025-01-08 12:00"),
            self.history(2, ends="2025-01-09 12:00", reason="died"),
            self.history(3, ends="2025-01-10 00:00", reason="dropped_out"),
            self.history(4, "php", ends="2025-01-08 12:00"),
            self.history(5),
        )
        self.assertEqual(
            self.outcomes(found, "2025-01-07", "2025-01-09"),
            {
                "from": "2025-01-07", "to": "2025-01-09", "program": None,
                "by_reason": [
                    {"reason": "completed", "teds_reason": 1, "n": 2},
                    {"reason": "died", "teds_reason": 6, "n": 1},
                ],
                "discharges": 3, "alos_days": 10 / 3, "adc": (5 + 3 + 2) / 3,
            },
        )
        php = self.outcomes(found, "2025-01-07", "2025-01-09", "php")
        self.assertEqual((php["discharges"], php["alos_days"], php["adc"]), (1, 3, 1 / 3))

    def test_without_discharges_there_is_no_average_length(self):
        result = self.outcomes(self.found(self.history(1)), "2025-01-07", "2025-01-07")
        self.assertEqual((result["by_reason"], result["alos_days"], result["adc"]), ([], None, 1))

    def test_a_discharge_belongs_to_the_program_of_the_last_stay(self):
        history = self.history(1)
        history.add("program_changed", "2025-01-07 09:00", program="b", rationale="r")
        history.complete("2025-01-08 09:00")
        found = self.found(history)
        period = ("2025-01-06", "2025-01-09")
        self.assertEqual(self.outcomes(found, *period, "iop-day")["discharges"], 0)
        self.assertEqual(self.outcomes(found, *period, "iop-day")["adc"], 1 / 4)
        self.assertEqual(self.outcomes(found, *period, "b")["discharges"], 1)


class SummaryTest(unittest.TestCase):
    def test_an_open_episode_has_no_final_summary(self):
        self.assertIsNone(CareHistory().summary())

    def test_dates_and_levels(self):
        history = CareHistory()
        history.step("stepped_down", "2025-01-10 09:00", IOP, "outpatient", program="op")
        history.attend("2025-01-20 23:00")
        history.add("discharged", "2025-01-22 12:00", reason="dropped_out")
        found = history.summary()
        self.assertEqual(
            {name: found[name] for name in list(found)[1:11]},
            {
                "client_id": "c", "program": "op",
                "admitted_at": "2025-01-06T14:00:00.000000Z", "admission_date": "2025-01-06",
                "ended_at": "2025-01-22T17:00:00.000000Z", "end_date": "2025-01-22",
                "last_contact_at": "2025-01-21T04:00:00.000000Z", "length_of_stay_days": 15,
                "reason": "dropped_out", "teds_reason": 2,
            },
        )
        self.assertEqual(
            [
                (level["program"], level["level_of_care"], level["start_reason"],
                 level["end_reason"])
                for level in found["levels_of_care"]
            ],
            [
                ("iop-day", IOP, "admitted", "stepped_down"),
                ("op", "outpatient", "stepped_down", "dropped_out"),
            ],
        )
        self.assertEqual(found["weeks"], 3)

    def test_the_course_of_care_in_numbers(self):
        history = CareHistory()
        history.attend("2025-01-07 08:00", modality="cbt")
        history.attend("2025-01-07 10:00", kind="individual", modality="cbt", minutes=30)
        history.attend("2025-01-07 12:00")
        history.attend("2025-01-07 12:00", "dropped", modality="mi")
        history.retract(f"e1-{len(history.lines)}")
        history.family("2025-01-08 10:00", True, ("parent", "sibling"))
        history.family("2025-01-09 10:00", False, ("parent",))
        history.miss("2025-01-10 10:00")
        history.miss("2025-01-10 12:00", "cancelled_by_program")
        history.complete()
        found = history.summary()
        self.assertEqual(found["attended"], 4)
        self.assertEqual(found["by_kind"], {"family": 1, "group": 2, "individual": 1})
        self.assertEqual(found["by_modality"], {"cbt": 2})
        self.assertEqual(found["hours"], 3.5)
        self.assertEqual(found["attendance_rate"], 0.8)
        self.assertEqual(found["missed"], {"cancelled_by_program": 1, "no_show": 1})
        self.assertEqual(
            found["family_sessions"],
            {"held": 2, "with_client": 1, "participants": {"parent": 2, "sibling": 1}},
        )

    def test_completeness(self):
        history = CareHistory()
        history.complete(condition="stable", aftercare=[])
        self.assertEqual(set(history.summary()["completeness"].values()), {"missing"})
        history = CareHistory()
        history.lines[0]["data"]["reason"] = "relapse"
        history.attend("2025-01-07 08:00")
        history.complete(
            condition="stable", disposition="home", instructions="call",
            aftercare=[{"provider": "clinic"}],
        )
        self.assertEqual(set(history.summary()["completeness"].values()), {"present"})
        history = CareHistory()
        history.add("discharged", "2025-01-07 12:00", reason="died", condition="dead")
        self.assertEqual(
            history.summary()["completeness"]["condition_and_disposition"], "present"
        )


class ReconciliationTest(unittest.TestCase):
    def test_continued_changed_new_and_stopped(self):
        history = CareHistory(
            {"medication": {"name": "continued"}, "regimen": FULL},
            {"medication": {"name": "changed"}, "regimen": FULL},
            {"medication": {"name": "stopped"}},
        )
        history.change("increase", "2025-01-07 08:00", "changed", regimen={"times_per_day": 2})
        history.change("stop", "2025-01-08 08:00", "stopped")
        history.change("start", "2025-01-09 08:00", "new")
        history.change("start", "2025-01-09 08:00", "gone")
        history.change("stop", "2025-01-10 08:00", "gone")
        history.complete()
        self.assertEqual(
            history.medication_lists(),
            {
                "at_admission": ["1/0", "1/1", "1/2"],
                "at_discharge": ["1/0", "1/1", 4],
                "continued": ["1/0"], "changed": ["1/1"], "new": [4], "stopped": ["1/2"],
                "started_and_stopped": [5],
            },
        )

    def test_a_switch_is_one_changed_pair(self):
        history = CareHistory({"medication": {"name": "sertraline"}, "regimen": FULL})
        history.change(
            "switch", "2025-01-08 08:00", "fluoxetine",
            replaces={"name": "sertraline"}, regimen={"route": "oral"},
        )
        history.complete()
        self.assertEqual(history.medication_lists()["changed"], ["1/0"])

    def test_up_and_back_to_the_same_regimen_is_continued(self):
        history = CareHistory({"medication": {"name": "sertraline"}, "regimen": FULL})
        history.change("increase", "2025-01-08 08:00", regimen={"times_per_day": 2})
        history.change("decrease", "2025-01-09 08:00", regimen={"times_per_day": 1})
        history.complete()
        self.assertEqual(history.medication_lists()["continued"], ["1/0"])

    def test_another_order_of_the_same_drug_and_regimen_is_continued(self):
        history = CareHistory({"medication": order("sertraline", "a"), "regimen": FULL})
        history.change(
            "increase", "2025-01-08 08:00", order("Sertraline", "b"), regimen={"route": "oral"}
        )
        history.complete()
        self.assertEqual(history.medication_lists()["continued"], ["1/0"])

    def test_what_is_held_at_the_end_is_listed_as_held_only(self):
        history = CareHistory({"medication": {"name": "lithium"}, "regimen": FULL})
        history.change("start", "2025-01-07 08:00", "zinc")
        history.change("hold", "2025-01-08 08:00", "lithium")
        history.change("hold", "2025-01-08 08:00", "zinc")
        history.complete()
        self.assertEqual(
            history.medication_lists(),
            {"at_admission": ["1/0"], "at_discharge": ["1/0", 2], "held": ["1/0", 2]},
        )

    def test_what_was_held_at_the_admission_was_there(self):
        history = CareHistory()
        history.change("start", "2025-01-03 08:00")
        history.change("hold", "2025-01-04 08:00")
        history.change("resume", "2025-01-08 08:00")
        history.complete()
        self.assertEqual(history.medication_lists()["continued"], [2])

    def test_what_ended_before_the_admission_or_was_never_active_is_nowhere(self):
        history = CareHistory()
        history.change("start", "2025-01-03 08:00", "early")
        history.change("stop", "2025-01-06 08:59", "early")
        history.change("start", "2025-01-09 08:00", order("never", "a"))
        history.change("stop", "2025-01-08 08:00", order("never", "a"))
        history.change("start", "2025-02-09 08:00", "after")
        history.complete()
        self.assertEqual(history.medication_lists(), {})

    def test_what_follows_the_admission_at_its_instant_is_course_of_care(self):
        history = CareHistory(
            *({"medication": {"name": name}, "regimen": FULL} for name in ("up", "off", "held"))
        )
        history.change("start", "2025-01-03 08:00", "early")
        for change, name in (("stop", "off"), ("hold", "held"), ("stop", "early"), ("start", "new")):
            history.change(change, "2025-01-06 09:00", name)
        history.change("increase", "2025-01-06 09:00", "up", regimen={"times_per_day": 2})
        history.complete()
        self.assertEqual(
            history.medication_lists(),
            {
                "at_admission": ["1/0", "1/1", "1/2", 2],
                "at_discharge": ["1/0", "1/2", 6],
                "changed": ["1/0"], "stopped": ["1/1", 2], "held": ["1/2"], "new": [6],
            },
        )

    def test_what_was_held_as_soon_as_it_was_started_is_held_at_the_end(self):
        history = CareHistory()
        history.change("start", "2025-01-08 08:00")
        history.change("hold", "2025-01-08 08:00")
        history.complete()
        self.assertEqual(history.medication_lists(), {"at_discharge": [2], "held": [2]})

    def test_an_episode_without_length_goes_on_with_what_one_arrives_on(self):
        history = CareHistory({"medication": {"name": "sertraline"}, "regimen": FULL})
        history.change("start", "2025-01-03 08:00", "early")
        history.complete("2025-01-06 09:00")
        found = ["1/0", 2]
        self.assertEqual(
            history.medication_lists(),
            {"at_admission": found, "at_discharge": found, "continued": found},
        )

    def test_each_lineage_of_a_random_episode_is_in_one_list(self):
        lines = [json.dumps(line) for line, _ in histories(9, 150, ZONE, medications=True)]
        ended = 0
        for episode_id, (entries, _) in census.all_stays(read_events(lines)).items():
            found = summaries.summary(episode_id, entries, DAYS)
            if found is None:
                continue
            ended += 1
            lists = found["medications"]
            at_discharge = [lists[name] for name in ("continued", "changed", "new", "held")]
            self.assertEqual(sorted(sum(at_discharge, [])), lists["at_discharge"])
            once = sum(at_discharge, []) + lists["stopped"] + lists["started_and_stopped"]
            self.assertEqual(len(once), len(set(once)))
            self.assertLessEqual(set(lists["at_admission"]), set(once))
            weeks = attendance.attendance(episode_id, entries, DAYS, 1 << 62)["weeks"]
            self.assertEqual(sum(week["attended"] for week in weeks), found["attended"])
            self.assertAlmostEqual(sum(week["hours"] for week in weeks), found["hours"])
            self.assertEqual(len(weeks), found["weeks"])
        self.assertGreater(ended, 20)


class CommandLineTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        history = CareHistory({"medication": {"name": "lithium"}})
        history.attend("2025-01-07 08:00", modality="cbt")
        history.family("2025-01-07 10:00", True)
        history.miss("2025-01-08 08:00")
        history.add("completed", "2025-01-20 12:00")
        self.events = self.write("events", *history.lines)

    def write(self, name, *documents):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            for document in documents:
                print(json.dumps(document), file=file)
        return path

    def output(self, program, *arguments):
        output = io.StringIO()
        program.main(["--events", self.events, "--time-zone", ZONE, *arguments], output)
        return output.getvalue()

    def assert_main(self, program, expected, same, other):
        with redirect_stdout(io.StringIO()) as printed:
            self.assertEqual(program.main([expected, same]), 0)
            self.assertEqual(program.main([expected, other]), 1)
        self.assertIn("equal: 1 ", printed.getvalue())

    def document(self, expected):
        """The ledger's document that says the same as the independent summary."""
        def elements(names):
            return {name: {"value": expected[name], "event_ids": []} for name in names}

        return {
            "episode_id": expected["episode_id"].upper(),
            "status": "final",
            "client": elements(compare_summaries.CLIENT),
            "course_of_care": elements(
                compare_summaries.NUMBERS + compare_summaries.TALLIES + ("family_sessions",)
            ),
            "discharge": {
                "reason": {
                    "value": {name: expected[name] for name in ("reason", "teds_reason")},
                    "event_ids": [],
                }
            },
            "medications": {
                name: [{"value": {"lineage": id}, "event_ids": [id.split("/")[0]]} for id in ids]
                for name, ids in expected["medications"].items()
            },
            "completeness": {
                name: {"value": value, "event_ids": []}
                for name, value in expected["completeness"].items()
            },
            "parked": [],
        }

    def test_the_comparison_of_summaries_finds_every_planted_difference(self):
        expected = json.loads(self.output(summaries))
        actual = self.document(expected[0])
        interim = {"status": "interim", "episode_id": "e1"}
        self.assertEqual(compare_summaries.differences(expected, [interim, actual]), [])
        self.assertEqual(len(compare_summaries.differences(expected, [])), 1)
        self.assertEqual(len(compare_summaries.differences([], [actual])), 1)
        for section in ("client", "course_of_care", "discharge", "completeness"):
            for name in actual[section]:
                changed = copy.deepcopy(actual)
                changed[section][name]["value"] = {"reason": "died"} if name == "reason" else None
                self.assertTrue(compare_summaries.differences(expected, [changed]), name)
        unnamed = {"event_ids": [], "value": {}}
        other = {"event_ids": ["e1-9"], "value": {"lineage": "e1-9"}}
        for listed in ([], [unnamed], [other], actual["medications"]["continued"] * 2):
            changed = copy.deepcopy(actual)
            changed["medications"]["continued"] = listed
            self.assertTrue(compare_summaries.differences(expected, [changed]), listed)
        other = copy.deepcopy(actual)
        other["client"]["end_date"]["value"] = "2025-01-21"
        self.assert_main(
            compare_summaries,
            self.write("expected", expected), self.write("same", actual),
            self.write("other", other),
        )

    def test_the_comparison_of_attendance_finds_every_planted_difference(self):
        answer = json.loads(self.output(attendance, "--effective-at", "2025-01-31"))
        actual = copy.deepcopy(answer)
        week = actual["weeks"][0]
        week["flags"] = [{"flag": name, "event_ids": [], "text": ""} for name in week["flags"]]
        week["missed"]["excused"] = 0
        self.assertEqual(compare_attendance.differences([answer], [actual]), [])
        self.assertEqual(len(compare_attendance.differences([answer], [])), 1)
        for name in compare_attendance.WEEK:
            changed = copy.deepcopy(actual)
            changed["weeks"][0][name] = {"missed": {}, "flags": []}.get(name, 99)
            self.assertEqual(len(compare_attendance.differences([answer], [changed])), 1, name)
        changed = copy.deepcopy(actual) | {"rate": None, "flags": ["outside_episode"]}
        self.assertEqual(len(compare_attendance.differences([answer], [changed])), 2)
        self.assert_main(
            compare_attendance,
            self.write("expected", answer), self.write("same", actual),
            self.write("other", changed),
        )

    def test_the_comparison_of_outcomes_finds_every_planted_difference(self):
        answer = json.loads(self.output(outcomes, "--from", "2025-01-01", "--to", "2025-01-31"))
        self.assertEqual(answer["adc"], 14 / 31)
        actual = answer | {"ledger": "default", "parked": []}
        for name in compare_outcomes.MEMBERS:
            changed = [actual | {name: "other"}]
            self.assertEqual(len(list(compare_outcomes.differences([answer], changed))), 1)
        self.assert_main(
            compare_outcomes,
            self.write("expected", answer), self.write("same", actual),
            self.write("other", actual | {"adc": answer["adc"] + 1e-6}),
        )


if __name__ == "__main__":
    unittest.main()
