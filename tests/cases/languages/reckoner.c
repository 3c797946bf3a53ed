// Asks the host's kernels about one light curve.

#include <math.h>
#include <string.h>

#include "skyloom.h"
#include "skyloom_kernels.h"

static void describe(sky_descriptor *descriptor) {
  *descriptor = (sky_descriptor){
      .name = "reckoner",
      .version = "0.1.0",
      .description = "Asks the host's kernels.",
      .role = SKY_TRANSFORMER,
      .scope = SKY_PARTITION,
      .inputs = {{"table", SKY_TABLE, false, "A light curve: `time`, `value`, `error`."}},
      .outputs = {{"answers", SKY_TABLE, false, "All numbers of all answers."}},
      .params = "{\"type\": \"object\", \"additionalProperties\": false}",
  };
}

static const char *const COLUMNS[] = {"time", "value", "error"};

static sky_error *bind(const sky_json *params, sky_bind *bind) {
  (void)params;
  for (size_t at = 0; at < 3; at++) {
    sky_column column;
    SKY_TRY(sky_bind_column(bind, "table", COLUMNS[at], NULL, &column));
    SKY_TRY(sky_column_number(&column));
    sky_column_read(&column, SKY_VALUE);
  }
  return sky_bind_add(bind, "answers", "answer", "g", NULL);
}

typedef struct {
  double items[1024];
  size_t count;
} answers;

static void push(answers *all, const double *numbers, size_t count) {
  memcpy(all->items + all->count, numbers, count * sizeof *numbers);
  all->count += count;
}

static void push_integers(answers *all, const uint32_t *numbers, size_t count) {
  for (size_t at = 0; at < count; at++) all->items[all->count++] = numbers[at];
}

static void push_peaks(answers *all, const sky_peaks *peaks) {
  push(all, peaks->frequencies, peaks->count);
  push(all, peaks->values, peaks->count);
  if (peaks->false_alarm_probabilities != NULL) {
    push(all, peaks->false_alarm_probabilities, peaks->count);
  }
}

static sky_error *search(sky_batch *batch, const sky_curves *plain, const double *errors,
                         answers *all) {
  sky_curves weighed = *plain;
  weighed.errors = errors;
  const sky_frequencies grid = sky_grid(0.05, 0.001, 400);
  sky_peaks found;
  SKY_TRY(sky_lomb_scargle(batch, &weighed, grid, 2, &found));
  push_peaks(all, &found);
  SKY_TRY(sky_lomb_scargle(batch, plain, sky_resolution(5, 0, 0.5), 1, &found));
  push_peaks(all, &found);
  SKY_TRY(sky_conditional_entropy(batch, plain, grid, 10, 5, 1, &found));
  push_peaks(all, &found);
  SKY_TRY(sky_phase_dispersion(batch, plain, sky_resolution(4, 0.1, 0.5), 10, 2, 2, &found));
  push_peaks(all, &found);
  return NULL;
}

static sky_error *ask_trees(sky_batch *batch, answers *all) {
  const sky_trees trees = {
      .n_trees = 1,
      .n_nodes = 3,
      .offsets = (const uint32_t[]){0, 3},
      .features = (const uint32_t[]){0, SKY_LEAF, SKY_LEAF},
      .thresholds = (const double[]){0.5, 0, 0},
      .lefts = (const uint32_t[]){1, 0, 0},
      .rights = (const uint32_t[]){2, 0, 0},
      .missing_left = (const uint8_t[]){1, 0, 0},
      .covers = (const double[]){4, 1, 3},
      .values = (const double[]){0, 0.25, 0.75},
      .n_values = 3,
      .width = 1,
      .classes = 1,
  };
  const double rows[] = {0.5, 0.75, NAN};
  sky_forest forest;
  const double *values;
  size_t count;
  SKY_TRY(sky_forest_pack(&trees, &forest));
  SKY_TRY(sky_forest_predict(batch, forest, rows, 3, &values, &count));
  push(all, values, count);
  SKY_TRY(sky_forest_shap(batch, forest, rows, 3, &values, &count));
  push(all, values, count);
  return NULL;
}

static sky_error *ask(sky_batch *batch, answers *all) {
  sky_numbers times, values, errors;
  SKY_TRY(sky_get_numbers(batch, "time", &times));
  SKY_TRY(sky_get_numbers(batch, "value", &values));
  SKY_TRY(sky_get_numbers(batch, "error", &errors));
  const size_t rows = (size_t)times.rows;
  const uint32_t offsets[] = {0, (uint32_t)rows};
  const sky_curves plain = {1, offsets, times.values, values.values, NULL, NULL};
  SKY_TRY(search(batch, &plain, errors.values, all));
  const double *phases, *distances;
  SKY_TRY(sky_phase_fold(batch, times.values, rows, 1 / 0.3, 60000.5, &phases));
  push(all, phases, rows);
  const double queries[] = {60100.25, 60400.0};
  const uint32_t *indices, *counts;
  size_t count;
  SKY_TRY(sky_knn(batch, times.values, rows, queries, 2, 1, 3, &indices, &distances, &count));
  push_integers(all, indices, count);
  push(all, distances, count);
  const double time_edges[] = {0, 10, 100}, value_edges[] = {-1, -0.1, 0.1, 1};
  SKY_TRY(sky_pairwise_histogram(batch, &plain, time_edges, 3, value_edges, 4, &counts, &count));
  push_integers(all, counts, count);
  SKY_TRY(ask_trees(batch, all));
  const sky_error *error = sky_phase_fold(batch, times.values, rows, 0, 0, &phases);
  all->items[all->count++] = error != NULL && strstr(error->message, "period") != NULL;
  return NULL;
}

static sky_error *run(const sky_json *params, sky_task *task) {
  (void)params;
  sky_reader *reader;
  sky_writer *writer;
  SKY_TRY(sky_task_reader(task, "table", &reader));
  SKY_TRY(sky_task_writer(task, "answers", &writer));
  for (;;) {
    sky_batch *batch;
    SKY_TRY(sky_next(reader, &batch));
    if (batch == NULL) return NULL;
    answers *all = sky_alloc(batch, sizeof *all);
    SKY_TRY(ask(batch, all));
    const sky_doubles column = sky_new_doubles(sky_begin(writer), (int64_t)all->count);
    memcpy(column.values, all->items, all->count * sizeof *all->items);
    SKY_TRY(sky_put(writer));
  }
}

SKY_PLUGIN(.describe = describe, .bind = bind, .run = run)
