// Columns made, batches emitted.

#include <stdlib.h>
#include <string.h>

#include "abi.h"

typedef struct {
  int64_t room, rows;
  size_t length, bytes_room;
  int32_t *offsets;
  char *bytes;
  uint8_t *bits, *validity;
  struct ArrowArray *array;
} growing;

struct sky_text_column { growing in; };
struct sky_boolean_column { growing in; };

typedef struct {
  const char *format;  // NULL of an array that the author made
  const struct ArrowArray *array;
  growing *growing;
} new_column;

struct sky_columns {
  sky_arena arena;
  new_column *items;
  size_t count, room;
};

// ── Columns in the making ───────────────────────────────────────────────────────────────

static new_column *push(sky_columns *columns, const char *format) {
  if (columns->count == columns->room) {
    columns->room = columns->room == 0 ? 16 : columns->room * 2;
    columns->items = realloc(columns->items, columns->room * sizeof *columns->items);
    if (columns->items == NULL) __builtin_trap();
  }
  new_column *column = &columns->items[columns->count++];
  *column = (new_column){.format = format};
  return column;
}

static struct ArrowArray *new_array(sky_columns *columns, const char *format, int64_t rows,
                                    int64_t n_buffers) {
  struct ArrowArray *array = sky_arena_new(&columns->arena, sizeof *array);
  array->length = rows;
  array->null_count = -1;
  array->n_buffers = n_buffers;
  array->buffers = sky_arena_array(&columns->arena, (size_t)n_buffers, sizeof *array->buffers);
  const size_t length = (size_t)(rows + 7) / 8;
  uint8_t *validity = sky_arena_new(&columns->arena, length);
  memset(validity, 0xff, length);
  array->buffers[0] = validity;
  push(columns, format)->array = array;
  return array;
}

sky_doubles sky_new_doubles(sky_columns *columns, int64_t rows) {
  struct ArrowArray *array = new_array(columns, "g", rows, 2);
  double *values = sky_arena_array(&columns->arena, (size_t)rows, sizeof *values);
  array->buffers[1] = values;
  return (sky_doubles){values, (uint8_t *)array->buffers[0]};
}

sky_longs sky_new_longs(sky_columns *columns, int64_t rows) {
  struct ArrowArray *array = new_array(columns, "l", rows, 2);
  int64_t *values = sky_arena_array(&columns->arena, (size_t)rows, sizeof *values);
  array->buffers[1] = values;
  return (sky_longs){values, (uint8_t *)array->buffers[0]};
}

static growing *new_growing(sky_columns *columns, const char *format, int64_t rows) {
  growing *made = sky_arena_new(&columns->arena, sizeof *made);
  made->room = rows;
  made->array = new_array(columns, format, rows, format[0] == 'u' ? 3 : 2);
  made->validity = (uint8_t *)made->array->buffers[0];
  columns->items[columns->count - 1].growing = made;
  return made;
}

sky_text_column *sky_new_texts(sky_columns *columns, int64_t rows) {
  growing *made = new_growing(columns, "u", rows);
  made->offsets = sky_arena_array(&columns->arena, (size_t)rows + 1, sizeof *made->offsets);
  made->array->buffers[1] = made->offsets;
  return (sky_text_column *)made;
}

sky_boolean_column *sky_new_booleans(sky_columns *columns, int64_t rows) {
  growing *made = new_growing(columns, "b", rows);
  made->bits = sky_arena_new(&columns->arena, (size_t)(rows + 7) / 8);
  made->array->buffers[1] = made->bits;
  return (sky_boolean_column *)made;
}

// Counts a value; false when the column is full already, which `check` tells.
static bool step(growing *column, bool is_null) {
  if (column->rows++ >= column->room) return false;
  if (is_null) sky_set_null(column->validity, column->rows - 1);
  return true;
}

void sky_push_text(sky_text_column *column, const char *bytes, size_t length) {
  growing *in = &column->in;
  if (!step(in, false)) return;
  if (in->length + length > in->bytes_room) {
    in->bytes_room = 2 * (in->length + length);
    in->bytes = realloc(in->bytes, in->bytes_room);
    // Offsets have 31 bits.
    if (in->bytes == NULL || in->bytes_room > INT32_MAX) __builtin_trap();
  }
  if (length > 0) memcpy(in->bytes + in->length, bytes, length);
  in->length += length;
  in->offsets[in->rows] = (int32_t)in->length;
}

