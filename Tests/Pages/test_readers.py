"""What readers want to know, in at most three clicks from the page that the link opens."""

import re
import unittest

from playwright.sync_api import expect

import ledgers
from pages import DAY, LEDGER, Pages, now, number, record


class Clicks(Pages):
    """Counts what is pressed; typing and choosing within a form is no click."""

    def begin(self, path):
        self.page = self.open(path)
        self.clicks = 0
        self.addCleanup(lambda: self.assertLessEqual(self.clicks, 3))
        return self.page

    def click(self, locator):
        self.clicks += 1
        locator.click()

    def set_clocks(self, **fields):
        """Change…, the fields, Show: two clicks."""
        self.click(self.page.locator("details.change summary"))
        for name, value in fields.items():
            self.page.locator(f"[name={name}]").locator("visible=true").fill(value)
        self.click(self.page.locator("details.change").get_by_role("button", name="Show"))
        self.page.wait_for_load_state()


class Clinician(Clicks):
    def test_who_is_enrolled_tonight(self):
        page = self.begin(f"/ledgers/{LEDGER}/census?date={DAY}")
        census = self.service.ask(f"{LEDGER}/census?date={DAY}", self.token)
        self.assertEqual(number(page.locator("#figures .value").first.inner_text()),
                         census["total_clients"])
        shown = set(page.locator("tr[data-row] .name").all_inner_texts())
        self.assertEqual(shown, {row["client_id"] for row in census["episodes"]})
        self.assertEqual(self.clicks, 0)

    def test_the_link_leads_to_that_page(self):
        page = self.open("/")
        # There are several ledgers here: they are listed, and each leads to its census.
        page.get_by_role("link", name=LEDGER, exact=True).click()
        page.wait_for_url(re.compile(f"/ledgers/{LEDGER}/census$"))

    def test_who_is_below_the_threshold(self):
        page = self.begin(f"/ledgers/{LEDGER}/census?date={DAY}")
        item = page.locator("#look a", has_text="Below threshold")
        count = number(item.locator(".n").inner_text())
        self.click(item)
        page.wait_for_url(re.compile("flag=below"))
        self.assertEqual(page.locator("tr[data-row]").count(), min(count, 100))
        self.assertEqual(page.locator("tr[data-row] .below").count(), min(count, 100))
        rows = self.service.ask(f"{LEDGER}/attendance?effective_at={DAY}", self.token)["enrolled"]
        self.assertEqual(count, sum(row["last_week"]["below"] for row in rows))

    def test_who_has_an_opioid_and_a_benzodiazepine(self):
        flag = "opioid_and_benzodiazepine"
        day, rows = next((day, rows) for day, rows in (
            (day, [row for row in self.service.ask(
                f"{LEDGER}/medication-review?effective_at={day}", self.token)["episodes"]
                if flag in {one["flag"] for one in row["flags"]}])
            for day in ("2025-12-31", "2025-12-15", "2025-11-30", "2025-11-15", "2025-10-31",
                        "2025-10-15", "2025-09-30")) if rows)
        page = self.begin(f"/ledgers/{LEDGER}/census?date={day}")
        self.click(page.locator("header nav").get_by_role("link", name="Medication"))
        group = page.locator(".work > li", has_text="Opioid and benzodiazepine")
        expect(group.locator("li")).to_have_count(len(rows))
        for row in rows:
            expect(group).to_contain_text(row["client_id"])
        expect(group).to_contain_text("buprenorphine")

    def test_what_did_this_client_take_on_november_3_as_known_then(self):
        at = "effective_at=2025-11-03&known_at=2025-11-03"
        then = self.service.ask(f"{LEDGER}/attendance?{at}", self.token)["enrolled"]
        # One of whom more became known later: what is shown is not what is known now.
        for row in then:
            asked = f"{LEDGER}/medication-review?episode={row['episode_id']}&effective_at=2025-11-03"
            old = self.service.ask(f"{asked}&known_at=2025-11-03", self.token)["active"]
            if old and old != self.service.ask(asked, self.token)["active"]:
                break
        else:
            self.fail("nobody's medication became known later")
        page = self.begin(f"/ledgers/{LEDGER}/census?date={DAY}")
        self.set_clocks(date="2025-11-03", known_at="2025-11-03T23:59")
        self.click(page.get_by_role("link", name=row["client_id"], exact=True))
        panel = page.locator("section", has=page.locator("#h-med"))
        old = self.service.ask(
            f"{LEDGER}/medication-review?episode={row['episode_id']}&effective_at=2025-11-03"
            "&known_at=2025-11-03T23:59:00-05:00", self.token)["active"]
        names = panel.locator(".drug > b").all_inner_texts()
        self.assertEqual(sorted(name.lower() for name in names),
                         sorted(drug["medication"]["name"].lower() for drug in old))
        expect(page.locator(".clocks")).to_contain_text("As known on Mon, Nov 3, 2025, 11:59 PM")

    def test_what_changed_since_friday(self):
        story = ledgers.Story("since friday")
        story.add("admitted", now(-86_400 * 20), known="now", client_id="SIM-FRIDAY",
                  program="iop-adult-day", level_of_care="intensive_outpatient")
        record("live", story)
        page = self.begin("/ledgers/live/census")
        self.click(page.get_by_role("link", name=re.compile("^Since Fri, ")))
        page.wait_for_url(re.compile("compare="))
        panel = page.locator("section", has=page.locator("#h-diff"))
        self.click(panel.locator("summary", has_text="SIM-FRIDAY"))
        expect(panel).to_contain_text("not there")
        expect(panel.get_by_role("link", name="version 1").first).to_be_visible()

    def test_what_is_missing_from_last_months_summaries(self):
        rows = self.service.ask(
            f"{LEDGER}/discharge-summaries?effective_at={DAY}&from=2025-12-01&to={DAY}",
            self.token)["summaries"]
        page = self.begin(f"/ledgers/{LEDGER}/census?date={DAY}")
        self.click(page.locator("header nav").get_by_role("link", name="Summaries"))
        page.get_by_label("Show").select_option("any")
        self.click(page.get_by_role("button", name="Apply"))
        page.wait_for_url(re.compile("missing=any"))
        shown = {row.locator(".name").inner_text(): row.locator(".chip.warn").count()
                 for row in page.locator("tr[data-row]").all()}
        self.assertEqual(shown, {row["client_id"]: len(row["missing"])
                                 for row in rows if row["missing"]})


