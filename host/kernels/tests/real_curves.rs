//! Periods of real RR Lyrae against published ones.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use skyloom_kernels::{Curves, Frequencies, Search};
use skyloom_kernels::{conditional_entropy, lomb_scargle, phase_dispersion};

/// SDSS Stripe 82, by Sesar et al. 2010, doi:10.1088/0004-637X/708/1/717; as packed by
/// github.com/light-curve/test-data.
const ARCHIVE: &str =
    "../../../shared/data/real_lightcurves_rrlyr_snia/light-curve_test-data.tar.gz";

/// Files of a tar archive by name.
fn untar(archive: &[u8]) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default())
            .into_owned()
    };
    let mut files = BTreeMap::new();
    let mut rest = archive;
    while rest.len() > 512 && rest[0] != 0 {
        let (header, after) = rest.split_at(512);
        let size =
            usize::from_str_radix(text(&header[124..136]).trim(), 8).expect("sizes are octal");
        let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
        files.insert(format!("{prefix}{name}"), String::from_utf8_lossy(&after[..size]).into());
        rest = &after[size.next_multiple_of(512)..];
    }
    files
}

#[derive(Default)]
struct Stars {
    periods: Vec<f64>,
    offsets: Vec<u32>,
    times: Vec<f64>,
    values: Vec<f64>,
    errors: Vec<f64>,
    bands: Vec<u8>,
}

impl Stars {
    /// One in `each` of the stars with published periods, points of the bands that are `kept`.
    fn read(each: usize, kept: &str) -> Option<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(ARCHIVE);
        let Ok(packed) = std::fs::read(&path) else {
            return None;
        };
        let mut archive = Vec::new();
        GzDecoder::new(&packed[..]).read_to_end(&mut archive).expect("it is gzipped");
        let files = untar(&archive);
        let mut stars = Self { offsets: vec![0], ..Self::default() };
        for line in files["RRLyrae/periods.csv"].lines().skip(1).step_by(each) {
            let cells: Vec<_> = line.split(',').collect();
            let Some(points) = files.get(&format!("RRLyrae/light-curves/{}.csv", cells[0])) else {
                continue;
            };
            stars.periods.push(cells[2].parse().expect("periods are numbers"));
            for line in points.lines().skip(1) {
                let cells: Vec<_> = line.split(',').collect();
                let numbers = [0, 1, 2].map(|at| cells[at].parse::<f64>());
                let (Some(band), [Ok(time), Ok(value), Ok(error)]) = (kept.find(cells[3]), numbers)
                else {
                    continue;
                };
                if value.is_finite() && error > 0.0 {
                    stars.times.push(time);
                    stars.values.push(value);
                    stars.errors.push(error);
                    stars.bands.push(band as u8);
                }
            }
            stars.offsets.push(stars.times.len() as u32);
        }
        Some(stars)
    }

    fn curves(&self) -> Curves<'_> {
        let (errors, bands) = (Some(&self.errors[..]), Some(&self.bands[..]));
        Curves::new(&self.offsets, &self.times, &self.values, errors, bands)
            .expect("they are light curves")
    }

    /// The part of stars whose frequency is found, to a third of a peak's width.
    fn found(&self, frequencies: &[Option<f64>]) -> f64 {
        let close = |(found, period): (&Option<f64>, &f64)| {
            found.is_some_and(|found| (found - 1.0 / period).abs() < 1e-4)
        };
        let n_found = frequencies.iter().zip(&self.periods).filter(|pair| close(*pair)).count();
        n_found as f64 / self.periods.len() as f64
    }
}

const SEARCH: Search = Search {
    frequencies: Frequencies::Auto { samples_per_peak: 5.0, minimum: Some(1.0), maximum: 5.0 },
    peaks: 3,
};

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skip() {
    eprintln!("skipped: {ARCHIVE} is not there");
}

#[test]
fn sines_find_most_periods() {
    let Some(stars) = Stars::read(1, "ugriz") else { return skip() };
    assert_eq!(stars.periods.len(), 483);
    let found = lomb_scargle::search(&stars.curves(), &SEARCH, 2).unwrap();
    let first: Vec<_> =
        found.iter().map(|peaks| peaks.first().map(|peak| peak.frequency)).collect();
    let part = stars.found(&first);
    println!("{part}");
    assert!(part > 0.75, "{part}");
}

#[test]
fn folding_finds_periods_of_one_band() {
    let Some(stars) = Stars::read(12, "g") else { return skip() };
    let curves = stars.curves();
    let bins = conditional_entropy::Bins::default();
    let entropies = conditional_entropy::search(&curves, &SEARCH, &bins, 2).unwrap();
    let bins = phase_dispersion::Bins::default();
    let thetas = phase_dispersion::search(&curves, &SEARCH, &bins, 2).unwrap();
    let sines = lomb_scargle::search(&curves, &SEARCH, 2).unwrap();
    let of = |found: Vec<Vec<skyloom_kernels::Extremum>>| {
        let first = found.iter().map(|minima| minima.first().map(|minimum| minimum.frequency));
        stars.found(&first.collect::<Vec<_>>())
    };
    let (entropy, theta) = (of(entropies), of(thetas));
    let sine = sines.iter().map(|peaks| peaks.first().map(|peak| peak.frequency));
    let sine = stars.found(&sine.collect::<Vec<_>>());
    println!("{entropy} {theta} {sine}");
    assert!(entropy > 0.5 && theta > 0.5 && sine > 0.5, "{entropy} {theta} {sine}");
}
