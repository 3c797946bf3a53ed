#!/usr/bin/env python3
"""Writes two nasty tables, and the raw strings that pandas reads from them.

    pip install pandas==3.1.1
    python make_goldens.py
"""

import csv
import gzip
import io
import json
import tarfile

import pandas

# Every field as the file spells it, quotes and all, so that nothing hides in a writer's choices.
CRLF = [
    ["source_id", "name", "mag", "epoch", "variable", "note"],
    ["0001237", "plain", "18.018", "2171.18383", "true", "leading zeros in the identifier"],
    ["9007199254740993", "2^53 + 1", "-99.99", "0", "false", "no float64 holds this identifier"],
    ["18446744073709551615", "2^64 - 1", "-9999", "-0", "TRUE", "unsigned maximum"],
    ["-9223372036854775808", "-2^63", "NaN", "-0.0", "False", "signed minimum"],
    ["9223372036854775808", "2^63", "nan", "1e308", "0", "one past the signed maximum"],
    ["6", '"Eta Car, nebula"', "inf", "1e-320", "1", '"commas, quoted"'],
    ["7", '"the ""Garnet"" star"', "-Infinity", "1E+3", "t", '"doubled """" quotes"'],
    ["8", '"two\nlines"', "+5.5", ".5", "f", '"a line feed inside"'],
    ["9", '"two\r\nlines"', "5.", "0x1F", "yes", '"a carriage return and line feed inside"'],
    ["10", "", "", "", "", ""],
    ["11", '""', '""', '"3.25"', '"true"', '"quoted empty, quoted number, quoted boolean"'],
    ["12", " padded ", " 17.5", "17.5 ", " true", "spaces stay"],
    ["13", "NULL", "null", "N/A", "None", "words some readers take for missing"],
    ["14", "δ Scuti", "1_000", '"1,5"', "nan", "δ ″ 変光星 are text"],
    ["15", "'single", "\t2.5", "2026-01-01T00:00:00Z", "T", "a single quote quotes nothing; a tab stays"],
    ["00", '"ends in a quote"""', "99.999", "-1", "F", '""""'],
]

# Line feeds only, a byte order mark, no line end at the end, a quote inside an unquoted field.
LF = [
    ["id", "size", "class"],
    ["1", '5"', "GALAXY"],
    ["2", '0.5" x 3"', "STAR"],
    ["3", "-", '"QSO"'],
]


def parse(data):
    table = pandas.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, na_filter=False)
    return list(table.columns), table.values.tolist()


def write(name, text, *, bom=False):
    data = (b"\xef\xbb\xbf" if bom else b"") + text.encode("utf-8")
    columns, rows = parse(data)
    # The standard library's reader is a second opinion.
    second = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    assert [columns, *rows] == second, (columns, rows, second)
    with open(f"{name}.csv", "wb") as file:
        file.write(data)
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", fileobj=packed, mtime=0) as file:
        file.write(data)
    with open(f"{name}.csv.gz", "wb") as file:
        file.write(packed.getvalue())
    with open(f"{name}.expected.json", "w", encoding="utf-8") as file:
        expected = {"made_with": {"pandas": pandas.__version__}, "columns": columns, "rows": rows}
        json.dump(expected, file, indent=1, ensure_ascii=False)
        file.write("\n")


# Files of an archive: plain, with a path of more than 100 bytes, one to be left out, and one without rows.
MEMBERS = {
    "curves/1001.csv": "time,mag\n1.5,18.25\n2.5,18.5\n",
    "curves/" + "a" * 60 + "/" + "b" * 60 + "/long.name.csv": "time,mag\n3,19\n",
    "README.md": "not a table, and longer than a block: " + "x" * 600 + "\n",
    "curves/empty.csv": "time,mag\n",
    "curves/δ Scuti.csv": "time,mag\n4.25,20.125",
}


def write_archive(name, form):
    """A tar archive in one of the formats that Python knows."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as archive:
        folder = tarfile.TarInfo("curves")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for path, text in MEMBERS.items():
            entry = tarfile.TarInfo(path)
            data = text.encode("utf-8")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    with open(f"{name}.tar.gz", "wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as gz:
        gz.write(packed.getvalue())


if __name__ == "__main__":
    write_archive("members_ustar", tarfile.USTAR_FORMAT)
    write_archive("members_gnu", tarfile.GNU_FORMAT)
    write_archive("members_pax", tarfile.PAX_FORMAT)
    write("nasty_crlf", "".join(",".join(fields) + "\r\n" for fields in CRLF) + "\r\n")
    write("nasty_lf", "\n".join(",".join(fields) for fields in LF), bom=True)
