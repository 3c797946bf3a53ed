// Text to fields.
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A field of a line; no bytes where a word stands for a missing value.
typedef struct {
  const char *bytes;
  size_t length;
} word;

// Rows of `columns` fields each. The words live until the next `lines_take`.
typedef struct {
  word *words;
  size_t count, room;
} rows;

// What is wrong with a text, and on which line; lines count from 1.
typedef struct {
  enum { LINE_RAGGED, LINE_NOT_UTF8, LINE_NO_MEMORY } kind;
  uint64_t line;
  size_t found, expected;  // fields of a ragged line
} line_error;

// Makes rows of a text that comes in pieces. Begin with all that is private zero.
typedef struct {
  const char *comment;   // lines that begin so are left out, as are empty ones
  const char *const *missing;  // words that stand for missing values
  size_t n_missing, columns;
  // Private: the lines that are complete, and the beginning of the next.
  uint64_t line;
  char *text;
  size_t length, taken, room;
} lines;

// The rows that are complete once `bytes` are added; with `is_last`, all that are left. False
// and the first line that is no row, if there is one.
bool lines_take(lines *lines, const uint8_t *bytes, size_t length, bool is_last, rows *rows,
                line_error *error);

// Whether a field is a number, and which.
bool word_number(word field, double *number);

#endif
