"""Pages show what the API answers, whatever the clocks."""

import datetime
import random
import re
import unittest
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from page_html import read, table
from pages import LEDGER, Pages, number, tenths

# Of what the census lists first, what comes from attendance.
ATTENDANCE = {"no_shows_in_a_row", "not_seen", "below_weekly_hours"}


class Clock:
    """A day, and mostly a knowledge time before or after it."""

    def __init__(self, chance):
        first = datetime.date(2025, 9, 20)
        day = first + datetime.timedelta(days=chance.randrange(103))
        self.day = day.isoformat()
        self.known = {}
        kind = chance.random()
        if kind < 0.6:
            known = day + datetime.timedelta(days=chance.randrange(-20, 25))
            at = known.isoformat()
            if chance.random() < 0.5:
                at += f"T{chance.randrange(24):02}:{chance.randrange(60):02}:00-05:00"
            self.known = {"known_at": at, "known_by": "source"}
        elif kind < 0.65:
            # The ledger itself knew nothing of that year in that year.
            self.known = {"known_at": f"{self.day}T12:00:00-05:00", "known_by": "ledger"}

    def page(self, **more):
        return urllib.parse.urlencode({"date": self.day, **self.known, **more})

    def api(self, name="effective_at", **more):
        return urllib.parse.urlencode({name: self.day, **self.known, **more})


def flags(rows):
    """Which flags how many of the rows have."""
    counts = {}
    for row in rows:
        for flag in {flag["flag"] for flag in row["flags"]}:
            counts[flag] = counts.get(flag, 0) + 1
    return counts


def percent(share):
    return "–" if share is None else f"{share * 100:.1f}%"


