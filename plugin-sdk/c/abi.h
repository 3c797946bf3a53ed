// The contract skyloom:plugin@0.1.0 as the component model's canonical ABI lays it out in a
// guest's memory: structs whose fields lie where the ABI puts them, and the host's functions.
// Only the SDK's own files include this.
#ifndef SKYLOOM_ABI_H
#define SKYLOOM_ABI_H

#include "skyloom.h"

// ── Memory ──────────────────────────────────────────────────────────────────────────────

// What lives and dies together.
typedef struct {
  void **blocks;
  size_t count, room;
} sky_arena;

// Never NULL: without memory the guest traps. Aligned to 16 bytes, zeroed.
void *sky_arena_new(sky_arena *arena, size_t bytes);
// The same with the size of `count` things, which may not overflow.
void *sky_arena_array(sky_arena *arena, size_t count, size_t size);
// Something that `cabi_realloc` gave the host, to be freed with the rest.
void sky_arena_adopt(sky_arena *arena, void *block);
void sky_arena_free(sky_arena *arena);
// What lives as long as the call.
extern sky_arena sky_call;

char *sky_copy_text(sky_arena *arena, const char *bytes, size_t length);

// ── Records ─────────────────────────────────────────────────────────────────────────────

typedef struct { const char *bytes; size_t length; } wit_string;
typedef struct { wit_string *items; size_t count; } wit_strings;
typedef struct { const uint8_t *bytes; size_t length; } wit_bytes;
typedef struct { bool some; wit_bytes value; } wit_optional_bytes;
typedef struct { wit_bytes *items; size_t count; } wit_buffers;
typedef struct { wit_string key, value; } wit_pair;
typedef struct { wit_pair *items; size_t count; } wit_pairs;

typedef struct {
  wit_string name, format;
  bool nullable, dictionary;
  wit_pairs metadata;
  uint32_t children;
} wit_field;
typedef struct { wit_field *items; size_t count; } wit_fields;

typedef struct {
  uint64_t rows;
  wit_optional_bytes validity;
  wit_buffers buffers;
} wit_column;
typedef struct { wit_column *items; size_t count; } wit_columns;

typedef struct {
  wit_string name;
  uint8_t kind;
  bool optional;
  wit_string description;
} wit_port;
typedef struct { wit_port *items; size_t count; } wit_ports;

typedef struct {
  wit_string name, version, description;
  uint8_t role, scope;
  wit_ports inputs, outputs;
  wit_string params;
  wit_strings citations;
} wit_descriptor;

typedef struct { uint32_t input, column; uint8_t purpose; } wit_read;
typedef struct { wit_read *items; size_t count; } wit_reads;
typedef struct { uint32_t field, input, column; } wit_passed;
typedef struct { wit_passed *items; size_t count; } wit_passed_list;
typedef struct { wit_fields fields; wit_passed_list passed; } wit_table_schema;
typedef struct { wit_table_schema *items; size_t count; } wit_table_schemas;

typedef struct {
  wit_table_schemas outputs;
  wit_reads reads;
  uint32_t pieces;
} wit_binding;

typedef struct {
  uint8_t kind;
  union {
    struct { wit_string param, message; } param;
    struct {
      wit_string input, column;
      struct { bool some; wit_string value; } param;
      wit_string expected, found;
    } column;
    wit_string message;
  };
} wit_error;

typedef struct { bool failed; union { wit_binding binding; wit_error error; }; } wit_bind_result;
typedef struct { bool failed; wit_error error; } wit_run_result;

enum { WIT_IS_TABLE, WIT_IS_BLOB };
typedef struct {
  wit_string port;
  uint8_t shape;
  union { wit_fields fields; int32_t blob; };
} wit_bound_input;
typedef struct {
  wit_string port;
  uint8_t content;
  int32_t handle;
} wit_input;

// What the host answers: the thing, or why not.
typedef struct { uint8_t kind; wit_string message; } wit_io_error;
typedef struct { bool failed; union { wit_columns columns; wit_io_error error; }; } wit_columns_result;
typedef struct {
  bool failed;
  union { struct { bool some; int32_t batch; } next; wit_io_error error; };
} wit_next_result;
typedef struct { bool failed; union { wit_bytes bytes; wit_io_error error; }; } wit_bytes_result;
typedef struct { bool failed; wit_io_error error; } wit_done_result;

_Static_assert(sizeof(void *) == 4, "a plugin is compiled for wasm32");
_Static_assert(sizeof(wit_field) == 32 && offsetof(wit_field, children) == 28, "field");
_Static_assert(sizeof(wit_column) == 32 && offsetof(wit_column, buffers) == 20, "column");
_Static_assert(sizeof(wit_descriptor) == 60, "descriptor");
_Static_assert(sizeof(wit_error) == 48 && offsetof(wit_error, column) == 4, "plugin-error");
_Static_assert(sizeof(wit_bind_result) == 52, "the answer to bind");
_Static_assert(sizeof(wit_columns_result) == 16, "the answer to column");