void sky_push_no_text(sky_text_column *column) {
  growing *in = &column->in;
  if (step(in, true)) in->offsets[in->rows] = (int32_t)in->length;
}

void sky_push_boolean(sky_boolean_column *column, bool value) {
  growing *in = &column->in;
  if (step(in, false) && value) in->bits[(in->rows - 1) >> 3] |= (uint8_t)(1u << ((in->rows - 1) & 7));
}

void sky_push_no_boolean(sky_boolean_column *column) { step(&column->in, true); }

void sky_new_array(sky_columns *columns, const struct ArrowArray *array) {
  push(columns, NULL)->array = array;
}

sky_columns *sky_columns_new(void) {
  return sky_arena_new(&sky_call, sizeof(sky_columns));
}

sky_columns *sky_begin(sky_writer *writer) {
  sky_columns *columns = writer->columns;
  for (size_t at = 0; at < columns->count; at++) {
    if (columns->items[at].growing != NULL) free(columns->items[at].growing->bytes);
  }
  columns->count = 0;
  sky_arena_free(&columns->arena);
  return columns;
}

// ── Arrays in preorder ──────────────────────────────────────────────────────────────────

// Bytes of one value of fixed width; 0 for other types, and for booleans, which are bits.
static size_t width_of(const char *format) {
  switch (format[0]) {
    case 'c': case 'C': return 1;
    case 's': case 'S': case 'e': return 2;
    case 'i': case 'I': case 'f': return 4;
    case 'l': case 'L': case 'g': return 8;
    case 'd': return 16;
    case 'w': return strtoul(format + 2, NULL, 10);
    case 't':
      if (strcmp(format, "tin") == 0) return 16;
      if (strcmp(format, "tdD") == 0 || strcmp(format, "tiM") == 0) return 4;
      return strcmp(format, "tts") == 0 || strcmp(format, "ttm") == 0 ? 4 : 8;
    default: return 0;
  }
}

typedef struct {
  sky_arena *arena;
  wit_column *items;
  size_t count, room;
} flat_columns;

static wit_column *push_flat(flat_columns *flat) {
  if (flat->count == flat->room) {
    flat->room = flat->room == 0 ? 16 : flat->room * 2;
    wit_column *items = sky_arena_array(flat->arena, flat->room, sizeof *items);
    if (flat->count > 0) memcpy(items, flat->items, flat->count * sizeof *items);
    flat->items = items;
  }
  return &flat->items[flat->count++];
}

// The last of a column's offsets: where its values end.
static size_t last_offset(const struct ArrowArray *array, bool is_large) {
  if (array->length == 0 || array->buffers[1] == NULL) return 0;
  if (is_large) return (size_t)((const int64_t *)array->buffers[1])[array->length];
  return (size_t)((const int32_t *)array->buffers[1])[array->length];
}

// How long the buffers are follows from format and length; which there are, from the format.
static size_t buffer_lengths(const struct ArrowSchema *field, const struct ArrowArray *array,
                             size_t lengths[2]) {
  const char *format = field->format;
  const size_t rows = (size_t)array->length;
  const bool is_large = format[0] == 'U' || format[0] == 'Z' || strcmp(format, "+L") == 0;
  const size_t offsets = (rows + 1) * (is_large ? 8 : 4);
  switch (format[0]) {
    case 'n': return 0;
    case 'b': lengths[0] = (rows + 7) / 8; return 1;
    case 'u': case 'U': case 'z': case 'Z':
      lengths[0] = offsets;
      lengths[1] = last_offset(array, is_large);
      return 2;
    case '+':
      lengths[0] = offsets;
      return strchr("lLm", format[1]) != NULL ? 1 : 0;
    default: lengths[0] = rows * width_of(format); return 1;
  }
}

