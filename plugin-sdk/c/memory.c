// Memory that lives and dies together, and errors, which live as long as the call.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"

sky_arena sky_call;

// What the host writes into the guest it asks for here. Memory from malloc is aligned to 16
// bytes, which is more than the contract promises: numbers can be used where they lie.
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size,
                                                                size_t align, size_t new_size) {
  (void)old_size;
  if (new_size == 0) return (void *)align;
  void *block = realloc(old, new_size);
  if (block == NULL) __builtin_trap();
  return block;
}

void sky_arena_adopt(sky_arena *arena, void *block) {
  if (arena->count == arena->room) {
    arena->room = arena->room == 0 ? 16 : arena->room * 2;
    arena->blocks = realloc(arena->blocks, arena->room * sizeof *arena->blocks);
    if (arena->blocks == NULL) __builtin_trap();
  }
  arena->blocks[arena->count++] = block;
}

void *sky_arena_new(sky_arena *arena, size_t bytes) {
  void *block = calloc(1, bytes == 0 ? 1 : bytes);
  if (block == NULL) {
    static const char message[] = "it ran out of memory; give it more with `resources: {memory: …}`";
    host_log(2, message, sizeof message - 1);
    __builtin_trap();
  }
  sky_arena_adopt(arena, block);
  return block;
}

void *sky_arena_array(sky_arena *arena, size_t count, size_t size) {
  size_t bytes;
  return sky_arena_new(arena, __builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes);
}

void sky_arena_free(sky_arena *arena) {
  for (size_t at = 0; at < arena->count; at++) free(arena->blocks[at]);
  arena->count = 0;
}

char *sky_copy_text(sky_arena *arena, const char *bytes, size_t length) {
  char *text = sky_arena_new(arena, length + 1);
  if (length > 0) memcpy(text, bytes, length);
  return text;
}

// Bytes of the character at `text`, which a zero ends; 0 where it is not UTF-8.
static size_t character(const unsigned char *text) {
  const unsigned char first = text[0], second = first < 0xc2 ? 0 : text[1];
  const size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  for (size_t at = 1; at < length; at++) {
    if ((text[at] & 0xc0) != 0x80) return 0;
  }
  // Longer than need be, a surrogate, or beyond the last.
  const bool is_wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return is_wrong ? 0 : length;
}

wit_string sky_lower_text(const char *text) {
  if (text == NULL) return (wit_string){"", 0};
  const size_t length = strlen(text);
  char *mended = NULL;
  for (size_t at = 0; at < length;) {
    const size_t bytes = character((const unsigned char *)text + at);
    if (bytes == 0) {
      if (mended == NULL) mended = sky_copy_text(&sky_call, text, length);
      mended[at] = '?';
    }
    at += bytes == 0 ? 1 : bytes;
  }
  return (wit_string){mended == NULL ? text : mended, length};
}

// ── Errors ──────────────────────────────────────────────────────────────────────────────

static char *format_text(const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  const int length = vsnprintf(NULL, 0, format, arguments);
  char *text = sky_arena_new(&sky_call, length < 0 ? 1 : (size_t)length + 1);
  if (length > 0) vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  return text;
}

static sky_error *error_of(sky_kind kind, const char *message) {
  sky_error *error = sky_arena_new(&sky_call, sizeof *error);
  error->kind = kind;
  error->message = message;
  return error;
}

#define FORMATTED(text, format)      \
  va_list arguments;                 \
  va_start(arguments, format);       \
  char *text = format_text(format, arguments); \
  va_end(arguments)

char *sky_format(const char *format, ...) {
  FORMATTED(text, format);
  return text;
}

sky_error *sky_param_error(const char *param, const char *format, ...) {
  FORMATTED(text, format);
  sky_error *error = error_of(SKY_PARAM, text);
  error->param = param;
  return error;
}

sky_error *sky_data_error(const char *format, ...) {
  FORMATTED(text, format);
  return error_of(SKY_DATA, text);
}

sky_error *sky_failed(const char *format, ...) {
  FORMATTED(text, format);
  return error_of(SKY_FAILED, text);
}

sky_error *sky_column_error(sky_kind kind, const char *input, const char *column,
                            const char *param, const char *expected, const char *found) {
  sky_error *error = error_of(kind, "");
  error->input = input;
  error->column = column;
  error->param = param;
  error->expected = expected;
  error->found = found;
  return error;
}

// The host's refusal, in its own words.
sky_error *sky_host_error(const wit_io_error *error) {
  return error_of(SKY_FAILED, sky_copy_text(&sky_call, error->message.bytes, error->message.length));
}

static void tell(int32_t level, const char *message) {
  const wit_string text = sky_lower_text(message);
  host_log(level, text.bytes, text.length);
}

void sky_warn(const char *message) { tell(2, message); }
void sky_info(const char *message) { tell(1, message); }
void sky_progress(uint64_t done, uint64_t total) { host_progress(done, total); }
