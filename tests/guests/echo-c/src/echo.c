// Emits every column it reads, as a new one: what comes back has crossed the border twice, and
// was an Arrow array of the SDK in between.

#include "skyloom.h"

static void describe(sky_descriptor *descriptor) {
  *descriptor = (sky_descriptor){
      .name = "echo-c",
      .version = "0.1.0",
      .description = "Gives back what it is given.",
      .role = SKY_TRANSFORMER,
      .scope = SKY_PARTITION,
      .inputs = {{"table", SKY_TABLE, false, "Any table."}},
      .outputs = {{"table", SKY_TABLE, false, "The same table."}},
      .params = "{\"type\": \"object\", \"additionalProperties\": false}",
  };
}

static sky_error *bind(const sky_json *params, sky_bind *bind) {
  (void)params;
  const struct ArrowSchema *const *fields;
  size_t count;
  SKY_TRY(sky_bind_fields(bind, "table", &fields, &count));
  for (size_t at = 0; at < count; at++) {
    sky_column column;
    SKY_TRY(sky_bind_column(bind, "table", fields[at]->name, NULL, &column));
    sky_column_read(&column, SKY_VALUE);
    SKY_TRY(sky_bind_add_like(bind, "table", fields[at]));
  }
  return NULL;
}

static sky_error *run(const sky_json *params, sky_task *task) {
  (void)params;
  sky_reader *reader;
  sky_writer *writer;
  SKY_TRY(sky_task_reader(task, "table", &reader));
  SKY_TRY(sky_task_writer(task, "table", &writer));
  size_t count;
  const struct ArrowSchema *const *fields = sky_reader_fields(reader, &count);
  for (;;) {
    sky_batch *batch;
    SKY_TRY(sky_next(reader, &batch));
    if (batch == NULL) return NULL;
    sky_columns *columns = sky_begin(writer);
    for (size_t at = 0; at < count; at++) {
      const struct ArrowArray *array;
      SKY_TRY(sky_array(batch, fields[at]->name, NULL, &array));
      sky_new_array(columns, array);
    }
    SKY_TRY(sky_put(writer));
  }
}

SKY_PLUGIN(.describe = describe, .bind = bind, .run = run)
