#include "pdm.h"

#include <math.h>
#include <string.h>

double pdm_grid_size(const pdm_grid *grid) {
  // Half a thousandth of a step more, so that rounding does not lose the last frequency.
  return floor((grid->max - grid->min) / grid->step + 0.0005) + 1;
}

double pdm_centre(double *values, size_t count) {
  double sum = 0, square_sum = 0;
  for (size_t at = 0; at < count; at++) sum += values[at];
  const double mean = sum / (double)count;
  for (size_t at = 0; at < count; at++) {
    values[at] -= mean;
    square_sum += values[at] * values[at];
  }
  return square_sum;
}

typedef struct {
  double count, sum, square_sum;
} moments;

double pdm_theta(const double *times, const double *values, size_t count, double square_sum,
                 const pdm_binning *binning, double frequency) {
  // A bin of any cover is `covers` neighbouring cells.
  const int cells = binning->bins * binning->covers;
  moments cell[PDM_MAX_BINS * PDM_MAX_COVERS];
  memset(cell, 0, (size_t)cells * sizeof *cell);
  for (size_t at = 0; at < count; at++) {
    const double turns = (times[at] - binning->epoch) * frequency;
    const int index = (int)((turns - floor(turns)) * cells);
    // A phase just below 1 can round to 1.
    moments *in = &cell[index < cells ? index : cells - 1];
    in->count += 1;
    in->sum += values[at];
    in->square_sum += values[at] * values[at];
  }
  double scatter = 0, freedom = 0;
  for (int first = 0; first < cells; first++) {
    moments bin = {0, 0, 0};
    for (int offset = 0; offset < binning->covers; offset++) {
      const moments *part = &cell[(first + offset) % cells];
      bin.count += part->count;
      bin.sum += part->sum;
      bin.square_sum += part->square_sum;
    }
    if (bin.count < 2) continue;
    // Rounding must not make a variance negative.
    scatter += fmax(bin.square_sum - bin.sum * bin.sum / bin.count, 0);
    freedom += bin.count - 1;
  }
  return scatter / freedom / (square_sum / ((double)count - 1));
}

bool pdm_search(const double *times, const double *values, size_t count, double square_sum,
                const pdm_binning *binning, const pdm_grid *grid, double *frequency,
                double *theta) {
  const double size = pdm_grid_size(grid);
  bool found = false;
  for (double step = 0; step < size; step++) {
    const double tried = grid->min + step * grid->step;
    const double result = pdm_theta(times, values, count, square_sum, binning, tried);
    if (isnan(result) || (found && result >= *theta)) continue;
    *frequency = tried;
    *theta = result;
    found = true;
  }
  return found;
}
