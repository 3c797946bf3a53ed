//! The nearest neighbours of points, by looking at all of them.
//!
//! `distance² = Σⱼ (aⱼ − bⱼ)²`, summed from the first dimension to the last, so that equal
//! points are at 0 and no digits are lost, as they are in `|a|² + |b|² − 2 a·b`. Neighbours
//! come by distance squared, and of equals the first comes first. The answer does not depend
//! on the width of the vector unit or the number of threads, to the last bit.
//!
//! Reference: Cover & Hart 1967, doi:10.1109/TIT.1967.1053964.

use crate::KernelError;
use crate::simd::Vector;
use crate::threads::share;
use crate::width::{Width, Work};

/// Points that are looked at together.
const LANES: usize = 16;
/// Points asked about that share what was fetched.
const TOGETHER: usize = 4;
/// Points asked about that take each tile in turn.
const BLOCK: usize = 64;

/// What stands for a neighbour that there is not.
pub const NONE: u32 = u32::MAX;

/// Points among which to look, laid out for it. Make it once.
#[derive(Debug, Clone)]
pub struct Points {
    n_dimensions: usize,
    n_points: usize,
    /// Tile by tile, dimension by dimension, a value for each of the tile's points. Places
    /// without a point hold NaN, which nothing is near to.
    tiles: Vec<[f64; LANES]>,
}

/// The nearest neighbours of each point asked about, `k` a point, the nearest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    /// Which point; [`NONE`] where there are not so many.
    pub index: Vec<u32>,
    /// How far it is, in the unit of the coordinates; NaN where there is none.
    pub distance: Vec<f64>,
}

impl Points {
    /// Takes points, row-major. A point with a NaN or an infinity is nobody's neighbour.
    ///
    /// # Errors
    /// When these are not whole points, or too many to be numbered.
    pub fn new(points: &[f64], n_dimensions: usize) -> Result<Self, KernelError> {
        let n_points = count(points, n_dimensions)?;
        if n_points >= NONE as usize {
            return Err(KernelError::Arguments(format!(
                "{n_points} points; at most 2^32 - 2 can be numbered"
            )));
        }
        let mut tiles = vec![[f64::NAN; LANES]; n_points.div_ceil(LANES) * n_dimensions];
        for (at, point) in points.chunks_exact(n_dimensions).enumerate() {
            let tile = &mut tiles[at / LANES * n_dimensions..][..n_dimensions];
            for (values, &value) in tile.iter_mut().zip(point) {
                values[at % LANES] = value;
            }
        }
        Ok(Self { n_dimensions, n_points, tiles })
    }

    /// The number of points.
    pub fn len(&self) -> usize {
        self.n_points
    }

    pub fn is_empty(&self) -> bool {
        self.n_points == 0
    }

    /// The `k` nearest to each of some points, row-major. One with a NaN or an infinity has no
    /// neighbours, nor is a point one whose squared distance is infinite. A point that is
    /// itself among those looked at is its own neighbour. Works on so many threads, and on
    /// the caller's if there are fewer than two.
    ///
    /// # Errors
    /// When `asked` are not whole points, or `k` is 0.
    pub fn nearest(
        &self,
        asked: &[f64],
        k: usize,
        threads: usize,
    ) -> Result<Neighbours, KernelError> {
        self.nearest_at(Width::widest(), asked, k, threads)
    }

    fn nearest_at(
        &self,
        width: Width,
        asked: &[f64],
        k: usize,
        threads: usize,
    ) -> Result<Neighbours, KernelError> {
        let n_asked = count(asked, self.n_dimensions)?;
        if k == 0 {
            return Err(KernelError::Arguments("at least one neighbour must be wanted".to_owned()));
        }
        let mut index = vec![NONE; n_asked * k];
        let mut distance = vec![f64::NAN; n_asked * k];
        let blocks = asked.chunks(BLOCK * self.n_dimensions);
        let blocks = blocks.zip(index.chunks_mut(BLOCK * k)).zip(distance.chunks_mut(BLOCK * k));
        share(blocks, threads, |_: &mut (), ((asked, index), distance)| {
            width.run(Search { points: self, asked, k, index, distance });
        });
        Ok(Neighbours { index, distance })
    }
}

fn count(points: &[f64], n_dimensions: usize) -> Result<usize, KernelError> {
    if n_dimensions == 0 || !points.len().is_multiple_of(n_dimensions) {
        return Err(KernelError::Arguments(format!(
            "{} coordinates are not whole points of {n_dimensions} dimensions",
            points.len()
        )));
    }
    Ok(points.len() / n_dimensions)
}

/// The search for the neighbours of a block of points.
struct Search<'a> {
    points: &'a Points,
    asked: &'a [f64],
    k: usize,
    index: &'a mut [u32],
    distance: &'a mut [f64],
}

