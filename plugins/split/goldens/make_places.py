#!/usr/bin/env python3
"""Writes where keys fall in [0, 1), by the definition in src/side.rs and the PyPI package blake3.

    pip install blake3==1.0.8
    python make_places.py
"""

import csv
import struct

from blake3 import blake3


def place(seed, kind, value):
    first = blake3(struct.pack("<Q", seed) + kind.encode() + value).digest(length=8)
    return (int.from_bytes(first, "little") >> 11) / 2**53


KEYS = (
    [("integer", str(v), v.to_bytes(16, "little", signed=True)) for v in (0, 1, -1, 42, 1237648720693755918, -(2**63), 2**64 - 1)]
    + [("float", repr(v), struct.pack("<d", v)) for v in (0.0, 0.5, -1.25, 1e300, float("inf"))]
    + [("text", v, v.encode()) for v in ("", "OGLE-LMC-CEP-0001", "RR Lyræ", "1")]
    + [("boolean", str(v).lower(), bytes([v])) for v in (False, True)]
    + [("healpix", f"{order}:{cell}", bytes([order]) + struct.pack("<Q", cell)) for order, cell in ((0, 11), (5, 7), (29, 12 * 4**29 - 1))]
)
LETTER = {"integer": "i", "float": "f", "text": "s", "boolean": "b", "healpix": "h"}

if __name__ == "__main__":
    with open("places.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["seed", "kind", "value", "place"])
        for seed in (0, 1, 20260101, 2**64 - 1):
            for kind, value, raw in KEYS:
                writer.writerow([seed, kind, value, repr(place(seed, LETTER[kind], raw))])
