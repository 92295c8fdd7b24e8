"""The command-line arguments that the independent programs share."""

import sys

from census import all_stays
from history import read_events
from local_days import LocalDays, parse_time_argument


def add_ledger_arguments(parser, effective_at=False):
    """Which events, in which zone, known when (and true when)."""
    parser.add_argument("--events", required=True, help="NDJSON file, or - for standard input")
    parser.add_argument("--time-zone", required=True, help="the ledger's IANA zone")
    parser.add_argument("--known-at", help="RFC 3339, or a date, which means its 24:00")
    parser.add_argument("--known-by", choices=("source", "ledger"), default="source")
    if effective_at:
        parser.add_argument("--effective-at", help="RFC 3339, or a date, which means its 24:00")


def read_episodes(path):
    """The events of a file of exported (or importable) events, by episode."""
    if path == "-":
        return read_events(sys.stdin)
    with open(path, encoding="utf-8") as lines:
        return read_events(lines)


def read_ledger(options):
    """(events by episode, (entries, stays) by episode as known, local days)."""
    days = LocalDays(options.time_zone)
    episodes = read_episodes(options.events)
    known_at = time_of(options.known_at, days)
    return episodes, all_stays(episodes, known_at, options.known_by), days


def time_of(text, days):
    """The instant of an optional command-line time."""
    return None if text is None else parse_time_argument(text, days)
