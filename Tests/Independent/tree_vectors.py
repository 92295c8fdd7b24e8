#!/usr/bin/env python3
"""Roots and proofs of all trees of 1 to N leaves, as lines to compare with.

    tree_vectors.py 130

The entries are the decimal numbers from 0. Lines: `root SIZE HASH`, `inclusion INDEX SIZE HASH,…`,
`consistency FIRST SECOND HASH,…`, hashes in base64.
"""

import base64
import sys
from functools import lru_cache

import transparency_log


def main():
    count = int(sys.argv[1])
    # The same subtrees occur over and over.
    transparency_log.tree_hash = lru_cache(maxsize=None)(transparency_log.tree_hash)
    leaves = tuple(transparency_log.leaf_hash(str(i).encode()) for i in range(count))

    def text(hashes):
        return ",".join(base64.b64encode(digest).decode() for digest in hashes)

    for size in range(1, count + 1):
        tree = leaves[:size]
        print("root", size, text([transparency_log.tree_hash(tree)]))
        for index in range(size):
            print("inclusion", index, size, text(transparency_log.inclusion_path(index, tree)))
        for first in range(1, size + 1):
            print("consistency", first, size, text(transparency_log.consistency_proof(first, tree)))


if __name__ == "__main__":
    main()
