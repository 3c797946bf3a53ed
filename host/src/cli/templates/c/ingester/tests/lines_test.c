// cc -o lines_test tests/lines_test.c src/lines.c && ./lines_test

#undef NDEBUG
#include <assert.h>
#include <math.h>
#include <string.h>

#include "../src/lines.h"

static const char *const missing[] = {"-"};

static lines new_lines(void) {
  return (lines){.comment = "#", .missing = missing, .n_missing = 1, .columns = 2};
}

// Adds the words of `pieces` to `found`, each in brackets; says how it ended.
static bool take(const char *const *pieces, char *found, line_error *error) {
  lines in = new_lines();
  rows out = {0};
  found[0] = '\0';
  for (; *pieces != NULL; pieces++) {
    const bool is_last = pieces[1] == NULL;
    if (!lines_take(&in, (const uint8_t *)*pieces, strlen(*pieces), is_last, &out, error)) {
      return false;
    }
    for (size_t at = 0; at < out.count; at++) {
      strcat(found, "[");
      if (out.words[at].bytes != NULL) strncat(found, out.words[at].bytes, out.words[at].length);
      strcat(found, "]");
    }
  }
  return true;
}

static void fields_are_words(void) {
  char found[99];
  line_error error;
  const char *const whole[] = {"# star mag\n\n a   1.5\r\nb\t-\n", NULL};
  assert(take(whole, found, &error) && strcmp(found, "[a][1.5][b][]") == 0);
  // Wherever the text is cut, and without the last newline; a no-break space is a space.
  const char *const cut[] = {"# star", " mag\n\n a  ", " 1.5\r", "\nb\xc2\xa0-", NULL};
  assert(take(cut, found, &error) && strcmp(found, "[a][1.5][b][]") == 0);
}

static void a_bad_line_is_named(void) {
  char found[99];
  line_error error;
  const char *const ragged[] = {"a 1\n# x\nb 2", " 3\n", NULL};
  assert(!take(ragged, found, &error));
  assert(error.kind == LINE_RAGGED && error.line == 3 && error.found == 3 && error.expected == 2);
  const char *const latin[] = {"a 1\n\xe9toile 2\n", NULL};
  assert(!take(latin, found, &error) && error.kind == LINE_NOT_UTF8 && error.line == 2);
}

static void numbers_are_told_from_text(void) {
  const struct { const char *text; double number; } numbers[] = {
      {"1", 1}, {"-1e3", -1000}, {".5", 0.5}, {"5.", 5}, {"+2.5E-1", 0.25}, {"-inf", -INFINITY},
  };
  double number;
  for (size_t at = 0; at < sizeof numbers / sizeof *numbers; at++) {
    const word field = {numbers[at].text, strlen(numbers[at].text)};
    assert(word_number(field, &number) && number == numbers[at].number);
  }
  assert(word_number((word){"NaN", 3}, &number) && isnan(number));
  const char *const texts[] = {"x", "", "1e", "0x10", "nan(1)", "1_0", ".", "-"};
  for (size_t at = 0; at < sizeof texts / sizeof *texts; at++) {
    assert(!word_number((word){texts[at], strlen(texts[at])}, &number));
  }
}

int main(void) {
  fields_are_words();
  a_bad_line_is_named();
  numbers_are_told_from_text();
  return 0;
}
