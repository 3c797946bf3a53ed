// The period of each light curve by phase dispersion minimisation.
//
// - pdm.h: the method;
// - here: light curves in, a period and its Θ for each out.

#include "skyloom.h"

#include <math.h>
#include <string.h>

#include "pdm.h"

// Of one curve; 20 per day over ten years with ten frequencies to a peak are 730,000.
#define MAX_FREQUENCIES 1e7

static const char PARAMS[] =
    "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\","
    " \"description\": \"What may stand under `with:` in a workflow.\","
    " \"type\": \"object\", \"additionalProperties\": false,"
    " \"required\": [\"time\", \"value\", \"max-frequency\"],"
    " \"properties\": {"
    "  \"curve\": {\"type\": [\"string\", \"null\"], \"default\": null,"
    "   \"description\": \"The column with the light curves, lists of structs. Without, times and"
    " values are two columns of lists.\"},"
    "  \"time\": {\"type\": \"string\","
    "   \"description\": \"Where the times are: a member of the structs, or a column.\"},"
    "  \"value\": {\"type\": \"string\","
    "   \"description\": \"Where the values are, magnitudes or fluxes.\"},"
    "  \"min-frequency\": {\"type\": [\"number\", \"null\"], \"exclusiveMinimum\": 0,"
    "   \"default\": null,"
    "   \"description\": \"The least frequency, per unit of time. Without, that of one cycle in the"
    " span of the curve.\"},"
    "  \"max-frequency\": {\"type\": \"number\", \"exclusiveMinimum\": 0,"
    "   \"description\": \"The greatest frequency, per unit of time.\"},"
    "  \"step\": {\"type\": [\"number\", \"null\"], \"exclusiveMinimum\": 0, \"default\": null,"
    "   \"description\": \"Between two frequencies. Without, a tenth of a cycle over the span of"
    " the curve.\"},"
    "  \"bins\": {\"type\": \"integer\", \"minimum\": 2, \"maximum\": 200, \"default\": 5,"
    "   \"description\": \"Bins of phase.\"},"
    "  \"covers\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 20, \"default\": 2,"
    "   \"description\": \"Sets of bins, each shifted against the others.\"},"
    "  \"epoch\": {\"type\": \"number\", \"default\": 0.0,"
    "   \"description\": \"The time of phase 0.\"},"
    "  \"min-points\": {\"type\": \"integer\", \"minimum\": 3, \"default\": 10,"
    "   \"description\": \"Curves with fewer points have no period.\"},"
    "  \"name\": {\"type\": \"string\", \"default\": \"pdm\","
    "   \"description\": \"What the names of the new columns begin with.\"}}}";

typedef struct {
  const char *curve, *time, *value, *name;  // the curve is NULL if it is not named
  double min, max, step;                    // NaN where the curve decides
  pdm_binning binning;
  int64_t min_points;
} params;

static sky_error *read_params(const sky_json *with, params *p) {
  int64_t bins, covers;
  *p = (params){.min = NAN, .step = NAN};
  SKY_TRY(sky_param_optional_text(with, "curve", &p->curve));
  SKY_TRY(sky_param_text(with, "time", &p->time));
  SKY_TRY(sky_param_text(with, "value", &p->value));
  SKY_TRY(sky_param_optional_number(with, "min-frequency", &p->min));
  SKY_TRY(sky_param_number(with, "max-frequency", &p->max));
  SKY_TRY(sky_param_optional_number(with, "step", &p->step));
  SKY_TRY(sky_param_integer(with, "bins", &bins));
  SKY_TRY(sky_param_integer(with, "covers", &covers));
  SKY_TRY(sky_param_number(with, "epoch", &p->binning.epoch));
  SKY_TRY(sky_param_integer(with, "min-points", &p->min_points));
  SKY_TRY(sky_param_text(with, "name", &p->name));
  // What the schema says; the tables of `pdm_theta` rest on it.
  if (bins < 2 || bins > PDM_MAX_BINS) return sky_param_error("bins", "should be 2 to 200");
  if (covers < 1 || covers > PDM_MAX_COVERS) return sky_param_error("covers", "should be 1 to 20");
  p->binning.bins = (int)bins;
  p->binning.covers = (int)covers;
  if (p->min > p->max) {
    return sky_param_error("min-frequency", "should not be greater than `max-frequency`");
  }
  return NULL;
}

