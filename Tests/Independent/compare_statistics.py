#!/usr/bin/env python3
"""Compares the independent statistics with the ledger's, and checks their identity.

    compare_statistics.py EXPECTED.json ACTUAL.json

EXPECTED is the output of program_statistics.py, ACTUAL of `episode-ledger statistics --from D1 --to
D2 [--program P] [--by month|week] --format json`, or each several, one a line. Compared are every
period's and group's figures and the readmissions; in all of them what was carried over and what came
must be what went and what remains, and the sessions of each dimension's groups must add up to the
total. Exit 0 when all agree, 1 with the differences.
"""

import sys
from collections import Counter

from comparison import (
    counts,
    member_differences,
    read_documents,
    report,
    shown,
    two_paths,
)

DIMENSIONS = ("referral_source", "payer_class", "prior_level_of_care", "track", "schedule")
FIGURES = (
    "carried_over", "admitted", "transferred_in", "ended", "transferred_out", "remaining",
    "clients", "readmissions", "mean_los_days", "median_los_days", "service_days", "attended",
    "missed", "attendance_rate", "no_show_rate", "judged_weeks", "weeks_below", "below_rate",
)
READMISSION = (
    "client_id", "program", "admitted_at", "previous_episode_id", "previous_ended_at", "days",
)


def figures(found):
    return found | {name: counts(found.get(name)) for name in ("ended", "missed")}


def identity_failure(where, found):
    """Carried over + admitted + transferred in = ended + transferred out + remaining."""
    came = found["carried_over"] + found["admitted"] + found["transferred_in"]
    went = sum(found["ended"].values()) + found["transferred_out"] + found["remaining"]
    if came != went:
        yield f"{where}: {came} were there or came, but {went} went or remain"


def sum_failures(where, period):
    """The sessions of a dimension's groups, attended and missed by reason, are those of the total."""

    def sessions(found):
        return Counter(counts(found["missed"])) + Counter(attended=found["attended"])

    for dimension in DIMENSIONS:
        groups = [one for one in period["groups"] if one["dimension"] == dimension]
        parts, whole = sum(map(sessions, groups), Counter()), sessions(period["total"])
        if parts != whole:
            yield f"{where} {dimension}: groups have {shown(parts)} of {shown(whole)} sessions"


def by_group(period):
    return {(group["dimension"], group["value"]): group for group in period["groups"]}


def period_differences(expected, actual):
    where = f"{expected['from']} to {expected['to']}"
    ours, theirs = by_group(expected), by_group(actual)
    ours[("total", None)], theirs[("total", None)] = expected["total"], actual["total"]
    for key in sorted(set(ours) | set(theirs), key=str):
        at = f"{where} {key[0]} {key[1] or 'not recorded'}"
        if key not in ours or key not in theirs:
            yield f"{at}: {'not expected' if key in theirs else 'not listed'}"
            continue
        yield from member_differences(at, figures(ours[key]), figures(theirs[key]), FIGURES)
        for name, found in (("expected", ours[key]), ("actual", theirs[key])):
            yield from identity_failure(f"{at} ({name})", found)
    for name, found in (("expected", expected), ("actual", actual)):
        yield from sum_failures(f"{where} ({name})", found)
    again = [
        {
            row["episode_id"].lower(): {name: row.get(name) for name in READMISSION}
            for row in one["readmissions"]
        }
        for one in (expected, actual)
    ]
    for episode_id in sorted(set(again[0]) | set(again[1])):
        yield from member_differences(
            f"{where} readmissions", *again, (episode_id,)
        )


def differences(expected, actual):
    """Every difference between the statistics, one text each."""
    if len(expected) != len(actual):
        yield f"expected {len(expected)} statistics; got {len(actual)}"
    for ours, theirs in zip(expected, actual):
        if theirs.get("parked"):
            yield f"{ours['from']} to {ours['to']}: parked"
        dates = [
            [(period["from"], period["to"]) for period in one["periods"]] for one in (ours, theirs)
        ]
        if dates[0] != dates[1]:
            yield f"{ours['from']} to {ours['to']}: other periods"
            continue
        for pair in zip(ours["periods"], theirs["periods"]):
            yield from period_differences(*pair)


def main(arguments=None):
    paths = two_paths(arguments, __doc__)
    if paths is None:
        return 64
    expected, actual = (read_documents(path) for path in paths)
    periods = [period for one in expected for period in one["periods"]]
    groups = sum(len(period["groups"]) for period in periods)
    again = sum(len(period["readmissions"]) for period in periods)
    return report(
        list(differences(expected, actual)),
        f"equal: {len(periods)} periods, {groups} groups, {again} readmissions; the identities hold",
    )


if __name__ == "__main__":
    sys.exit(main())
