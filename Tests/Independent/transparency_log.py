"""Merkle trees (RFC 6962), signed notes and checkpoints (C2SP), told a second time.

Python's standard library and `openssl`; recursion as the RFC writes it down, for comparison with an
implementation that does not.
"""

import base64
import hashlib
import os
import subprocess
import tempfile

ENTRY_MARK = b"episode-ledger1\n"
ENTRY_LENGTH = 112
TILE_WIDTH = 256


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf_hash(entry):
    return sha256(b"\x00" + entry)


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


def split(count):
    """The largest power of two below a number of leaves, which is at least 2."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def tree_hash(leaves):
    """MTH of section 2.1."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    middle = split(len(leaves))
    return node_hash(tree_hash(leaves[:middle]), tree_hash(leaves[middle:]))


def inclusion_path(index, leaves):
    """PATH of section 2.1.1."""
    if len(leaves) == 1:
        return []
    middle = split(len(leaves))
    if index < middle:
        return inclusion_path(index, leaves[:middle]) + [tree_hash(leaves[middle:])]
    return inclusion_path(index - middle, leaves[middle:]) + [tree_hash(leaves[:middle])]


def consistency_proof(size, leaves):
    """PROOF of section 2.1.2."""
    return consistency_subproof(size, leaves, True) if 0 < size < len(leaves) else []


def consistency_subproof(size, leaves, is_whole):
    if size == len(leaves):
        return [] if is_whole else [tree_hash(leaves)]
    middle = split(len(leaves))
    if size <= middle:
        return consistency_subproof(size, leaves[:middle], is_whole) + [tree_hash(leaves[middle:])]
    rest = consistency_subproof(size - middle, leaves[middle:], False)
    return rest + [tree_hash(leaves[:middle])]


class GrowingTree:
    """The roots of the perfect subtrees at the right edge: append leaves, ask for the root."""

    def __init__(self):
        self.size = 0
        self.peaks = []  # (height, hash), the largest first

    def append(self, leaf):
        self.size += 1
        height, digest = 0, leaf
        while self.peaks and self.peaks[-1][0] == height:
            digest = hashlib.sha256(b"\x01" + self.peaks.pop()[1] + digest).digest()
            height += 1
        self.peaks.append((height, digest))

    def root(self):
        if not self.peaks:
            return sha256(b"")
        digest = self.peaks[-1][1]
        for _, peak in reversed(self.peaks[:-1]):
            digest = node_hash(peak, digest)
        return digest


class Failed(Exception):
    """Something is not what it must be."""


def tile_path(number):
    """A number in groups of three digits: x001/x234/067."""
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        groups.insert(0, f"x{number % 1000:03d}")
    return "/".join(groups)


def tiles(size):
    """(level, number, width) of every tile of a tree."""
    level, nodes = 0, size
    while nodes:
        for number in range((nodes + TILE_WIDTH - 1) // TILE_WIDTH):
            yield level, number, min(TILE_WIDTH, nodes - number * TILE_WIDTH)
        nodes //= TILE_WIDTH
        level += 1


def suffix(width):
    return "" if width == TILE_WIDTH else f".p/{width}"


def is_signed_by(key, text, signatures):
    """Whether one of the lines is the key's signature of the text; by `openssl`."""
    name, hint, material = key.split("+", 2)
    public = base64.b64decode(material, validate=True)
    if public[0] != 1 or sha256(name.encode() + b"\n" + public)[:4].hex() != hint:
        raise Failed(f"{key} is not a verifier key")
    for line in signatures:
        dash, signer, encoded = line.split(" ")
        raw = base64.b64decode(encoded, validate=True)
        if dash != "—" or signer != name or raw[:4].hex() != hint:
            continue
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, part) for part in ("key", "text", "signature")]
            der = bytes.fromhex("302a300506032b6570032100") + public[1:]
            for path, data in zip(paths, (der, text.encode(), raw[4:])):
                with open(path, "wb") as file:
                    file.write(data)
            return subprocess.run(
                ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", paths[0],
                 "-rawin", "-in", paths[1], "-sigfile", paths[2]],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            ).returncode == 0
    return False


def read_checkpoint(note, keys):
    """(origin, size, root) of a signed checkpoint; Failed unless one of the keys has signed it."""
    text, divider, below = note.rpartition("\n\n")
    lines = text.split("\n")
    if not divider or len(lines) < 3:
        raise Failed("the checkpoint is not a signed note")
    text += "\n"
    own = [key for key in keys if key.startswith(lines[0] + "+")]
    if not any(is_signed_by(key, text, below.splitlines()) for key in own):
        raise Failed("the checkpoint is not signed by the ledger's key")
    return lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
