// What a plugin declares about one node of a workflow.

#include <string.h>

#include "abi.h"

static sky_error *find_input(const sky_bind *bind, const char *port, uint32_t *index) {
  for (size_t at = 0; at < bind->n_inputs; at++) {
    if (strcmp(bind->inputs[at].port, port) == 0) {
      *index = (uint32_t)at;
      return NULL;
    }
  }
  return sky_failed("input `%s` is not connected", port);
}

bool sky_bind_connected(const sky_bind *bind, const char *port) {
  uint32_t index;
  return find_input(bind, port, &index) == NULL;
}

sky_error *sky_bind_fields(const sky_bind *bind, const char *port,
                           const struct ArrowSchema *const **fields, size_t *count) {
  uint32_t index;
  SKY_TRY(find_input(bind, port, &index));
  const sky_bind_input *input = &bind->inputs[index];
  if (input->is_blob) return sky_failed("input `%s` is a file, not a table", port);
  *fields = (const struct ArrowSchema *const *)input->schema.items;
  *count = input->schema.count;
  return NULL;
}

sky_error *sky_bind_blob(const sky_bind *bind, const char *port, const sky_blob **blob) {
  uint32_t index;
  SKY_TRY(find_input(bind, port, &index));
  if (!bind->inputs[index].is_blob) return sky_failed("input `%s` is a table, not a file", port);
  *blob = bind->inputs[index].blob;
  return NULL;
}

sky_error *sky_bind_column(sky_bind *bind, const char *port, const char *name, const char *param,
                           sky_column *column) {
  const struct ArrowSchema *const *fields;
  size_t count;
  uint32_t input;
  SKY_TRY(sky_bind_fields(bind, port, &fields, &count));
  SKY_TRY(find_input(bind, port, &input));
  for (size_t at = 0; at < count; at++) {
    if (strcmp(fields[at]->name, name) == 0) {
      *column = (sky_column){bind, input, (uint32_t)at, param, fields[at]};
      return NULL;
    }
  }
  return sky_column_error(SKY_MISSING_COLUMN, port, name, param, "", "");
}

sky_error *sky_bind_key(const sky_bind *bind, const char *port, const char *named,
                        const char **key) {
  const struct ArrowSchema *const *fields;
  size_t count;
  SKY_TRY(sky_bind_fields(bind, port, &fields, &count));
  if (named != NULL) {
    *key = named;
    return NULL;
  }
  for (size_t at = 0; at < count; at++) {
    const char *ucd = sky_metadata(fields[at], "ucd");
    if (ucd != NULL && strncmp(ucd, "meta.id", 7) == 0 && strstr(ucd, "meta.main") != NULL) {
      *key = fields[at]->name;
      return NULL;
    }
  }
  return sky_param_error("key",
                         "no column of input `%s` is marked as key; name one here, or with `key` "
                         "in the ingester",
                         port);
}

// ── Demands on a column ─────────────────────────────────────────────────────────────────

static sky_error *wrong(const sky_column *column, sky_kind kind, const char *expected,
                        const char *found) {
  const char *port = column->bind->inputs[column->input].port;
  return sky_column_error(kind, port, column->field->name, column->param, expected, found);
}

sky_error *sky_column_mismatch(const sky_column *column, const char *expected) {
  return wrong(column, SKY_WRONG_TYPE, expected, sky_type_name(column->field));
}

sky_error *sky_column_number(const sky_column *column) {
  return sky_type_is_number(column->field) ? NULL : sky_column_mismatch(column, "a number");
}

sky_error *sky_column_text(const sky_column *column) {
  return sky_type_is_text(column->field) ? NULL : sky_column_mismatch(column, "text");
}

sky_error *sky_column_boolean(const sky_column *column) {
  const bool is_boolean = strcmp(column->field->format, "b") == 0;
  return is_boolean ? NULL : sky_column_mismatch(column, "boolean");
}

sky_error *sky_column_list(const sky_column *column, const char *member) {
  const struct ArrowSchema *item = sky_type_item(column->field);
  if (member == NULL) {
    const bool fits = item != NULL && sky_type_is_number(item);
    return fits ? NULL : sky_column_mismatch(column, "a list of numbers");
  }
  const struct ArrowSchema *found = item == NULL ? NULL : sky_type_member(item, member);
  if (found != NULL && sky_type_is_number(found)) return NULL;
  return sky_column_mismatch(column, sky_format("a list of structs with a number `%s`", member));
}

