//! Against mpmath and uncertainties: see goldens/README.md.

use photometric_features::photometry::{
    Scale, asinh_mag, asinh_mag_err, quadrature, sdss_softening,
};

fn lines(text: &str) -> impl Iterator<Item = Vec<Option<f64>>> {
    // Empty cells and names of bands are no numbers.
    text.lines().skip(1).map(|line| line.split(',').map(|cell| cell.parse().ok()).collect())
}

fn assert_close(ours: f64, theirs: f64, rel: f64, abs: f64, what: &str) {
    assert!((ours - theirs).abs() <= (rel * theirs.abs()).max(abs), "{what}: {ours} {theirs}");
}

#[test]
fn asinh_magnitudes_are_mpmath_s() {
    let text = include_str!("../goldens/asinh_magnitudes.csv");
    let mut count = 0;
    for (line, numbers) in text.lines().skip(1).zip(lines(text)) {
        let softening = sdss_softening(line.chars().next().unwrap()).unwrap();
        let scale = Scale { zero_point: 1e9, softening };
        let [flux, err, mag, mag_err] = [1, 2, 3, 4].map(|column| numbers[column].unwrap());
        assert_close(asinh_mag(flux, scale), mag, 1e-14, 1e-14, line);
        assert_close(asinh_mag_err(flux, err, scale), mag_err, 1e-14, 0.0, line);
        count += 1;
    }
    assert_eq!(count, 205);
}

#[test]
fn colours_are_those_of_uncertainties() {
    let mut count = 0;
    for line in lines(include_str!("../goldens/colours.csv")) {
        for pair in 0..4 {
            let band = 2 * pair;
            let (colour, err) = (line[10 + band], line[11 + band]);
            let both = line[band].zip(line[band + 2]);
            assert_eq!(both.is_some(), colour.is_some());
            let (Some((a, b)), Some(colour), Some(err)) = (both, colour, err) else {
                continue;
            };
            assert_eq!(a - b, colour);
            let ours = quadrature(line[band + 1].unwrap(), line[band + 3].unwrap());
            assert_close(ours, err, 1e-15, 0.0, "error");
            count += 1;
        }
    }
    assert!(count > 140);
}
