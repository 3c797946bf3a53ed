// Tells two classes apart by a threshold on one column.
//
// - cut.h: the rule;
// - here: columns in, the key, a class and its probabilities out.

#include "skyloom.h"

#include <string.h>

#include "cut.h"

static const char PARAMS[] =
    "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\","
    " \"description\": \"What may stand under `with:` in a workflow.\","
    " \"type\": \"object\", \"additionalProperties\": false,"
    " \"required\": [\"column\", \"threshold\", \"above\", \"below\"],"
    " \"properties\": {"
    "  \"column\": {\"type\": \"string\", \"description\": \"The column that decides.\"},"
    "  \"threshold\": {\"type\": \"number\", \"format\": \"double\","
    "   \"description\": \"Where the classes part.\"},"
    "  \"above\": {\"type\": \"string\","
    "   \"description\": \"The class of rows above the threshold.\"},"
    "  \"below\": {\"type\": \"string\", \"description\": \"The class of rows below it.\"},"
    "  \"width\": {\"type\": \"number\", \"format\": \"double\", \"minimum\": 0, \"default\": 0.0,"
    "   \"description\": \"On both sides of the threshold, the probability changes over this"
    " distance; 0 for a\\nsharp cut.\"},"
    "  \"key\": {\"type\": [\"string\", \"null\"], \"default\": null,"
    "   \"description\": \"The column that says which row this is. Without, the one marked as"
    " key.\"}}}";

typedef struct {
  const char *column, *above, *below, *key;  // the key is NULL if it is not named
  double threshold, width;
} params;

static sky_error *read_params(const sky_json *with, params *p) {
  *p = (params){.key = NULL};
  SKY_TRY(sky_param_text(with, "column", &p->column));
  SKY_TRY(sky_param_number(with, "threshold", &p->threshold));
  SKY_TRY(sky_param_text(with, "above", &p->above));
  SKY_TRY(sky_param_text(with, "below", &p->below));
  SKY_TRY(sky_param_number(with, "width", &p->width));
  return sky_param_optional_text(with, "key", &p->key);
}

static void describe(sky_descriptor *descriptor) {
  *descriptor = (sky_descriptor){
      .name = "plugin-name",
      .version = "0.1.0",
      .description = "PLUGIN DESCRIPTION",
      .role = SKY_CLASSIFIER,
      .scope = SKY_PARTITION,
      .inputs = {{"data", SKY_TABLE, false,
                  "Rows to classify, with a key and the column that decides."}},
      .outputs = {{"predictions", SKY_TABLE, false,
                   "The key, the likelier class, a probability for each class."}},
      .params = PARAMS,
  };
}

static sky_error *bind(const sky_json *with, sky_bind *bind) {
  params p;
  sky_column column;
  const char *key;
  SKY_TRY(read_params(with, &p));
  if (strcmp(p.above, p.below) == 0) {
    return sky_param_error("below", "the two classes need different names");
  }
  SKY_TRY(sky_bind_column(bind, "data", p.column, "column", &column));
  SKY_TRY(sky_column_number(&column));
  sky_column_read(&column, SKY_FEATURE);
  SKY_TRY(sky_bind_key(bind, "data", p.key, &key));
  SKY_TRY(sky_bind_column(bind, "data", key, p.key == NULL ? NULL : "key", &column));
  SKY_TRY(sky_bind_pass(bind, "predictions", "data", key));

  const char *const classes[] = {p.above, p.below};
  struct ArrowSchema *field;
  SKY_TRY(sky_bind_add(bind, "predictions", "class", "u", &field));
  sky_set_categories(field, classes, 2);
  sky_set_metadata(field, "description",
                   "the likelier class; null where the column has no value");
  for (int at = 0; at < 2; at++) {
    SKY_TRY(sky_bind_add(bind, "predictions", sky_format("p_%s", classes[at]), "g", &field));
    sky_set_metadata(field, "description", sky_format("probability of class %s", classes[at]));
  }
  return NULL;
}

static sky_error *map(const sky_json *with, sky_batch *batch, sky_columns *columns) {
  params p;
  sky_numbers values;
  SKY_TRY(read_params(with, &p));
  SKY_TRY(sky_get_numbers(batch, p.column, &values));
  sky_text_column *class = sky_new_texts(columns, sky_rows(batch));
  sky_doubles above = sky_new_doubles(columns, sky_rows(batch));
  sky_doubles below = sky_new_doubles(columns, sky_rows(batch));
  for (int64_t row = 0; row < sky_rows(batch); row++) {
    double probability;
    const bool is_there = sky_is_number(&values, row) &&
        probability_above(values.values[row], p.threshold, p.width, &probability);
    if (!is_there) {
      sky_push_no_text(class);
      sky_set_null(above.validity, row);
      sky_set_null(below.validity, row);
      continue;
    }
    const char *likelier = probability >= 0.5 ? p.above : p.below;
    sky_push_text(class, likelier, strlen(likelier));
    above.values[row] = probability;
    below.values[row] = 1 - probability;
  }
  return NULL;
}

SKY_PLUGIN(.describe = describe, .bind = bind, .map = map)
