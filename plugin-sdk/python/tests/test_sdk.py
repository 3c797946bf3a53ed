"""The SDK in an ordinary Python, without a component."""

import sys
import unittest
from dataclasses import dataclass
from math import inf, isnan, nan
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).parents[1]))

from array import array

from skyloom import (
    Batch,
    Bind,
    Column,
    DataError,
    Field,
    Lists,
    MissingColumn,
    Numbers,
    ParamError,
    PluginError,
    Purpose,
    Writer,
    WrongType,
    WrongUnit,
    boolean,
    build,
    dictionary,
    each,
    float32,
    float64,
    int32,
    int64,
    kernels,
    list_of,
    param,
    read_params,
    schema_of,
    struct,
    utf8,
)
from skyloom.schema import Type, from_wire, to_wire

POINT = struct([Field("mjd", float64), Field("mag", float32), Field("band", dictionary(), False)])


class Columns(unittest.TestCase):
    def check(self, type: Type, values: list) -> None:
        self.assertEqual(build(type, values).to_list(), values)

    def test_values_come_back(self) -> None:
        self.check(float64, [1.5, None, -inf])
        self.check(int32, [1, -(2**31), None])
        self.check(int64, [2**63 - 1, None])
        self.check(boolean, [True, None, False] * 9)
        self.check(utf8, ["", "δ Cep", None, "RR Lyr"])
        self.check(dictionary(), ["g", "r", None, "g"])
        self.check(Type("e"), [0.5, None])
        self.check(Type("z"), [b"", b"\xff", None])
        self.check(Type("w:3"), [b"abc", None])
        self.check(Type("d:38,2"), [-(10**30), None, 5])
        self.check(Type("tin"), [(1, -2, 3), None])
        self.check(Type("+w:2", (Field("item", int32, False),)), [[1, 2], None])
        self.check(struct([]), [{}, {}])
        point = {"mjd": 58000.0, "mag": 15.5, "band": "g"}
        self.check(list_of(POINT), [[point, None], None, [], [{**point, "mag": None}]])

    def test_numbers_are_views_of_their_bytes(self) -> None:
        data = array("d", [1.0, 2.0]).tobytes()
        values = Column(float64, 2, None, [data]).values
        self.assertIs(values.obj, data)
        self.assertEqual(values.tolist(), [1.0, 2.0])

    def test_numbers_of_any_type_are_floats(self) -> None:
        found = Numbers(build(int64, [1, None]))
        self.assertEqual(list(found), [1.0, None])
        self.assertIsInstance(found[0], float)
        self.assertTrue(isnan(found.to_nan()[1]))

    def test_arrays_are_taken_as_they_are(self) -> None:
        self.assertEqual(build(float64, array("d", [1.0, nan])).rows, 2)

    def test_light_curves_are_read_by_part(self) -> None:
        curve = [{"mjd": 1.0, "mag": None, "band": "g"}, {"mjd": 2.0, "mag": 15.0, "band": "r"}]
        lists = Lists(build(list_of(POINT), [None, curve, []]))
        self.assertIsNone(lists[0])
        self.assertEqual(lists[1].numbers("mag"), [None, 15.0])
        self.assertEqual(lists[1].strings("band"), ["g", "r"])
        self.assertEqual(lists[1].values("mjd").tolist(), [1.0, 2.0])
        self.assertEqual(len(lists[2]), 0)
        with self.assertRaisesRegex(PluginError, "no part `flux`"):
            lists[1].numbers("flux")

    def test_what_does_not_fit_is_refused(self) -> None:
        for type, values in [
            (float64, ["a"]),
            (Type("c"), [300]),
            (utf8, [1]),
            (list_of(int32, False), [[None]]),
            (float64, build(int32, [1])),
        ]:
            with self.assertRaises(PluginError):
                build(type, values)

    def test_each_skips_what_is_missing(self) -> None:
        self.assertEqual(each(lambda a, b: a + b, [1, None, 3], [1, 1, None]), [2, None, None])


@dataclass(frozen=True, kw_only=True)
class Inner:
    unit: str = param("Its unit.", default="mag")


@dataclass(frozen=True, kw_only=True)
class Params:
    """What may be said."""

    column: str = param("The column.")
    max_steps: int = param("How many.", default=3, minimum=1)
    width: float = param("How wide.", default=0.0, minimum=0)
    way: Literal["up", "down"] = param("Which way.", default="up")
    names: list[str] = param("Names.", default=["-"], min_items=1)
    key: str | None = param("The key.", default=None)
    inner: dict[str, Inner] = param("By name.", default={})


