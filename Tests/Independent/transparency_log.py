"""Merkle trees (RFC 6962), signed notes and checkpoints (C2SP), told a second time.

Python's standard library and `openssl`; recursion as the RFC writes it down, for comparison with an
implementation that does not.
"""

import base64
import functools
import hashlib
import json
import math
import os
import re
import subprocess
import tempfile

from local_days import format_instant, parse_instant

ENTRY_MARK = b"episode-ledger1\n"
ENTRY_LENGTH = 112
TILE_WIDTH = 256
NOTE_LIMIT = 65_536
SIGNATURE_LIMIT = 16
# The most events, and the highest position or version: what every JSON reader reads exactly.
COUNT_LIMIT = 2**53
# The instants that RFC 3339 can write, in microseconds since 1970.
TIMES = range(-62_135_596_800_000_000, 253_402_300_800_000_000)
DECLARATION = "episode-ledger restore declaration 1"


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


# What is read strictly: there is one way to write each thing, and everything else is refused.


def from_base64(text):
    """The bytes of base64 in its one canonical form."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data) != (text.encode() if isinstance(text, str) else bytes(text)):
        raise Failed("base64 in another than its canonical form")
    return data


def strict_json(data):
    """JSON without double members, without NaN and Infinity, without numbers beyond all measure."""

    def members(pairs):
        result = dict(pairs)
        if len(result) != len(pairs):
            raise Failed("a JSON object has a member twice")
        return result

    def constant(name):
        raise Failed(f"{name} is no JSON")

    def number(text):
        value = float(text) if len(text) <= 40 else math.inf
        if not math.isfinite(value):
            raise Failed("a JSON number is beyond all measure")
        return value

    def whole(text):
        return int(text) if len(text) <= 20 else number(text)

    try:
        return json.loads(
            bytes(data).decode("utf-8"), object_pairs_hook=members, parse_constant=constant,
            parse_float=number, parse_int=whole,
        )
    except (RecursionError, ValueError) as error:
        raise Failed(f"it is no JSON ({type(error).__name__})") from None


ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printed(value):
    """JSON as the ledger writes it: no white space, no escape that is not needed, whole numbers."""
    if isinstance(value, str):
        return '"' + re.sub(
            r'["\\\x00-\x1f]', lambda match: ESCAPES.get(match[0], f"\\u{ord(match[0]):04x}"), value
        ) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(printed, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(printed(name) + ":" + printed(value[name]) for name in value) + "}"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if not isinstance(value, int):
        raise Failed("a JSON number is not a whole one")
    return str(value)


def same(left, right):
    """Whether two values of JSON are the same, their types too: 1 is neither true nor 1.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


class Key:
    """A verifier key: NAME+HASH+KEY."""

    def __init__(self, text):
        self.text = text
        name, _, rest = text.partition("+")
        match = re.fullmatch(r"([0-9a-f]{8})\+([A-Za-z0-9+/]{44})", rest)
        if match is None or not re.fullmatch(r"[^\s\x00-\x20\x7f]+", name) or len(name.encode()) > 255:
            raise Failed(f"{text[:300]!r} is not a verifier key")
        public = from_base64(match[2])
        self.name, self.hash, self.public = name, match[1], public[1:]
        if public[0] != 1 or sha256(name.encode() + b"\n" + public)[:4].hex() != self.hash:
            raise Failed(f"{text[:300]!r} is not a verifier key")

    def __eq__(self, other):
        return self.text == other.text

    def __hash__(self):
        return hash(self.text)

    def verifies(self, text, signature):
        return is_signature(self.public, text.encode(), signature)


