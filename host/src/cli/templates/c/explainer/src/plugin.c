// Explains a threshold on one column: how far each row lies from it.
//
// - margin.h: the formula;
// - here: columns in, the key, the margin and what it is made of out.

#include "skyloom.h"

#include "margin.h"

// What a row at the threshold has.
#define BASE_VALUE 0.0

static const char PARAMS[] =
    "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\","
    " \"description\": \"What may stand under `with:` in a workflow.\","
    " \"type\": \"object\", \"additionalProperties\": false,"
    " \"required\": [\"column\", \"threshold\"],"
    " \"properties\": {"
    "  \"column\": {\"type\": \"string\", \"description\": \"The column that decides.\"},"
    "  \"threshold\": {\"type\": \"number\", \"format\": \"double\","
    "   \"description\": \"Where the classes part.\"},"
    "  \"width\": {\"type\": \"number\", \"format\": \"double\", \"minimum\": 0, \"default\": 0.0,"
    "   \"description\": \"The unit of the margin, in that of the column; 0 for the column's"
    " own.\"},"
    "  \"key\": {\"type\": [\"string\", \"null\"], \"default\": null,"
    "   \"description\": \"The column that says which row this is. Without, the one marked as"
    " key.\"}}}";

typedef struct {
  const char *column, *key;  // the key is NULL if it is not named
  double threshold, width;
} params;

static sky_error *read_params(const sky_json *with, params *p) {
  *p = (params){.key = NULL};
  SKY_TRY(sky_param_text(with, "column", &p->column));
  SKY_TRY(sky_param_number(with, "threshold", &p->threshold));
  SKY_TRY(sky_param_number(with, "width", &p->width));
  return sky_param_optional_text(with, "key", &p->key);
}

static void describe(sky_descriptor *descriptor) {
  *descriptor = (sky_descriptor){
      .name = "plugin-name",
      .version = "0.1.0",
      .description = "PLUGIN DESCRIPTION",
      .role = SKY_EXPLAINER,
      .scope = SKY_PARTITION,
      .inputs = {{"data", SKY_TABLE, false,
                  "The rows that were classified, with a key and the column that decides."}},
      .outputs = {{"attributions", SKY_TABLE, false,
                   "The key, the margin, and what contributes to it."}},
      .params = PARAMS,
  };
}

static sky_error *bind(const sky_json *with, sky_bind *bind) {
  params p;
  sky_column column;
  const char *key;
  SKY_TRY(read_params(with, &p));
  SKY_TRY(sky_bind_column(bind, "data", p.column, "column", &column));
  SKY_TRY(sky_column_number(&column));
  sky_column_read(&column, SKY_FEATURE);
  SKY_TRY(sky_bind_key(bind, "data", p.key, &key));
  SKY_TRY(sky_bind_column(bind, "data", key, p.key == NULL ? NULL : "key", &column));
  SKY_TRY(sky_bind_pass(bind, "attributions", "data", key));

  const char *const fields[][2] = {
      {"margin", "distance from the threshold, positive above it"},
      {"base_value", "the margin of a row at the threshold"},
      {sky_format("contribution_%s", p.column), "what the column adds to the base value"},
  };
  for (int at = 0; at < 3; at++) {
    struct ArrowSchema *field;
    SKY_TRY(sky_bind_add(bind, "attributions", fields[at][0], "g", &field));
    sky_set_metadata(field, "description", fields[at][1]);
  }
  return NULL;
}

static sky_error *map(const sky_json *with, sky_batch *batch, sky_columns *columns) {
  params p;
  sky_numbers values;
  SKY_TRY(read_params(with, &p));
  SKY_TRY(sky_get_numbers(batch, p.column, &values));
  sky_doubles margins = sky_new_doubles(columns, sky_rows(batch));
  sky_doubles bases = sky_new_doubles(columns, sky_rows(batch));
  sky_doubles contributions = sky_new_doubles(columns, sky_rows(batch));
  for (int64_t row = 0; row < sky_rows(batch); row++) {
    double margin;
    const bool is_there = sky_is_number(&values, row) &&
        margin_of(values.values[row], p.threshold, p.width, &margin);
    if (is_there) {
      margins.values[row] = margin;
      bases.values[row] = BASE_VALUE;
      contributions.values[row] = margin - BASE_VALUE;
      continue;
    }
    sky_set_null(margins.validity, row);
    sky_set_null(bases.validity, row);
    sky_set_null(contributions.validity, row);
  }
  return NULL;
}

SKY_PLUGIN(.describe = describe, .bind = bind, .map = map)
