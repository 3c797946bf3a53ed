// Skyloom plugins in C.
//
// A plugin is three functions: `describe` says what it is, `bind` says which columns it reads
// and types its outputs, and `map` makes the new columns of one batch, row for row (or `run`,
// for anything else). SKY_PLUGIN makes them the component's exports:
//
//   SKY_PLUGIN(.describe = describe, .bind = bind, .map = map)
//
// Errors are values: a function that can fail returns a `sky_error *`, NULL if all is well.
// SKY_TRY hands one on. The user reads it with the node, the plugin and the place.
//
// Who owns what. Nothing here is ever freed by the author. Parameters, fields and errors live
// as long as the call; what is taken from a batch, until the next one of its reader is taken;
// what is made for an output, until it is put there.
#ifndef SKYLOOM_H
#define SKYLOOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ── The Arrow C data interface ──────────────────────────────────────────────────────────
// As the Arrow specification fixes it, with its guard: nanoarrow can be included beside it.

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char *format;
  const char *name;
  const char *metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema **children;
  struct ArrowSchema *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  struct ArrowArray **children;
  struct ArrowArray *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};

#endif

// ── Errors ──────────────────────────────────────────────────────────────────────────────

typedef enum {
  SKY_PARAM,           // a parameter's value cannot be used
  SKY_MISSING_COLUMN,  // a column is not there
  SKY_WRONG_TYPE,      // it is there, of another type than the plugin reads
  SKY_WRONG_UNIT,      // it is there, in another unit
  SKY_DATA,            // the data cannot be worked on: say where, and what to do
  SKY_FAILED,          // anything else
} sky_kind;

typedef struct {
  sky_kind kind;
  const char *message;          // of SKY_PARAM, SKY_DATA and SKY_FAILED
  const char *param;            // of SKY_PARAM; else the one that named the column, or NULL
  const char *input, *column;   // of the three kinds about columns, as are these:
  const char *expected, *found;
} sky_error;

#define SKY_TRY(call)                        \
  do {                                       \
    sky_error *sky_tried = (call);           \
    if (sky_tried != NULL) return sky_tried; \
  } while (0)

// The messages are made as printf makes them, without %f and its like.
#define SKY_PRINTF(at) __attribute__((format(printf, at, at + 1)))
sky_error *sky_param_error(const char *param, const char *format, ...) SKY_PRINTF(2);
sky_error *sky_data_error(const char *format, ...) SKY_PRINTF(1);
sky_error *sky_failed(const char *format, ...) SKY_PRINTF(1);
// Text that lives as long as the call.
char *sky_format(const char *format, ...) SKY_PRINTF(1);

// ── What a plugin is ────────────────────────────────────────────────────────────────────

typedef enum {
  SKY_INGESTER, SKY_FEATURE_EXTRACTOR, SKY_TRANSFORMER, SKY_SELECTOR, SKY_TRAINER, SKY_CLASSIFIER,
  SKY_CALIBRATOR, SKY_EVALUATOR, SKY_EXPLAINER, SKY_SIMULATOR, SKY_MONITOR,
} sky_role;

typedef enum {
  SKY_PARTITION,  // rows are independent given their partition: one run for each
  SKY_WHOLE,      // runs over all partitions, as many as `sky_bind_pieces` asked for
} sky_scope;

typedef enum {
  SKY_TABLE,        // batches
  SKY_WHOLE_TABLE,  // batches of all partitions in any scope: a model, say
  SKY_BLOB,         // a file as it lies on disk
} sky_port_kind;

typedef struct {
  const char *name;
  sky_port_kind kind;
  bool optional;
  const char *description;
} sky_port;

#define SKY_MAX_PORTS 16

typedef struct {
  const char *name, *version, *description;
  sky_role role;
  sky_scope scope;
  sky_port inputs[SKY_MAX_PORTS];   // up to the first without a name
  sky_port outputs[SKY_MAX_PORTS];  // tables all
  const char *params;               // JSON Schema of the parameters
  const char *citations[SKY_MAX_PORTS];
} sky_descriptor;