class RandomClocks(Pages):
    """Over all, more than fifty clocks."""

    def tree(self, name, query):
        return read(self.reader.get(f"/ledgers/{LEDGER}/{name}?{query}"))

    def ask(self, question, query):
        return self.service.ask(f"{LEDGER}/{question}?{query}", self.token)

    def at_random_clocks(self, count, seed, body):
        """Asks at so many clocks, two at a time; which ones, the seed says."""
        chance = random.Random(seed)
        clocks = [Clock(chance) for _ in range(count)]

        def one(clock):
            try:
                body(clock)
            except Exception as error:
                raise AssertionError(f"seed {seed}, {clock.page()}: {error!r}") from error

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(one, clocks))

    def test_the_census(self):
        def check(clock):
            tree = self.tree("census", clock.page())
            census = self.ask("census", clock.api("date"))
            attendance = self.ask("attendance", clock.api())
            review = self.ask("medication-review", clock.api())
            figures = tree.one("ul", id="figures")
            shown = {}
            for figure in figures.all("li", "figure"):
                name = next(figure.all("h3")).text
                shown[name] = shown.get(name, 0) + number(next(figure.all("div", "value")).text)
            self.assertEqual(shown.pop("Enrolled"), census["total_clients"])
            expected = {}
            for group in census["groups"]:
                expected[group["program"]] = (
                    expected.get(group["program"], 0) + group["census"])
            self.assertEqual({name: count for name, count in shown.items() if count},
                             {name: count for name, count in expected.items() if count})
            moves = {"admitted": "admissions", "ended": "discharges",
                     "transferred in": "transfers_in", "transferred out": "transfers_out"}
            text = list(next(figures.all("li", "figure")).all("p"))[-1].text
            totals = {member: sum(group[member] for group in census["groups"])
                      for member in moves.values()}
            if totals["transfers_in"] == totals["transfers_out"]:
                # From one program to another: told once.
                moves = {"admitted": "admissions", "ended": "discharges",
                         "transferred": "transfers_in"}
            for words, member in moves.items():
                total = totals[member]
                found = re.search(rf"(\d+) {words}\b", text)
                self.assertEqual(int(found.group(1)) if found else 0, total, text)
            enrolled = {row["episode_id"] for row in attendance["enrolled"]}
            counts = flags(attendance["enrolled"])
            for flag, count in flags(
                    row for row in review["episodes"] if row["episode_id"] in enrolled).items():
                counts[flag] = count
            overlapping = sum(
                any(flag["flag"] == "overlapping_episode" for flag in row["flags"])
                for row in census["episodes"])
            if overlapping:
                counts["overlapping_episode"] = overlapping
            looked = {}
            for link in tree.all("a"):
                if link.within("ul", "look"):
                    code = re.search(r"flag=(\w+)", link.get("href")).group(1)
                    looked[code] = number(next(link.all("span", "n")).text)
            self.assertEqual(looked, counts)
            rows = list(tree.all("tr", **{"data-row": ""}))
            self.assertEqual(len(rows), min(len(enrolled), 100))
            hours = {row["episode_id"]: row for row in attendance["enrolled"]}
            for row in rows:
                own = hours[row.get("id")[2:]]
                cells = {name: next(row.all("td", name)).text
                         for name in ("c-hours", "c-now", "c-day")}
                self.assertEqual(cells["c-day"], str(own["day_of_stay"]))
                self.assertEqual(cells["c-now"], f"{tenths(own['present_week_hours'])} h")
                self.assertEqual("below threshold" in cells["c-hours"],
                                 own["last_week"]["below"])

        self.at_random_clocks(15, 14, check)

    def test_whom_to_look_after(self):
        def check(clock):
            tree = self.tree("attendance", clock.page())
            rows = self.ask("attendance", clock.api())["enrolled"]
            due = [row for row in rows
                   if {flag["flag"] for flag in row["flags"]} & ATTENDANCE]
            head = next(tree.one("div", "head").all("p")).text
            self.assertEqual([int(n) for n in re.findall(r"(\d+) (?:client|to look)", head)],
                             [len({row["client_id"] for row in rows}), len(due)])
            shown = list(tree.all("tr", **{"data-row": ""}))
            self.assertEqual(len(shown), min(len(due), 100))
            keys = [next(row.all("a", "name")).text for row in shown]
            self.assertEqual(set(keys) - {row["client_id"] for row in due}, set())

        self.at_random_clocks(8, 15, check)

    def test_whose_medication_to_look_at(self):
        def check(clock):
            tree = self.tree("medication", clock.page())
            episodes = self.ask("medication-review", clock.api())["episodes"]
            counts = sorted(flags(episodes).values())
            shown = [number(next(item.all("span", "n")).text) for item in tree.all("li", "kind")]
            self.assertEqual(sorted(shown), counts)
            flagged = sum(bool(row["flags"]) for row in episodes)
            head = next(tree.one("div", "head").all("p")).text
            self.assertIn(f"{flagged} with something to look at", head)

        self.at_random_clocks(8, 16, check)

    def test_the_summaries(self):
        def check(clock):
            tree = self.tree("summaries", clock.page())
            first = f"{clock.day[:8]}01"
            rows = self.ask("discharge-summaries", clock.api(**{"from": first, "to": clock.day}))
            rows = rows["summaries"]
            lacking = sum(bool(row["missing"]) for row in rows)
            head = next(tree.one("div", "head").all("p")).text
            self.assertRegex(head, rf"\b{len(rows)} episodes? ended, {lacking} with")
            shown = list(tree.all("tr", **{"data-row": ""}))
            self.assertEqual(
                [(next(row.all("a", "name")).text, len(list(row.all("span", "chip"))))
                 for row in shown],
                [(row["client_id"], len(row["missing"])) for row in rows][:100])

        self.at_random_clocks(8, 17, check)

    def test_the_outcomes(self):
        def check(clock):
            first = (datetime.date.fromisoformat(clock.day) - datetime.timedelta(days=60))
            period = {"from": first.isoformat(), "to": clock.day}
            tree = self.tree("outcomes", clock.page(**period))
            retention = self.ask("retention", clock.api(**period))
            rows = {row[0]: row[1:] for row in table(
                tree.one("section", **{"aria-labelledby": "h-ret"}).one("table"))}
            readings = retention["readings"]
            self.assertEqual([number(n) for n in rows["Reached the day, n"]],
                             [reading["at_risk"] for reading in readings])
            self.assertEqual(rows["Still there"], [
                percent((reading["estimate"] or {}).get("retained")) for reading in readings])
            for reading in readings:
                if reading["estimate"]:
                    total = reading["estimate"]["retained"] + sum(
                        reading["estimate"]["ended_shares"].values())
                    self.assertAlmostEqual(total, 1)
            ended = retention["ended"]
            ends = tree.one("section", **{"aria-labelledby": "h-end"})
            self.assertIn(f"n = {ended['n']}", ends.text)
            counts = {}
            for reason in ended["by_reason"]:
                counts[reason["teds_reason"]] = (
                    counts.get(reason["teds_reason"], 0) + reason["n"])
            shown = [number(row[1]) for row in table(next(ends.all("table")))]
            self.assertEqual(shown, [counts.get(teds, 0) for teds in (1, 4, 2, 3, 5, 6, 7)])
            months = self.ask("statistics", clock.api(by="month", **period))["periods"]
            rows = table(tree.one("section", **{"aria-labelledby": "h-m"}).one("table"))
            self.assertEqual(len(rows), len(months))
            for row, month in zip(rows, months):
                total = month["total"]
                self.assertEqual(
                    [number(row[place]) for place in (1, 2, 3, 6, 7, 9)],
                    [total[name] for name in (
                        "carried_over", "admitted", "transferred_in", "remaining", "clients",
                        "service_days")])

        self.at_random_clocks(8, 18, check)

    def test_an_episode(self):
        episodes = [row["episode_id"] for row in self.service.ask(
            f"{LEDGER}/episodes", self.token)["episodes"]]
        chance = random.Random(19)

        def check(clock):
            episode = episodes[chance.randrange(len(episodes))]
            path = f"episodes/{episode}"
            timeline = self.tree(path, clock.page())
            weeks = self.tree(f"{path}/attendance", clock.page())
            drugs = self.tree(f"{path}/medication", clock.page())
            try:
                attendance = self.ask("attendance", clock.api(episode=episode))
            except RuntimeError as error:
                # Not there yet at these clocks.
                self.assertIn("404", str(error))
                self.assertIn("No admission is known", weeks.one("main").text)
                return
            attended = sum(week["attended"] for week in attendance["weeks"])
            self.assertIn(f"Attended {attended} of ", weeks.one("main").text)
            shown = table(weeks.one("section", **{"aria-labelledby": "h-weeks"}).one("table"))
            self.assertEqual([row[1] for row in shown],
                             [str(week["attended"]) for week in reversed(attendance["weeks"])])
            self.assertIn(f"{attended} of ", timeline.one("main").one("dl", "facts").text)
            review = self.ask("medication-review", clock.api(episode=episode))
            rows = len(list(drugs.one("section", "review").all("tr", **{"data-row": ""})))
            self.assertGreaterEqual(rows, len(review["active"]) + len(review["held"])
                                    + len(review["scheduled"]) + len(review["later"]))
            text = drugs.one("main").text
            for drug in review["active"] + review["held"]:
                self.assertIn(drug["medication"]["name"], text)
                if drug["regimen"] and drug["regimen"].get("dose"):
                    self.assertIn(f"{drug['regimen']['dose']:,g} ", text)
            kinds = {flag["text"] for flag in review["flags"]}
            self.assertEqual(len(list(drugs.one("section", "review").all("li"))) > 0,
                             len(kinds) > 0)

        self.at_random_clocks(15, 19, check)


