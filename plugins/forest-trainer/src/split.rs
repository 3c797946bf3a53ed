//! The best split of a node on one feature, by Gini impurity over a histogram.
//!
//! A node's codes are cut into at most `bins` buckets *between the node's own smallest and
//! largest code*. So the histogram grows finer as nodes grow small: a split is exact as
//! soon as the node's range holds no more codes than there are buckets.
//!
//! Counts are integers, buckets and classes are walked in order, ties keep the first: the
//! answer is the same bits however the rows are ordered.

use forest_model::codes::MISSING;

/// A row of a node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub(crate) row: u32,
    /// The class above, the row's integer weight times its draws in the lower 24 bits.
    class_weight: u32,
}

impl Member {
    pub(crate) fn new(row: u32, class: u8, weight: u32) -> Self {
        debug_assert!(weight < 1 << 24, "weights were scaled to leave room for the class");
        Self { row, class_weight: u32::from(class) << 24 | weight }
    }

    pub(crate) fn class(self) -> usize {
        (self.class_weight >> 24) as usize
    }

    pub(crate) fn weight(self) -> u32 {
        self.class_weight & 0x00ff_ffff
    }
}

/// How a node may be split on one feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cut {
    /// Summed squares of class weights over weight, both sides: what is left of 1 − Gini.
    /// The largest is the purest.
    pub(crate) purity: f64,
    /// Codes below go left.
    pub(crate) below: u16,
    /// Where missing values go, if the node has any.
    pub(crate) missing_left: Option<bool>,
}

/// What one feature offers a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Offer {
    /// All members have the same value.
    Constant,
    /// Values differ, but every split leaves a side too small.
    Nothing,
    Cut(Cut),
}

/// Searches splits; keeps its buffers from node to node.
#[derive(Debug)]
pub(crate) struct Splitter {
    bins: u32,
    min_samples_leaf: u32,
    class_weights: Vec<f64>,
    codes: Vec<u16>,
    /// Bucket-major: summed integer weights of the node's classes. All 0 between searches,
    /// as are the next two.
    weights: Vec<u32>,
    /// Members in each bucket; kept only where leaves have a least size.
    counts: Vec<u32>,
    /// One bit for each bucket that is not empty.
    occupied: Vec<u64>,
    /// Where each class stands among the node's classes.
    place: Vec<u8>,
    /// The weights of the node's classes, and their totals in the node.
    node_class_weights: Vec<f64>,
    totals: Vec<f64>,
}

impl Splitter {
    pub(crate) fn new(bins: u16, min_samples_leaf: u32, class_weights: &[f64]) -> Self {
        let n_classes = class_weights.len();
        let bins = u32::from(bins);
        Self {
            bins,
            min_samples_leaf,
            class_weights: class_weights.to_vec(),
            codes: Vec::new(),
            weights: vec![0; bins as usize * room(n_classes)],
            counts: vec![0; bins as usize],
            occupied: vec![0; (bins as usize).div_ceil(64)],
            place: vec![0; n_classes],
            node_class_weights: Vec::new(),
            totals: Vec::new(),
        }
    }

    /// Turns to a node with these class counts. All searches until the next call are for
    /// its members.
    pub(crate) fn enter(&mut self, counts: &[u64]) {
        self.node_class_weights.clear();
        self.totals.clear();
        for (class, &count) in counts.iter().enumerate() {
            if count > 0 {
                self.place[class] =
                    u8::try_from(self.totals.len()).expect("there are at most 255 classes");
                self.node_class_weights.push(self.class_weights[class]);
                self.totals.push(self.class_weights[class] * count as f64);
            }
        }
        let room = room(self.totals.len());
        self.node_class_weights.resize(room, 0.0);
        self.totals.resize(room, 0.0);
    }

