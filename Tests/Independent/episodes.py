#!/usr/bin/env python3
"""The list of episodes, recomputed from recorded events without code of the ledger.

    episodes.py --events events.ndjson --time-zone America/New_York [--client ID]

Prints {"episodes": [{"episode_id", "client_id", "status", "program", "length_of_stay_days",
"overlapping_episode", "flags"}]}; flags are names of those about sessions.
"""

import argparse
import json
import sys
import time

from attendance import attendance
from census import length_of_stay, stays_of
from ledger_arguments import add_ledger_arguments, read_ledger, time_of


def overlap(one, other):
    """Whether two episodes' stays were going on at one time; an end is no part of a stay."""
    (start, end), (begin, finish) = ((stays[0].start, stays[-1].end) for stays in (one, other))
    return (finish is None or start < finish) and (end is None or begin < end)


def episode_rows(found, days, effective_at, client_id=None):
    """The rows at E, by admission; `found` is {episode id: (entries, stays)}."""
    episodes = {}
    for episode_id, (entries, _) in found.items():
        entries = [entry for entry in entries if entry.time <= effective_at]
        stays = stays_of(episode_id, entries)
        if stays:
            episodes[episode_id] = (entries, stays)
    rows = []
    for episode_id, (entries, stays) in episodes.items():
        others = [
            other
            for id, (_, other) in episodes.items()
            if id != episode_id and other[-1].client_id == stays[-1].client_id
        ]
        rows.append(
            {
                "episode_id": episode_id,
                "client_id": stays[-1].client_id,
                "status": "open" if stays[-1].end is None else "ended",
                "program": stays[-1].program,
                "length_of_stay_days": length_of_stay(entries, stays, days)[0],
                "overlapping_episode": any(overlap(stays, other) for other in others),
                "flags": attendance(episode_id, entries, days, effective_at)["flags"],
            }
        )
    rows.sort(key=lambda row: episodes[row["episode_id"]][1][0].start)
    return [row for row in rows if client_id in (None, row["client_id"])]


def main(arguments=None, output=None):
    output = output or sys.stdout
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_ledger_arguments(parser, effective_at=True)
    parser.add_argument("--client")
    options = parser.parse_args(arguments)
    _, found, days = read_ledger(options)
    effective_at = time_of(options.effective_at, days)
    if effective_at is None:
        effective_at = time.time_ns() // 1000
    rows = episode_rows(found, days, effective_at, options.client)
    json.dump({"episodes": rows}, output, indent=1, ensure_ascii=False)
    print(file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
