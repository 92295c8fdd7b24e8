"""Signing in with a real OpenID provider (canaille), over two instances behind a proxy, in Chromium.

    python3 -B -m unittest discover -s Tests/Pages      needs what requirements.txt names, and Chromium

canaille sends no logout tokens of its own: here they are signed with its key.
"""

import http.client
import http.server
import itertools
import json
import os
import re
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import uuid

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from identity_provider import IdentityProvider
from pages import browser
from service import PROGRAM, Service

LEDGER = "demo"
PASSWORD = "correct horse battery staple"
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"

CLAIMS = {
    "scopes": ["profile", "groups"],
    "roles": {"claim": "groups", "values": {
        "iop-clinicians": ["clinician"], "iop-audit": ["auditor"]}},
    "ledgers": {"claim": "groups", "values": {"iop-demo": [LEDGER], "iop-all": ["*"]}},
    "author": {"id": "sub", "name": "name"},
}


class Proxy:
    """A reverse proxy that sends each request to the next of its instances."""

    def __init__(self):
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def forward(self):
                proxy.forward(self)

            do_GET = do_POST = forward

            def log_message(self, *arguments):
                pass

        self.served = {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def use(self, ports):
        self.ports = itertools.cycle(ports)

    def forward(self, request):
        port = next(self.ports)
        self.served[port] = self.served.get(port, 0) + 1
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in request.headers.items()
                   if name.lower() not in ("connection", "content-length", "x-forwarded-for")}
        before = request.headers.get_all("X-Forwarded-For") or []
        headers["X-Forwarded-For"] = ", ".join([*before, request.client_address[0]])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        try:
            connection.request(request.command, request.path, body or None, headers)
            answer = connection.getresponse()
            request.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding"):
                    request.send_header(name, value)
            request.send_header("Connection", "close")
            request.end_headers()
            while part := answer.read1(65536):
                request.wfile.write(part)
                request.wfile.flush()
        except OSError:
            # Whoever asked has gone, or an instance has ended.
            pass
        finally:
            connection.close()
            request.close_connection = True

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Site(Service):
    """Two instances of the service on one database, behind a proxy, with a provider."""

    def __init__(self):
        super().__init__()
        self.instances = []
        self.proxy = Proxy()
        self.provider = IdentityProvider()
        self.origin = self.proxy.origin
        self.provider.add_client(self.origin)

    def start(self):
        for name, value in (("claims", json.dumps(CLAIMS)), ("secret", self.provider.secret)):
            with open(f"{self.folder}/{name}", "w", encoding="utf-8") as file:
                file.write(value)
        for number in (1, 2):
            log = f"{self.folder}/log{number}"
            with open(log, "w", encoding="utf-8") as file:
                self.instances.append((log, subprocess.Popen(
                    [PROGRAM, "serve", "--port", "0", "--public-url", self.origin,
                     "--trusted-proxy", "127.0.0.1/32",
                     "--oidc-issuer", self.provider.issuer,
                     "--oidc-client", self.provider.CLIENT,
                     "--oidc-client-secret-file", f"{self.folder}/secret",
                     "--oidc-claims", f"{self.folder}/claims"],
                    stdout=file, stderr=file,
                    env={**os.environ, "EPISODE_LEDGER_DATA_DIR": self.data})))
        self.proxy.use([self.port(*instance) for instance in self.instances])

    def port(self, log, process):
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            with open(log, encoding="utf-8") as file:
                found = re.search(r"serving on http://127.0.0.1:(\d+)", file.read())
            if found:
                return int(found.group(1))
            time.sleep(0.05)
        with open(log, encoding="utf-8") as file:
            raise RuntimeError(f"an instance did not start: {file.read()}")

    def logs(self):
        text = ""
        for log, _ in self.instances:
            with open(log, encoding="utf-8") as file:
                text += file.read()
        return text

    def signed_in(self):
        return json.loads(self.run("sessions", "list", "--format", "json"))["sessions"]

    def stop(self):
        for _, process in self.instances:
            process.terminate()
        for _, process in self.instances:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.proxy.stop()
        self.provider.stop()
        super().stop()


def setUpModule():
    global SITE, BROWSER
    SITE = Site()
    try:
        SITE.run("ledgers", "create", LEDGER, "--time-zone", "America/New_York")
        SITE.run("ledgers", "create", "other", "--time-zone", "America/New_York")
        SITE.provider.add_user("ann", PASSWORD, "iop-clinicians", "iop-demo")
        SITE.provider.add_user("ben", PASSWORD, "iop-audit", "iop-all")
        SITE.provider.add_user("cleo", PASSWORD, "kitchen")
        for name in ("dora", "fred"):
            SITE.provider.add_user(name, PASSWORD, "iop-clinicians", "iop-demo")
        SITE.start()
        BROWSER = browser()
    except BaseException:
        tearDownModule()
        raise


