//! Against healpy and astropy-healpix, and against BLAKE3 from Python: see goldens/README.md.

use split::healpix::cell;
use split::side::{Key, place};

fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().skip(1).map(|line| line.split(',').collect())
}

#[test]
fn cells_are_healpy_s() {
    let mut count = 0;
    for line in lines(include_str!("../goldens/healpix_cells.csv")) {
        let (ra, dec) = (line[0].parse().unwrap(), line[1].parse().unwrap());
        let nested: u64 = line[3].parse().unwrap();
        assert_eq!(cell(line[2].parse().unwrap(), ra, dec), nested, "{line:?}");
        count += 1;
    }
    assert_eq!(count, 1_500);
}

#[test]
fn places_are_python_s() {
    let mut count = 0;
    for line in lines(include_str!("../goldens/places.csv")) {
        let (seed, value) = (line[0].parse().unwrap(), line[2]);
        let key = match line[1] {
            "integer" => Key::Integer(value.parse().unwrap()),
            "float" => Key::Float(value.parse().unwrap()),
            "text" => Key::Text(value),
            "boolean" => Key::Boolean(value.parse().unwrap()),
            "healpix" => {
                let (order, cell) = value.split_once(':').unwrap();
                Key::Cell(order.parse().unwrap(), cell.parse().unwrap())
            }
            kind => panic!("no kind {kind}"),
        };
        let expected: f64 = line[3].parse().unwrap();
        assert_eq!(place(seed, key), expected, "{line:?}");
        count += 1;
    }
    assert_eq!(count, 84);
}