static void describe(sky_descriptor *descriptor) {
  *descriptor = (sky_descriptor){
      .name = "phase-dispersion",
      .version = "0.1.0",
      .description = "Finds the period of light curves by phase dispersion minimisation.",
      .role = SKY_FEATURE_EXTRACTOR,
      .scope = SKY_PARTITION,
      .inputs = {{"table", SKY_TABLE, false, "One light curve in each row."}},
      .outputs = {{"features", SKY_TABLE, false,
                   "The same table, the period of least dispersion, and that dispersion."}},
      .params = PARAMS,
      .citations = {"doi:10.1086/156444"},
  };
}

// ── Bind ────────────────────────────────────────────────────────────────────────────────

// Declares a column of lists, and gives the unit of their items, NULL if none is said.
static sky_error *declare(sky_bind *bind, const char *name, const char *param,
                          const char *member, const char **unit) {
  sky_column column;
  SKY_TRY(sky_bind_column(bind, "table", name, param, &column));
  SKY_TRY(sky_column_list(&column, member));
  sky_column_read(&column, SKY_VALUE);
  const struct ArrowSchema *item = column.field->children[0];
  for (int64_t at = 0; member != NULL && at < item->n_children; at++) {
    if (strcmp(item->children[at]->name, member) != 0) continue;
    *unit = sky_metadata(item->children[at], "unit");
    return NULL;
  }
  *unit = sky_metadata(item, "unit");
  if (*unit == NULL) *unit = sky_metadata(column.field, "unit");
  return NULL;
}

static sky_error *bind(const sky_json *with, sky_bind *bind) {
  params p;
  const char *unit, *unused;
  SKY_TRY(read_params(with, &p));
  if (p.curve != NULL) {
    SKY_TRY(declare(bind, p.curve, "curve", p.value, &unused));
    SKY_TRY(declare(bind, p.curve, "curve", p.time, &unit));
  } else {
    SKY_TRY(declare(bind, p.value, "value", NULL, &unused));
    SKY_TRY(declare(bind, p.time, "time", NULL, &unit));
  }
  SKY_TRY(sky_bind_pass_all(bind, "features", "table"));
  struct ArrowSchema *field;
  SKY_TRY(sky_bind_add(bind, "features", sky_format("%s_period", p.name), "g", &field));
  sky_set_metadata(field, "ucd", "src.var.period");
  sky_set_metadata(field, "description", "period of the least phase dispersion");
  if (unit != NULL) sky_set_metadata(field, "unit", unit);
  SKY_TRY(sky_bind_add(bind, "features", sky_format("%s_theta", p.name), "g", &field));
  sky_set_metadata(field, "ucd", "stat.variance");
  sky_set_metadata(field, "description",
                   "phase dispersion at that period over the variance of all values");
  return NULL;
}

// ── Map ─────────────────────────────────────────────────────────────────────────────────

// The light curves of a batch, however they are kept.
typedef struct {
  sky_lists times_in, values_in;
  sky_numbers times, values;
} curves;

static sky_error *get_curves(sky_batch *batch, const params *p, curves *all) {
  const char *time = p->curve == NULL ? NULL : p->time;
  const char *value = p->curve == NULL ? NULL : p->value;
  SKY_TRY(sky_get_lists(batch, p->curve == NULL ? p->time : p->curve, &all->times_in));
  SKY_TRY(sky_get_lists(batch, p->curve == NULL ? p->value : p->curve, &all->values_in));
  SKY_TRY(sky_item_numbers(&all->times_in, time, &all->times));
  return sky_item_numbers(&all->values_in, value, &all->values);
}

