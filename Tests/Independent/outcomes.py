#!/usr/bin/env python3
"""The outcomes of a period, recomputed from recorded events without code of the ledger.

    outcomes.py --events events.ndjson --time-zone America/New_York \\
        --from 2024-01-01 --to 2024-12-31 [--program iop-adult-day]

Prints {"from", "to", "program", "by_reason": [{"reason", "teds_reason", "n"}], "discharges",
"alos_days", "adc"}: the discharges of the period by TEDS reason, their average length of stay, and
the average daily census.
"""

import argparse
import json
import sys

from census import census, length_of_stay
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


def outcomes(found, days, first, last, program=None):
    """The outcomes object; `found` is {episode id: (entries, stays)}."""
    reasons, lengths = {}, []
    for entries, stays in found.values():
        final = stays[-1]
        if final.end is None or (program is not None and final.program != program):
            continue
        if first <= days.date_of(final.end) <= last:
            reasons[final.end_reason] = reasons.get(final.end_reason, 0) + 1
            lengths.append(length_of_stay(entries, stays, days)[0])
    listed = [
        stay
        for _, stays in found.values()
        for stay in stays
        if program is None or stay.program == program
    ]
    enrolled = [
        group["census"] for day in census(listed, days, first, last) for group in day["groups"]
    ]
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "program": program,
        "by_reason": [
            {"reason": reason, "teds_reason": code, "n": reasons[reason]}
            for reason, code in TEDS_REASONS.items()
            if reason in reasons
        ],
        "discharges": len(lengths),
        "alos_days": sum(lengths) / len(lengths) if lengths else None,
        "adc": sum(enrolled) / ((last - first).days + 1),
    }


def main(arguments=None, output=None):
    output = output or sys.stdout
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_ledger_arguments(parser)
    parser.add_argument("--from", dest="first", type=parse_date, required=True)
    parser.add_argument("--to", dest="last", type=parse_date, required=True)
    parser.add_argument("--program")
    options = parser.parse_args(arguments)
    _, found, days = read_ledger(options)
    result = outcomes(found, days, options.first, options.last, options.program)
    json.dump(result, output, indent=1, ensure_ascii=False)
    print(file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
