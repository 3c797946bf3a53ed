// Batches pulled, and what is in their columns.

#include <stdlib.h>
#include <string.h>

#include "abi.h"

struct sky_batch {
  const sky_reader *reader;
  int32_t handle;
  int64_t rows;
  const struct ArrowArray **arrays;  // NULL until asked for
  sky_arena arena;
};

void *sky_alloc(sky_batch *batch, size_t bytes) { return sky_arena_new(&batch->arena, bytes); }
int64_t sky_rows(const sky_batch *batch) { return batch->rows; }
int32_t sky_batch_handle(const sky_batch *batch) { return batch->handle; }
sky_arena *sky_batch_arena(sky_batch *batch) { return &batch->arena; }

// ── Batches ─────────────────────────────────────────────────────────────────────────────

static void drop_batch(sky_reader *reader) {
  if (reader->batch == NULL) return;
  host_batch_drop(reader->batch->handle);
  sky_arena_free(&reader->batch->arena);
  free(reader->batch->arena.blocks);
  free(reader->batch);
  reader->batch = NULL;
}

sky_error *sky_next(sky_reader *reader, sky_batch **batch) {
  drop_batch(reader);
  *batch = NULL;
  wit_next_result result;
  host_reader_next(reader->handle, &result);
  if (result.failed) return sky_host_error(&result.error);
  if (!result.next.some) return NULL;
  sky_batch *next = calloc(1, sizeof *next);
  if (next == NULL) __builtin_trap();
  next->reader = reader;
  next->handle = result.next.batch;
  next->rows = (int64_t)host_batch_rows(next->handle);
  next->arrays = sky_alloc(next, reader->schema.count * sizeof *next->arrays);
  reader->batch = *batch = next;
  return NULL;
}

void sky_rewind(sky_reader *reader) {
  drop_batch(reader);
  host_reader_rewind(reader->handle);
}

const struct ArrowSchema *const *sky_reader_fields(const sky_reader *reader, size_t *count) {
  *count = reader->schema.count;
  return (const struct ArrowSchema *const *)reader->schema.items;
}

uint64_t sky_total_rows(const sky_reader *reader) { return host_reader_rows(reader->handle); }

// ── Columns as they came ────────────────────────────────────────────────────────────────

// All memory is the batch's.
static void release(struct ArrowArray *array) { array->release = NULL; }

// What an empty buffer points to: there is no byte of it, but it is there, and aligned.
static const uint64_t EMPTY[2];

static const void *take_bytes(sky_arena *arena, wit_bytes bytes) {
  if (bytes.length == 0) return EMPTY;
  sky_arena_adopt(arena, (void *)bytes.bytes);
  return bytes.bytes;
}

static sky_error *too_few(const struct ArrowSchema *field) {
  return sky_failed("the host gave fewer arrays than column `%s` has", field->name);
}

// The array that comes first in what is left of `flat`, with all below it.
static sky_error *take_array(sky_arena *arena, const struct ArrowSchema *field,
                             wit_columns *flat, struct ArrowArray **made) {
  if (flat->count == 0) return too_few(field);
  const wit_column *head = flat->items++;
  flat->count--;
  struct ArrowArray *array = sky_arena_new(arena, sizeof *array);
  array->length = (int64_t)head->rows;
  array->release = release;
  // Of a column of nulls, Arrow has no buffer at all.
  const bool is_null = strcmp(field->format, "n") == 0;
  array->n_buffers = is_null ? 0 : 1 + (int64_t)head->buffers.count;
  array->null_count = is_null ? array->length : head->validity.some ? -1 : 0;
  array->buffers = sky_arena_array(arena, 1 + head->buffers.count, sizeof *array->buffers);
  if (head->validity.some) array->buffers[0] = take_bytes(arena, head->validity.value);
  for (size_t at = 0; at < head->buffers.count; at++) {
    array->buffers[at + 1] = take_bytes(arena, head->buffers.items[at]);
  }
  if (head->buffers.count > 0) sky_arena_adopt(arena, head->buffers.items);
  *made = array;
  if (field->dictionary != NULL) return take_array(arena, field->dictionary, flat, &array->dictionary);
  array->n_children = field->n_children;
  array->children = sky_arena_array(arena, (size_t)field->n_children, sizeof *array->children);
  for (int64_t at = 0; at < field->n_children; at++) {
    SKY_TRY(take_array(arena, field->children[at], flat, &array->children[at]));
  }
  return NULL;
}

static bool find_column(const sky_batch *batch, const char *column, uint32_t *index) {
  for (size_t at = 0; at < batch->reader->schema.count; at++) {
    if (strcmp(batch->reader->schema.items[at]->name, column) == 0) {
      *index = (uint32_t)at;
      return true;
    }
  }
  return false;
}

bool sky_has(const sky_batch *batch, const char *column) {
  uint32_t index;
  return find_column(batch, column, &index);
}

