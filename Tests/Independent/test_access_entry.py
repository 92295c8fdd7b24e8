"""The example of docs/audit.md, "The access log's tree", worked out from its description alone."""

import hashlib
import json
import os
import struct
import unittest
from datetime import datetime, timezone

DOCUMENT = os.path.join(os.path.dirname(__file__), "../../docs/audit.md")

ROW = {
    "subject": "n-7", "roles": ["clinician"], "operation": "getEpisode", "allowed": True,
    "episode_id": "0192f0c1-2b4d-7c3e-8a5f-001122334455", "ledger": "demo", "entry": 1234,
    "at": "2026-11-30T08:15:42.123456Z", "request_id": "0192f0c1-9999-7000-8000-00aabbccddee",
}
TEXT = {"purpose": "TREAT", "detail": "as of position 41"}
NUMBER = 7
NONCE = bytes(range(32))


def sha(data):
    return hashlib.sha256(data).digest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class AccessEntry(unittest.TestCase):
    def test_document(self):
        row, text = canonical(ROW), canonical(TEXT)
        commitment = sha(sha(NONCE[:16] + row) + sha(NONCE[16:] + text))
        at = datetime(2026, 11, 30, 8, 15, 42, 123456, timezone.utc)
        epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
        microseconds = (at - epoch) // (datetime.resolution)
        entry = (
            b"episode-access1\n" + bytes(16) + bytes.fromhex(ROW["episode_id"].replace("-", ""))
            + struct.pack(">qqqq", ROW["entry"], NUMBER, microseconds, 0) + commitment
        )
        self.assertEqual(len(entry), 112)
        with open(DOCUMENT, encoding="utf-8") as file:
            document = file.read()
        for part in (row.decode(), text.decode(), commitment.hex(), entry.hex(),
                     sha(b"\x00" + entry).hex()):
            self.assertIn(part, document)


if __name__ == "__main__":
    unittest.main()
