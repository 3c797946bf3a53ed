//! What guests see of the kernels: bytes in, numbers worked on, bytes out.
//!
//! `skyloom_kernels` computes; here are only the contract's types, limits and time. No epoch
//! stops native code, so work goes in parts, and the clock is asked between them.

use std::ops::Range;
use std::sync::Arc;

use skyloom_kernels::forest::{Asked, Forest};
use skyloom_kernels::pairwise_histogram::Edges;
use skyloom_kernels::tree_shap::{Explainer, Wanted};
use skyloom_kernels::trees::{Leaves, Nodes, Together, Trees};
use skyloom_kernels::{
    Curves, Extremum, Frequencies, Grid, KernelError, Search, conditional_entropy, knn,
    lomb_scargle, pairwise_histogram, phase_dispersion, phase_fold,
};
use wasmtime::StoreContextMut;
use wasmtime::component::{
    ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType,
};

use super::abi;
use super::store::State;
use super::threads::InUse;

/// Light curves that a thread works through between two looks at the clock.
const CURVES_AT_ONCE: usize = 16;
/// Rows of a table that a thread works through between two looks at the clock.
const ROWS_AT_ONCE: usize = 4096;
/// Rows that a thread explains between two looks at the clock: a row may take milliseconds.
const EXPLAINED_AT_ONCE: usize = 512;
/// Points times frequencies of one light curve, which is worked on without a look at the
/// clock: half a minute at worst.
const MOST_WORK: u64 = 1 << 36;
/// The most numbers in an answer.
const MOST_NUMBERS: usize = 1 << 26;
/// Bytes that the packed form of trees takes for each of the guest's, at most, and for none.
const PACKED_TREES: (usize, usize) = (4, 4096);

/// The answer to a guest: numbers, or words on what was wrong with the question.
type Answer<T> = Result<T, String>;

#[derive(ComponentType, Lift)]
#[component(record)]
struct WireCurves {
    offsets: Vec<u8>,
    times: Vec<u8>,
    values: Vec<u8>,
    errors: Option<Vec<u8>>,
    bands: Option<Vec<u8>>,
}

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(record)]
struct WireGrid {
    minimum: f64,
    step: f64,
    count: u32,
}

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(record)]
struct WireResolution {
    #[component(name = "samples-per-peak")]
    samples_per_peak: f64,
    minimum: Option<f64>,
    maximum: f64,
}

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(variant)]
enum WireFrequencies {
    #[component(name = "fixed")]
    Fixed(WireGrid),
    #[component(name = "fitting")]
    Fitting(WireResolution),
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct WirePeaks {
    frequencies: Vec<u8>,
    values: Vec<u8>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct SignificantPeaks {
    peaks: WirePeaks,
    #[component(name = "false-alarm-probabilities")]
    false_alarm_probabilities: Vec<u8>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct Neighbours {
    indices: Vec<u8>,
    distances: Vec<u8>,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
enum WireLeaves {
    #[component(name = "every-class")]
    EveryClass,
    #[component(name = "one-class")]
    OneClass(Vec<u8>),
}

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "only guests make them")]
enum WireTogether {
    #[component(name = "mean")]
    Mean,
    #[component(name = "sum")]
    Sum,
}

#[derive(ComponentType, Lift)]
#[component(record)]
struct WireTrees {
    offsets: Vec<u8>,
    features: Vec<u8>,
    thresholds: Vec<u8>,
    lefts: Vec<u8>,
    rights: Vec<u8>,
    #[component(name = "missing-left")]
    missing_left: Vec<u8>,
    covers: Vec<u8>,
    values: Vec<u8>,
    leaves: WireLeaves,
    together: WireTogether,
    width: u32,
    classes: u32,
}

/// Little-endian numbers of a guest.
fn numbers<const N: usize, T>(what: &str, bytes: &[u8], read: fn([u8; N]) -> T) -> Answer<Vec<T>> {
    let (chunks, rest) = bytes.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(format!("the {what} are {} bytes, no multiple of {N}", bytes.len()));
    }
    Ok(chunks.iter().map(|chunk| read(*chunk)).collect())
}

fn f64s(what: &str, bytes: &[u8]) -> Answer<Vec<f64>> {
    numbers(what, bytes, f64::from_le_bytes)
}

fn u32s(what: &str, bytes: &[u8]) -> Answer<Vec<u32>> {
    numbers(what, bytes, u32::from_le_bytes)
}

fn f64_bytes(values: impl IntoIterator<Item = f64>) -> Vec<u8> {
    values.into_iter().flat_map(f64::to_le_bytes).collect()
}

fn u32_bytes(values: impl IntoIterator<Item = u32>) -> Vec<u8> {
    values.into_iter().flat_map(u32::to_le_bytes).collect()
}

fn words(error: KernelError) -> String {
    error.to_string()
}

/// A guest's light curves as numbers.
struct OwnedCurves {
    offsets: Vec<u32>,
    times: Vec<f64>,
    values: Vec<f64>,
    errors: Option<Vec<f64>>,
    bands: Option<Vec<u8>>,
}

impl OwnedCurves {
    fn read(wire: WireCurves) -> Answer<Self> {
        Ok(Self {
            offsets: u32s("offsets", &wire.offsets)?,
            times: f64s("times", &wire.times)?,
            values: f64s("values", &wire.values)?,
            errors: wire.errors.map(|errors| f64s("errors", &errors)).transpose()?,
            bands: wire.bands,
        })
    }

