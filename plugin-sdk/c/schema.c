// Fields in preorder, as the contract has them, to trees of `struct ArrowSchema` and back.

#include <string.h>

#include "abi.h"

// ── Metadata ────────────────────────────────────────────────────────────────────────────
// Encoded as the Arrow specification says: a count of pairs, then for each the length of the
// key, the key, the length of the value, the value; all counts are int32.

static int32_t read_count(const char **at) {
  int32_t count;
  memcpy(&count, *at, sizeof count);
  *at += sizeof count;
  return count;
}

static wit_pairs decode_metadata(const char *metadata) {
  wit_pairs pairs = {NULL, 0};
  if (metadata == NULL) return pairs;
  pairs.count = (size_t)read_count(&metadata);
  pairs.items = sky_arena_array(&sky_call, pairs.count, sizeof *pairs.items);
  for (size_t pair = 0; pair < pairs.count; pair++) {
    wit_string *texts[] = {&pairs.items[pair].key, &pairs.items[pair].value};
    for (int at = 0; at < 2; at++) {
      texts[at]->length = (size_t)read_count(&metadata);
      texts[at]->bytes = metadata;
      metadata += texts[at]->length;
    }
  }
  return pairs;
}

static const char *encode_metadata(wit_pairs pairs) {
  if (pairs.count == 0) return NULL;
  size_t length = sizeof(int32_t);
  for (size_t pair = 0; pair < pairs.count; pair++) {
    length += 2 * sizeof(int32_t) + pairs.items[pair].key.length + pairs.items[pair].value.length;
  }
  char *metadata = sky_arena_new(&sky_call, length), *to = metadata;
  const int32_t count = (int32_t)pairs.count;
  memcpy(to, &count, sizeof count);
  to += sizeof count;
  for (size_t pair = 0; pair < pairs.count; pair++) {
    const wit_string texts[] = {pairs.items[pair].key, pairs.items[pair].value};
    for (int at = 0; at < 2; at++) {
      const int32_t text_length = (int32_t)texts[at].length;
      memcpy(to, &text_length, sizeof text_length);
      to += sizeof text_length;
      memcpy(to, texts[at].bytes, texts[at].length);
      to += text_length;
    }
  }
  return metadata;
}

static wit_pair *find_pair(wit_pairs pairs, const char *key) {
  const size_t length = strlen(key);
  for (size_t at = 0; at < pairs.count; at++) {
    const wit_string *found = &pairs.items[at].key;
    if (found->length == length && memcmp(found->bytes, key, length) == 0) return &pairs.items[at];
  }
  return NULL;
}

const char *sky_metadata(const struct ArrowSchema *field, const char *key) {
  const wit_pair *pair = find_pair(decode_metadata(field->metadata), key);
  return pair == NULL ? NULL : sky_copy_text(&sky_call, pair->value.bytes, pair->value.length);
}

void sky_set_metadata(struct ArrowSchema *field, const char *key, const char *value) {
  const wit_pairs old = decode_metadata(field->metadata);
  wit_pairs pairs = {sky_arena_array(&sky_call, old.count + 1, sizeof *old.items), old.count};
  if (old.count > 0) memcpy(pairs.items, old.items, old.count * sizeof *old.items);
  wit_pair *pair = find_pair(pairs, key);
  if (pair == NULL) {
    pair = &pairs.items[pairs.count++];
    pair->key = (wit_string){key, strlen(key)};
  }
  pair->value = (wit_string){value, strlen(value)};
  field->metadata = encode_metadata(pairs);
}

void sky_set_categories(struct ArrowSchema *field, const char *const *names, size_t count) {
  size_t length = 3;
  for (size_t at = 0; at < count; at++) length += 6 * strlen(names[at]) + 3;
  char *json = sky_arena_new(&sky_call, length), *to = json;
  *to++ = '[';
  for (size_t at = 0; at < count; at++) {
    if (at > 0) *to++ = ',';
    *to++ = '"';
    for (const char *byte = names[at]; *byte != '\0'; byte++) {
      if (*byte == '"' || *byte == '\\') *to++ = '\\';
      if ((unsigned char)*byte >= 0x20) {
        *to++ = *byte;
        continue;
      }
      memcpy(to, "\\u00", 4);
      to[4] = "0123456789abcdef"[*byte >> 4];
      to[5] = "0123456789abcdef"[*byte & 15];
      to += 6;
    }
    *to++ = '"';
  }
  *to = ']';
  sky_set_metadata(field, "categories", json);
}

// ── Trees ───────────────────────────────────────────────────────────────────────────────

static const char *text_of(wit_string text) {
  return sky_copy_text(&sky_call, text.bytes, text.length);
}

// All memory is the call's.
static void release(struct ArrowSchema *field) { field->release = NULL; }

