"""Tells two classes apart by a threshold on one column.

`probability_above` in `cut.py` is the rule; here is which columns come in and which go out.
"""

from dataclasses import dataclass

import numpy as np
from skyloom import Bind, ParamError, Plugin, Table, float64, param, utf8

from cut import probability_above


@dataclass
class Params:
    """What may stand under `with:` in a workflow."""

    column: str = param("The column that decides.")
    threshold: float = param("Where the classes part.")
    above: str = param("The class of rows above the threshold.")
    below: str = param("The class of rows below it.")
    width: float = param(
        "On both sides of the threshold, the probability changes over this distance; 0 for a\n"
        "sharp cut.",
        default=0.0,
        minimum=0,
    )
    key: str | None = param(
        "The column that says which row this is. Without, the one marked as key.", default=None
    )


PLUGIN = Plugin(
    name="plugin-name",
    version="0.1.0",
    role="classifier",
    description="PLUGIN DESCRIPTION",
    params=Params,
    inputs={"data": "Rows to classify, with a key and the column that decides."},
    outputs={"predictions": "The key, the likelier class, a probability for each class."},
)


def bind(params: Params, bind: Bind) -> None:
    """Declares what is read and what is made."""
    if params.above == params.below:
        raise ParamError("below", "the two classes need different names")
    bind.column("data", params.column, "column").number().read("feature")
    key = bind.key("data", params.key)
    bind.column("data", key, None if params.key is None else "key")
    bind.pass_on("predictions", "data", key)
    classes = [params.above, params.below]
    description = "the likelier class; null where the column has no value"
    bind.add("predictions", utf8("class", categories=classes, description=description))
    for name in classes:
        bind.add("predictions", float64(f"p_{name}", description=f"probability of class {name}"))


def run(table: Table, params: Params) -> dict:
    """The class and its probabilities."""
    above = probability_above(table.floats(params.column), params.threshold, params.width)
    names = np.where(above >= 0.5, params.above, params.below).astype(object)
    names[np.isnan(above)] = None
    return {"class": names, f"p_{params.above}": above, f"p_{params.below}": 1.0 - above}
