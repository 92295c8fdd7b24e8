#!/usr/bin/env python3
"""Discharge summaries of ended episodes, recomputed from recorded events: dates and counts.

    summaries.py --events events.ndjson --time-zone America/New_York > expected.json

Prints a JSON list by episode id: the stay's dates and levels of care, the reason for its end, the
course of care in numbers, the lineages of medications in each list of the reconciliation, what takes
effect after the discharge, and the completeness. `--interim` adds the open episodes. The rules are
those of read-models.md, "Discharge summary".
"""

import argparse
import json
import sys

from attendance import monday_of
from census import last_contact, length_of_stay, stays_of
from ledger_arguments import add_ledger_arguments, read_ledger, time_of
from local_days import format_instant
from medication_lineages import HELD, MedicationCourses, end_of, group_of
from outcomes import TEDS_REASONS
from regimens import is_single
from sessions import EpisodeSessions, attendance_rate, missed_by_reason, sum_of_weeks, tally
from substances import Formulary, normalized

OF_THE_LIVING = ("information_to_client_and_family", "follow_up")
LISTS = (
    "at_admission",
    "at_discharge",
    "continued",
    "changed",
    "new",
    "held",
    "stopped",
    "started_and_stopped",
)


def is_same(one, other):
    """Whether two snapshots have the same medication (by rxcui or name) and regimen."""
    codes = [state.medication.get("rxcui") for state in (one, other)]
    names = [normalized(state.medication["name"]) for state in (one, other)]
    same_medication = names[0] == names[1] or (codes[0] is not None and codes[0] == codes[1])
    return same_medication and (one.regimen or {}) == (other.regimen or {})


def medications(entries, start, until, formulary):
    """{list: lineage ids} of the reconciliation of admission and discharge (or E).

    At discharge is what takes effect at that instant too, single doses aside. A lineage held at the
    end is listed as held, in none of continued, changed and new. Where one lineage was only at
    admission and one only at discharge, of one substance, the pair is changed, as "new|old".
    """
    courses = MedicationCourses(
        [entry for entry in entries if entry.time <= until], formulary, entries
    )
    at_discharge = {
        id: state for id, state in courses.snapshots().items() if not is_single(state.regimen)
    }
    found = {name: [] for name in LISTS}
    for lineage in courses.lineages:
        admission = courses.at_admission.get(lineage.id)
        discharge = at_discharge.get(lineage.id)
        if admission is not None:
            found["at_admission"].append(lineage.id)
        if discharge is not None:
            found["at_discharge"].append(lineage.id)
        name = category(lineage, admission, discharge, start, until)
        if name is not None:
            found[name].append(lineage.id)
    for gone, come in replaced(courses, found, at_discharge, formulary):
        found["stopped"].remove(gone)
        found["new"].remove(come)
        found["changed"].append(f"{come}|{gone}")
    return {name: sorted(ids) for name, ids in found.items()}


def replaced(courses, found, at_discharge, formulary):
    """The pairs of one stopped and one new lineage of a substance, each lineage once, in order."""
    pairs, taken = [], set()
    for gone in found["stopped"]:
        old = courses.at_admission[gone]
        for come in found["new"]:
            new = at_discharge[come]
            if come not in taken and formulary.same_substance(
                old.medication, group_of(old), new.medication, group_of(new)
            ):
                taken.add(come)
                pairs.append((gone, come))
                break
    return pairs


def after_discharge(entries, until, formulary, known_by_then):
    """{lineage id: [{"at", "change"}]} of what takes effect later: starts, steps, holds and stops.

    All that is known; of an open episode (`known_by_then`) what was known at E, which is scheduled.
    """
    known = {entry.event_id: entry.known for entry in entries}
    found = {}
    for lineage in MedicationCourses(entries, formulary).lineages:
        steps = [
            (one.start, one.started_by, one.event_id)
            for one in lineage.intervals
            if one.was_in_force
        ] + [(hold.start, "hold", hold.event_id) for hold in lineage.holds]
        if lineage.intervals:
            steps += [(stop.time, "stop", stop.event_id) for stop in lineage.stops]
        later = [
            {"at": format_instant(at), "change": change}
            for at, change, event_id in sorted(steps)
            if at > until and not (known_by_then and known[event_id] > until)
        ]
        if later:
            found[lineage.id] = later
    return found


def category(lineage, admission, discharge, start, end):
    """Which list of the reconciliation the lineage is in, besides the two of the dates."""
    if discharge is not None:
        if discharge.state == HELD:
            return "held"
        if admission is None:
            return "new"
        return "continued" if is_same(admission, discharge) else "changed"
    if admission is not None:
        return "stopped"
    was_active = any(
        interval.was_in_force
        and interval.start <= end
        and (interval.end is None or interval.end > start)
        for interval in lineage.intervals
    )
    return "started_and_stopped" if was_active else None


