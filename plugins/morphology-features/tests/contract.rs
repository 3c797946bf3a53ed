//! The declaration holds; images come in every form; what cannot be measured says why.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use morphology_features::MorphologyFeatures;
use morphology_features::image::Why;
use skyloom_plugin::arrow_array::builder::{
    FixedSizeListBuilder, Float32Builder, Float64Builder, Int32Builder, LargeListBuilder,
    ListBuilder,
};
use skyloom_plugin::arrow_array::cast::AsArray;
use skyloom_plugin::arrow_array::types::Float64Type;
use skyloom_plugin::arrow_array::{BinaryArray, LargeBinaryArray, RecordBatch};
use skyloom_plugin::prelude::*;
use skyloom_plugin_testing::{Harness, table};

const SIDE: usize = 33;
const LAST: &str = "cut_star_index";

/// A round Gaussian of σ 2 in the middle, on a sky of 100 with a pattern of ±1; whole numbers.
fn star() -> Vec<f64> {
    let at = |index: usize| ((index % SIDE) as f64 - 16.0, (index / SIDE) as f64 - 16.0);
    let value = |index: usize| {
        let (x, y) = at(index);
        let sky = 100.0 + f64::from(index as u32 % 3) - 1.0;
        sky + libm::round(5000.0 * libm::exp(-(x * x + y * y) / 8.0))
    };
    (0..SIDE * SIDE).map(value).collect()
}

fn floats(cells: &[Option<Vec<f64>>]) -> ArrayRef {
    let mut lists = ListBuilder::new(Float64Builder::new());
    for cell in cells {
        let numbers = cell.iter().flatten();
        numbers.for_each(|number| lists.values().append_value(*number));
        lists.append(cell.is_some());
    }
    Arc::new(lists.finish())
}

fn card(key: &str, value: &str) -> String {
    format!("{:<80}", format!("{key:<8}= {value:>20} / about it"))
}

/// A FITS file with these cards after SIMPLE.
fn fits(cards: &[(&str, &str)], data: &[u8]) -> Vec<u8> {
    let mut header = card("SIMPLE", "T");
    cards.iter().for_each(|(key, value)| header.push_str(&card(key, value)));
    header.push_str("END");
    let mut bytes = header.into_bytes();
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(2880), 0);
    bytes
}

fn star_cards<'a>(bitpix: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let sides = [("BITPIX", bitpix), ("NAXIS", "2"), ("NAXIS1", "33"), ("NAXIS2", "33")];
    sides.into_iter().chain(more.iter().copied()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).expect("into memory");
    gzip.finish().expect("into memory")
}

fn harness(params: &str, images: ArrayRef) -> Harness<MorphologyFeatures> {
    Harness::new(params).table("table", table([("cut", images)]))
}

fn features(params: &str, images: ArrayRef) -> RecordBatch {
    harness(params, images).run().expect("runs").table("features")
}

const PARAMS: &str = r#"{"image": "cut", "psf-fwhm": 4.7}"#;

fn number(features: &RecordBatch, column: &str, row: usize) -> Option<f64> {
    let values = features.column_by_name(column)?.as_primitive::<Float64Type>();
    values.is_valid(row).then(|| values.value(row))
}

fn reason(features: &RecordBatch, row: usize) -> Option<&str> {
    let reasons = features.column_by_name("cut_reason")?.as_string::<i32>();
    reasons.is_valid(row).then(|| reasons.value(row))
}

#[test]
fn reads_what_it_declares() {
    let images = floats(&[Some(star()), None, Some(vec![1.0; 100])]);
    let other: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]));
    let rows = table([("cut", images), ("other", other)]);
    Harness::<MorphologyFeatures>::new(PARAMS).table("table", rows).prove();
    let raw: Vec<u8> = star().iter().flat_map(|value| value.to_be_bytes()).collect();
    let file = fits(&star_cards("-64", &[]), &raw);
    harness(PARAMS, Arc::new(BinaryArray::from_opt_vec(vec![Some(&file), None]))).prove();
}

