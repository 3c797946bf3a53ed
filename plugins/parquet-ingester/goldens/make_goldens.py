#!/usr/bin/env python3
"""Writes Parquet files of every codec, page version and kind of column, and sums of what
pyarrow reads from them and from the survey samples beside the repository.

    pip install pyarrow==26.0.1 astropy==8.0.2
    python make_goldens.py [FOLDER OF SURVEY SAMPLES]
"""

import datetime
import decimal
import glob
import json
import math
import os
import struct
import sys
import zlib

import pyarrow
import pyarrow.parquet as parquet

HERE = os.path.dirname(os.path.abspath(__file__))


def number(value, code):
    if math.isnan(value):
        return "nan"
    return struct.pack(">" + code, value).hex()


def text(value, kind):
    """A value as text, so that equal text means equal bits."""
    t = pyarrow.types
    if t.is_dictionary(kind):
        kind = kind.value_type
    if value is None:
        return "null"
    if t.is_boolean(kind):
        return "true" if value else "false"
    if t.is_float64(kind):
        return number(value, "d")
    if t.is_float32(kind):
        return number(value, "f")
    if t.is_float16(kind):
        return number(value, "e")
    if t.is_integer(kind):
        return str(value)
    if t.is_decimal(kind):
        return str(int(value.scaleb(kind.scale)))
    if t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind):
        return json.dumps(value, ensure_ascii=False)
    if t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind):
        return bytes(value).hex()
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind):
        return "[" + ",".join(text(item, kind.value_type) for item in value) + "]"
    if t.is_map(kind):
        pairs = (text(k, kind.key_type) + ":" + text(v, kind.item_type) for k, v in value)
        return "<" + ",".join(pairs) + ">"
    if t.is_struct(kind):
        return "{" + ",".join(text(value[f.name], f.type) for f in kind) + "}"
    raise NotImplementedError(kind)


def as_integers(column):
    """Times as the integers they are stored as, at any depth but within maps."""
    t = pyarrow.types
    kind = column.type
    if t.is_timestamp(kind) or t.is_time64(kind) or t.is_duration(kind):
        return column.cast(pyarrow.int64())
    if t.is_date32(kind) or t.is_time32(kind):
        return column.cast(pyarrow.int32())
    return column


def sums(path):
    table = parquet.ParquetFile(path).read()
    columns = {}
    for name in table.column_names:
        column = as_integers(table[name])
        crc = 0
        for chunk in column.chunks:
            for value in chunk.to_pylist():
                crc = zlib.crc32((text(value, column.type) + "\n").encode(), crc)
        columns[name] = {"nulls": column.null_count, "crc32": f"{crc:08x}"}
    return {"rows": table.num_rows, "columns": columns}


def nasty(n):
    def some(make, every=7):
        return [None if row % every == 3 else make(row) for row in range(n)]

    utc = datetime.timezone.utc
    light_curve = pyarrow.list_(pyarrow.struct([("mjd", pyarrow.float64()), ("mag", pyarrow.float32())]))
    day = datetime.date(2000, 1, 1)
    columns = {
        "id": pyarrow.array(range(n), pyarrow.int64()),
        "flag": pyarrow.array(some(lambda r: r % 3 == 0), pyarrow.bool_()),
        "i8": pyarrow.array(some(lambda r: r % 256 - 128), pyarrow.int8()),
        "u16": pyarrow.array(some(lambda r: r * 199 % 65536), pyarrow.uint16()),
        "i32": pyarrow.array(some(lambda r: r * 7919 - 2**31 + 5), pyarrow.int32()),
        "u64": pyarrow.array(some(lambda r: 2**64 - 1 - r), pyarrow.uint64()),
        "f16": pyarrow.array(some(lambda r: r / 8), pyarrow.float16()),
        "f32": pyarrow.array(some(lambda r: float("nan") if r % 11 == 0 else r / 7), pyarrow.float32()),
        "f64": pyarrow.array(some(lambda r: [-0.0, float("inf"), 5e-324, r / 3][r % 4]), pyarrow.float64()),
        "text": pyarrow.array(some(lambda r: f"δ Scuti \"{r % 13}\"" * (r % 4)), pyarrow.string()),
        "large": pyarrow.array(some(lambda r: f"star {r}"), pyarrow.large_string()),
        "view": pyarrow.array(some(lambda r: f"a rather long name of star {r % 5}"), pyarrow.string_view()),
        "bytes": pyarrow.array(some(lambda r: bytes([r % 256, 0, 255])), pyarrow.binary()),
        "fixed": pyarrow.array(some(lambda r: bytes([r % 256] * 5)), pyarrow.binary(5)),
        "class": pyarrow.array(some(lambda r: ["RRab", "RRc", "EA"][r % 3])).dictionary_encode(),
        "cents": pyarrow.array(some(lambda r: decimal.Decimal(r * 37 - 999) / 100), pyarrow.decimal128(12, 2)),
        "date": pyarrow.array(some(lambda r: day + datetime.timedelta(days=r))),
        "when": pyarrow.array(some(lambda r: r * 86_400_000_003 - 10**15), pyarrow.timestamp("us", "UTC")),
        "time": pyarrow.array(some(lambda r: r * 1_000_003), pyarrow.time64("us")),
        "nothing": pyarrow.nulls(n),
        "list": pyarrow.array(some(lambda r: [None if i == 2 else i * r for i in range(r % 5)]), pyarrow.list_(pyarrow.int32())),
        "pair": pyarrow.array(some(lambda r: [r / 2, -r / 2]), pyarrow.list_(pyarrow.float64(), 2)),
        "curve": pyarrow.array(
            some(lambda r: [{"mjd": 5e4 + i, "mag": None if i == 1 else 18 + i / 10} for i in range(r % 6)]), light_curve
        ),
        "nested": pyarrow.array(some(lambda r: [[], None, [str(r)]][: r % 4]), pyarrow.list_(pyarrow.list_(pyarrow.string()))),
        "struct": pyarrow.array(
            some(lambda r: {"a": r, "b": None if r % 5 == 0 else [r]}),
            pyarrow.struct([("a", pyarrow.int32()), ("b", pyarrow.list_(pyarrow.int64()))]),
        ),
        "map": pyarrow.array(some(lambda r: [(f"k{i}", i * r) for i in range(r % 3)]), pyarrow.map_(pyarrow.string(), pyarrow.int64())),
    }
    return pyarrow.table(columns)


