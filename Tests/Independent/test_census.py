"""Hand-made histories with counted answers. Run: python3 -m unittest discover Tests/Independent"""

import copy
import io
import json
import os
import tempfile
import unittest
from contextlib import redirect_stdout

import census
import compare_census
from history import effective_history, event_from, read_events
from life_cycle import ACCEPTED, REFUSED, UNCLEAR, EpisodeLifeCycle
from local_days import LocalDays, format_instant, parse_date, parse_instant, utc
from random_histories import histories

ZONE = "America/New_York"
IOP = "intensive_outpatient"


class History:
    """Builds the recorded events of one episode; times are local in New York in winter."""

    def __init__(self, episode_id="e1"):
        self.episode_id = episode_id
        self.lines = []

    def add(self, type, at, known=None, recorded="2025-12-01T00:00:00Z", **data):
        number = len(self.lines) + 1
        self.lines.append(
            {
                "event_id": f"{self.episode_id}-{number}",
                "episode_id": self.episode_id,
                "type": type,
                "occurred_at": at if "T" in at else at.replace(" ", "T") + ":00-05:00",
                "position": number,
                "version": number,
                "recorded_at": recorded,
                "data": data,
            }
        )
        if known is not None:
            self.lines[-1]["source_recorded_at"] = known
        return self.lines[-1]["event_id"]

    def admit(self, at, program="iop-day", level=IOP, **more):
        return self.add(
            "admitted", at, more.pop("known", None),
            client_id="c", program=program, level_of_care=level, **more
        )

    def step(self, type, at, from_level, to_level, **more):
        return self.add(
            type, at, more.pop("known", None),
            from_level=from_level, to_level=to_level, rationale="r", **more
        )

    def correct(self, target, replacement, at=None, known=None):
        data = {"target_event_id": target, "reason": "r", "replacement": replacement}
        if at is not None:
            data["replacement_occurred_at"] = at.replace(" ", "T") + ":00-05:00"
        return self.add("entry_corrected", "2025-02-01 12:00", known, **data)

    def retract(self, target, known=None):
        return self.add(
            "entry_retracted", "2025-02-01 12:00", known, target_event_id=target, reason="r"
        )

    @property
    def events(self):
        return [event_from(line, n) for n, line in enumerate(self.lines, start=1)]

    def stays(self, known_at=None, known_by="source"):
        at = None if known_at is None else parse_instant(known_at)
        return census.stays_of(self.episode_id, effective_history(self.events, at, known_by))

    def length(self, known_at=None):
        entries = effective_history(self.events)
        return census.length_of_stay(entries, self.stays(), LocalDays(ZONE))

    def shown(self, **when):
        """Stays as short texts: program level from–to (reasons), times in New York."""
        return [
            f"{stay.program} {stay.level_of_care} {local(stay.start)} {stay.start_reason}"
            + ("" if stay.end is None else f" - {local(stay.end)} {stay.end_reason}")
            for stay in self.stays(**when)
        ]


def local(instant):
    return utc(instant).astimezone(LocalDays(ZONE).zone).strftime("%m-%d %H:%M")


def groups(stays, day, zone=ZONE):
    """(program, level) -> (census, admissions, in, out, discharges) of one day."""
    date = parse_date(day)
    listed = census.census(stays, LocalDays(zone), date, date)[0]
    return compare_census.table(listed)


