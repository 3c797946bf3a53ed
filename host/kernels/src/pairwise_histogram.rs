//! Changes of value against lapses of time, over all pairs of points.
//!
//! For each two points of a curve, dt and dm are how much later and how much larger the later
//! is; pairs are counted on a grid of both (Mahabal et al. 2017, arXiv:1709.06257). Such an
//! image has one size for curves of any length, and suits classifiers that want one.

use crate::curves::Curve;
use crate::simd::Vector;
use crate::width::{self, Work};
use crate::{Curves, KernelError, threads};

/// The edges of the bins of dt, in days, and of dm, in the unit of the values: both finite and
/// rising.
///
/// A bin holds its lower edge and not its upper one, but the last bin holds both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edges<'a> {
    pub dt: &'a [f64],
    pub dm: &'a [f64],
}

/// The most edges, of either kind.
const MOST: usize = 1024;

impl Edges<'_> {
    /// # Errors
    /// Unless there are 2 to 1,024 of each, finite, each greater than the one before, and those
    /// of dt 0 or more.
    pub fn check(&self) -> Result<(), KernelError> {
        for (what, edges) in [("dt", self.dt), ("dm", self.dm)] {
            let wrong = |message: String| {
                Err(KernelError::Arguments(format!("the edges of {what}: {message}")))
            };
            if !(2..=MOST).contains(&edges.len()) {
                return wrong(format!("{} are not between 2 and {MOST}", edges.len()));
            }
            if let Some(at) = edges.iter().position(|edge| !edge.is_finite()) {
                return wrong(format!("edge {at} is {}", edges[at]));
            }
            if let Some(at) = edges.windows(2).position(|pair| pair[0] >= pair[1]) {
                return wrong(format!(
                    "{} is followed by {}; they must rise",
                    edges[at],
                    edges[at + 1]
                ));
            }
        }
        if self.dt[0] < 0.0 {
            return Err(KernelError::Arguments(format!(
                "the edges of dt: {} is negative, and no point is later than a later one; begin with 0",
                self.dt[0]
            )));
        }
        Ok(())
    }

    /// How many bins there are, of dt times dm.
    pub fn bins(&self) -> usize {
        (self.dt.len() - 1) * (self.dm.len() - 1)
    }
}

/// Counts of each curve's pairs, curve behind curve; of a curve the bins of the least dt come
/// first, and of one dt those of the least dm: `[curve][dt][dm]`.
///
/// Every pair of points counts once, dm being the later value minus the earlier; of two points
/// at one time the first in the slice counts as the earlier. Pairs outside of the edges are
/// left out, and so are pairs of points of different bands. Errors are not looked at. Counts
/// are exact, dt and dm being differences as float64 has them.
///
/// # Errors
/// As [`Edges::check`], or when a curve has more than 65,536 points, whose pairs could
/// overflow a count.
pub fn histograms(
    curves: &Curves<'_>,
    edges: &Edges<'_>,
    threads: usize,
) -> Result<Vec<u32>, KernelError> {
    edges.check()?;
    let too_long = |curve: Curve<'_>| curve.times.len() > 1 << 16;
    if let Some(index) = curves.iter().position(too_long) {
        return Err(KernelError::Arguments(format!(
            "light curve {index} has {} points; pairs of at most 65,536 can be counted",
            curves.get(index).times.len()
        )));
    }
    let counts = threads::map(curves.len(), threads, |scratch: &mut Scratch, index| {
        let curve = curves.get(index);
        let mut counts = vec![0; edges.bins()];
        scratch.fill(&curve);
        for band in scratch.points.chunk_by(|a, b| a.band == b.band) {
            scratch.times.clear();
            scratch.times.extend(band.iter().map(|point| point.time));
            scratch.values.clear();
            scratch.values.extend(band.iter().map(|point| point.value));
            width::widest(Pairs {
                times: &scratch.times,
                values: &scratch.values,
                edges,
                rows: &mut scratch.rows,
                counts: &mut counts,
            });
        }
        counts
    });
    Ok(counts.concat())
}

#[derive(Default)]
struct Scratch {
    points: Vec<Point>,
    times: Vec<f64>,
    values: Vec<f64>,
    rows: Vec<u32>,
}

struct Point {
    band: u8,
    time: f64,
    value: f64,
}

impl Scratch {
    /// Points by band, then by time.
    fn fill(&mut self, curve: &Curve<'_>) {
        self.points.clear();
        for at in 0..curve.times.len() {
            let band = curve.bands.map_or(0, |bands| bands[at]);
            self.points.push(Point { band, time: curve.times[at], value: curve.values[at] });
        }
        // −0 and 0 are one time; there are no NaN.
        let key = |point: &Point| (point.band, point.time + 0.0);
        self.points.sort_by(|a, b| {
            let ((band_a, time_a), (band_b, time_b)) = (key(a), key(b));
            band_a.cmp(&band_b).then(time_a.total_cmp(&time_b))
        });
    }
}

