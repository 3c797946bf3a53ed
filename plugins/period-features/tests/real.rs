//! Periods of real RR Lyrae against published ones; skipped where the data are not there.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use light_curve::{BandColumn, Curve, Kind, Light};
use period_features::PeriodFeatures;
use period_features::alias::relation;
use skyloom_plugin::arrow_array::RecordBatch;
use skyloom_plugin::arrow_array::builder::{
    Float64Builder, ListBuilder, StructBuilder, UInt8Builder,
};
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table_of};

/// SDSS Stripe 82, periods by Sesar et al. 2010, doi:10.1088/0004-637X/708/1/717; as packed by
/// github.com/light-curve/test-data.
const ARCHIVE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/data/real_lightcurves_rrlyr_snia/light-curve_test-data.tar.gz"
);

/// Files of a tar archive by name: blocks of 512 bytes, a header before each file.
fn untar(archive: &[u8]) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or(bytes)).into_owned()
    };
    let mut files = BTreeMap::new();
    let mut rest = archive;
    while rest.len() > 512 && rest[0] != 0 {
        let (header, after) = rest.split_at(512);
        let size =
            usize::from_str_radix(text(&header[124..136]).trim(), 8).expect("a size in octal");
        let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
        files.insert(format!("{prefix}{name}"), String::from_utf8_lossy(&after[..size]).into());
        rest = &after[size.next_multiple_of(512)..];
    }
    files
}

fn unpacked(archive: &str) -> BTreeMap<String, String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(archive).expect("an archive");
    GzDecoder::new(file).read_to_end(&mut bytes).expect("gzip");
    untar(&bytes)
}

/// Times, magnitudes and errors.
type Points = [Vec<f64>; 3];

/// Stars with their published periods in days, and points in u, g, r, i, z.
fn stars() -> Option<Vec<(f64, [Points; 5])>> {
    if !Path::new(ARCHIVE).exists() {
        return None;
    }
    let files = unpacked(ARCHIVE);
    let star = |line: &str| {
        let cells: Vec<_> = line.split(',').collect();
        let mut bands: [Points; 5] = std::array::from_fn(|_| Points::default());
        for line in files[&format!("RRLyrae/light-curves/{}.csv", cells[0])].lines().skip(1) {
            let cells: Vec<_> = line.split(',').collect();
            let band = "ugriz".find(cells[3]).expect("a band");
            for (column, cell) in bands[band].iter_mut().zip(&cells) {
                column.push(cell.parse().unwrap_or(f64::NAN));
            }
        }
        (cells[2].parse().expect("a period"), bands)
    };
    Some(files["RRLyrae/periods.csv"].lines().skip(1).map(star).collect())
}