sky_error *sky_array(sky_batch *batch, const char *column, const struct ArrowSchema **field,
                     const struct ArrowArray **array) {
  uint32_t index;
  if (!find_column(batch, column, &index)) {
    return sky_column_error(SKY_MISSING_COLUMN, batch->reader->port, column, NULL, "", "");
  }
  const struct ArrowSchema *schema = batch->reader->schema.items[index];
  if (field != NULL) *field = schema;
  // Asking twice crosses the border once.
  if (batch->arrays[index] == NULL) {
    wit_columns_result result;
    host_batch_column(batch->handle, index, &result);
    if (result.failed) return sky_host_error(&result.error);
    if (result.columns.count > 0) sky_arena_adopt(&batch->arena, result.columns.items);
    wit_columns flat = {result.columns.items, result.columns.count};
    struct ArrowArray *made;
    SKY_TRY(take_array(&batch->arena, schema, &flat, &made));
    batch->arrays[index] = made;
  }
  *array = batch->arrays[index];
  return NULL;
}

static sky_error *mismatch(const sky_batch *batch, const struct ArrowSchema *field,
                           const char *column, const char *expected) {
  return sky_column_error(SKY_WRONG_TYPE, batch->reader->port, column, NULL, expected,
                          sky_type_name(field));
}

// ── Numbers ─────────────────────────────────────────────────────────────────────────────

static double half(uint16_t bits) {
  // A half's exponent and fraction, moved to where a float has them; 2^112 mends the bias.
  uint32_t wide = (uint32_t)(bits & 0x7fff) << 13;
  const bool is_finite = (bits & 0x7c00) != 0x7c00;
  if (!is_finite) wide |= 0x7f800000;
  float number;
  memcpy(&number, &wide, sizeof number);
  if (is_finite) number *= 0x1p112f;
  return bits & 0x8000 ? -(double)number : (double)number;
}

#define WIDEN(type, as_double)                                                          \
  for (int64_t row = 0; row < rows; row++) wide[row] = as_double(((const type *)from)[row]); \
  break

static const double *widen(sky_arena *arena, char format, const void *from, int64_t rows) {
  if (format == 'g') return from;
  double *wide = sky_arena_array(arena, (size_t)rows, sizeof *wide);
  switch (format) {
    case 'c': WIDEN(int8_t, (double));
    case 'C': WIDEN(uint8_t, (double));
    case 's': WIDEN(int16_t, (double));
    case 'S': WIDEN(uint16_t, (double));
    case 'i': WIDEN(int32_t, (double));
    case 'I': WIDEN(uint32_t, (double));
    case 'l': WIDEN(int64_t, (double));
    case 'L': WIDEN(uint64_t, (double));
    case 'e': WIDEN(uint16_t, half);
    case 'f': WIDEN(float, (double));
  }
  return wide;
}

static sky_numbers numbers_of(sky_arena *arena, const struct ArrowSchema *field,
                              const struct ArrowArray *array) {
  const double *values = widen(arena, field->format[0], array->buffers[1], array->length);
  return (sky_numbers){array->length, values, array->buffers[0]};
}

sky_error *sky_get_numbers(sky_batch *batch, const char *column, sky_numbers *numbers) {
  const struct ArrowSchema *field;
  const struct ArrowArray *array;
  SKY_TRY(sky_array(batch, column, &field, &array));
  if (!sky_type_is_number(field)) return mismatch(batch, field, column, "a number");
  *numbers = numbers_of(&batch->arena, field, array);
  return NULL;
}

// ── Text and truth values ───────────────────────────────────────────────────────────────

sky_error *sky_get_strings(sky_batch *batch, const char *column, sky_strings *strings) {
  SKY_TRY(sky_array(batch, column, &strings->field, &strings->array));
  return sky_type_is_text(strings->field) ? NULL : mismatch(batch, strings->field, column, "text");
}

static int64_t integer_at(char format, const void *values, int64_t row) {
  switch (format) {
    case 'c': return ((const int8_t *)values)[row];
    case 'C': return ((const uint8_t *)values)[row];
    case 's': return ((const int16_t *)values)[row];
    case 'S': return ((const uint16_t *)values)[row];
    case 'i': return ((const int32_t *)values)[row];
    case 'I': return ((const uint32_t *)values)[row];
    default: return ((const int64_t *)values)[row];
  }
}

sky_text sky_string_at(const sky_strings *strings, int64_t row) {
  const struct ArrowArray *array = strings->array;
  const uint8_t *validity = array->buffers[0];
  if (validity != NULL && !sky_bit(validity, row)) return (sky_text){NULL, 0};
  if (array->dictionary != NULL) {
    const sky_strings words = {strings->field->dictionary, array->dictionary};
    return sky_string_at(&words, integer_at(strings->field->format[0], array->buffers[1], row));
  }
  const char offset_format = strings->field->format[0] == 'u' ? 'i' : 'l';
  const int64_t start = integer_at(offset_format, array->buffers[1], row);
  const int64_t end = integer_at(offset_format, array->buffers[1], row + 1);
  return (sky_text){(const char *)array->buffers[2] + start, (size_t)(end - start)};
}

