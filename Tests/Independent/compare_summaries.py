#!/usr/bin/env python3
"""Compares the independent discharge summaries with the ledger's.

    compare_summaries.py EXPECTED.json ACTUAL.ndjson

EXPECTED is the output of summaries.py, ACTUAL one `episode-ledger discharge-summary --format json`
document a line (interim ones are compared where EXPECTED has them, and skipped else). Exit 0 when all agree, 1 with the first differences.
"""

import sys

from comparison import (
    by_episode,
    counts,
    member_differences,
    read_documents,
    report,
    shown,
    two_paths,
)

CLIENT = (
    "client_id",
    "program",
    "admitted_at",
    "admission_date",
    "ended_at",
    "end_date",
    "last_contact_at",
    "length_of_stay_days",
    "levels_of_care",
)
LEVEL = ("program", "track", "level_of_care", "from", "to", "start_reason", "end_reason")
NUMBERS = ("attended", "hours", "weeks", "attendance_rate")
TALLIES = ("by_kind", "by_modality", "missed", "missed_after_end")


def value(element):
    """The value of {"value", "event_ids"}."""
    return None if element is None else element.get("value")


def flattened(document):
    """The ledger's document with the members of the independent summary, without medications."""
    client, care = document["client"], document["course_of_care"]
    found = {name: value(client.get(name)) for name in CLIENT}
    found["levels_of_care"] = [
        {name: level.get(name) for name in LEVEL} for level in found["levels_of_care"] or ()
    ]
    found.update(value(document["discharge"].get("reason")) or {})
    found.update({name: value(care.get(name)) for name in NUMBERS})
    found.update({name: counts(value(care.get(name))) for name in TALLIES})
    family = value(care.get("family_sessions"))
    if family is not None:
        found["family_sessions"] = family | {"participants": counts(family.get("participants"))}
    found["completeness"] = {
        name: value(element) for name, element in document["completeness"].items()
    }
    return found


def medication_differences(where, expected, actual):
    """Each list's number and lineages; without `lineage` in its values, the opening events.

    A pair of lineages, "one|other", may be told under either.
    """
    for name, lineages in expected.items():
        elements = actual.get(name, [])
        if len(elements) != len(lineages):
            yield f"{where} {name}: expected {len(lineages)}; got {len(elements)}"
        named = [value(element).get("lineage") for element in elements]
        if None not in named:
            got = {lineage.lower() for lineage in named}
            missing = [one for one in lineages if not got & set(one.split("|"))]
            more = sorted(got - {id for one in lineages for id in one.split("|")})
            if missing or more:
                yield f"{where} {name}: missing {shown(missing)}; not expected {shown(more)}"
            continue
        cited = {id.lower() for element in elements for id in element["event_ids"]}
        opening = {lineage.split("|")[0].split("/")[0] for lineage in lineages}
        if opening - cited:
            yield f"{where} {name}: missing {shown(sorted(opening - cited))}"


def later_differences(where, expected, actual):
    """What takes effect after the discharge: each lineage, and the times of its steps."""
    found = {}
    for element in actual:
        one = value(element)
        found[one["lineage"].lower()] = [
            {"at": step.get("at"), "change": step.get("change")} for step in one["steps"]
        ]
    yield from member_differences(
        where, {"after_discharge": expected}, {"after_discharge": found}, ("after_discharge",)
    )


def differences(expected, actual):
    """Every difference between the summaries, one text each."""
    ours, _ = by_episode(expected)
    theirs, found = by_episode(
        one
        for one in actual
        if one.get("status") != "interim"
        or ours.get(one["episode_id"].lower(), {}).get("status") == "interim"
    )
    for episode_id in sorted(set(ours) | set(theirs)):
        if episode_id not in theirs:
            found.append(f"{episode_id}: no summary")
            continue
        if episode_id not in ours:
            found.append(f"{episode_id}: not ended, but has a final summary")
            continue
        mine, other = ours[episode_id], theirs[episode_id]
        if other.get("parked"):
            found.append(f"{episode_id}: parked")
        names = [
            name
            for name in mine
            if name not in ("episode_id", "status", "medications", "after_discharge")
        ]
        found += member_differences(episode_id, mine, flattened(other), names)
        found += member_differences(episode_id, mine, other, ("status",))
        found += medication_differences(
            f"{episode_id} medications", mine["medications"], other["medications"]
        )
        found += later_differences(
            episode_id, mine["after_discharge"], other["medications"].get("after_discharge", ())
        )
    return found


def main(arguments=None):
    paths = two_paths(arguments, __doc__)
    if paths is None:
        return 64
    expected, actual = (read_documents(path) for path in paths)
    sessions = sum(one["attended"] for one in expected)
    lists = {}
    for one in expected:
        for name, lineages in one["medications"].items():
            lists[name] = lists.get(name, 0) + len(lineages)
    listed = " ".join(f"{name}={number}" for name, number in lists.items())
    return report(
        differences(expected, actual),
        f"equal: {len(expected)} summaries, {sessions} attended sessions; medications: {listed}",
    )


if __name__ == "__main__":
    sys.exit(main())
