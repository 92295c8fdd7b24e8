"""What pages are on paper, A4 and Letter, in Chromium."""

import re
import unittest

from pages import LEDGER, shared

DAY = "2025-12-31"
# The episode of docs/clinicians.md, and one with flags on its medication.
ENDED = "episodes/019957de-23c0-7656-8046-a7c82261820a"
FLAGGED = "episodes/0199dec8-68a0-79d4-82f9-21cf5062323b"
SHEET = "sheet?program=iop-adult-evening&start=2025-12-30T17:30"
PAGES = [
    f"census?date={DAY}",
    f"census?date={DAY}&compare=2025-12-26",
    f"medication?date=2025-11-30&episode={FLAGGED.split('/')[1]}",
    f"attendance?date={DAY}",
    f"summaries?date={DAY}",
    f"outcomes?date={DAY}",
    ENDED,
    f"{ENDED}?version=66",
    f"{FLAGGED}/medication?date=2025-11-30",
    f"{ENDED}/attendance",
    f"{ENDED}/summary",
    f"{ENDED}/proof?entry=66",
    "sheet",
    SHEET,
    f"record/medication_adjusted?episode={FLAGGED.split('/')[1]}",
]
# The width between the margins of 12 mm, in CSS pixels.
WIDTHS = {"A4": int((210 - 24) / 25.4 * 96), "Letter": int((215.9 - 24) / 25.4 * 96)}

# What lies beyond the paper, and what its own box cuts.
CUT = """() => {
    const found = [];
    const width = document.documentElement.clientWidth;
    for (const element of document.body.querySelectorAll("*")) {
        const style = getComputedStyle(element);
        const box = element.getBoundingClientRect();
        if (!box.width || !box.height || style.visibility === "hidden") continue;
        if (element.closest(".hidden") || element.closest("svg svg")) continue;
        const name = `${element.tagName}.${element.getAttribute("class")}`;
        if (box.right > width + 1 || box.left < -1) {
            found.push(`${name} from ${box.left} to ${box.right}`);
        }
        const isCut = style.overflowX !== "visible" && !element.closest("svg");
        if (isCut && element.scrollWidth > element.clientWidth + 1) {
            found.push(`${name} cuts ${element.scrollWidth - element.clientWidth} px`);
        }
    }
    return found.slice(0, 5);
}"""

# Text that is not dark, and grounds that are not light.
COLORED = """() => {
    const found = [];
    // "rgb(1, 2, 3)", or of mixed colors "color(srgb 0.1 0.2 0.3 / 0.6)".
    const read = (text) => text.match(/[0-9.]+/g).map(Number)
        .map((part, place) => text.startsWith("color") && place < 3 ? part * 255 : part);
    const isGrey = ([red, green, blue]) => Math.max(red, green, blue) - Math.min(red, green, blue) < 8;
    for (const element of document.body.querySelectorAll("*")) {
        const box = element.getBoundingClientRect();
        if (!box.width || !box.height || element.closest("svg")) continue;
        const style = getComputedStyle(element);
        const name = `${element.tagName}.${element.getAttribute("class")}`;
        const color = read(style.color);
        const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (hasText && (!isGrey(color) || color[0] > 0x50)) found.push(`${name}: text ${style.color}`);
        const ground = read(style.backgroundColor);
        if ((ground[3] ?? 1) > 0.1 && (!isGrey(ground) || ground[0] < 0xe0)) {
            found.push(`${name}: on ${style.backgroundColor}`);
        }
    }
    return found.slice(0, 5);
}"""


def setUpModule():
    global SERVICE, BROWSER, STATE
    found = shared()
    SERVICE, BROWSER, STATE = found.service, found.browser, found.state


class Paper(unittest.TestCase):
    def open(self, path, **options):
        context = BROWSER.new_context(storage_state=STATE, **options)
        self.addCleanup(context.close)
        page = context.new_page()
        for _ in range(120):
            answer = page.goto(f"{SERVICE.base}/ledgers/{LEDGER}/{path}")
            if answer is not None and answer.status != 202:
                self.assertEqual(answer.status, 200, path)
                return page
            page.wait_for_timeout(500)
        self.fail(f"{path} was not ready in a minute")

    def test_nothing_is_cut_on_either_paper(self):
        for path in PAGES:
            page = self.open(path)
            page.emulate_media(media="print")
            for paper, width in WIDTHS.items():
                page.set_viewport_size({"width": width, "height": 1000})
                wide = page.evaluate("document.documentElement.scrollWidth")
                self.assertLessEqual(wide, width, f"{path} on {paper}")
                self.assertEqual(page.evaluate(CUT), [], f"{path} on {paper}")
            page.context.close()

    def test_print_is_black_on_white_in_light_and_dark(self):
        for scheme in ("light", "dark"):
            for path in PAGES:
                page = self.open(path, color_scheme=scheme)
                page.emulate_media(media="print", color_scheme=scheme)
                self.assertEqual(page.evaluate(COLORED), [], f"{path}, {scheme}")
                page.context.close()

    def test_every_sheet_says_the_clocks_the_position_by_whom_and_when(self):
        for path in PAGES:
            page = self.open(path)
            page.emulate_media(media="print")
            said = page.locator(".clocks .print")
            self.assertTrue(said.is_visible(), path)
            text = said.inner_text()
            self.assertRegex(text, r"complete to event 8,896; printed by local:\S+, .*\d:\d\d [AP]M",
                             path)
            # The header of a table comes again on every sheet; so do those of the tables within.
            self.assertEqual(
                page.evaluate("""() => getComputedStyle(
                    document.querySelector("body > .clocks")).display"""),
                "table-header-group", path)
            heads = page.evaluate("""() => [...document.querySelectorAll("thead")].filter(
                (head) => getComputedStyle(head).display !== "table-header-group").length""")
            self.assertEqual(heads, 0, path)
            for hidden in (".top", ".tabs", ".steps", ".filters", ".clocks .button"):
                for element in page.locator(hidden).all():
                    self.assertFalse(element.is_visible(), f"{hidden} of {path}")
            page.context.close()

    def test_a_group_sheet_is_one_to_sign(self):
        page = self.open(SHEET)
        page.emulate_media(media="print")
        shown = page.evaluate("""() => [...document.querySelectorAll(".sheet thead th")]
            .filter((head) => head.getBoundingClientRect().width).map((head) => head.textContent)""")
        self.assertEqual(shown, ["Client", "Day", "Signature"])
        for hidden in (".dock", ".sheet input[type=radio]", "#add-key"):
            for element in page.locator(hidden).all():
                self.assertFalse(element.is_visible(), hidden)

    def test_pages_become_sheets(self):
        for path, fewest in ((PAGES[0], 2), (f"{ENDED}/summary", 2), (PAGES[2], 1)):
            page = self.open(path)
            sizes = {"A4": (594, 841), "Letter": (612, 792)}
            for paper, (width, height) in sizes.items():
                document = page.pdf(format=paper, print_background=True)
                self.assertTrue(document.startswith(b"%PDF-"))
                sheets = len(re.findall(rb"/Type\s*/Page\b", document))
                self.assertGreaterEqual(sheets, fewest, f"{path} on {paper}")
                boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([0-9.]+) ([0-9.]+)", document)
                self.assertEqual(len(boxes), sheets)
                for box in boxes:
                    self.assertAlmostEqual(float(box[0]), width, delta=2)
                    self.assertAlmostEqual(float(box[1]), height, delta=2)
            page.context.close()


if __name__ == "__main__":
    unittest.main()