#[test]
fn a_star_is_a_star() {
    let found = features(PARAMS, floats(&[Some(star())]));
    assert_eq!(reason(&found, 0), None);
    let within = [
        ("cut_background", 99.0, 101.0),
        ("cut_noise", 0.5, 1.0),
        ("cut_x", 15.99, 16.01),
        ("cut_y", 15.99, 16.01),
        ("cut_a", 1.95, 2.05),
        ("cut_ellipticity", 0.0, 0.02),
        ("cut_flux", 120_000.0, 130_000.0),
        ("cut_half_light_radius", 2.2, 2.5),
        ("cut_asymmetry", -0.02, 0.02),
        ("cut_psf_minus_model", -1e-3, 0.02),
        (LAST, 0.95, 1.0),
    ];
    for (column, low, high) in within {
        let found = number(&found, column, 0).unwrap();
        assert!((low..=high).contains(&found), "{column}: {found}");
    }
}

#[test]
fn every_form_of_an_image_gives_the_same() {
    let (star, expected) = (star(), features(PARAMS, floats(&[Some(star())])));
    let mut forms: Vec<(&str, ArrayRef)> = Vec::new();
    let mut large = LargeListBuilder::new(Int32Builder::new());
    star.iter().for_each(|value| large.values().append_value(*value as i32));
    large.append(true);
    forms.push(("large list of int32", Arc::new(large.finish())));
    let mut fixed = FixedSizeListBuilder::new(Float32Builder::new(), (SIDE * SIDE) as i32);
    star.iter().for_each(|value| fixed.values().append_value(*value as f32));
    fixed.append(true);
    forms.push(("fixed-size list of float32", Arc::new(fixed.finish())));
    let mut rows = ListBuilder::new(ListBuilder::new(Float64Builder::new()));
    for row in star.chunks(SIDE) {
        row.iter().for_each(|value| rows.values().values().append_value(*value));
        rows.values().append(true);
    }
    rows.append(true);
    forms.push(("list of lists", Arc::new(rows.finish())));

    let bytes = |to: &dyn Fn(f64) -> Vec<u8>| star.iter().flat_map(|v| to(*v)).collect::<Vec<_>>();
    let double = fits(&star_cards("-64", &[]), &bytes(&|v| v.to_be_bytes().into()));
    let files = [
        ("double", double.clone()),
        ("gzipped", gzip(&double)),
        ("float", fits(&star_cards("-32", &[]), &bytes(&|v| (v as f32).to_be_bytes().into()))),
        ("int32", fits(&star_cards("32", &[]), &bytes(&|v| (v as i32).to_be_bytes().into()))),
        ("int64", fits(&star_cards("64", &[]), &bytes(&|v| (v as i64).to_be_bytes().into()))),
        (
            "unsigned int16",
            fits(
                &star_cards("16", &[("BZERO", "3.2768D4"), ("BSCALE", "1.0"), ("NAXIS3", "7")]),
                &bytes(&|v| ((v - 32768.0) as i16).to_be_bytes().into()),
            ),
        ),
        (
            "half of int16",
            fits(
                &star_cards("16", &[("BSCALE", "0.5")]),
                &bytes(&|v| ((v * 2.0) as i16).to_be_bytes().into()),
            ),
        ),
    ];
    for (name, file) in &files {
        forms.push((name, Arc::new(LargeBinaryArray::from_vec(vec![file]))));
    }
    for (name, images) in forms {
        let found = features(PARAMS, images);
        assert_eq!(expected.columns()[1..], found.columns()[1..], "{name}");
    }
    let byte = fits(&star_cards("8", &[]), &bytes(&|v| vec![(v / 32.0) as u8]));
    let found = features(PARAMS, Arc::new(BinaryArray::from_vec(vec![&byte])));
    assert!((number(&found, "cut_x", 0).unwrap() - 16.0).abs() < 0.1);
}