// ── The host's functions ────────────────────────────────────────────────────────────────

#define SKY_DATA_IMPORT(name) \
  __attribute__((import_module("skyloom:plugin/data@0.1.0"), import_name(name)))
#define SKY_LOG_IMPORT(name) \
  __attribute__((import_module("skyloom:plugin/log@0.1.0"), import_name(name)))

SKY_DATA_IMPORT("[method]reader.fields") void host_reader_fields(int32_t reader, wit_fields *fields);
SKY_DATA_IMPORT("[method]reader.rows") uint64_t host_reader_rows(int32_t reader);
SKY_DATA_IMPORT("[method]reader.next") void host_reader_next(int32_t reader, wit_next_result *result);
SKY_DATA_IMPORT("[method]reader.rewind") void host_reader_rewind(int32_t reader);
SKY_DATA_IMPORT("[method]batch.rows") uint64_t host_batch_rows(int32_t batch);
SKY_DATA_IMPORT("[method]batch.column")
void host_batch_column(int32_t batch, uint32_t index, wit_columns_result *result);
SKY_DATA_IMPORT("[resource-drop]batch") void host_batch_drop(int32_t batch);
SKY_DATA_IMPORT("[method]writer.fields") void host_writer_fields(int32_t writer, wit_fields *fields);
SKY_DATA_IMPORT("[method]writer.put")
void host_writer_put(int32_t writer, const wit_column *columns, size_t count,
                     wit_done_result *result);
SKY_DATA_IMPORT("[method]writer.derive")
void host_writer_derive(int32_t writer, int32_t batch, int32_t has_keep, const uint8_t *keep,
                        size_t keep_length, const wit_column *columns, size_t count,
                        wit_done_result *result);
SKY_DATA_IMPORT("[method]writer.cut") void host_writer_cut(int32_t writer, wit_done_result *result);
SKY_DATA_IMPORT("[method]blob.name") void host_blob_name(int32_t blob, wit_string *name);
SKY_DATA_IMPORT("[method]blob.size") uint64_t host_blob_size(int32_t blob);
SKY_DATA_IMPORT("[method]blob.read")
void host_blob_read(int32_t blob, uint64_t offset, uint32_t length, wit_bytes_result *result);
SKY_LOG_IMPORT("log") void host_log(int32_t level, const char *bytes, size_t length);
SKY_LOG_IMPORT("progress") void host_progress(uint64_t done, uint64_t total);

// ── Between the files of the SDK ────────────────────────────────────────────────────────

// Text for the host, which takes only UTF-8: other bytes become question marks. NULL is "".
wit_string sky_lower_text(const char *text);

// The tables of a schema, built of fields in preorder.
typedef struct {
  struct ArrowSchema **items;
  size_t count;
} sky_schema;

sky_schema sky_schema_of(wit_fields fields);
wit_fields sky_flatten_schema(sky_schema schema);
// What lists of any layout hold; NULL where the field is none.
const struct ArrowSchema *sky_type_item(const struct ArrowSchema *field);
// The struct's member of that name; NULL where there is none.
const struct ArrowSchema *sky_type_member(const struct ArrowSchema *field, const char *name);
// Arrow's name of the type, as every SDK says it.
const char *sky_type_name(const struct ArrowSchema *field);
bool sky_type_is_number(const struct ArrowSchema *field);
bool sky_type_is_text(const struct ArrowSchema *field);
sky_error *sky_column_error(sky_kind kind, const char *input, const char *column,
                            const char *param, const char *expected, const char *found);

sky_error *sky_json_parse(const char *text, size_t length, const sky_json **value);

struct sky_blob {
  int32_t handle;
  const uint8_t *last;  // what the last read gave
};

typedef struct {
  const char *port;
  bool is_blob;
  sky_schema schema;
  sky_blob *blob;
} sky_bind_input;

typedef struct {
  sky_schema fields;
  size_t room;
  wit_passed_list passed;
} sky_bind_output;

struct sky_bind {
  const sky_descriptor *descriptor;
  sky_bind_input *inputs;
  size_t n_inputs;
  sky_bind_output outputs[SKY_MAX_PORTS];
  wit_reads reads;
  uint32_t pieces;
};

struct sky_reader {
  const char *port;
  int32_t handle;
  sky_schema schema;
  sky_batch *batch;
};

struct sky_writer {
  const char *port;
  int32_t handle;
  sky_schema schema;
  sky_columns *columns;
};

typedef struct {
  const char *port;
  sky_reader *reader;  // NULL for a file
  sky_blob *blob;
} sky_task_input;

struct sky_task {
  sky_task_input *inputs;
  size_t n_inputs;
  sky_writer *writers;
  size_t n_writers;
  uint32_t piece, pieces;
};

sky_error *sky_host_error(const wit_io_error *error);
sky_columns *sky_columns_new(void);
int32_t sky_batch_handle(const sky_batch *batch);
sky_arena *sky_batch_arena(sky_batch *batch);

#endif
