/** UTF-8 without the web's classes, which the sandbox's engine has not. */

const CHUNK = 8192;

/** The text that bytes say, one letter a byte. */
function letters(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK));
  }
  return text;
}

/** Whether all bytes are ASCII. */
function isAscii(bytes) {
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] > 127) return false;
  return true;
}

/** The text of UTF-8. @throws {URIError} when it is none */
export function decode(bytes) {
  const text = letters(bytes);
  return isAscii(bytes) ? text : decodeURIComponent(escape(text));
}

/** The texts between `offsets`. */
export function decodeAll(bytes, offsets) {
  const rows = offsets.length - 1;
  const texts = new Array(rows);
  if (isAscii(bytes)) {
    const text = letters(bytes);
    for (let row = 0; row < rows; row += 1) {
      texts[row] = text.slice(Number(offsets[row]), Number(offsets[row + 1]));
    }
    return texts;
  }
  for (let row = 0; row < rows; row += 1) {
    texts[row] = decode(bytes.subarray(Number(offsets[row]), Number(offsets[row + 1])));
  }
  return texts;
}

/** `text` in UTF-8, one letter a byte. Halves of letters become U+FFFD. */
export function encode(text) {
  // eslint-disable-next-line no-control-regex
  return /^[\0-\x7f]*$/.test(text) ? text : unescape(encodeURIComponent(text.toWellFormed()));
}

/** The bytes of a text that has one letter a byte. */
export function bytesOf(letters) {
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at += 1) bytes[at] = letters.charCodeAt(at);
  return bytes;
}
