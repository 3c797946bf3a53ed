// What the host lends: arguments as the canonical ABI lays them out, and answers taken over.

#include "skyloom_kernels.h"

#include "abi.h"

// ── Records ─────────────────────────────────────────────────────────────────────────────

typedef struct {
  wit_bytes offsets, times, values;
  wit_optional_bytes errors, bands;
} wit_curves;

typedef struct {
  uint8_t kind;
  union {
    struct { double minimum, step; uint32_t count; } fixed;
    struct {
      double samples_per_peak;
      struct { bool some; double value; } minimum;
      double maximum;
    } fitting;
  };
} wit_frequencies;
enum { WIT_FIXED, WIT_FITTING };

// All that a search is asked; how many of the numbers depends on the method.
typedef struct {
  wit_curves curves;
  wit_frequencies frequencies;
  uint32_t numbers[3];
} wit_search;

typedef struct {
  wit_bytes offsets, features, thresholds, lefts, rights, missing_left, covers, values;
  struct { bool of_one_class; wit_bytes classes; } leaves;
  bool is_sum;
  uint32_t width, classes;
} wit_trees;

// The thing, or words.
typedef struct {
  bool failed;
  union {
    struct { wit_bytes frequencies, values, probabilities; } peaks;
    struct { wit_bytes indices, distances; } neighbours;
    wit_bytes bytes;
    int32_t forest;
    wit_string words;
  };
} wit_answer;

_Static_assert(sizeof(wit_curves) == 48, "curves");
_Static_assert(sizeof(wit_frequencies) == 40, "frequencies");
_Static_assert(offsetof(wit_search, numbers) == 88, "a search");
_Static_assert(sizeof(wit_trees) == 88 && offsetof(wit_trees, width) == 80, "trees");
_Static_assert(offsetof(wit_answer, peaks) == 4, "an answer");

// ── The host's functions ────────────────────────────────────────────────────────────────

#define SKY_KERNEL(name) \
  __attribute__((import_module("skyloom:plugin/kernels@0.1.0"), import_name(name)))

SKY_KERNEL("lomb-scargle") void host_lomb_scargle(const wit_search *search, wit_answer *answer);
SKY_KERNEL("conditional-entropy")
void host_conditional_entropy(const wit_search *search, wit_answer *answer);
SKY_KERNEL("phase-dispersion")
void host_phase_dispersion(const wit_search *search, wit_answer *answer);
SKY_KERNEL("phase-fold")
void host_phase_fold(const void *times, size_t length, double period, double epoch,
                     wit_answer *answer);
SKY_KERNEL("pairwise-histogram")
void host_pairwise_histogram(const void *offsets, size_t n_offsets, const void *times,
                             size_t n_times, const void *values, size_t n_values,
                             int32_t has_errors, const void *errors, size_t n_errors,
                             int32_t has_bands, const void *bands, size_t n_bands,
                             const void *time_edges, size_t n_time_edges, const void *value_edges,
                             size_t n_value_edges, wit_answer *answer);
SKY_KERNEL("knn")
void host_knn(const void *known, size_t n_known, const void *queries, size_t n_queries,
              uint32_t dimensions, uint32_t count, wit_answer *answer);
SKY_KERNEL("[static]forest.pack")
void host_forest_pack(const wit_trees *trees, wit_answer *answer);
SKY_KERNEL("[method]forest.predict")
void host_forest_predict(int32_t forest, const void *rows, size_t length, wit_answer *answer);
SKY_KERNEL("[method]forest.tree-shap")
void host_forest_tree_shap(int32_t forest, const void *rows, size_t length, int32_t is_wanted,
                           const void *wanted, size_t wanted_length, wit_answer *answer);

// ── Over the border ─────────────────────────────────────────────────────────────────────

static wit_bytes bytes_of(const void *items, size_t count, size_t size) {
  return (wit_bytes){items, items == NULL ? 0 : count * size};
}