class StaysTest(unittest.TestCase):
    def test_an_open_episode_is_one_open_stay(self):
        history = History()
        history.admit("2025-01-06 09:00")
        self.assertEqual(history.shown(), [f"iop-day {IOP} 01-06 09:00 admitted"])

    def test_steps_and_program_changes_open_stays_and_the_end_closes_the_last(self):
        history = History()
        history.admit("2025-01-06 09:00", track="mental_health")
        history.add("program_changed", "2025-01-08 10:00", program="iop-evening", rationale="r")
        history.step("stepped_down", "2025-01-10 10:00", IOP, "outpatient")
        history.add("completed", "2025-01-20 15:00")
        self.assertEqual(
            history.shown(),
            [
                f"iop-day {IOP} 01-06 09:00 admitted - 01-08 10:00 program_changed",
                f"iop-evening {IOP} 01-08 10:00 program_changed - 01-10 10:00 stepped_down",
                "iop-evening outpatient 01-10 10:00 stepped_down - 01-20 15:00 completed",
            ],
        )
        self.assertEqual([stay.track for stay in history.stays()], ["mental_health"] * 3)

    def test_a_step_may_change_program_and_track_too(self):
        history = History()
        history.admit("2025-01-06 09:00", track="mental_health")
        history.step(
            "stepped_up", "2025-01-10 10:00", IOP, "partial_hospitalization",
            program="php", track="co_occurring",
        )
        last = history.stays()[-1]
        self.assertEqual(
            (last.program, last.track, last.level_of_care),
            ("php", "co_occurring", "partial_hospitalization"),
        )

    def test_a_change_of_schedule_alone_opens_no_stay(self):
        history = History()
        history.admit("2025-01-06 09:00")
        history.add("program_changed", "2025-01-08 10:00", schedule="evening", rationale="r")
        history.add(
            "program_changed", "2025-01-09 10:00", program="iop-day", rationale="same program"
        )
        self.assertEqual(len(history.stays()), 1)

    def test_a_change_of_track_alone_opens_no_stay_but_is_told(self):
        history = History()
        history.admit("2025-01-06 09:00", track="mental_health")
        history.add("program_changed", "2025-01-08 10:00", track="co_occurring", rationale="r")
        history.add("program_changed", "2025-01-09 10:00", track="co_occurring", rationale="r")
        history.step("stepped_down", "2025-01-10 10:00", IOP, "outpatient")
        first, second = history.stays()
        self.assertEqual(
            [(track, local(since)) for track, since in first.tracks],
            [("mental_health", "01-06 09:00"), ("co_occurring", "01-08 10:00")],
        )
        self.assertEqual(
            [(track, local(since)) for track, since in second.tracks],
            [("co_occurring", "01-10 10:00")],
        )
        self.assertEqual(groups(history.stays(), "2025-01-08"), {("iop-day", IOP): (1, 0, 0, 0, 0)})

    def test_a_late_step_takes_its_place_by_time(self):
        history = History()
        history.admit("2025-01-06 09:00")
        history.step("stepped_down", "2025-01-20 10:00", IOP, "outpatient")
        history.step("stepped_up", "2025-01-10 10:00", IOP, "residential")
        self.assertEqual(
            [line.split()[1] for line in history.shown()], [IOP, "residential", "outpatient"]
        )

    def test_what_is_ordered_after_the_end_is_ignored(self):
        history = History()
        history.admit("2025-01-06 09:00")
        step = history.step("stepped_down", "2025-01-10 10:00", IOP, "outpatient")
        history.add("completed", "2025-01-20 15:00")
        history.correct(
            step, {"from_level": IOP, "to_level": "outpatient", "rationale": "r"},
            at="2025-01-21 10:00",
        )
        self.assertEqual(
            history.shown(), [f"iop-day {IOP} 01-06 09:00 admitted - 01-20 15:00 completed"]
        )

    def test_at_the_instant_of_the_end_the_position_decides(self):
        for step_first in (True, False):
            history = History()
            history.admit("2025-01-06 09:00")
            if step_first:
                history.step("stepped_down", "2025-01-20 15:00", IOP, "outpatient")
            history.add("completed", "2025-01-20 15:00")
            if not step_first:
                history.step("stepped_down", "2025-01-20 15:00", IOP, "outpatient")
            self.assertEqual(len(history.stays()), 2 if step_first else 1)

    def test_what_is_ordered_before_the_admission_is_ignored(self):
        history = History()
        admission = history.admit("2025-01-06 09:00")
        history.step("stepped_down", "2025-01-10 10:00", IOP, "outpatient")
        history.add("discharged", "2025-01-11 10:00", reason="transferred")
        history.correct(
            admission, {"client_id": "c", "program": "p", "level_of_care": IOP},
            at="2025-01-12 09:00",
        )
        self.assertEqual(history.shown(), [f"p {IOP} 01-12 09:00 admitted"])

    def test_of_two_ends_in_force_the_first_in_time_counts(self):
        history = History()
        history.admit("2025-01-06 09:00", known="2025-01-06T15:00:00Z")
        first = history.add("completed", "2025-01-20 15:00", "2025-01-20T21:00:00Z")
        history.retract(first, known="2025-03-01T00:00:00Z")
        history.add("discharged", "2025-01-15 15:00", "2025-01-25T21:00:00Z", reason="dropped_out")
        self.assertTrue(history.shown()[-1].endswith("01-15 15:00 dropped_out"))
        self.assertTrue(
            history.shown(known_at="2025-01-26T00:00:00Z")[-1].endswith("01-15 15:00 dropped_out")
        )
        self.assertTrue(
            history.shown(known_at="2025-01-21T00:00:00Z")[-1].endswith("01-20 15:00 completed")
        )

    def test_the_greatest_position_gives_the_content_and_the_last_given_time_stays(self):
        history = History()
        admission = history.admit("2025-01-06 09:00")
        replacement = {"client_id": "c", "program": "first", "level_of_care": IOP}
        history.correct(admission, replacement, at="2025-01-07 09:00")
        history.correct(admission, replacement | {"program": "second"})
        self.assertEqual(history.shown(), [f"second {IOP} 01-07 09:00 admitted"])
        entry = effective_history(history.events)[0]
        self.assertEqual(entry.corrected_by, ["e1-2", "e1-3"])
        self.assertEqual(entry.position, 1)

    def test_an_earlier_known_correction_of_greater_position_still_wins(self):
        history = History()
        admission = history.admit("2025-01-06 09:00", known="2025-01-06T15:00:00Z")
        replacement = {"client_id": "c", "program": "first", "level_of_care": IOP}
        history.correct(admission, replacement, known="2025-01-09T00:00:00Z")
        replacement = replacement | {"program": "second"}
        history.correct(admission, replacement, known="2025-01-08T00:00:00Z")
        self.assertEqual(history.stays()[0].program, "second")
        for known_at, program in (("07", "iop-day"), ("08", "second"), ("10", "second")):
            at = f"2025-01-{known_at}T00:00:00Z"
            self.assertEqual(history.stays(known_at=at)[0].program, program)

    def test_a_correction_known_before_its_target_has_no_effect_until_then(self):
        history = History()
        history.admit("2025-01-06 09:00", known="2025-01-06T15:00:00Z")
        step = history.step(
            "stepped_down", "2025-01-10 10:00", IOP, "outpatient", known="2025-01-20T00:00:00Z"
        )
        history.retract(step, known="2025-01-12T00:00:00Z")
        for day in ("11", "13", "21"):
            self.assertEqual(len(history.stays(known_at=f"2025-01-{day}T00:00:00Z")), 1)

    def test_a_retracted_admission_leaves_no_stay(self):
        history = History()
        admission = history.admit("2025-01-06 09:00", known="2025-01-06T15:00:00Z")
        history.retract(admission, known="2025-01-09T00:00:00Z")
        self.assertEqual(history.stays(), [])
        self.assertEqual(len(history.stays(known_at="2025-01-08T00:00:00Z")), 1)
        self.assertEqual(history.stays(known_at="2025-01-06T14:00:00Z"), [])

    def test_a_retracted_end_reopens_the_episode(self):
        history = History()
        history.admit("2025-01-06 09:00")
        end = history.add("discharged", "2025-01-10 09:00", reason="dropped_out")
        history.retract(end)
        self.assertEqual(history.shown(), [f"iop-day {IOP} 01-06 09:00 admitted"])
        history.add("completed", "2025-01-30 09:00")
        self.assertTrue(history.shown()[0].endswith("01-30 09:00 completed"))

    def test_a_retracted_target_stays_retracted_whatever_corrects_it(self):
        history = History()
        history.admit("2025-01-06 09:00")
        end = history.add("completed", "2025-01-10 09:00")
        history.correct(end, {}, at="2025-01-11 09:00")
        history.retract(end)
        self.assertIsNone(history.stays()[0].end)

    def test_knowledge_by_the_ledger_uses_the_recorded_time_alone(self):
        history = History()
        history.admit("2025-01-06 09:00", known="2025-01-06T15:00:00Z")
        self.assertEqual(len(history.stays(known_at="2025-02-01T00:00:00Z")), 1)
        self.assertEqual(history.stays(known_at="2025-02-01T00:00:00Z", known_by="ledger"), [])
        self.assertEqual(
            len(history.stays(known_at="2025-12-01T00:00:00Z", known_by="ledger")), 1
        )


