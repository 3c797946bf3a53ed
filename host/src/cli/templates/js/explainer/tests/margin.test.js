/** The formula, without Skyloom. */

import assert from "node:assert/strict";
import test from "node:test";

import { marginOf } from "../margin.js";

test("margins are counted from the threshold", () => {
  assert.deepEqual([1.5, 2, 3].map((value) => marginOf(value, 2, 0)), [-0.5, 0, 1]);
});

test("a width is their unit", () => {
  assert.deepEqual([1.5, 2, 3].map((value) => marginOf(value, 2, 0.5)), [-1, 0, 2]);
});

test("without a number there is none", () => {
  for (const value of [NaN, Infinity, -Infinity, Number.MAX_VALUE]) {
    assert.equal(marginOf(value, 2, 0.5), null);
  }
});