static wit_curves lower_curves(const sky_curves *curves) {
  const size_t points = curves->offsets[curves->count];
  return (wit_curves){
      .offsets = bytes_of(curves->offsets, curves->count + 1, sizeof(uint32_t)),
      .times = bytes_of(curves->times, points, sizeof(double)),
      .values = bytes_of(curves->values, points, sizeof(double)),
      .errors = {curves->errors != NULL, bytes_of(curves->errors, points, sizeof(double))},
      .bands = {curves->bands != NULL, bytes_of(curves->bands, points, 1)},
  };
}

static wit_search lower_search(const sky_curves *curves, sky_frequencies asked) {
  wit_search search = {.curves = lower_curves(curves)};
  wit_frequencies *frequencies = &search.frequencies;
  if (asked.is_fitting) {
    frequencies->kind = WIT_FITTING;
    frequencies->fitting.samples_per_peak = asked.samples_per_peak;
    frequencies->fitting.minimum.some = asked.minimum != 0;
    frequencies->fitting.minimum.value = asked.minimum;
    frequencies->fitting.maximum = asked.maximum;
  } else {
    frequencies->kind = WIT_FIXED;
    frequencies->fixed.minimum = asked.minimum;
    frequencies->fixed.step = asked.step;
    frequencies->fixed.count = asked.count;
  }
  return search;
}

// The host's words as an error.
static sky_error *refusal(const wit_answer *answer) {
  if (!answer->failed) return NULL;
  if (answer->words.length > 0) sky_arena_adopt(&sky_call, (void *)answer->words.bytes);
  return sky_failed("%s", sky_copy_text(&sky_call, answer->words.bytes, answer->words.length));
}

// Numbers that the host wrote, to be freed with the batch.
static const void *take(sky_batch *batch, wit_bytes bytes) {
  static const uint64_t EMPTY[2];
  if (bytes.length == 0) return EMPTY;
  sky_arena_adopt(batch == NULL ? &sky_call : sky_batch_arena(batch), (void *)bytes.bytes);
  return bytes.bytes;
}

static sky_error *take_peaks(sky_batch *batch, const wit_answer *answer, sky_peaks *found) {
  SKY_TRY(refusal(answer));
  *found = (sky_peaks){
      .count = answer->peaks.frequencies.length / sizeof(double),
      .frequencies = take(batch, answer->peaks.frequencies),
      .values = take(batch, answer->peaks.values),
  };
  return NULL;
}

// ── The routines ────────────────────────────────────────────────────────────────────────

sky_error *sky_lomb_scargle(sky_batch *batch, const sky_curves *curves,
                            sky_frequencies frequencies, uint32_t peaks, sky_peaks *found) {
  wit_search search = lower_search(curves, frequencies);
  search.numbers[0] = peaks;
  wit_answer answer;
  host_lomb_scargle(&search, &answer);
  SKY_TRY(take_peaks(batch, &answer, found));
  found->false_alarm_probabilities = take(batch, answer.peaks.probabilities);
  return NULL;
}

sky_error *sky_conditional_entropy(sky_batch *batch, const sky_curves *curves,
                                   sky_frequencies frequencies, uint32_t phase_bins,
                                   uint32_t value_bins, uint32_t peaks, sky_peaks *found) {
  wit_search search = lower_search(curves, frequencies);
  search.numbers[0] = phase_bins;
  search.numbers[1] = value_bins;
  search.numbers[2] = peaks;
  wit_answer answer;
  host_conditional_entropy(&search, &answer);
  return take_peaks(batch, &answer, found);
}

sky_error *sky_phase_dispersion(sky_batch *batch, const sky_curves *curves,
                                sky_frequencies frequencies, uint32_t bins, uint32_t covers,
                                uint32_t peaks, sky_peaks *found) {
  wit_search search = lower_search(curves, frequencies);
  search.numbers[0] = bins;
  search.numbers[1] = covers;
  search.numbers[2] = peaks;
  wit_answer answer;
  host_phase_dispersion(&search, &answer);
  return take_peaks(batch, &answer, found);
}

