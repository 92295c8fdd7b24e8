"""Exports and packets that were changed, and how the two verifiers in Python answer."""

import contextlib
import importlib.util
import io
import os
import resource
import subprocess
import sys
import tempfile
import unittest

import made_log
import verify_export
from made_log import EPISODES, ORIGIN, SOURCES, MadeLog, SigningKey

LOG = MadeLog()
UNREADABLE = made_log.unreadable_log()
# A client's key may hold whatever a string holds.
ODD = MadeLog(client="C-\b1")
# A letter that is another one by its bytes alone: the Kelvin sign, and K.
KELVIN, LETTER = "\u212a", "K"


def packet_verifier():
    spec = importlib.util.spec_from_file_location("packet_verifier", f"{SOURCES}/verify.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class VerifierTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "x")
        os.mkdir(self.path)

    def answer(self, main, words):
        """The exit status and what was printed."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            try:
                status = main(words) or 0
            except SystemExit as end:
                return (1 if isinstance(end.code, str) else end.code), str(end.code)
        return status, output.getvalue()

    def limited(self, *words, megabytes):
        """The exit status and what a program of its own prints, with so much memory."""
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
        end = subprocess.run(
            [sys.executable, "-B", *words], capture_output=True, text=True, preexec_fn=limit
        )
        return end.returncode, end.stdout + end.stderr


class ExportTest(VerifierTest):
    def verify(self, files, log=LOG):
        made_log.write(files, self.path)
        return self.answer(verify_export.main, [self.path, "--verifier-key", log.key.text])

    def refused(self, files, what, log=LOG):
        status, output = self.verify(files, log)
        self.assertEqual(status, 1, output)
        self.assertIn(what, output)

    def test_an_untouched_export_passes(self):
        for log in (LOG, ODD):
            status, output = self.verify(log.export(), log)
            self.assertEqual(status, 0, output)

    def test_a_stay_is_written_in_one_way(self):
        stays = "read-models/stays.ndjson"
        for old, new in (
            (b'"iop-evening"', b'"iop\\u002devening"'),
            (b'"ordinal":1', b'"ordinal": 1'),
            (b'"length_of_stay_days":1', b'"length_of_stay_days":1 '),
            (b'"C-\\u00081"', b'"C-\\b1"'),
        ):
            files = ODD.export()
            self.assertIn(old, files[stays])
            files[stays] = files[stays].replace(old, new, 1)
            self.refused(files, "a stay is not written as an export writes it", ODD)
        rows = LOG.stays(EPISODES[0])
        rows[0]["length_of_stay_days"] = 0
        files = LOG.export(rows)
        files[stays] = files[stays].replace(b'days":0', b'days":-0')
        self.refused(files, "a stay is not written as an export writes it")

    def test_the_basis_is_written_in_one_way(self):
        name = "read-models/basis.json"
        for old, new in (
            (b'{"position"', b'{ "position"'),
            (b'"UTC"', b'"\\u0055TC"'),
            (b'"parked":[]', b'"parked":[],"more":1'),
            (b'"parked":[]', b'"parked":["x"]'),
            (b'"position":6', b'"position":-0'),
        ):
            files = LOG.export()
            self.assertIn(old, files[name])
            files[name] = files[name].replace(old, new, 1)
            self.refused(files, "read-models/basis.json")

    def test_nobody_is_parked_who_can_be_folded(self):
        kept = LOG.stays(EPISODES[1])
        for stays in (kept, LOG.stays(EPISODES[0])[:1] + kept, None):
            files = LOG.export(stays, parked=[EPISODES[0]])
            self.refused(files, "is said to be parked, and can be folded")
        files = LOG.export(parked=["01993921-2ea0-7c38-82a1-000000000000"])
        self.refused(files, "is said to be parked, and can be folded")

    def test_a_parked_episode_has_the_stays_of_what_can_be_folded(self):
        exports = made_log.unreadable_exports(UNREADABLE)
        status, output = self.verify(exports["honest"], UNREADABLE)
        self.assertEqual(status, 0, output)
        for kind in ("hidden", "untold"):
            what = f"the stays of episode {EPISODES[0]}"
            self.refused(exports[kind], what, UNREADABLE)

    def test_only_the_one_path_of_each_file_is_one(self):
        for name in (
            "events/x000/000", "tile/0/x000/000", "tile/entries/x000/000.p/6", "tile/0/000.p/06",
            "tile/0/000.p/5", "tile/0/000", "tile/00/000.p/6", "tile/1/000.p/1", "events/0000",
            "tile/entries/000.p/6.new", "Checkpoint", "checkpoint ",
        ):
            with self.subTest(name), tempfile.TemporaryDirectory() as self.path:
                self.refused(LOG.export() | {name: b""}, " is not of this export")

    def test_no_link_is_followed(self):
        made_log.write(LOG.export(), self.path)
        for name in ("checkpoint", "tile", "events/000.p", "read-models/stays.ndjson"):
            place = os.path.join(self.path, name)
            elsewhere = os.path.join(self.folder.name, "elsewhere")
            os.rename(place, elsewhere)
            os.symlink(elsewhere, place)
            status, output = self.answer(
                verify_export.main, [self.path, "--verifier-key", LOG.key.text]
            )
            self.assertEqual(status, 1, name)
            self.assertIn("is not", output)
            os.remove(place)
            os.rename(elsewhere, place)

    def test_large_files_take_no_memory(self):
        script = os.path.join(os.path.dirname(__file__), "verify_export.py")
        newlines = b"\n" * (1 << 20)
        for name, data in (
            ("tile/0/000.p/6", None), ("tile/entries/000.p/6", None), ("checkpoint", None),
            ("verifier-keys", None), ("restore-declarations", None), ("read-models/basis.json", None),
            ("events/000.p/6", newlines), ("read-models/stays.ndjson", newlines),
        ):
            made_log.write(LOG.export(), self.path)
            with open(os.path.join(self.path, name), "wb") as file:
                for _ in range(60 if data else 0):
                    file.write(data)
                # 256 MB of nothing, or of newlines.
                file.truncate(250 << 20 if data is None else 60 << 20)
            status, output = self.limited(
                script, self.path, "--verifier-key", LOG.key.text, megabytes=200
            )
            self.assertEqual(status, 1, f"{name}: {output}")
            self.assertNotIn("Error", output, name)
            os.remove(os.path.join(self.path, name))

    def test_a_number_that_no_column_holds_is_a_fault(self):
        files = LOG.export()
        name = "events/000.p/6"
        files[name] = files[name].replace(b'"version":1}', b'"version":9999999999999999999}', 1)
        self.refused(files, "position 1: its event cannot be read")


class PacketTest(VerifierTest):
    verifier = packet_verifier()

    def verify(self, files, keys=None):
        path = os.path.join(self.path, "packet.zip")
        with open(path, "wb") as file:
            file.write(made_log.archive(files))
        zipped = self.answer(self.verifier.main, [path] + (keys or [LOG.key.text]))
        folder = tempfile.mkdtemp(dir=self.path)
        made_log.write(files, folder)
        unpacked = self.answer(self.verifier.main, [folder] + (keys or [LOG.key.text]))
        self.assertEqual(zipped, unpacked)
        return zipped

    def refused(self, files, what, keys=None):
        status, output = self.verify(files, keys)
        self.assertEqual(status, 1, output)
        self.assertIn(what, output)

    def test_an_untouched_packet_passes(self):
        status, output = self.verify(LOG.packet())
        self.assertEqual(status, 0, output)
        settings = [{
            "entry": 1, "key": "weekly_hours.php", "value": "20", "from_date": "2026-01-01",
            "recorded_by": "tests", "recorded_at": LOG.at(1),
        }]
        basis = {"at": LOG.at(6), "position": 6, "settings": settings, "time_zone": "UTC"}
        status, output = self.verify(LOG.packet(basis))
        self.assertEqual(status, 0, output)

    def test_a_signature_under_another_name_is_none_of_the_log(self):
        other = SigningKey("elsewhere.org/clinic")
        text = LOG.checkpoint.partition("\n\n")[0] + "\n"
        note = LOG.checkpoint + other.signature(text)
        files = LOG.packet(note=note, keys=[LOG.key.text, other.text])
        self.refused(files, "verifier-keys: not those that signed, in front")
        self.refused(files, "no key that counts", keys=[other.text])

    def test_names_are_bytes(self):
        text = LOG.checkpoint.partition("\n\n")[0].replace(ORIGIN, "example.org/K/clinic") + "\n"
        key = SigningKey(f"example.org/{KELVIN}/clinic")
        note = text + "\n" + key.signature(text)
        self.refused(LOG.packet(note=note, keys=[key.text]), "no key that counts", keys=[key.text])

    def test_the_basis_has_nothing_that_a_packet_has_not(self):
        right = {"at": LOG.at(6), "position": 6, "time_zone": "UTC"}
        setting = {
            "entry": 1, "key": "a", "value": "b", "from_date": "2026-01-01", "recorded_by": "c",
            "recorded_at": LOG.at(1),
        }
        for basis in (
            {"at": LOG.at(6), "position": 6, "settings": [], "time_zone": "UTC"},
            {"at": LOG.at(6), "position": 6, "settings": [setting], "forged": [1], "time_zone": "UTC"},
            {"at": LOG.at(6), "position": 6, "settings": [setting | {"more": 1}], "time_zone": "UTC"},
            {"at": LOG.at(6), "position": 6, "settings": [setting | {"entry": "1"}], "time_zone": "UTC"},
            {"at": LOG.at(6), "position": 6, "settings": [setting | {"value": None}], "time_zone": "UTC"},
            right | {"more": 1}, right | {"position": "6"}, right | {"position": True},
            right | {"time_zone": "x" * 100}, dict(reversed(right.items())),
        ):
            self.refused(LOG.packet(basis), "")
        files = LOG.packet()
        name = "read-models/basis.json"
        for old, new in ((b'"UTC"', b'"\\u0055TC"'), (b":6", b": 6"), (b":6", b":6e0")):
            self.refused(files | {name: files[name].replace(old, new)}, "")

    def test_each_event_has_one_readable_copy(self):
        files = LOG.packet()
        name = "readable-events.ndjson"
        lines = files[name].splitlines(keepends=True)
        for changed in (lines[:-1], lines + lines[-1:], lines + [b"\n"], [lines[0][:-1]], []):
            self.refused(files | {name: b"".join(changed)}, "")
        self.refused(files | {"events.ndjson": b"", name: b""}, "the number of events")

    def test_large_files_take_no_more_memory_than_they_have_bytes(self):
        files = LOG.packet()
        path = os.path.join(self.path, "packet.zip")
        for name in ("events.ndjson", "readable-events.ndjson", "checkpoint", "read-models/basis.json"):
            with open(path, "wb") as file:
                file.write(made_log.archive(files | {name: b"\n" * (80 << 20)}))
            status, output = self.limited(
                f"{SOURCES}/verify.py", path, LOG.key.text, megabytes=300
            )
            self.assertEqual(status, 1, f"{name}: {output}")
            self.assertIn("FAILED", output)
            self.assertNotIn("Memory", output)
        made_log.write(files, self.path)
        os.remove(path)
        os.truncate(os.path.join(self.path, "verify.py"), 900 << 20)
        status, output = self.limited(
            f"{SOURCES}/verify.py", self.path, LOG.key.text, megabytes=300
        )
        self.assertIn("too large", output)


if __name__ == "__main__":
    unittest.main()
