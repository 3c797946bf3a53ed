/** The SDK in Node, without a component. */

import assert from "node:assert/strict";
import test from "node:test";

import {
  Batch,
  Bind,
  Column,
  DataError,
  Lists,
  MissingColumn,
  Numbers,
  ParamError,
  PluginError,
  Writer,
  WrongType,
  WrongUnit,
  boolean,
  build,
  decode,
  dictionary,
  each,
  field,
  float32,
  float64,
  int32,
  int64,
  integer,
  list,
  listOf,
  number,
  optional,
  parameters,
  struct,
  text,
  utf8,
} from "../index.js";
import { readParams } from "../params.js";
import { Type, fromWire, toWire } from "../schema.js";

const POINT = struct([field("mjd", float64), field("mag", float32), field("band", dictionary(), false)]);

test("values come back", () => {
  const check = (type, values) => assert.deepEqual(build(type, values).toArray(), values);
  check(float64, [1.5, null, -Infinity]);
  check(int32, [1, -(2 ** 31), null]);
  check(int64, [2n ** 63n - 1n, null]);
  check(boolean, Array(9).fill([true, null, false]).flat());
  check(utf8, ["", "δ Cep", null, "RR Lyr", "🌠"]);
  check(dictionary(), ["g", "r", null, "g"]);
  check(new Type("z"), [new Uint8Array(0), Uint8Array.of(255), null]);
  check(new Type("w:2"), [Uint8Array.of(1, 2), null]);
  check(new Type("d:38,2"), [-(10n ** 30n), null, 5n]);
  check(new Type("tin"), [[1, -2, 3n], null]);
  check(new Type("+w:2", [field("item", int32, false)]), [[1, 2], null]);
  check(struct([]), [{}, {}]);
  const point = { mjd: 58000, mag: 15.5, band: "g" };
  check(listOf(POINT), [[point, null], null, [], [{ ...point, mag: null }]]);
});

test("numbers are views of their bytes", () => {
  const bytes = new Uint8Array(Float64Array.of(1, 2).buffer);
  const { values } = new Column(float64, 2, null, [bytes]);
  assert.equal(values.buffer, bytes.buffer);
  // Where they lie askew, they are copied.
  const askew = new Uint8Array(17);
  askew.set(bytes, 1);
  assert.deepEqual(new Column(float64, 2, null, [askew.subarray(1)]).values, Float64Array.of(1, 2));
});

test("numbers of any type are numbers", () => {
  assert.deepEqual([...new Numbers(build(int64, [1, null]))], [1, null]);
});

test("light curves are read by part", () => {
  const curve = [{ mjd: 1, mag: null, band: "g" }, { mjd: 2, mag: 15, band: "r" }];
  const lists = new Lists(build(listOf(POINT), [null, curve, []]));
  assert.equal(lists.get(0), null);
  assert.deepEqual(lists.get(1).numbers("mag"), [null, 15]);
  assert.deepEqual(lists.get(1).strings("band"), ["g", "r"]);
  assert.deepEqual(lists.get(1).values("mjd"), Float64Array.of(1, 2));
  assert.throws(() => lists.get(1).numbers("flux"), /no part `flux`/);
});

test("what does not fit is refused", () => {
  for (const [type, values] of [
    [float64, ["a"]],
    [new Type("c"), [300]],
    [int64, [1.5]],
    [listOf(int32, false), [[null]]],
    [float64, build(int32, [1])],
  ]) {
    assert.throws(() => build(type, values), PluginError);
  }
});

test("each skips what is missing", () => {
  assert.deepEqual(each((a, b) => a + b, [1, null, 3], [1, 1, null]), [2, null, null]);
});

test("UTF-8 is read and refused", () => {
  assert.equal(decode(new TextEncoder().encode("δ 🌠")), "δ 🌠");
  assert.throws(() => decode(Uint8Array.of(255)), URIError);
});

const PARAMS = parameters("What may be said.", {
  columnName: text("The column."),
  maxSteps: integer("How many.", { default: 3, minimum: 1 }),
  width: number("How wide.", { default: 0, minimum: 0 }),
  names: list("Names.", { type: "string" }, { default: ["-"], minItems: 1 }),
  key: optional(text("The key.")),
});

test("parameters have names of their own on each side", () => {
  assert.deepEqual(PARAMS.required, ["column-name"]);
  const found = readParams(PARAMS, '{"column-name": "a", "max-steps": 5}');
  assert.deepEqual({ ...found }, { columnName: "a", maxSteps: 5, width: 0, names: ["-"], key: null });
});

test("parameters that do not fit are named", () => {
  for (const [given, name] of [
    [{ "column-name": null }, "column-name"],
    [{}, "column-name"],
    [{ "column-name": "a", "max-steps": 1.5 }, "max-steps"],
    [{ "column-name": "a", "max-steps": 0 }, "max-steps"],
    [{ "column-name": "a", names: [1] }, "names[0]"],
    [{ "column-name": "a", names: [] }, "names"],
    [{ "column-name": "a", colour: 1 }, "colour"],
  ]) {
    assert.throws(
      () => readParams(PARAMS, JSON.stringify(given)),
      (error) => error instanceof ParamError && error.param === name,
      JSON.stringify(given),
    );
  }
});

function bound() {
  const fields = [field("id", utf8).withUcd("meta.id;meta.main"), field("V", float64).withUnit("mag")];
  return new Bind(["features"], [["table", fields]]);
}

test("declarations are gathered", () => {
  const bind = bound();
  assert.equal(bind.column("table", "V", "column").number().unit("mag").read("value").unit, "mag");
  bind.passAll("features", "table");
  bind.add("features", field("W", float64));
  assert.deepEqual(bind.reads, [{ input: 0, column: 1, purpose: "value" }]);
  assert.equal(bind.outputs.get("features").passed.length, 2);
  assert.equal(bind.key("table"), "id");
});

test("mistakes are named", () => {
  const bind = bound();
  assert.throws(() => bind.column("table", "I"), MissingColumn);
  assert.throws(() => bind.column("table", "id").number(), WrongType);
  assert.throws(() => bind.column("table", "V").unit("Jy"), WrongUnit);
  assert.throws(() => bind.fields("other"), PluginError);
  bind.passAll("features", "table");
  assert.throws(() => bind.passAll("features", "table"), DataError);
});

test("schemas cross in preorder", () => {
  const fields = [field("curve", listOf(POINT)).withUnit("mag"), field("id", utf8, false)];
  const flat = toWire(fields);
  assert.deepEqual(flat.map(({ children }) => children), [1, 3, 0, 0, 1, 0, 0]);
  // As the host gives it: metadata are pairs.
  assert.deepEqual(fromWire(flat), fields);
});

test("rows are kept or not", () => {
  const told = [];
  const held = { rows: () => 3, column: () => build(float64, [1, 2, 3]) };
  const sink = { derive: (...given) => told.push(given) };
  const batch = new Batch("table", [field("V", float64)], held);
  const writer = new Writer([field("W", float64)], sink);
  writer.select(batch, [true, false, true], [[4, null]]);
  const [[, keep, [column]]] = told;
  assert.deepEqual(keep, Uint8Array.of(5));
  assert.deepEqual(column.toArray(), [4, null]);
  assert.throws(() => writer.derive(batch, [[1]]), /`W` has 1 rows, not 3/);
  assert.throws(() => writer.derive(batch, [[], []]), /2 columns emitted; bind said 1/);
  assert.throws(() => batch.numbers("I"), MissingColumn);
});
