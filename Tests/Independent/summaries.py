#!/usr/bin/env python3
"""Discharge summaries of ended episodes, recomputed from recorded events: dates and counts.

    summaries.py --events events.ndjson --time-zone America/New_York > expected.json

Prints a JSON list by episode id: the stay's dates and levels of care, the reason for its end, the
course of care in numbers, the lineages of medications in each list of the reconciliation, and the
completeness. The rules are those of read-models.md, "Discharge summary".
"""

import argparse
import json
import sys

from attendance import iso_weeks
from census import last_contact, length_of_stay, stays_of
from ledger_arguments import add_ledger_arguments, read_ledger, time_of
from local_days import format_instant
from medication_lineages import HELD, MedicationCourses, end_of, normalized
from outcomes import TEDS_REASONS
from sessions import attendance_rate, counted_sessions, hours, missed_by_reason, tally

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


def medications(entries, start, end):
    """{list: lineage ids} of the reconciliation of admission and discharge.

    A lineage held at the end is listed as held, in none of continued, changed and new.
    """
    courses = MedicationCourses(entries)
    found = {name: [] for name in LISTS}
    for lineage in courses.lineages:
        admission = courses.at_admission.get(lineage.id)
        discharge = courses.at_end.get(lineage.id)
        if admission is not None:
            found["at_admission"].append(lineage.id)
        if discharge is not None:
            found["at_discharge"].append(lineage.id)
        name = category(lineage, admission, discharge, start, end)
        if name is not None:
            found[name].append(lineage.id)
    return {name: sorted(ids) for name, ids in found.items()}


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
        interval.was_in_force and interval.start < end and interval.end > start
        for interval in lineage.intervals
    )
    return "started_and_stopped" if was_active else None


def course_of_care(sessions):
    """The sessions in numbers."""
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
        "hours": hours(sessions),
        "attendance_rate": attendance_rate(sessions),
        "missed": missed_by_reason(sessions),
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
    return {name: "present" if value else "missing" for name, value in found.items()}


def level_row(stay):
    return {
        "program": stay.program,
        "track": stay.track,
        "level_of_care": stay.level_of_care,
        "from": format_instant(stay.start),
        "to": format_instant(stay.end),
        "start_reason": stay.start_reason,
        "end_reason": stay.end_reason,
    }


def summary(episode_id, entries, days):
    """The summary of one episode, or None where it has not ended."""
    stays = stays_of(episode_id, entries)
    if not stays or stays[-1].end is None:
        return None
    start, end = stays[0].start, stays[-1].end
    admission = next(entry for entry in entries if entry.type == "admitted")
    sessions = counted_sessions(entries, start, end)
    reason = stays[-1].end_reason
    first, last = days.date_of(start), days.date_of(end)
    return {
        "episode_id": episode_id,
        "client_id": stays[-1].client_id,
        "program": stays[-1].program,
        "admitted_at": format_instant(start),
        "admission_date": first.isoformat(),
        "ended_at": format_instant(end),
        "end_date": last.isoformat(),
        "last_contact_at": format_instant(last_contact(entries, stays)[0]),
        "length_of_stay_days": length_of_stay(entries, stays, days)[0],
        "reason": reason,
        "teds_reason": TEDS_REASONS[reason],
        "levels_of_care": [level_row(stay) for stay in stays],
        **course_of_care(sessions),
        "weeks": len(iso_weeks(first, last)),
        "medications": medications(entries, start, end),
        "completeness": completeness(admission, end_of(entries), sessions),
    }


def main(arguments=None, output=None):
    output = output or sys.stdout
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_ledger_arguments(parser, effective_at=True)
    options = parser.parse_args(arguments)
    _, found, days = read_ledger(options)
    effective_at = time_of(options.effective_at, days)
    summaries = []
    for episode_id, (entries, _) in found.items():
        if effective_at is not None:
            entries = [entry for entry in entries if entry.time <= effective_at]
        summaries.append(summary(episode_id, entries, days))
    ended = [one for one in summaries if one is not None]
    json.dump(ended, output, indent=1, ensure_ascii=False)
    print(file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
