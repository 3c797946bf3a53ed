/** The formula, without Skyloom. */

import assert from "node:assert/strict";
import test from "node:test";

import { signalToNoise } from "../signal-to-noise.js";

test("the ratio is of value and error", () => {
  assert.equal(signalToNoise(10, 2), 5);
  assert.equal(signalToNoise(-1, 2), -0.5);
});

test("without a good error there is none", () => {
  for (const [value, error] of [[1, 0], [1, -1], [1, NaN], [NaN, 1], [Infinity, 1]]) {
    assert.equal(signalToNoise(value, error), null);
  }
});
