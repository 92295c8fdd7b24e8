#!/usr/bin/env python3
"""The outcomes of a period, recomputed from recorded events without code of the ledger.

    outcomes.py --events events.ndjson --time-zone America/New_York \\
        --from 2024-01-01 --to 2024-12-31 [--program iop-adult-day] [--by service]

Prints {"from", "to", "program", "by", "by_reason", "discharges", "alos_days", "median_los_days",
"los_quartile_days", "adc", "average_daily_enrolment"}: how the episodes ended that ended in the
period, and how long they lasted; with `--by service` the same of every unbroken time at one level of
care, as TEDS counts them.
"""

import argparse
import json
import sys
from datetime import timedelta

from census import census, days_from, last_contact, length_of_stay
from ledger_arguments import add_ledger_arguments, read_ledger
from local_days import parse_date

TEDS_REASONS = {
    "completed": 1,
    "dropped_out": 2,
    "terminated": 3,
    "transferred": 4,
    "incarcerated": 5,
    "died": 6,
    "other": 7,
}


def quantile(values, share):
    """The quantile by linear interpolation between the ordered values (QUARTILE.INC)."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def lengths_of_stay(lengths):
    """The average, the median and the quartiles, None of nothing."""
    if not lengths:
        return {"alos_days": None, "median_los_days": None, "los_quartile_days": None}
    return {
        "alos_days": sum(lengths) / len(lengths),
        "median_los_days": quantile(lengths, 0.5),
        "los_quartile_days": [quantile(lengths, 0.25), quantile(lengths, 0.75)],
    }


def ended_episodes(found, days):
    """(end, program, reason, length) of every episode that ended."""
    for entries, stays in found.values():
        final = stays[-1]
        if final.end is not None:
            length = length_of_stay(entries, stays, days)[0]
            yield final.end, final.program, final.end_reason, length


def ended_services(found, days):
    """The same of every unbroken time at one level of care; what another level follows is a
    transfer."""
    for entries, stays in found.values():
        for service in services(stays):
            first, last = service[0], service[-1]
            if last.end is None:
                continue
            is_final = last is stays[-1]
            contact = last_contact(entries, stays, days)[0] if is_final else last.end
            reason = last.end_reason if is_final else "transferred"
            length = days_from(first.start, contact, last.level_of_care, days)
            yield last.end, last.program, reason, length


def services(stays):
    """The stays in groups, each of one unbroken level of care."""
    groups = []
    for stay in stays:
        if groups and groups[-1][-1].level_of_care == stay.level_of_care:
            groups[-1].append(stay)
        else:
            groups.append([stay])
    return groups


def touches(stay, days, first, last):
    """The dates from first to last on which the stay was, its own first and last both counted."""
    start = max(days.date_of(stay.start), first)
    end = last if stay.end is None else min(days.date_of(stay.end), last)
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]


def outcomes(found, days, first, last, program=None, by="episode"):
    """The outcomes object; `found` is {episode id: (entries, stays)}."""
    ended = ended_services(found, days) if by == "service" else ended_episodes(found, days)
    counted = [
        (reason, length)
        for end, of_program, reason, length in ended
        if first <= days.date_of(end) <= last and program in (None, of_program)
    ]
    reasons = [reason for reason, _ in counted]
    listed = [
        stay for _, stays in found.values() for stay in stays if program in (None, stay.program)
    ]
    enrolled = [
        group["census"] for day in census(listed, days, first, last) for group in day["groups"]
    ]
    present = {
        (stay.episode_id, date) for stay in listed for date in touches(stay, days, first, last)
    }
    length = (last - first).days + 1
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "program": program,
        "by": by,
        "by_reason": [
            {"reason": reason}
            | ({"teds_reason": code} if by == "service" else {})
            | {"n": reasons.count(reason)}
            for reason, code in TEDS_REASONS.items()
            if reason in reasons
        ],
        "discharges": len(counted),
        **lengths_of_stay([length for _, length in counted]),
        "adc": sum(enrolled) / length,
        "average_daily_enrolment": len(present) / length,
    }


def add_period(parser):
    parser.add_argument("--from", dest="first", type=parse_date, required=True)
    parser.add_argument("--to", dest="last", type=parse_date, required=True)
    parser.add_argument("--program")


def main(arguments=None, output=None):
    output = output or sys.stdout
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_ledger_arguments(parser)
    add_period(parser)
    parser.add_argument("--by", choices=("episode", "service"), default="episode")
    options = parser.parse_args(arguments)
    _, found, days = read_ledger(options)
    result = outcomes(
        found, days, options.first, options.last, options.program, options.by
    )
    json.dump(result, output, indent=1, ensure_ascii=False)
    print(file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
