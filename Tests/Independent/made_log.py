#!/usr/bin/env python3
"""A small log of made-up events with a key of its own, as an export or a packet: for the tests of the
verifiers, which are to find whatever is then changed in it.

    made_log.py FOLDER

writes exports of a log in which the second event of an episode cannot be read: in `honest` the episode
is parked with the stay of what comes before, in `hidden` with none, in `untold` it is not parked.
"""

import base64
import hashlib
import os
import struct
import subprocess
import sys
import tempfile
import zlib

from local_days import format_instant
from transparency_log import inclusion_path, leaf_hash, printed, sha256, tiles, tile_path, tree_hash

ORIGIN = "example.org/clinic"
EPISODES = ("01993921-2ea0-7c38-82a1-2dd8cbfc5482", "01997242-bb40-76fd-9b77-759b3d7cc0c4")
# 2026-03-02T09:00:00Z, and an hour.
BEGAN, HOUR = 1_772_442_000_000_000, 3_600_000_000
SOURCES = os.path.join(os.path.dirname(__file__), "../../Sources/Ledger/Export")


def base64_of(data):
    return base64.b64encode(data).decode()


class SigningKey:
    """An Ed25519 key, by `openssl`."""

    def __init__(self, name):
        self.name = name
        self.private = self.openssl("genpkey", "-algorithm", "ed25519", "-outform", "DER")
        public = self.with_file(self.private, "pkey", "-inform", "DER", "-pubout", "-outform", "DER", "-in")
        raw = b"\x01" + public[-32:]
        self.hash = sha256(name.encode() + b"\n" + raw)[:4]
        self.text = f"{name}+{self.hash.hex()}+{base64_of(raw)}"

    def openssl(self, *words):
        return subprocess.run(["openssl", *words], check=True, capture_output=True).stdout

    def with_file(self, data, *words):
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            return self.openssl(*words, file.name)

    def signature(self, text):
        """The line of a signature below a text."""
        with tempfile.NamedTemporaryFile() as key:
            key.write(self.private)
            key.flush()
            signed = self.with_file(
                text.encode(), "pkeyutl", "-sign", "-keyform", "DER", "-inkey", key.name, "-rawin", "-in"
            )
        return f"— {self.name} {base64_of(self.hash + signed)}\n"