static sky_error *flatten(const struct ArrowSchema *field, const struct ArrowArray *array,
                          flat_columns *flat) {
  static const int64_t no_offset = 0;
  if (array->offset != 0) {
    return sky_failed("column `%s` begins at an offset; copy the rows that are meant", field->name);
  }
  if ((array->dictionary != NULL) != (field->dictionary != NULL) ||
      array->n_children != field->n_children) {
    return sky_failed("column `%s` has other children than its type says", field->name);
  }
  size_t lengths[2];
  const size_t count = buffer_lengths(field, array, lengths);
  if (count > 0 && array->n_buffers < (int64_t)count + 1) {
    return sky_failed("column `%s` has fewer buffers than its type says", field->name);
  }
  wit_column *column = push_flat(flat);
  column->rows = (uint64_t)array->length;
  const bool has_validity = array->n_buffers > 0 && array->null_count != 0 && array->buffers[0] != NULL;
  column->validity.some = has_validity && field->format[0] != 'n';
  if (column->validity.some) {
    column->validity.value = (wit_bytes){array->buffers[0], (size_t)(array->length + 7) / 8};
  }
  wit_bytes *buffers = sky_arena_array(flat->arena, count, sizeof *buffers);
  for (size_t at = 0; at < count; at++) {
    buffers[at] = (wit_bytes){array->buffers[at + 1], lengths[at]};
    // An empty array need not have offsets; the contract wants them.
    if (buffers[at].bytes == NULL) buffers[at].bytes = (const uint8_t *)&no_offset;
  }
  column->buffers = (wit_buffers){buffers, count};
  if (field->dictionary != NULL) return flatten(field->dictionary, array->dictionary, flat);
  for (int64_t at = 0; at < field->n_children; at++) {
    SKY_TRY(flatten(field->children[at], array->children[at], flat));
  }
  return NULL;
}

// ── Emitting ────────────────────────────────────────────────────────────────────────────

// The columns as `bind` declared them, each of `rows` rows; of the first's if that is -1.
static sky_error *gather(sky_writer *writer, int64_t rows, flat_columns *flat) {
  sky_columns *columns = writer->columns;
  const size_t expected = writer->schema.count;
  if (columns->count != expected) {
    return sky_failed("%zu columns emitted; bind said %zu", columns->count, expected);
  }
  flat->arena = &columns->arena;
  for (size_t at = 0; at < expected; at++) {
    new_column *column = &columns->items[at];
    const struct ArrowSchema *field = writer->schema.items[at];
    if (column->format != NULL && (strcmp(column->format, field->format) != 0 || field->dictionary != NULL)) {
      const struct ArrowSchema found = {.format = column->format};
      return sky_failed("new column %zu is %s; bind said %s", at, sky_type_name(&found),
                        sky_type_name(field));
    }
    const growing *in = column->growing;
    const int64_t found = in == NULL ? column->array->length : in->rows;
    if (in != NULL && in->bytes != NULL) in->array->buffers[2] = in->bytes;
    if (rows < 0) rows = found;
    if (found != rows || column->array->length != rows) {
      return sky_failed("new column %zu has %lld rows, not %lld", at, (long long)found,
                        (long long)rows);
    }
    SKY_TRY(flatten(field, column->array, flat));
  }
  return NULL;
}

static sky_error *emitted(sky_writer *writer, const wit_done_result *result) {
  sky_begin(writer);
  return result->failed ? sky_host_error(&result->error) : NULL;
}

sky_error *sky_put(sky_writer *writer) {
  flat_columns flat = {0};
  SKY_TRY(gather(writer, -1, &flat));
  wit_done_result result;
  host_writer_put(writer->handle, flat.items, flat.count, &result);
  return emitted(writer, &result);
}

static sky_error *derive(sky_writer *writer, const sky_batch *batch, const uint8_t *keep,
                         int64_t rows) {
  flat_columns flat = {0};
  SKY_TRY(gather(writer, rows, &flat));
  wit_done_result result;
  const size_t length = keep == NULL ? 0 : (size_t)(sky_rows(batch) + 7) / 8;
  host_writer_derive(writer->handle, sky_batch_handle(batch), keep != NULL, keep, length,
                     flat.items, flat.count, &result);
  return emitted(writer, &result);
}

sky_error *sky_derive(sky_writer *writer, const sky_batch *batch) {
  return derive(writer, batch, NULL, sky_rows(batch));
}

sky_error *sky_select(sky_writer *writer, const sky_batch *batch, const uint8_t *keep) {
  int64_t kept = 0;
  for (int64_t row = 0; row < sky_rows(batch); row++) kept += sky_bit(keep, row);
  return derive(writer, batch, keep, kept);
}

sky_error *sky_cut(sky_writer *writer) {
  wit_done_result result;
  host_writer_cut(writer->handle, &result);
  return result.failed ? sky_host_error(&result.error) : NULL;
}