// ── Parameters ──────────────────────────────────────────────────────────────────────────
// A JSON object that the host has checked against the schema, with defaults filled in.

typedef struct sky_json sky_json;

typedef struct {
  const char **items;
  size_t count;
} sky_texts;

// Each fails with SKY_PARAM where the value is absent or of another type. The optional ones
// leave `value` as it is where it is absent or null.
sky_error *sky_param_text(const sky_json *params, const char *name, const char **value);
sky_error *sky_param_optional_text(const sky_json *params, const char *name, const char **value);
sky_error *sky_param_number(const sky_json *params, const char *name, double *value);
sky_error *sky_param_optional_number(const sky_json *params, const char *name, double *value);
sky_error *sky_param_integer(const sky_json *params, const char *name, int64_t *value);
sky_error *sky_param_flag(const sky_json *params, const char *name, bool *value);
sky_error *sky_param_texts(const sky_json *params, const char *name, sky_texts *value);
// For deeper objects and lists; NULL where there is none.
const sky_json *sky_json_member(const sky_json *object, const char *name);
const sky_json *sky_json_item(const sky_json *list, size_t index);
size_t sky_json_count(const sky_json *value);
const char *sky_json_text(const sky_json *value);
bool sky_json_number(const sky_json *value, double *number);

// ── Bind: input schemas in, output schemas out ──────────────────────────────────────────

typedef struct sky_bind sky_bind;
typedef struct sky_blob sky_blob;

typedef enum {
  SKY_FEATURE,  // learnt from, or predicted with
  SKY_LABEL,    // the truth that is learnt or scored
  SKY_KEY,      // says which row this is, or which rows belong together
  SKY_WEIGHT,   // weighs rows
  SKY_VALUE,    // anything else that new columns are computed from
} sky_purpose;

// A column of an input, looked at but not yet read.
typedef struct {
  sky_bind *bind;
  uint32_t input, index;
  const char *param;
  const struct ArrowSchema *field;
} sky_column;

bool sky_bind_connected(const sky_bind *bind, const char *port);
// The columns of the table on `port`.
sky_error *sky_bind_fields(const sky_bind *bind, const char *port,
                           const struct ArrowSchema *const **fields, size_t *count);
sky_error *sky_bind_blob(const sky_bind *bind, const char *port, const sky_blob **blob);
// `param` is the parameter that named the column, or NULL.
sky_error *sky_bind_column(sky_bind *bind, const char *port, const char *name, const char *param,
                           sky_column *column);
// The name of the key: `named` if not NULL, else the column marked `meta.id;meta.main`.
sky_error *sky_bind_key(const sky_bind *bind, const char *port, const char *named,
                        const char **key);
sky_error *sky_column_number(const sky_column *column);
sky_error *sky_column_text(const sky_column *column);
sky_error *sky_column_boolean(const sky_column *column);
// A list: of numbers where `member` is NULL, else of structs with a number of that name.
sky_error *sky_column_list(const sky_column *column, const char *member);
// A column without a unit passes.
sky_error *sky_column_unit(const sky_column *column, const char *unit);
// Any other demand: fails with SKY_WRONG_TYPE.
sky_error *sky_column_mismatch(const sky_column *column, const char *expected);
// Declares that runs read this column. Reading any other is refused.
void sky_column_read(const sky_column *column, sky_purpose purpose);
// Adds a new column of an Arrow format to output `port`; `field` may be NULL.
sky_error *sky_bind_add(sky_bind *bind, const char *port, const char *name, const char *format,
                        struct ArrowSchema **field);
// Adds a new column that is like another one in all but what is passed.
sky_error *sky_bind_add_like(sky_bind *bind, const char *port, const struct ArrowSchema *field);
sky_error *sky_bind_pass(sky_bind *bind, const char *port, const char *input, const char *column);
sky_error *sky_bind_pass_all(sky_bind *bind, const char *port, const char *input);
void sky_bind_pieces(sky_bind *bind, uint32_t pieces);

