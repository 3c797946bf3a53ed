// The component's exports: contract types in and out, the author's functions in between.
// Each call has a fresh instance, so nothing is freed after it.

#include <string.h>

#include "abi.h"

#define SKY_EXPORT(name) __attribute__((export_name("skyloom:plugin/node@0.1.0#" name)))

static sky_descriptor described(void) {
  sky_descriptor descriptor = {0};
  sky_the_plugin.describe(&descriptor);
  return descriptor;
}

// ── Describe ────────────────────────────────────────────────────────────────────────────

static wit_ports ports_of(const sky_port *ports) {
  wit_ports made = {sky_arena_array(&sky_call, SKY_MAX_PORTS, sizeof *made.items), 0};
  for (; made.count < SKY_MAX_PORTS && ports[made.count].name != NULL; made.count++) {
    const sky_port *port = &ports[made.count];
    made.items[made.count] = (wit_port){sky_lower_text(port->name), (uint8_t)port->kind, port->optional,
                                        sky_lower_text(port->description)};
  }
  return made;
}

SKY_EXPORT("describe") wit_descriptor *sky_export_describe(void) {
  static wit_descriptor answer;
  const sky_descriptor descriptor = described();
  wit_strings citations = {sky_arena_array(&sky_call, SKY_MAX_PORTS, sizeof(wit_string)), 0};
  while (citations.count < SKY_MAX_PORTS && descriptor.citations[citations.count] != NULL) {
    citations.items[citations.count] = sky_lower_text(descriptor.citations[citations.count]);
    citations.count++;
  }
  answer = (wit_descriptor){
      .name = sky_lower_text(descriptor.name),
      .version = sky_lower_text(descriptor.version),
      .description = sky_lower_text(descriptor.description),
      .role = (uint8_t)descriptor.role,
      .scope = (uint8_t)descriptor.scope,
      .inputs = ports_of(descriptor.inputs),
      .outputs = ports_of(descriptor.outputs),
      .params = sky_lower_text(descriptor.params),
      .citations = citations,
  };
  return &answer;
}

// ── Errors ──────────────────────────────────────────────────────────────────────────────

static wit_error lower_error(const sky_error *error) {
  wit_error lowered = {.kind = (uint8_t)error->kind};
  switch (error->kind) {
    case SKY_PARAM:
      lowered.param.param = sky_lower_text(error->param);
      lowered.param.message = sky_lower_text(error->message);
      break;
    case SKY_MISSING_COLUMN:
    case SKY_WRONG_TYPE:
    case SKY_WRONG_UNIT:
      lowered.column.input = sky_lower_text(error->input);
      lowered.column.column = sky_lower_text(error->column);
      lowered.column.param.some = error->param != NULL;
      lowered.column.param.value = sky_lower_text(error->param);
      lowered.column.expected = sky_lower_text(error->expected);
      lowered.column.found = sky_lower_text(error->found);
      break;
    case SKY_DATA:
    case SKY_FAILED:
      lowered.message = sky_lower_text(error->message);
      break;
  }
  return lowered;
}

// ── Bind ────────────────────────────────────────────────────────────────────────────────

static sky_blob *blob_of(int32_t handle) {
  sky_blob *blob = sky_arena_new(&sky_call, sizeof *blob);
  blob->handle = handle;
  return blob;
}

static sky_bind *new_bind(const sky_descriptor *descriptor, const wit_bound_input *inputs,
                          size_t count) {
  sky_bind *bind = sky_arena_new(&sky_call, sizeof *bind);
  bind->descriptor = descriptor;
  bind->pieces = 1;
  bind->n_inputs = count;
  bind->inputs = sky_arena_array(&sky_call, count, sizeof *bind->inputs);
  for (size_t at = 0; at < count; at++) {
    const wit_bound_input *from = &inputs[at];
    sky_bind_input *input = &bind->inputs[at];
    input->port = sky_copy_text(&sky_call, from->port.bytes, from->port.length);
    input->is_blob = from->shape == WIT_IS_BLOB;
    if (input->is_blob) input->blob = blob_of(from->blob);
    else input->schema = sky_schema_of(from->fields);
  }
  return bind;
}

static wit_binding lower_binding(const sky_bind *bind) {
  wit_binding binding = {.reads = bind->reads, .pieces = bind->pieces};
  binding.outputs.items = sky_arena_array(&sky_call, SKY_MAX_PORTS, sizeof *binding.outputs.items);
  for (size_t at = 0; at < SKY_MAX_PORTS && bind->descriptor->outputs[at].name != NULL; at++) {
    const sky_bind_output *output = &bind->outputs[at];
    binding.outputs.items[binding.outputs.count++] =
        (wit_table_schema){sky_flatten_schema(output->fields), output->passed};
  }
  return binding;
}

