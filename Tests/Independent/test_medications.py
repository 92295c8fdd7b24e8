"""Hand-made medication histories with counted answers (read-models.md, "Medication review")."""

import copy
import io
import json
import os
import tempfile
import unittest
from contextlib import redirect_stdout

import compare_medications
import medications
from history import event_from, read_events
from life_cycle import ACCEPTED, EpisodeLifeCycle
from local_days import LocalDays, parse_instant, utc
from medication_classes import (
    ANTIPSYCHOTIC,
    BENZODIAZEPINE,
    OPIOID,
    MedicationClasses,
    ingredients_of_display,
)
from random_histories import histories
from test_census import ZONE, History

FULL = {"dose": 50, "unit": "mg", "route": "oral", "frequency": "daily", "times_per_day": 1}
WHY = {"text": "as agreed"}
SETS = {
    "Schedule IV Benzodiazepines": {
        "308048": "alprazolam 0.5 MG Oral Tablet",
        "197466": "clorazepate dipotassium 7.5 MG Oral Tablet",
        "889614": "chlordiazepoxide hydrochloride 10 MG Oral Capsule",
        "856769": "amitriptyline hydrochloride 12.5 MG / chlordiazepoxide 5 MG Oral Tablet",
    },
    "Potentially Harmful Antipsychotics for Older Adults": {
        "310672": "haloperidol 5 MG Oral Tablet",
        "859871": "haloperidol decanoate 100 MG/ML Injectable Solution",
        "314154": "olanzapine 10 MG Oral Tablet",
        "403969": "fluoxetine 25 MG / olanzapine 6 MG Oral Capsule",
    },
    "Medications for Opioid Use Disorder (MOUD)": {
        "1010604": "buprenorphine 8 MG / naloxone 2 MG Sublingual Film",
        "637213": "naltrexone 380 MG Injection",
    },
    "Antidepressant Medication": {"312941": "sertraline 50 MG Oral Tablet"},
}
CLASSES = MedicationClasses(
    {"value_set": name, "rxcui": rxcui, "display": display}
    for name, members in SETS.items()
    for rxcui, display in members.items()
)


class MedicationHistory(History):
    """An episode in New York in winter; an arrival on 6 January at 9:00 unless told otherwise."""

    def __init__(self, *arriving, admitted="2025-01-06 09:00"):
        super().__init__()
        more = {"medications": list(arriving)} if arriving else {}
        self.admit(admitted, known="2025-01-06T14:00:00Z", **more)

    def change(self, change, at, medication="sertraline", known=None, **more):
        if isinstance(medication, str):
            medication = {"name": medication}
        more.setdefault("reason", WHY)
        if change == "start":
            more.setdefault("regimen", FULL)
        if known is None:
            known = parse_instant(instant(at))
            known = utc(known).strftime("%Y-%m-%dT%H:%M:%SZ")
        data = {name: value for name, value in more.items() if value is not None}
        return self.add(
            "medication_adjusted", at, known,
            medication=medication, change=change, prescriber="p", **data
        )

    def review(self, at, known_at=None, known_by="source", **options):
        episodes = read_events(json.dumps(line) for line in self.lines)
        return medications.Reviews(episodes, CLASSES, **options).review(
            self.episode_id,
            parse_instant(instant(at)),
            None if known_at is None else parse_instant(known_at),
            known_by,
        )

    def active(self, at, **options):
        """(lineage number, event number, daily dose) of what is active."""
        return short(self.review(at, **options)["active"])

    def held(self, at):
        return short(self.review(at)["held"])

    def flags(self, at, *names, **options):
        """(flag, event numbers), of the named flags only if any are named."""
        return [
            (flag["flag"], tuple(sorted(map(tail, flag["event_ids"]))))
            for flag in self.review(at, **options)["flags"]
            if not names or flag["flag"] in names
        ]

    def timeline(self, at):
        """(lineage, event, from - to, ended by) of every interval, times in New York."""
        return [
            (
                tail(row["lineage"]), tail(row["event_id"]),
                f"{local(row['from'])} - {local(row['to'])}", row["ended_by"],
            )
            for row in self.review(at)["timeline"]
        ]


def instant(at):
    return at if "T" in at else at.replace(" ", "T") + ":00-05:00"


def tail(id):
    """The number of an event, or `number/index`, of an id of this history."""
    text = id.split("-", 1)[1]
    return text if "/" in text else int(text)


def local(text):
    if text is None:
        return ""
    return utc(parse_instant(text)).astimezone(LocalDays(ZONE).zone).strftime("%m-%d %H:%M")


def short(rows):
    return [(tail(row["lineage"]), tail(row["event_id"]), row["daily_dose"]) for row in rows]


def order(name, id):
    return {"name": name, "order_id": id}


