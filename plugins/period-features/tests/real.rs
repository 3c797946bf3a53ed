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
        String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap()).into_owned()
    };
    let mut files = BTreeMap::new();
    let mut rest = archive;
    while rest.len() > 512 && rest[0] != 0 {
        let (header, after) = rest.split_at(512);
        let size = usize::from_str_radix(text(&header[124..136]).trim(), 8).unwrap();
        let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
        files.insert(format!("{prefix}{name}"), String::from_utf8_lossy(&after[..size]).into());
        rest = &after[size.next_multiple_of(512)..];
    }
    files
}

/// Times, magnitudes and errors.
type Points = [Vec<f64>; 3];

/// Stars with their published periods in days, and points in u, g, r, i, z.
fn stars() -> Option<Vec<(f64, [Points; 5])>> {
    if !Path::new(ARCHIVE).exists() {
        println!("skipped: no {ARCHIVE}");
        return None;
    }
    let mut archive = Vec::new();
    GzDecoder::new(std::fs::File::open(ARCHIVE).unwrap()).read_to_end(&mut archive).unwrap();
    let files = untar(&archive);
    let star = |line: &str| {
        let cells: Vec<_> = line.split(',').collect();
        let mut bands: [Points; 5] = std::array::from_fn(|_| Points::default());
        for line in files[&format!("RRLyrae/light-curves/{}.csv", cells[0])].lines().skip(1) {
            let cells: Vec<_> = line.split(',').collect();
            let band = "ugriz".find(cells[3]).unwrap();
            for (column, cell) in bands[band].iter_mut().zip(&cells) {
                column.push(cell.parse().unwrap_or(f64::NAN));
            }
        }
        (cells[2].parse().unwrap(), bands)
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
                point.field_builder::<Float64Builder>(part).unwrap().append_value(column[at]);
            }
            point.field_builder::<UInt8Builder>(3).unwrap().append_value(2);
            point.append(true);
        }
        lists.append(true);
    }
    (column.field(), Arc::new(lists.finish()))
}

fn table(stars: &[(f64, [Points; 5])]) -> RecordBatch {
    table_of("ugriz".char_indices().map(|(at, band)| {
        let curve = |(_, bands): &(f64, [Points; 5])| {
            let [times, values, errors] = &bands[at];
            // Lifetimes of the closure's result are those of the stars.
            (times.clone(), values.clone(), errors.clone())
        };
        let owned: Vec<_> = stars.iter().map(curve).collect();
        let curves: Vec<_> =
            owned.iter().map(|(times, values, errors)| Curve { times, values, errors }).collect();
        column(&band.to_string(), &curves)
    }))
}

/// How periods were found: exactly, and otherwise by name of the alias.
#[derive(Default)]
struct Tally {
    exact: usize,
    aliases: BTreeMap<String, usize>,
    other: usize,
    /// |Δf| in widths of a peak, of those found exactly.
    misses: Vec<f64>,
}

fn tally(params: &str, stars: &[(f64, [Points; 5])]) -> Tally {
    let start = std::time::Instant::now();
    let features =
        Harness::<PeriodFeatures>::new(params).table("table", table(stars)).run().unwrap();
    let features = features.table("features");
    let found = features.column_by_name("period").unwrap().as_primitive::<Float64Type>();
    let mut tally = Tally::default();
    for ((period, bands), found) in stars.iter().zip(found) {
        let times = || bands.iter().flat_map(|band| band[0].iter().copied());
        let width = 1.0 / (times().fold(0.0, f64::max) - times().fold(f64::INFINITY, f64::min));
        let (truth, found) = (1.0 / period, 1.0 / found.unwrap());
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
    println!(
        "{params}\n{} stars in {:.1} s: {} exact, half of them within {:.3} of a peak's width; {:?}; {} other",
        stars.len(),
        start.elapsed().as_secs_f64(),
        tally.exact,
        tally.misses[tally.misses.len() / 2],
        tally.aliases,
        tally.other
    );
    tally
}

/// Exactly: nearer than half a peak's width, 1/(2 · time span), some 1.5e-4 per day. Else as
/// f ± 1/d, solar or sidereal, 2f or f/2.
#[test]
fn published_periods_of_rr_lyrae_are_found() {
    let Some(stars) = stars() else { return };
    assert_eq!(stars.len(), 483);
    let params = r#"{"min-frequency": 1, "max-frequency": 5, "systematic-error": 0.02, "light-curves": "drop"}"#;
    let found = tally(params, &stars);
    let documented = ["2f", "f/2", "f+1/d", "f-1/d", "1/d-f", "f+1/sd", "f-1/sd", "1/sd-f"];
    let aliases: usize = documented.iter().filter_map(|name| found.aliases.get(*name)).sum();
    let share = (found.exact + aliases) as f64 / stars.len() as f64;
    println!("exact {:.4}, with daily aliases {share:.4}", found.exact as f64 / 483.0);
    assert!(found.exact >= 450, "{}", found.exact);
    assert!(share >= 0.97, "{share}");
}

/// The same of one star in six, by every method, in the wide search that is the default.
#[test]
fn every_method_finds_most_periods() {
    let Some(stars) = stars() else { return };
    let stars: Vec<_> = stars.into_iter().step_by(6).collect();
    for (method, rank, least) in [
        ("lomb-scargle", "series", 0.9),
        ("lomb-scargle", "method", 0.6),
        ("conditional-entropy", "series", 0.8),
        ("phase-dispersion", "series", 0.8),
    ] {
        let params = format!(r#"{{"method": "{method}", "rank": "{rank}"}}"#);
        let share = tally(&params, &stars).exact as f64 / stars.len() as f64;
        assert!(share > least, "{method} {rank} {share}");
    }
}