class Parameters(unittest.TestCase):
    def test_the_schema_says_what_the_dataclass_says(self) -> None:
        schema = schema_of(Params)
        self.assertEqual(schema["description"], "What may be said.")
        self.assertEqual(schema["required"], ["column"])
        self.assertIs(schema["additionalProperties"], False)
        steps = schema["properties"]["max-steps"]
        expected = {"description": "How many.", "type": "integer", "format": "int64"}
        self.assertEqual(steps, {**expected, "minimum": 1, "default": 3})
        self.assertEqual(schema["properties"]["key"]["type"], ["string", "null"])
        self.assertEqual(schema["properties"]["names"]["default"], ["-"])

    def test_values_are_read_by_type(self) -> None:
        found = read_params(Params, '{"column": "a", "max-steps": 5, "width": 1, "inner": {"b": {}}}')
        self.assertEqual((found.max_steps, found.width, found.names), (5, 1.0, ["-"]))
        self.assertIsInstance(found.width, float)
        self.assertEqual(found.inner["b"], Inner(unit="mag"))

    def test_what_does_not_fit_is_named(self) -> None:
        for text, name in [
            ('{"column": null}', "column"),
            ('{"column": "a", "max-steps": true}', "max-steps"),
            ('{"column": "a", "names": [1]}', "names[0]"),
            ('{"column": "a", "inner": {"b": {"unit": 1}}}', "inner.b.unit"),
            ('{"column": "a", "colour": 1}', "colour"),
        ]:
            with self.assertRaises(ParamError) as caught:
                read_params(Params, text)
            self.assertEqual(caught.exception.param, name)


class Binding(unittest.TestCase):
    def bind(self) -> Bind:
        fields = [Field("id", utf8).with_ucd("meta.id;meta.main"), Field("V", float64).with_unit("mag")]
        return Bind(["features"], [("table", fields)])

    def test_declarations_are_gathered(self) -> None:
        bind = self.bind()
        field = bind.column("table", "V", "column").number().unit("mag").read(Purpose.VALUE)
        bind.pass_all("features", "table")
        bind.add("features", Field("W", float64))
        self.assertEqual(field.unit, "mag")
        self.assertEqual(bind.reads, [(0, 1, Purpose.VALUE)])
        self.assertEqual(bind.outputs["features"].passed, [(0, 0, 0), (1, 0, 1)])
        self.assertEqual(bind.key("table"), "id")

    def test_mistakes_are_named(self) -> None:
        bind = self.bind()
        for kind, mistake in [
            (MissingColumn, lambda: bind.column("table", "I")),
            (WrongType, lambda: bind.column("table", "id").number()),
            (WrongUnit, lambda: bind.column("table", "V").unit("Jy")),
            (PluginError, lambda: bind.fields("other")),
        ]:
            self.assertRaises(kind, mistake)
        bind.pass_all("features", "table")
        self.assertRaises(DataError, lambda: bind.pass_all("features", "table"))

    def test_schemas_cross_in_preorder(self) -> None:
        fields = [Field("curve", list_of(POINT)).with_unit("mag"), Field("id", utf8, False)]
        flat = to_wire(fields)
        self.assertEqual([field.children for field in flat], [1, 3, 0, 0, 1, 0, 0])
        self.assertEqual(from_wire(flat), fields)


class Kept:
    """A host of one batch, which keeps what it is given."""

    def __init__(self, columns: list[Column]) -> None:
        self.columns = columns

    def rows(self) -> int:
        return self.columns[0].rows

    def column(self, index: int, type: Type) -> Column:
        return self.columns[index]

    def derive(self, source, keep, columns) -> None:
        self.derived = keep, [column.to_list() for column in columns]


class Writing(unittest.TestCase):
    def test_rows_are_kept_or_not(self) -> None:
        host = Kept([build(float64, [1.0, 2.0, 3.0])])
        batch = Batch("table", [Field("V", float64)], host)
        writer = Writer([Field("W", float64)], host)
        writer.select(batch, [True, False, True], [[4.0, None]])
        self.assertEqual(host.derived, (b"\x05", [[4.0, None]]))
        with self.assertRaisesRegex(PluginError, "`W` has 1 rows, not 3"):
            writer.derive(batch, [[1.0]])
        with self.assertRaisesRegex(PluginError, "2 columns emitted; bind said 1"):
            writer.derive(batch, [[], []])
        with self.assertRaises(MissingColumn):
            batch.numbers("I")


class Kernels(unittest.TestCase):
    def test_light_curves_are_put_behind_each_other(self) -> None:
        curves = kernels.Curves.of([([1.0, 2.0], array("d", [3.0, 4.0])), ([], b"")])
        self.assertEqual(curves.offsets.tolist(), [0, 2, 2])
        self.assertEqual(curves.values, array("d", [3.0, 4.0]).tobytes())
        self.assertIsNone(curves.errors)
        self.assertEqual(kernels.Curves.of([]).offsets.tolist(), [0])
        with self.assertRaises(ValueError):
            kernels.Curves.of([([1.0], [2.0]), ([1.0], [2.0], [3.0])])

    def test_outside_a_component_there_are_none(self) -> None:
        with self.assertRaisesRegex(PluginError, "only there in a component"):
            kernels.phase_fold([1.0], 2.0, 0.0)


if __name__ == "__main__":
    unittest.main()
