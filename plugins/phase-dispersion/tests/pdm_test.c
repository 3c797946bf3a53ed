// cc -o pdm_test tests/pdm_test.c src/pdm.c -lm && ./pdm_test

#undef NDEBUG
#include <assert.h>
#include <math.h>

#include "../src/pdm.h"

enum { COUNT = 40 };

// One value in the middle of each of five bins of phase, eight times over.
static double fill(double *times, double *values) {
  for (int at = 0; at < COUNT; at++) {
    times[at] = at + 0.5;
    values[at] = at % 5;
  }
  return pdm_centre(values, COUNT);
}

static void what_repeats_exactly_has_no_scatter(void) {
  double times[COUNT], values[COUNT], frequency, theta;
  const double square_sum = fill(times, values);
  const pdm_binning binning = {.bins = 5, .covers = 1};
  assert(fabs(pdm_theta(times, values, COUNT, square_sum, &binning, 0.2)) < 1e-15);
  const pdm_grid grid = {0.15, 0.25, 0.01};
  assert(pdm_search(times, values, COUNT, square_sum, &binning, &grid, &frequency, &theta));
  assert(fabs(frequency - 0.2) < 1e-15 && fabs(theta) < 1e-15);
}

// In one bin, the scatter is that of all; two covers of one bin are the same bin twice.
static void one_bin_has_all_the_scatter(void) {
  double times[COUNT], values[COUNT];
  const double square_sum = fill(times, values);
  for (int covers = 1; covers <= 3; covers++) {
    const pdm_binning binning = {.bins = 1, .covers = covers};
    assert(fabs(pdm_theta(times, values, COUNT, square_sum, &binning, 0.37) - 1) < 1e-14);
  }
}

// Two bins with values 0, 2 and 1, 3: s² = (2 + 2) / 2, σ² = 5 / 3.
static void theta_is_the_pooled_variance_over_that_of_all(void) {
  const double times[] = {0.1, 0.6, 1.1, 1.6};
  double values[] = {0, 1, 2, 3};
  const double square_sum = pdm_centre(values, 4);
  assert(square_sum == 5);
  pdm_binning binning = {.bins = 2, .covers = 1};
  assert(fabs(pdm_theta(times, values, 4, square_sum, &binning, 1) - 1.2) < 1e-15);
  // From another epoch, 0.6 and 1.6 come first: the bins are the same.
  binning.epoch = 0.5;
  assert(fabs(pdm_theta(times, values, 4, square_sum, &binning, 1) - 1.2) < 1e-15);
}

static void bins_of_one_value_say_nothing(void) {
  const double times[] = {0.1, 0.6};
  double values[] = {0, 1}, frequency, theta;
  const double square_sum = pdm_centre(values, 2);
  const pdm_binning binning = {.bins = 2, .covers = 1};
  const pdm_grid grid = {1, 1, 1};
  assert(isnan(pdm_theta(times, values, 2, square_sum, &binning, 1)));
  assert(!pdm_search(times, values, 2, square_sum, &binning, &grid, &frequency, &theta));
}

static void grids_have_both_ends(void) {
  const pdm_grid grids[] = {{0, 1, 0.1}, {0.1, 0.7, 0.1}, {2, 2, 1}, {1, 2, 0.3}};
  const double sizes[] = {11, 7, 1, 4};
  for (int at = 0; at < 4; at++) assert(pdm_grid_size(&grids[at]) == sizes[at]);
}

int main(void) {
  what_repeats_exactly_has_no_scatter();
  one_bin_has_all_the_scatter();
  theta_is_the_pooled_variance_over_that_of_all();
  bins_of_one_value_say_nothing();
  grids_have_both_ends();
  return 0;
}
