"""Writes VOTables with astropy, and what astropy reads back from them, as Arrow.

    pip install astropy==8.0.2 numpy==2.4.6 pyarrow==26.0.1
    python make_cases.py

`stars-tabledata.vot`, `stars-binary.vot` and `stars-binary2.vot.gz` hold one table in three forms;
`stars.arrow` holds what astropy reads from each, which is checked to be the same.
"""

import gzip
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
from astropy.io import votable
from astropy.io.votable.tree import Field, Resource, TableElement, VOTableFile

HERE = Path(__file__).parent
ROWS = 4


def listed(*arrays, dtype):
    column = np.empty(len(arrays), dtype=object)
    for row, values in enumerate(arrays):
        column[row] = np.ma.array(values, dtype=dtype, mask=[False] * len(values))
    return column


# Name, datatype, arraysize, more attributes, values, which rows are null, Arrow type.
COLUMNS = [
    ("id", "char", "*", {"ucd": "meta.id;meta.main"}, ["Vega", "Deneb", "Altair", "Lyr a"], [0, 0, 0, 0], pa.string()),
    ("band", "char", None, {}, ["g", "r", "i", "z"], [0, 0, 0, 0], pa.string()),
    ("code", "char", "4", {}, ["ab", "abcd", "x", "yz"], [0, 0, 0, 0], pa.string()),
    ("name", "unicodeChar", "*", {}, ["織女星", "", "牽牛星", "é"], [0, 0, 0, 0], pa.string()),
    ("variable", "boolean", None, {}, [True, False, True, False], [0, 0, 1, 0], pa.bool_()),
    ("flags", "unsignedByte", None, {}, [0, 255, 7, 8], [0, 0, 0, 1], pa.uint8()),
    ("n", "short", None, {}, [-32768, 32767, 0, 5], [0, 0, 1, 0], pa.int16()),
    ("count", "int", None, {}, [-(2**31), 2**31 - 1, 4, 5], [1, 0, 0, 0], pa.int32()),
    ("source", "long", None, {}, [-(2**63), 2**63 - 1, 4, 5], [0, 0, 1, 0], pa.int64()),
    ("mag", "float", None, {"unit": "mag", "ucd": "phot.mag;em.opt.V", "description": "V magnitude"},
     [0.03, np.inf, -1e-45, 3.4028235e38], [0, 0, 0, 1], pa.float32()),
    ("ra", "double", None, {"unit": "deg", "ucd": "pos.eq.ra;meta.main"},
     [279.23473479, 1e-308, -0.0, 2.2250738585072014e-308], [0, 0, 1, 0], pa.float64()),
    ("cov", "double", "2x2", {}, [[[1, 2], [3, 4]], [[5, 6], [7, 8.5]], [[0, 0], [0, 0]], [[1, 1], [1, 1]]],
     [0, 0, 0, 0], pa.list_(pa.float64(), 4)),
    ("rgb", "unsignedByte", "3", {}, [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]], [0, 0, 0, 0], pa.list_(pa.uint8(), 3)),
    ("mjd", "double", "*", {"unit": "d"}, listed([1.5, 2.5, 3.25], [], [59000.123456789], [1, 2], dtype="f8"),
     [0, 0, 0, 0], pa.list_(pa.float64())),
    ("detections", "int", "*", {}, listed([1], [2, 3], [], [4, 5, 6], dtype="i4"), [0, 0, 0, 0], pa.list_(pa.int32())),
    ("z", "doubleComplex", None, {}, [1 + 2j, -1j, 0, 3.5], [0, 0, 0, 0], pa.list_(pa.float64(), 2)),
]


def document():
    """The table, as astropy holds it."""
    made = VOTableFile(version="1.4")
    resource = Resource()
    made.resources.append(resource)
    table = TableElement(made, name="stars")
    resource.tables.append(table)
    for name, datatype, arraysize, more, *_ in COLUMNS:
        field = Field(made, name=name, datatype=datatype, arraysize=arraysize,
                      unit=more.get("unit"), ucd=more.get("ucd"))
        field.description = more.get("description")
        if name in ("flags", "n", "count", "source"):
            field.values.null = -99 if name != "flags" else 9
        table.fields.append(field)
    table.create_arrays(ROWS)
    for name, _, _, _, values, nulls, _ in COLUMNS:
        for row in range(ROWS):
            # Not through the mask, which would take the lists' own masks off.
            table.array.data[name][row] = values[row]
            if nulls[row]:
                table.array[name].mask[row] = True
    return made


def plain(name, table, arrow_type):
    """A column as astropy reads it, as Python's own values."""
    values = []
    for row in range(len(table.array)):
        value, mask = table.array[name][row], table.array[name].mask[row]
        if pa.types.is_string(arrow_type):
            # The standard does not tell an empty text from none.
            values.append(str(value) or None)
        elif pa.types.is_list(arrow_type) or pa.types.is_fixed_size_list(arrow_type):
            array = np.ma.asarray(value)
            if np.iscomplexobj(array):
                array = np.ma.array([array.item().real, array.item().imag])
            # An empty cell of TABLEDATA is null, whatever was meant.
            values.append(array.ravel().tolist() or None)
        else:
            values.append(None if mask is np.True_ or mask is True else value.item())
    return values


def read(path):
    """The Arrow table that astropy reads from a file."""
    table = votable.parse(path).get_first_table()
    fields, arrays = [], []
    for name, _, _, more, _, _, arrow_type in COLUMNS:
        fields.append(pa.field(name, arrow_type, metadata=more or None))
        arrays.append(pa.array(plain(name, table, arrow_type), type=arrow_type))
    return pa.table(arrays, schema=pa.schema(fields))


def write(name, form):
    buffer = io.BytesIO()
    document().to_xml(buffer, tabledata_format=form)
    lines = buffer.getvalue().decode().splitlines()
    # When it was written is nobody's.
    text = "\n".join(line for line in lines if not line.startswith(("<!-- Produced", "     http://www.astropy")))
    path = HERE / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        path.write_text(text + "\n")
    return path


if __name__ == "__main__":
    tables = [read(write(*form)) for form in [
        ("stars-tabledata.vot", "tabledata"), ("stars-binary.vot", "binary"), ("stars-binary2.vot.gz", "binary2"),
    ]]
    with pa.OSFile(str(HERE / "stars.arrow"), "wb") as file, pa.ipc.new_file(file, tables[2].schema) as writer:
        writer.write_table(tables[2])
    for table in tables:
        print(table.to_pydict() == tables[2].to_pydict())
        for name in table.column_names:
            if table[name].to_pylist() != tables[2][name].to_pylist():
                print(name, table[name].to_pylist(), tables[2][name].to_pylist())
