/** The method, without Skyloom. */

import assert from "node:assert/strict";
import test from "node:test";

import { contributions, deciding, marginOf, sentence } from "../cuts.js";

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** Shapley's values as they are defined: the mean over all orders in which cuts may join. */
function byDefinition(margins) {
  const worth = (cuts) => Math.min(...margins.map((margin, cut) => (cuts.includes(cut) ? margin : 0)));
  const orders = (cuts) =>
    cuts.length === 0 ? [[]] : cuts.flatMap((cut) => orders(cuts.filter((c) => c !== cut)).map((rest) => [cut, ...rest]));
  const shares = margins.map(() => 0);
  const all = orders(margins.map((_, cut) => cut));
  for (const order of all) {
    order.forEach((cut, place) => {
      shares[cut] += (worth(order.slice(0, place + 1)) - worth(order.slice(0, place))) / all.length;
    });
  }
  return shares;
}

test("margins are counted from the threshold, in scales", () => {
  assert.equal(marginOf({ above: 1, scale: 0.5 }, 2), 2);
  assert.equal(marginOf({ below: 1, scale: 0.5 }, 2), -2);
});

test("contributions are Shapley's values", () => {
  for (const margins of [[1], [-2], [1, 2, 3], [-1, 2, 3], [-1, -2, -4, 5], [0, -1, -1], [0, 0], [-3, -3, -3, -1, 2]]) {
    const found = contributions(margins);
    byDefinition(margins).forEach((expected, cut) => {
      assert.ok(Math.abs(found[cut] - expected) < 1e-12, `${margins}: ${found}`);
    });
    assert.ok(Math.abs(sum(found) - Math.min(...margins)) < 1e-12);
  }
});

test("the tightest cut decides, the first of equals", () => {
  assert.equal(deciding([1, -1, -1]), 1);
});

test("sentences say what decided", () => {
  const cuts = [
    { name: "blue", column: "g_r", below: 0.3, scale: 1 },
    { name: "bright", column: "r", below: 20, scale: 1 },
  ];
  assert.equal(
    sentence(cuts, [0.21, 18], "a"),
    "a is selected: all 2 cuts hold, tightest `blue`, where g_r = 0.21 is 0.09 below 0.3",
  );
  assert.equal(
    sentence(cuts, [0.5, 21.25], "a"),
    "a is rejected by `bright`: r = 21.25 is 1.25 above 20; 2 of 2 cuts reject it",
  );
});
