"""Fits the function of Bazin et al. 2009 to light curves.

`bazin.py` is the method; here, curves come in and the parameters of each band's fit go out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from skyloom import (
    Batch,
    Bind,
    DataError,
    Descriptor,
    Field,
    ParamError,
    Plugin,
    Purpose,
    Role,
    boolean,
    float64,
    param,
)
from skyloom.schema import Type

from bazin import Fit, fit

#: Of each fit, what goes out, with what it means.
COLUMNS = {
    "amplitude": "scale of the flux; not its maximum",
    "t0": "reference time; the maximum is at t0 + rise ln(fall / rise - 1)",
    "rise": "time scale of the rise",
    "fall": "time scale of the fall",
    "baseline": "flux long before",
    "chi2": "sum of squared residuals over errors, over the number of points less five",
    "converged": "whether the fit has settled",
}


@dataclass(frozen=True, kw_only=True)
class Params:
    """What may stand under `with:` in a workflow."""

    curve: str | None = param(
        "The column with the light curves, lists of structs; without it, times, fluxes, errors "
        "and bands are columns of lists.",
        default=None,
    )
    time: str = param("Member of the structs, or column: times.", default="mjd")
    flux: str = param("Member of the structs, or column: fluxes.", default="flux")
    error: str = param("Member of the structs, or column: 1σ errors of the fluxes.", default="flux_err")
    band: str | None = param(
        "Member of the structs, or column: the band of each point. Without, all points are fitted "
        "together.",
        default=None,
    )
    bands: list[str] = param("The bands to fit, each for itself.", default=[])
    iterations: int = param("Steps at most from each start.", default=200, minimum=1, maximum=100000)
    name: str = param("What the names of the new columns begin with.", default="bazin")

    def members(self) -> list[tuple[str, str]]:
        """Parameters and what they name."""
        named = [("time", self.time), ("flux", self.flux), ("error", self.error)]
        return named if self.band is None else [*named, ("band", self.band)]

    def fits(self) -> list[tuple[str | None, str]]:
        """The bands that are fitted, and how their columns' names begin."""
        if self.band is None:
            return [(None, self.name)]
        return [(band, f"{self.name}_{band}") for band in self.bands]


class BazinFit(Plugin):
    Params = Params
    descriptor = (
        Descriptor(
            "bazin-fit",
            "0.1.0",
            "Fits a rise and an exponential fall to light curves of transients.",
            Role.FEATURE_EXTRACTOR,
        )
        .input("table", "Any table with light curves: times, fluxes, errors, perhaps bands.")
        .output("features", "The same table and the parameters of the fits.")
        .cite("doi:10.1051/0004-6361/200911847")
    )

    def bind(self, params: Params, bind: Bind) -> None:
        if params.band is not None and not params.bands:
            raise ParamError("bands", "say which bands to fit, such as [g, r]")
        if params.band is None and params.bands:
            raise ParamError("band", "say which column or member holds the bands")
        units = self._read(params, bind)
        bind.pass_all("features", "table")
        for band, prefix in params.fits():
            for name, meaning in COLUMNS.items():
                kind = boolean if name == "converged" else float64
                field = Field(f"{prefix}_{name}", kind)
                unit = units.get("flux" if name in ("amplitude", "baseline") else "time")
                if unit is not None and name not in ("chi2", "converged"):
                    field = field.with_unit(unit)
                where = "" if band is None else f" in band {band}"
                bind.add("features", field.with_description(meaning + where))

    def _read(self, params: Params, bind: Bind) -> dict[str, str | None]:
        """Declares what is read; the units of times and fluxes."""
        if params.curve is not None:
            wanted = {name: is_text(which) for which, name in params.members()}
            inside = ", ".join(f"{name}: {'text' if text else 'number'}" for name, text in wanted.items())
            column = bind.column("table", params.curve, "curve")
            column.of_type(f"a list of structs with {inside}", lambda kind: has(kind, wanted))
            points = column.read(Purpose.VALUE).type.children[0].type
            units = {field.name: field.unit for field in points.children}
            return {"time": units[params.time], "flux": units[params.flux]}
        units = {}
        for which, name in params.members():
            expected, text = ("a list of text", True) if is_text(which) else ("a list of numbers", False)
            column = bind.column("table", name, which).of_type(
                expected, lambda kind, text=text: kind.is_list and fits(kind.children[0].type, text)
            )
            units[which] = column.read(Purpose.VALUE).unit
        return units

    def map(self, params: Params, batch: Batch) -> list:
        columns = [[] for _ in params.fits() for _ in COLUMNS]
        for points in curves(params, batch):
            found = []
            for band, _ in params.fits():
                found += outcome(None if points is None else in_band(points, band), params)
            for column, value in zip(columns, found):
                column.append(value)
        return columns


def is_text(which: str) -> bool:
    return which == "band"


def fits(kind: Type, text: bool) -> bool:
    return kind.is_text if text else kind.is_number


def has(kind: Type, wanted: dict[str, bool]) -> bool:
    """Whether `kind` is a list of structs with these members."""
    if not (kind.is_list and kind.children[0].type.is_struct):
        return False
    there = {field.name: field.type for field in kind.children[0].type.children}
    return all(name in there and fits(there[name], text) for name, text in wanted.items())


def curves(params: Params, batch: Batch) -> Iterator[list[tuple] | None]:
    """Of each row, its points: time, flux, error and band; None where there is no curve."""
    members = params.members()
    if params.curve is not None:
        for items in batch.lists(params.curve):
            yield None if items is None else list(
                zip(*(part(items, which, name) for which, name in members))
            )
        return
    for row, lists in enumerate(zip(*(batch.lists(name) for _, name in members))):
        if any(items is None for items in lists):
            yield None
            continue
        if len({len(items) for items in lists}) > 1:
            lengths = ", ".join(f"{len(items)} in `{name}`" for items, (_, name) in zip(lists, members))
            raise DataError(f"the lists of row {row} of a batch differ in length: {lengths}")
        yield list(zip(*(part(items, which, None) for items, (which, _) in zip(lists, members))))


def part(items, which: str, name: str | None) -> list:
    return items.strings(name) if is_text(which) else items.numbers(name)


def in_band(points: list[tuple], band: str | None) -> list[tuple]:
    """The points of one band that have all three numbers."""
    chosen = points if band is None else [point for point in points if point[3] == band]
    return [point[:3] for point in chosen if None not in point[:3]]


def outcome(points: list[tuple] | None, params: Params) -> list:
    """One value for each of the columns."""
    found: Fit | None = None
    if points:
        found = fit(*zip(*points), params.iterations)
    return [None if found is None else getattr(found, name) for name in COLUMNS]