// What a field's metadata say under `key` ("unit", "ucd", …); NULL if nothing.
const char *sky_metadata(const struct ArrowSchema *field, const char *key);
// Says it, in the place of what was said before.
void sky_set_metadata(struct ArrowSchema *field, const char *key, const char *value);
// Says which classes a text column holds.
void sky_set_categories(struct ArrowSchema *field, const char *const *names, size_t count);

// ── Columns that came ───────────────────────────────────────────────────────────────────

typedef struct sky_batch sky_batch;

static inline bool sky_bit(const uint8_t *bits, int64_t at) {
  return (bits[at >> 3] >> (at & 7) & 1) != 0;
}

// Numbers as doubles: of a float64 column, the host's own buffer; of others, widened once.
// Where nothing is there the value means nothing. NaN is a number.
typedef struct {
  int64_t rows;
  const double *values;
  const uint8_t *validity;  // NULL where nothing is null
} sky_numbers;

static inline bool sky_is_number(const sky_numbers *numbers, int64_t row) {
  return numbers->validity == NULL || sky_bit(numbers->validity, row);
}

// Text, not ended by a zero.
typedef struct {
  const char *bytes;  // NULL where there is none
  size_t length;
} sky_text;

// Text of any encoding, in the host's buffers.
typedef struct {
  const struct ArrowSchema *field;
  const struct ArrowArray *array;
} sky_strings;

sky_text sky_string_at(const sky_strings *strings, int64_t row);

typedef struct {
  int64_t rows;
  const uint8_t *bits;
  const uint8_t *validity;
} sky_booleans;

// The items of lists, such as the points of light curves: those of row r are counted from
// `start` to `end` in the columns of the items.
typedef struct {
  sky_batch *batch;
  const struct ArrowSchema *field;
  const struct ArrowArray *array;
} sky_lists;

typedef struct {
  bool there;  // false for a null list
  int64_t start, end;
} sky_span;

sky_span sky_list_at(const sky_lists *lists, int64_t row);

int64_t sky_rows(const sky_batch *batch);
bool sky_has(const sky_batch *batch, const char *column);
// A column as it came: Arrow arrays over the host's buffers. `field` may be NULL.
sky_error *sky_array(sky_batch *batch, const char *column, const struct ArrowSchema **field,
                     const struct ArrowArray **array);
// These fail where the column is missing, was not declared by `bind`, or is of another type.
sky_error *sky_get_numbers(sky_batch *batch, const char *column, sky_numbers *numbers);
sky_error *sky_get_strings(sky_batch *batch, const char *column, sky_strings *strings);
sky_error *sky_get_booleans(sky_batch *batch, const char *column, sky_booleans *booleans);
sky_error *sky_get_lists(sky_batch *batch, const char *column, sky_lists *lists);
// Of the lists' items: the items themselves where `member` is NULL, else that of the structs.
sky_error *sky_item_numbers(const sky_lists *lists, const char *member, sky_numbers *numbers);
sky_error *sky_item_strings(const sky_lists *lists, const char *member, sky_strings *strings);
// Memory that lives as long as the batch; aligned to 16 bytes. Never NULL.
void *sky_alloc(sky_batch *batch, size_t bytes);

// ── Columns that go ─────────────────────────────────────────────────────────────────────

// The new columns of one batch, in the order in which `bind` declared them.
typedef struct sky_columns sky_columns;

// Values of fixed width: fill in all `rows`, and mark those that are null.
typedef struct {
  double *values;
  uint8_t *validity;
} sky_doubles;

typedef struct {
  int64_t *values;
  uint8_t *validity;
} sky_longs;

static inline void sky_set_null(uint8_t *validity, int64_t row) {
  validity[row >> 3] &= (uint8_t) ~(1u << (row & 7));
}