// The field that comes first in what is left of `flat`, with all below it.
static struct ArrowSchema *take_field(wit_fields *flat) {
  struct ArrowSchema *field = sky_arena_new(&sky_call, sizeof *field);
  const wit_field *head = flat->items++;
  flat->count--;
  field->name = text_of(head->name);
  field->format = text_of(head->format);
  field->flags = head->nullable ? ARROW_FLAG_NULLABLE : 0;
  field->metadata = encode_metadata(head->metadata);
  field->release = release;
  if (head->dictionary) {
    field->dictionary = take_field(flat);
    return field;
  }
  field->n_children = head->children;
  field->children = sky_arena_array(&sky_call, head->children, sizeof *field->children);
  for (uint32_t at = 0; at < head->children; at++) field->children[at] = take_field(flat);
  return field;
}

sky_schema sky_schema_of(wit_fields fields) {
  sky_schema schema = {sky_arena_array(&sky_call, fields.count, sizeof *schema.items), 0};
  while (fields.count > 0) schema.items[schema.count++] = take_field(&fields);
  return schema;
}

static size_t count_fields(const struct ArrowSchema *field) {
  size_t count = field->dictionary == NULL ? 1 : 1 + count_fields(field->dictionary);
  for (int64_t at = 0; at < field->n_children; at++) count += count_fields(field->children[at]);
  return count;
}

static void put_field(const struct ArrowSchema *field, wit_field **to) {
  wit_field *head = (*to)++;
  head->name = sky_lower_text(field->name);
  head->format = sky_lower_text(field->format);
  head->nullable = (field->flags & ARROW_FLAG_NULLABLE) != 0;
  head->metadata = decode_metadata(field->metadata);
  head->dictionary = field->dictionary != NULL;
  head->children = head->dictionary ? 1 : (uint32_t)field->n_children;
  if (head->dictionary) put_field(field->dictionary, to);
  for (int64_t at = 0; at < field->n_children; at++) put_field(field->children[at], to);
}

wit_fields sky_flatten_schema(sky_schema schema) {
  wit_fields flat = {NULL, 0};
  for (size_t at = 0; at < schema.count; at++) flat.count += count_fields(schema.items[at]);
  flat.items = sky_arena_array(&sky_call, flat.count, sizeof *flat.items);
  wit_field *to = flat.items;
  for (size_t at = 0; at < schema.count; at++) put_field(schema.items[at], &to);
  return flat;
}

// ── Types ───────────────────────────────────────────────────────────────────────────────

bool sky_type_is_number(const struct ArrowSchema *field) {
  const char *format = field->format;
  return field->dictionary == NULL && strlen(format) == 1 && strchr("cCsSiIlLefg", *format) != NULL;
}

bool sky_type_is_text(const struct ArrowSchema *field) {
  const struct ArrowSchema *values = field->dictionary == NULL ? field : field->dictionary;
  return strcmp(values->format, "u") == 0 || strcmp(values->format, "U") == 0;
}

const struct ArrowSchema *sky_type_item(const struct ArrowSchema *field) {
  const char *format = field->format;
  const bool is_list = format[0] == '+' && strchr("lLw", format[1]) != NULL;
  return is_list && field->n_children == 1 ? field->children[0] : NULL;
}

const struct ArrowSchema *sky_type_member(const struct ArrowSchema *field, const char *name) {
  if (strcmp(field->format, "+s") != 0) return NULL;
  for (int64_t at = 0; at < field->n_children; at++) {
    if (strcmp(field->children[at]->name, name) == 0) return field->children[at];
  }
  return NULL;
}

const char *sky_type_name(const struct ArrowSchema *field) {
  static const char *const names[][2] = {
      {"n", "Null"},       {"b", "Boolean"},     {"c", "Int8"},    {"C", "UInt8"},
      {"s", "Int16"},      {"S", "UInt16"},      {"i", "Int32"},   {"I", "UInt32"},
      {"l", "Int64"},      {"L", "UInt64"},      {"e", "Float16"}, {"f", "Float32"},
      {"g", "Float64"},    {"u", "Utf8"},        {"U", "LargeUtf8"}, {"z", "Binary"},
      {"Z", "LargeBinary"}, {"tdD", "Date32"},   {"tdm", "Date64"}, {"+l", "List"},
      {"+L", "LargeList"}, {"+s", "Struct"},     {"+m", "Map"},
  };
  static const char *const prefixes[][2] = {
      {"ts", "Timestamp"}, {"tt", "Time"},           {"tD", "Duration"}, {"ti", "Interval"},
      {"d:", "Decimal"},   {"w:", "FixedSizeBinary"}, {"+w", "FixedSizeList"},
  };
  const size_t n_names = sizeof names / sizeof *names;
  const size_t n_prefixes = sizeof prefixes / sizeof *prefixes;
  if (field->dictionary != NULL) {
    const struct ArrowSchema keys = {.format = field->format};
    return sky_format("Dictionary(%s, %s)", sky_type_name(&keys), sky_type_name(field->dictionary));
  }
  for (size_t at = 0; at < n_names; at++) {
    if (strcmp(field->format, names[at][0]) == 0) return names[at][1];
  }
  for (size_t at = 0; at < n_prefixes; at++) {
    if (strncmp(field->format, prefixes[at][0], 2) == 0) return prefixes[at][1];
  }
  return field->format;
}
