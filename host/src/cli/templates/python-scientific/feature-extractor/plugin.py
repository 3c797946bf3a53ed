"""Adds the signal-to-noise ratio of a measured column.

`signal_to_noise` in `signal_to_noise.py` is the formula; here is which columns come in and
which go out.
"""

from dataclasses import dataclass

from skyloom import Bind, Plugin, Table, float64, param

from signal_to_noise import signal_to_noise


@dataclass
class Params:
    """What may stand under `with:` in a workflow."""

    value: str = param("The column that was measured.")
    error: str = param("The column with its 1σ error, in the same unit.")
    name: str = param("What the new column is called.", default="snr")


PLUGIN = Plugin(
    name="plugin-name",
    version="0.1.0",
    role="feature-extractor",
    description="PLUGIN DESCRIPTION",
    params=Params,
    inputs={"table": "Any table with a measured column and its error."},
    outputs={"features": "The same table and the signal-to-noise ratio."},
)


def bind(params: Params, bind: Bind) -> None:
    """Declares what is read and what is made."""
    value = bind.column("table", params.value, "value").number().read("value")
    error = bind.column("table", params.error, "error").number()
    if value.unit is not None:
        error.unit(value.unit)
    error.read("value")
    bind.pass_all("features", "table")
    description = f"{params.value} over {params.error}"
    bind.add("features", float64(params.name, ucd="stat.snr", description=description))


def run(table: Table, params: Params) -> dict:
    """The new column."""
    values, errors = table.floats(params.value), table.floats(params.error)
    return {params.name: signal_to_noise(values, errors)}
