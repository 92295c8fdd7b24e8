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
from medication_lineages import end_of
from random_histories import histories
from settings import Settings
from test_census import IOP, ZONE
from test_medications import FORMULARY, FULL, MedicationHistory, instant, local, order, tail

DAYS = LocalDays(ZONE)
PHP = "partial_hospitalization"
ALL = parse_instant("2026-01-01T00:00:00Z")


class CareHistory(MedicationHistory):
    """An episode with sessions."""

    def attend(self, at, session=None, minutes=60, **more):
        more.setdefault("kind", "group")
        session = session or f"s{len(self.lines)}"
        return self.add("session_attended", at, session_id=session, minutes=minutes, **more)

    def miss(self, at, reason="no_show", kind="group", **more):
        return self.add("session_missed", at, kind=kind, reason=reason, **more)

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

    def attendance(self, at="2025-03-01 00:00", weekly_hours=(), settings=Settings()):
        return attendance.attendance(
            self.episode_id, self.entries, DAYS, parse_instant(instant(at)), weekly_hours, settings
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
        return summaries.summary(self.episode_id, self.entries, DAYS, FORMULARY)

    def medication_lists(self):
        """{list: lineages} without the empty lists."""
        lists = self.summary()["medications"]
        return {name: [tail(id) for id in ids] for name, ids in lists.items() if ids}

    def later(self):
        """{lineage: (change, time)} of what takes effect after the discharge."""
        return {
            tail(id): [(step["change"], local(step["at"])) for step in steps]
            for id, steps in self.summary()["after_discharge"].items()
        }


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
        history.attend("2025-01-07 11:00", "a", minutes=90)
        history.miss("2025-01-07 12:00", session_id="a")
        history.miss("2025-01-14 10:00", session_id="b")
        history.miss("2025-01-14 23:59", "excused", session_id="b")
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

    def test_a_series_of_one_id_is_a_session_on_each_date(self):
        history = CareHistory()
        for at in ("2025-01-07 10:00", "2025-01-08 10:00", "2025-01-08 23:00"):
            history.attend(at, "series", minutes=60)
        history.complete("2025-01-10 12:00")
        self.assertEqual(
            history.weeks("attended", "hours", "flags"), [(2, 2, 2, ["duplicate_session"])]
        )

    def test_a_miss_without_an_id_is_the_session_of_its_kind_that_began_late(self):
        for attended, taken in (
            ({"at": "2025-01-07 10:00"}, True),
            ({"at": "2025-01-07 11:00", "attendance": "late"}, True),
            ({"at": "2025-01-07 11:01"}, False),
            ({"at": "2025-01-07 09:59"}, False),
            ({"at": "2025-01-07 10:30", "attendance": "full"}, False),
            ({"at": "2025-01-07 10:30", "attendance": "left_early"}, False),
            ({"at": "2025-01-07 10:30", "kind": "individual"}, False),
        ):
            history = CareHistory()
            history.miss("2025-01-07 10:00")
            history.attend(**attended)
            self.assertEqual(
                history.weeks("attended", "missed", at="2025-01-08 00:00"),
                [(2, 1, {} if taken else {"no_show": 1})], attended,
            )
            flags = ["missed_and_attended"] if taken else []
            self.assertEqual(history.attendance()["flags"], flags)
            self.assertEqual(history.attendance()["rate"], 1 if taken else 0.5)

    def test_a_miss_with_an_id_stays_missed(self):
        history = CareHistory()
        history.miss("2025-01-07 10:00", session_id="other")
        history.attend("2025-01-07 10:10")
        self.assertEqual(history.attendance()["rate"], 0.5)

    def test_of_back_to_back_groups_a_missed_one_stays_missed(self):
        for scheduled, rate in ((50, 0.5), (60, 0.5), (61, 1)):
            history = CareHistory()
            history.miss("2025-01-07 10:00", scheduled_minutes=scheduled)
            history.attend("2025-01-07 11:00")
            self.assertEqual(history.attendance()["rate"], rate, scheduled)

    def test_each_attended_session_is_taken_once_the_earliest(self):
        history = CareHistory()
        history.miss("2025-01-07 10:00")
        history.miss("2025-01-07 10:05")
        history.miss("2025-01-07 10:06")
        history.attend("2025-01-07 10:20")
        history.attend("2025-01-07 10:10")
        self.assertEqual(history.weeks("attended", "missed", at="2025-01-08 00:00"),
                         [(2, 2, {"no_show": 1})])
        history.miss("2025-01-07 14:00", "excused", kind="family")
        history.family("2025-01-07 14:30", client_present=True)
        self.assertEqual(history.attendance()["rate"], 3 / 4)

    def test_hours_are_the_union_of_what_counts_in_a_week(self):
        history = CareHistory()
        history.attend("2025-01-07 10:00", minutes=180)
        history.attend("2025-01-07 10:30", minutes=60)
        history.attend("2025-01-07 12:00", minutes=90)
        history.attend("2025-01-07 13:30", minutes=30)
        history.complete("2025-01-10 12:00")
        self.assertEqual(history.weeks("hours"), [(2, 4)])
        # A night from Sunday to Monday belongs to the week that it began in; two weeks are added.
        history = CareHistory()
        history.attend("2025-01-12 23:00", minutes=120)
        history.attend("2025-01-13 00:00", minutes=60)
        history.complete("2025-01-14 12:00")
        self.assertEqual(history.weeks("hours"), [(2, 2), (3, 1)])
        self.assertEqual(history.summary()["hours"], 3)

    def test_practitioners_visits_do_not_count_unless_the_entry_says_so(self):
        history = CareHistory()
        history.attend("2025-01-07 10:00", kind="medication_management")
        history.attend("2025-01-07 12:00", kind="case_management", counts_toward_hours=True)
        history.attend("2025-01-07 14:00", kind="crisis_intervention")
        history.complete("2025-01-10 12:00")
        self.assertEqual(history.weeks("attended", "hours"), [(2, 3, 2)])

    def test_misses_after_the_end_count_until_the_end_became_known(self):
        history = CareHistory()
        history.attend("2025-01-07 10:00")
        history.miss("2025-01-10 23:00")  # on the end's date: of the episode
        history.miss("2025-01-14 10:00", session_id="a")
        history.miss("2025-01-15 10:00", "cancelled_by_program")
        history.miss("2025-01-20 10:00", "excused")
        history.miss("2025-01-20 10:01", "excused")
        history.attend("2025-01-14 10:00", "a")
        history.attend("2025-01-16 10:00")
        history.add("completed", "2025-01-10 12:00", known="2025-01-20T15:00:00Z")
        answer = history.attendance()
        self.assertEqual(
            answer["missed_after_end"], {"cancelled_by_program": 1, "excused": 1}
        )
        self.assertEqual(answer["rate"], 1 / 3)
        self.assertEqual(answer["flags"], ["duplicate_session", "outside_episode"])
        self.assertEqual([week["missed"] for week in answer["weeks"]], [{"no_show": 1}])
        found = history.summary()
        self.assertEqual((found["missed_after_end"], found["attendance_rate"]),
                         (answer["missed_after_end"], 1 / 3))

    def test_a_miss_after_the_end_may_be_an_attended_session_after_it(self):
        history = CareHistory()
        history.attend("2025-01-07 10:00")
        history.miss("2025-01-14 10:00")
        history.attend("2025-01-14 10:30")
        history.add("completed", "2025-01-10 12:00", known="2025-01-20T15:00:00Z")
        answer = history.attendance()
        self.assertEqual((answer["missed_after_end"], answer["rate"]), ({}, 1))
        self.assertEqual(answer["flags"], ["missed_and_attended", "outside_episode"])

    def test_before_the_end_is_known_nothing_is_after_it(self):
        history = CareHistory()
        history.miss("2025-01-14 10:00", known="2025-01-14T15:00:00Z")
        history.add("completed", "2025-01-10 12:00", known="2025-01-20T15:00:00Z")
        entries = effective_history(history.events, parse_instant("2025-01-19T00:00:00Z"))
        answer = attendance.attendance(
            "e1", entries, DAYS, parse_instant(instant("2025-01-19 00:00"))
        )
        self.assertEqual((answer["missed_after_end"], answer["rate"]), ({}, 0))
        self.assertEqual(len(answer["weeks"]), 2)

    def test_a_week_that_the_program_cancelled_is_not_judged(self):
        history = CareHistory()
        history.miss("2025-01-07 10:00", "cancelled_by_program")
        history.miss("2025-01-08 10:00", "cancelled_by_program")
        history.miss("2025-01-14 10:00", "cancelled_by_program")
        history.miss("2025-01-15 10:00", "excused")
        history.complete("2025-01-27 12:00")
        self.assertEqual(history.flagged("below_weekly_hours"), [3, 4])

    def test_weeks_of_partial_hospitalization_must_reach_twenty_hours(self):
        for program, minutes, below in (
            ("php", 1200, []), ("php", 1199, [2]), ("php-adolescent", 1199, [2]),
        ):
            history = CareHistory()
            history.lines[0]["data"].update(program=program, level_of_care=PHP)
            for day in (7, 8):
                history.attend(f"2025-01-{day:02d} 09:00", minutes=minutes // 2 + (day == 7) * (
                    minutes % 2
                ))
            history.step("stepped_down", "2025-01-15 09:00", PHP, IOP)
            history.complete("2025-01-20 12:00")
            # Week 3 is of neither level.
            self.assertEqual(history.flagged("below_weekly_hours"), below)

    def test_settings_set_the_hours_of_a_program_from_a_date_on(self):
        rows = [
            {"key": "weekly_hours.iop-day", "value": value, "from_date": date, "entry": entry,
             "recorded_at": recorded}
            for entry, (value, date, recorded) in enumerate((
                ("12", "2025-01-19", "2025-01-01T00:00:00Z"),
                ("3", "2025-01-26", "2025-01-01T00:00:00Z"),
                ("default", "2025-02-02", "2025-02-01T00:00:00Z"),
                ("1", "2025-02-02", "2025-01-31T00:00:00Z"),
            ))
        ]
        history = CareHistory()
        for day in ("2025-01-07", "2025-01-14", "2025-01-21", "2025-01-28"):
            history.attend(f"{day} 09:00", minutes=600)
        at = "2025-02-03 00:00"
        self.assertEqual(history.flagged("below_weekly_hours", at=at), [])
        self.assertEqual(
            history.flagged("below_weekly_hours", at=at, settings=Settings(rows)), [3]
        )
        self.assertEqual(
            history.flagged(
                "below_weekly_hours", at=at, settings=Settings(rows), weekly_hours={"iop-day": 11}
            ),
            [2, 3, 4, 5],
        )
        date = parse_date("2025-02-02")
        self.assertEqual(Settings(rows).weekly_hours("iop-day", date), 1)
        known_at = parse_instant("2025-01-15T00:00:00Z")
        self.assertEqual(Settings(rows, known_at).weekly_hours("iop-day", date), 3)
        self.assertEqual(Settings(rows[:3]).weekly_hours("iop-day", date), None)

    def test_weeks_may_begin_on_another_day(self):
        settings = Settings(
            [{"key": "first_day_of_week", "value": "sunday", "from_date": "2025-01-01"}]
        )
        history = CareHistory()
        history.attend("2025-01-12 09:00")  # a Sunday
        history.complete("2025-01-19 08:00")
        self.assertEqual(
            [
                (week["week"], week["attended"], week["flags"])
                for week in history.attendance(settings=settings)["weeks"]
            ],
            [("2025-01-05", 0, []), ("2025-01-12", 1, ["below_weekly_hours"]), ("2025-01-19", 0, [])],
        )

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

    def test_sessions_of_other_dates_than_the_episodes_count_in_nothing(self):
        history = CareHistory()
        history.attend("2025-01-05 23:59", "a")
        history.attend("2025-01-06 00:00", "b")
        history.attend("2025-01-10 23:59", "c")
        self.assertEqual(history.weeks("attended", at="2025-01-11 00:00"), [(2, 2)])
        history.attend("2025-01-11 00:00", "d")
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
                "by": "episode",
                "by_reason": [{"reason": "completed", "n": 2}, {"reason": "died", "n": 1}],
                "discharges": 3, "alos_days": 10 / 3, "median_los_days": 3,
                "los_quartile_days": [3, 3.5], "adc": (5 + 3 + 2) / 3,
                "average_daily_enrolment": (5 + 5 + 3) / 3,
            },
        )
        php = self.outcomes(found, "2025-01-07", "2025-01-09", "php")
        self.assertEqual((php["discharges"], php["alos_days"], php["adc"]), (1, 3, 1 / 3))

    def test_quantiles_are_interpolated_between_the_ordered_values(self):
        for values, expected in (
            ([7], (7, 7, 7)), ([1, 2], (1.25, 1.5, 1.75)), ([4, 1, 3, 2], (1.75, 2.5, 3.25)),
            ([10, 20, 30, 40, 50], (20, 30, 40)),
        ):
            shares = (0.25, 0.5, 0.75)
            self.assertEqual(
                tuple(outcomes.quantile(values, share) for share in shares), expected
            )

    def services(self, *steps, ends=None, last_contact_at=None, level=PHP):
        history = self.history(1)
        history.lines[0]["data"]["level_of_care"] = level
        for at, type, before, after, more in steps:
            if type == "program_changed":
                history.add(type, at, rationale="r", **more)
            else:
                history.step(type, at, before, after, **more)
        if ends is not None:
            more = {} if last_contact_at is None else {"last_contact_at": last_contact_at}
            history.complete(ends, **more)
        found = outcomes.ended_services(self.found(history), DAYS)
        return [(program, reason, length) for _, program, reason, length in found]

    def test_a_service_is_an_unbroken_time_at_one_level_of_care(self):
        self.assertEqual(
            self.services(
                ("2025-01-08 09:00", "program_changed", None, None, {"program": "b"}),
                ("2025-01-10 09:00", "stepped_down", PHP, IOP, {"program": "c"}),
                ("2025-01-12 09:00", "stepped_up", IOP, PHP, {"program": "d"}),
                ends="2025-01-20 12:00",
            ),
            [("b", "transferred", 5), ("c", "transferred", 3), ("d", "completed", 9)],
        )

    def test_the_length_of_a_service_is_by_its_own_level_and_at_least_one_day(self):
        self.assertEqual(
            self.services(
                ("2025-01-10 09:00", "stepped_down", "inpatient", IOP, {}),
                ends="2025-01-20 12:00", last_contact_at="2025-01-08T12:00:00-05:00",
                level="inpatient",
            ),
            [("iop-day", "transferred", 4), ("iop-day", "completed", 1)],
        )
        self.assertEqual(
            self.services(("2025-01-06 20:00", "stepped_down", "inpatient", IOP, {}),
                          level="inpatient"),
            [("iop-day", "transferred", 1)],
        )

    def test_by_service_the_reasons_are_those_of_teds(self):
        history = self.history(1)
        history.step("stepped_down", "2025-01-10 09:00", IOP, "outpatient", program="op")
        found = self.found(history)
        period = [parse_date(date) for date in ("2025-01-01", "2025-01-31")]
        result = outcomes.outcomes(found, DAYS, *period, by="service")
        self.assertEqual(
            result["by_reason"], [{"reason": "transferred", "teds_reason": 4, "n": 1}]
        )
        self.assertEqual(
            outcomes.outcomes(found, DAYS, *period, "op", "service")["by_reason"], []
        )

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
    def test_an_open_episode_has_an_interim_summary_up_to_e(self):
        history = CareHistory({"medication": {"name": "zinc"}, "regimen": FULL})
        history.change("increase", "2025-02-07 08:00", "zinc", regimen={"times_per_day": 2},
                       known="2025-01-20T17:00:00Z")
        history.change("stop", "2025-02-09 08:00", "zinc", known="2025-01-20T17:00:01Z")
        history.attend("2025-01-07 08:00")
        found = summaries.summary(
            "e1", history.entries, DAYS, FORMULARY, parse_instant(instant("2025-01-20 12:00"))
        )
        self.assertEqual((found["status"], found["attended"], found["weeks"]), ("interim", 1, 3))
        self.assertNotIn("length_of_stay_days", found)
        self.assertEqual(
            found["after_discharge"],
            {"e1-1/0": [{"at": "2025-02-07T13:00:00.000000Z", "change": "increase"}]},
        )

    def test_weeks_are_those_of_the_length_of_stay(self):
        for contact, weeks in (("2025-01-06", 1), ("2025-01-12", 1), ("2025-01-13", 2)):
            history = CareHistory()
            history.complete(last_contact_at=f"{contact}T12:00:00-05:00")
            self.assertEqual(history.summary()["weeks"], weeks)

    def test_dates_and_levels(self):
        history = CareHistory()
        history.step("stepped_down", "2025-01-10 09:00", IOP, "outpatient", program="op")
        history.attend("2025-01-20 23:00")
        history.add("discharged", "2025-01-22 12:00", reason="dropped_out")
        found = history.summary()
        self.assertEqual(
            {name: found[name] for name in compare_summaries.CLIENT if name != "levels_of_care"}
            | {name: found[name] for name in ("reason", "teds_reason")},
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
        history.change("start", "2025-01-08 08:00")
        self.assertEqual(
            list(history.summary()["completeness"].values()),
            ["missing", "missing", "present", "not_applicable", "not_applicable"],
        )
        history.lines[1]["data"] = {"reason": "other", "disposition": "exp"}
        self.assertEqual(history.summary()["completeness"]["follow_up"], "not_applicable")
        self.assertEqual(history.later(), {})


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
        daily = {"frequency": "daily", "times_per_day": 1}
        history.change("increase", "2025-01-08 08:00", regimen={"times_per_day": 2})
        history.change("decrease", "2025-01-09 08:00", regimen=daily)
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
        self.assertEqual(history.later(), {6: [("start", "02-09 08:00")]})

    def test_what_takes_effect_at_the_end_is_at_discharge_and_single_doses_are_not(self):
        history = CareHistory({"medication": {"name": "lithium"}, "regimen": FULL})
        history.complete()
        history.change("start", "2025-01-31 12:00", "naltrexone", regimen={"dose": 380, "unit": "mg"})
        history.change("start", "2025-01-31 12:00", "influenza vaccine", regimen={"frequency": "once"})
        history.change("stop", "2025-01-31 12:00", "lithium")
        self.assertEqual(
            history.medication_lists(),
            {
                "at_admission": ["1/0"], "at_discharge": [3], "new": [3], "stopped": ["1/0"],
                "started_and_stopped": [4],
            },
        )
        self.assertEqual(history.later(), {})

    def test_what_goes_on_after_the_discharge_is_told_by_medication(self):
        history = CareHistory({"medication": order("clonazepam", "k"), "regimen": FULL})
        history.change("decrease", "2025-02-06 08:00", order("clonazepam", "k"),
                       regimen={"dose": 25, "unit": "mg"})
        history.change("unchanged", "2025-02-07 08:00", order("clonazepam", "k"))
        history.change("hold", "2025-02-08 08:00", order("clonazepam", "k"))
        history.change("stop", "2025-02-13 08:00", order("clonazepam", "k"))
        history.change("start", "2025-02-01 08:00", order("zinc", "z"))
        history.change("start", "2025-02-09 08:00", order("iron", "i"))
        history.change("stop", "2025-02-05 08:00", order("iron", "i"))
        history.complete()
        self.assertEqual(
            history.later(),
            {
                "1/0": [
                    ("decrease", "02-06 08:00"), ("hold", "02-08 08:00"), ("stop", "02-13 08:00")
                ],
                6: [("start", "02-01 08:00")],
            },
        )
        self.assertEqual(history.medication_lists()["continued"], ["1/0"])

    def test_one_stopped_and_one_new_of_a_substance_are_one_changed(self):
        history = CareHistory(
            *({"medication": order(name, name), "regimen": FULL} for name in ("Zoloft", "lithium"))
        )
        for name in ("Zoloft", "lithium"):
            history.change("stop", "2025-01-08 08:00", order(name, name))
        history.change("start", "2025-01-09 08:00", order("sertraline 50 MG Oral Tablet", "s"))
        history.change("start", "2025-01-09 08:00", order("lithium carbonate", "b"))
        history.change("start", "2025-01-09 09:00", order("Lithobid", "c"))
        history.complete()
        lists = {name: ids for name, ids in history.summary()["medications"].items() if ids}
        self.assertEqual(lists["changed"], ["e1-4|e1-1/0", "e1-5|e1-1/1"])
        self.assertEqual((lists.get("stopped"), lists["new"]), (None, ["e1-6"]))

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
            if end_of(entries) is None:
                continue
            found = summaries.summary(episode_id, entries, DAYS, FORMULARY)
            ended += 1
            lists = found["medications"]
            pairs = [pair.split("|") for pair in lists["changed"] if "|" in pair]
            changed = [one for one in lists["changed"] if "|" not in one] + [new for new, _ in pairs]
            at_discharge = [changed] + [lists[name] for name in ("continued", "new", "held")]
            self.assertEqual(sorted(sum(at_discharge, [])), lists["at_discharge"])
            once = sum(at_discharge, []) + lists["stopped"] + lists["started_and_stopped"]
            once += [old for _, old in pairs]
            self.assertEqual(len(once), len(set(once)))
            self.assertLessEqual(set(lists["at_admission"]), set(once))
            weeks = attendance.attendance(episode_id, entries, DAYS, ALL)["weeks"]
            self.assertEqual(sum(week["attended"] for week in weeks), found["attended"])
            self.assertAlmostEqual(sum(week["hours"] for week in weeks), found["hours"])
            self.assertEqual(-(-found["length_of_stay_days"] // 7), found["weeks"])
        self.assertGreater(ended, 20)


class CommandLineTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        history = CareHistory({"medication": {"name": "lithium"}})
        history.attend("2025-01-07 08:00", modality="cbt")
        history.family("2025-01-07 10:00", True)
        history.miss("2025-01-08 08:00")
        history.change("stop", "2025-01-25 08:00", "lithium")
        history.miss("2025-01-21 08:00")
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
            }
            | {
                "after_discharge": [
                    {"value": {"lineage": id, "steps": steps}, "event_ids": []}
                    for id, steps in expected["after_discharge"].items()
                ]
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
        changed = copy.deepcopy(actual)
        changed["medications"]["after_discharge"][0]["value"]["steps"] = []
        self.assertEqual(len(compare_summaries.differences(expected, [changed])), 1)
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
        changed = copy.deepcopy(actual) | {
            "rate": None, "flags": ["outside_episode"], "missed_after_end": {"no_show": 7},
        }
        self.assertEqual(len(compare_attendance.differences([answer], [changed])), 3)
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
