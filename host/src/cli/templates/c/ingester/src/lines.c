#include "lines.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ── UTF-8 ───────────────────────────────────────────────────────────────────────────────

// The code point at `text` and its bytes; 0 bytes where it is not UTF-8.
static size_t code_point(const char *text, size_t length, uint32_t *point) {
  static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const uint8_t first = (uint8_t)text[0];
  const size_t bytes = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
  if (bytes == 0 || bytes > length) return 0;
  *point = bytes == 1 ? first : first & (0x7fu >> bytes);
  for (size_t at = 1; at < bytes; at++) {
    const uint8_t next = (uint8_t)text[at];
    if ((next & 0xc0) != 0x80) return 0;
    *point = *point << 6 | (next & 0x3f);
  }
  const bool is_surrogate = *point >= 0xd800 && *point < 0xe000;
  const bool is_valid = *point >= smallest[bytes] && *point <= 0x10ffff && !is_surrogate;
  return is_valid ? bytes : 0;
}

// White space as Unicode has it.
static bool is_space(uint32_t point) {
  return (point >= 9 && point <= 13) || point == ' ' || point == 0x85 || point == 0xa0 ||
         point == 0x1680 || (point >= 0x2000 && point <= 0x200a) || point == 0x2028 ||
         point == 0x2029 || point == 0x202f || point == 0x205f || point == 0x3000;
}

static bool is_utf8(const char *text, size_t length) {
  uint32_t point;
  for (size_t at = 0; at < length;) {
    const size_t bytes = code_point(text + at, length - at, &point);
    if (bytes == 0) return false;
    at += bytes;
  }
  return true;
}

// ── Lines ───────────────────────────────────────────────────────────────────────────────

static bool push_word(rows *rows, word field) {
  if (rows->count == rows->room) {
    const size_t room = rows->room == 0 ? 1024 : rows->room * 2;
    word *words = realloc(rows->words, room * sizeof *words);
    if (words == NULL) return false;
    rows->words = words;
    rows->room = room;
  }
  rows->words[rows->count++] = field;
  return true;
}

static word without_missing(const lines *lines, word field) {
  for (size_t at = 0; at < lines->n_missing; at++) {
    const char *missing = lines->missing[at];
    if (strlen(missing) == field.length && memcmp(missing, field.bytes, field.length) == 0) {
      return (word){NULL, 0};
    }
  }
  return field;
}

static bool split(const lines *lines, const char *text, size_t length, rows *rows,
                  line_error *error) {
  const size_t before = rows->count, comment = strlen(lines->comment);
  size_t start = 0, at = 0;
  while (at <= length) {
    uint32_t point = ' ';
    const size_t bytes = at < length ? code_point(text + at, length - at, &point) : 1;
    if (is_space(point)) {
      const word field = {text + start, at - start};
      const bool is_first = rows->count == before;
      // What begins the line begins it after its blanks.
      if (is_first && field.length > 0 && comment > 0 && length - start >= comment &&
          memcmp(field.bytes, lines->comment, comment) == 0) {
        return true;
      }
      if (field.length > 0 && !push_word(rows, without_missing(lines, field))) {
        error->kind = LINE_NO_MEMORY;
        return false;
      }
      start = at + bytes;
    }
    at += bytes;
  }
  const size_t found = rows->count - before;
  if (found == 0 || found == lines->columns) return true;
  *error = (line_error){LINE_RAGGED, lines->line, found, lines->columns};
  return false;
}

// Drops what was taken, and adds `bytes`.
static bool add(lines *lines, const uint8_t *bytes, size_t length) {
  lines->length -= lines->taken;
  if (lines->taken > 0) memmove(lines->text, lines->text + lines->taken, lines->length);
  lines->taken = 0;
  if (lines->length + length > lines->room) {
    lines->room = lines->length + length;
    char *text = realloc(lines->text, lines->room);
    if (text == NULL) return false;
    lines->text = text;
  }
  if (length > 0) memcpy(lines->text + lines->length, bytes, length);
  lines->length += length;
  return true;
}

bool lines_take(lines *lines, const uint8_t *bytes, size_t length, bool is_last, rows *rows,
                line_error *error) {
  rows->count = 0;
  if (!add(lines, bytes, length)) {
    error->kind = LINE_NO_MEMORY;
    return false;
  }
  while (lines->taken < lines->length) {
    const char *start = lines->text + lines->taken;
    const size_t left = lines->length - lines->taken;
    const char *newline = memchr(start, '\n', left);
    if (newline == NULL && !is_last) return true;
    const size_t line = newline == NULL ? left : (size_t)(newline - start);
    lines->line++;
    if (!is_utf8(start, line)) {
      *error = (line_error){.kind = LINE_NOT_UTF8, .line = lines->line};
      return false;
    }
    if (!split(lines, start, line, rows, error)) return false;
    lines->taken += newline == NULL ? line : line + 1;
  }
  return true;
}

// ── Numbers ─────────────────────────────────────────────────────────────────────────────

static size_t digits(const char *text) {
  size_t count = 0;
  while (isdigit((unsigned char)text[count])) count++;
  return count;
}

// A decimal number, or the name of one that is not finite. `strtod` takes more than that.
static bool is_number(const char *text) {
  if (*text == '+' || *text == '-') text++;
  static const char *const names[] = {"inf", "infinity", "nan"};
  for (int at = 0; at < 3; at++) {
    if (strcasecmp(text, names[at]) == 0) return true;
  }
  size_t mantissa = digits(text);
  text += mantissa;
  if (*text == '.') {
    const size_t after = digits(++text);
    mantissa += after;
    text += after;
  }
  if (mantissa == 0) return false;
  if (*text == 'e' || *text == 'E') {
    text++;
    if (*text == '+' || *text == '-') text++;
    const size_t exponent = digits(text);
    if (exponent == 0) return false;
    text += exponent;
  }
  return *text == '\0';
}

bool word_number(word field, double *number) {
  char small[64];
  char *text = field.length < sizeof small ? small : malloc(field.length + 1);
  if (text == NULL) return false;
  memcpy(text, field.bytes, field.length);
  text[field.length] = '\0';
  const bool is_one = strlen(text) == field.length && is_number(text);
  if (is_one) *number = strtod(text, NULL);
  if (text != small) free(text);
  return is_one;
}