class CensusTest(unittest.TestCase):
    def test_the_day_of_admission_counts_at_its_midnight_and_the_day_of_the_end_does_not(self):
        history = History()
        history.admit("2025-01-06 09:00")
        history.add("completed", "2025-01-08 15:00")
        key = ("iop-day", IOP)
        self.assertEqual(groups(history.stays(), "2025-01-05"), {})
        self.assertEqual(groups(history.stays(), "2025-01-06"), {key: (1, 1, 0, 0, 0)})
        self.assertEqual(groups(history.stays(), "2025-01-07"), {key: (1, 0, 0, 0, 0)})
        self.assertEqual(groups(history.stays(), "2025-01-08"), {key: (0, 0, 0, 0, 1)})
        self.assertEqual(groups(history.stays(), "2025-01-09"), {})

    def test_what_happens_at_24_00_belongs_to_the_next_day(self):
        history = History()
        history.admit("2025-01-07 00:00")
        history.add("completed", "2025-01-08 00:00")
        key = ("iop-day", IOP)
        self.assertEqual(groups(history.stays(), "2025-01-06"), {})
        self.assertEqual(groups(history.stays(), "2025-01-07"), {key: (1, 1, 0, 0, 0)})
        self.assertEqual(groups(history.stays(), "2025-01-08"), {key: (0, 0, 0, 0, 1)})

    def test_one_microsecond_before_midnight_is_still_the_old_day(self):
        history = History()
        history.admit("2025-01-06T23:59:59.999999-05:00")
        self.assertEqual(groups(history.stays(), "2025-01-06"), {("iop-day", IOP): (1, 1, 0, 0, 0)})

    def test_a_stay_of_no_length_counts_in_and_out_and_never_in_the_census(self):
        history = History()
        history.admit("2025-01-06 09:00")
        history.step("stepped_down", "2025-01-06 09:00", IOP, "outpatient")
        history.add("completed", "2025-01-06 09:00")
        self.assertEqual(
            groups(history.stays(), "2025-01-06"),
            {("iop-day", IOP): (0, 1, 0, 1, 0), ("iop-day", "outpatient"): (0, 0, 1, 0, 1)},
        )

    def test_a_stay_of_no_length_at_midnight_belongs_to_the_new_day(self):
        history = History()
        history.admit("2025-01-07 00:00")
        history.add("discharged", "2025-01-07 00:00", reason="died")
        self.assertEqual(groups(history.stays(), "2025-01-06"), {})
        self.assertEqual(groups(history.stays(), "2025-01-07"), {("iop-day", IOP): (0, 1, 0, 0, 1)})

    def test_the_day_the_clocks_go_forward_ends_after_23_hours(self):
        history = History()
        history.admit("2025-03-10T03:59:59Z")  # 23:59:59 EDT on the 9th
        key = ("iop-day", IOP)
        self.assertEqual(groups(history.stays(), "2025-03-09"), {key: (1, 1, 0, 0, 0)})
        late = History()
        late.admit("2025-03-10T04:00:00Z")
        self.assertEqual(groups(late.stays(), "2025-03-09"), {})
        self.assertEqual(groups(late.stays(), "2025-03-10"), {key: (1, 1, 0, 0, 0)})

    def test_where_midnight_is_skipped_the_day_begins_at_one(self):
        days = LocalDays("America/Havana")
        self.assertEqual(
            format_instant(days.start(parse_date("2025-03-09"))), "2025-03-09T05:00:00.000000Z"
        )

    def test_where_the_clocks_go_back_over_midnight_the_day_begins_the_first_time(self):
        days = LocalDays("America/Goose_Bay")  # 00:01 back to 23:01 on 2010-11-07
        start = days.start(parse_date("2010-11-07"))
        self.assertEqual(format_instant(start), "2010-11-07T03:00:00.000000Z")
        repeated = parse_instant("2010-11-07T03:30:00Z")  # 23:30 on the 6th, again
        self.assertEqual(days.date_of(repeated), parse_date("2010-11-07"))
        self.assertEqual(days.date_of(start - 1), parse_date("2010-11-06"))

    def test_a_date_that_the_zone_skipped_is_an_empty_day(self):
        days = LocalDays("Pacific/Apia")
        skipped = parse_date("2011-12-30")
        self.assertEqual(days.start(skipped), days.end(skipped))
        self.assertEqual(days.date_of(days.start(skipped)), parse_date("2011-12-31"))
        history = History()
        history.admit("2011-12-29T12:00:00Z")
        self.assertEqual(
            groups(history.stays(), "2011-12-30", "Pacific/Apia"),
            {("iop-day", IOP): (1, 0, 0, 0, 0)},
        )


