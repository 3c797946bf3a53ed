// Parameters: JSON as RFC 8259 has it and nothing more, nested to a bounded depth.

#include <stdlib.h>
#include <string.h>

#include "abi.h"

#define MAX_DEPTH 32

typedef enum { JSON_NULL, JSON_FLAG, JSON_NUMBER, JSON_TEXT, JSON_LIST, JSON_OBJECT } json_kind;

struct sky_json {
  json_kind kind;
  bool flag;
  double number;
  const char *text;
  const char **names;  // of an object's members
  sky_json *items;
  size_t count, room;
};

// `at` never passes the zero that ends the text.
typedef struct {
  const char *at;
  const char *wrong;
} json_reader;

static bool fail(json_reader *reader, const char *wrong) {
  if (reader->wrong == NULL) reader->wrong = wrong;
  return false;
}

static void skip_space(json_reader *reader) {
  while (*reader->at != '\0' && strchr(" \t\r\n", *reader->at) != NULL) reader->at++;
}

static bool take(json_reader *reader, char wanted) {
  skip_space(reader);
  if (*reader->at != wanted) return false;
  reader->at++;
  return true;
}

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

static bool read_digits(json_reader *reader) {
  if (!is_digit(*reader->at)) return fail(reader, "a digit is missing");
  while (is_digit(*reader->at)) reader->at++;
  return true;
}

static bool read_number(json_reader *reader, sky_json *value) {
  const char *start = reader->at;
  if (*reader->at == '-') reader->at++;
  if (*reader->at == '0') {
    reader->at++;
  } else if (!read_digits(reader)) {
    return false;
  }
  if (*reader->at == '.') {
    reader->at++;
    if (!read_digits(reader)) return false;
  }
  if (*reader->at == 'e' || *reader->at == 'E') {
    reader->at++;
    if (*reader->at == '+' || *reader->at == '-') reader->at++;
    if (!read_digits(reader)) return false;
  }
  value->kind = JSON_NUMBER;
  value->number = strtod(start, NULL);
  return true;
}

static bool read_unit(json_reader *reader, uint32_t *unit) {
  *unit = 0;
  for (int at = 0; at < 4; at++) {
    const char byte = *reader->at;
    uint32_t digit;
    if (is_digit(byte)) digit = (uint32_t)(byte - '0');
    else if (byte >= 'a' && byte <= 'f') digit = (uint32_t)(byte - 'a' + 10);
    else if (byte >= 'A' && byte <= 'F') digit = (uint32_t)(byte - 'A' + 10);
    else return fail(reader, "\\u needs four hexadecimal digits");
    *unit = *unit << 4 | digit;
    reader->at++;
  }
  return true;
}

