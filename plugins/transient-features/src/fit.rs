//! Bounded least squares by Levenberg and Marquardt.
//!
//! Marquardt 1963, doi:10.1137/0111030; the damping follows Nielsen, as in Madsen, Nielsen & Tingleff
//! 2004, *Methods for non-linear least squares problems*. At a bound, a parameter is held while the slope
//! points outwards.

use crate::dense::Symmetric;
use crate::model::Model;

/// Points with 1σ errors.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    pub times: &'a [f64],
    pub values: &'a [f64],
    pub errors: &'a [f64],
}

/// A minimum of χ².
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    pub parameters: Vec<f64>,
    /// 1σ, from the curvature of χ² at the minimum; none at a bound, or where the data say
    /// nothing of a parameter.
    pub errors: Vec<Option<f64>>,
    pub chi2: f64,
}

/// Why there is no fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoFit {
    /// Not more points than parameters.
    TooFewPoints,
    /// No start led to a minimum.
    NotConverged,
}

const ITERATIONS: usize = 150;
/// How many of the best starts are followed at most, and after how many that end in the
/// lowest minimum so far the others are left.
const FOLLOWED: usize = 6;
const AGREED: usize = 2;
/// The cosine of the angle between residuals and the slope by any parameter, at a minimum.
const FLAT: f64 = 1e-9;

/// The lowest minimum of χ² that the model's starts lead to.
///
/// # Errors
/// [`NoFit`] says why there is none.
pub fn fit(model: Model, data: Data<'_>) -> Result<Fit, NoFit> {
    let n = model.parameters().len();
    if data.times.len() <= n {
        return Err(NoFit::TooFewPoints);
    }
    let (Some(&first), Some(&last)) = (data.times.first(), data.times.last()) else {
        return Err(NoFit::TooFewPoints);
    };
    let bounds = model.bounds(first, last);
    let brightest =
        (0..data.values.len()).max_by(|a, b| data.values[*a].total_cmp(&data.values[*b]));
    let peak = brightest.map_or(first, |at| data.times[at]);
    let mut starts: Vec<(f64, Vec<f64>)> = model
        .starts(peak)
        .into_iter()
        .filter_map(|start| {
            let start = with_linear(model, data, &bounds, start)?;
            let chi2 = Problem { model, data }.chi2(&start);
            chi2.is_finite().then_some((chi2, start))
        })
        .collect();
    starts.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lowest: Option<(Fit, usize)> = None;
    for (_, start) in starts.into_iter().take(FOLLOWED) {
        let Some(found) = descend(Problem { model, data }, &bounds, start) else { continue };
        lowest = match lowest {
            Some((fit, agreed)) if found.chi2 >= fit.chi2 * (1.0 - 1e-9) => {
                let is_same = found.chi2 <= fit.chi2 * (1.0 + 1e-9);
                Some((fit, agreed + usize::from(is_same)))
            }
            _ => Some((found, 1)),
        };
        if lowest.as_ref().is_some_and(|(_, agreed)| *agreed == AGREED) {
            break;
        }
    }
    lowest.map(|(fit, _)| fit).ok_or(NoFit::NotConverged)
}

/// `start` with the linear parameters that fit its shape best.
fn with_linear(
    model: Model,
    data: Data<'_>,
    bounds: &[(f64, f64)],
    mut start: Vec<f64>,
) -> Option<Vec<f64>> {
    let normal = Problem { model, data }.normal(&start)?;
    let linear = model.linear();
    let step = normal.curvature.only(linear).cholesky()?;
    let slope: Vec<_> = linear.iter().map(|at| -normal.slope[*at]).collect();
    for (at, step) in linear.iter().zip(step.solve(&slope)) {
        start[*at] = (start[*at] + step).clamp(bounds[*at].0, bounds[*at].1);
    }
    // A curve without height has no slope by its shape.
    (start[0] > 0.0).then_some(start)
}

#[derive(Debug, Clone, Copy)]
struct Problem<'a> {
    model: Model,
    data: Data<'a>,
}

/// What is known of χ²/2 at a place.
#[derive(Debug, Clone)]
struct Normal {
    chi2: f64,
    slope: Vec<f64>,
    curvature: Symmetric,
}

impl Problem<'_> {
    fn chi2(&self, p: &[f64]) -> f64 {
        let mut gradient = vec![0.0; p.len()];
        let points = self.data.times.iter().zip(self.data.values).zip(self.data.errors);
        let residual = |((t, value), error): ((&f64, &f64), &f64)| {
            (self.model.value(p, *t, &mut gradient) - value) / error
        };
        points.map(residual).map(|residual| residual * residual).sum()
    }

    /// None where anything is not finite.
    fn normal(&self, p: &[f64]) -> Option<Normal> {
        let n = p.len();
        let mut gradient = vec![0.0; n];
        let mut normal = Normal { chi2: 0.0, slope: vec![0.0; n], curvature: Symmetric::zero(n) };
        for ((t, value), error) in
            self.data.times.iter().zip(self.data.values).zip(self.data.errors)
        {
            let residual = (self.model.value(p, *t, &mut gradient) - value) / error;
            normal.chi2 += residual * residual;
            gradient.iter_mut().for_each(|slope| *slope /= error);
            for row in 0..n {
                normal.slope[row] += gradient[row] * residual;
                for column in 0..=row {
                    let sum = normal.curvature.get(row, column) + gradient[row] * gradient[column];
                    normal.curvature.set(row, column, sum);
                    normal.curvature.set(column, row, sum);
                }
            }
        }
        let is_finite = normal.chi2.is_finite()
            && normal.slope.iter().all(|slope| slope.is_finite())
            && (0..n).all(|at| normal.curvature.get(at, at).is_finite());
        is_finite.then_some(normal)
    }
}

