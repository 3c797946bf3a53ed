/**
 * What can go wrong in a plugin, and where.
 *
 * Throw one of these, and the user reads it with node, plugin and partition added. Any other
 * error arrives too, with its type, its words and the line of the author's file.
 */

/** The base of all that a plugin says to the user. */
export class PluginError extends Error {
  constructor(message) {
    super(message);
    this.name = new.target.name;
  }
}

/** A parameter's value cannot be used; `message` says why and what would do. */
export class ParamError extends PluginError {
  constructor(param, message) {
    super(`parameter \`${param}\`: ${message}`);
    this.param = param;
    this.reason = message;
  }
}

/** A column that the plugin or its parameters name is not there. */
export class MissingColumn extends PluginError {
  constructor(input, column, param = null) {
    super(`input \`${input}\` has no column \`${column}\``);
    Object.assign(this, { input, column, param, expected: "", found: "" });
  }
}

/** A column is there, with another type than the plugin can read. */
export class WrongType extends PluginError {
  constructor(input, column, param, expected, found) {
    super(`column \`${column}\` of input \`${input}\` should be ${expected}, but is ${found}`);
    Object.assign(this, { input, column, param, expected, found });
  }
}

/** A column is there, in another unit. */
export class WrongUnit extends WrongType {}

/** The data cannot be worked on: says where, and what to do. */
export class DataError extends PluginError {}

/** The host refused a call: its own words. The run has failed already. */
export class HostError extends PluginError {}
