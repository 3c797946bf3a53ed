/** Text to fields, without Skyloom. */

import assert from "node:assert/strict";
import test from "node:test";

import { Lines, numberOf, widen } from "../lines.js";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const decode = (bytes) => decoder.decode(bytes);
const fresh = () => new Lines({ comment: "#", missing: ["-"], columns: 2, decode });

function rows(...pieces) {
  const lines = fresh();
  const bytes = pieces.map((piece) => new TextEncoder().encode(piece));
  return bytes.flatMap((piece, at) => lines.take(piece, at === bytes.length - 1));
}

test("fields are words", () => {
  const expected = [["a", "1.5"], ["b", null]];
  assert.deepEqual(rows("# star mag\n\n a   1.5\r\nb\t-\n"), expected);
  // Wherever the text is cut, and without the last newline.
  assert.deepEqual(rows("# star", " mag\n\n a  ", " 1.5\r", "\nb\t-"), expected);
});

test("a ragged line is named", () => {
  assert.throws(() => rows("a 1\n# x\nb 2", " 3\n"), /^Error: line 3 has 3 fields, but `columns` names 2;/);
});

test("a line that is no text is named", () => {
  const bytes = Uint8Array.of(97, 32, 49, 10, 255, 32, 50, 10);
  assert.throws(() => fresh().take(bytes, true), /line 2 is not UTF-8/);
});

test("columns of numbers are told from text", () => {
  const numbers = [true, true];
  for (const row of rows("1 -\n2 -1e3\nx 3\n")) widen(numbers, row);
  assert.deepEqual(numbers, [false, true]);
  assert.deepEqual(["-1e3", "+.5", "-inf", "nan"].map(numberOf), [-1000, 0.5, -Infinity, NaN]);
});