impl Work for Search<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let n_dimensions = self.points.n_dimensions;
        let n_asked = self.asked.len() / n_dimensions;
        let mut nearest = vec![Nearest::new(self.k); n_asked];
        for (at, tile) in self.points.tiles.chunks_exact(n_dimensions).enumerate() {
            let asked = self.asked.chunks(TOGETHER * n_dimensions);
            for (asked, nearest) in asked.zip(nearest.chunks_mut(TOGETHER)) {
                // Places that are left over take the first point again.
                let point = |of: usize| {
                    let of = if of < nearest.len() { of } else { 0 };
                    &asked[of * n_dimensions..][..n_dimensions]
                };
                let squared = squared_distances(tile, std::array::from_fn(point));
                for (nearest, squared) in nearest.iter_mut().zip(&squared) {
                    nearest.look_at(at * LANES, squared);
                }
            }
        }
        let places =
            self.index.chunks_exact_mut(self.k).zip(self.distance.chunks_exact_mut(self.k));
        for (nearest, (index, distance)) in nearest.iter().zip(places) {
            for (place, &(squared, of)) in nearest.found.iter().enumerate() {
                index[place] = of;
                distance[place] = squared.sqrt();
            }
        }
    }
}

/// The squared distances of some points to all of a tile.
#[inline(always)]
fn squared_distances(tile: &[[f64; LANES]], asked: [&[f64]; TOGETHER]) -> [[f64; LANES]; TOGETHER] {
    let mut sums = [[0.0; LANES]; TOGETHER];
    for (dimension, values) in tile.iter().enumerate() {
        for (sum, point) in sums.iter_mut().zip(asked) {
            let coordinate = point[dimension];
            let mut squares = [0.0; LANES];
            for (square, value) in squares.iter_mut().zip(values) {
                let difference = value - coordinate;
                *square = difference * difference;
            }
            for (sum, square) in sum.iter_mut().zip(squares) {
                *sum += square;
            }
        }
    }
    sums
}

/// The nearest so far.
#[derive(Debug, Clone)]
struct Nearest {
    k: usize,
    /// What must be undercut to be among them.
    bound: f64,
    /// Squared distance and index, in order.
    found: Vec<(f64, u32)>,
}

impl Nearest {
    fn new(k: usize) -> Self {
        Self { k, bound: f64::INFINITY, found: Vec::new() }
    }

    /// Takes what is near enough of the points from `first` on. They come in order, so what
    /// is no nearer comes after.
    #[inline(always)]
    fn look_at(&mut self, first: usize, squared: &[f64; LANES]) {
        // Nearly always there is none, which is quickly seen of all of them at once.
        let mut any = 0;
        for squared in squared {
            any |= if *squared < self.bound { u64::MAX } else { 0 };
        }
        if any == 0 {
            return;
        }
        for (lane, &squared) in squared.iter().enumerate() {
            // The bound falls on the way.
            if squared < self.bound {
                self.take(squared, (first + lane) as u32);
            }
        }
    }

    #[inline(never)]
    fn take(&mut self, squared: f64, index: u32) {
        let place = self.found.partition_point(|&(other, _)| other <= squared);
        self.found.truncate(self.k - 1);
        self.found.insert(place.min(self.found.len()), (squared, index));
        if self.found.len() == self.k {
            self.bound = self.found[self.k - 1].0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trees::tests::Random;

    /// By the definition: all distances, sorted.
    fn nearest(points: &[f64], asked: &[f64], n_dimensions: usize, k: usize) -> Neighbours {
        let mut found = Neighbours { index: Vec::new(), distance: Vec::new() };
        for asked in asked.chunks(n_dimensions) {
            let mut all: Vec<(f64, u32)> = Vec::new();
            for (at, point) in points.chunks(n_dimensions).enumerate() {
                let squared =
                    point.iter().zip(asked).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b));
                if squared < f64::INFINITY {
                    all.push((squared, at as u32));
                }
            }
            all.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
            all.resize(k.max(all.len()), (f64::NAN, NONE));
            found.index.extend(all[..k].iter().map(|found| found.1));
            found.distance.extend(all[..k].iter().map(|found| found.0.sqrt()));
        }
        found
    }

    fn bits(found: &Neighbours) -> (Vec<u32>, Vec<u64>) {
        // A NaN is a NaN.
        let bits = |d: &f64| if d.is_nan() { u64::MAX } else { d.to_bits() };
        (found.index.clone(), found.distance.iter().map(bits).collect())
    }

    #[test]
    fn neighbours_are_those_of_the_definition() {
        for (n_dimensions, n_points, n_asked) in
            [(1, 0, 3), (1, 300, 70), (2, 15, 1), (3, 16, 64), (5, 1000, 131), (40, 33, 5)]
        {
            // Few different values: many ties; also missing ones and infinities.
            let points = Random(1).rows(n_points * n_dimensions);
            let asked = Random(2).rows(n_asked * n_dimensions);
            let laid_out = Points::new(&points, n_dimensions).expect("whole points");
            for k in [1, 4, 50] {
                let expected = bits(&nearest(&points, &asked, n_dimensions, k));
                for width in Width::all() {
                    for threads in [1, 3] {
                        let got = laid_out.nearest_at(width, &asked, k, threads);
                        let got = bits(&got.expect("whole points"));
                        assert_eq!(got, expected, "{width:?}, {n_points} points, k = {k}");
                    }
                }
            }
        }
    }

    #[test]
    fn broken_arguments_are_refused() {
        let points = Points::new(&[0.0, 1.0], 2).expect("a whole point");
        assert!(points.nearest(&[0.0, 1.0], 0, 1).is_err());
        assert!(points.nearest(&[0.0], 1, 1).is_err());
        assert!(Points::new(&[0.0; 3], 2).is_err());
        assert!(Points::new(&[], 0).is_err());
    }
}