static char *write_utf8(char *to, uint32_t point) {
  if (point < 0x80) {
    *to++ = (char)point;
  } else if (point < 0x800) {
    *to++ = (char)(0xc0 | point >> 6);
    *to++ = (char)(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    *to++ = (char)(0xe0 | point >> 12);
    *to++ = (char)(0x80 | (point >> 6 & 0x3f));
    *to++ = (char)(0x80 | (point & 0x3f));
  } else {
    *to++ = (char)(0xf0 | point >> 18);
    *to++ = (char)(0x80 | (point >> 12 & 0x3f));
    *to++ = (char)(0x80 | (point >> 6 & 0x3f));
    *to++ = (char)(0x80 | (point & 0x3f));
  }
  return to;
}

static bool read_escape(json_reader *reader, char **to) {
  static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  const char letter = *reader->at;
  if (letter == 'u') {
    reader->at++;
    uint32_t point, low;
    if (!read_unit(reader, &point)) return false;
    if (point >= 0xd800 && point < 0xdc00) {
      if (reader->at[0] != '\\' || reader->at[1] != 'u') return fail(reader, "half a surrogate pair");
      reader->at += 2;
      if (!read_unit(reader, &low)) return false;
      if (low < 0xdc00 || low > 0xdfff) return fail(reader, "half a surrogate pair");
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    } else if (point >= 0xdc00 && point < 0xe000) {
      return fail(reader, "half a surrogate pair");
    }
    // Texts end with a zero here.
    if (point == 0) return fail(reader, "\\u0000 is in a text; leave it out");
    *to = write_utf8(*to, point);
    return true;
  }
  const char *known = letter == '\0' ? NULL : strchr(escapes, letter);
  if (known == NULL) return fail(reader, "an unknown escape");
  *(*to)++ = meant[known - escapes];
  reader->at++;
  return true;
}

static const char *read_text(json_reader *reader) {
  // What is written is never longer than how it is written.
  const char *end = reader->at;
  while (*end != '\0' && *end != '"') end += *end == '\\' && end[1] != '\0' ? 2 : 1;
  char *text = sky_arena_new(&sky_call, (size_t)(end - reader->at) + 1), *to = text;
  while (*reader->at != '"') {
    const unsigned char byte = (unsigned char)*reader->at;
    if (byte < 0x20) {
      fail(reader, byte == '\0' ? "a text does not end" : "a control character in a text");
      return NULL;
    }
    reader->at++;
    if (byte != '\\') *to++ = (char)byte;
    else if (!read_escape(reader, &to)) return NULL;
  }
  reader->at++;
  return text;
}

static bool read_value(json_reader *reader, sky_json *value, int depth);

static sky_json *push(sky_json *to, const char *name) {
  if (to->count == to->room) {
    to->room = to->room == 0 ? 8 : to->room * 2;
    sky_json *items = sky_arena_array(&sky_call, to->room, sizeof *items);
    const char **names = sky_arena_array(&sky_call, to->room, sizeof *names);
    if (to->count > 0) {
      memcpy(items, to->items, to->count * sizeof *items);
      memcpy(names, to->names, to->count * sizeof *names);
    }
    to->items = items;
    to->names = names;
  }
  to->names[to->count] = name;
  return &to->items[to->count++];
}

static bool read_members(json_reader *reader, sky_json *value, char end, int depth) {
  if (take(reader, end)) return true;
  do {
    const char *name = NULL;
    if (value->kind == JSON_OBJECT) {
      if (!take(reader, '"')) return fail(reader, "a member has no name");
      name = read_text(reader);
      if (name == NULL) return false;
      if (sky_json_member(value, name) != NULL) return fail(reader, "one name stands twice");
      if (!take(reader, ':')) return fail(reader, "`:` is missing");
    }
    if (!read_value(reader, push(value, name), depth)) return false;
  } while (take(reader, ','));
  return take(reader, end) || fail(reader, "a list or object does not end");
}

static bool read_word(json_reader *reader, const char *word) {
  const size_t length = strlen(word);
  if (strncmp(reader->at, word, length) != 0) return fail(reader, "no value");
  reader->at += length;
  return true;
}

static bool read_value(json_reader *reader, sky_json *value, int depth) {
  memset(value, 0, sizeof *value);
  if (depth == MAX_DEPTH) return fail(reader, "it is nested too deeply");
  skip_space(reader);
  switch (*reader->at) {
    case '{':
      reader->at++;
      value->kind = JSON_OBJECT;
      return read_members(reader, value, '}', depth + 1);
    case '[':
      reader->at++;
      value->kind = JSON_LIST;
      return read_members(reader, value, ']', depth + 1);
    case '"':
      reader->at++;
      value->kind = JSON_TEXT;
      value->text = read_text(reader);
      return value->text != NULL;
    case 't':
      value->kind = JSON_FLAG;
      value->flag = true;
      return read_word(reader, "true");
    case 'f':
      value->kind = JSON_FLAG;
      return read_word(reader, "false");
    case 'n':
      return read_word(reader, "null");
    default:
      return read_number(reader, value);
  }
}

sky_error *sky_json_parse(const char *text, size_t length, const sky_json **value) {
  json_reader reader = {.at = sky_copy_text(&sky_call, text, length)};
  const char *end = reader.at + length;
  sky_json *root = sky_arena_new(&sky_call, sizeof *root);
  if (read_value(&reader, root, 0)) {
    skip_space(&reader);
    if (reader.at != end) fail(&reader, "something follows the end");
  }
  if (reader.wrong != NULL) return sky_param_error("", "not JSON: %s", reader.wrong);
  *value = root;
  return NULL;
}

// ── What is in it ───────────────────────────────────────────────────────────────────────

const sky_json *sky_json_member(const sky_json *object, const char *name) {
  if (object == NULL || object->kind != JSON_OBJECT) return NULL;
  for (size_t at = 0; at < object->count; at++) {
    if (strcmp(object->names[at], name) == 0) return &object->items[at];
  }
  return NULL;
}

size_t sky_json_count(const sky_json *value) { return value == NULL ? 0 : value->count; }

const sky_json *sky_json_item(const sky_json *list, size_t index) {
  return index < sky_json_count(list) ? &list->items[index] : NULL;
}

const char *sky_json_text(const sky_json *value) { return value == NULL ? NULL : value->text; }

bool sky_json_number(const sky_json *value, double *number) {
  if (value == NULL || value->kind != JSON_NUMBER) return false;
  *number = value->number;
  return true;
}

static bool is_absent(const sky_json *params, const char *name) {
  const sky_json *value = sky_json_member(params, name);
  return value == NULL || value->kind == JSON_NULL;
}

sky_error *sky_param_text(const sky_json *params, const char *name, const char **value) {
  const char *text = sky_json_text(sky_json_member(params, name));
  if (text == NULL) return sky_param_error(name, "should be text");
  *value = text;
  return NULL;
}

sky_error *sky_param_optional_text(const sky_json *params, const char *name, const char **value) {
  return is_absent(params, name) ? NULL : sky_param_text(params, name, value);
}

sky_error *sky_param_number(const sky_json *params, const char *name, double *value) {
  const bool is_number = sky_json_number(sky_json_member(params, name), value);
  return is_number ? NULL : sky_param_error(name, "should be a number");
}

sky_error *sky_param_optional_number(const sky_json *params, const char *name, double *value) {
  return is_absent(params, name) ? NULL : sky_param_number(params, name, value);
}

sky_error *sky_param_integer(const sky_json *params, const char *name, int64_t *value) {
  double number;
  SKY_TRY(sky_param_number(params, name, &number));
  // Beyond 2^53 a double does not tell integers apart.
  const bool is_whole = number >= -0x1p53 && number <= 0x1p53 && number == (double)(int64_t)number;
  if (!is_whole) return sky_param_error(name, "should be an integer, at most 2^53");
  *value = (int64_t)number;
  return NULL;
}

sky_error *sky_param_flag(const sky_json *params, const char *name, bool *value) {
  const sky_json *found = sky_json_member(params, name);
  if (found == NULL || found->kind != JSON_FLAG) {
    return sky_param_error(name, "should be true or false");
  }
  *value = found->flag;
  return NULL;
}

sky_error *sky_param_texts(const sky_json *params, const char *name, sky_texts *value) {
  const sky_json *list = sky_json_member(params, name);
  if (list == NULL || list->kind != JSON_LIST) return sky_param_error(name, "should be a list");
  value->count = list->count;
  value->items = sky_arena_array(&sky_call, list->count, sizeof *value->items);
  for (size_t at = 0; at < list->count; at++) {
    value->items[at] = list->items[at].text;
    if (value->items[at] == NULL) return sky_param_error(name, "should be a list of texts");
  }
  return NULL;
}