    fn check(&self) -> Answer<Curves<'_>> {
        let (errors, bands) = (self.errors.as_deref(), self.bands.as_deref());
        Curves::new(&self.offsets, &self.times, &self.values, errors, bands).map_err(words)
    }
}

impl From<WireFrequencies> for Frequencies {
    fn from(wire: WireFrequencies) -> Self {
        match wire {
            WireFrequencies::Fixed(grid) => Self::Same(Grid {
                minimum: grid.minimum,
                step: grid.step,
                count: grid.count as usize,
            }),
            WireFrequencies::Fitting(resolution) => Self::Auto {
                samples_per_peak: resolution.samples_per_peak,
                minimum: resolution.minimum,
                maximum: resolution.maximum,
            },
        }
    }
}

impl From<&WireTogether> for Together {
    fn from(wire: &WireTogether) -> Self {
        match wire {
            WireTogether::Mean => Self::Mean,
            WireTogether::Sum => Self::Sum,
        }
    }
}

/// Trees that a guest has packed.
pub(crate) struct ForestHandle {
    forest: Forest,
    /// None where nodes came without covers: why it cannot explain.
    explainer: Result<Explainer, KernelError>,
    width: usize,
    classes: usize,
    /// What it counts for among the guest's memory.
    bytes: usize,
}

impl ForestHandle {
    fn pack(wire: &WireTrees, bytes: usize) -> Answer<Self> {
        let nodes = (
            u32s("offsets", &wire.offsets)?,
            u32s("features", &wire.features)?,
            f64s("thresholds", &wire.thresholds)?,
            u32s("left children", &wire.lefts)?,
            u32s("right children", &wire.rights)?,
            f64s("covers", &wire.covers)?,
            f64s("values", &wire.values)?,
        );
        let missing_left: Vec<bool> = wire.missing_left.iter().map(|left| *left != 0).collect();
        let classes = match &wire.leaves {
            WireLeaves::EveryClass => None,
            WireLeaves::OneClass(classes) => Some(u32s("classes of trees", classes)?),
        };
        let nodes = Nodes {
            offsets: &nodes.0,
            feature: &nodes.1,
            threshold: &nodes.2,
            left: &nodes.3,
            right: &nodes.4,
            missing_left: &missing_left,
            cover: &nodes.5,
            value: &nodes.6,
        };
        let leaves = classes.as_deref().map_or(Leaves::EveryClass, Leaves::OneClass);
        let (width, classes) = (wire.width as usize, wire.classes as usize);
        let trees = Trees::new(nodes, leaves, (&wire.together).into(), width, classes);
        let trees = trees.map_err(words)?;
        let (forest, explainer) = (Forest::new(&trees), Explainer::new(&trees));
        Ok(Self { forest, explainer, width, classes, bytes })
    }