#[test]
fn oblong_images_have_a_width() {
    let star = star()[..SIDE * 30].to_vec();
    let found = features(
        r#"{"image": "cut", "width": 33, "prefix": "g", "pixel-scale": 0.5}"#,
        floats(&[Some(star.clone())]),
    );
    assert!((number(&found, "g_y", 0).unwrap() - 16.0).abs() < 0.01);
    assert!((number(&found, "g_a", 0).unwrap() - 1.0).abs() < 0.03);
    assert!(found.column_by_name("g_star_index").is_none());
    let found = features(PARAMS, floats(&[Some(star)]));
    assert_eq!(reason(&found, 0), Some("the numbers fill no rectangle"));
}

#[test]
fn what_cannot_be_measured_says_why() {
    let with = |change: &dyn Fn(usize, f64) -> f64| {
        Some(star().iter().enumerate().map(|(at, value)| change(at, *value)).collect())
    };
    let (x, y) = (|at: usize| at % SIDE, |at: usize| at / SIDE);
    let edge = |at: usize| x(at) < 3 || y(at) < 3 || x(at) > 29 || y(at) > 29;
    let wide = |at: usize| {
        let (dx, dy) = (x(at) as f64 - 16.0, y(at) as f64 - 16.0);
        10.0 * libm::exp(-libm::hypot(dx, dy) / 12.0)
    };
    let cases: [(Option<Vec<f64>>, &str, &str); 10] = [
        (None, "no image", ""),
        (Some(vec![]), "no image", ""),
        (Some(vec![1.0; 16]), "fewer than 5 pixels in a row or column", ""),
        (Some(vec![1.0; 26]), "the numbers fill no rectangle", ""),
        (with(&|_, _| f64::NAN), "half of the border or more is masked", ""),
        (with(&|_, _| 7.0), "no source near the centre", "cut_noise"),
        (with(&|at, v| if edge(at) { v } else { 50.0 }), "no source near the centre", "cut_noise"),
        (with(&|at, _| wide(at)), "no Petrosian radius within the image", "cut_a"),
        (
            with(&|at, v| if at == 16 * 34 { f64::NAN } else { v }),
            "masked pixels in the source",
            "cut_y",
        ),
        (with(&|_, v| v * 1e305), "no source near the centre", ""),
    ];
    let images: Vec<_> = cases.iter().map(|case| case.0.clone()).collect();
    let found = features(PARAMS, floats(&images));
    for (row, (_, why, last)) in cases.iter().enumerate() {
        let told = reason(&found, row);
        assert_eq!(told, Some(*why), "row {row}");
        assert_eq!(number(&found, LAST, row), None, "row {row}: {why}");
        assert_eq!(number(&found, "cut_flux", row), None, "row {row}: {why}");
        if !last.is_empty() {
            assert!(number(&found, last, row).is_some(), "row {row}: {why} {last}");
        }
    }
}

