//! Over all the light curves that goldens/make_goldens.py read: their features add up to
//! what those of light-curve and NumPy add up to. See goldens/README.md.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use light_curve::Curve;
use light_curve_features::extract::Extractor;
use light_curve_features::feature::Feature;

const ARCHIVE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/data/real_lightcurves_rrlyr_snia/light-curve_test-data.tar.gz"
);

/// Name and content of each file in a tar archive: blocks of 512 bytes, a header before each
/// file.
fn files(archive: &[u8]) -> Vec<(String, &[u8])> {
    let mut files = Vec::new();
    let mut at = 0;
    while archive.len() >= at + 512 && archive[at] != 0 {
        let text = |from: usize, length: usize| {
            let field = &archive[at + from..at + from + length];
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(length);
            String::from_utf8_lossy(&field[..end]).trim().to_owned()
        };
        let size = usize::from_str_radix(&text(124, 12), 8).expect("a size in octal");
        files.push((text(0, 100), &archive[at + 512..at + 512 + size]));
        at += 512 + size.div_ceil(512) * 512;
    }
    files
}

/// Points of each object and band, sorted by time.
fn curves(archive: &[u8]) -> Vec<Vec<[f64; 3]>> {
    let mut curves: BTreeMap<(String, String), Vec<[f64; 3]>> = BTreeMap::new();
    for (name, content) in files(archive) {
        if !(name.contains("/light-curves/") && name.ends_with(".csv")) {
            continue;
        }
        for line in std::str::from_utf8(content).expect("text").lines().skip(1) {
            let cells: Vec<_> = line.split(',').collect();
            let point = [0, 1, 2].map(|cell| cells[cell].parse().expect("a number"));
            curves.entry((name.clone(), cells[3].to_owned())).or_default().push(point);
        }
    }
    let mut curves: Vec<_> = curves.into_values().collect();
    curves.iter_mut().for_each(|points| points.sort_by(|a, b| a[0].total_cmp(&b[0])));
    curves
}

/// Those that light-curve takes as they are.
fn is_usable(points: &[[f64; 3]]) -> bool {
    points.len() >= 5
        && points.windows(2).all(|pair| pair[0][0] < pair[1][0])
        && points.iter().any(|point| point[1] != points[0][1])
        && points.iter().all(|point| point[2] > 0.0)
}

#[test]
fn features_of_thousands_of_light_curves_add_up() {
    if !Path::new(ARCHIVE).exists() {
        println!("skipped: no {ARCHIVE}");
        return;
    }
    let mut archive = Vec::new();
    GzDecoder::new(std::fs::File::open(ARCHIVE).unwrap()).read_to_end(&mut archive).unwrap();
    let sums: Vec<Vec<_>> = include_str!("../goldens/sums.csv")
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect())
        .collect();
    let slow = [Feature::DampedRandomWalk, Feature::StructureFunction];
    let features: Vec<_> =
        Feature::ALL.into_iter().filter(|feature| !slow.contains(feature)).collect();
    let columns: Vec<_> = features.iter().flat_map(|feature| feature.spec().columns).collect();
    let mut extractor = Extractor::new(&features, 1.0);
    let (mut numbers, mut reasons) = (vec![0.0; columns.len()], Vec::new());
    let mut totals = vec![(0, 0.0); columns.len()];
    for points in curves(&archive).iter().filter(|points| is_usable(points)) {
        let [times, values, errors] =
            [0, 1, 2].map(|part| points.iter().map(|point| point[part]).collect::<Vec<_>>());
        let curve = Curve { times: &times, values: &values, errors: &errors };
        extractor.extract(curve, &mut numbers, &mut reasons);
        for (total, number) in totals.iter_mut().zip(&numbers) {
            if !number.is_nan() {
                *total = (total.0 + 1, total.1 + number.abs());
            }
        }
    }
    let mut faults = Vec::new();
    for line in &sums {
        let place = columns.iter().position(|column| column.name == line[0]).unwrap();
        let (count, sum) = totals[place];
        let theirs: f64 = line[2].parse().unwrap();
        if count != line[1].parse::<i32>().unwrap() || (sum - theirs).abs() > 1e-9 * theirs {
            faults.push(format!("{}: {count} {sum}, not {} {theirs}", line[0], line[1]));
        }
    }
    assert_eq!(faults, [""; 0]);
    assert_eq!(sums.len(), 41);
}
