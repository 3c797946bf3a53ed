"""Adds the signal-to-noise ratio of a measured column.

`signal_to_noise.py` is the formula; here is which columns come in and which go out.
"""

from dataclasses import dataclass

from skyloom import Batch, Bind, Descriptor, Field, Plugin, Purpose, Role, each, float64, param

from signal_to_noise import signal_to_noise


@dataclass(frozen=True, kw_only=True)
class Params:
    """What may stand under `with:` in a workflow."""

    value: str = param("The column that was measured.")
    error: str = param("The column with its 1σ error, in the same unit.")
    name: str = param("What the new column is called.", default="snr")


class PluginName(Plugin):
    """The plugin."""

    Params = Params
    descriptor = (
        Descriptor("plugin-name", "0.1.0", "PLUGIN DESCRIPTION", Role.FEATURE_EXTRACTOR)
        .input("table", "Any table with a measured column and its error.")
        .output("features", "The same table and the signal-to-noise ratio.")
    )

    def bind(self, params: Params, bind: Bind) -> None:
        value = bind.column("table", params.value, "value").number()
        unit = value.read(Purpose.VALUE).unit
        error = bind.column("table", params.error, "error").number()
        if unit is not None:
            error.unit(unit)
        error.read(Purpose.VALUE)
        bind.pass_all("features", "table")
        snr = Field(params.name, float64).with_ucd("stat.snr")
        bind.add("features", snr.with_description(f"{params.value} over {params.error}"))

    def map(self, params: Params, batch: Batch) -> list:
        values, errors = batch.numbers(params.value), batch.numbers(params.error)
        return [each(signal_to_noise, values, errors)]
