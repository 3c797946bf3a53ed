/** Looks for the world that a plugin may not see. */

import { field, plugin, table, utf8 } from "skyloom";

export default plugin({
  name: "curious",
  version: "0.1.0",
  description: "Looks around.",
  role: "transformer",
  inputs: [table("table", "What to do, in a column `ask`.")],
  outputs: [table("seen", "What was seen.")],

  bind(params, bind) {
    bind.column("table", "ask").text().read("value");
    bind.add("seen", field("seen", utf8));
  },

  run(params, task) {
    for (const batch of task.input("table")) {
      task.output("seen").put([batch.strings("ask").map(look)]);
    }
  },
});

function look(ask) {
  if (ask === "fail") {
    const nothing = {};
    return nothing.y.z;
  }
  console.log("what is printed");
  console.warn("and what warns");
  return [Date.now(), Math.random(), performance.now(), new Date().toISOString()].join(" ");
}