sky_error *sky_phase_fold(sky_batch *batch, const double *times, size_t count, double period,
                          double epoch, const double **phases) {
  wit_answer answer;
  host_phase_fold(times, count * sizeof *times, period, epoch, &answer);
  SKY_TRY(refusal(&answer));
  *phases = take(batch, answer.bytes);
  return NULL;
}

sky_error *sky_pairwise_histogram(sky_batch *batch, const sky_curves *curves,
                                  const double *time_edges, size_t n_time_edges,
                                  const double *value_edges, size_t n_value_edges,
                                  const uint32_t **counts, size_t *n_counts) {
  const wit_curves c = lower_curves(curves);
  wit_answer answer;
  host_pairwise_histogram(c.offsets.bytes, c.offsets.length, c.times.bytes, c.times.length,
                          c.values.bytes, c.values.length, c.errors.some, c.errors.value.bytes,
                          c.errors.value.length, c.bands.some, c.bands.value.bytes,
                          c.bands.value.length, time_edges, n_time_edges * sizeof(double),
                          value_edges, n_value_edges * sizeof(double), &answer);
  SKY_TRY(refusal(&answer));
  *counts = take(batch, answer.bytes);
  *n_counts = answer.bytes.length / sizeof **counts;
  return NULL;
}

sky_error *sky_knn(sky_batch *batch, const double *known, size_t n_known, const double *queries,
                   size_t n_queries, uint32_t dimensions, uint32_t count,
                   const uint32_t **indices, const double **distances, size_t *n_found) {
  const size_t row = dimensions * sizeof(double);
  wit_answer answer;
  host_knn(known, n_known * row, queries, n_queries * row, dimensions, count, &answer);
  SKY_TRY(refusal(&answer));
  *indices = take(batch, answer.neighbours.indices);
  *distances = take(batch, answer.neighbours.distances);
  *n_found = answer.neighbours.indices.length / sizeof **indices;
  return NULL;
}

sky_error *sky_forest_pack(const sky_trees *trees, sky_forest *forest) {
  const size_t nodes = trees->n_nodes;
  const wit_trees lowered = {
      .offsets = bytes_of(trees->offsets, trees->n_trees + 1, sizeof(uint32_t)),
      .features = bytes_of(trees->features, nodes, sizeof(uint32_t)),
      .thresholds = bytes_of(trees->thresholds, nodes, sizeof(double)),
      .lefts = bytes_of(trees->lefts, nodes, sizeof(uint32_t)),
      .rights = bytes_of(trees->rights, nodes, sizeof(uint32_t)),
      .missing_left = bytes_of(trees->missing_left, nodes, 1),
      .covers = bytes_of(trees->covers, nodes, sizeof(double)),
      .values = bytes_of(trees->values, trees->n_values, sizeof(double)),
      .leaves = {trees->class_of_tree != NULL,
                 bytes_of(trees->class_of_tree, trees->n_trees, sizeof(uint32_t))},
      .is_sum = trees->is_sum,
      .width = trees->width,
      .classes = trees->classes,
  };
  wit_answer answer;
  host_forest_pack(&lowered, &answer);
  SKY_TRY(refusal(&answer));
  forest->handle = answer.forest;
  return NULL;
}

static sky_error *take_numbers(sky_batch *batch, const wit_answer *answer, const double **values,
                               size_t *n_values) {
  SKY_TRY(refusal(answer));
  *values = take(batch, answer->bytes);
  *n_values = answer->bytes.length / sizeof **values;
  return NULL;
}

sky_error *sky_forest_predict(sky_batch *batch, sky_forest forest, const double *rows,
                              size_t count, const double **values, size_t *n_values) {
  wit_answer answer;
  host_forest_predict(forest.handle, rows, count * sizeof *rows, &answer);
  return take_numbers(batch, &answer, values, n_values);
}

sky_error *sky_forest_shap(sky_batch *batch, sky_forest forest, const double *rows, size_t count,
                           const double **values, size_t *n_values) {
  wit_answer answer;
  // Every class, not one for each row.
  host_forest_tree_shap(forest.handle, rows, count * sizeof *rows, 0, NULL, 0, &answer);
  return take_numbers(batch, &answer, values, n_values);
}
