// Adds the square of a column: what `../square` does in Rust, against the bare contract.
//
// `plugin.h` and `plugin.c` are generated from the contract; README.md has the commands.
// What the host hands over is the plugin's to free, and what the plugin answers must come
// from malloc: the generated code frees it once the host has read it.

#include <stdlib.h>
#include <string.h>

#include "plugin.h"

typedef skyloom_plugin_types_field_t field_t;
typedef skyloom_plugin_types_port_t port_t;
typedef skyloom_plugin_types_column_t column_t;
typedef exports_skyloom_plugin_node_plugin_error_t error_t;

static const char PARAMS[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"column\"],"
    "\"properties\":{\"column\":{\"type\":\"string\",\"description\":\"The column to square.\"}}}";

// ── Parameters ──────────────────────────────────────────────────────────────────────────

static int hex(uint8_t digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  return (digit | 32) - 'a' + 10;
}

// The host checked the parameters: this is `{"column":"…"}`, without spaces. Undoes JSON's
// escapes, of which serde_json writes those of control characters, quotes and backslashes.
static plugin_string_t column_param(const plugin_string_t *params) {
  const size_t start = strlen("{\"column\":\"");
  plugin_string_t name = {malloc(params->len), 0};
  for (size_t at = start; at < params->len && params->ptr[at] != '"'; at++) {
    uint8_t byte = params->ptr[at];
    if (byte == '\\') {
      byte = params->ptr[++at];
      switch (byte) {
        case 'b': byte = '\b'; break;
        case 'f': byte = '\f'; break;
        case 'n': byte = '\n'; break;
        case 'r': byte = '\r'; break;
        case 't': byte = '\t'; break;
        case 'u':
          byte = (uint8_t)(hex(params->ptr[at + 3]) << 4 | hex(params->ptr[at + 4]));
          at += 4;
          break;
      }
    }
    name.ptr[name.len++] = byte;
  }
  return name;
}

// ── Schemas ─────────────────────────────────────────────────────────────────────────────

static bool equal(const plugin_string_t *a, const plugin_string_t *b) {
  return a->len == b->len && memcmp(a->ptr, b->ptr, a->len) == 0;
}

// The index in `fields` of what follows the field at `at` and all below it.
static size_t after(const field_t *fields, size_t at) {
  size_t below = fields[at++].children;
  for (; below > 0; at++) below += fields[at].children - 1;
  return at;
}

// Arrow's one-letter formats of integers and floating-point numbers.
static bool is_number(const field_t *field) {
  return field->format.len == 1 && !field->dictionary &&
         memchr("cCsSiIlLefg", field->format.ptr[0], 11) != NULL;
}

static port_t port(const char *name, const char *description) {
  port_t made = {.kind = SKYLOOM_PLUGIN_TYPES_PORT_KIND_TABLE, .optional = false};
  plugin_string_dup(&made.name, name);
  plugin_string_dup(&made.description, description);
  return made;
}

// ── What the contract asks for ──────────────────────────────────────────────────────────

void exports_skyloom_plugin_node_describe(exports_skyloom_plugin_node_descriptor_t *ret) {
  memset(ret, 0, sizeof *ret);
  plugin_string_dup(&ret->name, "c-square");
  plugin_string_dup(&ret->version, "0.1.0");
  plugin_string_dup(&ret->description, "Adds the square of a column, in C.");
  ret->role = SKYLOOM_PLUGIN_TYPES_ROLE_FEATURE_EXTRACTOR;
  ret->scope = SKYLOOM_PLUGIN_TYPES_SCOPE_PARTITION;
  ret->inputs.ptr = malloc(sizeof(port_t));
  ret->inputs.ptr[ret->inputs.len++] = port("table", "Any table with a column of numbers.");
  ret->outputs.ptr = malloc(sizeof(port_t));
  ret->outputs.ptr[ret->outputs.len++] = port("features", "The same table and the square.");
  plugin_string_dup(&ret->params, PARAMS);
}

bool exports_skyloom_plugin_node_bind(plugin_string_t *params,
                                      exports_skyloom_plugin_node_list_bound_input_t *inputs,
                                      exports_skyloom_plugin_node_binding_t *ret,
                                      error_t *err) {
  plugin_string_t name = column_param(params);
  exports_skyloom_plugin_node_list_field_t fields = inputs->ptr[0].shape.val.table;

  size_t columns = 0, column = SIZE_MAX;
  const field_t *found = NULL;
  for (size_t at = 0; at < fields.len; at = after(fields.ptr, at), columns++) {
    if (equal(&fields.ptr[at].name, &name)) {
      column = columns;
      found = &fields.ptr[at];
    }
  }
  if (found == NULL || !is_number(found)) {
    skyloom_plugin_types_column_error_t why = {.column = name};
    plugin_string_dup(&why.input, "table");
    why.param.is_some = true;
    plugin_string_dup(&why.param.val, "column");
    plugin_string_dup(&why.expected, "a number");
    if (found != NULL) plugin_string_dup_n(&why.found, (const char *)found->format.ptr, found->format.len);
    err->tag = found == NULL ? SKYLOOM_PLUGIN_TYPES_PLUGIN_ERROR_MISSING_COLUMN
                             : SKYLOOM_PLUGIN_TYPES_PLUGIN_ERROR_WRONG_TYPE;
    err->val.missing_column = why;
    return false;
  }

  // All columns of the input, and the square.
  skyloom_plugin_types_table_schema_t *output = calloc(1, sizeof *output);
  output->fields.ptr = realloc(fields.ptr, (fields.len + 1) * sizeof(field_t));
  output->fields.len = fields.len + 1;
  field_t *square = &output->fields.ptr[fields.len];
  memset(square, 0, sizeof *square);
  square->name.ptr = malloc(name.len + strlen("_squared"));
  square->name.len = name.len + strlen("_squared");
  memcpy(square->name.ptr, name.ptr, name.len);
  memcpy(square->name.ptr + name.len, "_squared", strlen("_squared"));
  plugin_string_dup(&square->format, "g");
  square->nullable = true;
  output->passed.ptr = malloc(columns * sizeof *output->passed.ptr);
  output->passed.len = columns;
  for (uint32_t at = 0; at < columns; at++) {
    output->passed.ptr[at] = (skyloom_plugin_types_passed_t){.field = at, .input = 0, .column = at};
  }

  ret->outputs.ptr = output;
  ret->outputs.len = 1;
  ret->reads.ptr = malloc(sizeof *ret->reads.ptr);
  ret->reads.ptr[0] = (skyloom_plugin_types_read_t){
      .input = 0, .column = (uint32_t)column, .purpose = SKYLOOM_PLUGIN_TYPES_PURPOSE_VALUE};
  ret->reads.len = 1;
  ret->pieces = 1;
  return true;
}

// ── The work ────────────────────────────────────────────────────────────────────────────

static double half(uint16_t bits) {
  // A half's exponent and fraction, moved to where a float has them; 2^112 mends the bias.
  uint32_t wide = (uint32_t)(bits & 0x7fff) << 13;
  if ((bits & 0x7c00) == 0x7c00) wide |= 0x7f800000;
  float number;
  memcpy(&number, &wide, sizeof number);
  if ((bits & 0x7c00) != 0x7c00) number *= 0x1p112f;
  return bits & 0x8000 ? -(double)number : (double)number;
}

#define SQUARE(type, widen)                                \
  for (uint64_t row = 0; row < rows; row++) {              \
    type value;                                            \
    memcpy(&value, bytes + row * sizeof value, sizeof value); \
    double number = widen(value);                          \
    squares[row] = number * number;                        \
  }                                                        \
  break

// Squares of `rows` numbers of an Arrow format. Buffers are aligned to one byte only, so
// each number is copied out.
static void square(char format, const uint8_t *bytes, uint64_t rows, double *squares) {
  switch (format) {
    case 'c': SQUARE(int8_t, (double));
    case 'C': SQUARE(uint8_t, (double));
    case 's': SQUARE(int16_t, (double));
    case 'S': SQUARE(uint16_t, (double));
    case 'i': SQUARE(int32_t, (double));
    case 'I': SQUARE(uint32_t, (double));
    case 'l': SQUARE(int64_t, (double));
    case 'L': SQUARE(uint64_t, (double));
    case 'e': SQUARE(uint16_t, half);
    case 'f': SQUARE(float, (double));
    case 'g': SQUARE(double, (double));
  }
}

// The host's refusal, in its own words.
static bool fail(error_t *err, const skyloom_plugin_data_io_error_t *refusal) {
  err->tag = SKYLOOM_PLUGIN_TYPES_PLUGIN_ERROR_FAILED;
  err->val.failed = refusal->val.denied;
  return false;
}

bool exports_skyloom_plugin_node_run(plugin_string_t *params,
                                     exports_skyloom_plugin_node_piece_t *piece,
                                     exports_skyloom_plugin_node_list_input_t *inputs,
                                     exports_skyloom_plugin_node_list_own_writer_t *outputs,
                                     error_t *err) {
  (void)piece;
  plugin_string_t name = column_param(params);
  skyloom_plugin_data_borrow_reader_t reader =
      skyloom_plugin_data_borrow_reader(inputs->ptr[0].content.val.table);
  skyloom_plugin_data_borrow_writer_t writer = skyloom_plugin_data_borrow_writer(outputs->ptr[0]);

  // Columns that `bind` did not declare have no name here, and the type `null`.
  skyloom_plugin_data_list_field_t fields;
  skyloom_plugin_data_method_reader_fields(reader, &fields);
  uint32_t column = 0;
  size_t at = 0;
  while (!equal(&fields.ptr[at].name, &name)) at = after(fields.ptr, at), column++;
  const char format = (char)fields.ptr[at].format.ptr[0];

  double *squares = NULL;
  for (;;) {
    skyloom_plugin_data_io_error_t refusal;
    skyloom_plugin_data_option_own_batch_t next;
    if (!skyloom_plugin_data_method_reader_next(reader, &next, &refusal)) return fail(err, &refusal);
    if (!next.is_some) return true;
    skyloom_plugin_data_borrow_batch_t batch = skyloom_plugin_data_borrow_batch(next.val);

    skyloom_plugin_data_list_column_t pulled;
    if (!skyloom_plugin_data_method_batch_column(batch, column, &pulled, &refusal)) return fail(err, &refusal);
    const column_t *numbers = &pulled.ptr[0];
    squares = realloc(squares, numbers->rows * sizeof *squares + 1);
    square(format, numbers->buffers.ptr[0].ptr, numbers->rows, squares);

    // Nulls stay where they are: the bitmap goes back as it came.
    plugin_list_u8_t buffer = {(uint8_t *)squares, numbers->rows * sizeof *squares};
    column_t emitted = {.rows = numbers->rows, .validity = numbers->validity, .buffers = {&buffer, 1}};
    skyloom_plugin_data_list_column_t columns = {&emitted, 1};
    if (!skyloom_plugin_data_method_writer_derive(writer, batch, NULL, &columns, &refusal)) return fail(err, &refusal);

    skyloom_plugin_data_list_column_free(&pulled);
    skyloom_plugin_data_batch_drop_own(next.val);
  }
}