/// Pairs of points that are sorted by time.
struct Pairs<'a> {
    times: &'a [f64],
    values: &'a [f64],
    edges: &'a Edges<'a>,
    rows: &'a mut Vec<u32>,
    counts: &'a mut [u32],
}

impl Work for Pairs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { times, values, edges, rows, counts } = self;
        let (dm_last, dm_lower) = edges.dm.split_last().expect("there are two edges or more");
        let (dt_last, dt_lower) = edges.dt.split_last().expect("there are two edges or more");
        let n_bins = dm_lower.len();
        // Of each dt: row 0 is below the edges of dm, row `n_bins + 1` above.
        let mut columns = vec![0u32; dt_lower.len() * (n_bins + 2)];
        // For each edge of dt, the first point that is so much later than the earlier one; it
        // only ever moves on, for differences of sorted times are sorted too.
        let mut later = vec![0; edges.dt.len()];
        rows.resize(times.len(), 0);
        for (earlier, (&time, &value)) in times.iter().zip(values).enumerate() {
            let next = earlier + 1;
            let (below, last) = later.split_at_mut(dt_lower.len());
            for (at, edge) in below.iter_mut().zip(dt_lower) {
                *at = next.max(*at);
                while *at < times.len() && times[*at] - time < *edge {
                    *at += 1;
                }
            }
            // The last bin holds its upper edge.
            let end = &mut last[0];
            *end = next.max(*end);
            while *end < times.len() && times[*end] - time <= *dt_last {
                *end += 1;
            }
            let (start, end) = (later[0], later[dt_lower.len()]);
            let rows = &mut rows[start..end];
            rows_of(&values[start..end], value, dm_lower, *dm_last, rows);
            for (column, bounds) in columns.chunks_exact_mut(n_bins + 2).zip(later.windows(2)) {
                for row in &rows[bounds[0] - start..bounds[1] - start] {
                    column[*row as usize] += 1;
                }
            }
        }
        for (counts, column) in
            counts.chunks_exact_mut(n_bins).zip(columns.chunks_exact(n_bins + 2))
        {
            for (count, more) in counts.iter_mut().zip(&column[1..]) {
                *count += more;
            }
        }
    }
}

/// In which row each value minus `from` lies: how many edges it has reached.
#[inline(always)]
fn rows_of(values: &[f64], from: f64, lower: &[f64], last: f64, rows: &mut [u32]) {
    const LANES: usize = 8;
    let mut chunks = values.chunks_exact(LANES);
    let mut slots = rows.chunks_exact_mut(LANES);
    for (values, rows) in chunks.by_ref().zip(slots.by_ref()) {
        let mut reached = [0u64; LANES];
        for edge in lower {
            for lane in 0..LANES {
                reached[lane] += u64::from(values[lane] - from >= *edge);
            }
        }
        for lane in 0..LANES {
            rows[lane] = (reached[lane] + u64::from(values[lane] - from > last)) as u32;
        }
    }
    for (value, row) in chunks.remainder().iter().zip(slots.into_remainder()) {
        let dm = value - from;
        let reached = lower.iter().filter(|edge| dm >= **edge).count() as u32;
        *row = reached + u32::from(dm > last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_counts_once_and_last_bins_are_closed() {
        let times = [3.0, 0.0, 1.0, 1.0];
        let values = [1.0, 0.0, 2.0, 5.0];
        let curves = Curves::new(&[0, 4], &times, &values, None, None).unwrap();
        let edges = Edges { dt: &[0.0, 1.0, 3.0], dm: &[-4.0, 0.0, 3.0] };
        // dt, dm: (0, 3), (1, 2), (1, 5), (3, 1), (2, −1), (2, −4).
        assert_eq!(histograms(&curves, &edges, 1).unwrap(), [0, 1, 2, 2]);
        let bands = [0, 0, 1, 1];
        let curves = Curves::new(&[0, 4], &times, &values, None, Some(&bands)).unwrap();
        assert_eq!(histograms(&curves, &edges, 1).unwrap(), [0, 1, 0, 1]);
    }

    #[test]
    fn edges_are_refused_in_words() {
        let message = |dt: &[f64], dm: &[f64]| Edges { dt, dm }.check().unwrap_err().to_string();
        assert_eq!(message(&[0.0], &[0.0, 1.0]), "the edges of dt: 1 are not between 2 and 1024");
        assert_eq!(
            message(&[0.0, 1.0], &[1.0, 1.0]),
            "the edges of dm: 1 is followed by 1; they must rise"
        );
        assert!(message(&[0.0, f64::NAN], &[0.0, 1.0]).contains("edge 1 is NaN"));
        assert!(message(&[-1.0, 1.0], &[0.0, 1.0]).contains("begin with 0"));
    }
}