class Lists(Pages):
    def test_a_csv_has_every_row(self):
        for name, question in (("attendance", "enrolled"), ("medication", "episodes"),
                               ("summaries", "summaries"), ("census", "enrolled")):
            _, headers, text = self.reader.once(
                f"/ledgers/{LEDGER}/{name}?date=2025-12-31&format=csv")
            self.assertIn("attachment", headers["Content-Disposition"])
            self.assertTrue(headers["Content-Type"].startswith("text/csv"))
            asked = {"attendance": "attendance?effective_at=2025-12-31",
                     "census": "attendance?effective_at=2025-12-31",
                     "medication": "medication-review?effective_at=2025-12-31",
                     "summaries": "discharge-summaries?effective_at=2025-12-31"
                                  "&from=2025-12-01&to=2025-12-31"}[name]
            rows = self.service.ask(f"{LEDGER}/{asked}", self.token)[question]
            found = [line for line in text.split("\r\n") if line]
            self.assertIn("client_id", found[0])
            clients = {row["client_id"] for row in rows}
            self.assertTrue(all(any(key in line for line in found[1:]) for key in clients), name)

    def test_no_cell_of_a_csv_is_a_formula(self):
        _, _, text = self.reader.once("/ledgers/hostile/attendance?format=csv")
        for line in text.split("\r\n"):
            for cell in line.split(","):
                self.assertNotIn(cell.strip('"')[:1], ("=", "+", "@", "\t"), line)


if __name__ == "__main__":
    unittest.main()
