"""Instants and local days, as the ledger's contract means them (read-models.md, "Two clocks").

Instants are whole microseconds since 1970-01-01T00:00:00Z. A day begins at the first instant of
its local date, also when the clocks change: where 00:00 is skipped the day begins at 01:00, where
clocks go back over midnight the repeated hour belongs to the new day, and a date that a zone
skipped altogether is an empty day.
"""

import re
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)


def parse_instant(text):
    """Microseconds since 1970 of an RFC 3339 text; digits beyond six are cut off."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"not an RFC 3339 time with an offset: {text!r}")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, zulu, sign, offset_hours, offset_minutes = match.groups()[6:]
    moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    result = (moment - EPOCH) // MICROSECOND + int(((fraction or "") + "000000")[:6])
    if not zulu:
        offset = (int(offset_hours) * 60 + int(offset_minutes)) * MINUTE
        result -= offset if sign == "+" else -offset
    return result


def format_instant(instant):
    """The canonical text: YYYY-MM-DDTHH:MM:SS.ffffffZ."""
    return utc(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def utc(instant):
    """The instant as an aware datetime in UTC."""
    return EPOCH + instant * MICROSECOND


class LocalDays:
    """The days of one IANA time zone."""

    def __init__(self, zone):
        self.zone = ZoneInfo(zone)
        self._starts = {}

    def date_of(self, instant):
        """The date of the day that the instant belongs to."""
        day = self._local_date(instant) + timedelta(days=2)
        while self.start(day) > instant:
            day -= timedelta(days=1)
        return day

    def start(self, day):
        """The first instant whose local date is `day` (or later, where the zone skipped it)."""
        if day not in self._starts:
            self._starts[day] = self._find_start(day)
        return self._starts[day]

    def end(self, day):
        """24:00 of the day, which is the start of the next."""
        return self.start(day + timedelta(days=1))

    def transitions(self, first, last):
        """The instants in [first, last] at which the offset from UTC changes."""
        step = 15 * MINUTE
        found = []
        for before in range(first, last, step):
            low, high = before, before + step
            if self._offset(low) == self._offset(high):
                continue
            while high - low > 1:
                middle = (low + high) // 2
                if self._offset(middle) == self._offset(low):
                    low = middle
                else:
                    high = middle
            found.append(high)
        return found

    def _find_start(self, day):
        midnight = (datetime(day.year, day.month, day.day, tzinfo=timezone.utc) - EPOCH) // (
            MICROSECOND
        )
        first, last = midnight - 27 * HOUR, midnight + 27 * HOUR
        changes = self.transitions(first, last)
        offsets = {self._offset(first)} | {self._offset(change) for change in changes}
        candidates = set(changes) | {midnight - offset for offset in offsets}
        return min(
            instant
            for instant in candidates
            if self._local_date(instant) >= day and self._local_date(instant - 1) < day
        )

    def _offset(self, instant):
        return utc(instant).astimezone(self.zone).utcoffset() // MICROSECOND

    def _local_date(self, instant):
        return utc(instant).astimezone(self.zone).date()


def parse_date(text):
    """A calendar date from YYYY-MM-DD."""
    return date.fromisoformat(text)


def parse_time_argument(text, days):
    """A command-line time: RFC 3339, or a date, which means its 24:00 in the ledger's zone."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return days.end(parse_date(text))
    return parse_instant(text)
