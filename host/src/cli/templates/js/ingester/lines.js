/** Text to fields. */

/** What is not Unicode's white space. */
const WORD = /[^\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/gu;
/** A decimal number, infinity or NaN. */
const NUMBER = /^[+-]?(inf|infinity|nan|([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?)$/i;
const NEWLINE = 10;

/** What is wrong with a text, and on which line; lines count from 1. */
export class LineError extends Error {}

/**
 * Makes rows of a text that comes in pieces. A row is the fields of one line; null where a word
 * stands for a missing value.
 */
export class Lines {
  #told;
  /** Lines that are complete. */
  #line = 0;
  /** The beginning of the next line. */
  #rest = new Uint8Array(0);

  /**
   * Lines that begin with `comment` are left out, as are empty ones; the words in `missing` stand
   * for missing values. `decode` makes text of UTF-8, or throws.
   *
   * @param {{comment: string, missing: string[], columns: number, decode: (bytes: Uint8Array) => string}} told
   */
  constructor(told) {
    this.#told = told;
  }

  /**
   * The rows that are complete once `bytes` are added; with `isLast`, all that are left.
   *
   * @param {Uint8Array} bytes
   * @param {boolean} isLast
   * @returns {(string | null)[][]}
   * @throws {LineError} for the first line that is no row
   */
  take(bytes, isLast) {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const end = isLast ? all.length : all.lastIndexOf(NEWLINE) + 1;
    this.#rest = all.slice(end);
    const rows = [];
    for (let start = 0; start < end; ) {
      const newline = all.indexOf(NEWLINE, start);
      const stop = newline < 0 || newline >= end ? end : newline;
      this.#line += 1;
      const row = this.#row(this.#text(all.subarray(start, stop)));
      if (row !== null) rows.push(row);
      start = stop + 1;
    }
    return rows;
  }

  #text(bytes) {
    try {
      return this.#told.decode(bytes);
    } catch {
      throw new LineError(`line ${this.#line} is not UTF-8; convert the file, say with \`iconv\``);
    }
  }

  #row(text) {
    const { comment, missing, columns } = this.#told;
    const words = text.match(WORD);
    if (words === null) return null;
    if (comment !== "" && text.startsWith(comment, text.indexOf(words[0]))) return null;
    if (words.length !== columns) {
      throw new LineError(
        `line ${this.#line} has ${words.length} fields, but \`columns\` names ${columns}; ` +
          "name all columns, or mend the line",
      );
    }
    return words.map((word) => (missing.includes(word) ? null : word));
  }
}

/** Notes the columns in which `row` has something else than a number. */
export function widen(numbers, row) {
  row.forEach((word, column) => {
    if (word !== null && !NUMBER.test(word)) numbers[column] = false;
  });
}

/** The number that a word says. */
export function numberOf(word) {
  const sign = word.startsWith("-") ? -1 : 1;
  return /inf/i.test(word) ? sign * Infinity : Number(word);
}
