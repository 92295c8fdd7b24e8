#!/usr/bin/env python3
"""Verifies an exported log, with no code of the ledger: standard library and `openssl`.

    episode-ledger checkpoint --export DIR [--with-events]
    verify_export.py DIR [--verifier-key KEY] [--against CHECKPOINT]

Every entry, tile and root, the signature; where the export has them, every event's header, payload,
nonce and columns, and the stays of the census against those that the events lead to. Exit 0, or 1
with what is wrong, the first bad position in front.
"""

import argparse
import base64
import hashlib
import json
import os
import struct
import sys

import census
from history import event_from
from local_days import LocalDays, parse_instant
from transparency_log import (
    ENTRY_LENGTH,
    ENTRY_MARK,
    TILE_WIDTH,
    Failed,
    GrowingTree,
    leaf_hash,
    node_hash,
    read_checkpoint,
    suffix,
    tile_path,
)

SHOWN = 20


class Export:
    """The files of an export, and what is found wrong in them."""

    def __init__(self, folder, keys, kept):
        self.folder = folder
        self.found = []
        given = keys or self.text("verifier-keys").split()
        self.origin, self.size, self.root = read_checkpoint(self.text("checkpoint"), given)
        known = given + self.text("verifier-keys").split()
        self.kept = [read_checkpoint(note, known) for note in kept]
        self.tree = GrowingTree()
        self.levels = [[]]
        self.versions = {}
        self.event_ids = set()
        self.recorded = -(2**63)
        self.has_events = os.path.isdir(os.path.join(folder, "events"))
        self.has_stays = os.path.exists(os.path.join(folder, "read-models/stays.ndjson"))
        self.episodes = {}

    def path(self, name):
        return os.path.join(self.folder, name)

    def text(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def read(self, name, position):
        try:
            with open(self.path(name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            self.wrong(position, f"{name} is missing")
            return None

    def wrong(self, position, what):
        self.found.append((position, what))

    def verify(self):
        due = sorted(self.kept, key=lambda checkpoint: checkpoint[1])
        for _, size, _ in due:
            if size > self.size:
                self.wrong(self.size + 1, f"a checkpoint that was kept covers {size} events")
        for number in range((self.size + TILE_WIDTH - 1) // TILE_WIDTH):
            width = min(TILE_WIDTH, self.size - number * TILE_WIDTH)
            self.bundle(number, width)
            for origin, size, root in due:
                # Between the ends of two bundles the leaves of the last one are added by hand.
                if number * TILE_WIDTH < size <= number * TILE_WIDTH + width:
                    self.compare_kept(size, root, number)
        for level, hashes in enumerate(self.levels):
            if hashes:
                self.compare_tile(level, self.tree.size >> 8 * (level + 1), hashes)
        if self.tree.root() != self.root:
            self.wrong(1, "the entries do not lead to the signed root")
        if self.has_stays:
            self.compare_stays()
        return self.found

    def bundle(self, number, width):
        first = number * TILE_WIDTH + 1
        name = f"tile/entries/{tile_path(number)}{suffix(width)}"
        data = self.read(name, first)
        if data is None:
            return
        stride = ENTRY_LENGTH + 2
        if len(data) != width * stride:
            self.wrong(first, f"{name} has not {width} whole entries")
            return
        events = self.events(number, width, first) if self.has_events else None
        pending = self.levels[0]
        for index in range(width):
            chunk = data[index * stride:(index + 1) * stride]
            entry = chunk[2:]
            position = first + index
            if chunk[:2] != b"\x00\x70" or entry[:16] != ENTRY_MARK or entry[72:80] != bytes(8):
                self.wrong(position, "its entry is malformed")
            self.follow(entry, position)
            if events is not None:
                self.compare_event(events[index], entry, position)
            leaf = hashlib.sha256(b"\x00" + entry).digest()
            self.tree.append(leaf)
            pending.append(leaf)
        if width == TILE_WIDTH:
            self.close_tile(0, number)

    def follow(self, entry, position):
        version, stated, recorded = struct.unpack(">qqq", entry[48:72])
        if stated != position:
            self.wrong(position, f"its entry says position {stated}")
        if recorded < self.recorded:
            self.wrong(position, "it is recorded before the event before it")
        self.recorded = recorded
        episode = entry[32:48]
        if version != self.versions.get(episode, 0) + 1:
            self.wrong(position, "the episode's versions do not go 1, 2, 3")
        self.versions[episode] = version
        if entry[16:32] in self.event_ids:
            self.wrong(position, "its event_id is recorded twice")
        self.event_ids.add(entry[16:32])

    def close_tile(self, level, number):
        hashes = self.levels[level]
        self.compare_tile(level, number, hashes)
        self.levels[level] = []
        while len(hashes) > 1:
            hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
        if level + 1 == len(self.levels):
            self.levels.append([])
        self.levels[level + 1].append(hashes[0])
        if len(self.levels[level + 1]) == TILE_WIDTH:
            self.close_tile(level + 1, number // TILE_WIDTH)

    def compare_tile(self, level, number, hashes):
        first = (number * TILE_WIDTH << 8 * level) + 1
        name = f"tile/{level}/{tile_path(number)}{suffix(len(hashes))}"
        data = self.read(name, first)
        if data is None or data == b"".join(hashes):
            return
        place = next(
            (i for i, own in enumerate(hashes) if data[32 * i:32 * i + 32] != own), len(hashes)
        )
        self.wrong(
            ((number * TILE_WIDTH + place) << 8 * level) + 1, f"{name} is not what the entries make"
        )

    def compare_kept(self, size, root, number):
        """The root of a smaller tree: its full tiles, and the leaves of the bundle it ends in."""
        tree = GrowingTree()
        for bundle in range(number + 1):
            width = min(TILE_WIDTH, self.size - bundle * TILE_WIDTH)
            data = self.read(f"tile/entries/{tile_path(bundle)}{suffix(width)}", 1) or b""
            for index in range(min(width, size - bundle * TILE_WIDTH)):
                start = index * (ENTRY_LENGTH + 2) + 2
                tree.append(leaf_hash(data[start:start + ENTRY_LENGTH]))
        if tree.root() != root:
            self.wrong(1, f"the entries do not lead to the checkpoint of {size} that was kept")

    # Events, where they were exported.

    def events(self, number, width, first):
        name = f"events/{tile_path(number)}{suffix(width)}"
        lines = (self.read(name, first) or b"").splitlines()
        if len(lines) != width:
            self.wrong(first, f"{name} has not {width} events")
        return [json.loads(line) for line in lines] + [None] * (width - len(lines))

    def compare_event(self, row, entry, position):
        if row is None:
            self.wrong(position, "its event is missing")
            return
        decode = base64.b64decode
        header, payload, nonce = decode(row["header"]), decode(row["payload"]), decode(row["nonce"])
        commitment = decode(row["commitment"])
        sha = hashlib.sha256
        committed = sha(
            sha(nonce[:16] + header).digest() + sha(nonce[16:] + payload).digest()
        ).digest()
        if len(nonce) != 32 or committed != commitment:
            self.wrong(position, "header, payload or nonce are not what was committed to")
        columns = (
            ENTRY_MARK + bytes.fromhex(row["event_id"].replace("-", ""))
            + bytes.fromhex(row["episode_id"].replace("-", ""))
            + struct.pack(">qqqq", row["version"], row["position"], row["recorded_at"], 0)
            + commitment
        )
        if columns != entry:
            self.wrong(position, "its columns are not those of its entry")
        if decode(row["leaf_hash"]) != sha(b"\x00" + columns).digest():
            self.wrong(position, "its leaf hash is not that of its columns")
        try:
            head = json.loads(header)
            stated = head.get("source_recorded_at")
            columns = {
                "event_id": head["event_id"] == row["event_id"],
                "episode_id": head["episode_id"] == row["episode_id"],
                "type": head["type"] == row["type"],
                "occurred_at": parse_instant(head["occurred_at"]) == row["occurred_at"],
                "known_at": row["known_at"]
                == (row["recorded_at"] if stated is None else parse_instant(stated)),
                "ledger_id": head["ledger"] in self.origin.split("/")[-2:],
            }
        except (ValueError, KeyError):
            self.wrong(position, "its header cannot be read")
            return
        for column, holds in columns.items():
            if not holds:
                self.wrong(position, f"the column {column} is not what the header says")
        if self.has_stays:
            self.remember(head, payload, row, position)

    def remember(self, head, payload, row, position):
        try:
            line = dict(head, data=json.loads(payload), position=position)
            event = event_from(line, position)
        except (ValueError, KeyError):
            self.wrong(position, "its payload cannot be read")
            return
        event.recorded_at = row["recorded_at"]
        self.episodes.setdefault(event.episode_id, []).append(event)

    # The census, where it was exported.

    def compare_stays(self):
        basis = json.loads(self.text("read-models/basis.json"))
        days = LocalDays(basis["time_zone"])
        parked = set(basis["parked"])
        stored = {}
        for line in self.text("read-models/stays.ndjson").splitlines():
            row = json.loads(line)
            stored.setdefault(row["episode_id"], []).append(row)
        # An export of before there were tracks within a stay has none.
        has_tracks = any("tracks" in row for rows in stored.values() for row in rows)
        known = {
            episode: [event for event in events if event.position <= basis["position"]]
            for episode, events in self.episodes.items()
        }
        expected = {}
        try:
            folded = census.all_stays(known)
        except (ValueError, KeyError, StopIteration) as error:
            self.wrong(1, f"the events cannot be folded ({type(error).__name__})")
            return
        for episode, (entries, stays) in folded.items():
            days_of_stay, outside = census.length_of_stay(entries, stays, days)
            rows = [census.stay_row(stay, days_of_stay, outside) for stay in stays]
            for number, row in enumerate(rows, 1):
                del row["last_contact_outside_episode"]
                if not has_tracks:
                    del row["tracks"]
                row["ordinal"] = number
            expected[episode] = rows
        for episode in sorted(set(stored) | set(expected)):
            if episode not in parked and stored.get(episode) != expected.get(episode):
                newest = max((event.position for event in known.get(episode, [])), default=None)
                self.wrong(newest, f"the stays of episode {episode} are not what its events lead to")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--verifier-key", action="append", default=[])
    parser.add_argument("--against", action="append", default=[], help="a checkpoint that was kept")
    options = parser.parse_args(arguments)
    kept = []
    for path in options.against:
        with open(path, encoding="utf-8") as file:
            kept.append(file.read())
    try:
        export = Export(options.folder, options.verifier_key, kept)
        found = export.verify()
    except (Failed, FileNotFoundError, ValueError) as error:
        print(f"FAILED: {error}")
        return 1
    found.sort(key=lambda item: (item[0] is None, item[0] or 0))
    for position, what in found[:SHOWN]:
        print(f"position {position}: {what}" if position else what)
    if found:
        print(f"FAILED: {len(found)} faults")
        return 1
    what = "entries and events" if export.has_events else "entries"
    print(f"OK: {export.size} {what} lead to what {export.origin} has signed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
