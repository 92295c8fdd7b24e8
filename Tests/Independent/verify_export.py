#!/usr/bin/env python3
"""Verifies an exported log, with no code of the ledger: standard library and `openssl`.

    episode-ledger checkpoint --export DIR [--with-events]
    verify_export.py DIR [--verifier-key KEY] [--against CHECKPOINT]

Every entry, tile and root, the signature; where the export has them, every event's header, payload,
nonce and columns, and the stays of the census against those that the events lead to. Exit 0, or 1
with what is wrong, the first bad position in front.
"""

import argparse
import hashlib
import io
import itertools
import os
import re
import stat
import struct
import sys

import census
from history import event_from
from local_days import LocalDays, parse_instant
from transparency_log import (
    COUNT_LIMIT,
    ENTRY_LENGTH,
    ENTRY_MARK,
    NOTE_LIMIT,
    TILE_WIDTH,
    TIMES,
    Checkpoint,
    Failed,
    GrowingTree,
    Key,
    from_base64,
    is_log_of,
    kept_size,
    node_hash,
    printed,
    read_declarations,
    same,
    signed_files,
    strict_json,
    suffix,
    tile_path,
)

SHOWN = 20
FILE_LIMIT = 1 << 28
DECLARATIONS_LIMIT = 1 << 20
LINE_LIMIT = 1 << 20
# What an event raises that cannot be read or folded.
UNREADABLE = (
    Failed, ArithmeticError, AttributeError, LookupError, StopIteration, TypeError, ValueError
)

BASE64 = "([A-Za-z0-9+/]*={0,2})"
UUID = "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
WHOLE = "(0|-?[1-9][0-9]{0,18})"
COLUMNS = (
    ("commitment", BASE64), ("episode_id", UUID), ("event_id", UUID), ("header", BASE64),
    ("known_at", WHOLE), ("leaf_hash", BASE64), ("nonce", BASE64), ("occurred_at", WHOLE),
    ("payload", BASE64), ("position", WHOLE), ("recorded_at", WHOLE), ("type", "([a-z_?]*)"),
    ("version", WHOLE),
)
# The members of a stay, in their order; older exports have those of its tracks.
STAY = (
    "episode_id", "ordinal", "client_id", "program", "track", "tracks", "level_of_care", "from", "to",
    "start_reason", "end_reason", "length_of_stay_days",
)
# There is one way to write a line: whatever differs from it is refused.
EVENT_LINE = re.compile(
    r"\{" + ",".join(
        f'"{name}":' + (form if form is WHOLE else f'"{form}"') for name, form in COLUMNS
    ) + r"\}"
)


def event_row(line):
    """The columns of a line of events; None where it is none."""
    match = EVENT_LINE.fullmatch(line.decode("ascii")) if len(line) <= LINE_LIMIT else None
    if match is None:
        return None
    return {
        name: int(text) if form is WHOLE else from_base64(text) if form is BASE64 else text
        for (name, form), text in zip(COLUMNS, match.groups())
    }


