"""Imports point one way: each module imports only those that stand before it."""

import pathlib
import re
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Each module, and what of this repository it may import. A module that is not here fails.
MAY_IMPORT = {
    "CareEpisode": [],
    "Postgres": ["CLibPQ"],
    "TransparencyLog": [],
    "Documents": [],
    "EmbeddedPostgres": [],
    "Markup": ["Documents"],
    "Simulator": ["CareEpisode"],
    "Migrations": ["Postgres"],
    "Ledger": ["CareEpisode", "Migrations", "Postgres", "TransparencyLog"],
    "ProjectionRuntime": ["CareEpisode", "Documents", "Ledger", "Postgres"],
    "Projections": [
        "CareEpisode", "Documents", "Ledger", "Postgres", "ProjectionRuntime", "TransparencyLog",
    ],
    "Pages": [
        "CareEpisode", "Documents", "Ledger", "Markup", "ProjectionRuntime", "Projections",
    ],
    "Server": [
        "CareEpisode", "Documents", "Ledger", "Markup", "Migrations", "Pages", "Postgres",
        "ProjectionRuntime", "Projections", "TransparencyLog",
    ],
    "EpisodeLedger": [
        "CareEpisode", "Documents", "EmbeddedPostgres", "Ledger", "Markup", "Migrations",
        "Postgres", "ProjectionRuntime", "Projections", "Server", "Simulator", "TransparencyLog",
    ],
    "embed-text": [],
}

IMPORT = re.compile(r"^(?:public |package |@testable )*import (?:struct |enum |func )?(\w+)", re.M)


def modules(root):
    folders = {path.name: path for path in (root / "Sources").iterdir() if path.is_dir()}
    folders["Migrations"] = root / "Migrations"
    folders["Projections"] = root / "Projections"
    # No Swift of its own.
    folders.pop("CLibPQ", None)
    return folders


def faults(root):
    found = []
    folders = modules(root)
    ours = set(folders) | {"CLibPQ"}
    for name, folder in sorted(folders.items()):
        if name not in MAY_IMPORT:
            found.append(f"{name} is not in the list of modules")
            continue
        for path in sorted(folder.rglob("*.swift")):
            for module in IMPORT.findall(path.read_text(encoding="utf-8")):
                if module in ours and module not in MAY_IMPORT[name]:
                    found.append(f"{path.relative_to(root)} imports {module}")
    return found


class ImportTests(unittest.TestCase):
    def test_no_module_imports_one_that_stands_above_it(self):
        self.assertEqual(faults(ROOT), [])

    def test_an_import_upwards_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name in MAY_IMPORT:
                place = root if name in ("Migrations", "Projections") else root / "Sources"
                (place / name).mkdir(parents=True)
            self.assertEqual(faults(root), [])
            wrong = root / "Sources" / "Ledger" / "Wrong.swift"
            wrong.write_text("public import CareEpisode\nimport Server\n", encoding="utf-8")
            (root / "Sources" / "Unknown").mkdir()
            self.assertEqual(
                faults(root),
                ["Sources/Ledger/Wrong.swift imports Server",
                 "Unknown is not in the list of modules"])

    def test_the_list_itself_points_one_way(self):
        # By this order each module may import only earlier ones.
        order = []
        while len(order) < len(MAY_IMPORT):
            ready = [name for name, imports in MAY_IMPORT.items() if name not in order
                     and all(one in order or one == "CLibPQ" for one in imports)]
            self.assertTrue(ready, f"a circle beyond {order}")
            order += ready


if __name__ == "__main__":
    unittest.main()