def write_nasty():
    table = nasty(150)
    small = dict(data_page_size=400, write_batch_size=16, row_group_size=65, store_schema=True)
    flat = table.select(["id", "i32", "f32", "f64", "text", "fixed", "when"])
    parquet.write_table(table, "none.parquet", compression="none", write_page_checksum=True, **small)
    parquet.write_table(table, "snappy.parquet", compression="snappy", **small)
    parquet.write_table(table, "gzip.parquet", compression="gzip", data_page_version="2.0", **small)
    parquet.write_table(table, "brotli.parquet", compression="brotli", **small)
    parquet.write_table(table, "lz4.parquet", compression="lz4", **small)
    parquet.write_table(table, "zstd.parquet", compression="zstd", write_page_checksum=True, **small)
    parquet.write_table(table, "zstd_v2.parquet", compression="zstd", data_page_version="2.0", use_dictionary=False, **small)
    encodings = {
        "id": "DELTA_BINARY_PACKED",
        "i32": "BYTE_STREAM_SPLIT",
        "f32": "BYTE_STREAM_SPLIT",
        "f64": "BYTE_STREAM_SPLIT",
        "text": "DELTA_BYTE_ARRAY",
        "fixed": "DELTA_BYTE_ARRAY",
        "when": "DELTA_BINARY_PACKED",
    }
    parquet.write_table(flat, "encodings.parquet", compression="zstd", use_dictionary=False, column_encoding=encodings, **small)
    parquet.write_table(flat.slice(0, 0), "empty.parquet", compression="zstd")


def write_votable():
    from astropy.table import Table
    from astropy.io.votable.tree import VOTableFile
    from astropy.io.votable import from_table

    stars = Table({"source_id": [1, 2, 3], "ra": [1.5, 2.5, 3.5], "gmag": [17.5, 18.5, 19.5]})
    stars["ra"].unit, stars["gmag"].unit = "deg", "mag"
    stars["gmag"].description = "PSF magnitude, AB & <extinction> not taken off"
    votable = from_table(stars)
    fields = votable.get_first_table().fields
    fields[0].ucd, fields[1].ucd, fields[2].ucd = "meta.id;meta.main", "pos.eq.ra;meta.main", "phot.mag;em.opt.G"
    metadata = {f.name: {"unit": str(f.unit or ""), "ucd": f.ucd, "description": f.description or ""} for f in fields}
    stars.write("votable.parquet", format="parquet.votable", metadata=metadata, overwrite=True)


def main():
    os.chdir(HERE)
    write_nasty()
    write_votable()
    made_with = {"pyarrow": pyarrow.__version__}
    own = {name: sums(name) for name in sorted(glob.glob("*.parquet"))}
    with open("expected.json", "w") as file:
        json.dump({"made_with": made_with, "files": own}, file, indent=1)
    if len(sys.argv) > 1:
        root = sys.argv[1]
        paths = sorted(glob.glob("**/*.parquet", root_dir=root, recursive=True))
        samples = {path: sums(os.path.join(root, path)) for path in paths}
        with open("samples.json", "w") as file:
            json.dump({"made_with": made_with, "files": samples}, file, indent=None, separators=(",", ":"))


if __name__ == "__main__":
    main()