class LengthOfStayTest(unittest.TestCase):
    def ended(self, level=IOP, sessions=(), **end):
        history = History()
        history.admit("2025-01-06 09:00", level=level)
        for at in sessions:
            history.add("session_attended", at, session_id=at, kind="group", minutes=60)
        history.add("completed", "2025-01-20 15:00", **end)
        return history

    def test_an_open_episode_has_none(self):
        history = History()
        history.admit("2025-01-06 09:00")
        self.assertEqual(history.length(), (None, False))

    def test_outpatients_count_both_days_and_inpatients_nights(self):
        self.assertEqual(self.ended().length(), (15, False))
        self.assertEqual(self.ended(level="residential").length(), (14, False))

    def test_an_inpatient_of_one_day_counts_one(self):
        history = History()
        history.admit("2025-01-06 09:00", level="inpatient")
        history.add("completed", "2025-01-06 15:00")
        self.assertEqual(history.length(), (1, False))

    def test_the_last_attended_session_is_the_last_contact(self):
        self.assertEqual(
            self.ended(sessions=("2025-01-08 09:00", "2025-01-13 09:00")).length(), (8, False)
        )

    def test_the_stated_last_contact_beats_the_sessions(self):
        history = self.ended(
            sessions=("2025-01-13 09:00",), last_contact_at="2025-01-15T12:00:00-05:00"
        )
        self.assertEqual(history.length(), (10, False))

    def test_a_contact_outside_the_episode_is_flagged_and_replaced_by_the_end(self):
        for stated in ("2025-01-01T12:00:00-05:00", "2025-01-21T12:00:00-05:00"):
            self.assertEqual(self.ended(last_contact_at=stated).length(), (15, True))

    def test_a_contact_at_the_very_admission_or_end_is_inside(self):
        for stated, expected in (("2025-01-06T14:00:00Z", 1), ("2025-01-20T20:00:00Z", 15)):
            self.assertEqual(self.ended(last_contact_at=stated).length(), (expected, False))

    def test_a_family_session_counts_only_with_the_client(self):
        for present, expected in ((True, 8), (False, 15)):
            history = History()
            history.admit("2025-01-06 09:00")
            history.add(
                "family_session_held", "2025-01-13 18:00", session_id="f", minutes=60,
                participants=[{"relation": "parent"}], client_present=present,
            )
            history.add("completed", "2025-01-20 15:00")
            self.assertEqual(history.length(), (expected, False))

    def test_a_contact_is_inside_by_its_date(self):
        for stated, expected in (
            ("2025-01-06T00:00:00-05:00", (1, False)), ("2025-01-20T23:59:59-05:00", (15, False)),
            ("2025-01-05T23:59:59-05:00", (15, True)), ("2025-01-21T00:00:00-05:00", (15, True)),
        ):
            self.assertEqual(self.ended(last_contact_at=stated).length(), expected)
        self.assertEqual(self.ended(sessions=("2025-01-20 18:00",)).length(), (15, False))
        self.assertEqual(self.ended(sessions=("2025-01-06 08:00",)).length(), (1, False))

    def test_of_two_entries_of_one_session_the_later_position_counts(self):
        history = History()
        history.admit("2025-01-06 09:00")
        for at, session_id in (
            ("2025-01-10 09:00", "s"), ("2025-01-10 08:00", "s"), ("2025-01-11 08:00", "t"),
        ):
            history.add("session_attended", at, session_id=session_id, kind="group", minutes=60)
        history.retract("e1-4")
        history.add("completed", "2025-01-20 15:00")
        entries, days = effective_history(history.events), LocalDays(ZONE)
        contact, _ = census.last_contact(entries, history.stays(), days)
        self.assertEqual(local(contact), "01-10 08:00")