    /// The best split on the feature with these codes.
    pub(crate) fn search(&mut self, codes: &[u16], members: &[Member]) -> Offer {
        self.codes.clear();
        self.codes.extend(members.iter().map(|member| codes[member.row as usize]));
        let Some(range) = Range::of(&self.codes, self.bins) else {
            return Offer::Constant;
        };
        if range.low == range.high && !range.has_missing {
            return Offer::Constant;
        }
        match self.totals.len() {
            2 => self.search_classes::<2>(range, members),
            3 => self.search_classes::<3>(range, members),
            4 => self.search_classes::<4>(range, members),
            8 => self.search_classes::<8>(range, members),
            16 => self.search_classes::<16>(range, members),
            64 => self.search_classes::<64>(range, members),
            _ => self.search_classes::<256>(range, members),
        }
    }

    fn search_classes<const K: usize>(&mut self, range: Range, members: &[Member]) -> Offer {
        let missing: Missing<K> = match (range.has_missing, self.min_samples_leaf > 1) {
            (false, false) => self.fill::<K, false, false>(range, members),
            (false, true) => self.fill::<K, false, true>(range, members),
            (true, false) => self.fill::<K, true, false>(range, members),
            (true, true) => self.fill::<K, true, true>(range, members),
        };
        let mut best = self.sweep(range, members.len(), &missing, false);
        if range.has_missing
            && let Some(left) = self.sweep(range, members.len(), &missing, true)
            && best.is_none_or(|right| left.purity > right.purity)
        {
            best = Some(left);
        }
        self.clear::<K>(range);
        best.map_or(Offer::Nothing, Offer::Cut)
    }

    /// Fills the histogram; returns what has no bucket.
    fn fill<const K: usize, const HAS_MISSING: bool, const COUNT: bool>(
        &mut self,
        range: Range,
        members: &[Member],
    ) -> Missing<K> {
        let mut missing = Missing { weights: [0; K], n_members: 0 };
        let (weights, _) = self.weights.as_chunks_mut::<K>();
        for (&code, member) in self.codes.iter().zip(members) {
            // Modulo K changes nothing, and spares a check of bounds.
            let class = usize::from(self.place[member.class()]) % K;
            if HAS_MISSING && code == MISSING {
                missing.weights[class] += member.weight();
                missing.n_members += 1;
                continue;
            }
            let bucket = range.bucket(code);
            weights[bucket][class] += member.weight();
            self.occupied[bucket / 64] |= 1 << (bucket % 64);
            if COUNT {
                self.counts[bucket] += 1;
            }
        }
        missing
    }

    fn clear<const K: usize>(&mut self, range: Range) {
        let (weights, _) = self.weights.as_chunks_mut::<K>();
        let last = range.bucket(range.high);
        for (word, occupied) in self.occupied[..=last / 64].iter_mut().enumerate() {
            for bucket in Bits(*occupied) {
                weights[word * 64 + bucket] = [0; K];
                self.counts[word * 64 + bucket] = 0;
            }
            *occupied = 0;
        }
    }

    /// Moves bucket after bucket from the right side to the left, with missing values on
    /// one of them throughout, and keeps the purest moment.
    fn sweep<const K: usize>(
        &self,
        range: Range,
        n_members: usize,
        missing: &Missing<K>,
        missing_left: bool,
    ) -> Option<Cut> {
        let (weights, _) = self.weights.as_chunks::<K>();
        let class_weights = self.node_class_weights.first_chunk().expect("enter makes room");
        let mut sides = Sides::<K>::all_right(self.totals.first_chunk().expect("enter makes room"));
        let mut n_left = 0;
        if missing_left {
            sides.move_left(&missing.weights, class_weights);
            n_left = missing.n_members;
        }
        let least = self.min_samples_leaf as usize;
        let last = range.bucket(range.high);
        let mut best: Option<(f64, usize)> = None;
        for (word, &occupied) in self.occupied[..=last / 64].iter().enumerate() {
            for bucket in Bits(occupied).map(|bit| word * 64 + bit) {
                // The last bucket moves only where missing values stay behind.
                if bucket == last && (missing_left || missing.n_members == 0) {
                    break;
                }
                sides.move_left(&weights[bucket], class_weights);
                if least > 1 {
                    n_left += self.counts[bucket] as usize;
                    if n_left < least || n_members - n_left < least {
                        continue;
                    }
                }
                let purity = sides.purity();
                if best.is_none_or(|(most, _)| purity > most) {
                    best = Some((purity, bucket));
                }
            }
        }
        best.map(|(purity, bucket)| Cut {
            purity,
            below: range.end_of(bucket),
            missing_left: range.has_missing.then_some(missing_left),
        })
    }
}

