"""Explains a threshold on one column: how far each row lies from it.

`margin_of` in `margin.py` is the formula; here is which columns come in and which go out.
"""

from dataclasses import dataclass

import numpy as np
from skyloom import Bind, Plugin, Table, float64, param

from margin import margin_of

# What a row at the threshold has.
BASE_VALUE = 0.0


@dataclass
class Params:
    """What may stand under `with:` in a workflow."""

    column: str = param("The column that decides.")
    threshold: float = param("Where the classes part.")
    width: float = param(
        "The unit of the margin, in that of the column; 0 for the column's own.",
        default=0.0,
        minimum=0,
    )
    key: str | None = param(
        "The column that says which row this is. Without, the one marked as key.", default=None
    )


PLUGIN = Plugin(
    name="plugin-name",
    version="0.1.0",
    role="explainer",
    description="PLUGIN DESCRIPTION",
    params=Params,
    inputs={"data": "The rows that were classified, with a key and the column that decides."},
    outputs={"attributions": "The key, the margin, and what contributes to it."},
)


def bind(params: Params, bind: Bind) -> None:
    """Declares what is read and what is made."""
    bind.column("data", params.column, "column").number().read("feature")
    key = bind.key("data", params.key)
    bind.column("data", key, None if params.key is None else "key")
    bind.pass_on("attributions", "data", key)
    for name, description in [
        ("margin", "distance from the threshold, positive above it"),
        ("base_value", "the margin of a row at the threshold"),
        (f"contribution_{params.column}", "what the column adds to the base value"),
    ]:
        bind.add("attributions", float64(name, description=description))


def run(table: Table, params: Params) -> dict:
    """The margin and what it is made of."""
    margin = margin_of(table.floats(params.column), params.threshold, params.width)
    return {
        "margin": margin,
        "base_value": np.where(np.isnan(margin), np.nan, BASE_VALUE),
        f"contribution_{params.column}": margin - BASE_VALUE,
    }