    fn explainer(&self) -> Answer<&Explainer> {
        self.explainer.as_ref().map_err(|error| words(error.clone()))
    }
}

impl WireTrees {
    fn bytes(&self) -> usize {
        let columns = [
            &self.offsets,
            &self.features,
            &self.thresholds,
            &self.lefts,
            &self.rights,
            &self.missing_left,
            &self.covers,
            &self.values,
        ];
        columns.iter().map(|column| column.len()).sum()
    }
}

type Context<'a> = StoreContextMut<'a, State>;

/// What `work` gives for each part of `count` things, one part after another; `at_once` things
/// a part for each of the threads that it is lent.
fn in_parts<T>(
    context: &mut Context<'_>,
    count: usize,
    at_once: usize,
    mut work: impl FnMut(Range<usize>, usize) -> Answer<Vec<T>>,
) -> wasmtime::Result<Answer<Vec<T>>> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < count {
        context.data().check_time()?;
        let lent = context.data().borrow_threads();
        let threads = 1 + lent.as_ref().map_or(0, InUse::count);
        let end = count.min(at + at_once * threads);
        match work(at..end, threads) {
            Ok(part) => all.extend(part),
            Err(words) => return Ok(Err(words)),
        }
        at = end;
    }
    Ok(Ok(all))
}

/// A search for peaks in a guest's light curves.
struct Question {
    curves: OwnedCurves,
    search: Search,
}

impl Question {
    fn read(wire: WireCurves, frequencies: WireFrequencies, peaks: u32) -> Answer<Self> {
        let search = Search { frequencies: frequencies.into(), peaks: peaks as usize };
        let question = Self { curves: OwnedCurves::read(wire)?, search };
        search.check().map_err(words)?;
        let curves = question.curves.check()?;
        if (curves.len() as u64).saturating_mul(peaks.into()) > 1 << 24 {
            return Err(format!("{peaks} peaks of {} light curves are too many", curves.len()));
        }
        for (index, curve) in curves.iter().enumerate() {
            let frequencies = search.frequencies_of(&curve).map_err(words)?;
            let points = curve.times.len();
            if (points as u64).saturating_mul(frequencies as u64) > MOST_WORK {
                return Err(format!(
                    "light curve {index}: {frequencies} frequencies for {points} points are too \
                     much for one call; widen the step or lower the maximum"
                ));
            }
        }
        Ok(question)
    }

