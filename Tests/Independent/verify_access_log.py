#!/usr/bin/env python3
"""Verifies an exported access log, with no code of the ledger: standard library and `openssl`.

    episode-ledger checkpoint --access-log --export DIR
    verify_access_log.py DIR [--verifier-key KEY] [--against CHECKPOINT]

Every entry and its row, every tile and root, the signature. Exit 0, or 1 with what is wrong, the first
bad number in front.
"""

import hashlib
import json
import struct
import sys
import uuid

from local_days import parse_instant
from transparency_log import (
    ENTRY_LENGTH,
    TILE_WIDTH,
    TIMES,
    Failed,
    from_base64,
    is_log_of,
    strict_json,
    suffix,
    tile_path,
)
from verify_export import LINE_LIMIT, Export, main

ENTRY_MARK = b"episode-access1\n"
TEXTS = ("operation", "request_id", "subject")


def canonical(value):
    """RFC 8785 of what a row holds: names in ASCII, whole numbers."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def commitment(nonce, row, text):
    """What an entry commits to: both halves with a half of the nonce each."""
    sha = hashlib.sha256
    return sha(sha(nonce[:16] + row).digest() + sha(nonce[16:] + text).digest()).digest()


def entry_of(row, number, committed):
    """The 112 bytes of an entry."""
    episode = uuid.UUID(row["episode_id"]).bytes if "episode_id" in row else bytes(16)
    numbers = struct.pack(">qqqq", row["entry"], number, parse_instant(row["at"]), 0)
    return ENTRY_MARK + bytes(16) + episode + numbers + committed


def read_line(line):
    """(nonce, row, text) of a line `{"nonce":"…","row":{…},"text":{…}}`; Failed where it is none."""
    if len(line) > LINE_LIMIT:
        raise Failed("it is too long")
    value = strict_json(line)
    if type(value) is not dict or list(value) != ["nonce", "row", "text"]:
        raise Failed("it is not written as a row")
    nonce, row, text = from_base64(value["nonce"]), value["row"], value["text"]
    if len(nonce) != 32 or type(row) is not dict or type(text) is not dict or canonical(value) != line:
        raise Failed("it is not written as a row")
    if any(type(row[name]) is not str for name in TEXTS) or type(row["allowed"]) is not bool:
        raise Failed("a member of its row has another type")
    if type(row["entry"]) is not int or any(type(role) is not str for role in row["roles"]):
        raise Failed("a member of its row has another type")
    if any(type(member) is not str for member in text.values()):
        raise Failed("a member of its text has another type")
    return nonce, row, text


class AccessExport(Export):
    """An export of an access log: a line with a row for each entry."""

    PLACE = "number"

    def __init__(self, folder, keys, kept):
        super().__init__(folder, keys, kept)
        self.has_events = self.has_stays = False
        self.entry = 0

    def is_of_tree(self, name):
        if name.startswith("events/"):
            return False
        # A line stands where the events of a ledger's export do.
        return super().is_of_tree("tile/entries/" + name[5:] if name.startswith("rows/") else name)

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
        lines = self.lines("rows", number, width, first)
        for index in range(width):
            chunk, place = data[index * stride:(index + 1) * stride], first + index
            entry = chunk[2:]
            if chunk[:2] != b"\x00\x70" or entry[:32] != ENTRY_MARK + bytes(16) or entry[72:80] != bytes(8):
                self.wrong(place, "its entry is malformed")
            try:
                self.compare(lines[index], entry, place)
            except (Failed, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
                self.wrong(place, f"its row cannot be read ({error})")
            leaf = hashlib.sha256(b"\x00" + entry).digest()
            self.tree.append(leaf)
            self.levels[0].append(leaf)
            self.compare_kept()
        if width == TILE_WIDTH:
            self.close_tile(0, number)
        return True

    def compare(self, line, entry, place):
        nonce, row, text = read_line(line)
        committed = commitment(nonce, canonical(row), canonical(text))
        if entry_of(row, place, committed) != entry:
            self.wrong(place, "its row and nonce are not what its entry commits to")
        if row["entry"] <= self.entry:
            self.wrong(place, "it is not an entry after that before it")
        self.entry = row["entry"]
        if parse_instant(row["at"]) not in TIMES:
            self.wrong(place, "it is of no time")
        if not is_log_of(self.origin, row["ledger"] + "/access"):
            self.wrong(place, "it is of another ledger")


if __name__ == "__main__":
    sys.exit(main(kind=AccessExport))
