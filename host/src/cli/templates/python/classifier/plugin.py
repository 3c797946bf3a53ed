"""Tells two classes apart by a threshold on one column.

`cut.py` is the rule; here, columns come in and the key, a class and its probabilities go out.
"""

from dataclasses import dataclass

from skyloom import (
    Batch,
    Bind,
    Descriptor,
    Field,
    ParamError,
    Plugin,
    Purpose,
    Role,
    each,
    float64,
    param,
    utf8,
)

from cut import probability_above


@dataclass(frozen=True, kw_only=True)
class Params:
    """What may stand under `with:` in a workflow."""

    column: str = param("The column that decides.")
    threshold: float = param("Where the classes part.")
    above: str = param("The class of rows above the threshold.")
    below: str = param("The class of rows below it.")
    width: float = param(
        "On both sides of the threshold, the probability changes over this distance; 0 for a "
        "sharp cut.",
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
        Descriptor("plugin-name", "0.1.0", "PLUGIN DESCRIPTION", Role.CLASSIFIER)
        .input("data", "Rows to classify, with a key and the column that decides.")
        .output("predictions", "The key, the likelier class, a probability for each class.")
    )

    def bind(self, params: Params, bind: Bind) -> None:
        if params.above == params.below:
            raise ParamError("below", "the two classes need different names")
        bind.column("data", params.column, "column").number().read(Purpose.FEATURE)
        key = bind.key("data", params.key)
        bind.column("data", key, None if params.key is None else "key")
        bind.pass_("predictions", "data", key)
        classes = [params.above, params.below]
        predicted = Field("class", utf8).with_categories(classes)
        text = "the likelier class; null where the column has no value"
        bind.add("predictions", predicted.with_description(text))
        for name in classes:
            probability = Field(f"p_{name}", float64)
            bind.add("predictions", probability.with_description(f"probability of class {name}"))

    def map(self, params: Params, batch: Batch) -> list:
        values = batch.numbers(params.column)
        above = each(lambda v: probability_above(v, params.threshold, params.width), values)
        return [
            each(lambda p: params.above if p >= 0.5 else params.below, above),
            above,
            each(lambda p: 1.0 - p, above),
        ]