@functools.lru_cache(maxsize=4096)
def is_signature(public, text, signature):
    """Whether an Ed25519 signature is the key's; by `openssl`."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, part) for part in ("key", "text", "signature")]
        der = bytes.fromhex("302a300506032b6570032100") + public
        for path, data in zip(paths, (der, text, signature)):
            with open(path, "wb") as file:
                file.write(data)
        return subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", paths[0],
             "-rawin", "-in", paths[1], "-sigfile", paths[2]],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ).returncode == 0


def read_keys(data):
    """The keys of a file: a line each, each once."""
    if len(data) > NOTE_LIMIT:
        raise Failed("the list of keys is too long")
    keys = [Key(line) for line in data.decode("utf-8").split("\n") if line]
    if "".join(key.text + "\n" for key in keys).encode() != data or len(set(keys)) != len(keys):
        raise Failed("the list of keys is not a key a line, each once")
    return keys


class Note:
    """A signed note (C2SP signed-note): a text and the signatures below it."""

    def __init__(self, data):
        if len(data) > NOTE_LIMIT:
            raise Failed("a note is too long")
        note = data.decode("utf-8")
        above, divider, below = note.rpartition("\n\n")
        if not divider or not above or not note.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f]", note):
            raise Failed("it is not a signed note")
        self.text = above + "\n"
        self.signatures = []
        for line in below[:-1].split("\n"):
            parts = line.split(" ")
            if len(parts) != 3 or parts[0] != "—" or not parts[1]:
                raise Failed("a line below a note is no signature")
            raw = from_base64(parts[2])
            if len(raw) <= 4:
                raise Failed("a line below a note is no signature")
            self.signatures.append((parts[1], raw[:4].hex(), raw[4:]))
        if len(self.signatures) > SIGNATURE_LIMIT:
            raise Failed("a note has too many signatures")

    def signers(self, keys):
        """The keys that have signed; Failed where a signature names one of them and is not its own."""
        found = []
        for name, hint, signature in self.signatures:
            for key in keys:
                if (key.name, key.hash) == (name, hint):
                    if not key.verifies(self.text, signature):
                        raise Failed(f"the signature of {key.text} is wrong")
                    if key not in found:
                        found.append(key)
        return found


class Checkpoint:
    """A signed checkpoint: origin, size, root."""

    def __init__(self, data):
        self.note = Note(data)
        lines = self.note.text[:-1].split("\n")
        if len(lines) < 3 or "" in lines:
            raise Failed("a note is no checkpoint")
        self.origin = lines[0]
        if not re.fullmatch(r"0|[1-9][0-9]{0,15}", lines[1]) or int(lines[1]) > COUNT_LIMIT:
            raise Failed("the size of a checkpoint is none")
        self.size, self.root = int(lines[1]), from_base64(lines[2])
        if len(self.root) != 32:
            raise Failed("the root of a checkpoint is none")

    def signers(self, keys):
        """The keys of its origin that have signed it; Failed where none has."""
        found = self.note.signers([key for key in keys if key.name == self.origin])
        if not found:
            raise Failed(f"no known key of {self.origin} has signed the checkpoint")
        return found


def is_log_of(origin, ledger):
    """Whether a log is `<name>/<ledger>`, or after a restore `<name>/<ledger>/<number>`."""
    return origin.endswith("/" + ledger) or (first_origin(origin) or "").endswith("/" + ledger)


def first_origin(origin):
    """The origin without the number of a restore; None where it has none."""
    match = re.fullmatch(r"(.*)/([1-9][0-9]{0,8})", origin, re.DOTALL)
    return match[1] if match and int(match[2]) > 1 else None


def stem(origin):
    """What the origins of one history begin with: an access log that was first sealed after a restore
    has a number in its first one."""
    first = first_origin(origin)
    return first if first is not None and first.endswith("/access") else origin


class Declaration:
    """A signed note that declares a restore."""

    def __init__(self, data):
        self.note = Note(data)
        match = re.fullmatch(
            DECLARATION + r"\nended (\S+) ([0-9]{1,16}) (\S{44})\nkept ([0-9]{1,16}) (\S{44})\n"
            r"restored ([0-9]{1,16})\nbegun (.+)\ndeclared (.+)\nreason (.*)\n", self.note.text
        )
        if match is None:
            raise Failed("a declaration of a restore cannot be read")
        self.ended, self.kept, self.begun = match[1], int(match[4]), Key(match[7])
        sizes, roots = [match[2], match[4], match[6]], [match[3], match[5]]
        if any(str(int(size)) != size or int(size) > COUNT_LIMIT for size in sizes):
            raise Failed("a size in a declaration of a restore is none")
        if any(len(from_base64(root)) != 32 for root in roots):
            raise Failed("a root in a declaration of a restore is none")
        if format_instant(parse_instant(match[8])) != match[8]:
            raise Failed("the time of a declaration of a restore is none")

    def counts(self, keys, first):
        """Whether a key of the log that ended has signed, one that counts, and the one that begins."""
        # One key cannot do for both: a log that begins has a name of its own.
        if self.begun.name == self.ended or first_origin(self.begun.name) != stem(first):
            return False
        if self.ended != first and first_origin(self.ended) != stem(first):
            return False
        signers = self.note.signers([key for key in keys if key != self.begun] + [self.begun])
        return self.begun in signers and any(key.name == self.ended for key in signers)


def read_declarations(data, keys, origin):
    """The declared restores of an export, each of which must count and the last lead to its log."""
    declarations = []
    # A text, an empty line, its signatures; then an empty line before the next.
    parts = data.split(b"\n\n") if data else []
    pieces = []
    for index in range(0, len(parts), 2):
        is_last = index + 2 >= len(parts)
        pieces.append(b"\n\n".join(parts[index:index + 2]) + (b"" if is_last else b"\n"))
        declarations.append(Declaration(pieces[-1]))
    for declaration in declarations:
        if not declaration.counts(keys, declarations[0].ended):
            raise Failed(f"the declaration of a restore of {declaration.ended} is not signed by a "
                         "key that counts of the log that ended, and by that of the one that began")
    if b"\n".join(pieces) != data:
        raise Failed("restore-declarations holds more than signed notes")
    if declarations and declarations[-1].begun.name != origin:
        raise Failed(f"the last declared restore does not lead to {origin}")
    return declarations


def kept_size(declarations, origin):
    """Up to which size the checkpoints of an origin still hold; None where no restore ended it."""
    kept = None
    for _ in declarations:
        declaration = next((one for one in declarations if one.ended == origin), None)
        if declaration is None:
            break
        kept = declaration.kept if kept is None else min(kept, declaration.kept)
        origin = declaration.begun.name
    return kept


def signed_files(note, listed, pinned):
    """(checkpoint, keys that count) of an export or packet: the signed checkpoint, and the keys.

    The keys that count are those that somebody has from elsewhere; without any, those of the list.
    """
    checkpoint = Checkpoint(note)
    listed = read_keys(listed)
    signers = checkpoint.signers(listed)
    if len(signers) != len(checkpoint.note.signatures) or listed[:len(signers)] != signers:
        raise Failed("verifier-keys does not begin with the keys that signed the checkpoint")
    keys = pinned or listed
    checkpoint.signers(keys)
    return checkpoint, keys