/// Histograms have room for one of these numbers of classes: loops over classes then have a
/// length that the compiler knows. Classes that fill up weigh nothing.
fn room(n_classes: usize) -> usize {
    let rooms = [2, 3, 4, 8, 16, 64];
    rooms.into_iter().find(|&room| n_classes <= room).unwrap_or(256)
}

/// Members without a value.
struct Missing<const K: usize> {
    weights: [u32; K],
    n_members: usize,
}

/// The places of the bits that are set, from the lowest.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let place = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        (place < 64).then_some(place as usize)
    }
}

/// A node's codes and how they are cut into buckets.
#[derive(Debug, Clone, Copy)]
struct Range {
    low: u16,
    high: u16,
    has_missing: bool,
    /// Buckets per code, in units of 2^-16.
    scale: u32,
}

impl Range {
    /// None if every value is missing.
    fn of(codes: &[u16], bins: u32) -> Option<Self> {
        let (mut low, mut high) = (MISSING, 0);
        for &code in codes {
            low = low.min(code);
            high = high.max(code);
        }
        if low == MISSING {
            return None;
        }
        let has_missing = high == MISSING;
        if has_missing {
            let present = codes.iter().copied().filter(|&code| code != MISSING);
            high = present.max().expect("the smallest code is not that of a missing value");
        }
        let n_codes = u32::from(high - low) + 1;
        let scale = if n_codes <= bins { 1 << 16 } else { (bins << 16) / n_codes };
        Some(Self { low, high, has_missing, scale })
    }

    fn bucket(self, code: u16) -> usize {
        ((u32::from(code - self.low) * self.scale) >> 16) as usize
    }

    /// The first code beyond a bucket.
    fn end_of(self, bucket: usize) -> u16 {
        let bucket = u32::try_from(bucket).expect("there are at most 65,535 buckets");
        let offset = ((bucket + 1) << 16).div_ceil(self.scale);
        let end = (u32::from(self.low) + offset).min(u32::from(self.high) + 1);
        u16::try_from(end).expect("MISSING is above all codes")
    }
}

/// Class weights left and right of a cut, with their squares summed as they change.
struct Sides<const K: usize> {
    left: [f64; K],
    right: [f64; K],
    left_weight: f64,
    right_weight: f64,
    left_squares: f64,
    right_squares: f64,
}

impl<const K: usize> Sides<K> {
    fn all_right(totals: &[f64; K]) -> Self {
        Self {
            left: [0.0; K],
            right: *totals,
            left_weight: 0.0,
            right_weight: totals.iter().sum(),
            left_squares: 0.0,
            right_squares: totals.iter().map(|total| total * total).sum(),
        }
    }

    fn move_left(&mut self, counts: &[u32; K], class_weights: &[f64; K]) {
        for class in 0..K {
            let weight = f64::from(counts[class]) * class_weights[class];
            self.left_squares += weight * (2.0 * self.left[class] + weight);
            self.right_squares += weight * (weight - 2.0 * self.right[class]);
            self.left[class] += weight;
            self.right[class] -= weight;
            self.left_weight += weight;
            self.right_weight -= weight;
        }
    }

    fn purity(&self) -> f64 {
        (self.left_squares * self.right_weight + self.right_squares * self.left_weight)
            / (self.left_weight * self.right_weight)
    }
}
