"""Scores how unlike the others each source is, by its colours.

`isolation.py` is the method; here is which columns come in and which go out.
"""

from dataclasses import dataclass

from skyloom import Bind, DataError, ParamError, Plugin, Table, float64, param

from isolation import colours, outlier_scores


@dataclass
class Params:
    """What may stand under `with:` in a workflow."""

    magnitudes: list[str] = param(
        "Columns of magnitudes in order of wavelength; neighbours make the colours.", min_items=2
    )
    trees: int = param("So many isolation trees are grown.", default=100, minimum=1, maximum=2000)
    sample: int = param("Each tree is grown from so many sources.", default=256, minimum=2)
    seed: int = param("Chooses the samples and the cuts.", default=0, minimum=0, maximum=4294967295)
    name: str = param("What the new column is called.", default="outlier_score")


PLUGIN = Plugin(
    name="colour-outliers",
    version="0.1.0",
    role="feature-extractor",
    scope="whole",
    description="Scores how unlike the others each source is, by its colours.",
    params=Params,
    inputs={"table": "Sources with magnitudes in two bands or more."},
    outputs={"features": "The same table and an outlier score in (0, 1]."},
    citations=(
        "Liu, Ting & Zhou 2008, ICDM, 413, doi:10.1109/ICDM.2008.17",
        "Pedregosa et al. 2011, JMLR 12, 2825 (scikit-learn)",
    ),
)


def bind(params: Params, bind: Bind) -> None:
    """Declares what is read and what is made."""
    for name in params.magnitudes:
        if params.magnitudes.count(name) > 1:
            raise ParamError("magnitudes", f"`{name}` stands there twice")
        bind.column("table", name, "magnitudes").number().unit("mag").read("feature")
    bind.pass_all("features", "table")
    description = f"isolation forest on colours of {', '.join(params.magnitudes)}"
    bind.add("features", float64(params.name, ucd="stat", description=description))


def run(table: Table, params: Params) -> dict:
    """The new column."""
    if table.rows == 0:
        return {params.name: []}
    points = colours(table.floats(*params.magnitudes))
    try:
        scores = outlier_scores(points, params.trees, params.sample, params.seed)
    except ValueError as error:
        raise DataError(str(error)) from None
    return {params.name: scores}
