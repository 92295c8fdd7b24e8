#!/usr/bin/env python3
"""Retention in the services of a period, recomputed from recorded events without code of the ledger.

    retention.py --events events.ndjson --time-zone America/New_York \\
        --from 2024-01-01 --to 2024-12-31 --effective-at T [--program P] [--level-of-care L]

Prints {"from", "to", "program", "level_of_care", "began", "open", "readings", "told_through_day",
"days", "ended", "groups"}. A service is an unbroken time at one level of care. With n_d the services
that reached day d, e_d those that ended on it and e_r,d those that ended for reason r: S(d) is the
product of 1 - e_k / n_k for k up to d, F_r(d) the sum of S(k - 1) * e_r,k / n_k. Both are worked out as
fractions, from the definition, for each day anew.
"""

import argparse
import json
import math
import sys
import time
from fractions import Fraction

from census import days_from, last_contact
from ledger_arguments import add_ledger_arguments, read_ledger, time_of
from local_days import parse_date
from outcomes import TEDS_REASONS, add_period, lengths_of_stay, services
from session_rows import through

READ_OFF = (7, 14, 30, 60, 90)
LEAST = 10
Z = 1.959963984540054  # of 95 %, both sides


def all_services(found, days, effective_at):
    """{begun, ended, reason, length, program, level} of every service; `ended` and `reason` None: it
    lasts, and its length is that up to E."""
    for entries, stays in found.values():
        for service in services(stays):
            first, last = service[0], service[-1]
            is_final = last is stays[-1]
            reason = last.end_reason if is_final else "transferred"
            if last.end is None:
                reason, contact = None, effective_at
            elif is_final:
                contact = last_contact(entries, stays, days)[0]
            else:
                contact = last.end
            yield {
                "begun": days.date_of(first.start),
                "ended": None if last.end is None else days.date_of(last.end),
                "reason": reason,
                "length": days_from(first.start, contact, last.level_of_care, days),
                "program": last.program,
                "level": last.level_of_care,
            }


def at_risk(begun, day):
    return sum(one["length"] >= day for one in begun)


def ends_on(begun, day):
    """How many ended on a day, by reason."""
    found = [one["reason"] for one in begun if one["length"] == day and one["reason"] is not None]
    return {reason: found.count(reason) for reason in TEDS_REASONS if reason in found}


def survival(begun, day):
    """S(d)."""
    shares = (
        1 - Fraction(sum(ends_on(begun, one).values()), at_risk(begun, one))
        for one in range(1, day + 1)
    )
    return math.prod(shares, start=Fraction(1))


def curve(begun, least=LEAST):
    """Every day that enough reached, with S and F as fractions."""
    days, shares, before = [], {}, Fraction(1)
    while at_risk(begun, len(days) + 1) >= max(least, 1):
        day = len(days) + 1
        ended = ends_on(begun, day)
        for reason, number in ended.items():
            part = before * Fraction(number, at_risk(begun, day))
            shares[reason] = shares.get(reason, 0) + part
        before *= 1 - Fraction(sum(ended.values()), at_risk(begun, day))
        days.append(
            {
                "day": day,
                "at_risk": at_risk(begun, day),
                "ended": ended,
                "retained": before,
                "ended_shares": dict(shares),
            }
        )
    return days


def as_numbers(day):
    return day | {
        "retained": float(day["retained"]),
        "ended_shares": {name: float(share) for name, share in day["ended_shares"].items()},
    }


def wilson(number, total):
    """The bounds of Wilson's interval: the shares at which the count lies Z deviations away.

    They solve (share - p)^2 = Z^2 p (1 - p) / n, a quadratic equation in p.
    """
    share = number / total
    a, b, c = 1 + Z * Z / total, -(2 * share + Z * Z / total), share * share
    root = math.sqrt(max(b * b - 4 * a * c, 0))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def summed_up(ended):
    """What is told of services that ended."""
    reasons = [one["reason"] for one in ended]
    lengths = [one["length"] for one in ended]
    completed = reasons.count("completed")
    low, high = wilson(completed, len(ended)) if ended else (None, None)
    of_stay = lengths_of_stay(lengths)
    weeks = [(length - 1) // 7 for length in lengths]
    return {
        "n": len(ended),
        "by_reason": [
            {"reason": reason, "teds_reason": code, "n": reasons.count(reason)}
            for reason, code in TEDS_REASONS.items()
            if reason in reasons
        ],
        "completed": completed,
        "share": completed / len(ended) if ended else None,
        "low": low,
        "high": high,
        "mean_los_days": of_stay["alos_days"],
        "median_los_days": of_stay["median_los_days"],
        "los_quartile_days": of_stay["los_quartile_days"],
        "los_weeks": [weeks.count(week) for week in range(max(weeks, default=-1) + 1)],
    }


def retention(
    found, days, first, last, effective_at, program=None, level_of_care=None, least=LEAST
):
    """The retention object; `found` is {episode id: (entries, stays)}."""
    wanted = [
        one
        for one in all_services(through(found, effective_at), days, effective_at)
        if program in (None, one["program"]) and level_of_care in (None, one["level"])
    ]
    begun = [one for one in wanted if first <= one["begun"] <= last]
    ended = [one for one in wanted if one["ended"] is not None and first <= one["ended"] <= last]
    told = [as_numbers(day) for day in curve(begun, least)]
    groups = []
    for dimension, value_of in (
        ("program", lambda one: one["program"]),
        ("level_of_care", lambda one: one["level"]),
        ("month", lambda one: one["ended"].isoformat()[:7]),
    ):
        for value in sorted({value_of(one) for one in ended}):
            of_group = [one for one in ended if value_of(one) == value]
            groups.append({"dimension": dimension, "value": value} | summed_up(of_group))
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "program": program,
        "level_of_care": level_of_care,
        "began": len(begun),
        "open": sum(one["reason"] is None for one in begun),
        "readings": [
            {
                "day": day,
                "at_risk": at_risk(begun, day),
                "estimate": None
                if day > len(told)
                else {name: told[day - 1][name] for name in ("retained", "ended_shares")},
            }
            for day in READ_OFF
        ],
        "told_through_day": len(told),
        "days": told,
        "ended": summed_up(ended),
        "groups": groups,
    }


def main(arguments=None, output=None):
    output = output or sys.stdout
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_ledger_arguments(parser, effective_at=True)
    add_period(parser)
    parser.add_argument("--level-of-care")
    options = parser.parse_args(arguments)
    _, found, days = read_ledger(options)
    effective_at = time_of(options.effective_at, days)
    if effective_at is None:
        effective_at = time.time_ns() // 1000
    result = retention(
        found, days, options.first, options.last, effective_at, options.program,
        options.level_of_care,
    )
    json.dump(result, output, indent=1, ensure_ascii=False)
    print(file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
