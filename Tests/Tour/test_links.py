"""Every link between the documents leads somewhere; every path and every test that they name is there."""

import hashlib
import pathlib
import re
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = "Sources|Tests|Projections|Migrations|Plugins|Benchmarks|Scripts|docs"

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(rf"(?<![\w./-])((?:{FOLDERS})/[\w.+/*-]*[\w*])")
SUITE = re.compile(r"^(?:\w+Tests/)?\w+Tests$")
SENTENCE = re.compile(r'`(\w+Tests/\w+)`: "([^"]+)"')
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(path):
    """The anchors of a document's headings, as GitHub makes them."""
    text = BLOCK.sub("", path.read_text(encoding="utf-8"))
    found = set()
    for heading in re.findall(r"^#+ +(.+)$", text, re.MULTILINE):
        plain = re.sub(r"[`*]|\[|\]\([^)]*\)", "", heading).strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def broken_link(path, target):
    """Says what is wrong with a link of a document, or returns None."""
    if re.match(r"[a-z]+:", target):
        return None
    place, _, anchor = target.partition("#")
    other = (path.parent / place).resolve() if place else path
    if not other.exists():
        return f"no file {place}"
    if anchor and anchor not in anchors(other):
        return f"no heading #{anchor} in {other.name}"
    return None


def missing_path(name):
    """Whether nothing in the repository has this path; `*` stands for any text."""
    return not any(ROOT.glob(name)) and not any(ROOT.glob(name + ".swift"))


def suite_files(name):
    """The files of a suite, named with its target or without, or of a target."""
    pattern = f"Tests/{name}*.swift" if "/" in name else f"Tests/*/{name}*.swift"
    return [*ROOT.glob(pattern), *ROOT.glob(f"Tests/{name}/*.swift")]


def faults(path):
    """What is wrong in one document, a text each."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        place = f"{path.name}:{number}"
        for target in LINK.findall(line):
            if reason := broken_link(path, target):
                found.append(f"{place}: {reason}")
        for name in PATH.findall(line):
            if missing_path(name):
                found.append(f"{place}: nothing is at {name}")
        for code in CODE.findall(line):
            if SUITE.match(code) and not suite_files(code):
                found.append(f"{place}: no suite {code}")
        for suite, sentence in SENTENCE.findall(line):
            if not any(sentence in file.read_text(encoding="utf-8") for file in suite_files(suite)):
                found.append(f'{place}: no test "{sentence}" in {suite}')
    return found


class ScriptTests(unittest.TestCase):
    def test_the_page_for_auditors_names_the_script_of_packets_by_its_hash(self):
        script = (ROOT / "Sources/Ledger/Export/verify.py").read_bytes()
        line = f"{hashlib.sha256(script).hexdigest()}  verify.py\n"
        self.assertIn(line, (ROOT / "docs/audit.md").read_text(encoding="utf-8"))

    def test_the_script_of_packets_knows_the_instructions_beside_it(self):
        folder = ROOT / "Sources/Ledger/Export"
        instructions = hashlib.sha256((folder / "VERIFY.md").read_bytes()).hexdigest()
        self.assertIn(f'READ_ME = "{instructions}"', (folder / "verify.py").read_text(encoding="utf-8"))


class LinkTests(unittest.TestCase):
    def test_every_link_and_every_path_of_the_documents_leads_somewhere(self):
        self.assertGreater(len(DOCUMENTS), 10)
        self.assertEqual([fault for path in DOCUMENTS for fault in faults(path)], [])

    def test_a_link_or_a_path_that_leads_nowhere_is_told(self):
        readme = ROOT / "README.md"
        self.assertEqual(broken_link(readme, "docs/nowhere.md"), "no file docs/nowhere.md")
        self.assertEqual(broken_link(readme, "docs/tour.md#nowhere"), "no heading #nowhere in tour.md")
        self.assertIsNone(broken_link(readme, "docs/tour.md#remove-everything"))
        self.assertTrue(missing_path("Sources/Ledger/Nowhere.swift"))
        self.assertFalse(missing_path("Tests/EpisodeLedgerTests/UpgradeTests"))
        self.assertEqual(
            PATH.findall("`Sources/Ledger/Seal`, Tests/Upgrade."),
            ["Sources/Ledger/Seal", "Tests/Upgrade"],
        )

    def test_a_suite_or_a_test_that_is_not_there_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "document.md")
            path.write_text(
                "`UpgradeTests`, `LedgerTests`, `LedgerTests/SealerTests`\n"
                "`NowhereTests` `LedgerTests/NowhereTests`\n"
                '`ServerTests/TokenTests`: "A good token says who, what, where and until when"\n'
                '`ServerTests/TokenTests`: "No such test"\n',
                encoding="utf-8",
            )
            self.assertEqual(
                faults(path),
                [
                    "document.md:2: no suite NowhereTests",
                    "document.md:2: no suite LedgerTests/NowhereTests",
                    'document.md:4: no test "No such test" in ServerTests/TokenTests',
                ],
            )


if __name__ == "__main__":
    unittest.main()