sky_error *sky_column_unit(const sky_column *column, const char *unit) {
  const char *found = sky_metadata(column->field, "unit");
  if (found == NULL || strcmp(found, unit) == 0) return NULL;
  return wrong(column, SKY_WRONG_UNIT, unit, found);
}

void sky_column_read(const sky_column *column, sky_purpose purpose) {
  wit_reads *reads = &column->bind->reads;
  const wit_read read = {column->input, column->index, (uint8_t)purpose};
  for (size_t at = 0; at < reads->count; at++) {
    const wit_read *other = &reads->items[at];
    if (other->input == read.input && other->column == read.column &&
        other->purpose == read.purpose) {
      return;
    }
  }
  wit_read *items = sky_arena_array(&sky_call, reads->count + 1, sizeof *items);
  if (reads->count > 0) memcpy(items, reads->items, reads->count * sizeof *items);
  items[reads->count++] = read;
  reads->items = items;
}

// ── Outputs ─────────────────────────────────────────────────────────────────────────────

static sky_error *push(sky_bind *bind, const char *port, struct ArrowSchema *field,
                       const sky_column *from) {
  size_t index = 0;
  const sky_port *ports = bind->descriptor->outputs;
  while (ports[index].name != NULL && strcmp(ports[index].name, port) != 0) index++;
  if (ports[index].name == NULL) return sky_failed("no output `%s`", port);
  sky_bind_output *output = &bind->outputs[index];
  for (size_t at = 0; at < output->fields.count; at++) {
    if (strcmp(output->fields.items[at]->name, field->name) == 0) {
      return sky_data_error("output `%s` would have two columns `%s`; rename or drop the input's",
                            port, field->name);
    }
  }
  if (output->fields.count == output->room) {
    output->room = output->room == 0 ? 16 : output->room * 2;
    struct ArrowSchema **items = sky_arena_array(&sky_call, output->room, sizeof *items);
    wit_passed *passed = sky_arena_array(&sky_call, output->room, sizeof *passed);
    if (output->fields.count > 0) {
      memcpy(items, output->fields.items, output->fields.count * sizeof *items);
      memcpy(passed, output->passed.items, output->passed.count * sizeof *passed);
    }
    output->fields.items = items;
    output->passed.items = passed;
  }
  if (from != NULL) {
    output->passed.items[output->passed.count++] =
        (wit_passed){(uint32_t)output->fields.count, from->input, from->index};
  }
  output->fields.items[output->fields.count++] = field;
  return NULL;
}

sky_error *sky_bind_add(sky_bind *bind, const char *port, const char *name, const char *format,
                        struct ArrowSchema **field) {
  struct ArrowSchema *made = sky_arena_new(&sky_call, sizeof *made);
  made->name = name;
  made->format = format;
  made->flags = ARROW_FLAG_NULLABLE;
  if (field != NULL) *field = made;
  return push(bind, port, made, NULL);
}

sky_error *sky_bind_add_like(sky_bind *bind, const char *port, const struct ArrowSchema *field) {
  struct ArrowSchema *made = sky_arena_new(&sky_call, sizeof *made);
  *made = *field;
  return push(bind, port, made, NULL);
}

static sky_error *pass(sky_bind *bind, const char *port, const sky_column *from) {
  struct ArrowSchema *field = sky_arena_new(&sky_call, sizeof *field);
  *field = *from->field;
  return push(bind, port, field, from);
}

sky_error *sky_bind_pass(sky_bind *bind, const char *port, const char *input, const char *column) {
  sky_column from;
  SKY_TRY(sky_bind_column(bind, input, column, NULL, &from));
  return pass(bind, port, &from);
}

sky_error *sky_bind_pass_all(sky_bind *bind, const char *port, const char *input) {
  const struct ArrowSchema *const *fields;
  size_t count;
  uint32_t index;
  SKY_TRY(sky_bind_fields(bind, input, &fields, &count));
  SKY_TRY(find_input(bind, input, &index));
  for (size_t at = 0; at < count; at++) {
    const sky_column from = {bind, index, (uint32_t)at, NULL, fields[at]};
    SKY_TRY(pass(bind, port, &from));
  }
  return NULL;
}

void sky_bind_pieces(sky_bind *bind, uint32_t pieces) { bind->pieces = pieces; }