#[test]
fn what_one_feature_lacks_has_a_reason() {
    // The kernel of so wide a PSF does not fit into the image.
    let found = features(r#"{"image": "cut", "psf-fwhm": 60}"#, floats(&[Some(star())]));
    assert_eq!(reason(&found, 0), Some("some feature is not defined for these pixels"));
    assert_eq!(number(&found, "cut_sharpness", 0), None);
    assert!(number(&found, "cut_flux", 0).is_some() && number(&found, LAST, 0).is_some());
}

#[test]
fn hostile_files_say_why() {
    let raw: Vec<u8> = star().iter().flat_map(|value| value.to_be_bytes()).collect();
    let good = fits(&star_cards("-64", &[]), &raw);
    let sides = |x, y| vec![("BITPIX", "-64"), ("NAXIS", "2"), ("NAXIS1", x), ("NAXIS2", y)];
    let mut endless = card("SIMPLE", "T").into_bytes();
    endless.resize(2_000_000, b' ');
    let zeros = gzip(&vec![0; 64 << 20]);
    let huge = "9223372036854775807";
    let files: Vec<(Vec<u8>, Why)> = vec![
        (vec![], Why::NotFits),
        (b"hello".to_vec(), Why::NotFits),
        (zeros, Why::NotFits),
        (gzip(&good)[..300].to_vec(), Why::BadGzip),
        (vec![0x1f, 0x8b], Why::BadGzip),
        (good[..1000].to_vec(), Why::Truncated),
        (good[..2880].to_vec(), Why::Truncated),
        (good[..5000].to_vec(), Why::Truncated),
        (endless, Why::BadHeader),
        (fits(&star_cards("7", &[]), &raw), Why::BadHeader),
        (fits(&star_cards("-9223372036854775808", &[]), &raw), Why::BadHeader),
        (fits(&star_cards("x", &[]), &raw), Why::BadHeader),
        (fits(&star_cards("-64", &[("BSCALE", "1e999")]), &raw), Why::BadHeader),
        (fits(&star_cards("-64", &[("BZERO", "'a'")]), &raw), Why::BadHeader),
        (fits(&[("BITPIX", "-64")], &raw), Why::BadHeader),
        (fits(&[("BITPIX", "8"), ("NAXIS", "0")], &[]), Why::NotTwoAxes),
        (fits(&[("BITPIX", "8"), ("NAXIS", "999")], &[]), Why::NotTwoAxes),
        (
            fits(
                &[
                    ("BITPIX", "8"),
                    ("NAXIS", "3"),
                    ("NAXIS1", "9"),
                    ("NAXIS2", "9"),
                    ("NAXIS3", "2"),
                ],
                &raw,
            ),
            Why::NotTwoAxes,
        ),
        (fits(&sides(huge, huge), &raw), Why::TooLarge),
        (fits(&sides("1048576", "1048576"), &raw), Why::TooLarge),
        (fits(&sides("1024", "1025"), &raw), Why::TooLarge),
        (fits(&sides("-5", "5"), &raw), Why::BadHeader),
        (fits(&sides("0", "5"), &raw), Why::TooSmall),
        (fits(&sides("1024", "1024"), &raw), Why::Truncated),
    ];
    let images = files.iter().map(|(file, _)| file.as_slice()).collect();
    let found = features(PARAMS, Arc::new(BinaryArray::from_vec(images)));
    for (row, (_, why)) in files.iter().enumerate() {
        assert_eq!(reason(&found, row), Some(why.word()), "file {row}");
    }
    // However a file is cut or altered, nothing panics.
    for at in (0..good.len()).step_by(7) {
        let mut altered = good.clone();
        altered[at] ^= 0x5a;
        morphology_features::fits::read(&altered).ok();
        morphology_features::fits::read(&good[..at]).ok();
    }
}

#[test]
fn blank_pixels_are_masked() {
    let raw: Vec<u8> = star().iter().flat_map(|value| (*value as i32).to_be_bytes()).collect();
    let file = fits(&star_cards("32", &[("BLANK", "101"), ("BZERO", "5.0")]), &raw);
    let image = morphology_features::fits::read(&file).unwrap();
    let masked = image.pixels().iter().filter(|pixel| pixel.is_nan()).count();
    assert!(masked > 100 && masked == star().iter().filter(|value| **value == 101.0).count());
    assert_eq!(image.at(16, 16), star()[16 * 34] + 5.0);
}

#[test]
fn bad_params_are_named() {
    for (params, start) in [
        (r#"{"image": "cut", "width": 0}"#, "parameter `width`"),
        (r#"{"image": "cut", "border": 0}"#, "parameter `border`"),
        (r#"{"image": "cut", "prefix": ""}"#, "parameter `prefix`"),
        (r#"{"image": "cut", "threshold": -1}"#, "parameter `threshold`: -1 is not a positive"),
        (r#"{"image": "cut", "psf-fwhm": 1e3}"#, "parameter `psf-fwhm`: the PSF's σ is 424"),
        (r#"{"image": "cut", "pixel-scale": 0}"#, "parameter `pixel-scale`"),
    ] {
        let told = harness(params, floats(&[None])).run().err().expect("fails").to_string();
        assert!(told.starts_with(start), "{told}");
    }
    let binary: ArrayRef = Arc::new(BinaryArray::from_opt_vec(vec![None]));
    let told = harness(r#"{"image": "cut", "width": 9}"#, binary).run().err().expect("fails");
    assert!(told.to_string().starts_with("parameter `width`: is for flat lists"), "{told}");
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    let told = harness(PARAMS, text).run().err().expect("fails").to_string();
    assert!(told.contains("lists of numbers"), "{told}");
}
