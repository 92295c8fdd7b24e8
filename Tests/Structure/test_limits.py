"""docs/limits.md names every limit, with the figure that the code has."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = "docs/limits.md"

ROW = re.compile(r"^\| [^|]+ \| ([^|]+) \| `([^`]+\.swift)`: `(\w+)` \| [^|]+ \|$")
LIMIT = re.compile(
    r"static let (\w*(?:[lL]imit|[wW]indow\w*|[lL]ongest\w*|[mM]ost|attempts|[tT]imeout))\b")


def figure(text):
    """What a figure of the page, or an expression of the code, comes to; times in seconds."""
    text = text.strip().replace(" × ", " * ").removesuffix(" s").replace("_", "")
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"\.milliseconds\((\d+)\)", r"(\1 / 1000)", text)
    text = re.sub(r"\.seconds\((\d+)\)", r"\1", text)
    # A limit that is said by another one.
    text = text.replace("EventReader.pageLimit", "1000")
    if not re.fullmatch(r"[\d\s*<()/.+-]+", text):
        raise ValueError(f"no figure: {text}")
    return float(eval(text, {"__builtins__": {}}))  # of digits and signs alone


def declared(code, name):
    """The expression with which the code declares a limit."""
    found = re.search(rf"\b(?:let|var) {name}(?:: [\w.]+)? = (.+)$", code, re.M)
    return found and found[1]


def faults(root, page):
    found = []
    named = set()
    for line in page.splitlines():
        row = ROW.match(line)
        if not row:
            continue
        cell, path, name = row.groups()
        named.add((path, name))
        place = root / path
        expression = declared(place.read_text(encoding="utf-8"), name) if place.exists() else None
        if expression is None:
            found.append(f"{path} has no {name}")
        elif figure(cell) != figure(expression):
            found.append(f"{path}: {name} is {expression}, the page says {cell}")
    for folder in ("Sources", "Projections"):
        for place in sorted((root / folder).rglob("*.swift")):
            path = str(place.relative_to(root))
            for name in LIMIT.findall(place.read_text(encoding="utf-8")):
                if (path, name) not in named:
                    found.append(f"{path}: {name} is not on the page")
    return found


class LimitTests(unittest.TestCase):
    page = (ROOT / PAGE).read_text(encoding="utf-8")

    def test_the_page_has_every_limit_with_its_figure(self):
        self.assertEqual(faults(ROOT, self.page), [])
        self.assertGreater(self.page.count(".swift`: `"), 30)

    def test_another_figure_is_told(self):
        wrong = self.page.replace("| 1,024 |", "| 1,025 |")
        self.assertEqual(len(faults(ROOT, wrong)), 1)

    def test_a_limit_that_is_not_named_is_told(self):
        lines = [line for line in self.page.splitlines() if "singleOutLimit" not in line]
        self.assertEqual(
            faults(ROOT, "\n".join(lines)),
            ["Sources/ProjectionRuntime/KnowledgeDifference.swift: singleOutLimit is not on the page"])


if __name__ == "__main__":
    unittest.main()