class LifeCycleTest(unittest.TestCase):
    def verdicts(self, history):
        life = EpisodeLifeCycle()
        found = []
        for event in history.events:
            found.append(life.verdict(event))
            if found[-1] == ACCEPTED:
                life.append(event)
        return found

    def test_the_first_event_is_the_admission_and_there_is_only_one(self):
        history = History()
        history.add("completed", "2025-01-06 09:00")
        history.admit("2025-01-06 09:00")
        history.admit("2025-01-07 09:00")
        self.assertEqual(self.verdicts(history), [REFUSED, ACCEPTED, REFUSED])

    def test_nothing_follows_a_retracted_admission(self):
        history = History()
        admission = history.admit("2025-01-06 09:00")
        history.retract(admission)
        history.retract(admission)
        history.admit("2025-01-06 09:00")
        self.assertEqual(self.verdicts(history), [ACCEPTED, ACCEPTED, REFUSED, REFUSED])

    def test_while_an_end_is_in_force_only_later_steps_and_a_second_end_are_refused(self):
        history = History()
        history.admit("2025-01-06 09:00")
        end = history.add("completed", "2025-01-20 15:00")
        session = {"session_id": "s", "kind": "group", "minutes": 60}
        history.add("session_attended", "2025-01-20 15:00", **session)
        history.add("session_attended", "2025-01-20 15:01", **session)
        history.step("stepped_down", "2025-01-20 15:00", IOP, "outpatient")
        history.step("stepped_down", "2025-01-20 14:59", IOP, "outpatient")
        history.add("completed", "2025-01-19 15:00")
        history.add("program_changed", "2025-01-21 15:00", schedule="day", rationale="r")
        for type, data in (
            ("session_missed", {"kind": "group", "reason": "no_show"}),
            ("family_session_held", {"session_id": "f", "minutes": 60, "client_present": True}),
            ("medication_adjusted", {"medication": {"name": "zinc"}, "change": "stop"}),
        ):
            history.add(type, "2025-03-01 12:00", **data)
        history.retract(end)
        history.add("session_attended", "2025-01-20 15:01", **session)
        self.assertEqual(
            self.verdicts(history),
            [ACCEPTED] * 4 + [REFUSED, ACCEPTED, REFUSED, REFUSED] + [ACCEPTED] * 5,
        )

    def test_a_step_leaves_the_level_in_force_just_before_it(self):
        history = History()
        history.admit("2025-01-06 09:00")
        history.step("stepped_down", "2025-01-10 09:00", IOP, "outpatient")
        history.step("stepped_up", "2025-01-09 09:00", "outpatient", IOP)
        history.step("stepped_up", "2025-01-10 09:00", "outpatient", IOP)
        history.step("stepped_up", "2025-01-05 09:00", IOP, "inpatient")
        self.assertEqual(
            self.verdicts(history), [ACCEPTED, ACCEPTED, REFUSED, ACCEPTED, REFUSED]
        )

    def test_an_amendment_targets_neither_an_amendment_nor_what_is_retracted(self):
        history = History()
        history.admit("2025-01-06 09:00")
        end = history.add("completed", "2025-01-20 15:00")
        correction = history.correct(end, {})
        history.retract(correction)
        history.retract(end)
        history.correct(end, {})
        history.retract("elsewhere")
        self.assertEqual(
            self.verdicts(history),
            [ACCEPTED, ACCEPTED, ACCEPTED, REFUSED, ACCEPTED, REFUSED, REFUSED],
        )

    def test_after_corrections_put_the_end_before_the_admission_nothing_is_certain(self):
        history = History()
        history.admit("2025-01-06 09:00")
        end = history.add("completed", "2025-01-20 15:00")
        history.correct(end, {}, at="2025-01-01 09:00")
        history.add("completed", "2025-01-21 15:00")
        self.assertEqual(self.verdicts(history), [ACCEPTED, ACCEPTED, ACCEPTED, UNCLEAR])


