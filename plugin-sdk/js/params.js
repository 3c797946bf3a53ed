/**
 * Parameters: their JSON Schema, and reading them from JSON.
 *
 * In workflows, names have hyphens where JavaScript has capitals: `maxIterations` is
 * `max-iterations`. The host checks values against the schema, and fills in defaults, before a
 * plugin sees them.
 */

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

/** The parameters in a JSON object, under the names that JavaScript has for them. */
export function readParams(json) {
  const given = Object.entries(JSON.parse(json));
  return Object.freeze(Object.fromEntries(given.map(([name, value]) => [inside(name), value])));
}

function outside(name) {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function inside(name) {
  return name.replace(/-([a-z0-9])/g, (_, letter) => letter.toUpperCase());
}
