//! Against photutils, astropy and SciPy, on analytic images and stamps of ZTF: see goldens/README.md.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fs;
use std::path::Path;

use morphology_features::Params;
use morphology_features::fits;
use morphology_features::image::Image;
use morphology_features::measure::{Measured, measure};

const NAMES: [&str; 18] = [
    "background",
    "noise",
    "x",
    "y",
    "a",
    "b",
    "theta",
    "ellipticity",
    "petrosian_radius",
    "flux",
    "half_light_radius",
    "concentration",
    "asymmetry",
    "gini",
    "m20",
    "sharpness",
    "psf_minus_model",
    "star_index",
];

fn numbers(of: &Measured) -> [Option<f64>; 18] {
    [
        of.background,
        of.noise,
        of.x,
        of.y,
        of.a,
        of.b,
        of.theta_deg,
        of.ellipticity,
        of.petrosian,
        of.flux,
        of.r50,
        of.concentration,
        of.asymmetry,
        of.gini,
        of.m20,
        of.sharpness,
        of.psf_minus_model,
        of.star_index,
    ]
}

fn params() -> Params {
    skyloom_plugin::serde_json::from_str(r#"{"image": "i", "psf-fwhm": 2.5}"#).unwrap()
}

fn image(name: &str) -> Image {
    let path = format!("{}/goldens/{name}.fits.gz", env!("CARGO_MANIFEST_DIR"));
    fits::read(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn features_are_those_of_photutils() {
    let lines: Vec<_> = include_str!("../goldens/features.csv").lines().collect();
    assert_eq!(lines[0].split(',').skip(1).collect::<Vec<_>>(), NAMES);
    for line in &lines[1..] {
        let (name, expected) = line.split_once(',').unwrap();
        let measured = measure(&image(name), &params());
        assert_eq!(measured.why, None, "{name}");
        for ((what, found), expected) in
            NAMES.iter().zip(numbers(&measured)).zip(expected.split(','))
        {
            let (found, expected) = (found.unwrap(), expected.parse::<f64>().unwrap());
            // Theirs subtracts the noise's asymmetry by a sum over a million quantiles.
            let allowed = if *what == "asymmetry" { 1e-5 } else { 1e-8 * expected.abs().max(1.0) };
            // An angle of an axis; a round source has none.
            let turns =
                if *what == "theta" { libm::round((expected - found) / 180.0) } else { 0.0 };
            if *what == "theta" && measured.ellipticity < Some(1e-6) {
                continue;
            }
            let expected = expected - 180.0 * turns;
            assert!((found - expected).abs() <= allowed, "{name} {what}: {found}, not {expected}");
        }
    }
}

#[test]
fn a_gaussian_has_its_moments() {
    let found = measure(&image("gaussian"), &params());
    let truth = [
        (found.x, 30.3),
        (found.y, 31.6),
        (found.a, 4.0),
        (found.b, 2.5),
        (found.theta_deg, 30.0),
        (found.ellipticity, 0.375),
    ];
    for (found, truth) in truth {
        assert!((found.unwrap() / truth - 1.0).abs() < 1e-4, "{found:?}, not {truth}");
    }
}

#[test]
fn a_disk_has_its_radii() {
    let found = measure(&image("disk"), &params());
    // By integrals of exp(−r/3), which has no pixels: see goldens/README.md.
    for (found, truth) in [(found.petrosian, 10.6384), (found.r50, 4.8883)] {
        assert!((found.unwrap() / truth - 1.0).abs() < 1e-2, "{found:?}, not {truth}");
    }
    assert!(found.asymmetry.unwrap().abs() < 1e-6);
    assert!(found.star_index.unwrap() < 0.2 && found.psf_minus_model.unwrap() > 0.5);
}

/// Stamps lie in alert packets as they are: gzipped FITS, found by gzip's first bytes.
#[test]
fn stamps_of_the_survey_are_measured() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/alerts_avro/ztf");
    let Ok(entries) = fs::read_dir(&folder) else {
        eprintln!("skipped: the alert packets are not there");
        return;
    };
    let (mut stamps, mut measured) = (0, 0);
    for entry in entries {
        let path = entry.unwrap().path();
        let Ok(bytes) = fs::read(&path) else { continue };
        let starts = bytes.windows(3).enumerate().filter(|(_, window)| **window == [0x1f, 0x8b, 8]);
        for (start, _) in starts {
            // What follows in the packet is no gzip: only the first member counts.
            let mut unpacked = Vec::new();
            let mut gzip = flate2::read::GzDecoder::new(&bytes[start..]);
            if std::io::Read::read_to_end(&mut gzip, &mut unpacked).is_err() {
                continue;
            }
            stamps += 1;
            let found = fits::read(&unpacked).map(|image| measure(&image, &params())).unwrap();
            measured += usize::from(found.flux.is_some());
            assert!(
                found.why.is_some() || numbers(&found).iter().all(Option::is_some),
                "{found:?}"
            );
        }
    }
    assert!(stamps >= 42 && measured * 3 > stamps, "{measured} of {stamps}");
}
