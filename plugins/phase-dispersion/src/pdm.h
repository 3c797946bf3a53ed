// Phase dispersion minimisation (Stellingwerf 1978, ApJ 224, 953, doi:10.1086/156444).
#ifndef PDM_H
#define PDM_H

#include <stdbool.h>
#include <stddef.h>

#define PDM_MAX_BINS 200
#define PDM_MAX_COVERS 20

// How phases are binned: `covers` sets of `bins` bins of width 1 / bins, each set shifted by
// 1 / (bins · covers) against the one before. Phase 0 is at `epoch`, in the unit of the times.
typedef struct {
  int bins, covers;
  double epoch;
} pdm_binning;

// Frequencies from `min` to `max` in steps of `step`, all per unit of time.
typedef struct {
  double min, max, step;
} pdm_grid;

// How many frequencies are in the grid.
double pdm_grid_size(const pdm_grid *grid);

// Makes the mean of `count` values 0, and gives the sum of their squares then: what `pdm_theta`
// and `pdm_search` want.
double pdm_centre(double *values, size_t count);

// Stellingwerf's Θ = s² / σ² at one frequency: the pooled variance of the values in the bins,
// over that of all of them. Near 1 without a period, near 0 at the true one. Bins that are
// empty do not count.
//
// `values` are centred, and `square_sum`, which is positive, is the sum of their squares. NaN
// where no bin has two values.
double pdm_theta(const double *times, const double *values, size_t count, double square_sum,
                 const pdm_binning *binning, double frequency);

// The frequency of the grid with the least Θ, the lowest of those that are equal. False where
// Θ is nowhere a number.
bool pdm_search(const double *times, const double *values, size_t count, double square_sum,
                const pdm_binning *binning, const pdm_grid *grid, double *frequency,
                double *theta);

#endif
