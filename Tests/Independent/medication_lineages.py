"""The courses of an episode's medications (read-models, "Medication review").

`MedicationCourses(entries, formulary, known)` folds an effective history, in its order, into
lineages: each the course of one medication through intervals in which one regimen was in force, and
through holds. Fold the entries up to E for what was true at E; `known` is the whole history, since
what was ordered for later can be cancelled before it begins. The end of the episode closes nothing
here: what was ordered for the time after it goes on.
"""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import List, Optional

from history import ENDS
from regimens import (
    carried_over,
    daily_dose,
    is_as_needed,
    is_single,
    names_frequency_of,
    percent,
)
from substances import normalized, route_group, routes_fit, same_product

OPEN, HELD, CLOSED = "open", "held", "closed"
AMBIGUOUS = object()
REASON_EXPECTED = ("decrease", "switch", "hold", "stop")
EXPECTED_OF_A_START = ("dose", "route", "frequency")
WITHOUT_REGIMEN = ("hold", "stop", "unchanged")
OWN_FREQUENCY = ("change_frequency", "switch")  # the regimen's frequency is not the one it had


@dataclass
class Interval:
    """A regimen in force: [start, end). `end` None: still in force."""

    lineage: str
    event_id: str
    medication: dict
    regimen: Optional[dict]
    start: int
    started_by: str
    end: Optional[int] = None
    ended_by: Optional[str] = None

    @property
    def was_in_force(self):
        """Not of length zero."""
        return self.end is None or self.end > self.start


@dataclass
class Hold:
    """When a lineage was held, and by which event."""

    event_id: str
    start: int


@dataclass
class Lineage:
    """The course of one medication. `medication` and `regimen` are the last known."""

    id: str
    opened: tuple  # position of the opening event, index in its list
    on_arrival: bool
    medication: dict
    regimen: Optional[dict]
    state: str = OPEN
    intervals: List[Interval] = field(default_factory=list)
    holds: List[Hold] = field(default_factory=list)
    events: List[tuple] = field(default_factory=list)  # (time, event id)
    stops: list = field(default_factory=list)  # the entries that stopped it
    closed: Optional[int] = None  # counts the closings of the fold

    @property
    def interval(self):
        return self.intervals[-1]

    @property
    def since(self):
        return self.intervals[0].start

    def state_for(self, entry):
        """Its state, as an entry finds it that may have been recorded before a stop."""
        if self.state == CLOSED and any(stop.position > entry.position for stop in self.stops):
            return OPEN
        return self.state


@dataclass
class Snapshot:
    """A lineage between two entries: open or held, with which medication and regimen."""

    state: str
    medication: dict
    regimen: Optional[dict]


def end_of(entries):
    """The first end after the admission, or None."""
    admission = None
    for entry in entries:
        if entry.type == "admitted":
            admission = admission or entry
        elif entry.type in ENDS and admission is not None:
            return entry
    return None


def group_of(one):
    """The route group of a lineage, or of what a start would open."""
    return route_group(one.medication, (one.regimen or {}).get("route"))


def goes_the_wrong_way(change, before, after):
    """Whether an increase lowers the daily dose, or a decrease raises it."""
    difference = percent(before, after)
    if difference is None:
        return False
    return difference < 0 if change == "increase" else difference > 0


