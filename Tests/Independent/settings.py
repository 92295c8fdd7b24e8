"""The settings of a ledger: which key has which value from which date on.

They are read from what the program answers: a list of {"entry", "key", "value", "from_date",
"recorded_by", "recorded_at"}, or a document that has one as its member `settings`. Times of recording
are the ledger's.
"""

import json

from local_days import parse_date, parse_instant

DEFAULT = "default"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Settings:
    """Those recorded by K; none means what holds without any."""

    def __init__(self, rows=(), known_at=None):
        self._known = rows
        self._rows = [
            (row["key"], parse_date(row["from_date"]), row.get("entry", number), row["value"])
            for number, row in enumerate(rows)
            if known_at is None or parse_instant(row["recorded_at"]) <= known_at
        ]

    def known(self, known_at):
        """The same as it was known at a time, by whatever clock: a setting has one time."""
        return self if known_at is None else Settings(self._known, known_at)

    @classmethod
    def read(cls, path, known_at=None):
        if path is None:
            return cls()
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        rows = document if isinstance(document, list) else document.get("settings") or ()
        return cls(rows, known_at)

    def value(self, key, date):
        """The value in force on a date, or None: the last from-date, of several the last entry."""
        found = [row[1:] for row in self._rows if row[0] == key and row[1] <= date]
        value = max(found)[-1] if found else DEFAULT
        return None if value == DEFAULT else value

    def weekly_hours(self, program, date):
        value = self.value(f"weekly_hours.{program}", date)
        return None if value is None else float(value)

    def number(self, name, program, date):
        """The program's, else the ledger's."""
        for key in (f"{name}.{program}", name):
            value = self.value(key, date)
            if value is not None:
                return int(value)
        return None

    def not_reviewed_days(self, program, date):
        return self.number("not_reviewed_days", program, date)

    def first_weekday(self, date):
        """0 for Monday."""
        return WEEKDAYS.index(self.value("first_day_of_week", date) or "monday")