class RandomHistoriesTest(unittest.TestCase):
    def test_the_same_seed_gives_the_same_lines(self):
        self.assertEqual(histories(5, 20, ZONE), histories(5, 20, ZONE))
        self.assertNotEqual(histories(5, 20, ZONE), histories(6, 20, ZONE))

    def test_every_line_is_accepted_in_the_order_of_the_file(self):
        for refusals in (False, True):
            lives = {}
            for number, (line, refused) in enumerate(histories(3, 60, ZONE, refusals), start=1):
                life = lives.setdefault(line["episode_id"], EpisodeLifeCycle())
                event = event_from(line, number)
                self.assertEqual(life.verdict(event), REFUSED if refused else ACCEPTED)
                if not refused:
                    life.append(event)

    def test_the_census_of_random_histories_agrees_with_a_count_by_the_definition(self):
        lines = [json.dumps(line) for line, _ in histories(11, 80, ZONE)]
        days = LocalDays(ZONE)
        for known_at in (None, parse_instant("2024-06-15T00:00:00Z")):
            found = census.all_stays(read_events(lines), known_at)
            stays = [stay for _, stays in found.values() for stay in stays]
            first, last = parse_date("2024-02-01"), parse_date("2024-12-31")
            before, *listed = census.census(stays, days, first, last)
            self.assertEqual(list(compare_census.identity_failures(before, listed)), [])
            for day in listed:
                midnight = days.end(parse_date(day["date"]))
                enrolled = [
                    stay
                    for stay in stays
                    if stay.start < midnight and (stay.end is None or stay.end >= midnight)
                ]
                self.assertEqual(len(enrolled), sum(row["census"] for row in day["groups"]))


