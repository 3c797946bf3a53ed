// cc -o signal_test tests/signal_test.c src/signal.c -lm && ./signal_test

#undef NDEBUG
#include <assert.h>
#include <math.h>

#include "../src/signal.h"

static void the_ratio_is_of_value_and_error(void) {
  double ratio;
  assert(signal_to_noise(10, 2, &ratio) && ratio == 5);
  assert(signal_to_noise(-1, 2, &ratio) && ratio == -0.5);
}

static void without_a_good_error_there_is_none(void) {
  double ratio;
  assert(!signal_to_noise(1, 0, &ratio));
  assert(!signal_to_noise(1, -1, &ratio));
  assert(!signal_to_noise(1, NAN, &ratio));
  assert(!signal_to_noise(NAN, 1, &ratio));
  assert(!signal_to_noise(INFINITY, 1, &ratio));
}

int main(void) {
  the_ratio_is_of_value_and_error();
  without_a_good_error_there_is_none();
  return 0;
}
