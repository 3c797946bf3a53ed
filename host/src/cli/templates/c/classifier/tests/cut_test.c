// cc -o cut_test tests/cut_test.c src/cut.c -lm && ./cut_test

#undef NDEBUG
#include <assert.h>
#include <math.h>

#include "../src/cut.h"

static void check(double value, double width, double expected) {
  double probability;
  assert(probability_above(value, 2, width, &probability) && probability == expected);
}

static void a_sharp_cut_knows_no_doubt(void) {
  check(1.9, 0, 0);
  check(2, 0, 1);
  check(INFINITY, 0, 1);
}

static void a_blurred_cut_is_even_at_the_threshold(void) {
  check(1, 0.5, 0);
  check(1.75, 0.5, 0.25);
  check(2, 0.5, 0.5);
  check(3, 0.5, 1);
  check(-INFINITY, 0.5, 0);
}

static void without_a_number_there_is_none(void) {
  double probability;
  assert(!probability_above(NAN, 2, 0, &probability));
  assert(!probability_above(NAN, 2, 0.5, &probability));
}

int main(void) {
  a_sharp_cut_knows_no_doubt();
  a_blurred_cut_is_even_at_the_threshold();
  without_a_number_there_is_none();
  return 0;
}