class CommandLineTest(unittest.TestCase):
    def run_census(self, history, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "events.ndjson")
            with open(path, "w", encoding="utf-8") as file:
                for line in history.lines:
                    print(json.dumps(line), file=file)
            output = io.StringIO()
            census.main(["--events", path, "--time-zone", ZONE, *arguments], output)
            return output.getvalue()

    def history(self):
        history = History()
        history.admit("2025-01-06 09:00", known="2025-01-07T05:00:00Z")
        history.add("completed", "2025-01-08 15:00", "2025-01-08T21:00:00Z")
        return history

    def test_a_date_as_knowledge_time_means_its_24_00(self):
        days = ("--from", "2025-01-06", "--to", "2025-01-06")
        for known_at, expected in (("2025-01-06", 1), ("2025-01-05", 0)):
            text = self.run_census(self.history(), *days, "--known-at", known_at)
            self.assertEqual(len(json.loads(text)["days"][0]["groups"]), expected)

    def test_the_day_before_the_range_is_printed_beside_it(self):
        text = self.run_census(self.history(), "--from", "2025-01-07", "--to", "2025-01-08")
        document = json.loads(text)
        self.assertEqual(document["before"]["date"], "2025-01-06")
        self.assertEqual([day["date"] for day in document["days"]], ["2025-01-07", "2025-01-08"])

    def test_stays_are_printed_one_a_line(self):
        (line,) = self.run_census(self.history(), "--stays").splitlines()
        self.assertEqual(
            json.loads(line),
            {
                "episode_id": "e1", "client_id": "c", "program": "iop-day", "track": None,
                "tracks": [], "level_of_care": IOP, "from": "2025-01-06T14:00:00.000000Z",
                "to": "2025-01-08T20:00:00.000000Z", "start_reason": "admitted",
                "end_reason": "completed", "length_of_stay_days": 3,
                "last_contact_outside_episode": False,
            },
        )

    def test_the_comparison_finds_every_planted_difference(self):
        text = self.run_census(self.history(), "--from", "2025-01-06", "--to", "2025-01-08")
        expected = json.loads(text)
        actual = {
            "from": "2025-01-06", "to": "2025-01-08", "ledger": "default", "parked": [],
            "days": [
                day | {"total": sum(row["census"] for row in day["groups"])}
                for day in copy.deepcopy(expected["days"])
            ],
        }
        self.assertEqual(compare_census.compare(expected, actual), [])

        def planted(change):
            changed = copy.deepcopy(actual)
            change(changed)
            return compare_census.compare(expected, changed)

        self.assertTrue(planted(lambda it: it["days"].pop()))
        self.assertTrue(planted(lambda it: it["days"][0].update(total=7)))
        self.assertTrue(planted(lambda it: it["days"][0].update(total_clients=7)))
        self.assertTrue(planted(lambda it: it["parked"].append({"episode_id": "e1"})))
        self.assertTrue(planted(lambda it: it.update(to="2025-01-09")))
        self.assertTrue(planted(lambda it: it["days"][1]["groups"].clear()))
        for name in compare_census.COUNTS:
            found = planted(lambda it: it["days"][1]["groups"][0].update({name: 5}))
            self.assertTrue(any("expected" in text for text in found))
            self.assertTrue(any("identity (actual)" in text for text in found))

    def test_a_date_lists_the_stays_of_its_midnight_and_the_comparison_looks_at_each(self):
        expected = json.loads(self.run_census(self.history(), "--date", "2025-01-07"))
        (row,) = expected["episodes"]
        self.assertEqual(
            row,
            {
                "episode_id": "e1", "client_id": "c", "program": "iop-day", "track": None,
                "tracks": [], "level_of_care": IOP, "from": "2025-01-06T14:00:00.000000Z",
                "start_reason": "admitted", "day_of_stay": 2, "hours_last_7_days": 0,
                "overlapping_episode": False,
            },
        )
        actual = copy.deepcopy(expected)
        del actual["episodes"][0]["overlapping_episode"]
        actual["episodes"][0]["flags"] = []
        self.assertEqual(compare_census.compare(expected, actual), [])
        for name in compare_census.STAY:
            changed = copy.deepcopy(actual)
            changed["episodes"][0][name] = "other"
            self.assertEqual(len(compare_census.compare(expected, changed)), 1, name)
        actual["episodes"][0]["flags"] = [{"flag": "overlapping_episode"}]
        self.assertEqual(len(compare_census.compare(expected, actual)), 1)
        del actual["episodes"][0]
        self.assertEqual(len(compare_census.compare(expected, actual)), 1)

    def test_a_client_in_two_stays_of_one_midnight_is_counted_twice_and_said(self):
        histories = [History("e1"), History("e2"), History("e3")]
        for history in histories:
            history.admit("2025-01-06 09:00")
        histories[2].lines[0]["data"]["client_id"] = "d"
        lines = [json.dumps(line) for history in histories for line in history.lines]
        found = census.all_stays(read_events(lines))
        document = census.census_of_date(found, LocalDays(ZONE), parse_date("2025-01-06"))
        self.assertEqual((document["total"], document["total_clients"]), (3, 2))
        self.assertEqual(
            [row["overlapping_episode"] for row in document["episodes"]], [True, True, False]
        )

    def test_the_comparison_exits_1_with_the_differences(self):
        text = self.run_census(self.history(), "--from", "2025-01-06", "--to", "2025-01-08")
        document = json.loads(text)
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in ("expected.json", "actual.json")]
            for path in paths:
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(document, file)
            with redirect_stdout(io.StringIO()):
                self.assertEqual(compare_census.main(paths), 0)
            document["days"][0]["groups"][0]["census"] = 2
            with open(paths[1], "w", encoding="utf-8") as file:
                json.dump(document, file)
            with redirect_stdout(io.StringIO()) as printed:
                self.assertEqual(compare_census.main(paths), 1)
            self.assertIn("2025-01-06 iop-day intensive_outpatient: expected", printed.getvalue())


if __name__ == "__main__":
    unittest.main()