class MadeLog:
    """Events of two episodes: an admission, a change of the program and an end of each."""

    def __init__(self, payloads=None, client="C-1"):
        self.key = SigningKey(ORIGIN)
        self.client = client
        self.events = []
        admitted = {"client_id": client, "level_of_care": "intensive_outpatient", "program": "iop"}
        for episode in EPISODES:
            for kind, data in (
                ("admitted", admitted),
                ("program_changed", {"program": "iop-evening", "rationale": "work"}),
                ("discharged", {"reason": "dropped_out"}),
            ):
                self.add(episode, kind, (payloads or {}).get((episode, kind), data))
        self.leaves = [leaf_hash(event["entry"]) for event in self.events]
        text = f"{ORIGIN}\n{len(self.events)}\n{base64_of(tree_hash(self.leaves))}\n"
        self.checkpoint = text + "\n" + self.key.signature(text)

    def add(self, episode, kind, data):
        position = len(self.events) + 1
        version = 1 + sum(event["episode"] == episode for event in self.events)
        at = BEGAN + position * HOUR
        event_id = f"01993927-2741-74d0-ada2-{position:012x}"
        header = printed({
            "author": {"id": "tests", "role": "nurse"}, "episode_id": episode, "event_id": event_id, "ledger": "clinic",
            "occurred_at": format_instant(at), "recorded_by": "tests", "schema_version": 1, "type": kind,
        }).encode()
        payload = data if isinstance(data, bytes) else printed(data).encode()
        nonce = hashlib.sha256(b"%d" % position).digest()
        commitment = sha256(sha256(nonce[:16] + header) + sha256(nonce[16:] + payload))
        entry = (
            b"episode-ledger1\n" + bytes.fromhex(event_id.replace("-", ""))
            + bytes.fromhex(episode.replace("-", ""))
            + struct.pack(">qqqq", version, position, at, 0) + commitment
        )
        self.events.append({
            "episode": episode, "event_id": event_id, "type": kind, "header": header, "entry": entry,
            "payload": payload, "nonce": nonce, "commitment": commitment, "at": at,
            "position": position, "version": version,
        })

    def at(self, position):
        return format_instant(BEGAN + position * HOUR)

    # An export with events.

    def stays(self, episode):
        """What the events of an episode lead to."""
        first = 1 + 3 * EPISODES.index(episode)
        times = [self.at(first + number) for number in range(3)]
        reasons = ("admitted", "program_changed", "dropped_out")
        return [
            {
                "episode_id": episode, "ordinal": number + 1, "client_id": self.client,
                "program": ("iop", "iop-evening")[number], "track": None,
                "level_of_care": "intensive_outpatient", "from": times[number], "to": times[number + 1],
                "start_reason": reasons[number], "end_reason": reasons[number + 1],
                "length_of_stay_days": 1,
            }
            for number in range(2)
        ]

    def export(self, stays=None, parked=()):
        """The files of an export, by name."""
        basis = {"position": len(self.events), "time_zone": "UTC", "parked": list(parked)}
        if stays is None:
            stays = [row for episode in EPISODES for row in self.stays(episode)]
        files = {
            "checkpoint": self.checkpoint.encode(),
            "verifier-keys": f"{self.key.text}\n".encode(),
            "read-models/basis.json": (printed(basis) + "\n").encode(),
            "read-models/stays.ndjson": "".join(printed(row) + "\n" for row in stays).encode(),
        }
        (level, number, width), = tiles(len(self.events))
        place = f"{tile_path(number)}.p/{width}"
        files[f"tile/{level}/{place}"] = b"".join(self.leaves)
        files[f"tile/entries/{place}"] = b"".join(b"\x00\x70" + event["entry"] for event in self.events)
        files[f"events/{place}"] = b"".join(map(self.line, self.events))
        return files

    def line(self, event):
        """A line of `events/`."""
        parts = {
            name: base64_of(event[name]) for name in ("commitment", "header", "nonce", "payload")
        }
        parts.update(
            leaf_hash=base64_of(leaf_hash(event["entry"])), episode_id=event["episode"],
            event_id=event["event_id"], known_at=event["at"], occurred_at=event["at"],
            position=event["position"], recorded_at=event["at"], type=event["type"],
            version=event["version"],
        )
        return (printed(dict(sorted(parts.items()))) + "\n").encode()

    # A packet.

    def packet(self, basis=None, note=None, keys=None):
        """The files of the packet of the first episode, by name, in their order."""
        size = len(self.events)
        own = [event for event in self.events if event["episode"] == EPISODES[0]]
        with open(f"{SOURCES}/VERIFY.md", "rb") as text, open(f"{SOURCES}/verify.py", "rb") as script:
            files = {"VERIFY.md": text.read(), "verify.py": script.read()}
        basis = basis or {"at": self.at(size), "position": size, "time_zone": "UTC"}
        return files | {
            "checkpoint": (note or self.checkpoint).encode(),
            "verifier-keys": "".join(f"{key}\n" for key in keys or [self.key.text]).encode(),
            "newest-entry.json": self.proven(self.events[-1], ("entry",)),
            "events.ndjson": b"".join(
                self.proven(event, ("entry", "header", "nonce", "payload")) for event in own
            ),
            "readable-events.ndjson": b"".join(map(self.readable, own)),
            "read-models/basis.json": (printed(basis) + "\n").encode(),
        }

    def proven(self, event, members):
        proof = inclusion_path(event["position"] - 1, self.leaves)
        parts = {name: base64_of(event[name]) for name in members}
        return (printed(parts | {"proof": [base64_of(node) for node in proof]}) + "\n").encode()

    def readable(self, event):
        return event["header"][:-1] + (
            f',"data":{event["payload"].decode()},"leaf_hash":"{leaf_hash(event["entry"]).hex()}",'
            f'"position":{event["position"]},"recorded_at":"{format_instant(event["at"])}",'
            f'"version":{event["version"]}}}\n'
        ).encode()


def write(files, folder):
    """Writes files by their names."""
    for name, data in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)


def archive(files):
    """A packet's ZIP archive, as the ledger packs it."""
    packed, directory = b"", b""
    for name, data in files.items():
        fields = struct.pack(
            "<HHHHHIIIHH", 20, 0x800, 0, 0, 0x21, zlib.crc32(data), len(data), len(data), len(name), 0
        )
        directory += struct.pack("<4sH", b"PK\1\2", 20) + fields
        directory += struct.pack("<HHHII", 0, 0, 0, 0, len(packed)) + name.encode()
        packed += b"PK\3\4" + fields + name.encode() + data
    end = struct.pack(
        "<4sIHHIIH", b"PK\5\6", 0, len(files), len(files), len(directory), len(packed), 0
    )
    return packed + directory + end


def unreadable_log():
    """A log in which the first episode's change of the program cannot be read."""
    return MadeLog({(EPISODES[0], "program_changed"): b'{"program":'})


def unreadable_exports(log):
    """Exports of such a log, by what is true of them."""
    others = log.stays(EPISODES[1])
    open_stay = log.stays(EPISODES[0])[0] | {
        "to": None, "end_reason": None, "length_of_stay_days": None
    }
    return {
        "honest": log.export([open_stay] + others, parked=[EPISODES[0]]),
        "hidden": log.export(others, parked=[EPISODES[0]]),
        "untold": log.export([open_stay] + others),
    }


if __name__ == "__main__":
    for kind, files in unreadable_exports(unreadable_log()).items():
        write(files, os.path.join(sys.argv[1], kind))