def course_of_care(found, days):
    """The sessions in numbers."""
    sessions = found.sessions
    attended = [session for session in sessions if session.attended]
    family = [session for session in sessions if session.family]
    return {
        "attended": len(attended),
        "by_kind": tally(session.kind for session in attended),
        "by_modality": tally(
            session.entry.data["modality"]
            for session in attended
            if "modality" in session.entry.data
        ),
        "hours": sum_of_weeks(sessions, days, monday_of),
        "attendance_rate": attendance_rate(found.expected),
        "missed": missed_by_reason(sessions),
        "missed_after_end": missed_by_reason(found.missed_after_end),
        "family_sessions": {
            "held": len(family),
            "with_client": sum(session.attended for session in family),
            "participants": tally(
                participant["relation"]
                for session in family
                for participant in session.entry.data["participants"]
            ),
        },
    }


def completeness(admission, ending, sessions):
    """What the Joint Commission wants in a summary: present or missing."""
    took_place = any(session.attended or session.family for session in sessions)
    end = ending.data
    found = {
        "reason_for_admission": admission.data.get("reason"),
        "care_provided": took_place,
        "condition_and_disposition": end.get("condition")
        and (end.get("disposition") or end.get("reason")),
        "information_to_client_and_family": end.get("instructions"),
        "follow_up": end.get("aftercare"),
    }
    of_the_dead = OF_THE_LIVING if has_died(ending) else ()
    return {
        name: "not_applicable" if name in of_the_dead else "present" if value else "missing"
        for name, value in found.items()
    }


def has_died(ending):
    return ending.data.get("reason") == "died" or ending.data.get("disposition") == "exp"


def level_row(stay):
    return {
        "program": stay.program,
        "track": stay.track,
        "level_of_care": stay.level_of_care,
        "from": format_instant(stay.start),
        "to": None if stay.end is None else format_instant(stay.end),
        "start_reason": stay.start_reason,
        "end_reason": stay.end_reason,
    }


def summary(episode_id, entries, days, formulary, effective_at=None):
    """The summary of one episode at E (None: of all), or None before its admission.

    An interim one, of an episode that has not ended, lacks what only an end has.
    """
    history = [
        entry for entry in entries if effective_at is None or entry.time <= effective_at
    ]
    stays = stays_of(episode_id, history)
    if not stays:
        return None
    start, end, ending = stays[0].start, stays[-1].end, end_of(history)
    admission = next(entry for entry in history if entry.type == "admitted")
    found = EpisodeSessions(history, stays, days)
    until = effective_at if end is None else end
    first, last = days.date_of(start), days.date_of(until)
    length = length_of_stay(history, stays, days)[0]
    result = {
        "episode_id": episode_id,
        "status": "interim" if end is None else "final",
        "client_id": stays[-1].client_id,
        "program": stays[-1].program,
        "admitted_at": format_instant(start),
        "admission_date": first.isoformat(),
        "levels_of_care": [level_row(stay) for stay in stays],
        **course_of_care(found, days),
        "weeks": -(-(length or (last - first).days + 1) // 7),
        "medications": medications(entries, start, until, formulary),
        "after_discharge": after_discharge(entries, until, formulary, end is None),
    }
    if end is None:
        return result
    reason = stays[-1].end_reason
    if has_died(ending):
        result["after_discharge"] = {}
    return result | {
        "ended_at": format_instant(end),
        "end_date": last.isoformat(),
        "last_contact_at": format_instant(last_contact(history, stays, days)[0]),
        "length_of_stay_days": length,
        "reason": reason,
        "teds_reason": TEDS_REASONS[reason],
        "completeness": completeness(admission, ending, found.sessions),
    }


def main(arguments=None, output=None):
    output = output or sys.stdout
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_ledger_arguments(parser, effective_at=True)
    parser.add_argument("--interim", action="store_true", help="open episodes too, at E")
    options = parser.parse_args(arguments)
    if options.interim and options.effective_at is None:
        parser.error("--interim needs --effective-at")
    _, found, days = read_ledger(options)
    effective_at = time_of(options.effective_at, days)
    formulary = Formulary.read()
    summaries = [
        summary(episode_id, entries, days, formulary, effective_at)
        for episode_id, (entries, stays) in found.items()
        if effective_at is not None or stays[-1].end is not None
    ]
    wanted = [one for one in summaries if one and (options.interim or one["status"] == "final")]
    json.dump(wanted, output, indent=1, ensure_ascii=False)
    print(file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
