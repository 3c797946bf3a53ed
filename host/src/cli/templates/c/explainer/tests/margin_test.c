// cc -o margin_test tests/margin_test.c src/margin.c -lm && ./margin_test

#undef NDEBUG
#include <assert.h>
#include <float.h>
#include <math.h>

#include "../src/margin.h"

static void check(double value, double width, double expected) {
  double margin;
  assert(margin_of(value, 2, width, &margin) && margin == expected);
}

static void margins_are_counted_from_the_threshold(void) {
  check(1.5, 0, -0.5);
  check(2, 0, 0);
  check(3, 0, 1);
}

static void a_width_is_their_unit(void) {
  check(1.5, 0.5, -1);
  check(3, 0.5, 2);
}

static void without_a_number_there_is_none(void) {
  double margin;
  assert(!margin_of(NAN, 2, 0.5, &margin));
  assert(!margin_of(INFINITY, 2, 0.5, &margin));
  assert(!margin_of(DBL_MAX, 2, 0.5, &margin));
}

int main(void) {
  margins_are_counted_from_the_threshold();
  a_width_is_their_unit();
  without_a_number_there_is_none();
  return 0;
}
