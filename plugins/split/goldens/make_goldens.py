#!/usr/bin/env python3
"""Writes the HEALPix cells, nested and ring, of points over the whole sky.

    pip install healpy==1.20.1 astropy-healpix==2.0.1
    python make_goldens.py
"""

import csv
import math
import random

import astropy.units as u
import healpy
from astropy_healpix import lonlat_to_healpix

ORDERS = [0, 5, 10]


def points():
    random.seed(20260101)
    yield from [(ra, dec) for dec in (90.0, -90.0) for ra in (0.0, 45.0, 123.456, 180.0, 359.999)]
    yield from [(ra, dec) for dec in (89.9999, -89.9999, 67.5, -67.5) for ra in (0.1, 90.1, 180.1, 270.1)]
    yield from [(ra, dec) for dec in (1.0, -1.0, 41.0, -43.0, 80.0, -80.0)
                for ra in (0.0, 360.0, 1e-9, 359.999999999, -0.25, 359.75, -180.0, 720.5)]
    # The Large and Small Magellanic Clouds and the Galactic bulge, where many points share a cell.
    for ra, dec, radius in [(80.9, -69.8, 4.0), (13.2, -72.8, 2.0), (268.5, -30.0, 3.0)]:
        yield from [(round(ra + random.uniform(-radius, radius), 6), round(dec + random.uniform(-radius, radius), 6))
                    for _ in range(40)]
    # The rest even over the sphere.
    yield from [(round(random.uniform(0, 360), 6), round(math.degrees(math.asin(random.uniform(-1, 1))), 6))
                for _ in range(306)]


def main():
    disagreements = 0
    with open("healpix_cells.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["ra_deg", "dec_deg", "order", "nested", "ring"])
        for ra, dec in points():
            for order in ORDERS:
                n_side = 2 ** order
                cells = [int(healpy.ang2pix(n_side, ra, dec, nest=nest, lonlat=True)) for nest in (True, False)]
                other = [int(lonlat_to_healpix(ra * u.deg, dec * u.deg, n_side, order=name))
                         for name in ("nested", "ring")]
                if cells == other:
                    writer.writerow([repr(ra), repr(dec), order, *cells])
                else:
                    disagreements += 1
                    print("left out, on a boundary:", ra, dec, order, cells, other)
    print("left out:", disagreements)


if __name__ == "__main__":
    main()