/// Down from `p` to a minimum; none if there is none within reach.
fn descend(problem: Problem<'_>, bounds: &[(f64, f64)], mut p: Vec<f64>) -> Option<Fit> {
    let mut normal = problem.normal(&p)?;
    let (mut damping, mut growth) = (1e-3, 2.0);
    let power = problem.data.values.iter().zip(problem.data.errors);
    let power: f64 = power.map(|(value, error)| (value / error) * (value / error)).sum();
    for _ in 0..ITERATIONS {
        let free = free(&p, bounds, &normal);
        if is_flat(&normal, &free, power) {
            return Some(finish(problem, bounds, p, normal));
        }
        let mut damped = normal.curvature.only(&free);
        for (at, &of) in free.iter().enumerate() {
            damped.set(at, at, normal.curvature.get(of, of) * (1.0 + damping));
        }
        let down: Vec<_> = free.iter().map(|at| -normal.slope[*at]).collect();
        let step = damped.cholesky().map(|factored| factored.solve(&down));
        let trial = step.as_ref().map(|step| {
            let mut trial = p.clone();
            for (at, step) in free.iter().zip(step) {
                trial[*at] = (trial[*at] + step).clamp(bounds[*at].0, bounds[*at].1);
            }
            trial
        });
        let next = trial.as_ref().and_then(|trial| problem.normal(trial));
        match (trial, next) {
            (Some(trial), Some(next)) if next.chi2 < normal.chi2 => {
                // What the straight line through here promised, against what came.
                let moved: Vec<_> = p.iter().zip(&trial).map(|(old, new)| new - old).collect();
                let mut promised = 0.0;
                for row in 0..moved.len() {
                    promised -= 2.0 * moved[row] * normal.slope[row];
                    for column in 0..moved.len() {
                        promised -= moved[row] * moved[column] * normal.curvature.get(row, column);
                    }
                }
                let gain = if promised > 0.0 { (normal.chi2 - next.chi2) / promised } else { 0.5 };
                let bend = 2.0 * gain - 1.0;
                damping *= (1.0 - bend * bend * bend).clamp(1.0 / 5.0, 2.0);
                growth = 2.0;
                (p, normal) = (trial, next);
            }
            _ => {
                damping *= growth;
                growth *= 2.0;
                if damping > 1e16 {
                    // Rounding ends the descent where it is nearly flat.
                    let is_nearly = angle(&normal, &free) < 1e3 * FLAT;
                    return is_nearly.then(|| finish(problem, bounds, p, normal));
                }
            }
        }
    }
    None
}

/// The parameters that are not at a bound with the slope pointing out.
fn free(p: &[f64], bounds: &[(f64, f64)], normal: &Normal) -> Vec<usize> {
    let is_free = |at: &usize| {
        let (low, high) = bounds[*at];
        let slope = normal.slope[*at];
        let is_out = (p[*at] <= low && slope >= 0.0) || (p[*at] >= high && slope <= 0.0);
        // One that nothing depends on cannot be found, and does not hinder the others.
        !is_out && normal.curvature.get(*at, *at) > 0.0
    };
    (0..p.len()).filter(is_free).collect()
}

/// The largest cosine between the residuals and the slope by a free parameter.
fn angle(normal: &Normal, free: &[usize]) -> f64 {
    let cosine = |at: &usize| {
        let length = (normal.curvature.get(*at, *at) * normal.chi2).sqrt();
        if length > 0.0 { normal.slope[*at].abs() / length } else { 0.0 }
    };
    free.iter().map(cosine).fold(0.0, f64::max)
}

fn is_flat(normal: &Normal, free: &[usize], power: f64) -> bool {
    // Residuals that are nothing but rounding point anywhere.
    normal.chi2 <= 1e-24 * power || angle(normal, free) < FLAT
}

fn finish(problem: Problem<'_>, bounds: &[(f64, f64)], p: Vec<f64>, normal: Normal) -> Fit {
    let inside = |at: &usize| {
        let (low, high) = bounds[*at];
        p[*at] > low && p[*at] < high && normal.curvature.get(*at, *at) > 0.0
    };
    let inside: Vec<_> = (0..p.len()).filter(inside).collect();
    let mut errors = vec![None; p.len()];
    if let Some(factored) = normal.curvature.only(&inside).cholesky() {
        for (at, variance) in inside.iter().zip(factored.inverse_diagonal()) {
            errors[*at] = Some(variance.sqrt()).filter(|error| error.is_finite());
        }
    }
    Fit { chi2: problem.chi2(&p), parameters: p, errors }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_without_noise_is_found_again() {
        let truth = [100.0, 5.0, 20.0, 30.0, 4.0, 0.5, 25.0];
        let times: Vec<f64> = (0..80).map(|day| f64::from(day) * 1.7 - 10.0).collect();
        for model in [Model::Bazin, Model::Villar, Model::Linexp] {
            let n = model.parameters().len();
            let curve = |t: &f64| model.value(&truth[..n], *t, &mut vec![0.0; n]);
            let values: Vec<f64> = times.iter().map(curve).collect();
            let errors = vec![1.0; times.len()];
            let data = Data { times: &times, values: &values, errors: &errors };
            let found = fit(model, data).unwrap();
            for (found, truth) in found.parameters.iter().zip(truth) {
                assert!((found / truth - 1.0).abs() < 1e-6, "{model:?}: {found} {truth}");
            }
            assert!(found.chi2 < 1e-9 && found.errors.iter().all(Option::is_some));
            let few = Data { times: &times[..n], values: &values[..n], errors: &errors[..n] };
            assert_eq!(fit(model, few), Err(NoFit::TooFewPoints));
        }
    }
}