    /// The peaks of each light curve, filled up to the same number.
    fn answer<T: Copy>(
        &self,
        context: &mut Context<'_>,
        none: T,
        find: impl Fn(&Curves<'_>, &Search, usize) -> Result<Vec<Vec<T>>, KernelError>,
    ) -> wasmtime::Result<Answer<Vec<T>>> {
        let curves = match self.curves.check() {
            Ok(curves) => curves,
            Err(words) => return Ok(Err(words)),
        };
        in_parts(context, curves.len(), CURVES_AT_ONCE, |part, threads| {
            let mut found = find(&curves.part(part), &self.search, threads).map_err(words)?;
            found.iter_mut().for_each(|peaks| peaks.resize(self.search.peaks, none));
            Ok(found.into_iter().flatten().collect())
        })
    }
}

const NO_PEAK: Extremum = Extremum { frequency: f64::NAN, value: f64::NAN };

fn wire_peaks(peaks: &[Extremum]) -> WirePeaks {
    WirePeaks {
        frequencies: f64_bytes(peaks.iter().map(|peak| peak.frequency)),
        values: f64_bytes(peaks.iter().map(|peak| peak.value)),
    }
}

fn find_periods(
    mut context: Context<'_>,
    (curves, frequencies, peaks): (WireCurves, WireFrequencies, u32),
) -> wasmtime::Result<(Answer<SignificantPeaks>,)> {
    let none = lomb_scargle::Peak {
        frequency: f64::NAN,
        power: f64::NAN,
        false_alarm_probability: f64::NAN,
    };
    let answer = match Question::read(curves, frequencies, peaks) {
        Ok(question) => question.answer(&mut context, none, lomb_scargle::search)?,
        Err(words) => Err(words),
    };
    Ok((answer.map(|found| SignificantPeaks {
        peaks: WirePeaks {
            frequencies: f64_bytes(found.iter().map(|peak| peak.frequency)),
            values: f64_bytes(found.iter().map(|peak| peak.power)),
        },
        false_alarm_probabilities: f64_bytes(found.iter().map(|peak| peak.false_alarm_probability)),
    }),))
}

fn find_extrema(
    mut context: Context<'_>,
    question: Answer<Question>,
    find: impl Fn(&Curves<'_>, &Search, usize) -> Result<Vec<Vec<Extremum>>, KernelError>,
) -> wasmtime::Result<(Answer<WirePeaks>,)> {
    let answer = match question {
        Ok(question) => question.answer(&mut context, NO_PEAK, find)?,
        Err(words) => Err(words),
    };
    Ok((answer.map(|found| wire_peaks(&found)),))
}

fn count_pairs(
    mut context: Context<'_>,
    (curves, dt, dm): (WireCurves, Vec<u8>, Vec<u8>),
) -> wasmtime::Result<(Answer<Vec<u8>>,)> {
    let read = || Ok((OwnedCurves::read(curves)?, f64s("edges", &dt)?, f64s("edges", &dm)?));
    let (curves, dt, dm) = match read() {
        Ok(read) => read,
        Err(words) => return Ok((Err(words),)),
    };
    let edges = Edges { dt: &dt, dm: &dm };
    let curves = match edges.check().map_err(words).and_then(|()| curves.check()) {
        Ok(curves) => curves,
        Err(words) => return Ok((Err(words),)),
    };
    if curves.len().saturating_mul(edges.bins()) > 1 << 26 {
        let message =
            format!("{} bins of {} light curves are too many", edges.bins(), curves.len());
        return Ok((Err(message),));
    }
    let counts = in_parts(&mut context, curves.len(), CURVES_AT_ONCE, |part, threads| {
        pairwise_histogram::histograms(&curves.part(part), &edges, threads).map_err(words)
    })?;
    Ok((counts.map(u32_bytes),))
}

fn find_neighbours(
    mut context: Context<'_>,
    (known, queries, dimensions, count): (Vec<u8>, Vec<u8>, u32, u32),
) -> wasmtime::Result<(Answer<Neighbours>,)> {
    let dimensions = dimensions as usize;
    let read = || {
        let (known, queries) = (f64s("known points", &known)?, f64s("queries", &queries)?);
        if dimensions == 0 || !queries.len().is_multiple_of(dimensions) {
            return Err(format!("{} numbers are no rows of {dimensions}", queries.len()));
        }
        if (queries.len() / dimensions).saturating_mul(count as usize) > 1 << 26 {
            return Err(format!("{count} neighbours of so many points are too many"));
        }
        Ok((knn::Points::new(&known, dimensions).map_err(words)?, queries))
    };
    let (points, queries) = match read() {
        Ok(read) => read,
        Err(words) => return Ok((Err(words),)),
    };
    let rows = queries.len() / dimensions;
    // A query looks at all points.
    let at_once = (1 << 28) / (points.len() * dimensions).max(1);
    let found = in_parts(&mut context, rows, at_once.clamp(1, ROWS_AT_ONCE), |part, threads| {
        let asked = &queries[part.start * dimensions..part.end * dimensions];
        let found = points.nearest(asked, count as usize, threads).map_err(words)?;
        Ok(found.index.into_iter().zip(found.distance).collect())
    })?;
    Ok((found.map(|found| Neighbours {
        indices: u32_bytes(found.iter().map(|(index, _)| *index)),
        distances: f64_bytes(found.iter().map(|(_, distance)| *distance)),
    }),))
}

/// A guest's forest, and rows of its features.
struct Asking {
    forest: Arc<ForestHandle>,
    rows: Vec<f64>,
}

impl Asking {
    fn read(forest: Arc<ForestHandle>, rows: &[u8]) -> Answer<Self> {
        let rows = f64s("rows", rows)?;
        if !rows.len().is_multiple_of(forest.width) {
            return Err(format!("{} numbers are no rows of {}", rows.len(), forest.width));
        }
        Ok(Self { forest, rows })
    }

    fn count(&self) -> usize {
        self.rows.len() / self.forest.width
    }

    fn rows(&self, part: &Range<usize>) -> &[f64] {
        &self.rows[part.start * self.forest.width..part.end * self.forest.width]
    }

    /// # Errors
    /// When an answer of so many numbers a row is too long.
    fn check_answer(&self, a_row: usize) -> Answer<()> {
        match self.count().saturating_mul(a_row) {
            ..=MOST_NUMBERS => Ok(()),
            _ => Err(format!("{} rows are too many for one call; ask in parts", self.count())),
        }
    }

    fn predict(&self, context: &mut Context<'_>) -> wasmtime::Result<Answer<Vec<f64>>> {
        if let Err(words) = self.check_answer(self.forest.classes) {
            return Ok(Err(words));
        }
        in_parts(context, self.count(), ROWS_AT_ONCE, |part, threads| {
            self.forest.forest.predict(self.rows(&part), threads).map_err(words)
        })
    }

    fn add(
        &self,
        context: &mut Context<'_>,
        sums: &[u8],
        asked: Option<&[u8]>,
    ) -> wasmtime::Result<Answer<Vec<f64>>> {
        let classes = self.forest.classes;
        let sums = match f64s("sums", sums) {
            Ok(sums) if Some(sums.len()) == self.count().checked_mul(classes) => sums,
            Ok(sums) => {
                let rows = self.count();
                let words = format!("{} sums for {rows} rows and {classes} classes", sums.len());
                return Ok(Err(words));
            }
            Err(words) => return Ok(Err(words)),
        };
        let asked = asked.map(|bits| Asked::new(bits, self.count()));
        in_parts(context, self.count(), ROWS_AT_ONCE, |part, threads| {
            let mut sums = sums[part.start * classes..part.end * classes].to_vec();
            let asked = asked.map(|asked| asked.from(part.start));
            let forest = &self.forest.forest;
            forest.add_to(&mut sums, self.rows(&part), asked, threads).map_err(words)?;
            Ok(sums)
        })
    }

    fn explain(
        &self,
        context: &mut Context<'_>,
        wanted: Option<&[u8]>,
    ) -> wasmtime::Result<Answer<Vec<f64>>> {
        let read = || {
            let lines = if wanted.is_some() { 1 } else { self.forest.classes };
            self.check_answer(lines.saturating_mul(self.forest.width))?;
            let wanted = wanted.map(|wanted| u32s("wanted classes", wanted)).transpose()?;
            match &wanted {
                Some(wanted) if wanted.len() != self.count() => {
                    Err(format!("{} wanted classes for {} rows", wanted.len(), self.count()))
                }
                _ => Ok((self.forest.explainer()?, wanted)),
            }
        };
        let (explainer, wanted) = match read() {
            Ok(read) => read,
            Err(words) => return Ok(Err(words)),
        };
        in_parts(context, self.count(), EXPLAINED_AT_ONCE, |part, threads| {
            let rows = self.rows(&part);
            let wanted = wanted.as_ref().map_or(Wanted::EveryClass, |of| Wanted::Class(&of[part]));
            explainer.explain(rows, wanted, threads).map_err(words)
        })
    }
}

/// What `ask` gives for rows of a guest's features.
fn ask_forest(
    context: &mut Context<'_>,
    forest: &Resource<Arc<ForestHandle>>,
    rows: &[u8],
    ask: impl FnOnce(&Asking, &mut Context<'_>) -> wasmtime::Result<Answer<Vec<f64>>>,
) -> wasmtime::Result<(Answer<Vec<u8>>,)> {
    let forest = Arc::clone(context.data().resources.get(forest)?);
    let answer = match Asking::read(forest, rows) {
        Ok(asking) => ask(&asking, context)?,
        Err(words) => Err(words),
    };
    Ok((answer.map(f64_bytes),))
}

/// Gives a guest the kernels.
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut kernels = linker.instance(abi::KERNELS)?;
    kernels.func_wrap("lomb-scargle", find_periods)?;
    kernels.func_wrap(
        "conditional-entropy",
        |context: Context<'_>,
         (curves, frequencies, phase, value, peaks): (
            WireCurves,
            WireFrequencies,
            u32,
            u32,
            u32,
        )| {
            let bins = conditional_entropy::Bins { phase: phase as usize, value: value as usize };
            find_extrema(context, Question::read(curves, frequencies, peaks), |part, search, n| {
                conditional_entropy::search(part, search, &bins, n)
            })
        },
    )?;
    kernels.func_wrap(
        "phase-dispersion",
        |context: Context<'_>,
         (curves, frequencies, bins, covers, peaks): (
            WireCurves,
            WireFrequencies,
            u32,
            u32,
            u32,
        )| {
            let bins = phase_dispersion::Bins { bins: bins as usize, covers: covers as usize };
            find_extrema(context, Question::read(curves, frequencies, peaks), |part, search, n| {
                phase_dispersion::search(part, search, &bins, n)
            })
        },
    )?;
    kernels.func_wrap(
        "phase-fold",
        |_: Context<'_>, (times, period, epoch): (Vec<u8>, f64, f64)| {
            let times = f64s("times", &times);
            let phases = times
                .and_then(|times| phase_fold::phase_fold(&times, period, epoch).map_err(words));
            Ok((phases.map(f64_bytes),))
        },
    )?;
    kernels.func_wrap("pairwise-histogram", count_pairs)?;
    kernels.func_wrap("knn", find_neighbours)?;
    link_forest(&mut kernels)
}

fn pack_trees(
    mut context: Context<'_>,
    (trees,): (WireTrees,),
) -> wasmtime::Result<(Answer<Resource<Arc<ForestHandle>>>,)> {
    let bytes = trees.bytes().saturating_mul(PACKED_TREES.0).saturating_add(PACKED_TREES.1);
    if !context.data_mut().take_host_memory(bytes) {
        let message = "the trees do not fit in what this node may use; raise \
                       `resources: {memory: …}`";
        return Ok((Err(message.to_owned()),));
    }
    let packed = ForestHandle::pack(&trees, bytes).and_then(|packed| {
        let pushed = context.data_mut().resources.push(Arc::new(packed));
        pushed.map_err(|_| "too many forests are held at once; drop each when done".to_owned())
    });
    if packed.is_err() {
        context.data_mut().give_host_memory_back(bytes);
    }
    Ok((packed,))
}

fn link_forest(kernels: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    type Handle = Resource<Arc<ForestHandle>>;
    kernels.resource("forest", ResourceType::host::<Arc<ForestHandle>>(), |mut context, rep| {
        let forest = context.data_mut().resources.delete(Handle::new_own(rep))?;
        context.data_mut().give_host_memory_back(forest.bytes);
        Ok(())
    })?;
    kernels.func_wrap("[static]forest.pack", pack_trees)?;
    kernels.func_wrap(
        "[method]forest.predict",
        |mut context: Context<'_>, (forest, rows): (Handle, Vec<u8>)| {
            ask_forest(&mut context, &forest, &rows, Asking::predict)
        },
    )?;
    kernels.func_wrap(
        "[method]forest.add",
        |mut context: Context<'_>,
         (forest, sums, rows, asked): (Handle, Vec<u8>, Vec<u8>, Option<Vec<u8>>)| {
            ask_forest(&mut context, &forest, &rows, |asking, context| {
                asking.add(context, &sums, asked.as_deref())
            })
        },
    )?;
    kernels.func_wrap(
        "[method]forest.tree-shap",
        |mut context: Context<'_>, (forest, rows, wanted): (Handle, Vec<u8>, Option<Vec<u8>>)| {
            ask_forest(&mut context, &forest, &rows, |asking, context| {
                asking.explain(context, wanted.as_deref())
            })
        },
    )?;
    kernels.func_wrap("[method]forest.base", |context: Context<'_>, (forest,): (Handle,)| {
        let forest = context.data().resources.get(&forest)?;
        let base = forest.explainer().map(|explainer| explainer.base().iter().copied());
        Ok((base.map(f64_bytes),))
    })
}
