#!/usr/bin/env python3
"""Writes images and their features by photutils, astropy and SciPy, and compares the moments with sep's.

    pip install photutils==3.0.0 astropy==8.0.2 scipy==1.17.1 sep==1.4.1 fastavro==1.13.1
    python make_goldens.py DATA

DATA holds the folder alerts_avro.
"""

import gzip
import io
import pathlib
import sys

import fastavro
import numpy as np
import sep
from astropy.io import fits
from astropy.stats import sigma_clip
from photutils.aperture import CircularAperture
from photutils.morphology import gini
from photutils.segmentation import SegmentationImage, SourceCatalog
from scipy import integrate, ndimage, optimize, stats

HERE = pathlib.Path(__file__).parent
FWHM = 2.5
SIGMA = FWHM / np.sqrt(8 * np.log(2))
THRESHOLD = 1.5
WIDTHS = [0.0, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.2]


def border(image):
    width = max(min(image.shape) // 10, 2)
    mask = np.ones(image.shape, bool)
    mask[width:-width, width:-width] = False
    values = image[mask]
    kept = sigma_clip(values[np.isfinite(values)], sigma=3, maxiters=10, masked=False)
    return np.median(kept), np.std(kept)


def segment(data, threshold):
    labels, _ = ndimage.label(data > threshold, structure=np.ones((3, 3)))
    y, x = np.indices(data.shape)
    centre = (np.array(data.shape) - 1) / 2
    near = np.hypot(y - centre[0], x - centre[1]) <= min(data.shape) / 4
    y, x = np.unravel_index(np.nanargmax(np.where(near, data, -np.inf)), data.shape)
    return labels == labels[y, x]


def moments(data, mask):
    """By photutils, which works in doubles; sep works in floats."""
    one = SourceCatalog(data, SegmentationImage(mask.astype(int)))
    (x, y), a, b = one.centroid[0], one.semimajor_axis[0].value, one.semiminor_axis[0].value
    theta = one.orientation[0].value
    # Without deblending, cleaning and filter: the same pixels.
    image = np.ascontiguousarray(np.where(mask, data, -1e9))
    found = sep.extract(image, float(data[mask].min() * 0.999), minarea=1, filter_kernel=None, deblend_cont=1.0, clean=False)
    found = found[np.argmax(found["npix"])]
    assert found["npix"] == mask.sum()
    theirs = [found[name] for name in ("x", "y", "a", "b")]
    assert np.allclose(theirs, [x, y, a, b], rtol=2e-4), (theirs, [x, y, a, b])
    return x, y, a, b, theta


def asymmetry(data, x, y, r, noise):
    rows, columns = np.indices(data.shape)
    near = np.hypot(columns - x, rows - y) <= r
    least = np.inf
    for twice_y in np.round(2 * y) + np.arange(-2, 3):
        for twice_x in np.round(2 * x) + np.arange(-2, 3):
            turned = ndimage.map_coordinates(data, [twice_y - rows, twice_x - columns], order=0, cval=np.nan)
            good = near & np.isfinite(turned) & np.isfinite(data)
            total = np.abs(data[good]).sum()
            noisy = good.sum() * np.mean(np.abs(stats.norm.ppf((np.arange(1_000_000) + 0.5) / 1_000_000))) * np.sqrt(2) * noise
            least = min(least, (np.abs(data - turned)[good].sum() - noisy) / total)
    return least


def measure(image):
    level, noise = border(image)
    data = image - level
    mask = segment(data, THRESHOLD * noise)
    x, y, a, b, theta = moments(data, mask)
    flux = lambda r: float(CircularAperture((x, y), r).do_photometry(data, method="exact")[0][0])
    ring = lambda r: (flux(1.25 * r) - flux(0.8 * r)) / (np.pi * r**2 * (1.25**2 - 0.8**2))
    excess = lambda r: ring(r) / (flux(r) / (np.pi * r**2)) - 0.2
    grid = 1.05 ** np.arange(-1, 80)
    after = next(i for i, r in enumerate(grid) if r >= 1 and excess(r) < 0)
    petrosian = optimize.brentq(excess, grid[after - 1], grid[after], xtol=1e-12)
    r = 1.5 * petrosian
    total = flux(r)
    radius = lambda share: optimize.brentq(lambda at: flux(at) - share * total, 1e-3, r, xtol=1e-12)
    rows, columns = np.indices(data.shape)
    near = np.hypot(columns - x, rows - y) <= r
    chosen = near & (data >= ring(petrosian))
    values, cx, cy = data[chosen], columns[chosen], rows[chosen]
    moment = values * ((cx - np.average(cx, weights=values)) ** 2 + (cy - np.average(cy, weights=values)) ** 2)
    order = np.argsort(-values)
    count = np.searchsorted(np.cumsum(values[order]), 0.2 * values.sum()) + 1
    m20 = np.log10(moment[order][:count].sum() / moment.sum())
    py, px = np.unravel_index(np.argmax(np.where(mask, data, -np.inf)), data.shape)
    dist2 = (columns - px) ** 2 + (rows - py) ** 2
    kernel = dist2 <= max(2, 1.5 * SIGMA) ** 2
    design = np.column_stack([np.exp(-dist2[kernel] / (2 * SIGMA**2)), np.ones(kernel.sum())])
    height = np.linalg.lstsq(design, data[kernel])[0][0]
    sharpness = (data[py, px] - data[kernel & (dist2 > 0)].mean()) / height
    fits_of = []
    for width in WIDTHS:
        sigma = SIGMA * np.sqrt(1 + width**2)
        inside = lambda at, centre: stats.norm.cdf(at + 0.5, centre, sigma) - stats.norm.cdf(at - 0.5, centre, sigma)
        profile = (inside(columns, x) * inside(rows, y))[near]
        (found,), rest, *_ = np.linalg.lstsq(profile[:, None], data[near])
        fits_of.append((rest[0], found))
    psf_minus_model = 2.5 * np.log10(min(fits_of)[1] / fits_of[0][1])
    r50 = radius(0.5)
    point = optimize.brentq(lambda at: stats.rayleigh.cdf(at, scale=np.sqrt(SIGMA**2 + 1 / 12)) - 0.5, 0.01, 100, xtol=1e-12)
    return {
        "background": level, "noise": noise, "x": x, "y": y, "a": a, "b": b, "theta": theta,
        "ellipticity": 1 - b / a, "petrosian_radius": petrosian, "flux": total, "half_light_radius": r50,
        "concentration": 5 * np.log10(radius(0.8) / radius(0.2)), "asymmetry": asymmetry(data, x, y, r, noise),
        "gini": gini(values), "m20": m20, "sharpness": sharpness, "psf_minus_model": psf_minus_model,
        "star_index": min(1, (point / r50) ** 2),
    }


def gaussian():
    """sigma 4 and 2.5, 30 degrees, flux 1000, at (30.3, 31.6); no noise."""
    y, x = np.indices((64, 64))
    turn = np.radians(30)
    u = (x - 30.3) * np.cos(turn) + (y - 31.6) * np.sin(turn)
    v = (y - 31.6) * np.cos(turn) - (x - 30.3) * np.sin(turn)
    return 1000 / (2 * np.pi * 4 * 2.5) * np.exp(-(u**2) / 32 - v**2 / 12.5)


def disk(scale=3.0):
    """exp(-r / 3), each pixel the mean of 11 x 11 points; no noise."""
    at = (np.arange(101 * 11) - 5) / 11
    image = np.exp(-np.hypot(*np.meshgrid(at - 50, at - 50)) / scale)
    return image.reshape(101, 11, 101, 11).mean(axis=(1, 3))


def disk_by_formula(scale=3.0):
    """Petrosian radius and half-light radius of exp(-r / scale), by integrals."""
    flux = lambda r: integrate.quad(lambda at: 2 * np.pi * at * np.exp(-at / scale), 0, r)[0]
    ratio = lambda r: (flux(1.25 * r) - flux(0.8 * r)) / (1.25**2 - 0.8**2) / flux(r) - 0.2
    petrosian = optimize.brentq(ratio, 0.5, 50)
    return petrosian, optimize.brentq(lambda r: flux(r) - flux(1.5 * petrosian) / 2, 0.1, 50)


def main(data):
    images = {"gaussian": gaussian().astype(np.float32), "disk": disk().astype(np.float32)}
    for name, image in images.items():
        raw = io.BytesIO()
        fits.PrimaryHDU(image).writeto(raw)
        images[name] = image.astype(float)
        (HERE / f"{name}.fits.gz").write_bytes(gzip.compress(raw.getvalue(), mtime=0))
    for packet in PACKETS:
        with open(pathlib.Path(data) / "alerts_avro/ztf" / f"{packet}.avro", "rb") as file:
            alert = next(fastavro.reader(file))
        for kind in ("Science", "Template"):
            name = f"ztf_{alert['candid']}_{kind.lower()}"
            stamp = alert[f"cutout{kind}"]["stampData"]
            image = fits.getdata(io.BytesIO(gzip.decompress(stamp))).astype(float)
            try:
                measure(image)
            except (StopIteration, ValueError, AssertionError, IndexError) as error:
                print(name, image.shape, "left out:", repr(error)[:100])
                continue
            (HERE / f"{name}.fits.gz").write_bytes(stamp)
            images[name] = image
    lines = []
    for name, image in images.items():
        found = measure(image)
        lines.append(",".join([name, *(repr(float(value)) for value in found.values())]))
    (HERE / "features.csv").write_text("\n".join([",".join(["image", *found]), *lines]) + "\n")
    print("disk by formula: Petrosian radius %.4f, half-light radius %.4f" % disk_by_formula())


PACKETS = ["2019_01_10_739260766315010006", "20200202__1127107111615015007", "20200202__1127561440015015001",
           "20200202__1127561443215015014", "472263571115115000"]

if __name__ == "__main__":
    main(sys.argv[1])
