/** The rule, without Skyloom. */

import assert from "node:assert/strict";
import test from "node:test";

import { probabilityAbove } from "../cut.js";

test("a sharp cut knows no doubt", () => {
  const found = [1.9, 2, Infinity, NaN].map((value) => probabilityAbove(value, 2, 0));
  assert.deepEqual(found, [0, 1, 1, null]);
});

test("a blurred cut is even at the threshold", () => {
  const found = [1, 1.75, 2, 3, -Infinity].map((value) => probabilityAbove(value, 2, 0.5));
  assert.deepEqual(found, [0, 0.25, 0.5, 1, 0]);
});
