// Reads text tables whose columns are set apart by white space.
//
// - lines.h: text to fields, and what is a number;
// - here: the file in, a typed table out.

#include "skyloom.h"

#include <string.h>

#include "lines.h"

// So many bytes are read at once.
#define CHUNK (1u << 20)

static const char PARAMS[] =
    "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\","
    " \"description\": \"What may stand under `with:` in a workflow.\","
    " \"type\": \"object\", \"additionalProperties\": false, \"required\": [\"columns\"],"
    " \"properties\": {"
    "  \"columns\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}, \"minItems\": 1,"
    "   \"description\": \"The names of the columns, from left to right.\"},"
    "  \"key\": {\"type\": [\"string\", \"null\"], \"default\": null,"
    "   \"description\": \"The column that says which row this is.\"},"
    "  \"comment\": {\"type\": \"string\", \"default\": \"#\","
    "   \"description\": \"Lines that begin so are left out.\"},"
    "  \"missing\": {\"type\": \"array\", \"items\": {\"type\": \"string\"},"
    "   \"default\": [\"-\"], \"description\": \"What stands where there is no value.\"}}}";

typedef struct {
  sky_texts columns, missing;
  const char *comment, *key;  // the key is NULL if it is not named
} params;

static sky_error *read_params(const sky_json *with, params *p) {
  *p = (params){.key = NULL};
  SKY_TRY(sky_param_texts(with, "columns", &p->columns));
  SKY_TRY(sky_param_texts(with, "missing", &p->missing));
  SKY_TRY(sky_param_text(with, "comment", &p->comment));
  return sky_param_optional_text(with, "key", &p->key);
}

static void describe(sky_descriptor *descriptor) {
  *descriptor = (sky_descriptor){
      .name = "plugin-name",
      .version = "0.1.0",
      .description = "PLUGIN DESCRIPTION",
      .role = SKY_INGESTER,
      .scope = SKY_WHOLE,
      .inputs = {{"file", SKY_BLOB, false,
                  "Text in UTF-8, one row a line, fields set apart by white space."}},
      .outputs = {{"table", SKY_TABLE, false,
                   "Its rows, in order. A column is of numbers if all its values are."}},
      .params = PARAMS,
  };
}

// ── Reading ─────────────────────────────────────────────────────────────────────────────

typedef struct {
  const sky_blob *blob;
  uint64_t position, size;
  lines lines;
  rows rows;
} text_file;

static text_file open_file(const sky_blob *blob, const params *p) {
  return (text_file){
      .blob = blob,
      .size = sky_blob_size(blob),
      .lines = {.comment = p->comment, .missing = p->missing.items, .n_missing = p->missing.count,
                .columns = p->columns.count},
  };
}

// Reads on; what came is in `rows`.
static sky_error *read_on(text_file *file) {
  const uint8_t *bytes;
  size_t count;
  line_error error;
  SKY_TRY(sky_blob_read(file->blob, file->position, CHUNK, &bytes, &count));
  file->position += count;
  const bool is_last = file->position == file->size;
  if (lines_take(&file->lines, bytes, count, is_last, &file->rows, &error)) return NULL;
  const char *name = sky_blob_name(file->blob);
  switch (error.kind) {
    case LINE_RAGGED:
      return sky_data_error("`%s`: line %llu has %zu fields, but `columns` names %zu; name all "
                            "columns, or mend the line",
                            name, (unsigned long long)error.line, error.found, error.expected);
    case LINE_NOT_UTF8:
      return sky_data_error("`%s`: line %llu is not UTF-8; convert the file, say with `iconv`",
                            name, (unsigned long long)error.line);
    default:
      return sky_failed("`%s` has a line that does not fit into memory", name);
  }
}

// Which columns hold something else than numbers.
static sky_error *find_texts(const sky_blob *blob, const params *p, bool *is_text) {
  text_file file = open_file(blob, p);
  const size_t columns = p->columns.count;
  while (file.position < file.size) {
    SKY_TRY(read_on(&file));
    for (size_t at = 0; at < file.rows.count; at++) {
      const word field = file.rows.words[at];
      double number;
      if (field.bytes == NULL || is_text[at % columns]) continue;
      is_text[at % columns] = !word_number(field, &number);
    }
  }
  return NULL;
}

// ── Bind and run ────────────────────────────────────────────────────────────────────────

static sky_error *bind(const sky_json *with, sky_bind *bind) {
  params p;
  const sky_blob *blob;
  SKY_TRY(read_params(with, &p));
  bool has_key = p.key == NULL;
  for (size_t at = 0; at < p.columns.count; at++) {
    has_key = has_key || strcmp(p.columns.items[at], p.key) == 0;
  }
  if (!has_key) return sky_param_error("key", "`columns` names no `%s`", p.key);

  SKY_TRY(sky_bind_blob(bind, "file", &blob));
  bool is_text[p.columns.count];
  memset(is_text, 0, sizeof is_text);
  SKY_TRY(find_texts(blob, &p, is_text));
  for (size_t at = 0; at < p.columns.count; at++) {
    const char *name = p.columns.items[at];
    struct ArrowSchema *field;
    SKY_TRY(sky_bind_add(bind, "table", name, is_text[at] ? "u" : "g", &field));
    if (p.key != NULL && strcmp(p.key, name) == 0) {
      sky_set_metadata(field, "ucd", "meta.id;meta.main");
    }
  }
  return NULL;
}

static void fill_texts(sky_columns *columns, const rows *rows, size_t column, size_t stride) {
  sky_text_column *texts = sky_new_texts(columns, (int64_t)(rows->count / stride));
  for (size_t at = column; at < rows->count; at += stride) {
    const word field = rows->words[at];
    if (field.bytes == NULL) sky_push_no_text(texts);
    else sky_push_text(texts, field.bytes, field.length);
  }
}

static void fill_numbers(sky_columns *columns, const rows *rows, size_t column, size_t stride) {
  sky_doubles numbers = sky_new_doubles(columns, (int64_t)(rows->count / stride));
  for (size_t at = column, row = 0; at < rows->count; at += stride, row++) {
    const word field = rows->words[at];
    const bool is_there = field.bytes != NULL && word_number(field, &numbers.values[row]);
    if (!is_there) sky_set_null(numbers.validity, (int64_t)row);
  }
}

static sky_error *run(const sky_json *with, sky_task *task) {
  params p;
  const sky_blob *blob;
  sky_writer *writer;
  SKY_TRY(read_params(with, &p));
  SKY_TRY(sky_task_blob(task, "file", &blob));
  SKY_TRY(sky_task_writer(task, "table", &writer));
  // The types are those that `bind` found: this run sees the same file.
  const size_t stride = p.columns.count;
  bool is_text[stride];
  memset(is_text, 0, sizeof is_text);
  SKY_TRY(find_texts(blob, &p, is_text));
  text_file file = open_file(blob, &p);
  while (file.position < file.size) {
    SKY_TRY(read_on(&file));
    sky_columns *columns = sky_begin(writer);
    for (size_t column = 0; column < stride; column++) {
      if (is_text[column]) fill_texts(columns, &file.rows, column, stride);
      else fill_numbers(columns, &file.rows, column, stride);
    }
    SKY_TRY(sky_put(writer));
    sky_progress(file.position, file.size);
  }
  return NULL;
}

SKY_PLUGIN(.describe = describe, .bind = bind, .run = run)