class Searching(Pages):
    def test_a_client_is_found_by_part_of_a_key_and_nothing_of_it_is_in_an_address(self):
        page = self.open(f"/ledgers/{LEDGER}/census?date={DAY}")
        key = page.locator("tr[data-row] .name").first.inner_text()
        addresses = []
        page.on("request", lambda request: addresses.append(request.url))
        page.keyboard.press("/")
        page.keyboard.type(key[4:9].lower())
        with page.expect_navigation():
            page.keyboard.press("Enter")
        expect(page.locator("main")).to_contain_text(key)
        for address in addresses:
            self.assertNotIn(key[4:9].lower(), address.lower())
        self.assertNotIn(key, page.title())

    def test_an_episode_an_event_and_a_position_lead_to_the_episode(self):
        page = self.open("/ledgers/steps/census")
        event = ledgers.sixty().events[6]["event_id"]
        for sought in (self.found.sixty, event, "17"):
            page.keyboard.press("/")
            page.keyboard.type(sought)
            page.keyboard.press("Enter")
            page.wait_for_url(re.compile(f"/episodes/{self.found.sixty}"))
            self.go(page, "/ledgers/steps/census")

    def test_two_characters_find_nothing(self):
        page = self.open(f"/ledgers/{LEDGER}/census")
        page.keyboard.press("/")
        page.keyboard.type("SI")
        page.keyboard.press("Enter")
        expect(page.locator(".empty")).to_contain_text("three characters or more")


class Keys(Pages):
    def test_g_and_a_letter_lead_to_each_page_and_j_and_k_to_rows(self):
        page = self.open(f"/ledgers/{LEDGER}/census?date={DAY}")
        for key, name in (("m", "medication"), ("a", "attendance"), ("u", "summaries"),
                          ("o", "outcomes"), ("c", "census")):
            page.keyboard.press("g")
            page.keyboard.press(key)
            page.wait_for_url(re.compile(f"/{name}"))
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        first = page.locator("tr[data-row] a.name").first
        expect(first).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/episodes/"))

    def test_no_key_does_anything_while_somebody_types(self):
        page = self.open(f"/ledgers/{LEDGER}/census?date={DAY}")
        address = page.url
        page.locator("#q").focus()
        page.keyboard.type("gm[]jk/")
        self.assertEqual(page.locator("#q").input_value(), "gm[]jk/")
        self.assertEqual(page.url, address)


if __name__ == "__main__":
    unittest.main()
