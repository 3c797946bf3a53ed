//! Prototype.
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use light_curve::Curve;
use period_features::{alias, band::Band, rank, series::Fitter};
use skyloom_kernels::{Curves, Frequencies, Search, lomb_scargle};

const ARCHIVE: &str =
    "../../../shared/data/real_lightcurves_rrlyr_snia/light-curve_test-data.tar.gz";

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

#[test]
fn prototype() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(ARCHIVE);
    let packed = std::fs::read(&path).unwrap();
    let mut archive = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut archive).unwrap();
    let files = untar(&archive);
    let env = |name: &str, or: f64| std::env::var(name).map_or(or, |v| v.parse().unwrap());
    let (fmin, fmax, k, order, equal) =
        (env("FMIN", 1.0), env("FMAX", 5.0), env("K", 10.0) as usize, env("ORDER", 3.0) as usize, env("EQUAL", 0.0) > 0.0);
    let floor = env("FLOOR", 0.0);
    let mut tally: BTreeMap<String, usize> = BTreeMap::new();
    let (mut n, mut first, mut among, mut ranked_ok, mut ranked_alias, mut first_alias) = (0, 0, 0, 0, 0, 0);
    let (mut t_ls, mut t_rank) = (0.0, 0.0);
    let mut worst: f64 = 0.0;
    for line in files["RRLyrae/periods.csv"].lines().skip(1) {
        let cells: Vec<_> = line.split(',').collect();
        let period: f64 = cells[2].parse().unwrap();
        let points = &files[&format!("RRLyrae/light-curves/{}.csv", cells[0])];
        let mut bands: Vec<[Vec<f64>; 3]> = vec![Default::default(); 5];
        for line in points.lines().skip(1) {
            let cells: Vec<_> = line.split(',').collect();
            let Some(band) = "ugriz".find(cells[3]) else { continue };
            let v: Vec<f64> = cells[..3].iter().map(|c| c.parse().unwrap_or(f64::NAN)).collect();
            if v.iter().all(|x| x.is_finite()) && v[2] > 0.0 {
                let e = if equal { 0.1 } else { v[2].hypot(floor) };
                for (c, x) in bands[band].iter_mut().zip([v[0], v[1], e]) { c.push(x) }
            }
        }
        let cat = |i: usize| bands.iter().flat_map(|b| b[i].clone()).collect::<Vec<f64>>();
        let (t, x, e) = (cat(0), cat(1), cat(2));
        let b: Vec<u8> = bands.iter().enumerate().flat_map(|(i, b)| vec![i as u8; b[0].len()]).collect();
        let offsets = [0, t.len() as u32];
        let curves = Curves::new(&offsets, &t, &x, Some(&e), Some(&b)).unwrap();
        let search = Search { frequencies: Frequencies::Auto { samples_per_peak: 5.0, minimum: Some(fmin), maximum: fmax }, peaks: k };
        let start = std::time::Instant::now();
        let peaks = lomb_scargle::search(&curves, &search, 1).unwrap().remove(0);
        t_ls += start.elapsed().as_secs_f64();
        let epoch = t.iter().copied().fold(f64::INFINITY, f64::min);
        let last = t.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let width = 1.0 / (last - epoch);
        let fit: Vec<_> = bands.iter().map(|b| Band::new(Curve { times: &b[0], values: &b[1], errors: &b[2] }, epoch)).collect();
        let truth = 1.0 / period;
        let tol = 0.5 * width;
        let start = std::time::Instant::now();
        let f: Vec<_> = peaks.iter().map(|p| p.frequency).collect();
        let ranked = rank::rank(&mut Fitter::new(order), &fit, &f, width);
        t_rank += start.elapsed().as_secs_f64();
        n += 1;
        let ok = |f: f64| (f - truth).abs() <= tol;
        let al = |f: f64| [2.0*truth, truth/2.0, truth+1.0, truth-1.0, 1.0-truth, 2.0-truth, truth+1.0/0.997269566, truth-1.0/0.997269566].iter().any(|a| (f - a).abs() <= tol);
        first += usize::from(ok(f[0]));
        first_alias += usize::from(!ok(f[0]) && al(f[0]));
        among += usize::from(f.iter().any(|f| ok(*f)));
        let loss = |f: f64, power: f64| -> f64 {
            let mode = std::env::var("LOSS").unwrap_or_default();
            if mode.is_empty() { return -power; }
            let mut rs = Vec::new();
            let mut string = 0.0;
            for b in &fit {
                let Some(s) = Fitter::new(order).fit(b, f) else { continue };
                let r = s.residuals(b, f);
                rs.extend(r.iter().zip(&b.errors).map(|(r, e)| (r / e).abs()));
                string += period_features::fold::Fold::new(&b.times, &b.values, f).lafler_kinman;
            }
            if rs.is_empty() { return -power; }
            let mut sorted = rs.clone();
            sorted.sort_by(f64::total_cmp);
            match &mode[..] {
                "l1" => rs.iter().sum(),
                "q70" => sorted[rs.len() * 7 / 10],
                "trim" => sorted[..rs.len() * 9 / 10].iter().map(|r| r * r).sum(),
                "log" => rs.iter().map(|r| (1.0 + r * r).ln()).sum(),
                "string" => string,
                "both" => string.ln() + sorted[..rs.len() * 9 / 10].iter().map(|r| r * r).sum::<f64>().ln(),
                _ => panic!(),
            }
        };
        let best = *ranked.iter().min_by(|a, b| loss(a.frequency, a.power).total_cmp(&loss(b.frequency, b.power))).unwrap();
        if ok(best.frequency) { ranked_ok += 1; worst = worst.max((best.frequency - truth).abs() / width); }
        else {
            ranked_alias += usize::from(al(best.frequency));
            let rel = alias::relation(truth, best.frequency, width).unwrap_or("?".into());
            println!("{} {} {} true {truth:.6} found {:.6} {rel} ls {:.6} in {:?} n {}", cells[0], cells[1], best.power, best.frequency, f[0], f.iter().position(|f| ok(*f)), t.len());
            *tally.entry(rel).or_default() += 1;
        }
    }
    println!("{n} first {first} (+alias {first_alias}) among {among} ranked {ranked_ok} (+alias {ranked_alias}) {tally:?} worst {worst} ls {:.2} ms rank {:.2} ms", t_ls * 1e3 / n as f64, t_rank * 1e3 / n as f64);
}