SKY_EXPORT("bind") wit_bind_result *sky_export_bind(const char *params, size_t params_length,
                                                    const wit_bound_input *inputs, size_t count) {
  static wit_bind_result answer;
  const sky_descriptor descriptor = described();
  sky_bind *bind = new_bind(&descriptor, inputs, count);
  const sky_json *values;
  sky_error *error = sky_json_parse(params, params_length, &values);
  if (error == NULL) error = sky_the_plugin.bind(values, bind);
  answer.failed = error != NULL;
  if (error != NULL) answer.error = lower_error(error);
  else answer.binding = lower_binding(bind);
  return &answer;
}

// ── Run ─────────────────────────────────────────────────────────────────────────────────

static sky_reader *reader_of(const char *port, int32_t handle) {
  sky_reader *reader = sky_arena_new(&sky_call, sizeof *reader);
  wit_fields fields;
  host_reader_fields(handle, &fields);
  reader->port = port;
  reader->handle = handle;
  reader->schema = sky_schema_of(fields);
  return reader;
}

static sky_task *new_task(const sky_descriptor *descriptor, const wit_input *inputs,
                          size_t n_inputs, const int32_t *outputs, size_t n_outputs) {
  sky_task *task = sky_arena_new(&sky_call, sizeof *task);
  task->n_inputs = n_inputs;
  task->inputs = sky_arena_array(&sky_call, n_inputs, sizeof *task->inputs);
  for (size_t at = 0; at < n_inputs; at++) {
    sky_task_input *input = &task->inputs[at];
    input->port = sky_copy_text(&sky_call, inputs[at].port.bytes, inputs[at].port.length);
    if (inputs[at].content == WIT_IS_BLOB) input->blob = blob_of(inputs[at].handle);
    else input->reader = reader_of(input->port, inputs[at].handle);
  }
  task->n_writers = n_outputs;
  task->writers = sky_arena_array(&sky_call, n_outputs, sizeof *task->writers);
  for (size_t at = 0; at < n_outputs; at++) {
    wit_fields fields;
    host_writer_fields(outputs[at], &fields);
    task->writers[at] = (sky_writer){descriptor->outputs[at].name, outputs[at],
                                     sky_schema_of(fields), sky_columns_new()};
  }
  return task;
}

static sky_error *map_all(const sky_json *params, sky_task *task) {
  if (sky_the_plugin.map == NULL) return sky_failed("this plugin has neither `map` nor `run`");
  if (task->n_inputs == 0 || task->inputs[0].reader == NULL || task->n_writers == 0) {
    return sky_failed("`map` needs a table as first input, and an output");
  }
  sky_writer *writer = &task->writers[0];
  for (;;) {
    sky_batch *batch;
    SKY_TRY(sky_next(task->inputs[0].reader, &batch));
    if (batch == NULL) return NULL;
    SKY_TRY(sky_the_plugin.map(params, batch, sky_begin(writer)));
    SKY_TRY(sky_derive(writer, batch));
  }
}

SKY_EXPORT("run") wit_run_result *sky_export_run(const char *params, size_t params_length,
                                                 uint32_t piece, uint32_t pieces,
                                                 const wit_input *inputs, size_t n_inputs,
                                                 const int32_t *outputs, size_t n_outputs) {
  static wit_run_result answer;
  const sky_descriptor descriptor = described();
  sky_task *task = new_task(&descriptor, inputs, n_inputs, outputs, n_outputs);
  task->piece = piece;
  task->pieces = pieces;
  const sky_json *values;
  sky_error *error = sky_json_parse(params, params_length, &values);
  if (error == NULL && sky_the_plugin.run != NULL) error = sky_the_plugin.run(values, task);
  else if (error == NULL) error = map_all(values, task);
  answer.failed = error != NULL;
  if (error != NULL) answer.error = lower_error(error);
  return &answer;
}

bool sky_task_connected(const sky_task *task, const char *port) {
  for (size_t at = 0; at < task->n_inputs; at++) {
    if (strcmp(task->inputs[at].port, port) == 0) return true;
  }
  return false;
}

sky_error *sky_task_reader(sky_task *task, const char *port, sky_reader **reader) {
  for (size_t at = 0; at < task->n_inputs; at++) {
    *reader = task->inputs[at].reader;
    if (strcmp(task->inputs[at].port, port) == 0 && *reader != NULL) return NULL;
  }
  return sky_failed("no table on input `%s`", port);
}

sky_error *sky_task_blob(const sky_task *task, const char *port, const sky_blob **blob) {
  for (size_t at = 0; at < task->n_inputs; at++) {
    *blob = task->inputs[at].blob;
    if (strcmp(task->inputs[at].port, port) == 0 && *blob != NULL) return NULL;
  }
  return sky_failed("no file on input `%s`", port);
}

sky_error *sky_task_writer(sky_task *task, const char *port, sky_writer **writer) {
  for (size_t at = 0; at < task->n_writers; at++) {
    *writer = &task->writers[at];
    if (strcmp(task->writers[at].port, port) == 0) return NULL;
  }
  return sky_failed("no output `%s`", port);
}

void sky_task_piece(const sky_task *task, uint32_t *index, uint32_t *count) {
  *index = task->piece;
  *count = task->pieces;
}