def tearDownModule():
    SITE.stop()


class OpenID(unittest.TestCase):
    def page(self):
        """A browser of its own; what it complains about fails the test."""
        context = BROWSER.new_context()
        self.addCleanup(context.close)
        page = context.new_page()
        complaints = []
        page.on("console", lambda message: complaints.append(message.text)
                if "Content Security Policy" in message.text else None)
        self.addCleanup(lambda: self.assertEqual(complaints, []))
        return page

    def sign_in(self, page, name, path="/account"):
        """From a page on, over the provider's own pages, and back to that page."""
        page.goto(SITE.origin + path)
        self.rest()
        page.get_by_role("link", name="Sign in with localhost").click()
        self.fill_in(page, name)
        page.wait_for_url(SITE.origin + path)
        OpenID.signed_in = time.monotonic()

    signed_in = 0

    def rest(self):
        """Until the provider makes another token: two for one person within a second are one to it, and
        it fails at the second."""
        time.sleep(max(0, OpenID.signed_in + 1.2 - time.monotonic()))

    def fill_in(self, page, name):
        page.locator("input[name=login]").fill(name)
        page.locator("button[type=submit]").first.click()
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("button[type=submit]").first.click()

    def authorization(self, page):
        """Begins to sign in, and says where the provider is asked."""
        answer = page.context.request.get(f"{SITE.origin}/sign-in/start", max_redirects=0)
        self.assertEqual(answer.status, 303)
        return answer.headers["location"]

    def answer(self, page, address=None):
        """What the provider answers, for who is signed in there."""
        self.rest()
        answer = page.context.request.get(address or self.authorization(page), max_redirects=0)
        return answer.headers["location"]

    def changed(self, address, name, value):
        """An address with another parameter, or without it."""
        parts = urllib.parse.urlsplit(address)
        query = [(key, old) for key, old in urllib.parse.parse_qsl(parts.query) if key != name]
        if value is not None:
            query.append((name, value))
        return parts._replace(query=urllib.parse.urlencode(query)).geturl()

    def test_in_over_two_instances_and_out_at_both(self):
        page = self.page()
        census = f"/ledgers/{LEDGER}/census?date=2025-12-31"
        self.sign_in(page, "ann", census)
        expect(page.locator("header .who")).to_contain_text("Simulated Ann")
        cookies = {cookie["name"]: cookie for cookie in page.context.cookies(SITE.origin)}
        port = SITE.origin.rsplit(":", 1)[1]
        session = cookies[f"session-{port}"]
        self.assertTrue(session["httpOnly"])
        self.assertEqual(session["sameSite"], "Lax")
        # What one instance began another went on with.
        self.assertEqual(len(SITE.proxy.served), 2)
        self.assertTrue(all(number > 1 for number in SITE.proxy.served.values()))
        for _ in range(4):
            self.assertEqual(page.goto(f"{SITE.origin}/account").status, 200)
        expect(page.locator("dl.facts").first).to_contain_text(LEDGER)
        # The ledger that ann's groups do not name.
        self.assertEqual(page.goto(f"{SITE.origin}/ledgers/other/census").status, 403)
        found = [one for one in SITE.signed_in() if one["subject"] == "ann"]
        self.assertEqual(
            [(one["roles"], one["ledgers"], one["issuer"]) for one in found],
            [(["clinician"], [LEDGER], SITE.provider.issuer)])
        # Out: here, and after a question there.
        page.goto(f"{SITE.origin}/account")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(lambda url: "/oauth/end_session" in url)
        page.locator("button#logout").click()
        page.wait_for_url(f"{SITE.origin}/sign-in")
        self.assertEqual([one for one in SITE.signed_in() if one["subject"] == "ann"], [])
        page.goto(SITE.origin + census)
        page.get_by_role("link", name="Sign in with localhost").click()
        expect(page.locator("input[name=login]")).to_be_visible()
        self.assertNotIn("Simulated", SITE.logs())

    def test_who_is_in_no_group_of_the_file_has_no_access(self):
        page = self.page()
        page.goto(f"{SITE.origin}/sign-in")
        page.get_by_role("link", name="Sign in with localhost").click()
        self.fill_in(page, "cleo")
        expect(page.get_by_role("heading", name="You have no access")).to_be_visible()
        page.goto(f"{SITE.origin}/account")
        self.assertEqual(page.url, f"{SITE.origin}/sign-in?return=%2Faccount")

    def refused(self, page, address, words):
        before = page.context.cookies(SITE.origin)
        self.assertEqual(page.goto(address).status, 400)
        expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
        expect(page.locator("main")).to_contain_text(words)
        self.assertEqual(page.context.cookies(SITE.origin), before)

    def test_an_answer_counts_as_it_was_given_and_once(self):
        page = self.page()
        self.sign_in(page, "ben")
        good = self.answer(page)
        self.refused(page, self.changed(good, "state", uuid.uuid4().hex * 2), "this browser")
        for issuer in ("https://evil.example", None):
            wrong = self.changed(self.answer(page), "iss", issuer)
            self.refused(page, wrong, "not the provider")
        wrong = self.answer(page, self.changed(self.authorization(page), "nonce", "another"))
        self.refused(page, wrong, "nonce")
        # After all that, it still counts; but no second time, nor its code in a flow of its own.
        self.assertEqual(page.goto(good).status, 200)
        self.refused(page, good, "has been used")
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(good).query)["code"][0]
        self.refused(page, self.changed(self.answer(page), "code", code), "no ID token")
        with SITE.provider.other_audience():
            self.refused(page, self.answer(page), "another client")

    def test_the_provider_ends_sessions_by_logout_tokens(self):
        page = self.page()
        self.sign_in(page, "ben")
        token = SITE.provider.sign(
            {"iss": SITE.provider.issuer, "aud": SITE.provider.CLIENT, "sub": "ben",
             "iat": int(time.time()), "exp": int(time.time()) + 120, "jti": uuid.uuid4().hex,
             "events": {LOGOUT: {}}}, "logout+jwt")
        self.assertEqual(self.log_out(token + "x"), 400)
        self.assertEqual(page.goto(f"{SITE.origin}/account").status, 200)
        self.assertEqual(self.log_out(token), 200)
        self.assertEqual(self.log_out(token), 400)
        page.goto(f"{SITE.origin}/account")
        self.assertIn("/sign-in", page.url)
        # What it says itself of that.
        with urllib.request.urlopen(
                f"{SITE.provider.issuer}/.well-known/openid-configuration") as answer:
            self.assertFalse(json.load(answer).get("backchannel_logout_supported"))

    def log_out(self, token):
        request = urllib.request.Request(
            f"{SITE.origin}/sign-in/backchannel-logout",
            urllib.parse.urlencode({"logout_token": token}).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def test_a_form_that_comes_too_late_is_sent_again_after_signing_in(self):
        page = self.page()
        self.sign_in(page, "dora")
        page.locator("select[name=purpose]").select_option("TREAT")
        SITE.run("sessions", "end", "--subject", "dora")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", name="You were signed out")).to_be_visible()
        with page.expect_popup() as opened:
            page.get_by_role("link", name="Sign in in another tab").click()
        tab = opened.value
        self.rest()
        tab.get_by_role("link", name="Sign in with localhost").click()
        # Who is signed in at the provider is not asked again.
        tab.wait_for_url(lambda url: "sign-in" not in url and url.startswith(SITE.origin))
        page.get_by_role("button", name="Send again").click()
        page.wait_for_url(f"{SITE.origin}/account?saved=1")
        expect(page.locator("select[name=purpose]")).to_have_value("TREAT")

    def test_axe_finds_nothing_serious_on_the_pages_of_signing_in(self):
        page = self.page()
        seen = []

        def look(name):
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                seen.append(name)
                faults = [fault["id"] for fault in Axe().run(page).response["violations"]
                          if fault["impact"] in ("serious", "critical")]
                self.assertEqual(faults, [], f"{name} {scheme}")
            page.set_viewport_size({"width": 320, "height": 800})
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 320, name)
            page.set_viewport_size({"width": 1280, "height": 800})

        page.goto(f"{SITE.origin}/sign-in")
        look("sign-in")
        page.goto(f"{SITE.origin}/sign-in/callback")
        look("refused")
        self.sign_in(page, "fred")
        look("account")
        SITE.run("sessions", "end", "--subject", "fred")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", name="You were signed out")).to_be_visible()
        look("late form")
        self.assertEqual(len(seen), 8)

    def test_failures_are_counted_by_the_address_that_the_proxy_names(self):
        def status(sender):
            request = urllib.request.Request(
                f"{SITE.origin}/sign-in/callback?state=x", headers={"X-Forwarded-For": sender})
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code

        self.assertEqual([status("203.0.113.9") for _ in range(10)], [400] * 10)
        self.assertEqual(status("203.0.113.9"), 429)
        self.assertEqual(status("192.0.2.1, 203.0.113.9"), 429)
        self.assertEqual(status("203.0.113.10"), 400)


if __name__ == "__main__":
    unittest.main()
