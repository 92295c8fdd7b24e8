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
import regimens
import substances
from history import event_from, read_events
from life_cycle import ACCEPTED, EpisodeLifeCycle
from local_days import LocalDays, parse_instant, utc
from random_histories import histories
from settings import Settings
from substances import Formulary
from test_census import ZONE, History

FULL = {"dose": 50, "unit": "mg", "route": "oral", "frequency": "daily", "times_per_day": 1}
WHY = {"text": "as agreed"}
FORMULARY = Formulary.read()


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
        days = LocalDays(ZONE)
        return medications.Reviews(episodes, FORMULARY, days, **options).review(
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
        self.assertEqual(history.flags(at, "same_ingredient"), [("same_ingredient", (2, 4))])
        self.assertEqual(
            history.flags("2025-01-08 08:00", "duplicate_active"), [("duplicate_active", (2, 3))]
        )
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
        self.assertEqual(history.flags(at, "changed_after_stop"), [("changed_after_stop", (5,))])
        self.assertEqual(history.flags(at, "unmatched_change"), [])

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
        self.assertEqual(history.active("2025-01-09 08:00"), [(2, 3, None)])
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


class SubstanceMatchingTest(unittest.TestCase):
    def matched(self, history, at="2025-02-01 00:00"):
        """(event, how it was matched) of the changes that were."""
        return [
            (tail(change["event_id"]), change["matched_by"])
            for change in history.review(at)["changes"]
            if change["matched_by"] is not None
        ]

    def test_another_strength_or_brand_goes_on_with_the_lineage(self):
        for first, then, by in (
            ({"name": "Zoloft"}, {"name": "sertraline 100 MG Oral Tablet"}, "substance"),
            ({"name": "Zoloft", "rxcui": "1"}, {"name": "zoloft", "rxcui": "2"}, "name"),
            ({"name": "Zoloft", "rxcui": "1"}, {"name": "sertraline", "rxcui": "1"}, "rxcui"),
            (order("Zoloft", "a"), order("x", "a"), "order_id"),
            (order("Zoloft", "a"), order("sertraline", "b"), "substance"),
        ):
            history = MedicationHistory()
            history.change("start", "2025-01-07 08:00", first)
            history.change("increase", "2025-01-08 08:00", then, regimen={"times_per_day": 2})
            self.assertEqual(history.active("2025-01-09 08:00"), [(2, 3, 100)])
            self.assertEqual(self.matched(history), [(3, by)])

    def test_the_substance_must_be_known_wholly_and_the_routes_must_fit(self):
        for first, route, then, change, more in (
            ("metoprolol-hydrochlorothiazide", "oral", "metoprolol", "stop", {}),
            ("haloperidol", "oral", "Haldol", "increase", {"regimen": {"route": "IM", "dose": 1, "unit": "mg"}}),
            ("haloperidol", "oral", "haloperidol decanoate syringe", "stop", {}),
            ("Percocet", "oral", "oxycodone", "stop", {}),
        ):
            history = MedicationHistory()
            history.change("start", "2025-01-07 08:00", first, regimen=FULL | {"route": route})
            history.change(change, "2025-01-08 08:00", then, **more)
            self.assertEqual(self.matched(history), [])
            self.assertIn(2, [row[0] for row in history.active("2025-01-09 08:00")])

    def test_a_new_route_is_not_compared_where_the_change_is_of_the_route(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", "Haldol")
        history.change("change_route", "2025-01-08 08:00", "haloperidol", regimen={"route": "IM"})
        self.assertEqual(self.matched(history), [(3, "substance")])
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", "Haldol", regimen=FULL | {"route": "IM"})
        history.change("change_route", "2025-01-08 08:00", "haloperidol 5 MG Oral Tablet",
                       regimen={"dose": 5, "unit": "mg"})
        self.assertEqual(self.matched(history), [(3, "substance")])

    def test_a_switch_matches_by_what_it_replaces_alone(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", "Haldol")
        history.change("start", "2025-01-07 08:00", "risperidone")
        history.change(
            "switch", "2025-01-08 08:00", "risperidone", replaces={"name": "haloperidol"},
            regimen={"route": "IM", "dose": 25, "unit": "mg"},
        )
        self.assertEqual(self.matched(history), [(4, "substance")])

    def test_what_bars_falling_back_bars_the_substance_too(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", order("Zoloft", "a"))
        history.change("stop", "2025-01-08 08:00", order("sertraline", "b"))
        self.assertEqual(history.flags("2025-01-09 08:00"), [("stop_without_start", (3,))])

    def test_an_open_one_comes_before_a_held_one_and_for_a_resume_after_it(self):
        for change, lineage in (("unchanged", 3), ("resume", 2)):
            history = MedicationHistory()
            history.change("start", "2025-01-07 08:00", "Zoloft")
            history.change("start", "2025-01-07 08:00", "Lustral")
            history.change("hold", "2025-01-08 08:00", "Zoloft")
            history.change(change, "2025-02-08 08:00", "sertraline")
            stale = {2, 3} - {lineage} if change == "unchanged" else {3}
            flags = history.review("2025-02-09 08:00")["flags"]
            self.assertEqual(
                {tail(id) for flag in flags if flag["flag"] == "not_reviewed" for id in flag["lineages"]},
                stale,
            )

    def test_of_several_a_single_dose_is_not_meant(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", "lorazepam", regimen=FULL | {"frequency": "once"})
        history.change("start", "2025-01-07 09:00", "lorazepam")
        history.change("stop", "2025-01-08 08:00", "lorazepam")
        self.assertEqual(history.active("2025-01-09 08:00"), [(2, 2, None)])
        history.change("stop", "2025-01-08 09:00", "lorazepam")
        self.assertEqual(history.active("2025-01-09 08:00"), [])

    def test_of_several_the_one_whose_frequency_is_named(self):
        for given, meant in (
            ({"frequency": "In the evening"}, 3), ({"times_per_day": 2}, 3),
            ({"times_per_day": 1}, 2), ({"frequency": "daily"}, None), ({"times_per_day": 3}, None),
            ({"frequency": "in the morning", "times_per_day": 2}, 2), ({}, None),
        ):
            history = MedicationHistory()
            for name, frequency, times in (("a", "in the morning", 1), ("b", "in the evening", 2)):
                history.change(
                    "start", "2025-01-07 08:00", order("buspirone", name),
                    regimen=FULL | {"frequency": frequency, "times_per_day": times},
                )
            history.change(
                "increase", "2025-01-08 08:00", "buspirone", regimen={"dose": 60, "unit": "mg"} | given
            )
            matched = [lineage for lineage, event, _ in history.active("2025-01-09 08:00") if event == 4]
            self.assertEqual(matched, [meant or 4], given)
            ambiguous = history.flags("2025-01-09 08:00", "ambiguous_change")
            self.assertEqual(len(ambiguous), meant is None)

    def test_a_change_of_the_frequency_names_none_that_was(self):
        history = MedicationHistory()
        for name, times in (("a", 1), ("b", 2)):
            history.change("start", "2025-01-07 08:00", order("buspirone", name),
                           regimen=FULL | {"times_per_day": times})
        history.change("change_frequency", "2025-01-08 08:00", "buspirone", regimen={"times_per_day": 2})
        self.assertEqual(
            history.flags("2025-01-09 08:00", "ambiguous_change"), [("ambiguous_change", (4,))]
        )


class OrderedHereTest(unittest.TestCase):
    def arrived(self, *arriving):
        return MedicationHistory(
            *({"medication": {"name": name}, "regimen": FULL | change} for name, change in arriving)
        )

    def lineages(self, history):
        return [row[0] for row in history.active("2025-01-10 08:00")]

    def test_a_first_order_goes_on_with_what_the_client_arrived_on(self):
        for arriving, ordered in (
            ("sertraline", "sertraline"), ("Zoloft", "sertraline 50 MG Oral Tablet"), ("xyz", "XYZ"),
        ):
            history = self.arrived((arriving, {}))
            history.change("start", "2025-01-07 08:00", order(ordered, "a"))
            history.change("increase", "2025-01-08 08:00", order("x", "a"), regimen={"times_per_day": 2})
            (row,) = history.review("2025-01-10 08:00")["active"]
            self.assertEqual((tail(row["lineage"]), row["daily_dose"]), ("1/0", 100))
            self.assertEqual((row["on_arrival"], local(row["since"])), (True, "01-06 09:00"))
            self.assertEqual(local(row["from"]), "01-08 08:00")

    def test_not_without_a_new_order_nor_where_it_was_changed_or_has_one(self):
        history = self.arrived(("sertraline", {}))
        history.change("start", "2025-01-07 08:00", "sertraline")
        self.assertEqual(self.lineages(history), ["1/0", 2])
        history = self.arrived(("sertraline", {}))
        history.change("unchanged", "2025-01-06 10:00", order("sertraline", "a"))
        history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
        self.assertEqual(self.lineages(history), ["1/0", 3])
        history = self.arrived(("sertraline", {}))
        history.change("increase", "2025-01-06 10:00", "sertraline", regimen={"times_per_day": 2})
        history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
        self.assertEqual(self.lineages(history), ["1/0", 3])
        history = self.arrived(("sertraline", {}))
        history.change("hold", "2025-01-06 10:00", "sertraline")
        history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
        self.assertEqual(self.lineages(history), [3])
        history = MedicationHistory({"medication": order("sertraline", "h"), "regimen": FULL})
        history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
        self.assertEqual(self.lineages(history), ["1/0", 2])

    def test_not_where_one_is_a_single_dose_or_only_one_is_as_needed(self):
        for before, after, same in (
            ({"as_needed": True}, {"as_needed": True}, True), ({"as_needed": True}, {}, False),
            ({}, {"as_needed": True}, False), ({"frequency": "once"}, {}, False),
            ({}, {"frequency": "once"}, False), ({}, {"route": "IM"}, False),
        ):
            history = self.arrived(("lorazepam", before))
            history.change("start", "2025-01-07 08:00", order("lorazepam", "a"), regimen=FULL | after)
            self.assertEqual(self.lineages(history), ["1/0"] if same else ["1/0", 2], (before, after))

    def test_the_product_decides_before_the_substance_and_of_two_it_is_none(self):
        history = self.arrived(("Zoloft", {}), ("sertraline", {}))
        history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
        self.assertEqual(self.lineages(history), ["1/0", "1/1"])
        self.assertEqual(history.active("2025-01-10 08:00")[1][:2], ("1/1", 2))
        history = self.arrived(("buspirone", {}), ("buspirone", {}))
        history.change("start", "2025-01-07 08:00", order("buspirone", "b"))
        self.assertEqual(self.lineages(history), ["1/0", "1/1", 2])
        self.assertEqual(history.flags("2025-01-10 08:00", "ambiguous_change"), [])


class StopsThatCancelTest(unittest.TestCase):
    AT = "2025-01-20 08:00"

    def test_what_was_ordered_before_a_stop_for_later_is_emptied(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("increase", "2025-01-17 08:00", regimen={"times_per_day": 2}, known="2025-01-08T00:00:00Z")
        history.change("unchanged", "2025-01-17 09:00", known="2025-01-08T00:00:00Z")
        history.change("hold", "2025-01-18 08:00", known="2025-01-08T00:00:00Z")
        history.change("resume", "2025-01-18 09:00", known="2025-01-08T00:00:00Z")
        history.change("stop", "2025-01-19 08:00", known="2025-01-08T00:00:00Z")
        history.change("stop", "2025-01-13 12:00", known="2025-01-13T20:00:00Z")
        self.assertEqual(history.active(self.AT), [])
        self.assertEqual(
            history.timeline(self.AT),
            [
                (2, 2, "01-07 08:00 - 01-13 12:00", "stop"),
                (2, 3, "01-17 08:00 - 01-17 08:00", "stop"),
                (2, 6, "01-18 09:00 - 01-18 09:00", "stop"),
            ],
        )
        self.assertEqual(
            history.flags(self.AT),
            [("stopped_before_started", (3, 8)), ("stopped_before_started", (6, 8))],
        )
        self.assertEqual(history.flags("2025-01-17 08:00"), [("stopped_before_started", (3, 8))])
        self.assertEqual(history.flags("2025-01-14 08:00"), [])
        review = history.review("2025-01-14 08:00")
        self.assertEqual((review["scheduled"], review["later"]), ([], []))
        self.assertEqual([change["change"] for change in history.review(self.AT)["changes"]],
                         ["start", "stop"])

    def test_a_change_of_the_lineage_at_the_instant_of_the_stop_never_was_in_force(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("increase", "2025-01-09 08:00", regimen={"times_per_day": 2})
        history.change("stop", "2025-01-09 08:00")
        self.assertEqual(history.active(self.AT), [])
        self.assertEqual(history.flags(self.AT), [("stopped_before_started", (3, 4))])
        history = MedicationHistory({"medication": {"name": "sertraline"}})
        history.change("stop", "2025-01-06 09:00")
        self.assertEqual(history.flags(self.AT), [])

    def test_a_start_belongs_to_a_stopped_lineage_only_by_its_order(self):
        for ordered, active in (("a", []), ("b", [(3, 3, 50)]), (None, [(3, 3, 50)])):
            history = MedicationHistory()
            history.change("start", "2025-01-07 08:00", order("sertraline", "a"))
            later = {"name": "sertraline"} if ordered is None else order("sertraline", ordered)
            history.change("start", "2025-01-15 08:00", later, known="2025-01-08T00:00:00Z")
            history.change("stop", "2025-01-13 08:00")
            self.assertEqual(history.active(self.AT), active)
            flags = history.flags("2025-01-14 08:00")
            self.assertEqual([flag for flag, _ in flags], ["stopped_still_listed"] * len(active))

    def test_a_stop_of_nothing_open_cancels_a_later_start_by_any_criterion_whatever_e(self):
        for start, stop, cancelled in (
            ({"name": "lithium"}, {"name": "lithium"}, True),
            ({"name": "Lithobid"}, {"name": "lithium carbonate"}, True),
            (order("lithium", "a"), {"name": "lithium"}, True),
            (order("lithium", "a"), order("lithium", "a"), True),
            (order("lithium", "a"), order("lithium", "b"), False),
            ({"name": "lithium"}, {"name": "zinc"}, False),
        ):
            history = MedicationHistory()
            history.change("start", "2025-01-15 08:00", start, known="2025-01-08T00:00:00Z")
            history.change("increase", "2025-01-17 08:00", start, regimen={"times_per_day": 2}, known="2025-01-08T00:00:00Z")
            history.change("stop", "2025-01-13 08:00", stop)
            for at in ("2025-01-13 08:00", self.AT):
                found = history.flags(at, "stop_without_start")
                self.assertEqual(found, [] if cancelled else [("stop_without_start", (4,))])
            self.assertEqual(len(history.active(self.AT)), not cancelled)
            scheduled = history.review("2025-01-14 08:00")["scheduled"]
            self.assertEqual(len(scheduled), 0 if cancelled else 2)
            if cancelled:
                self.assertEqual(
                    history.flags(self.AT),
                    [("stopped_before_started", (2, 4)), ("stopped_before_started", (3, 4))],
                )

    def test_of_several_later_starts_none_is_cancelled_unless_they_are_of_one_order(self):
        for other, flag in (("a", "stopped_before_started"), ("b", "ambiguous_change")):
            history = MedicationHistory()
            history.change("start", "2025-01-15 08:00", order("lithium", "a"))
            history.change("start", "2025-01-16 08:00", order("lithium", other))
            history.change("stop", "2025-01-13 08:00", "lithium")
            found = [name for name, _ in history.flags(self.AT) if name == flag]
            self.assertEqual(len(found), 2 if other == "a" else 1)
            self.assertEqual(len(history.active(self.AT)), 0 if other == "a" else 2)

    def test_an_order_is_cancelled_as_a_whole_by_what_any_start_of_it_names(self):
        for stop in ("Zoloft", "sertraline 50 MG Oral Tablet", "sertraline"):
            history = MedicationHistory()
            history.change("start", "2025-01-15 08:00", order("Zoloft", "a"))
            history.change("start", "2025-01-16 08:00", order("sertraline 50 MG Oral Tablet", "a"))
            history.change("stop", "2025-01-13 08:00", stop)
            history.change("start", "2025-01-16 08:00", order("sertraline", "b"))
            flags = history.flags(self.AT, "stopped_before_started")
            self.assertEqual(flags, [("stopped_before_started", (2, 4)),
                                     ("stopped_before_started", (3, 4))])
            self.assertEqual(history.active(self.AT), [(5, 5, 50)])

    def test_every_stop_that_cancels_a_start_is_named(self):
        history = MedicationHistory()
        history.change("start", "2025-01-15 08:00", order("lithium", "a"))
        history.change("stop", "2025-01-13 08:00", order("lithium", "a"))
        history.change("stop", "2025-01-12 08:00", "lithium")
        self.assertEqual(
            history.flags(self.AT),
            [("stopped_before_started", (2, 3)), ("stopped_before_started", (2, 4))],
        )

    def test_a_start_recorded_after_the_stop_is_not_cancelled(self):
        history = MedicationHistory()
        history.change("stop", "2025-01-13 08:00")
        history.change("start", "2025-01-15 08:00")
        self.assertEqual(history.active(self.AT), [(3, 3, 50)])
        self.assertEqual(history.flags(self.AT), [("stop_without_start", (2,))])

    def test_a_change_after_the_stop_opens_a_course_anew(self):
        for change, more, flags in (
            ("increase", {"regimen": {"times_per_day": 2}}, [("changed_after_stop", (4,))]),
            ("resume", {}, [("resume_without_hold", (4,))]),
            ("hold", {}, [("unmatched_change", (4,))]),
            ("stop", {}, [("stop_without_start", (4,))]),
        ):
            history = MedicationHistory()
            history.change("start", "2025-01-07 08:00", "Zoloft")
            history.change("stop", "2025-01-13 08:00", "Zoloft")
            history.change(change, "2025-01-15 08:00", "sertraline", **more)
            self.assertEqual(history.flags(self.AT), flags)
            doses = {"increase": [(4, 4, 100)], "resume": [(4, 4, 50)]}
            self.assertEqual(history.active(self.AT), doses.get(change, []))


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

    def test_a_frequency_or_times_a_day_replace_both_and_as_needed(self):
        prn = FULL | {"as_needed": True}
        for given, expected in (
            ({"times_per_day": 3}, {"times_per_day": 3}),
            ({"frequency": "bid"}, {"frequency": "bid"}),
            ({"frequency": "bid", "as_needed": True}, {"frequency": "bid", "as_needed": True}),
            ({"frequency": " Daily"}, {"frequency": " Daily", "times_per_day": 1, "as_needed": True}),
            ({"frequency": "daily", "times_per_day": 2}, {"frequency": "daily", "times_per_day": 2}),
            ({"as_needed": False}, {"frequency": "daily", "times_per_day": 1, "as_needed": False}),
        ):
            found = regimens.carried_over(prn, given)
            self.assertEqual(
                {name: found[name] for name in regimens.FREQUENCY if name in found}, expected
            )
            self.assertEqual(found["dose"], 50)

    def test_a_single_dose_is_one_whose_whole_frequency_says_so(self):
        for frequency, single in (
            ("once", True), ("ONCE MR1", True), ("X1 PRN", True), ("NOW X1", True), ("now", True),
            ("Single dose", True), ("one-time", True), ("stat", True), ("1X", True),
            ("once as needed", True), ("once daily", False), ("1X/WEEK", False), ("daily", False),
            ("once a week", False), ("PRN", False), ("ONCE MR X1", True), ("MR X1", True),
            ("daily MR1", False),
        ):
            self.assertEqual(regimens.is_single({"frequency": frequency}), single, frequency)
        self.assertFalse(regimens.is_single(None))

    def test_a_daily_dose_is_of_an_amount_that_is_taken_every_day(self):
        for change, expected in (
            ({}, 50), ({"unit": "TAB"}, 50), ({"unit": "mcg/h"}, None), ({"unit": "mg per hour"}, None),
            ({"unit": "%"}, None), ({"times_per_day": 0.5}, None), ({"as_needed": True}, None),
            ({"frequency": "once"}, None), ({"unit": None}, None), ({"times_per_day": 2}, 100),
        ):
            regimen = {name: value for name, value in (FULL | change).items() if value is not None}
            found = regimens.daily_dose(regimen)
            self.assertEqual(None if found is None else found[0], expected, change)

    def test_the_days_between_doses_are_told_where_they_are_whole(self):
        for times, days in (
            (0.0357142857142857, 28), (0.142857, 7), (0.33, 3), (0.5, 2), (0.4, None), (1, None),
            (3, None), (0.325, None), (0.145, 7), (0.14, None), (0.985, 1), (0.98, None),
        ):
            self.assertEqual(regimens.interval_days({"times_per_day": times}), days, times)

    def test_units_are_equal_up_to_case_and_synonyms_and_masses_convert(self):
        for one, other, percent in (
            ((900, "mg"), (600, "MG"), -100 / 3), ((1, "g"), (500, "mg"), -50),
            ((100, "mcg"), (0.2, "mg"), 100), ((100, "µg"), (150, "ug"), 50),
            ((10, "units"), (20, "IU"), 100), ((1, "gm"), (2, "g"), 100),
            ((10, "mEq"), (20, "meq"), 100), ((10, "mL"), (20, "mg"), None), ((0.5, "L"), (1, "g"), None),
        ):
            before, after = (
                FULL | {"dose": dose, "unit": unit} for dose, unit in (one, other)
            )
            found = regimens.percent(before, after)
            self.assertEqual(None if found is None else round(float(found), 9),
                             None if percent is None else round(percent, 9), (one, other))

    def test_dose_and_unit_travel_together(self):
        self.assertIsNone(self.daily(FULL, {"dose": 5}))
        self.assertIsNone(self.daily(FULL, {"unit": "mL"}))
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("increase", "2025-01-08 08:00", regimen={"dose": 5})
        self.assertEqual(history.flags("2025-01-09 08:00"), [("incomplete_regimen", (3,))])

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

    def test_emptied_starts_of_an_order_are_one_course_beside_a_restart(self):
        history = MedicationHistory()
        history.change("start", "2025-01-12 08:00", order("sertraline", "a"))
        history.change("start", "2025-01-16 08:00", order("sertraline", "a"))
        history.change("stop", "2025-01-09 08:00", order("sertraline", "a"))
        history.change("start", "2025-01-14 08:00", order("sertraline", "a"))
        self.assertEqual(
            [row[:2] for row in history.timeline("2025-01-17 08:00")], [(2, 2), (5, 5), (2, 3)]
        )
        self.assertEqual(history.active("2025-01-17 08:00"), [(5, 5, 50)])


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

    def test_from_the_end_on_nothing_is_active_and_what_was_ordered_before_it_is_no_doubt(self):
        history = MedicationHistory()
        for at, known in (
            ("2025-01-10 12:00", "2025-01-07T00:00:00Z"), ("2025-01-12 12:00", "2025-01-07T00:00:00Z"),
            ("2025-01-12 13:00", "2025-01-11T00:00:00Z"), ("2025-01-09 12:00", "2025-01-11T00:00:00Z"),
        ):
            history.change("start", at, f"drug {at}", known=known)
        at = "2025-01-08 12:00"
        ahead = [tail(row["event_id"]) for row in history.review(at)["scheduled"]]
        self.assertEqual(ahead, [2, 3])
        history.add("completed", "2025-01-10 12:00", known="2025-01-10T20:00:00Z")
        ahead = [tail(row["event_id"]) for row in history.review(at)["scheduled"]]
        self.assertEqual(ahead, [2, 3])
        self.assertEqual(
            history.flags("2025-01-13 12:00"), [("after_end", (4,)), ("late_entry", (5,))]
        )
        self.assertEqual(history.flags("2025-01-12 12:00"), [("late_entry", (5,))])
        for at in ("2025-01-10 12:00", "2025-01-13 12:00"):
            review = history.review(at)
            self.assertEqual([review[name] for name in medications.LISTS], [[]] * 4)

    def test_a_start_after_the_end_is_emptied_as_any_other(self):
        history = MedicationHistory()
        history.change(
            "start", "2025-01-12 12:00", order("sertraline", "a"), known="2025-01-07T00:00:00Z"
        )
        history.change("stop", "2025-01-09 12:00", order("sertraline", "a"))
        history.add("completed", "2025-01-10 12:00", known="2025-01-10T20:00:00Z")
        self.assertEqual(
            history.flags("2025-01-13 12:00"), [("stopped_before_started", (2, 3))]
        )

    def test_what_is_known_but_takes_effect_later_is_scheduled(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change(
            "increase", "2025-01-14 08:00", regimen={"times_per_day": 2},
            known="2025-01-09T00:00:00Z",
        )
        at = "2025-01-10 08:00"
        self.assertEqual(history.active(at), [(2, 2, 50)])
        review = history.review(at)
        self.assertEqual((short(review["scheduled"]), review["later"]), ([(2, 3, 100)], []))
        self.assertEqual(
            (review["active"][0]["scheduled_end"], review["active"][0]["later_end"]),
            ({"at": "2025-01-14T13:00:00.000000Z", "change": "increase"}, None),
        )
        self.assertEqual(history.review("2025-01-14 08:00")["scheduled"], [])

    def test_what_became_known_after_e_is_told_apart(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.change("stop", "2025-01-14 08:00", known="2025-01-10T13:00:01Z")
        history.change("start", "2025-01-15 08:00", "zinc", known="2025-01-10T13:00:01Z")
        review = history.review("2025-01-10 08:00")
        self.assertEqual((review["scheduled"], short(review["later"])), ([], [(4, 4, 50)]))
        self.assertEqual(review["later"][0]["known_at"], "2025-01-10T13:00:01.000000Z")
        self.assertIsNone(review["active"][0]["scheduled_end"])
        self.assertEqual(
            review["active"][0]["later_end"],
            {"at": "2025-01-14T13:00:00.000000Z", "change": "stop",
             "known_at": "2025-01-10T13:00:01.000000Z"},
        )


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
            ("unit", True), ("times_per_day", False),
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
    AT = "2025-01-08 08:00"

    def flagged(self, *listed, at=AT, names=()):
        """The flags of starts of (medication, regimen changes) at 8:00, 8:01 … on 7 January."""
        history = MedicationHistory()
        for minute, (medication, change) in enumerate(listed):
            regimen = {
                name: value for name, value in (FULL | change).items() if value is not None
            }
            history.change(
                "start", f"2025-01-07 08:{minute:02d}", medication, regimen=regimen
            )
        skipped = ("incomplete_regimen", "not_reviewed")
        return [flag for flag in history.flags(at, *names) if flag[0] not in skipped]

    def test_duplicates_are_of_one_substance_in_equal_dose_and_frequency(self):
        zoloft = {"name": "Zoloft", "rxcui": "208161"}
        for other, change, flag in (
            ("sertraline 50 MG Oral Tablet", {}, "duplicate_active"),
            ("sertraline", {"dose": 0.05, "unit": "g", "frequency": "QD"}, "duplicate_active"),
            ("sertraline", {"dose": 25}, "same_ingredient"),
            ("sertraline", {"times_per_day": 2}, "same_ingredient"),
            ("sertraline", {"as_needed": True}, "same_ingredient"),
            ("sertraline", {"times_per_day": None}, "duplicate_active"),
            ("sertraline", {"times_per_day": None, "frequency": "QD"}, "same_ingredient"),
            ("sertraline", {"route": "intravenous"}, None),
            ("sertraline", {"route": None}, "duplicate_active"),
            ("sertraline", {"frequency": "once"}, None),
            ("fluoxetine", {}, None),
        ):
            expected = [] if flag is None else [(flag, (2, 3))]
            self.assertEqual(
                self.flagged((zoloft, {}), (other, change)), expected, (other, change)
            )

    def test_a_split_dose_is_no_duplicate(self):
        for first, second, flag in (
            ("in the morning", "in the evening", "same_ingredient"),
            ("QAM", "at bedtime", "same_ingredient"),
            ("in the morning", "QAM", "duplicate_active"),
            ("daily", "in the morning", "duplicate_active"),
        ):
            self.assertEqual(
                self.flagged(
                    ("buspirone", {"frequency": first}), ("buspirone", {"frequency": second})
                ),
                [(flag, (2, 3))], (first, second),
            )

    def test_one_product_without_dose_or_frequency_is_a_duplicate_unless_codes_differ(self):
        silent = {"frequency": None, "times_per_day": None}
        for one, other, flag in (
            ({"name": "xyz"}, {"name": " XYZ"}, "duplicate_active"),
            ({"name": "xyz", "ndc": "1"}, {"name": "xyz", "ndc": "2"}, None),
            ({"name": "xyz", "rxcui": "1"}, {"name": "other", "rxcui": "1"}, "duplicate_active"),
            ({"name": "lithium", "ndc": "1"}, {"name": "lithium", "ndc": "2"}, "same_ingredient"),
            ({"name": "lithium"}, {"name": "Lithobid"}, "same_ingredient"),
        ):
            expected = [] if flag is None else [(flag, (2, 3))]
            self.assertEqual(self.flagged((one, {}), (other, silent)), expected, (one, other))

    def test_an_incomplete_set_is_a_duplicate_only_of_its_own_product(self):
        combined = "metoprolol-hydrochlorothiazide"
        self.assertEqual(
            self.flagged((combined, {}), ("metoprolol", {})), [("same_ingredient", (2, 3))]
        )
        self.assertEqual(
            self.flagged((combined, {}), (combined, {})), [("duplicate_active", (2, 3))]
        )

    def test_what_shares_an_ingredient_is_told_once_with_its_total(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", "Percocet")
        history.change("start", "2025-01-07 08:01", "Tylenol")
        history.change("start", "2025-01-07 08:02", "oxycodone")
        found = history.review(self.AT)["flags"]
        self.assertEqual(
            [(flag["flag"], flag["lineages"], flag["total"]) for flag in found],
            [("same_ingredient", ["e1-2", "e1-3"], None),
             ("same_ingredient", ["e1-2", "e1-4"], None)],
        )
        self.assertEqual(found[0]["medications"], ["Percocet", "Tylenol"])
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", "lamotrigine 25 MG", regimen=FULL | {"dose": 25})
        history.change(
            "start", "2025-01-07 08:01", "Lamictal", regimen=FULL | {"dose": 0.1, "unit": "g"}
        )
        (flag,) = history.review(self.AT)["flags"]
        self.assertEqual(flag["total"], (125, "mg"))

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

    def test_the_days_are_those_set_for_the_program_else_for_the_ledger(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00")
        history.add("program_changed", "2025-01-20 08:00", program="b", rationale="r")
        rows = [
            {"key": key, "value": value, "from_date": date}
            for key, value, date in (
                ("not_reviewed_days", "3", "2025-01-12"), ("not_reviewed_days.b", "20", "2025-01-01"),
                ("not_reviewed_days.c", "1", "2025-01-01"),
            )
        ]
        for at, flagged in (
            ("2025-01-11 09:00", False), ("2025-01-12 00:01", True), ("2025-01-20 07:59", True),
            ("2025-01-20 08:00", False), ("2025-01-27 08:01", True),
        ):
            found = history.flags(at, settings=Settings(rows))
            self.assertEqual(found, [("not_reviewed", (2,))] if flagged else [], at)
        found = history.flags("2025-01-26 08:00", settings=Settings(rows), not_reviewed_days=5)
        self.assertEqual(found, [("not_reviewed", (2,))])

    def test_not_reviewed_waits_for_the_interval_between_doses_and_for_no_single_dose(self):
        history = MedicationHistory()
        monthly = FULL | {"frequency": "every 4 weeks", "times_per_day": 0.0357142857}
        history.change("start", "2025-01-07 08:00", "paliperidone", regimen=monthly)
        history.change("start", "2025-01-07 08:00", "vaccine", regimen=FULL | {"frequency": "once"})
        self.assertEqual(history.flags("2025-02-04 08:00"), [])
        self.assertEqual(history.flags("2025-02-04 08:01"), [("not_reviewed", (2,))])
        self.assertEqual(history.flags("2025-02-04 08:01", not_reviewed_days=30), [])

    def test_an_opioid_with_a_benzodiazepine(self):
        history = MedicationHistory(
            {"medication": {"name": "Film", "rxcui": "1010604"}},
        )
        history.change("start", "2025-01-07 08:00", "ALPRAZolam")
        at = "2025-01-08 08:00"
        self.assertEqual(history.flags(at), [("opioid_and_benzodiazepine", (1, 2))])
        history.change("hold", "2025-01-07 09:00", "alprazolam")
        self.assertEqual(history.flags(at), [])

    def test_a_single_dose_is_of_its_class_for_24_hours(self):
        history = MedicationHistory({"medication": {"name": "methadone"}})
        history.change("start", "2025-01-07 08:00", "lorazepam", regimen=FULL | {"frequency": "stat"})
        self.assertEqual(
            history.flags("2025-01-08T12:59:59.999999Z"), [("opioid_and_benzodiazepine", (1, 2))]
        )
        self.assertEqual(history.flags("2025-01-08 08:00"), [])

    def test_an_antagonist_is_no_opioid(self):
        for opioid in ({"name": "naltrexone", "rxcui": "637213"}, {"name": "naloxone"}):
            history = MedicationHistory({"medication": opioid})
            history.change("start", "2025-01-07 08:00", "clorazepate")
            self.assertEqual(history.flags("2025-01-08 08:00"), [])

    def test_two_antipsychotics_differ_in_ingredient(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 08:00", {"name": "Haldol"})
        history.change("start", "2025-01-07 08:01", {"name": "b", "rxcui": "859871"})
        at = "2025-01-08 08:00"
        self.assertEqual(history.flags(at, "two_antipsychotics"), [])
        history.change("start", "2025-01-07 08:02", "Caplyta")
        self.assertEqual(
            history.flags(at, "two_antipsychotics"), [("two_antipsychotics", (2, 3, 4))]
        )

    def test_an_allergy_to_what_is_active_held_or_scheduled(self):
        history = MedicationHistory()
        history.lines[0]["data"]["allergies"] = ["Lamictal: rash", "penicillin", "MSG"]
        history.change("start", "2025-01-07 08:00", "lamotrigine 25 MG")
        history.change("start", "2025-01-07 08:00", "sertraline")
        history.change("hold", "2025-01-08 08:00", "lamotrigine 25 MG")
        history.change("stop", "2025-01-09 08:00", "lamotrigine 25 MG")
        history.change("start", "2025-01-20 08:00", "lamotrigine", known="2025-01-09T20:00:00Z")
        for at, expected in (
            ("2025-01-07 09:00", [(1, 2)]), ("2025-01-08 09:00", [(1, 2)]),
            ("2025-01-09 09:00", []), ("2025-01-10 09:00", [(1, 6)]), ("2025-01-21 09:00", [(1, 6)]),
        ):
            self.assertEqual(
                history.flags(at, "allergy_recorded"),
                [("allergy_recorded", events) for events in expected], at,
            )

    def test_a_stop_that_leaves_the_substance_on_the_list(self):
        for start, event, stop, flagged in (
            ("2025-01-07 08:00", None, "2025-01-09 08:00", True),
            ("2025-01-07 08:00", "2025-01-08 23:59", "2025-01-09 08:00", True),
            ("2025-01-07 08:00", "2025-01-09 00:00", "2025-01-09 08:00", False),
            ("2025-01-09 08:00", None, "2025-01-09 08:00", False),
        ):
            history = MedicationHistory()
            history.change("start", "2025-01-07 07:00", order("Zoloft", "a"))
            history.change("start", start, order("sertraline", "b"))
            if event is not None:
                history.change("unchanged", event, order("sertraline", "b"))
            history.change("stop", stop, order("Zoloft", "a"))
            number = 5 if event is not None else 4
            self.assertEqual(
                history.flags("2025-01-10 08:00", "stopped_still_listed"),
                [("stopped_still_listed", (3, number))] if flagged else [],
            )

    def test_or_scheduled_by_a_start_of_before(self):
        history = MedicationHistory()
        history.change("start", "2025-01-07 07:00", order("Zoloft", "a"))
        history.change(
            "start", "2025-01-20 08:00", order("sertraline", "b"), known="2025-01-08T00:00:00Z"
        )
        history.change("stop", "2025-01-09 08:00", order("Zoloft", "a"))
        history.change(
            "start", "2025-01-21 08:00", order("sertraline", "c"), known="2025-01-09T15:00:00Z"
        )
        names = ("stopped_still_listed",)
        self.assertEqual(
            history.flags("2025-01-10 08:00", *names), [("stopped_still_listed", (3, 4))]
        )
        self.assertEqual(history.flags("2025-01-20 08:00", *names), [])


class OneClientTest(unittest.TestCase):
    """Two episodes of one client, and one of another."""

    def setUp(self):
        self.histories = {}
        for name, drugs in (("e1", ["methadone"]), ("e2", ["clonazepam"]), ("e3", ["morphine"])):
            history = MedicationHistory()
            history.episode_id = name
            history.lines.clear()
            history.admit("2025-01-06 09:00", known="2025-01-06T14:00:00Z")
            for drug in drugs:
                history.change("start", "2025-01-07 08:00", drug)
            self.histories[name] = history
        self.histories["e3"].lines[0]["data"]["client_id"] = "d"

    def reviews(self):
        lines = [json.dumps(line) for one in self.histories.values() for line in one.lines]
        return medications.Reviews(read_events(lines), FORMULARY, LocalDays(ZONE))

    def review(self, episode_id, at="2025-01-08 08:00", known_at=None):
        known_at = known_at and parse_instant(known_at)
        return self.reviews().review(episode_id, parse_instant(instant(at)), known_at)

    def flags(self, *asked, **when):
        return [(flag["flag"], flag["lineages"]) for flag in self.review(*asked, **when)["flags"]]

    def test_what_must_not_meet_is_looked_for_in_all_open_episodes_of_the_client(self):
        both = [("opioid_and_benzodiazepine", ["e1-2", "e2-2"])]
        for name, others in (("e1", ["e2"]), ("e2", ["e1"])):
            self.assertEqual(self.flags(name), both)
            self.assertEqual(self.review(name)["other_open_episodes"], others)
        self.assertEqual(self.flags("e3"), [])
        self.histories["e2"].add("completed", "2025-01-08 00:00", "2025-01-08T06:00:00Z")
        self.assertEqual(self.flags("e1", at="2025-01-07 12:00"), both)
        self.assertEqual(self.flags("e1"), [])
        self.assertEqual(self.review("e1")["other_open_episodes"], [])

    def test_what_lies_in_another_episode_alone_is_its_own(self):
        self.histories["e2"].change("start", "2025-01-07 08:00", "morphine")
        self.histories["e1"].change("stop", "2025-01-07 09:00", "methadone")
        self.assertEqual(self.flags("e1"), [])
        self.assertEqual(
            self.flags("e2"), [("opioid_and_benzodiazepine", ["e2-2", "e2-3"])]
        )

    def test_what_was_stopped_in_one_episode_may_be_on_the_list_of_another(self):
        self.histories["e2"].change("start", "2025-01-07 09:00", "methadone")
        self.histories["e1"].change("stop", "2025-01-09 08:00", "methadone")
        flags = self.reviews().client_review("c", parse_instant(instant("2025-01-10 08:00")))["flags"]
        self.assertIn(
            ("stopped_still_listed", ["e2-3"]), [(flag["flag"], flag["lineages"]) for flag in flags]
        )
        # The review of one episode looks at its own.
        alone = [name for name, _ in self.flags("e1", at="2025-01-10 08:00")]
        self.assertNotIn("stopped_still_listed", alone)

    def test_an_allergy_of_another_open_episode_counts(self):
        self.histories["e2"].lines[0]["data"]["allergies"] = ["Dolophine"]
        found = self.flags("e1")
        self.assertEqual(found[0], ("allergy_recorded", ["e1-2"]))

    def test_a_corrected_client_id_joins_the_episodes_once_it_is_known(self):
        history = self.histories["e3"]
        data = history.lines[0]["data"] | {"client_id": "c"}
        history.correct("e3-1", data, known="2025-01-07T15:00:00Z")
        self.assertEqual(self.review("e1")["other_open_episodes"], ["e2", "e3"])
        self.assertEqual(
            self.review("e1", known_at="2025-01-07T14:59:59Z")["other_open_episodes"], ["e2"]
        )

    def test_the_review_of_a_client_joins_the_open_episodes(self):
        self.histories["e2"].change("start", "2025-01-07 09:00", "Dolophine")
        found = self.reviews().client_review("c", parse_instant(instant("2025-01-08 08:00")))
        self.assertEqual(
            [(row["episode_id"], row["lineage"]) for row in found["active"]],
            [("e1", "e1-2"), ("e2", "e2-2"), ("e2", "e2-3")],
        )
        self.assertEqual(
            [(flag["flag"], flag["lineages"]) for flag in found["flags"]],
            [("duplicate_active", ["e1-2", "e2-3"]),
             ("opioid_and_benzodiazepine", ["e1-2", "e2-2", "e2-3"])],
        )


class SubstancesTest(unittest.TestCase):
    def made_of(self, name, **more):
        found = FORMULARY.substances({"name": name} | more)
        return (" ".join(sorted(found.names)), found.complete)

    def test_the_longest_names_are_found_as_whole_words(self):
        for name, expected in (
            ("Zoloft 50 mg tablet", "sertraline"), ("SERTRALINE", "sertraline"),
            ("HYDROmorphone (Dilaudid)", "hydromorphone"), ("A-Poxide", "chlordiazepoxide"),
            ("Percocet 5-325", "acetaminophen oxycodone"), ("Adderall XR", "amphetamine dextroamphetamine"),
            ("buprenorphine 8 MG / naloxone 2 MG Sublingual Film", "buprenorphine naloxone"),
            ("OxyCODONE--Acetaminophen (5mg-325mg)", "acetaminophen oxycodone"),
            ("Clonidine Patch 0.2 mg/24 hr", "clonidine"),
            ("Diazepam - CIWA protocol", "diazepam"),
        ):
            self.assertEqual(self.made_of(name), (expected, True), name)
        for name in ("apomorphine", "sertralinex", "Vitamin D3", ""):
            self.assertEqual(self.made_of(name), ("", False), name)

    def test_every_brand_of_the_table_is_found_in_a_sentence(self):
        listed = substances.rows("medication_names.csv")
        self.assertGreater(len(listed), 1600)
        for row in listed:
            found = FORMULARY.in_text(f"{row['name'].title()} 50 mg tablet")
            self.assertEqual(found.names, set(row["ingredients"].split(" + ")), row["name"])

    def test_a_word_that_is_joined_and_unknown_leaves_the_set_incomplete(self):
        for name, expected in (
            ("metoprolol-hydrochlorothiazide", ("metoprolol", False)),
            ("hydrochlorothiazide / metoprolol", ("metoprolol", False)),
            ("Maalox/Diphenhydramine/Lidocaine", ("diphenhydramine lidocaine", False)),
            ("metoprolol + water", ("metoprolol", False)),
            ("metoprolol & water", ("metoprolol", False)),
            ("metoprolol 50 mg/day", ("metoprolol", True)),
            ("metoprolol water", ("metoprolol", True)),
            ("Lidocaine 1% (For PICC/Midline Insertions)", ("lidocaine", True)),
            ("metoprolol 50 mg / hydrochlorothiazide 12.5 mg", ("metoprolol", False)),
        ):
            self.assertEqual(self.made_of(name), expected, name)
        medication = {"name": "metoprolol-hydrochlorothiazide"}
        self.assertEqual(FORMULARY.classes(medication), {"beta_blocker"})

    def test_the_code_decides_where_it_is_known(self):
        self.assertEqual(self.made_of("lithium", rxcui="312941"), ("sertraline", True))
        self.assertEqual(self.made_of("lithium", rxcui="1"), ("lithium", True))

    def test_classes_are_of_every_substance(self):
        for name, expected in (
            ("Suboxone", {"opioid", "moud", "opioid_use_disorder", "opioid_antagonist"}),
            ("Symbyax", {"antidepressant", "antipsychotic"}), ("Caplyta", {"antipsychotic"}),
            ("naltrexone", {"alcohol_use_disorder", "opioid_use_disorder", "opioid_antagonist"}),
            ("apomorphine", set()),
        ):
            self.assertEqual(FORMULARY.classes({"name": name}), expected, name)

    def test_the_route_is_the_one_stated_else_that_of_form_and_name(self):
        for expected, name, form, route in (
            ("oral", "x", None, "PO/NG"), ("oral", "x", None, "by mouth"),
            ("oromucosal", "x", None, "SL"), ("injection", "x", None, "IV DRIP"),
            ("inhaled", "x", None, "oral inhalation"), ("inhaled", "x inhaler", "capsule", None),
            ("oral", "x oral solution prefilled syringe", None, None),
            ("oral", "x Injectable Solution", "capsule", None), ("both eyes", "x", None, "Both  Eyes"),
            ("topical", "x", None, "TP"), ("transdermal", "Nicotine Patch", None, "TP"),
            ("transdermal", "x", "patch", "oral"), ("oromucosal", "Sublingual Tablet", None, None),
            ("oral", "Tablet, Film Coated", None, None), ("oromucosal", "x", "film", None),
            ("injection", "1 ML x Prefilled Syringe", None, None), ("injection", "x depot", None, None),
            ("oral", "x", "capsule", None), (None, "x", None, None), ("oral", "x film", None, "oral"),
        ):
            medication = {"name": name} | ({} if form is None else {"form": form})
            self.assertEqual(substances.route_group(medication, route), expected, (name, form, route))


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
        reviews = medications.Reviews(episodes, FORMULARY, LocalDays(ZONE))
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
                "after_end", "allergy_recorded", "ambiguous_change", "changed_after_stop",
                "changed_while_held", "direction_mismatch", "duplicate_active",
                "incomplete_regimen", "late_entry", "no_reason", "not_reviewed",
                "opioid_and_benzodiazepine", "resume_without_hold", "same_ingredient",
                "stop_without_start", "stopped_before_started", "stopped_still_listed",
                "two_antipsychotics", "unmatched_change",
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
        history.change("decrease", "2025-02-07 08:00", order("sertraline", "a"),
                       regimen={"times_per_day": 0.5}, known="2025-01-09T00:00:00Z")
        history.change("increase", "2025-02-08 08:00", order("sertraline", "a"),
                       regimen={"times_per_day": 2})
        self.write("events", "\n".join(map(json.dumps, history.lines)))

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8", newline="") as file:
            file.write(text)

    def run_reviews(self, *arguments):
        output = io.StringIO()
        medications.main(
            ["--events", self.path("events"), "--time-zone", ZONE, *arguments],
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
        self.assertEqual([row["medication"]["name"] for row in answer["active"]], ["sertraline"])
        self.assertEqual([row["medication"]["name"] for row in answer["held"]], ["lithium"])
        self.assertEqual([row["daily_dose"] for row in answer["scheduled"]], [None])
        self.assertEqual([row["daily_dose"] for row in answer["later"]], [100])
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
