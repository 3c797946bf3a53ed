"""Makes goldens/*.csv: excerpts of real surveys, and the light curves that pandas makes of them. See README.md."""

import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
DATA = Path(sys.argv[1])


def write(name, table):
    table.to_csv(HERE / name, index=False)


def assembled(rows, bands):
    """Points by object, band, time and value; exact duplicates dropped."""
    rows = rows[rows.band.isin(bands)]
    rows = rows.dropna(subset=["key", "time", "value"])
    rows = rows.assign(error=rows.error.where(rows.error > 0))
    rows = rows.sort_values(["key", "band", "time", "value", "limit", "error"], kind="stable")
    rows = rows.drop_duplicates(["key", "band", "time", "value", "limit"])
    flags = rows.limit.astype(int) + 2 * rows.detected.astype(int)
    return rows.assign(flags=flags)[["key", "band", "time", "value", "error", "flags"]]


def plasticc():
    rows = pd.read_parquet(DATA / "plasticc_train/lightcurves.parquet")
    # Three of the wide survey, and a few nights of one of the deep fields.
    chosen = rows[rows.object_id.isin([1227, 1124, 1598])]
    deep = rows[rows.object_id == 713].head(60)
    rows = pd.concat([chosen, deep]).sample(frac=1, random_state=7)
    write("plasticc.csv", rows.astype({"detected_bool": int}))
    rows = pd.read_csv(HERE / "plasticc.csv")
    points = pd.DataFrame(
        {
            "key": rows.object_id,
            "band": rows.passband.map(dict(enumerate("ugrizy"))),
            "time": rows.mjd,
            "value": rows.flux,
            "error": rows.flux_err,
            "limit": False,
            "detected": rows.detected_bool == 1,
        }
    )
    write("plasticc.expected.csv", assembled(points, list("ugrizy")))


def ztf():
    folder = DATA / "alerce_ztf"
    found = pd.read_csv(folder / "30_sne_detections_corr.csv.gz")
    missed = pd.read_csv(folder / "30_sne_non_detections.csv.gz")
    found = found.copy().assign(jd=found.mjd + 2400000.5)
    names = found.objectId.drop_duplicates().tolist()[:6]
    columns = ["objectId", "jd", "fid", "magpsf", "sigmapsf", "diffmaglim", "rb"]
    rows = pd.concat([found, missed])[columns]
    rows = rows[rows.objectId.isin(names)]
    # Alert packets tell earlier detections again.
    rows = pd.concat([rows, rows.groupby("objectId").head(3)]).sample(frac=1, random_state=7)
    write("ztf.csv", rows)
    rows = pd.read_csv(HERE / "ztf.csv")
    is_limit = rows.magpsf.isna()
    points = pd.DataFrame(
        {
            "key": rows.objectId,
            "band": rows.fid.map({1: "g", 2: "r", 3: "i"}),
            "time": rows.jd - 2400000.5,
            "value": rows.magpsf.fillna(rows.diffmaglim),
            "error": rows.sigmapsf.where(~is_limit),
            "limit": is_limit,
            "detected": rows.rb.fillna(0) != 0,
        }
    )
    write("ztf.expected.csv", assembled(points, ["g", "r", "i"]))


plasticc()
ztf()