fn column(band: &str, rows: &[Curve<'_>]) -> (Field, ArrayRef) {
    let column =
        BandColumn::new(band, Light { kind: Kind::Magnitude, unit: Some("mag".to_owned()) });
    let DataType::List(item) = column.field().data_type().clone() else { unreachable!() };
    let DataType::Struct(parts) = item.data_type().clone() else { unreachable!() };
    let mut lists = ListBuilder::new(StructBuilder::from_fields(parts, 0)).with_field(item);
    for row in rows {
        for at in 0..row.len() {
            let point = lists.values();
            for (part, column) in [row.times, row.values, row.errors].into_iter().enumerate() {
                point
                    .field_builder::<Float64Builder>(part)
                    .expect("a number")
                    .append_value(column[at]);
            }
            point.field_builder::<UInt8Builder>(3).expect("flags").append_value(2);
            point.append(true);
        }
        lists.append(true);
    }
    (column.field(), Arc::new(lists.finish()))
}

fn table(stars: &[(f64, [Points; 5])]) -> RecordBatch {
    table_of("ugriz".char_indices().map(|(at, band)| {
        let bands = stars.iter().map(|(_, bands)| &bands[at]);
        let curves: Vec<_> =
            bands.map(|[times, values, errors]| Curve { times, values, errors }).collect();
        column(&band.to_string(), &curves)
    }))
}

/// How periods were found: exactly, and otherwise by name of the alias.
#[derive(Default)]
struct Tally {
    exact: usize,
    aliases: BTreeMap<String, usize>,
    other: usize,
    doubled: usize,
    seconds: f64,
    /// |Δf| in widths of a peak, of those found exactly.
    misses: Vec<f64>,
}

impl Tally {
    fn words(&self) -> String {
        format!(
            "{} exact, half of them within {:.3} of a peak's width; {:?}; {} other; {} doubled; {:.1} s",
            self.exact,
            self.misses[self.misses.len() / 2],
            self.aliases,
            self.other,
            self.doubled,
            self.seconds
        )
    }
}

fn tally(params: &str, stars: &[(f64, [Points; 5])]) -> Tally {
    let start = std::time::Instant::now();
    let features =
        Harness::<PeriodFeatures>::new(params).table("table", table(stars)).run().expect("it runs");
    let features = features.table("features");
    let found = features.column_by_name("period").expect("periods").as_primitive::<Float64Type>();
    let doubled = features.column_by_name("period_doubled").expect("a column").as_boolean();
    let mut tally = Tally { doubled: doubled.true_count(), ..Tally::default() };
    for ((period, bands), found) in stars.iter().zip(found) {
        let times = || bands.iter().flat_map(|band| band[0].iter().copied());
        let width = 1.0 / (times().fold(0.0, f64::max) - times().fold(f64::INFINITY, f64::min));
        let (truth, found) = (1.0 / period, 1.0 / found.expect("a period"));
        let miss = (found - truth).abs() / width;
        if miss <= 0.5 {
            tally.exact += 1;
            tally.misses.push(miss);
        } else if let Some(name) = relation(truth, found, width) {
            *tally.aliases.entry(name).or_default() += 1;
        } else {
            tally.other += 1;
        }
    }
    tally.misses.sort_by(f64::total_cmp);
    tally.seconds = start.elapsed().as_secs_f64();
    tally
}

/// Exactly: nearer than half a peak's width, 1/(2 · time span), some 1.5e-4 per day. Else as
/// f ± 1/d, solar or sidereal, 2f or f/2.
#[test]
fn published_periods_of_rr_lyrae_are_found() {
    let Some(stars) = stars() else {
        println!("skipped: no {ARCHIVE}");
        return;
    };
    assert_eq!(stars.len(), 483);
    let params = r#"{"min-frequency": 1, "max-frequency": 5, "systematic-error": 0.02, "light-curves": "drop"}"#;
    let found = tally(params, &stars);
    println!("{}", found.words());
    let documented = ["2f", "f/2", "f+1/d", "f-1/d", "1/d-f", "f+1/sd", "f-1/sd", "1/sd-f"];
    let aliases: usize = documented.iter().filter_map(|name| found.aliases.get(*name)).sum();
    let share = (found.exact + aliases) as f64 / stars.len() as f64;
    println!("exact {:.4}, with daily aliases {share:.4}", found.exact as f64 / 483.0);
    assert!(found.exact >= 450, "{}", found.exact);
    assert!(share >= 0.97, "{share}");
    // None of them is a binary.
    assert!(found.doubled <= 5, "{}", found.doubled);
}

/// The same of one star in six, by every method, in the wide search that is the default.
#[test]
fn every_method_finds_most_periods() {
    let Some(stars) = stars() else {
        println!("skipped: no {ARCHIVE}");
        return;
    };
    let stars: Vec<_> = stars.into_iter().step_by(6).collect();
    for (method, rank, least) in [
        ("lomb-scargle", "series", 0.9),
        ("lomb-scargle", "method", 0.6),
        ("conditional-entropy", "series", 0.8),
        ("phase-dispersion", "series", 0.8),
    ] {
        let params = format!(r#"{{"method": "{method}", "rank": "{rank}"}}"#);
        let found = tally(&params, &stars);
        println!("{params}: {}", found.words());
        let share = found.exact as f64 / stars.len() as f64;
        assert!(share > least, "{method} {rank} {share}");
    }
}

/// ASAS: Pojmanski 2002, Acta Astronomica 52, 397; as packed with cesium 0.12.4.
const ASAS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/data/macho_asas_small/asas_training_subset.tar.gz"
);

/// A contact binary whose minima differ, one whose minima are alike, and two Cepheids.
#[test]
fn a_binary_whose_minima_differ_is_doubled() {
    if !Path::new(ASAS).exists() {
        println!("skipped: no {ASAS}");
        return;
    }
    let files = unpacked(ASAS);
    let mut faults = 0;
    for (star, is_doubled) in
        [("243412", true), ("257141", false), ("224635", false), ("235913", false)]
    {
        let mut points = Points::default();
        for line in files[&format!("asas_training_subset/{star}.dat")].lines() {
            for (column, cell) in points.iter_mut().zip(line.split(',')) {
                column.push(cell.parse().unwrap());
            }
        }
        let [times, values, errors] = &points;
        let table = table_of([column("V", &[Curve { times, values, errors }])]);
        let params = r#"{"min-frequency": 0.05}"#;
        let features = Harness::<PeriodFeatures>::new(params).table("table", table);
        let features = features.run().unwrap().table("features");
        let number = |name: &str| {
            features.column_by_name(name).unwrap().as_primitive::<Float64Type>().value(0)
        };
        let (period, doubling) = (number("period"), number("period_doubling"));
        println!("{star}: {period} d, ΔBIC {doubling}");
        faults += usize::from((doubling > 0.0) != is_doubled);
    }
    assert_eq!(faults, 0);
}