// Values that are added one by one.
typedef struct sky_text_column sky_text_column;
typedef struct sky_boolean_column sky_boolean_column;

sky_doubles sky_new_doubles(sky_columns *columns, int64_t rows);             // format "g"
sky_longs sky_new_longs(sky_columns *columns, int64_t rows);                 // format "l"
sky_text_column *sky_new_texts(sky_columns *columns, int64_t rows);          // format "u"
sky_boolean_column *sky_new_booleans(sky_columns *columns, int64_t rows);    // format "b"
void sky_push_text(sky_text_column *column, const char *bytes, size_t length);
void sky_push_no_text(sky_text_column *column);
void sky_push_boolean(sky_boolean_column *column, bool value);
void sky_push_no_boolean(sky_boolean_column *column);
// Any other array, which must live until the columns are put: offset 0, not released here.
void sky_new_array(sky_columns *columns, const struct ArrowArray *array);

// ── Run ─────────────────────────────────────────────────────────────────────────────────

typedef struct sky_task sky_task;
typedef struct sky_reader sky_reader;
typedef struct sky_writer sky_writer;

bool sky_task_connected(const sky_task *task, const char *port);
sky_error *sky_task_reader(sky_task *task, const char *port, sky_reader **reader);
sky_error *sky_task_blob(const sky_task *task, const char *port, const sky_blob **blob);
sky_error *sky_task_writer(sky_task *task, const char *port, sky_writer **writer);
// Which of the pieces that `bind` asked for this is.
void sky_task_piece(const sky_task *task, uint32_t *index, uint32_t *count);

// The next batch, NULL at the end. Ends the life of the one before.
sky_error *sky_next(sky_reader *reader, sky_batch **batch);
void sky_rewind(sky_reader *reader);
// The table's columns, of those that `bind` declared.
const struct ArrowSchema *const *sky_reader_fields(const sky_reader *reader, size_t *count);
// Rows in all batches together.
uint64_t sky_total_rows(const sky_reader *reader);

// Where the columns of the next `sky_put`, `sky_derive` or `sky_select` are made.
sky_columns *sky_begin(sky_writer *writer);
// Appends a batch to a port that passes nothing.
sky_error *sky_put(sky_writer *writer);
// Appends the rows of `batch`: passed columns from there, new ones from `sky_begin`.
sky_error *sky_derive(sky_writer *writer, const sky_batch *batch);
// Only the rows whose bit in `keep` is set; the new columns have only those rows.
sky_error *sky_select(sky_writer *writer, const sky_batch *batch, const uint8_t *keep);
// Ends this partition and begins the next. Ingesters and simulators only.
sky_error *sky_cut(sky_writer *writer);

// The file's name, without folders.
const char *sky_blob_name(const sky_blob *blob);
uint64_t sky_blob_size(const sky_blob *blob);
// Up to `length` bytes from `offset`, fewer at the file's end. They live until the next read.
sky_error *sky_blob_read(const sky_blob *blob, uint64_t offset, uint32_t length,
                         const uint8_t **bytes, size_t *count);

void sky_warn(const char *message);
void sky_info(const char *message);
void sky_progress(uint64_t done, uint64_t total);

// ── The plugin ──────────────────────────────────────────────────────────────────────────

typedef struct {
  void (*describe)(sky_descriptor *descriptor);
  sky_error *(*bind)(const sky_json *params, sky_bind *bind);
  // The new columns of the first output from one batch of the first input, row for row.
  sky_error *(*map)(const sky_json *params, sky_batch *batch, sky_columns *columns);
  // In place of `map`: the whole of a run.
  sky_error *(*run)(const sky_json *params, sky_task *task);
} sky_plugin;

#define SKY_PLUGIN(...) const sky_plugin sky_the_plugin = {__VA_ARGS__};
extern const sky_plugin sky_the_plugin;

#endif