class LineageTest(unittest.TestCase):
    def test_a_titration_is_one_lineage_of_several_intervals(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("increase", "2025-01-14 08:00", regimen={"dose": 100, "unit": "mg"})
        history.change("decrease", "2025-01-21 08:00", regimen={"dose": 75, "unit": "mg"})
        self.assertEqual(
            history.timeline("2025-01-22 00:00"),
            [
                (2, 2, "01-07 08:00 - 01-14 08:00", "increase"),
                (2, 3, "01-14 08:00 - 01-21 08:00", "decrease"),
                (2, 4, "01-21 08:00 - ", None),
            ],
        )
        self.assertEqual(history.active("2025-01-22 00:00"), [(2, 4, 75)])
        self.assertEqual(history.flags("2025-01-22 00:00"), [])

    def test_an_interval_is_active_from_its_start_to_just_before_its_end(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("stop", "2025-01-09 08:00")
        for at, active in (
            ("2025-01-07T12:59:59.999999Z", []),
            ("2025-01-07 08:00", [(2, 2, 50)]),
            ("2025-01-09T12:59:59.999999Z", [(2, 2, 50)]),
            ("2025-01-09 08:00", []),
        ):
            self.assertEqual(history.active(at), active)

    def test_what_is_not_known_yet_takes_no_part(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", known="2025-01-10T00:00:00Z")
        at = "2025-01-08 08:00"
        self.assertEqual(history.active(at, known_at="2025-01-09T23:59:59.999999Z"), [])
        self.assertEqual(history.active(at, known_at="2025-01-10T00:00:00Z"), [(2, 2, 50)])
        self.assertEqual(
            history.active(at, known_at="2025-01-10T00:00:00Z", known_by="ledger"), []
        )

    def test_two_starts_of_one_drug_are_two_lineages_unless_they_share_an_order(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
        history.change("start", "2025-01-08 08:00", order("Sertraline", "b"))
        history.change(
            "start", "2025-01-09 08:00", order("sertraline", "b"), regimen={"times_per_day": 2}
        )
        at = "2025-01-10 08:00"
        self.assertEqual(history.active(at), [(2, 2, 50), (3, 4, 100)])
        self.assertEqual(history.flags(at, "duplicate_active"), [("duplicate_active", (2, 4))])
        self.assertEqual(history.flags(at, "incomplete_regimen"), [("incomplete_regimen", (4,))])

    def test_arriving_medications_open_lineages_by_their_index(self):
        history = MedicationHistory(
            {"medication": {"name": "sertraline"}, "regimen": FULL},
            {"medication": {"name": "lithium"}},
        )
        history.change("increase", "2025-01-07 08:00", regimen={"dose": 100, "unit": "mg"})
        self.assertEqual(
            history.active("2025-01-07 08:00"), [("1/1", 1, None), ("1/0", 2, 100)]
        )

    def test_a_medication_before_the_admission_takes_part(self):
        history = MedicationHistory()
        history.change("start", "2025-01-03 08:00")
        self.assertEqual(history.active("2025-01-04 08:00"), [(2, 2, 50)])
        self.assertEqual(history.active("2025-01-07 08:00"), [(2, 2, 50)])

    def test_the_order_of_the_active_is_by_start_then_position_then_index(self):
        history = MedicationHistory(
            *({"medication": {"name": name}} for name in ("zinc", "biotin")),
        )
        history.change("start", "2025-01-06 09:00", "iron")
        history.change("start", "2025-01-06 08:59", "calcium")
        self.assertEqual(
            [row[0] for row in history.active("2025-01-07 08:00")], [3, "1/0", "1/1", 2]
        )


class MatchingTest(unittest.TestCase):
    def test_the_order_id_decides_between_two_parallel_doses(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", order("quetiapine", "morning"))
        history.change("start", "2025-01-07 20:00", order("quetiapine", "night"))
        history.change(
            "increase", "2025-01-08 08:00", order("quetiapine", "night"),
            regimen={"dose": 200, "unit": "mg"},
        )
        self.assertEqual(history.active("2025-01-09 08:00"), [(2, 2, 50), (3, 4, 200)])

    def test_without_an_order_id_two_parallel_doses_are_ambiguous_and_none_is_closed(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", order("quetiapine", "morning"))
        history.change("start", "2025-01-07 20:00", order("quetiapine", "night"))
        history.change("increase", "2025-01-08 08:00", "quetiapine", regimen={"dose": 1})
        history.change("stop", "2025-01-08 09:00", "quetiapine")
        history.change("hold", "2025-01-08 09:00", "quetiapine")
        history.change("unchanged", "2025-01-08 09:00", "quetiapine")
        at = "2025-01-09 08:00"
        self.assertEqual(
            history.active(at), [(2, 2, 50), (3, 3, 50), (4, 4, None)]
        )
        self.assertEqual(
            history.flags(at, "ambiguous_change"),
            [("ambiguous_change", (number,)) for number in (4, 5, 6, 7)],
        )

    def test_the_open_lineage_comes_before_the_held_one(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("hold", "2025-01-08 08:00")
        history.change("start", "2025-01-09 08:00")
        history.change("increase", "2025-01-10 08:00", regimen={"dose": 75, "unit": "mg"})
        self.assertEqual(history.active("2025-01-11 08:00"), [(4, 5, 75)])
        self.assertEqual(history.held("2025-01-11 08:00"), [(2, 2, 50)])

    def test_the_rxcui_comes_before_the_name(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", {"name": "Zoloft", "rxcui": "312941"})
        history.change("start", "2025-01-07 09:00", {"name": "sertraline"})
        history.change("stop", "2025-01-08 08:00", {"name": "sertraline", "rxcui": "312941"})
        self.assertEqual(history.active("2025-01-09 08:00"), [(3, 3, 50)])

    def test_names_are_compared_in_lower_case_with_collapsed_white_space(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", "Vitamin  D3")
        history.change("stop", "2025-01-08 08:00", " vitamin d3 ")
        self.assertEqual(history.active("2025-01-09 08:00"), [])

    def test_an_unknown_order_id_falls_back_onto_the_name(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
        history.change(
            "increase", "2025-01-08 08:00", order("sertraline", "b"), regimen={"times_per_day": 2}
        )
        history.change("stop", "2025-01-09 08:00", order("sertraline", "b"))
        self.assertEqual(history.active("2025-01-08 09:00"), [(2, 3, 100)])
        self.assertEqual(history.active("2025-01-10 08:00"), [])

    def test_an_order_id_that_was_named_before_does_not_fall_back(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
        history.change("stop", "2025-01-08 08:00", order("sertraline", "a"))
        history.change("start", "2025-01-09 08:00")
        history.change(
            "increase", "2025-01-10 08:00", order("sertraline", "a"), regimen={"dose": 9}
        )
        at = "2025-01-11 08:00"
        self.assertEqual(history.active(at), [(4, 4, 50), (5, 5, None)])
        self.assertEqual(history.flags(at, "unmatched_change"), [("unmatched_change", (5,))])

    def test_so_does_one_that_an_arriving_medication_or_a_replaced_one_had(self):
        for earlier in ("arriving", "replaced"):
            arriving = [{"medication": order("sertraline", "a")}] if earlier == "arriving" else []
            history = MedicationHistory(*arriving)
            if earlier == "arriving":
                history.change("stop", "2025-01-07 08:00", order("sertraline", "a"))
            else:
                history.change(
                    "switch", "2025-01-07 08:00", "lithium",
                    replaces=order("zinc", "a"), regimen=FULL,
                )
            history.change("start", "2025-01-08 08:00")
            history.change("stop", "2025-01-09 08:00", order("sertraline", "a"))
            self.assertIn((3, 3, 50), history.active("2025-01-10 08:00"))

    def test_an_order_id_that_a_later_start_names_does_not_fall_back(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change(
            "increase", "2025-01-08 08:00", order("sertraline", "b"), regimen={"dose": 9}
        )
        history.change("start", "2025-01-10 08:00", order("sertraline", "b"))
        self.assertEqual(history.active("2025-01-09 08:00"), [(2, 3, 9)])
        self.assertEqual(
            [row[:2] for row in history.active("2025-01-11 08:00")], [(2, 2), (3, 4)]
        )

    def test_a_stop_or_hold_with_an_order_id_never_falls_back_onto_a_lineage_that_has_one(self):
        for change, flag in (("stop", "stop_without_start"), ("hold", "unmatched_change")):
            history = MedicationHistory()
            history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
            history.change(change, "2025-01-08 08:00", order("sertraline", "b"))
            self.assertEqual(history.active("2025-01-09 08:00"), [(2, 2, 50)])
            self.assertEqual(history.flags("2025-01-09 08:00"), [(flag, (3,))])

    def test_a_stop_with_an_order_id_falls_back_onto_a_lineage_that_has_none(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("start", "2025-01-07 09:00", order("sertraline", "a"))
        history.change("stop", "2025-01-08 08:00", order("sertraline", "b"))
        self.assertEqual(history.active("2025-01-09 08:00"), [(3, 3, 50)])

    def test_a_stop_without_an_order_id_may_end_a_lineage_that_has_one(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
        history.change("stop", "2025-01-08 08:00")
        self.assertEqual(history.active("2025-01-09 08:00"), [])

    def test_replaces_names_the_lineage_and_the_new_medication_takes_its_place(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
        history.change(
            "switch", "2025-01-08 08:00", order("fluoxetine", "b"),
            replaces=order("sertraline", "a"), regimen={"dose": 20, "unit": "mg"},
        )
        history.change(
            "increase", "2025-01-09 08:00", order("fluoxetine", "b"), regimen={"times_per_day": 2}
        )
        self.assertEqual(history.active("2025-01-10 08:00"), [(2, 4, 40)])

    def test_a_change_of_nothing_opens_a_lineage_of_its_own(self):
        history = MedicationHistory()
        history.change("increase", "2025-01-07 08:00", regimen=FULL)
        self.assertEqual(history.active("2025-01-08 08:00"), [(2, 2, 50)])
        self.assertEqual(history.flags("2025-01-08 08:00"), [("unmatched_change", (2,))])

    def test_a_stop_of_nothing_and_a_review_of_nothing_are_flagged(self):
        history = MedicationHistory()
        history.change("stop", "2025-01-07 08:00")
        history.change("unchanged", "2025-01-07 08:00")
        self.assertEqual(
            history.flags("2025-01-08 08:00"),
            [("stop_without_start", (2,)), ("unmatched_change", (3,))],
        )


class RegimenTest(unittest.TestCase):
    def daily(self, first, *changes):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", regimen=first)
        for day, regimen in enumerate(changes, start=8):
            history.change("change_frequency", f"2025-01-{day:02d} 08:00", regimen=regimen)
        return history.review("2025-01-20 08:00")["active"][0]["daily_dose"]

    def test_fields_left_out_carry_over(self):
        self.assertEqual(self.daily(FULL, {"times_per_day": 3}), 150)
        self.assertEqual(self.daily(FULL, {"times_per_day": 3}, {"route": "oral"}), 150)

    def test_dose_and_unit_travel_together(self):
        self.assertEqual(self.daily(FULL, {"dose": 5}), 5)
        self.assertIsNone(self.daily(FULL, {"unit": "mL"}))
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("increase", "2025-01-08 08:00", regimen={"dose": 5})
        self.assertEqual(history.flags("2025-01-09 08:00"), [])  # the unit is not known any more

    def test_as_needed_has_no_daily_dose_until_it_is_taken_back(self):
        self.assertIsNone(self.daily(FULL, {"as_needed": True}))
        self.assertEqual(self.daily(FULL, {"as_needed": True}, {"as_needed": False}), 50)

    def test_an_increase_whose_daily_dose_falls_is_flagged_and_the_reverse(self):
        for change, regimen, flagged in (
            ("increase", {"dose": 40, "unit": "mg"}, True),
            ("increase", {"dose": 40, "unit": "mg", "times_per_day": 2}, False),
            ("increase", {"dose": 40, "unit": "mL"}, False),
            ("increase", {"dose": 50, "unit": "mg"}, False),
            ("decrease", {"times_per_day": 1.5}, True),
            ("decrease", {"times_per_day": 0.5}, False),
        ):
            history = MedicationHistory()
            history.change("start", "2025-01-07 08:00")
            history.change(change, "2025-01-08 08:00", regimen=regimen)
            expected = [("direction_mismatch", (3,))] if flagged else []
            self.assertEqual(history.flags("2025-01-09 08:00"), expected)

    def test_daily_doses_are_exact(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", regimen=FULL | {"dose": 0.3})
        history.change(
            "decrease", "2025-01-08 08:00", regimen={"dose": 0.1, "unit": "mg", "times_per_day": 3}
        )
        self.assertEqual(history.flags("2025-01-09 08:00"), [])


class HoldTest(unittest.TestCase):
    def test_a_change_that_names_no_order_keeps_it_but_a_switch_does_not(self):
        for change, flags in (
            ("increase", []), ("switch", [("stop_without_start", (4,))]),
        ):
            history = MedicationHistory()
            history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
            history.change(
                change, "2025-01-08 08:00", replaces={"name": "sertraline"},
                regimen={"dose": 100, "unit": "mg"},
            )
            history.change("stop", "2025-01-09 08:00", order("sertraline", "a"))
            self.assertEqual(history.flags("2025-01-10 08:00"), flags)
            self.assertEqual(len(history.active("2025-01-10 08:00")), len(flags))

    def test_a_new_frequency_without_times_per_day_leaves_the_daily_dose_unknown(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("change_frequency", "2025-01-08 08:00", regimen={"frequency": "bid"})
        self.assertEqual(history.active("2025-01-08 08:00"), [(2, 3, None)])

    def test_a_hold_makes_it_held_and_a_second_one_changes_nothing(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("hold", "2025-01-08 08:00")
        history.change("hold", "2025-01-09 08:00")
        (row,) = history.review("2025-01-10 08:00")["held"]
        self.assertEqual((tail(row["held_by"]), local(row["held_since"])), (3, "01-08 08:00"))
        self.assertEqual(history.active("2025-01-10 08:00"), [])
        self.assertEqual(history.flags("2025-01-10 08:00"), [])

    def test_a_resume_opens_the_held_regimen_or_the_one_given(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("hold", "2025-01-08 08:00")
        history.change("resume", "2025-01-09 08:00")
        history.change("hold", "2025-01-10 08:00")
        history.change("resume", "2025-01-11 08:00", regimen={"times_per_day": 2})
        self.assertEqual(history.active("2025-01-09 08:00"), [(2, 4, 50)])
        self.assertEqual(history.active("2025-01-11 08:00"), [(2, 6, 100)])
        self.assertEqual(history.flags("2025-01-11 08:00"), [])

    def test_a_resume_takes_the_held_lineage_before_the_open_one(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("hold", "2025-01-08 08:00")
        history.change("start", "2025-01-09 08:00")
        history.change("resume", "2025-01-10 08:00")
        self.assertEqual(history.active("2025-01-11 08:00"), [(4, 4, 50), (2, 5, 50)])

    def test_a_resume_without_a_hold_goes_on_with_the_last_known_regimen(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("resume", "2025-01-08 08:00")
        history.change("stop", "2025-01-09 08:00")
        history.change("resume", "2025-01-10 08:00")
        self.assertEqual(history.active("2025-01-08 08:00"), [(2, 3, 50)])
        self.assertEqual(history.active("2025-01-10 08:00"), [(5, 5, 50)])
        self.assertEqual(
            history.flags("2025-01-10 08:00"),
            [("resume_without_hold", (3,)), ("resume_without_hold", (5,))],
        )

    def test_of_several_closed_ones_the_last_closed_is_resumed(self):
        history = MedicationHistory()
        for dose, start, stop in ((10, 7, 10), (20, 8, 9)):
            medication = order("sertraline", str(dose))
            regimen = FULL | {"dose": dose}
            history.change("start", f"2025-01-{start:02d} 08:00", medication, regimen=regimen)
            history.change("stop", f"2025-01-{stop:02d} 08:00", medication)
        history.change("resume", "2025-01-11 08:00")
        self.assertEqual(history.active("2025-01-12 08:00"), [(6, 6, 10)])

    def test_a_resume_of_nothing_known_opens_a_lineage_of_its_own(self):
        history = MedicationHistory()
        history.change("resume", "2025-01-08 08:00")
        self.assertEqual(history.active("2025-01-08 08:00"), [(2, 2, None)])
        self.assertEqual(
            history.flags("2025-01-08 08:00"),
            [("resume_without_hold", (2,)), ("unmatched_change", (2,))],
        )

    def test_a_switch_of_a_held_medication_opens_it(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("hold", "2025-01-08 08:00")
        history.change(
            "switch", "2025-01-09 08:00", "fluoxetine",
            replaces={"name": "sertraline"}, regimen={"dose": 20, "unit": "mg"},
        )
        self.assertEqual(history.active("2025-01-10 08:00"), [(2, 4, 20)])
        self.assertEqual(history.held("2025-01-10 08:00"), [])
        self.assertEqual(history.flags("2025-01-10 08:00"), [("changed_while_held", (4,))])

    def test_a_start_of_a_held_order_opens_it_flagged_where_it_has_a_regimen(self):
        for regimen, active, flag in (
            ({"times_per_day": 2}, [(2, 4, 100)], [("changed_while_held", (4,))]),
            (None, [(2, 4, 50)], []),
        ):
            history = MedicationHistory()
            history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
            history.change("hold", "2025-01-08 08:00", order("sertraline", "a"))
            history.change("start", "2025-01-09 08:00", order("sertraline", "a"), regimen=regimen)
            at = "2025-01-10 08:00"
            self.assertEqual(history.active(at), active)
            self.assertEqual(history.flags(at, "changed_while_held"), flag)

    def test_a_stop_ends_a_held_lineage(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("hold", "2025-01-08 08:00")
        history.change("stop", "2025-01-09 08:00")
        self.assertEqual(history.held("2025-01-10 08:00"), [])


class StopAndStartTest(unittest.TestCase):
    def test_a_stop_recorded_after_a_start_but_effective_before_it_empties_it(self):
        history = MedicationHistory()
        history.change("start", "2025-01-09 08:00", order("sertraline", "a"))
        history.change("stop", "2025-01-08 08:00", order("sertraline", "a"))
        self.assertEqual(
            history.timeline("2025-01-10 08:00"), [(2, 2, "01-09 08:00 - 01-09 08:00", "stop")]
        )
        self.assertEqual(history.active("2025-01-10 08:00"), [])
        self.assertEqual(
            history.flags("2025-01-10 08:00"), [("stopped_before_started", (2, 3))]
        )
        review = history.review("2025-01-08 09:00")
        self.assertEqual(review["scheduled"], [])

    def test_so_does_a_stop_at_the_same_instant(self):
        history = MedicationHistory()
        history.change("start", "2025-01-09 08:00", order("sertraline", "a"))
        history.change("stop", "2025-01-09 08:00", order("sertraline", "a"))
        self.assertEqual(history.active("2025-01-09 08:00"), [])
        self.assertEqual(
            history.flags("2025-01-10 08:00"), [("stopped_before_started", (2, 3))]
        )

    def test_a_hold_does_not(self):
        history = MedicationHistory()
        history.change("start", "2025-01-09 08:00", order("sertraline", "a"))
        history.change("hold", "2025-01-08 08:00", order("sertraline", "a"))
        self.assertEqual(history.active("2025-01-10 08:00"), [(2, 2, 50)])

    def test_a_start_recorded_after_a_stop_is_a_restart(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
        history.change("stop", "2025-01-08 08:00", order("sertraline", "a"))
        history.change("start", "2025-01-08 08:00", order("sertraline", "a"))
        self.assertEqual(history.active("2025-01-09 08:00"), [(4, 4, 50)])
        self.assertEqual(history.flags("2025-01-09 08:00"), [])

    def test_an_emptied_start_does_not_end_a_restart_under_the_same_order(self):
        history = MedicationHistory()
        history.change("start", "2025-01-12 08:00", order("sertraline", "a"))
        history.change("stop", "2025-01-09 08:00", order("sertraline", "a"))
        history.change("start", "2025-01-10 08:00", order("sertraline", "a"))
        self.assertEqual(history.active("2025-01-13 08:00"), [(4, 4, 50)])


class EndTest(unittest.TestCase):
    def test_the_end_closes_every_interval(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.add("completed", "2025-01-10 12:00")
        self.assertEqual(history.active("2025-01-10T16:59:59.999999Z"), [(2, 2, 50)])
        self.assertEqual(
            history.timeline("2025-01-10 12:00"),
            [(2, 2, "01-07 08:00 - 01-10 12:00", "episode_end")],
        )

    def test_a_scheduled_start_at_or_after_the_end_is_void(self):
        history = MedicationHistory()
        history.change("start", "2025-01-10 12:00", known="2025-01-07T00:00:00Z", reason=None)
        history.change(
            "start", "2025-01-12 12:00", known="2025-01-07T00:00:00Z", regimen={"dose": 1}
        )
        at = "2025-01-08 12:00"
        self.assertEqual(
            [tail(row["event_id"]) for row in history.review(at)["scheduled"]], [2, 3]
        )
        history.add("completed", "2025-01-10 12:00")
        self.assertEqual(history.review(at)["scheduled"], [])
        self.assertEqual(
            history.flags("2025-01-13 12:00"), [("after_end", (2,)), ("after_end", (3,))]
        )

    def test_a_void_start_is_not_emptied_by_a_stop(self):
        history = MedicationHistory()
        history.change(
            "start", "2025-01-12 12:00", order("sertraline", "a"), known="2025-01-07T00:00:00Z"
        )
        history.change("stop", "2025-01-09 12:00", order("sertraline", "a"))
        history.add("completed", "2025-01-10 12:00")
        self.assertEqual(
            history.flags("2025-01-13 12:00"), [("after_end", (2,)), ("stop_without_start", (3,))]
        )

    def test_what_is_known_but_takes_effect_later_is_scheduled(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("increase", "2025-01-14 08:00", regimen={"times_per_day": 2})
        at = "2025-01-10 08:00"
        self.assertEqual(history.active(at), [(2, 2, 50)])
        self.assertEqual(short(history.review(at)["scheduled"]), [(2, 3, 100)])
        self.assertEqual(history.review("2025-01-14 08:00")["scheduled"], [])


class EventFlagsTest(unittest.TestCase):
    def test_late_is_more_than_24_hours_after_the_effect_and_a_correction_does_not_count(self):
        history = MedicationHistory()
        data = {"medication": {"name": "x"}, "change": "start", "prescriber": "p", "regimen": FULL}
        on_time = history.change("start", "2025-01-07 08:00", "x", known="2025-01-08T13:00:00Z")
        history.change("start", "2025-01-07 08:00", "y", known="2025-01-08T13:00:01Z")
        history.correct(on_time, data, at="2025-01-06 08:00", known="2025-03-01T00:00:00Z")
        self.assertEqual(history.flags("2025-01-09 08:00"), [("late_entry", (3,))])

    def test_an_admission_with_medications_may_be_late(self):
        for arriving, expected in (
            ([{"medication": {"name": "x"}}], [("late_entry", (1,))]),
            ([], []),
        ):
            history = MedicationHistory(*arriving, admitted="2025-01-05 08:59")
            self.assertEqual(history.flags("2025-01-06 10:00"), expected)

    def test_decrease_switch_hold_and_stop_need_a_reason(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", reason=None)
        history.change("decrease", "2025-01-08 08:00", regimen={"times_per_day": 0.5}, reason={})
        history.change(
            "switch", "2025-01-09 08:00", "b", regimen={"route": "oral"},
            replaces={"name": "sertraline"}, reason=None,
        )
        history.change("hold", "2025-01-10 08:00", "b", reason=None)
        history.change("resume", "2025-01-11 08:00", "b", reason=None)
        history.change("stop", "2025-01-12 08:00", "b", reason={"code": "side-effect"})
        history.change("stop", "2025-01-13 08:00", "b", reason=None)
        self.assertEqual(
            history.flags("2025-01-14 08:00", "no_reason"),
            [("no_reason", (number,)) for number in (3, 4, 5, 8)],
        )

    def test_a_start_needs_dose_route_and_frequency(self):
        for missing, flagged in (
            ("dose", True), ("route", True), ("frequency", True),
            ("unit", False), ("times_per_day", False),
        ):
            history = MedicationHistory()
            regimen = {name: value for name, value in FULL.items() if name != missing}
            history.change("start", "2025-01-07 08:00", regimen=regimen)
            expected = [("incomplete_regimen", (2,))] if flagged else []
            self.assertEqual(history.flags("2025-01-08 08:00"), expected)

    def test_the_flags_of_events_list_only_the_history_up_to_e(self):
        history = MedicationHistory()
        history.change("stop", "2025-01-09 08:00")
        self.assertEqual(history.flags("2025-01-09T12:59:59.999999Z"), [])

    def test_a_retracted_event_raises_nothing_and_a_corrected_one_is_taken_as_corrected(self):
        history = MedicationHistory()
        first = history.change("start", "2025-01-07 08:00")
        second = history.change("stop", "2025-01-08 08:00", "typo")
        history.correct(
            second,
            {"medication": {"name": "sertraline"}, "change": "stop", "prescriber": "p",
             "reason": WHY},
            known="2025-01-20T00:00:00Z",
        )
        at = "2025-01-09 08:00"
        self.assertEqual(history.flags(at), [])
        self.assertEqual(history.active(at), [])
        self.assertEqual(
            history.flags(at, known_at="2025-01-19T00:00:00Z"), [("stop_without_start", (3,))]
        )
        history.retract(first)
        self.assertEqual(history.flags(at), [("stop_without_start", (3,))])


class StateFlagsTest(unittest.TestCase):
    def test_duplicates_are_groups_connected_by_rxcui_or_name(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", {"name": "Zoloft", "rxcui": "312941"})
        history.change("start", "2025-01-07 08:01", {"name": "Lustral"})
        history.change("start", "2025-01-07 08:02", {"name": "lustral", "rxcui": "312941"})
        history.change("start", "2025-01-07 08:03", {"name": "lithium"})
        at = "2025-01-08 08:00"
        self.assertEqual(history.flags(at), [("duplicate_active", (2, 3, 4))])
        history.change("hold", "2025-01-07 09:00", "Zoloft")
        self.assertEqual(history.flags(at), [("duplicate_active", (3, 4))])

    def test_not_reviewed_names_the_last_event_after_more_than_14_days(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("unchanged", "2025-01-10 08:00")
        self.assertEqual(history.flags("2025-01-24 08:00"), [])
        self.assertEqual(
            history.flags("2025-01-24T13:00:00.000001Z"), [("not_reviewed", (3,))]
        )
        self.assertEqual(
            history.flags("2025-01-12 08:01", not_reviewed_days=2), [("not_reviewed", (3,))]
        )
        history.change("hold", "2025-01-11 08:00")
        history.change("hold", "2025-01-20 08:00")
        self.assertEqual(history.flags("2025-02-03 08:00"), [])
        self.assertEqual(history.flags("2025-02-03 08:01"), [("not_reviewed", (5,))])

    def test_an_opioid_with_a_benzodiazepine(self):
        history = MedicationHistory(
            {"medication": {"name": "Film", "rxcui": "1010604"}},
        )
        history.change("start", "2025-01-07 08:00", "ALPRAZolam")
        at = "2025-01-08 08:00"
        self.assertEqual(history.flags(at), [("opioid_and_benzodiazepine", (1, 2))])
        history.change("hold", "2025-01-07 09:00", "alprazolam")
        self.assertEqual(history.flags(at), [])

    def test_an_antagonist_is_no_opioid(self):
        for opioid in ({"name": "naltrexone", "rxcui": "637213"}, {"name": "naloxone"}):
            history = MedicationHistory({"medication": opioid})
            history.change("start", "2025-01-07 08:00", "clorazepate")
            self.assertEqual(history.flags("2025-01-08 08:00"), [])

    def test_two_antipsychotics_differ_in_ingredient(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", {"name": "a", "rxcui": "310672"})
        history.change("start", "2025-01-07 08:01", {"name": "b", "rxcui": "859871"})
        at = "2025-01-08 08:00"
        self.assertEqual(history.flags(at), [])
        history.change("start", "2025-01-07 08:02", "Olanzapine 5")
        self.assertEqual(history.flags(at), [("two_antipsychotics", (2, 3, 4))])


class ClassesTest(unittest.TestCase):
    def test_ingredients_are_parsed_from_displays(self):
        for display, expected in (
            ("24 HR alprazolam 1 MG Extended Release Oral Tablet", {"alprazolam"}),
            ("0.25 ML paliperidone palmitate 156 MG/ML Prefilled Syringe", {"paliperidone"}),
            ("Sensor aripiprazole 2 MG Oral Tablet", {"aripiprazole"}),
            ("buprenorphine 2 MG / naloxone 0.5 MG Sublingual Film", {"buprenorphine", "naloxone"}),
            (
                "{1 (cariprazine 1.5 MG Oral Capsule) / 6 (cariprazine 3 MG Oral Capsule) } Pack",
                {"cariprazine"},
            ),
        ):
            self.assertEqual(ingredients_of_display(display), expected)

    def classes(self, name, rxcui=None):
        medication = {"name": name} | ({} if rxcui is None else {"rxcui": rxcui})
        return CLASSES.of(medication)

    def test_classes_by_rxcui_and_by_a_whole_word_of_the_name(self):
        self.assertEqual(self.classes("a brand", "308048"), [BENZODIAZEPINE])
        self.assertEqual(self.classes("Clorazepate"), [BENZODIAZEPINE])
        self.assertEqual(self.classes("buprenorphine-naloxone"), [OPIOID])
        self.assertEqual(self.classes("Morphine (PF)"), [OPIOID])
        self.assertEqual(self.classes("apomorphine"), [])
        self.assertEqual(self.classes("HALOPERIDOL decanoate"), [ANTIPSYCHOTIC])
        self.assertEqual(self.classes("naltrexone", "637213"), [])

    def test_the_partner_in_a_combination_is_not_of_the_class(self):
        self.assertEqual(self.classes("amitriptyline"), [])
        self.assertEqual(self.classes("fluoxetine"), [])
        self.assertEqual(self.classes("a brand", "856769"), [BENZODIAZEPINE])
        self.assertEqual(self.classes("a brand", "403969"), [ANTIPSYCHOTIC])


class RandomMedicationsTest(unittest.TestCase):
    def lines(self):
        return [line for line, _ in histories(5, 60, ZONE, medications=True)]

    def test_every_line_is_accepted_in_the_order_of_the_file(self):
        lives = {}
        for number, line in enumerate(self.lines(), start=1):
            life = lives.setdefault(line["episode_id"], EpisodeLifeCycle())
            event = event_from(line, number)
            self.assertEqual(life.verdict(event), ACCEPTED)
            life.append(event)

    def test_every_change_and_every_flag_occurs_and_lineages_are_sound(self):
        episodes = read_events(
            json.dumps(line) for line, _ in histories(5, 250, ZONE, medications=True)
        )
        reviews = medications.Reviews(episodes, CLASSES)
        queries = medications.random_queries(reviews, 400, 1)
        self.assertEqual(len(queries), 400)
        flags = set()
        for query in queries:
            answer = reviews.answer(query)
            flags |= {flag["flag"] for flag in answer["flags"]}
            at = query["effective_at"]
            begun = [row for row in answer["timeline"] if row["to"] is None or row["to"] > at]
            self.assertEqual(
                sorted((row["lineage"], row["event_id"]) for row in begun),
                sorted((row["lineage"], row["event_id"]) for row in answer["active"]),
            )
            by_lineage = {}
            for row in answer["timeline"]:
                before = by_lineage.get(row["lineage"])
                self.assertTrue(before is None or before <= row["from"])
                self.assertTrue(row["to"] is None or row["from"] <= row["to"] <= at)
                by_lineage[row["lineage"]] = row["to"] or "9999"
        self.assertEqual(
            flags,
            {
                "after_end", "ambiguous_change", "changed_while_held", "direction_mismatch",
                "duplicate_active", "incomplete_regimen", "late_entry", "no_reason",
                "not_reviewed", "opioid_and_benzodiazepine", "resume_without_hold",
                "stop_without_start", "stopped_before_started", "two_antipsychotics",
                "unmatched_change",
            },
        )
        for query in queries:
            self.assertTrue(
                reviews.entries(
                    query["episode_id"],
                    query["known_at"] and parse_instant(query["known_at"]),
                    query["known_by"],
                )
            )


class CommandLineTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
        history.change("start", "2025-01-07 08:00", order("lithium", "b"))
        history.change("hold", "2025-01-08 08:00", order("lithium", "b"))
        history.change("stop", "2025-01-08 08:00", "nothing")
        history.change("increase", "2025-02-08 08:00", order("sertraline", "a"),
                       regimen={"times_per_day": 2})
        self.write("events", "\n".join(map(json.dumps, history.lines)))
        rows = [
            f"{name},1,2,{rxcui},{display}"
            for name, members in SETS.items()
            for rxcui, display in members.items()
        ]
        self.write(
            "sets", "\r\n".join(["value_set,oid,expansion_version,rxcui,display", *rows, ""])
        )

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8", newline="") as file:
            file.write(text)

    def run_reviews(self, *arguments):
        output = io.StringIO()
        medications.main(
            ["--events", self.path("events"), "--value-sets", self.path("sets"), *arguments],
            output,
        )
        return json.loads(output.getvalue())

    def expected(self):
        query = {
            "episode_id": "E1", "effective_at": "2025-01-10T00:00:00Z", "known_at": None,
            "known_by": "source",
        }
        self.write("queries", json.dumps([query]))
        return self.run_reviews("--queries", self.path("queries"))

    def test_queries_are_answered_in_their_order(self):
        (answer,) = self.expected()
        self.assertEqual([row["name"] for row in answer["active"]], ["sertraline"])
        self.assertEqual([row["name"] for row in answer["held"]], ["lithium"])
        self.assertEqual([row["daily_dose"] for row in answer["scheduled"]], [100])
        self.assertEqual([flag["flag"] for flag in answer["flags"]], ["stop_without_start"])

    def test_random_queries_are_written_and_repeat_with_the_seed(self):
        arguments = ("--random", "20", "--seed", "4", "--write-queries", self.path("queries"))
        answers = self.run_reviews(*arguments)
        self.assertEqual(len(answers), 20)
        self.assertEqual(self.run_reviews(*arguments), answers)
        self.assertEqual(self.run_reviews("--queries", self.path("queries")), answers)

    def test_the_comparison_finds_every_planted_difference(self):
        expected = self.expected()[0]
        actual = copy.deepcopy(expected) | {"parked": [], "episode_id": "e1"}
        lists = compare_medications.LISTS + (compare_medications.TIMELINE,)

        def planted(change):
            changed = copy.deepcopy(actual)
            change(changed)
            return list(compare_medications.differences("q", expected, changed, lists))

        self.assertEqual(planted(lambda it: None), [])
        for name, members in lists:
            self.assertTrue(planted(lambda it: it[name].pop()))
            self.assertTrue(planted(lambda it: it[name].append(it[name][0])))
            for member in ("lineage", "event_id") + members:
                wrong = 7 if member == "daily_dose" else "e1-other"
                self.assertTrue(planted(lambda it: it[name][0].update({member: wrong})), member)
        self.assertTrue(planted(lambda it: it["flags"].pop()))
        self.assertTrue(planted(lambda it: it["flags"][0].update(event_ids=["e1-1"])))
        self.assertTrue(planted(lambda it: it["parked"].append("e1")))

    def test_the_comparison_exits_1_with_the_differences(self):
        expected = self.expected()
        self.write("expected", json.dumps(expected))
        expected[0]["active"][0]["daily_dose"] *= 1 + 1e-12
        self.write("same", json.dumps(expected))
        expected[0]["active"][0]["daily_dose"] *= 2
        self.write("other", json.dumps(expected))
        with redirect_stdout(io.StringIO()) as printed:
            paths = [self.path("expected"), self.path("same")]
            self.assertEqual(compare_medications.main(paths), 0)
            self.assertEqual(compare_medications.main([paths[0], self.path("other")]), 1)
        self.assertIn("equal: 1 queries, 1 active, 1 held", printed.getvalue())
        self.assertIn("daily_dose: expected 50.0; got 100.0", printed.getvalue())


if __name__ == "__main__":
    unittest.main()
