// Heavy numerical routines that the host lends to plugins: at native speed, on all cores that
// idle. A plugin that calls none of them imports none.
//
// What they give lives as long as `batch`; where that is NULL, as long as the call. What does not
// fit is an error that says what is wrong with it.
#ifndef SKYLOOM_KERNELS_H
#define SKYLOOM_KERNELS_H

#include "skyloom.h"

// Light curves behind each other, as Arrow lays out lists.
typedef struct {
  size_t count;             // of light curves
  const uint32_t *offsets;  // where each begins, and at last the number of points
  const double *times;      // days, finite, in any order
  const double *values;     // finite
  const double *errors;     // 1σ, positive and finite; NULL where all points weigh the same
  const uint8_t *bands;     // of each point; NULL where all are of one
} sky_curves;

// Frequencies, in cycles per day.
typedef struct {
  bool is_fitting;
  double minimum, step;
  uint32_t count;
  double samples_per_peak, maximum;
} sky_frequencies;

// `minimum`, `minimum + step`, …
static inline sky_frequencies sky_grid(double minimum, double step, uint32_t count) {
  return (sky_frequencies){.minimum = minimum, .step = step, .count = count};
}

// Those that suit the time span of each light curve: so many in a peak, whose width is one over
// the time span. A `minimum` of 0 means half a step.
static inline sky_frequencies sky_resolution(double samples_per_peak, double minimum,
                                             double maximum) {
  return (sky_frequencies){.is_fitting = true, .samples_per_peak = samples_per_peak,
                           .minimum = minimum, .maximum = maximum};
}

// For each light curve as many peaks as were asked for, the best first; NaN where there are fewer.
typedef struct {
  size_t count;               // in all
  const double *frequencies;  // cycles per day
  const double *values;       // what the method measures: the power, the entropy, the dispersion
  // How often noise alone has a peak as high (Baluev 2008), of sky_lomb_scargle; NaN with several
  // bands. NULL of the others.
  const double *false_alarm_probabilities;
} sky_peaks;

// The highest peaks of the generalised Lomb–Scargle periodogram, with a floating mean and a power
// in 0..1; with bands, one sinusoid and mean for each. Zechmeister & Kürster 2009,
// doi:10.1051/0004-6361:200811296; VanderPlas & Ivezić 2015, doi:10.1088/0004-637X/812/1/18.
sky_error *sky_lomb_scargle(sky_batch *batch, const sky_curves *curves,
                            sky_frequencies frequencies, uint32_t peaks, sky_peaks *found);
// The lowest minima of the conditional entropy of the folded light curve, in nats. Graham et al.
// 2013, doi:10.1093/mnras/stt1264.
sky_error *sky_conditional_entropy(sky_batch *batch, const sky_curves *curves,
                                   sky_frequencies frequencies, uint32_t phase_bins,
                                   uint32_t value_bins, uint32_t peaks, sky_peaks *found);
// The lowest minima of the phase dispersion, over `bins` phase bins, `covers` times. Stellingwerf
// 1978, doi:10.1086/156444.
sky_error *sky_phase_dispersion(sky_batch *batch, const sky_curves *curves,
                                sky_frequencies frequencies, uint32_t bins, uint32_t covers,
                                uint32_t peaks, sky_peaks *found);
// Phases in 0..1 of times in days, 0 at `epoch`: as many as times.
sky_error *sky_phase_fold(sky_batch *batch, const double *times, size_t count, double period,
                          double epoch, const double **phases);
// For each light curve, how many pairs of points differ by so much in time and value: time bins
// by value bins. Edges rise. Mahabal et al. 2017, doi:10.1109/SSCI.2017.8280984.
sky_error *sky_pairwise_histogram(sky_batch *batch, const sky_curves *curves,
                                  const double *time_edges, size_t n_time_edges,
                                  const double *value_edges, size_t n_value_edges,
                                  const uint32_t **counts, size_t *n_counts);
// The `count` nearest of `known` to each of `queries`: rows of `dimensions` numbers. `indices` are
// rows of `known`, the nearest first, of equally near ones the earlier first; distances are Euclidean.
sky_error *sky_knn(sky_batch *batch, const double *known, size_t n_known, const double *queries,
                   size_t n_queries, uint32_t dimensions, uint32_t count,
                   const uint32_t **indices, const double **distances, size_t *n_found);

#define SKY_LEAF UINT32_MAX  // in place of a feature

// Decision trees, node by node. To the left go values up to and including the threshold.
typedef struct {
  size_t n_trees, n_nodes;
  const uint32_t *offsets;       // where each tree begins, and at last the number of nodes
  const uint32_t *features;      // that a node tests; SKY_LEAF in a leaf
  const double *thresholds;      // not NaN
  const uint32_t *lefts;         // children, counted from the tree's first node,
  const uint32_t *rights;        // and after their parent
  const uint8_t *missing_left;   // 1 where missing values go to the left
  const double *covers;          // weight of the training rows; NULL if nothing is explained
  const double *values;          // of each node; only those of leaves count
  size_t n_values;
  const uint32_t *class_of_tree; // NULL where leaves have a value for every class
  bool is_sum;                   // of the trees' answers; else their mean
  uint32_t width, classes;       // numbers in a row, and in an answer
} sky_trees;

// Trees, checked and packed once for many calls; they live as long as the call.
typedef struct { int32_t handle; } sky_forest;

sky_error *sky_forest_pack(const sky_trees *trees, sky_forest *forest);
// Of each row (NaN where a value is missing) the value of each class. `count` numbers in all rows.
sky_error *sky_forest_predict(sky_batch *batch, sky_forest forest, const double *rows,
                              size_t count, const double **values, size_t *n_values);
// Of each row the Shapley value of each feature for each class, class by class; needs covers.
// Path-dependent TreeSHAP, Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9.
sky_error *sky_forest_shap(sky_batch *batch, sky_forest forest, const double *rows, size_t count,
                           const double **values, size_t *n_values);

#endif
