/** The component's side of a plugin: the contract's types in and out. */

import log from "skyloom:plugin/log@0.1.0";

import { Bind } from "./bind.js";
import { Column } from "./column.js";
import { Blob, Reader, Task, Writer } from "./data.js";
import {
  DataError,
  HostError,
  MissingColumn,
  ParamError,
  PluginError,
  WrongType,
  WrongUnit,
} from "./errors.js";
import { readParams } from "./params.js";
import { fromWire, toWire } from "./schema.js";

const say = (level) => (...words) => log.log(level, words.map(String).join(" "));
globalThis.console = {
  debug: say("debug"),
  log: say("info"),
  info: say("info"),
  warn: say("warn"),
  error: say("warn"),
};

/** What the host calls: `describe`, `bind` and `run` of one plugin. */
export function guest(plugin) {
  return {
    describe() {
      const { name, version, description, role, scope, inputs, outputs, citations } = plugin;
      const params = JSON.stringify(plugin.params);
      return { name, version, description, role, scope, inputs, outputs, params, citations };
    },
    bind(params, inputs) {
      return told(() => {
        const shapes = inputs.map(({ port, shape }) => [port, shapeOf(shape)]);
        const bind = new Bind(plugin.outputs.map(({ name }) => name), shapes);
        plugin.bind(readParams(plugin.params, params), bind);
        for (const warning of bind.warnings) log.log("warn", warning);
        const outputs = Array.from(bind.outputs.values(), ({ fields, passed }) => ({
          fields: toWire(fields),
          passed,
        }));
        return { outputs, reads: bind.reads, pieces: bind.pieces };
      });
    },
    run(params, piece, inputs, outputs) {
      told(() => {
        const contents = new Map(inputs.map(({ port, content }) => [port, contentOf(port, content)]));
        const writers = new Map(
          outputs.map((writer, index) => [plugin.outputs[index].name, writerOf(writer)]),
        );
        plugin.run(readParams(plugin.params, params), new Task(contents, writers, piece, log));
      });
    },
  };
}

function shapeOf({ tag, val }) {
  return tag === "table" ? fromWire(val) : blobOf(val);
}

function contentOf(port, { tag, val }) {
  return tag === "table" ? new Reader(port, fromWire(val.fields()), tableOf(val)) : blobOf(val);
}

function tableOf(reader) {
  return {
    rows: () => reader.rows(),
    rewind: () => reader.rewind(),
    next() {
      const batch = asked(() => reader.next());
      return batch === null ? null : rowsOf(batch);
    },
  };
}

function rowsOf(batch) {
  return {
    batch,
    rows: () => batch.rows(),
    column: (index, type) => columnOf(type, asked(() => batch.column(index))[Symbol.iterator]()),
  };
}

function columnOf(type, flat) {
  const { rows, validity, buffers } = flat.next().value;
  const children = type.children.map((child) => columnOf(child.type, flat));
  return new Column(type, rows, validity, buffers, children);
}

function writerOf(writer) {
  return new Writer(fromWire(writer.fields()), {
    put: (columns) => asked(() => writer.put(flat(columns))),
    derive: ({ batch }, keep, columns) => asked(() => writer.derive(batch, keep, flat(columns))),
    cut: () => asked(() => writer.cut()),
  });
}

function flat(columns) {
  return columns.flatMap(({ rows, validity, buffers, children }) => [
    { rows, validity, buffers },
    ...flat(children),
  ]);
}

function blobOf(blob) {
  return new Blob({
    name: () => blob.name(),
    size: () => blob.size(),
    read: (offset, length) => asked(() => blob.read(offset, length)),
  });
}

/** What the host answers; its refusal as an error. */
function asked(call) {
  try {
    return call();
  } catch (refusal) {
    const { val } = refusal.payload ?? refusal;
    throw new HostError(String(val ?? refusal));
  }
}

/** What `call` gives; what it throws as the contract's error. */
function told(call) {
  try {
    return call();
  } catch (error) {
    throw wordsOf(error);
  }
}

function wordsOf(error) {
  if (error instanceof ParamError) {
    return { tag: "param", val: { param: error.param, message: error.reason } };
  }
  for (const [Kind, tag] of [
    [MissingColumn, "missing-column"],
    [WrongUnit, "wrong-unit"],
    [WrongType, "wrong-type"],
  ]) {
    if (error instanceof Kind) {
      const { input, column, param, expected, found } = error;
      return { tag, val: { input, column: String(column), param, expected, found } };
    }
  }
  if (error instanceof DataError) return { tag: "data", val: error.message };
  if (error instanceof PluginError) return { tag: "failed", val: error.message };
  return { tag: "failed", val: withPlace(error) };
}

/** Type and words of an error that nobody meant, and the author's line. */
function withPlace(error) {
  const words = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const frames = String(error?.stack ?? "").split("\n");
  const own = frames.find((frame) => /\.m?js:\d+/.test(frame) && !frame.includes("node_modules/skyloom"));
  const place = own?.trim().match(/(?:at )?(\S*?) ?\(?\/?([^/\s()]+\.m?js):(\d+)/);
  if (!place) return words;
  const inside = place[1] ? `, in ${place[1]}` : "";
  return `${words} (${place[2]}, line ${place[3]}${inside})`;
}