// The points of one curve whose time and value are there and finite.
typedef struct {
  double *times, *values;
  size_t count, room;
} points;

static sky_error *take_points(sky_batch *batch, const curves *all, int64_t row, points *taken) {
  const sky_span times = sky_list_at(&all->times_in, row);
  const sky_span values = sky_list_at(&all->values_in, row);
  const int64_t count = times.end - times.start;
  taken->count = 0;
  if (!times.there || !values.there) return NULL;
  if (count != values.end - values.start) {
    return sky_data_error("a curve has %lld times and %lld values; give each time one value",
                          (long long)count, (long long)(values.end - values.start));
  }
  if ((size_t)count > taken->room) {
    taken->room = 2 * (size_t)count;
    taken->times = sky_alloc(batch, taken->room * sizeof(double));
    taken->values = sky_alloc(batch, taken->room * sizeof(double));
  }
  for (int64_t at = 0; at < count; at++) {
    const int64_t t = times.start + at, v = values.start + at;
    const bool is_there = sky_is_number(&all->times, t) && sky_is_number(&all->values, v) &&
        isfinite(all->times.values[t]) && isfinite(all->values.values[v]);
    if (!is_there) continue;
    taken->times[taken->count] = all->times.values[t];
    taken->values[taken->count] = all->values.values[v];
    taken->count++;
  }
  return NULL;
}

static double span_of(const points *curve) {
  double first = INFINITY, last = -INFINITY;
  for (size_t at = 0; at < curve->count; at++) {
    first = fmin(first, curve->times[at]);
    last = fmax(last, curve->times[at]);
  }
  return last - first;
}

// False in `found` for a curve without a period: too few points, all at one time, all of one
// value, or shorter than a cycle of the greatest frequency.
static sky_error *search(const params *p, points *curve, double *period, double *theta,
                         bool *found) {
  *found = false;
  if ((int64_t)curve->count < p->min_points) return NULL;
  const double span = span_of(curve);
  const double square_sum = pdm_centre(curve->values, curve->count);
  if (!(span > 0) || !(square_sum > 0) || !isfinite(square_sum)) return NULL;
  const pdm_grid grid = {
      .min = isnan(p->min) ? 1 / span : p->min,
      .max = p->max,
      .step = isnan(p->step) ? 0.1 / span : p->step,
  };
  if (grid.min > grid.max) return NULL;
  const double size = pdm_grid_size(&grid);
  if (!(size <= MAX_FREQUENCIES)) {
    return sky_data_error("a curve over %lld units of time has more than 10,000,000 frequencies to "
                          "search; give a greater `step`, or a smaller `max-frequency`",
                          (long long)fmin(span, 1e18));
  }
  double frequency;
  *found = pdm_search(curve->times, curve->values, curve->count, square_sum, &p->binning, &grid,
                      &frequency, theta);
  *period = 1 / frequency;
  return NULL;
}

static sky_error *map(const sky_json *with, sky_batch *batch, sky_columns *columns) {
  params p;
  curves all;
  points curve = {0};
  SKY_TRY(read_params(with, &p));
  SKY_TRY(get_curves(batch, &p, &all));
  sky_doubles periods = sky_new_doubles(columns, sky_rows(batch));
  sky_doubles thetas = sky_new_doubles(columns, sky_rows(batch));
  for (int64_t row = 0; row < sky_rows(batch); row++) {
    bool found;
    SKY_TRY(take_points(batch, &all, row, &curve));
    SKY_TRY(search(&p, &curve, &periods.values[row], &thetas.values[row], &found));
    if (found) continue;
    sky_set_null(periods.validity, row);
    sky_set_null(thetas.validity, row);
  }
  return NULL;
}

SKY_PLUGIN(.describe = describe, .bind = bind, .map = map)