class MedicationCourses:
    """The lineages of one episode, and the flags that its events raised.

    `at_admission` are snapshots of the open and held lineages just after the admission's entry.
    `changes` are (entry, lineage, how it was matched, percent) of what opened an interval or closed
    the last; `stopped` are (stop, the lineage that it stopped).
    """

    def __init__(self, entries, formulary, known=None):
        self.formulary = formulary
        self.lineages: List[Lineage] = []
        self.emptied: List[Interval] = []
        self.flags = []  # (flag, event ids)
        self.changes = []
        self.stopped = []  # (stop, what it stopped)
        self.at_admission = {}
        self._closings = 0
        self._named = set()
        self._later = [
            entry for entry in (known or entries) if entry.type == "medication_adjusted"
        ]
        self._started = {
            entry.data["medication"].get("order_id")
            for entry in entries
            if entry.type == "medication_adjusted" and entry.data["change"] == "start"
        }
        self._emptying = self._stops_before_starts()
        for entry in entries:
            if entry.type == "admitted":
                self._arrive(entry)
                self.at_admission = self.snapshots()
            elif entry.type == "medication_adjusted":
                self._change(entry)
            self._named |= order_ids_named(entry)

    @property
    def intervals(self):
        """All intervals and what was emptied, by their start."""
        found = [interval for lineage in self.lineages for interval in lineage.intervals]
        return sorted(found + self.emptied, key=lambda interval: interval.start)

    def in_state(self, state):
        return [lineage for lineage in self.lineages if lineage.state == state]

    def snapshots(self):
        return {
            lineage.id: Snapshot(lineage.state, lineage.medication, lineage.regimen)
            for lineage in self.lineages
            if lineage.state != CLOSED
        }

    # Events

    def _stops_before_starts(self):
        """{event id of a start: the stops of its order that were recorded after it and are due by
        then}."""
        found = {}
        for start in self._later:
            order = start.data["medication"].get("order_id")
            if start.data["change"] != "start" or order is None:
                continue
            stops = [
                stop
                for stop in self._later
                if stop.data["change"] == "stop"
                and stop.data["medication"].get("order_id") == order
                and stop.time <= start.time
                and stop.position > start.position
            ]
            if stops:
                found[start.event_id] = stops
        return found

    def _empties_a_start(self, stop):
        return any(stop in stops for stops in self._emptying.values())

    def _arrive(self, entry):
        for index, arriving in enumerate(entry.data.get("medications", ())):
            self._open_lineage(
                entry, arriving["medication"], arriving.get("regimen"), "admitted", index
            )

    def _change(self, entry):
        change, regimen = entry.data["change"], entry.data.get("regimen") or {}
        reason = entry.data.get("reason") or {}
        if change in REASON_EXPECTED and not (reason.get("code") or reason.get("text")):
            self._flag("no_reason", entry)
        lacks = change == "start" and any(name not in regimen for name in EXPECTED_OF_A_START)
        if lacks or ("dose" in regimen and "unit" not in regimen):
            self._flag("incomplete_regimen", entry)
        self._by = None
        handler = {
            "start": self._start,
            "hold": self._hold,
            "resume": self._resume,
            "stop": self._stop,
            "unchanged": self._review,
        }.get(change, self._change_regimen)
        handler(entry)

    def _start(self, entry):
        medication, regimen = entry.data["medication"], entry.data.get("regimen")
        stops = self._emptying.get(entry.event_id)
        if stops:
            # Never in force: whatever goes on under its order goes on without it.
            stopped = self._stopped_by_order(entry) or self._never_opened(entry, stops)
            self._empty(entry, stopped, stops)
            return
        lineage = None
        if "order_id" in medication:
            lineage = self._one_of(entry, self._by_order(medication), (OPEN, HELD))
        if lineage is AMBIGUOUS:
            self._flag("ambiguous_change", entry)
        elif lineage is None:
            lineage = self._ordered_here(entry)
        elif lineage.state == CLOSED:
            self._empty(entry, lineage)
            return
        else:
            self._by = "order_id"
        if lineage is None or lineage is AMBIGUOUS:
            self._open_lineage(entry, medication, regimen, "start")
            return
        if lineage.state == HELD and regimen is not None:
            self._flag("changed_while_held", entry)
        self._next_interval(lineage, entry)

    def _ordered_here(self, entry):
        """The medication that the client arrived on, and that is ordered here for the first time."""
        medication, regimen = entry.data["medication"], entry.data.get("regimen")
        if medication.get("order_id", None) is None or medication["order_id"] in self._named:
            return None
        if is_single(regimen):
            return None
        arrived = [
            one
            for one in self.in_state(OPEN)
            if one.on_arrival
            and len(one.intervals) == 1
            and "order_id" not in one.medication
            and not is_single(one.regimen)
            and is_as_needed(one.regimen) == is_as_needed(regimen)
        ]
        new = SimpleNamespace(medication=medication, regimen=regimen)
        for by, fits in (("product", self._same_product), ("substance", self._same_substance)):
            hits = [one for one in arrived if fits(new, one)]
            if hits:
                self._by = by if len(hits) == 1 else None
                return hits[0] if len(hits) == 1 else None
        return None

    def _change_regimen(self, entry):
        lineage = self._match(entry, (OPEN, HELD))
        medication, given, change = (
            entry.data["medication"], entry.data["regimen"], entry.data["change"]
        )
        if lineage is AMBIGUOUS:
            self._flag("ambiguous_change", entry)
            self._open_lineage(entry, medication, given, change)
        elif lineage is None:
            last = self._last_closed(entry)
            self._flag("unmatched_change" if last is None else "changed_after_stop", entry)
            regimen = given if last is None else carried_over(last.regimen, given)
            self._open_lineage(entry, medication, regimen, change)
        elif lineage.state == CLOSED:
            self._empty(entry, lineage)
        else:
            before = lineage.regimen
            if lineage.state == HELD:
                self._flag("changed_while_held", entry)
            self._next_interval(lineage, entry)
            if change in ("increase", "decrease"):
                if goes_the_wrong_way(change, before, lineage.regimen):
                    self._flag("direction_mismatch", entry)

    def _hold(self, entry):
        lineage = self._matched_or_flagged(entry)
        if lineage is not None and lineage.state == OPEN:
            self._end_interval(lineage, entry.time, "hold")
            lineage.state = HELD
            lineage.holds.append(Hold(entry.event_id, entry.time))

    def _review(self, entry):
        self._matched_or_flagged(entry)

    def _matched_or_flagged(self, entry):
        """The lineage that a hold or a review applies to, or None and a flag that says why."""
        lineage = self._match(entry, (OPEN, HELD))
        if lineage is None or lineage is AMBIGUOUS:
            self._flag("unmatched_change" if lineage is None else "ambiguous_change", entry)
            return None
        if lineage.state == CLOSED:
            return None
        self._touch(lineage, entry)
        return lineage

    def _resume(self, entry):
        medication, given = entry.data["medication"], entry.data.get("regimen")
        lineage = self._match(entry, (HELD, OPEN))
        if lineage is AMBIGUOUS:
            self._flag("ambiguous_change", entry)
            self._open_lineage(entry, medication, given, "resume")
        elif lineage is None:
            self._flag("resume_without_hold", entry)
            last = self._last_closed(entry)
            if last is None:
                self._flag("unmatched_change", entry)
            regimen = given if last is None else carried_over(last.regimen, given)
            self._open_lineage(entry, medication, regimen, "resume")
        elif lineage.state == CLOSED:
            self._empty(entry, lineage)
        else:
            if lineage.state == OPEN:
                self._flag("resume_without_hold", entry)
            self._next_interval(lineage, entry)

    def _stop(self, entry):
        lineage = self._match(entry, (OPEN, HELD))
        if lineage is AMBIGUOUS:
            self._flag("ambiguous_change", entry)
        elif lineage is None:
            self._cancel_a_later_start(entry)
        elif lineage.state != CLOSED:
            self._touch(lineage, entry)
            self._close(lineage, entry)
            self._note(entry, lineage)

    def _cancel_a_later_start(self, stop):
        """A stop of nothing open empties what was ordered before it for later: one course, which is
        all starts of an order, or a start without one."""
        ahead = [
            SimpleNamespace(
                event_id=entry.event_id,
                medication=entry.data["medication"],
                regimen=entry.data.get("regimen"),
                course=entry.data["medication"].get("order_id", (entry.event_id,)),
            )
            for entry in self._later
            if entry.data["change"] == "start"
            and entry.time > stop.time
            and entry.position < stop.position
        ]
        for _, criterion in self._criteria(stop):
            hits = [start for start in ahead if criterion(start)]
            hits = [start for start in hits if not is_single(start.regimen)] or hits
            courses = {start.course for start in hits}
            if len(courses) > 1:
                self._flag("ambiguous_change", stop)
                return
            if courses:
                for start in ahead:
                    if start.course in courses:
                        stops = self._emptying.setdefault(start.event_id, [])
                        stops += [] if stop in stops else [stop]
                return
        if not self._empties_a_start(stop):
            self._flag("stop_without_start", stop)

    # What never began

    def _stopped_by_order(self, start):
        """The one lineage of a start's order that was open until a stop recorded after the start."""
        if "order_id" not in start.data["medication"]:
            return None
        criterion = self._by_order(start.data["medication"])
        stopped = [one for one in self.in_state(CLOSED) if one.state_for(start) == OPEN]
        found = self._one_of(start, criterion, (OPEN,), stopped)
        return None if found is AMBIGUOUS else found

    def _never_opened(self, entry, stops):
        """The lineage of a start that was stopped before; other entries of before may match it."""
        lineage = Lineage(
            entry.event_id, (entry.position, 0), False,
            entry.data["medication"], entry.data.get("regimen"), CLOSED, stops=list(stops),
        )
        lineage.closed = self._closings = self._closings + 1
        self.lineages.append(lineage)
        return lineage

    def _empty(self, entry, lineage, stops=None):
        """What was ordered before a stop and takes effect after it never does."""
        regimen = carried_over(lineage.regimen, entry.data.get("regimen"))
        self.emptied.append(
            Interval(
                lineage.id, entry.event_id, entry.data["medication"], regimen,
                entry.time, entry.data["change"], entry.time, "stop",
            )
        )
        last = max(lineage.stops, key=lambda stop: stop.position)
        for stop in stops or [last]:
            self._flag("stopped_before_started", entry, stop)

    # Matching

    def _match(self, entry, states, among=None):
        """The lineage that the change applies to, AMBIGUOUS, or None."""
        for by, criterion in self._criteria(entry):
            found = self._one_of(entry, criterion, states, among)
            if found is not None:
                self._by = None if found is AMBIGUOUS else by
                return found
        return None

    def _one_of(self, entry, criterion, states, among=None):
        for state in states:
            hits = [
                one
                for one in (self.lineages if among is None else among)
                if one.state_for(entry) == state and criterion(one)
            ]
            if hits:
                return self._only(entry, hits)
        return None

    @staticmethod
    def _only(entry, hits):
        """Of several those that are not single doses, then the one whose frequency is named."""
        several = [one for one in hits if not is_single(one.regimen)] or hits
        if len(several) > 1 and entry.data["change"] not in OWN_FREQUENCY:
            given = entry.data.get("regimen")
            several = [
                one for one in several if names_frequency_of(given, one.regimen)
            ]
        return several[0] if len(several) == 1 else AMBIGUOUS

    def _last_closed(self, entry):
        """The lineage closed last among those that match by the first criterion that any does."""
        for by, criterion in self._criteria(entry):
            hits = [one for one in self.in_state(CLOSED) if criterion(one)]
            if hits:
                self._by = by
                return max(hits, key=lambda lineage: lineage.closed)
        return None

    def _criteria(self, entry):
        """Predicates, the strongest first: order id, RxNorm code, name, substance."""
        change, key = entry.data["change"], entry.data.get("replaces", entry.data["medication"])
        if "order_id" in key:
            yield "order_id", self._by_order(key)
            if key["order_id"] in self._named or key["order_id"] in self._started:
                return
            if change == "stop" and self._empties_a_start(entry):
                return
        spares_orders = change in ("stop", "hold") and "order_id" in key

        def may_match(one):
            return not (spares_orders and "order_id" in one.medication)

        if "rxcui" in key:
            yield "rxcui", lambda one: may_match(one) and (
                one.medication.get("rxcui") == key["rxcui"]
            )
        name = normalized(key["name"])
        yield "name", lambda one: may_match(one) and normalized(one.medication["name"]) == name
        regimen = None if change == "switch" else entry.data.get("regimen")
        named = SimpleNamespace(medication=key, regimen=regimen)

        def is_substance(one):
            # What a change of route names is named for the new one.
            group = group_of(one) if change == "change_route" else group_of(named)
            return self.formulary.same_substance(key, group, one.medication, group_of(one))

        yield "substance", lambda one: may_match(one) and is_substance(one)

    @staticmethod
    def _by_order(key):
        return lambda one: one.medication.get("order_id") == key["order_id"]

    @staticmethod
    def _same_product(one, other):
        return same_product(one.medication, other.medication) and routes_fit(
            group_of(one), group_of(other)
        )

    def _same_substance(self, one, other):
        return self.formulary.same_substance(
            one.medication, group_of(one), other.medication, group_of(other)
        )

    # Lineages

    def _open_lineage(self, entry, medication, regimen, started_by, index=None):
        id = entry.event_id if index is None else f"{entry.event_id}/{index}"
        lineage = Lineage(
            id, (entry.position, index or 0), index is not None, medication, regimen
        )
        self._touch(lineage, entry)
        self.lineages.append(lineage)
        self._open_interval(lineage, entry, started_by)
        if index is None:
            self._note(entry, lineage)

    def _next_interval(self, lineage, entry):
        """Opens the next interval of an open or held lineage.

        A change with a regimen renews the lineage's medication; its order id stays where the change
        names none, but for a switch, which is another medication's. A resume (or a start that goes
        on) without a regimen leaves the medication as it was, but that an order is now known.
        """
        self._touch(lineage, entry)
        change, before, regimen = entry.data["change"], lineage.medication, lineage.regimen
        if lineage.state == OPEN:
            self._end_interval(lineage, entry.time, change)
        lineage.state = OPEN
        if "regimen" in entry.data:
            lineage.medication = dict(entry.data["medication"])
            if "order_id" in before and change != "switch":
                lineage.medication.setdefault("order_id", before["order_id"])
            lineage.regimen = carried_over(regimen, entry.data["regimen"])
        elif change == "start" and "order_id" not in before:
            lineage.medication = before | {"order_id": entry.data["medication"]["order_id"]}
        self._open_interval(lineage, entry, change)
        difference = None if change == "switch" else percent(regimen, lineage.regimen)
        self._note(entry, lineage, difference)

    @staticmethod
    def _open_interval(lineage, entry, started_by):
        lineage.intervals.append(
            Interval(
                lineage.id, entry.event_id, lineage.medication, lineage.regimen,
                entry.time, started_by,
            )
        )

    @staticmethod
    def _end_interval(lineage, instant, ended_by):
        lineage.interval.end, lineage.interval.ended_by = instant, ended_by

    def _close(self, lineage, stop):
        if lineage.state == OPEN:
            self._end_interval(lineage, stop.time, "stop")
        lineage.state = CLOSED
        lineage.stops.append(stop)
        self.stopped.append((stop, lineage))
        lineage.closed = self._closings = self._closings + 1
        for interval in lineage.intervals:
            if interval.start == stop.time and interval.started_by != "admitted":
                self.flags.append(
                    ("stopped_before_started", [interval.event_id, stop.event_id])
                )

    @staticmethod
    def _touch(lineage, entry):
        lineage.events.append((entry.time, entry.event_id))

    def _note(self, entry, lineage, percent=None):
        self.changes.append((entry, lineage, self._by, percent))

    def _flag(self, flag, *entries):
        self.flags.append((flag, [entry.event_id for entry in entries]))


def order_ids_named(entry):
    """The order ids that an entry names."""
    if entry.type == "admitted":
        medications = [arriving["medication"] for arriving in entry.data.get("medications", ())]
    elif entry.type == "medication_adjusted":
        medications = [entry.data["medication"], entry.data.get("replaces", {})]
    else:
        return set()
    return {medication["order_id"] for medication in medications if "order_id" in medication}