sky_error *sky_get_booleans(sky_batch *batch, const char *column, sky_booleans *booleans) {
  const struct ArrowSchema *field;
  const struct ArrowArray *array;
  SKY_TRY(sky_array(batch, column, &field, &array));
  if (strcmp(field->format, "b") != 0) return mismatch(batch, field, column, "boolean");
  *booleans = (sky_booleans){array->length, array->buffers[1], array->buffers[0]};
  return NULL;
}

// ── Lists ───────────────────────────────────────────────────────────────────────────────

sky_error *sky_get_lists(sky_batch *batch, const char *column, sky_lists *lists) {
  lists->batch = batch;
  SKY_TRY(sky_array(batch, column, &lists->field, &lists->array));
  if (sky_type_item(lists->field) == NULL) return mismatch(batch, lists->field, column, "a list");
  return NULL;
}

sky_span sky_list_at(const sky_lists *lists, int64_t row) {
  const uint8_t *validity = lists->array->buffers[0];
  if (validity != NULL && !sky_bit(validity, row)) return (sky_span){false, 0, 0};
  const char *format = lists->field->format;
  if (format[1] == 'w') {
    const int64_t length = strtoll(format + 3, NULL, 10);
    return (sky_span){true, row * length, (row + 1) * length};
  }
  const char offset_format = format[1] == 'l' ? 'i' : 'l';
  const void *offsets = lists->array->buffers[1];
  return (sky_span){true, integer_at(offset_format, offsets, row),
                    integer_at(offset_format, offsets, row + 1)};
}

// The rows that are there in both.
static const uint8_t *both(sky_arena *arena, const uint8_t *one, const uint8_t *other,
                           int64_t rows) {
  if (one == NULL) return other;
  if (other == NULL) return one;
  const size_t length = (size_t)(rows + 7) / 8;
  uint8_t *bits = sky_arena_new(arena, length);
  for (size_t at = 0; at < length; at++) bits[at] = one[at] & other[at];
  return bits;
}

static sky_error *item(const sky_lists *lists, const char *member, const char *expected,
                       bool (*fits)(const struct ArrowSchema *),
                       const struct ArrowSchema **field, struct ArrowArray *array) {
  *field = sky_type_item(lists->field);
  *array = *lists->array->children[0];
  if (member != NULL) {
    const struct ArrowSchema *found = sky_type_member(*field, member);
    if (found == NULL) {
      const char *name = sky_format("%s.%s", lists->field->name, member);
      return sky_column_error(SKY_MISSING_COLUMN, lists->batch->reader->port, name, NULL, "", "");
    }
    int64_t at = 0;
    while ((*field)->children[at] != found) at++;
    // A point that is null has no members, whatever they say.
    const uint8_t *whole = array->buffers[0];
    *array = *array->children[at];
    const void **buffers = sky_alloc(lists->batch, 3 * sizeof *buffers);
    for (int64_t buffer = 0; buffer < array->n_buffers; buffer++) buffers[buffer] = array->buffers[buffer];
    buffers[0] = both(&lists->batch->arena, whole, buffers[0], array->length);
    array->buffers = buffers;
    *field = found;
  }
  return fits(*field) ? NULL : mismatch(lists->batch, *field, lists->field->name, expected);
}

sky_error *sky_item_numbers(const sky_lists *lists, const char *member, sky_numbers *numbers) {
  const struct ArrowSchema *field;
  struct ArrowArray array;
  SKY_TRY(item(lists, member, "a list of numbers", sky_type_is_number, &field, &array));
  *numbers = numbers_of(&lists->batch->arena, field, &array);
  return NULL;
}

sky_error *sky_item_strings(const sky_lists *lists, const char *member, sky_strings *strings) {
  struct ArrowArray *array = sky_alloc(lists->batch, sizeof *array);
  strings->array = array;
  return item(lists, member, "a list of text", sky_type_is_text, &strings->field, array);
}

// ── Files ───────────────────────────────────────────────────────────────────────────────

const char *sky_blob_name(const sky_blob *blob) {
  wit_string name;
  host_blob_name(blob->handle, &name);
  return sky_copy_text(&sky_call, name.bytes, name.length);
}

uint64_t sky_blob_size(const sky_blob *blob) { return host_blob_size(blob->handle); }

sky_error *sky_blob_read(const sky_blob *blob, uint64_t offset, uint32_t length,
                         const uint8_t **bytes, size_t *count) {
  wit_bytes_result result;
  host_blob_read(blob->handle, offset, length, &result);
  if (result.failed) return sky_host_error(&result.error);
  // Only what the last read gave is kept.
  sky_blob *reader = (sky_blob *)blob;
  free((void *)reader->last);
  reader->last = result.bytes.length == 0 ? NULL : result.bytes.bytes;
  *bytes = result.bytes.length == 0 ? (const uint8_t *)EMPTY : result.bytes.bytes;
  *count = result.bytes.length;
  return NULL;
}