class Export:
    """The files of an export, and what is found wrong in them."""

    # What a place in the tree is called.
    PLACE = "position"

    def __init__(self, folder, keys, kept):
        self.folder = folder
        self.found = []
        checkpoint, keys = signed_files(
            self.must("checkpoint", NOTE_LIMIT), self.must("verifier-keys", NOTE_LIMIT), keys
        )
        self.origin, self.size, self.root = checkpoint.origin, checkpoint.size, checkpoint.root
        declared = self.bytes("restore-declarations", DECLARATIONS_LIMIT) or b""
        if len(declared) > DECLARATIONS_LIMIT:
            raise Failed("restore-declarations is too long")
        self.declarations = read_declarations(declared, keys, self.origin)
        self.due = {}
        for note in kept:
            self.keep(Checkpoint(note), keys)
        self.tree = GrowingTree()
        self.levels = [[]]
        self.versions = {}
        self.event_ids = set()
        self.recorded = TIMES[0]
        self.has_events = os.path.isdir(os.path.join(folder, "events"))
        self.has_stays = os.path.exists(os.path.join(folder, "read-models/stays.ndjson"))
        self.episodes = {}

    def keep(self, checkpoint, keys):
        """A checkpoint that somebody kept: the entries must lead to it."""
        checkpoint.signers(keys)
        lost_after = kept_size(self.declarations, checkpoint.origin)
        if lost_after is not None and checkpoint.size > lost_after:
            self.wrong(lost_after + 1, "a restore lost what a checkpoint that was kept covers")
        elif checkpoint.size > self.size:
            self.wrong(self.size + 1, f"a checkpoint that was kept covers {checkpoint.size} events")
        else:
            self.due.setdefault(checkpoint.size, set()).add(checkpoint.root)

    def bytes(self, name, limit=FILE_LIMIT):
        """The bytes of a file; None where there is none. Of a longer one, one byte more than the limit."""
        path = os.path.join(self.folder, name)
        try:
            status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(status.st_mode):
            raise Failed(f"{name} is not a file")
        with open(path, "rb") as file:
            return file.read(min(status.st_size, limit + 1))

    def must(self, name, limit):
        data = self.bytes(name, limit)
        if data is None:
            raise Failed(f"{name} is missing")
        if len(data) > limit:
            raise Failed(f"{name} is too long")
        return data

    def read(self, name, position, limit):
        data = self.bytes(name, limit)
        if data is None:
            self.wrong(position, f"{name} is missing")
        return data

    def wrong(self, position, what):
        self.found.append((position, what))

    def verify(self):
        self.check_names()
        self.compare_kept()
        for number in range((self.size + TILE_WIDTH - 1) // TILE_WIDTH):
            width = min(TILE_WIDTH, self.size - number * TILE_WIDTH)
            if not self.bundle(number, width):
                # Nothing after it can be told: there is no tree.
                return self.found
        for level, hashes in enumerate(self.levels):
            if hashes:
                self.compare_tile(level, self.tree.size >> 8 * (level + 1), hashes)
        if self.tree.root() != self.root:
            self.wrong(1, "the entries do not lead to the signed root")
        if self.has_stays:
            self.compare_stays()
        return self.found

    def check_names(self):
        """Nothing lies in the folder that is not of this export."""
        names = {"checkpoint", "verifier-keys"}
        if self.declarations:
            names.add("restore-declarations")
        if self.has_events:
            names |= {"read-models/basis.json", "read-models/stays.ndjson"}

        def refuse(error):
            raise error

        for folder, folders, found in os.walk(self.folder, onerror=refuse):
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in found + links:
                name = os.path.relpath(os.path.join(folder, name), self.folder)
                if name not in names and not self.is_of_tree(name):
                    self.wrong(None, f"{name!r} is not of this export")
            if len(self.found) > SHOWN:
                return
        basis = os.path.join(self.folder, "read-models/basis.json")
        if self.has_events and self.has_stays != os.path.exists(basis):
            self.wrong(None, "read-models/ has not both of its files")

    def is_of_tree(self, name):
        """Whether a file is a tile of the tree, a bundle of its entries, or of its events."""
        match = re.fullmatch(
            r"(?:tile/(entries|[0-9]|[1-5][0-9])|(events))/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?",
            name,
        )
        if match is None or (match[2] and not self.has_events):
            return False
        level = int(match[1]) if match[1] and match[1] != "entries" else 0
        number = int(re.sub("[x/]", "", match[3]))
        width = min(TILE_WIDTH, (self.size >> 8 * level) - number * TILE_WIDTH)
        place = match[2] or "tile/" + match[1]
        return width > 0 and name == f"{place}/{tile_path(number)}{suffix(width)}"

    def bundle(self, number, width):
        first = number * TILE_WIDTH + 1
        name = f"tile/entries/{tile_path(number)}{suffix(width)}"
        stride = ENTRY_LENGTH + 2
        data = self.read(name, first, width * stride)
        if data is None:
            return False
        if len(data) != width * stride:
            self.wrong(first, f"{name} has not {width} whole entries")
            return False
        events = self.lines("events", number, width, first) if self.has_events else None
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
            self.compare_kept()
        if width == TILE_WIDTH:
            self.close_tile(0, number)
        return True

    def follow(self, entry, position):
        version, stated, recorded = struct.unpack(">qqq", entry[48:72])
        if stated != position:
            self.wrong(position, f"its entry says position {stated}")
        if recorded not in TIMES or recorded < self.recorded:
            self.wrong(position, "it is recorded before the event before it, or at no time")
        self.recorded = recorded
        episode = entry[32:48]
        if version != self.versions.get(episode, 0) + 1 or version > COUNT_LIMIT:
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
        data = self.read(name, first, 32 * len(hashes))
        if data is None or data == b"".join(hashes):
            return
        place = next(
            (i for i, own in enumerate(hashes) if data[32 * i:32 * i + 32] != own), len(hashes) - 1
        )
        self.wrong(
            ((number * TILE_WIDTH + place) << 8 * level) + 1, f"{name} is not what the entries make"
        )

    def compare_kept(self):
        """The root of the tree so far, where a checkpoint was kept of this size."""
        for root in self.due.pop(self.tree.size, ()):
            if self.tree.root() != root:
                self.wrong(
                    1, f"the entries do not lead to the checkpoint of {self.tree.size} that was kept"
                )

    # Events, where they were exported.

    def lines(self, folder, number, width, first):
        """A line of JSON for each entry of a tile; empty ones where the file has not so many."""
        name = f"{folder}/{tile_path(number)}{suffix(width)}"
        data = self.read(name, first, min(width * (LINE_LIMIT + 1), FILE_LIMIT)) or b""
        # Counted first: a file of newlines would take many times its bytes.
        if data.count(b"\n") != width or not data.endswith(b"\n"):
            self.wrong(first, f"{name} has not {width} {folder}")
            return [b""] * width
        return data[:-1].split(b"\n")

    def compare_event(self, line, entry, position):
        try:
            row = event_row(line)
            if row is None:
                raise Failed("it is not written as an event")
            self.compare_row(row, entry, position)
        except (Failed, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
            self.wrong(position, f"its event cannot be read ({error})")

    def compare_row(self, row, entry, position):
        header, payload, nonce = row["header"], row["payload"], row["nonce"]
        commitment = row["commitment"]
        sha = hashlib.sha256
        committed = sha(
            sha(nonce[:16] + header).digest() + sha(nonce[16:] + payload).digest()
        ).digest()
        if len(nonce) != 32 or committed != commitment:
            self.wrong(position, "header, payload or nonce are not what was committed to")
            return
        columns = (
            ENTRY_MARK + bytes.fromhex(row["event_id"].replace("-", ""))
            + bytes.fromhex(row["episode_id"].replace("-", ""))
            + struct.pack(">qqqq", row["version"], row["position"], row["recorded_at"], 0)
            + commitment
        )
        if columns != entry:
            self.wrong(position, "its columns are not those of its entry")
        if row["leaf_hash"] != sha(b"\x00" + columns).digest():
            self.wrong(position, "its leaf hash is not that of its columns")
        head = strict_json(header)
        stated = head.get("source_recorded_at")
        columns = {
            "event_id": head["event_id"] == row["event_id"],
            "episode_id": head["episode_id"] == row["episode_id"],
            "type": head["type"] == row["type"],
            "occurred_at": parse_instant(head["occurred_at"]) == row["occurred_at"],
            "known_at": row["known_at"]
            == (row["recorded_at"] if stated is None else parse_instant(stated)),
            "ledger_id": is_log_of(self.origin, head["ledger"]),
        }
        for column, holds in columns.items():
            if not holds:
                self.wrong(position, f"the column {column} is not what the header says")
        if self.has_stays:
            self.remember(head, payload, row, position)

    def remember(self, head, payload, row, position):
        """The event for the census; None in the place of one that cannot be read."""
        try:
            event = event_from(dict(head, data=strict_json(payload), position=position), position)
            event.recorded_at = row["recorded_at"]
        except UNREADABLE:
            event = None
        self.episodes.setdefault(row["episode_id"], []).append((position, event))

    # The census, where it was exported.

    def compare_stays(self):
        basis = self.basis()
        self.days = LocalDays(basis["time_zone"])
        self.position = basis["position"]
        stored = self.stored_stays()
        # An export of before there were tracks within a stay has none.
        has_tracks = any("tracks" in row for rows in stored.values() for row in rows)
        for episode in sorted(set(basis["parked"]) | set(stored) | set(self.episodes)):
            all_events = [one for one in self.episodes.pop(episode, []) if one[0] <= self.position]
            # What comes before the first event that cannot be read.
            events = [event for _, event in itertools.takewhile(lambda one: one[1], all_events)]
            expected = self.stays_of(episode, events)
            can_be_folded = len(events) == len(all_events) and expected is not None
            if episode in basis["parked"]:
                if can_be_folded:
                    self.wrong(None, f"episode {episode} is said to be parked, and can be folded")
                expected = self.longest_part(episode, events) if expected is None else expected
            elif not can_be_folded:
                expected = []
            rows = [self.row_of(row, number, has_tracks) for number, row in enumerate(expected, 1)]
            if not same(stored.get(episode, []), rows):
                newest = all_events[-1][0] if all_events else None
                self.wrong(newest, f"the stays of episode {episode} are not what its events lead to")

    def basis(self):
        """What the stays rest on."""
        data = self.must("read-models/basis.json", min(1024 + 40 * self.size, FILE_LIMIT))
        basis = strict_json(data)
        if type(basis) is not dict or list(basis) != ["position", "time_zone", "parked"]:
            raise Failed("read-models/basis.json is none")
        if type(basis["position"]) is not int or not 0 <= basis["position"] <= self.size:
            raise Failed("the position in read-models/basis.json is not of this export")
        parked = basis["parked"]
        if type(basis["time_zone"]) is not str or type(parked) is not list:
            raise Failed("read-models/basis.json is none")
        if not all(type(one) is str and re.fullmatch(UUID, one) for one in parked):
            raise Failed("a parked episode in read-models/basis.json is none")
        if parked != sorted(set(parked)) or (printed(basis) + "\n").encode() != data:
            raise Failed("read-models/basis.json is not written as an export writes it")
        return basis

    def stored_stays(self):
        """The stays in the export, by episode."""
        data = self.must("read-models/stays.ndjson", min(LINE_LIMIT * self.size, FILE_LIMIT))
        if data.count(b"\n") > self.size or not data.endswith(b"\n") and data:
            raise Failed("read-models/stays.ndjson is not a stay a line")
        stored, last = {}, ""
        for line in io.BytesIO(data):
            row = strict_json(line)
            if type(row) is not dict or type(row.get("episode_id")) is not str:
                raise Failed("a line of read-models/stays.ndjson is no stay")
            if row["episode_id"] < last:
                raise Failed("read-models/stays.ndjson is not by episode")
            last = row["episode_id"]
            is_own = list(row) == [name for name in STAY if name in row]
            if not is_own or (printed(row) + "\n").encode() != line:
                raise Failed("a stay is not written as an export writes it")
            stored.setdefault(row["episode_id"], []).append(row)
        return stored

    def stays_of(self, episode, events):
        """The rows of an episode's stays; None where its events cannot be folded."""
        try:
            rows = []
            for entries, stays in census.all_stays({episode: events}).values():
                days, outside = census.length_of_stay(entries, stays, self.days)
                rows += [census.stay_row(stay, days, outside) for stay in stays]
            return rows
        except UNREADABLE:
            return None

    def longest_part(self, episode, events):
        """The stays of the longest part of a history, from its beginning, that can be folded."""
        rows, readable, unreadable = [], 0, len(events)
        while unreadable - readable > 1:
            middle = (readable + unreadable) // 2
            part = self.stays_of(episode, events[:middle])
            if part is None:
                unreadable = middle
            else:
                rows, readable = part, middle
        return rows

    def row_of(self, row, number, has_tracks):
        """A stay as an export has it."""
        row = dict(row, ordinal=number)
        return {name: row[name] for name in STAY if has_tracks or name != "tracks"}


def main(arguments=None, kind=Export):
    parser = argparse.ArgumentParser(description=kind.__doc__)
    parser.add_argument("folder")
    parser.add_argument("--verifier-key", action="append", default=[])
    parser.add_argument("--against", action="append", default=[], help="a checkpoint that was kept")
    options = parser.parse_args(arguments)
    kept = []
    for path in options.against:
        with open(path, "rb") as file:
            kept.append(file.read())
    try:
        keys = [Key(text) for text in options.verifier_key]
        export = kind(options.folder, keys, kept)
        found = export.verify()
    except UNREADABLE + (OSError, RecursionError, struct.error) as error:
        print(f"FAILED: {type(error).__name__}: {error}"[:1000])
        return 1
    found.sort(key=lambda item: (item[0] is None, item[0] or 0))
    for place, what in found[:SHOWN]:
        print(f"{kind.PLACE} {place}: {what}" if place else what)
    if found:
        print(f"FAILED: {len(found)} faults")
        return 1
    what = "entries and events" if export.has_events else "entries"
    print(f"OK: {export.size} {what} lead to what {export.origin} has signed")
    if export.has_stays:
        print(f"The census in it reflects {export.position} events, in days of {export.days.zone}")
    if not keys:
        print("The key is the one in the folder: whoever made the folder could have made it too")
    return 0


if __name__ == "__main__":
    sys.exit(main())
