"""Explains a threshold on one column: how far each row lies from it.

`margin.py` is the formula; here, columns come in and the key, the margin and what it is made of
go out.
"""

from dataclasses import dataclass

from skyloom import Batch, Bind, Descriptor, Field, Plugin, Purpose, Role, each, float64, param

from margin import margin_of

#: What a row at the threshold has.
BASE_VALUE = 0.0


@dataclass(frozen=True, kw_only=True)
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


class PluginName(Plugin):
    """The plugin."""

    Params = Params
    descriptor = (
        Descriptor("plugin-name", "0.1.0", "PLUGIN DESCRIPTION", Role.EXPLAINER)
        .input("data", "The rows that were classified, with a key and the column that decides.")
        .output("attributions", "The key, the margin, and what contributes to it.")
    )

    def bind(self, params: Params, bind: Bind) -> None:
        bind.column("data", params.column, "column").number().read(Purpose.FEATURE)
        key = bind.key("data", params.key)
        bind.column("data", key, None if params.key is None else "key")
        bind.pass_("attributions", "data", key)
        for name, description in [
            ("margin", "distance from the threshold, positive above it"),
            ("base_value", "the margin of a row at the threshold"),
            (f"contribution_{params.column}", "what the column adds to the base value"),
        ]:
            bind.add("attributions", Field(name, float64).with_description(description))

    def map(self, params: Params, batch: Batch) -> list:
        values = batch.numbers(params.column)
        margins = each(lambda value: margin_of(value, params.threshold, params.width), values)
        return [
            margins,
            each(lambda _: BASE_VALUE, margins),
            each(lambda margin: margin - BASE_VALUE, margins),
        ]
