"""How many statements a page takes, however many rows it shows."""

import pathlib
import re
import unittest

from pages import DAY, LEDGER, PAGES, TABS, Pages
from service import Reader, Service

# Beginning and ending a transaction is not counted.
STATEMENT = re.compile(r"LOG:  (?:execute [^:]*|statement): (?!begin|commit|rollback|set local)", re.I)


class Statements(Pages):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Sessions that begin from now on are logged: those of a service of their own.
        cls.service.sql("alter database episode_ledger set log_statement = 'all'")
        try:
            cls.second = Service("--without-workers", beside=cls.service).start()
        except BaseException:
            cls.tearDownClass()
            raise
        secret = cls.reader.cookie.split("=", 1)[1]
        cls.counted = Reader(cls.second, f"session-{cls.second.port}={secret}")

    @classmethod
    def tearDownClass(cls):
        cls.service.sql("alter database episode_ledger reset log_statement")
        if "second" in cls.__dict__:
            cls.second.stop()

    def log(self):
        return pathlib.Path(f"{self.service.data}/postgresql/server.log").read_text(
            encoding="utf-8", errors="replace")

    def count(self, path):
        """The fewest statements of several requests: others may be counted among them."""
        found = []
        for _ in range(4):
            before = len(self.log())
            self.counted.get(path)
            found.append(len(STATEMENT.findall(self.log()[before:])))
        return min(found)

    def test_a_list_of_now_takes_at_most_six(self):
        paths = [*PAGES, "record/admitted"]
        for path in [f"/ledgers/{LEDGER}/{name}" for name in paths]:
            with self.subTest(path):
                count = self.count(path)
                self.assertGreaterEqual(count, 3, "the session, the head, the access log")
                self.assertLessEqual(count, 6)

    def test_a_sheet_takes_as_many_however_many_rows_it_has(self):
        # More than a list: who is enrolled, sessions, and what the events have beside them.
        counts = {
            (ledger, program): self.count(
                f"/ledgers/{ledger}/sheet?program={program}&start=2025-12-30T17:30")
            for ledger, program in ((LEDGER, "iop-adult-evening"), ("states", "iop-adult-day"))}
        self.assertEqual(len(set(counts.values())), 1, counts)
        self.assertLessEqual(max(counts.values()), 11)
        self.assertLessEqual(self.count(f"/ledgers/{LEDGER}/sheet"), 7)

    def test_a_list_takes_as_many_for_two_hundred_clients_as_for_a_dozen(self):
        counts = {}
        for ledger in (LEDGER, "states"):
            # Each time is another answer.
            counts[ledger] = {
                name: self.first(f"/ledgers/{ledger}/{name}", date)
                for name in PAGES for date in [DAY]}
        for name in PAGES:
            # Episodes of which something lies after the time are folded: two more for all of them.
            self.assertLessEqual(abs(counts[LEDGER][name] - counts["states"][name]), 2, name)
        print("statements of a page that is worked out anew:", counts[LEDGER])

    def first(self, path, date):
        """The fewest statements of several answers that nobody asked for before."""
        found = []
        for hour in range(4):
            before = len(self.log())
            self.counted.get(f"{path}?effective_at={date}T1{hour}:00")
            found.append(len(STATEMENT.findall(self.log()[before:])))
        return min(found)

    def test_pages_of_an_episode_take_no_more_for_sixty_entries_than_for_few(self):
        row = self.service.ask("states/census?date=2025-12-31", self.token)["episodes"][0]
        few, many = f"states/episodes/{row['episode_id']}", f"steps/episodes/{self.found.sixty}"
        counts = {}
        for tab in TABS:
            with self.subTest(tab):
                # Each time is another answer.
                counts[tab] = self.first(f"/ledgers/{few}{tab}", DAY)
                self.assertLessEqual(self.first(f"/ledgers/{many}{tab}", DAY), counts[tab])
                if tab not in ("/summary", "/proof"):
                    self.assertLessEqual(self.count(f"/ledgers/{many}{tab}"), 6)
        print("statements of the pages of an open episode, worked out anew:", counts)


if __name__ == "__main__":
    unittest.main()
