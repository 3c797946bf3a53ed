/**
 * Parameters: their JSON Schema, and reading them from JSON.
 *
 * In workflows, names have hyphens where JavaScript has capitals: `maxIterations` is
 * `max-iterations`. The host checks values against the schema, and fills in defaults, before a
 * plugin sees them; here they are checked again, for a plugin may be asked by others.
 */

import { ParamError } from "./errors.js";

/** Text. `limits` may have `default`, `minLength`. */
export function text(description, limits = {}) {
  return { description, type: "string", ...limits };
}

/** A number. `limits` may have `default`, `minimum`, `maximum`. */
export function number(description, limits = {}) {
  return { description, type: "number", format: "double", ...limits };
}

/** A whole number. `limits` may have `default`, `minimum`, `maximum`. */
export function integer(description, limits = {}) {
  return { description, type: "integer", format: "int64", ...limits };
}

/** True or false. */
export function flag(description, limits = {}) {
  return { description, type: "boolean", ...limits };
}

/** One of some words. */
export function choice(description, words, limits = {}) {
  return { description, type: "string", enum: words, ...limits };
}

/** A list of `item`. `limits` may have `default`, `minItems`, `maxItems`. */
export function list(description, item, limits = {}) {
  return { description, type: "array", items: item, ...limits };
}

/** The same, or null where nothing is said. */
export function optional(property) {
  return { ...property, type: [property.type, "null"], default: null };
}

/** The JSON Schema of an object with these properties: required, unless they have a default. */
export function parameters(description, properties) {
  const named = Object.entries(properties).map(([name, property]) => [outside(name), property]);
  const required = named.filter(([, property]) => !("default" in property)).map(([name]) => name);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    description,
    type: "object",
    properties: Object.fromEntries(named),
    additionalProperties: false,
    ...(required.length > 0 ? { required } : {}),
  };
}

/**
 * The parameters in a JSON object, under the names that JavaScript has for them.
 *
 * @throws {ParamError} when a value is not what the schema says
 */
export function readParams(schema, json) {
  const whole = checked(schema, JSON.parse(json), "");
  const given = Object.entries(whole).map(([name, value]) => [inside(name), value]);
  return Object.freeze(Object.fromEntries(given));
}

/** `value` with the defaults of what is not said. */
function checked(schema, value, path) {
  const wrong = (reason) => {
    throw new ParamError(path, `${reason}, but is ${(JSON.stringify(value) ?? "missing").slice(0, 60)}`);
  };
  const types = [schema.type ?? []].flat();
  if (types.length > 0 && !types.some((type) => isOf(type, value))) {
    wrong(`should be ${types.map((type) => WORDS[type]).join(" or ")}`);
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    wrong(`should be ${schema.enum.join(" or ")}`);
  }
  if (typeof value === "number") {
    const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum = -Infinity } = schema;
    if (value < minimum || value > maximum || !(value > exclusiveMinimum)) wrong("is out of range");
  }
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0)) wrong("has too few items");
    return value.map((item, at) => checked(schema.items ?? {}, item, `${path}[${at}]`));
  }
  if (value === null || typeof value !== "object") return value;
  return checkedObject(schema, value, path);
}

function checkedObject({ properties = {}, required = [], additionalProperties }, value, path) {
  const join = (name) => (path === "" ? name : `${path}.${name}`);
  const missing = required.find((name) => value[name] === undefined);
  if (missing !== undefined) throw new ParamError(join(missing), "is missing; say it");
  const unknown = Object.keys(value).find((name) => properties[name] === undefined);
  if (unknown !== undefined && additionalProperties === false) {
    const known = Object.keys(properties).join(", ");
    throw new ParamError(join(unknown), `there is no such parameter; there is ${known}`);
  }
  const whole = { ...value };
  for (const [name, property] of Object.entries(properties)) {
    if (whole[name] === undefined) whole[name] = property.default;
    if (whole[name] !== undefined) whole[name] = checked(property, whole[name], join(name));
  }
  return whole;
}

const WORDS = {
  string: "text", number: "a number", integer: "a whole number", boolean: "true or false",
  array: "a list", object: "an object", null: "null",
};

function isOf(type, value) {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type;
}

function outside(name) {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function inside(name) {
  return name.replace(/-([a-z0-9])/g, (_, letter) => letter.toUpperCase());
}
