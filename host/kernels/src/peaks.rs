//! The best of many frequencies.

use crate::grid::Grid;

/// A frequency, in cycles per day, and what a kernel says of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extremum {
    pub frequency: f64,
    pub value: f64,
}

/// Indices of the `most` highest local maxima of `values`, the highest first, each at least
/// `distance` indices from those before it.
///
/// Of a plateau that is a maximum, its first index counts; ends of the grid count where they
/// are higher than what is beside them. Of equals the lower index comes first. NaN is lower
/// than anything, and never a maximum.
pub(crate) fn highest(values: &[f64], most: usize, distance: usize) -> Vec<usize> {
    let mut maxima = maxima(values);
    let mut found: Vec<usize> = Vec::new();
    while found.len() < most {
        let mut best: Option<usize> = None;
        for &index in &maxima {
            if best.is_none_or(|best| values[index] > values[best]) {
                best = Some(index);
            }
        }
        let Some(best) = best else { break };
        found.push(best);
        maxima.retain(|index| index.abs_diff(best) >= distance.max(1));
    }
    found
}

fn maxima(values: &[f64]) -> Vec<usize> {
    let mut maxima = Vec::new();
    let lower = |index: usize, than: f64| {
        values.get(index).is_none_or(|value| value.is_nan() || *value < than)
    };
    let mut index = 0;
    while index < values.len() {
        let value = values[index];
        let first = index;
        index += 1;
        if value.is_nan() || !(first == 0 || lower(first - 1, value)) {
            continue;
        }
        while values.get(index) == Some(&value) {
            index += 1;
        }
        if lower(index, value) {
            maxima.push(first);
        }
    }
    maxima
}

/// As [`highest`], of minima; peaks are a baseline's inverse apart.
pub(crate) fn lowest(values: &[f64], grid: &Grid, baseline: f64, most: usize) -> Vec<Extremum> {
    let upside_down: Vec<_> = values.iter().map(|value| -value).collect();
    let found = highest(&upside_down, most, peak_width(grid, baseline));
    let found = found.into_iter();
    found.map(|at| Extremum { frequency: grid.frequency(at), value: values[at] }).collect()
}

/// How many steps of `grid` make 1 / `baseline`, the least distance of two peaks; at least 1.
pub(crate) fn peak_width(grid: &Grid, baseline: f64) -> usize {
    // Saturates where the baseline is tiny: then there is one peak.
    (1.0 / (baseline * grid.step)).ceil().max(1.0) as usize
}

/// Where `value` is greatest between `low` and `high`, given that `start` between them is a
/// good guess: to 1e-7 of their distance.
///
/// Steps to the top of the parabola through the last three points, or, where that does not
/// close in, into the larger side by the golden section (Brent 1973, Algorithms for Minimization
/// without Derivatives, chapter 5).
pub(crate) fn climb(
    mut low: f64,
    mut high: f64,
    start: f64,
    mut value: impl FnMut(f64) -> f64,
) -> Extremum {
    const GOLDEN: f64 = 0.381_966_011_250_105_1;
    // Nearer, a maximum is as flat as rounding.
    let close = 1e-7 * (high - low);
    let mut best = Extremum { frequency: start, value: value(start) };
    // The second and third best so far.
    let (mut second, mut third) = (best, best);
    let (mut step, mut step_before) = (0.0f64, 0.0f64);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if (best.frequency - middle).abs() + 0.5 * (high - low) <= 2.0 * close {
            break;
        }
        let parabola = summit(best, second, third).filter(|to| {
            let inside = low + close < *to && *to < high - close;
            inside && (to - best.frequency).abs() < 0.5 * step_before.abs()
        });
        step_before = step;
        step = match parabola {
            Some(to) => to - best.frequency,
            None => {
                step_before = if best.frequency < middle { high } else { low } - best.frequency;
                GOLDEN * step_before
            }
        };
        let to = best.frequency + if step.abs() < close { close.copysign(step) } else { step };
        let tried = Extremum { frequency: to, value: value(to) };
        if tried.value >= best.value {
            *(if to < best.frequency { &mut high } else { &mut low }) = best.frequency;
            (third, second, best) = (second, best, tried);
        } else {
            *(if to < best.frequency { &mut low } else { &mut high }) = to;
            if tried.value >= second.value || second.frequency == best.frequency {
                (third, second) = (second, tried);
            } else if tried.value >= third.value
                || third.frequency == best.frequency
                || third.frequency == second.frequency
            {
                third = tried;
            }
        }
    }
    best
}

/// The top of the parabola through three points, if they make one.
fn summit(a: Extremum, b: Extremum, c: Extremum) -> Option<f64> {
    let (to_b, to_c) = (b.frequency - a.frequency, c.frequency - a.frequency);
    let (fall_b, fall_c) = (a.value - b.value, a.value - c.value);
    let across = to_b * fall_c - to_c * fall_b;
    let shift = 0.5 * (to_b * to_b * fall_c - to_c * to_c * fall_b) / across;
    shift.is_finite().then_some(a.frequency + shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maxima_are_found_once_and_apart() {
        let values = [3.0, 1.0, 2.0, 2.0, 1.0, 4.0, 4.0, 5.0, f64::NAN, 0.0, 1.0];
        assert_eq!(maxima(&values), [0, 2, 7, 10]);
        assert_eq!(highest(&values, 9, 1), [7, 0, 2, 10]);
        assert_eq!(highest(&values, 9, 4), [7, 0]);
        assert_eq!(highest(&values, 1, 1), [7]);
        assert!(highest(&[f64::NAN; 3], 2, 1).is_empty());
        assert!(highest(&[], 2, 1).is_empty());
        assert_eq!(highest(&[1.0, 1.0, 1.0], 2, 1), [0]);
    }

    #[test]
    fn climbs_to_the_top() {
        let mut calls = 0;
        let top = climb(0.0, 1.0, 0.5, |x| {
            calls += 1;
            libm::cos(3.0 * (x - 0.612_345))
        });
        assert!((top.frequency - 0.612_345).abs() < 3e-7, "{top:?}");
        assert!(top.value > 1.0 - 1e-12 && calls < 20, "{top:?} after {calls}");
        // To an end, where it only rises.
        let top = climb(0.0, 1.0, 0.5, |x| x);
        assert!(top.frequency > 1.0 - 1e-6, "{top:?}");
    }
}
