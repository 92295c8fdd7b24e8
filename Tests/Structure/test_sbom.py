"""The bill of materials is well formed, whole, and the same each time."""

import json
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "Scripts" / "sbom"
APACHE = "                 Apache License\n           Version 2.0, January 2004\n"
MIT = "Permission is hereby granted, free of\ncharge, to any person obtaining a copy of this"


class BillTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.pins = {
            pin["identity"]: pin
            for pin in json.loads((ROOT / "Package.resolved").read_text())["pins"]
        }
        names = sorted(self.pins)
        # A tree in which each package needs the next one, and the program the first two.
        below = []
        for name in reversed(names):
            below = [{"identity": name, "dependencies": below}]
        self.tree = {"identity": "x", "dependencies": below + [{"identity": names[1]}]}
        for name in names:
            (self.folder / name).mkdir()
            text = MIT if name == names[2] else "Ask us." if name == names[3] else APACHE
            (self.folder / name / "LICENSE.txt").write_text(text)
            (self.folder / name / "NOTICE.txt").write_text(f"Notice of {name}")
        self.names = names

    def run_script(self, *words, tree=None, status=0):
        path = self.folder / "tree.json"
        path.write_text(json.dumps(tree or self.tree))
        result = subprocess.run(
            ["python3", "-B", SCRIPT, "--checkouts", self.folder, "--dependencies", path, *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        self.assertEqual(result.returncode, status, result.stderr)
        return result.stdout if status == 0 else result.stderr

    def test_it_names_every_package_with_its_commit(self):
        bill = json.loads(self.run_script())
        self.assertEqual((bill["bomFormat"], bill["specVersion"], bill["version"]), ("CycloneDX", "1.5", 1))
        self.assertRegex(bill["serialNumber"], r"^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        libraries = [each for each in bill["components"] if each["name"] != "libpq"]
        self.assertEqual([each["name"] for each in libraries], self.names)
        for each in libraries:
            pin = self.pins[each["name"]]
            self.assertRegex(each["purl"], r"^pkg:swift/github\.com/[\w.-]+/[\w.-]+@\d+\.\d+\.\d+$")
            self.assertEqual(each["version"], pin["state"]["version"])
            self.assertEqual(each["properties"][0]["value"], pin["state"]["revision"])
            self.assertTrue(re.fullmatch(r"[0-9a-f]{40}", each["properties"][0]["value"]))
            self.assertEqual(each["externalReferences"], [{"type": "vcs", "url": pin["location"]}])
        self.assertIn("libpq", [each["name"] for each in bill["components"]])

    def test_who_needs_whom_names_what_is_there(self):
        bill = json.loads(self.run_script())
        references = [each["bom-ref"] for each in bill["components"]]
        self.assertEqual(len(set(references)), len(references))
        known = set(references) | {bill["metadata"]["component"]["bom-ref"]}
        self.assertEqual({each["ref"] for each in bill["dependencies"]}, known)
        for each in bill["dependencies"]:
            self.assertLessEqual(set(each["dependsOn"]), known)
        url = {each["name"]: each["bom-ref"] for each in bill["components"]}
        needs = {each["ref"]: each["dependsOn"] for each in bill["dependencies"]}
        self.assertEqual(
            needs["episode-ledger"], sorted([url[self.names[0]], url[self.names[1]]]) + ["libpq"]
        )
        self.assertEqual(needs[url[self.names[0]]], [url[self.names[1]]])
        self.assertEqual(needs[url[self.names[-1]]], [])

    def test_licenses_are_those_of_the_texts_and_nothing_is_guessed(self):
        bill = json.loads(self.run_script())
        found = {
            each["name"]: [one["license"]["id"] for one in each.get("licenses", [])]
            for each in bill["components"]
        }
        self.assertEqual(found[self.names[0]], ["Apache-2.0"])
        self.assertEqual(found[self.names[2]], ["MIT"])
        self.assertEqual(found[self.names[3]], [])
        notices = self.run_script("--notices")
        for name in self.names:
            self.assertIn(f"Notice of {name}\n", notices)
        self.assertIn("Ask us.", notices)

    def test_the_same_files_give_the_same_bytes_and_others_do_not(self):
        first = self.run_script()
        self.assertEqual(self.run_script(), first)
        changed = json.loads((ROOT / "Package.resolved").read_text())
        changed["pins"][0]["state"]["revision"] = "0" * 40
        path = self.folder / "resolved.json"
        path.write_text(json.dumps(changed))
        other = self.run_script("--resolved", path)
        self.assertNotEqual(json.loads(other)["serialNumber"], json.loads(first)["serialNumber"])

    def test_a_package_that_is_not_pinned_is_an_error(self):
        tree = {"identity": "x", "dependencies": [{"identity": "unknown-package"}]}
        self.assertIn("unknown-package", self.run_script(tree=tree, status=1))


if __name__ == "__main__":
    unittest.main()
