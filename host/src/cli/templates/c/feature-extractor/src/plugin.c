// Adds the signal-to-noise ratio of a measured column.
//
// - signal.h: the formula;
// - here: which columns come in and which go out.

#include "skyloom.h"

#include "signal.h"

static const char PARAMS[] =
    "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\","
    " \"description\": \"What may stand under `with:` in a workflow.\","
    " \"type\": \"object\", \"additionalProperties\": false, \"required\": [\"value\", \"error\"],"
    " \"properties\": {"
    "  \"value\": {\"type\": \"string\", \"description\": \"The column that was measured.\"},"
    "  \"error\": {\"type\": \"string\","
    "   \"description\": \"The column with its 1σ error, in the same unit.\"},"
    "  \"name\": {\"type\": \"string\", \"description\": \"What the new column is called.\","
    "   \"default\": \"snr\"}}}";

typedef struct {
  const char *value, *error, *name;
} params;

static sky_error *read_params(const sky_json *with, params *p) {
  SKY_TRY(sky_param_text(with, "value", &p->value));
  SKY_TRY(sky_param_text(with, "error", &p->error));
  return sky_param_text(with, "name", &p->name);
}

static void describe(sky_descriptor *descriptor) {
  *descriptor = (sky_descriptor){
      .name = "plugin-name",
      .version = "0.1.0",
      .description = "PLUGIN DESCRIPTION",
      .role = SKY_FEATURE_EXTRACTOR,
      .scope = SKY_PARTITION,
      .inputs = {{"table", SKY_TABLE, false, "Any table with a measured column and its error."}},
      .outputs = {{"features", SKY_TABLE, false, "The same table and the signal-to-noise ratio."}},
      .params = PARAMS,
  };
}

static sky_error *bind(const sky_json *with, sky_bind *bind) {
  params p;
  sky_column value, error;
  SKY_TRY(read_params(with, &p));
  SKY_TRY(sky_bind_column(bind, "table", p.value, "value", &value));
  SKY_TRY(sky_column_number(&value));
  sky_column_read(&value, SKY_VALUE);
  SKY_TRY(sky_bind_column(bind, "table", p.error, "error", &error));
  SKY_TRY(sky_column_number(&error));
  const char *unit = sky_metadata(value.field, "unit");
  if (unit != NULL) SKY_TRY(sky_column_unit(&error, unit));
  sky_column_read(&error, SKY_VALUE);

  SKY_TRY(sky_bind_pass_all(bind, "features", "table"));
  struct ArrowSchema *snr;
  SKY_TRY(sky_bind_add(bind, "features", p.name, "g", &snr));
  sky_set_metadata(snr, "ucd", "stat.snr");
  sky_set_metadata(snr, "description", sky_format("%s over %s", p.value, p.error));
  return NULL;
}

static sky_error *map(const sky_json *with, sky_batch *batch, sky_columns *columns) {
  params p;
  sky_numbers values, errors;
  SKY_TRY(read_params(with, &p));
  SKY_TRY(sky_get_numbers(batch, p.value, &values));
  SKY_TRY(sky_get_numbers(batch, p.error, &errors));
  sky_doubles ratios = sky_new_doubles(columns, sky_rows(batch));
  for (int64_t row = 0; row < sky_rows(batch); row++) {
    const bool is_there = sky_is_number(&values, row) && sky_is_number(&errors, row) &&
        signal_to_noise(values.values[row], errors.values[row], &ratios.values[row]);
    if (!is_there) sky_set_null(ratios.validity, row);
  }
  return NULL;
}

SKY_PLUGIN(.describe = describe, .bind = bind, .map = map)
