"""The end of a session, and the keys, in Chromium."""

import unittest

from playwright.sync_api import expect

from pages import browser
from service import Service

LEDGER = "empty"
PAGE = f"/ledgers/{LEDGER}/medication"


def setUpModule():
    global SERVICE, BROWSER
    SERVICE = Service()
    try:
        SERVICE.run("ledgers", "create", LEDGER, "--time-zone", "America/New_York")
        SERVICE.start()
        BROWSER = browser()
    except BaseException:
        tearDownModule()
        raise


def tearDownModule():
    SERVICE.stop()


class Sessions(unittest.TestCase):
    def context(self, **options):
        """A browser of somebody who has just signed in."""
        context = BROWSER.new_context(**options)
        self.addCleanup(context.close)
        page = context.new_page()
        page.goto(SERVICE.link())
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)
        page.close()
        return context

    def open(self, context, path=PAGE, has_clock=True):
        page = context.new_page()
        if has_clock:
            page.clock.install()
        page.goto(SERVICE.base + path)
        return page

    def test_a_few_minutes_before_the_end_a_warning_asks_who_stays_and_then_the_page_is_covered(self):
        page = self.open(self.context())
        warning = page.get_by_role("dialog", name="Your session ends soon")
        page.clock.run_for("25:00")
        self.assertEqual(warning.count(), 0)
        page.clock.run_for("01:30")
        expect(warning).to_contain_text("In 3 minutes this page is covered")
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.get_by_role("button", name="Stay signed in").click()
        expect(warning).to_have_count(0)
        # What counts as activity says nothing else.
        self.assertEqual(asked, [f"{SERVICE.base}/account"])
        page.clock.run_for("26:30")
        expect(warning).to_be_visible()
        page.clock.run_for("03:00")
        expect(page.get_by_role("heading", name="Your session is over")).to_be_focused()
        self.assertEqual(page.locator("h1").count(), 1)
        self.assertNotIn("Medication", page.locator("body").inner_text())
        self.assertEqual(page.locator("nav, table, dialog, .clocks").count(), 0)

    def test_what_was_typed_is_there_again_for_who_typed_it_and_for_nobody_else(self):
        for subject, is_same in (("local", True), ("somebody", False)):
            context = self.context()
            page = self.open(context)
            page.locator("#q").fill("SIM-TYPED")
            page.clock.run_for("29:30")
            expect(page.get_by_role("heading", name="Your session is over")).to_be_visible()
            self.assertEqual(page.locator("#q").count(), 0)
            again = page.get_by_role("button", name="Show this page again")
            with context.expect_page() as opened:
                page.get_by_role("link", name="Sign in").click()
            other = opened.value
            other.wait_for_load_state()
            if is_same:
                again.click()
                expect(page.locator("#q")).to_have_value("SIM-TYPED")
                expect(page.get_by_role("heading", name="Medication")).to_be_visible()
                # The session goes on from there.
                page.clock.run_for("26:30")
                expect(page.get_by_role("dialog", name="Your session ends soon")).to_be_visible()
            else:
                SERVICE.sql(f"update sign_in.session set subject = '{subject}'")
                again.click()
                expect(page.locator("#q")).to_have_value("")

    def test_who_is_busy_in_one_tab_is_not_covered_in_another(self):
        context = self.context()
        page = self.open(context)
        page.clock.run_for("26:30")
        warning = page.get_by_role("dialog", name="Your session ends soon")
        expect(warning).to_be_visible()
        self.open(context, has_clock=False)
        expect(warning).to_have_count(0)
        # What a page asks by itself is nobody's doing.
        page.clock.run_for("26:30")
        expect(warning).to_be_visible()
        self.open(context, f"/ledgers/{LEDGER}/census?auto=1", has_clock=False)
        page.clock.run_for("00:30")
        expect(warning).to_be_visible()

    def test_who_signs_out_in_one_tab_leaves_nothing_to_read_in_another(self):
        context = self.context()
        left = self.open(context, has_clock=False)
        page = self.open(context, has_clock=False)
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/sign-in")
        expect(left.get_by_role("heading", name="Your session is over")).to_be_visible()
        self.assertNotIn("Medication", left.locator("body").inner_text())

    def test_a_session_that_an_operator_ends_covers_its_live_page(self):
        page = self.open(self.context(), f"/ledgers/{LEDGER}/census", has_clock=False)
        expect(page.locator("#status")).to_contain_text("Live")
        SERVICE.run("sessions", "end", "--subject", page.locator(".who a").inner_text())
        expect(page.get_by_role("heading", name="Your session is over")).to_be_visible(timeout=30_000)

    def test_the_keys_are_shown_by_one_and_are_a_link_without_a_script(self):
        page = self.open(self.context(), has_clock=False)
        keys = page.get_by_role("dialog", name="Keys")
        self.assertFalse(keys.is_visible())
        page.keyboard.press("?")
        expect(keys).to_contain_text("next version")
        # While they are shown, no key does anything but close them.
        page.keyboard.press("/")
        self.assertFalse(page.locator("#q").evaluate("(field) => field === document.activeElement"))
        page.keyboard.press("Escape")
        expect(keys).to_be_hidden()
        page.get_by_role("link", name="Keys").click()
        expect(keys).to_be_visible()
        keys.get_by_role("button", name="Close").click()
        expect(keys).to_be_hidden()
        page.keyboard.type("gc")
        page.wait_for_url("**/census")

        plain = self.open(self.context(java_script_enabled=False), has_clock=False)
        plain.get_by_role("link", name="Keys").click()
        plain.wait_for_url("**/account#h-keys")
        self.assertIn("next version", plain.locator("main").inner_text())


if __name__ == "__main__":
    unittest.main()
