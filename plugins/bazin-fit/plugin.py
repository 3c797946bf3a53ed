"""Fits the light curves of transients with the function of Bazin et al. (2009).

`bazin.py` is the method; here is which columns come in and which go out.
"""

from dataclasses import dataclass

from skyloom import (
    Batch,
    Bind,
    DataError,
    Descriptor,
    Field,
    Plugin,
    Purpose,
    Role,
    Type,
    boolean,
    float64,
    param,
)

from bazin import fit


@dataclass(frozen=True, kw_only=True)
class Params:
    """What may stand under `with:` in a workflow."""

    time: str = param("The column of lists with the times of observation.")
    flux: str = param("The column of lists with the fluxes, negative ones too.")
    error: str = param("The column of lists with their 1σ errors, in the same unit.")
    rise: float = param(
        "Where the search for the rise time begins, in the unit of the times.",
        default=3.0,
        minimum=1e-6,
    )
    fall: float = param(
        "Where the search for the fall time begins, in the unit of the times.",
        default=25.0,
        minimum=1e-6,
    )
    max_steps: int = param("Most steps of a fit.", default=200, minimum=1, maximum=10000)
    name: str = param("What the names of the new columns begin with.", default="bazin")


#: New columns: name, and what it is.
NUMBERS = [
    ("amplitude", "A of the fitted function, in the unit of the fluxes"),
    ("t0", "its t0, as the times: where it turns from rise to fall"),
    ("rise", "its rise time, in the unit of the times"),
    ("fall", "its fall time, in the unit of the times"),
    ("baseline", "B, the flux before and after, in the unit of the fluxes"),
    ("chi2", "chi-square over points less the five free numbers"),
]


class BazinFit(Plugin):
    """The plugin."""

    Params = Params
    descriptor = (
        Descriptor(
            "bazin-fit",
            "0.1.0",
            "Fits the light curves of transients with the function of Bazin et al. (2009).",
            Role.FEATURE_EXTRACTOR,
        )
        .input("curves", "Objects with three columns of lists: times, fluxes and their errors.")
        .output("features", "The same table and the best fit of each curve.")
        .cite("doi:10.1051/0004-6361/200911847")
    )

    def bind(self, params: Params, bind: Bind) -> None:
        units = {}
        for name, column in (("time", params.time), ("flux", params.flux), ("error", params.error)):
            found = bind.column("curves", column, name).of_type("a list of numbers", _is_curve)
            if name == "error" and units["flux"] is not None:
                found.unit(units["flux"])
            units[name] = found.read(Purpose.FEATURE).unit
        bind.pass_all("features", "curves")
        for name, description in NUMBERS:
            field = Field(f"{params.name}_{name}", float64).with_description(description)
            unit = {"amplitude": "flux", "baseline": "flux", "chi2": None}.get(name, "time")
            if unit is not None and units[unit] is not None:
                field = field.with_unit(units[unit])
            bind.add("features", field)
        converged = Field(f"{params.name}_converged", boolean)
        bind.add("features", converged.with_description("whether the fit came to rest"))

    def map(self, params: Params, batch: Batch) -> list:
        curves = [batch.lists(name) for name in (params.time, params.flux, params.error)]
        fits = [self._fit(params, row, curve) for row, curve in enumerate(zip(*curves))]
        numbers = ("amplitude", "t0", "rise", "fall", "baseline", "reduced_chi2", "converged")
        return [[None if found is None else getattr(found, name) for found in fits] for name in numbers]

    @staticmethod
    def _fit(params: Params, row: int, curve: tuple):
        if None in curve:
            return None
        lists = [items.numbers() for items in curve]
        if len({len(items) for items in lists}) > 1:
            times, fluxes, errors = map(len, lists)
            raise DataError(
                f"row {row} of a batch has {times} times, {fluxes} fluxes and {errors} errors; "
                "each point needs all three"
            )
        points = [point for point in zip(*lists) if None not in point]
        times, fluxes, errors = (list(part) for part in zip(*points)) if points else ([], [], [])
        return fit(times, fluxes, errors, params.rise, params.fall, params.max_steps)


def _is_curve(kind: Type) -> bool:
    return kind.is_list and kind.children[0].type.is_number
