/** The rule, without Skyloom. */

import assert from "node:assert/strict";
import test from "node:test";

import { judge, marginOf } from "../cuts.js";

const RED = { column: "g-r", above: 0.6, scale: 0.1 };
const BRIGHT = { column: "r", below: 20, scale: 1 };

test("margins are positive on the good side, in units of the scale", () => {
  assert.equal(marginOf({ column: "r", below: 20, scale: 2 }, 17), 1.5);
  assert.equal(marginOf({ column: "r", above: 20, scale: 2 }, 17), -1.5);
});

test("what is no number has none", () => {
  for (const value of [null, NaN, Infinity]) assert.equal(marginOf(BRIGHT, value), null);
});

test("the cut that is passed least decides", () => {
  const verdict = judge([RED, BRIGHT], [0.8, 19.5]);
  assert.deepEqual(verdict, {
    selected: true,
    margin: 0.5,
    decidedBy: 1,
    report: "selected, by least: r is 19.5, at most 20 is asked",
  });
});

test("one cut that fails is enough", () => {
  const verdict = judge([RED, BRIGHT], [0.8, 22.25]);
  assert.equal(verdict.selected, false);
  assert.equal(verdict.report, "not selected: r is 22.25, at most 20 is asked");
});

test("a threshold passes, and of equal margins the first decides", () => {
  assert.equal(judge([BRIGHT], [20]).selected, true);
  assert.equal(judge([BRIGHT, { ...BRIGHT, column: "i" }], [20, 20]).decidedBy, 0);
});

test("without a value nothing is judged", () => {
  const verdict = judge([RED, BRIGHT], [null, 19]);
  assert.deepEqual([verdict.selected, verdict.margin], [false, null]);
  assert.equal(verdict.report, "not judged: g-r has no value");
});
