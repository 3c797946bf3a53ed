"""Heavy numerical routines that the host lends: at native speed, on all cores that idle.

Write `kernels = true` in `plugin.toml` to have them. Numbers go over in bulk: `array('d')`, a
`memoryview` of floats, the bytes of little-endian arrays, or any iterable of numbers, which is
copied first. What comes back are arrays. Where there is no host, as in a test of the science
alone, every call fails.

What does not fit is a `PluginError` that says what is wrong with it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import PluginError

try:
    from componentize_py_types import Err
    from wit_world.imports import kernels as _host
except ImportError:
    # Outside a component, modules that import this one can be tested.
    class _Nowhere:
        def __getattr__(self, name: str):
            raise PluginError("the host's kernels are only there in a component")

    _host, Err = _Nowhere(), ()

#: Numbers, in one of the forms that the module's text names.
Array = array | memoryview | bytes | bytearray | Iterable[float]

#: In `Trees.features`, a node that tests nothing: a leaf.
LEAF = 2**32 - 1


@dataclass
class Curves:
    """Light curves behind each other, as Arrow lays out lists."""

    #: u32: where each light curve begins, and at last the number of points.
    offsets: Array
    #: Days, finite, in any order.
    times: Array
    #: Finite.
    values: Array
    #: 1σ, positive and finite. Without, all points weigh the same.
    errors: Array | None = None
    #: u8: the band of each point. Without, all are of one.
    bands: Array | None = None

    @classmethod
    def of(cls, curves: Iterable[tuple[Array, ...]]) -> Curves:
        """Puts light curves behind each other. Each is its times and values, and perhaps its
        errors and bands: all of them as many."""
        # Times, values, errors, bands; of each the bytes of all light curves.
        parts = [
            [_bytes_of(values, code) for values in part]
            for part, code in zip(zip(*curves, strict=True), "dddB")
        ] or [[], []]
        offsets = array("I", [0])
        for times in parts[0]:
            offsets.append(offsets[-1] + len(times) // 8)
        return cls(offsets, *map(b"".join, parts))


@dataclass
class Grid:
    """Frequencies `minimum`, `minimum + step`, …, in cycles per day."""

    minimum: float
    step: float
    count: int


@dataclass
class Resolution:
    """Frequencies up to `maximum`, in cycles per day, that suit the time span of each light
    curve: so many in a peak, whose width is one over the time span."""

    maximum: float
    samples_per_peak: float = 5.0
    #: Half a step if not said.
    minimum: float | None = None


@dataclass
class Peaks:
    """For each light curve as many peaks as were asked for, the best first; NaN where there are
    fewer."""

    #: Cycles per day.
    frequencies: array
    #: What the method measures: the power, the entropy, or the dispersion.
    values: array
    #: How often noise alone has a peak as high (Baluev 2008), of `lomb_scargle`; NaN with several
    #: bands.
    false_alarm_probabilities: array | None = None


@dataclass
class Neighbours:
    """For each query as many rows as were asked for, the nearest first; of equally near ones, the
    earlier first."""

    #: Rows of `known`.
    indices: array
    #: Euclidean.
    distances: array


@dataclass
class Trees:
    """Decision trees, node by node. To the left go values up to and including the threshold."""

    #: u32: where each tree begins, and at last the number of nodes.
    offsets: Array
    #: u32: the feature that a node tests; `LEAF` in a leaf.
    features: Array
    #: Not NaN.
    thresholds: Array
    #: u32: children, counted from the tree's first node, and after their parent.
    lefts: Array
    rights: Array
    #: u8: 1 where missing values go to the left.
    missing_left: Array
    #: The values of each node; only those of leaves count.
    values: Array
    #: Numbers in a row, and in an answer.
    width: int
    classes: int
    #: The weight of the training rows that came by. Only `tree_shap` needs it.
    covers: Array = b""
    #: u32, each tree's class, where a leaf speaks of one class, as in boosting; without, of every
    #: class, as in a random forest.
    class_of_tree: Array | None = None
    #: Whether the answers of trees are added, as in boosting; else their mean is taken.
    is_sum: bool = False


def lomb_scargle(curves: Curves, frequencies: Grid | Resolution, peaks: int = 1) -> Peaks:
    """The highest peaks of the generalised Lomb–Scargle periodogram, with a floating mean and a
    power in 0..1; with bands, one sinusoid and mean for each.

    Zechmeister & Kürster 2009, doi:10.1051/0004-6361:200811296; VanderPlas & Ivezić 2015,
    doi:10.1088/0004-637X/812/1/18.
    """
    found = _asked(_host.lomb_scargle, _curves(curves), _frequencies(frequencies), peaks)
    return _peaks(found.peaks, _array("d", found.false_alarm_probabilities))


def conditional_entropy(
    curves: Curves,
    frequencies: Grid | Resolution,
    phase_bins: int,
    value_bins: int,
    peaks: int = 1,
) -> Peaks:
    """The lowest minima of the conditional entropy of the folded light curve, in nats.

    Graham et al. 2013, doi:10.1093/mnras/stt1264.
    """
    asked = (_curves(curves), _frequencies(frequencies), phase_bins, value_bins, peaks)
    return _peaks(_asked(_host.conditional_entropy, *asked))


def phase_dispersion(
    curves: Curves, frequencies: Grid | Resolution, bins: int, covers: int, peaks: int = 1
) -> Peaks:
    """The lowest minima of the phase dispersion, over `bins` phase bins, `covers` times.

    Stellingwerf 1978, doi:10.1086/156444.
    """
    asked = (_curves(curves), _frequencies(frequencies), bins, covers, peaks)
    return _peaks(_asked(_host.phase_dispersion, *asked))


def phase_fold(times: Array, period: float, epoch: float) -> array:
    """Phases in 0..1 of times in days, 0 at `epoch`."""
    return _array("d", _asked(_host.phase_fold, _bytes_of(times, "d"), period, epoch))


def pairwise_histogram(curves: Curves, time_edges: Array, value_edges: Array) -> array:
    """For each light curve, how many pairs of points differ by so much in time and value: time
    bins by value bins. Edges rise.

    Mahabal et al. 2017, doi:10.1109/SSCI.2017.8280984.
    """
    edges = (_bytes_of(time_edges, "d"), _bytes_of(value_edges, "d"))
    return _array("I", _asked(_host.pairwise_histogram, _curves(curves), *edges))


def knn(known: Array, queries: Array, dimensions: int, count: int) -> Neighbours:
    """The `count` nearest of `known` to each of `queries`: rows of `dimensions` numbers."""
    found = _asked(_host.knn, _bytes_of(known, "d"), _bytes_of(queries, "d"), dimensions, count)
    return Neighbours(_array("I", found.indices), _array("d", found.distances))


class Forest:
    """Trees, checked and packed once for many calls. Rows go over one behind the other, NaN where
    a value is missing."""

    def __init__(self, trees: Trees) -> None:
        codes = {"offsets": "I", "features": "I", "thresholds": "d", "lefts": "I", "rights": "I",
                 "missing_left": "B", "covers": "d", "values": "d"}
        arrays = [_bytes_of(getattr(trees, name), code) for name, code in codes.items()]
        if trees.class_of_tree is None:
            leaves = _host.Leaves_EveryClass()
        else:
            leaves = _host.Leaves_OneClass(_bytes_of(trees.class_of_tree, "I"))
        together = _host.Together.SUM if trees.is_sum else _host.Together.MEAN
        packed = _host.Trees(*arrays, leaves, together, trees.width, trees.classes)
        self._packed = _asked(_host.Forest.pack, packed)

    def predict(self, rows: Array) -> array:
        """Of each row the value of each class."""
        return _array("d", _asked(self._packed.predict, _bytes_of(rows, "d")))

    def tree_shap(self, rows: Array) -> array:
        """Of each row the Shapley value of each feature for each class, class by class; needs
        covers. Path-dependent TreeSHAP, Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9."""
        return _array("d", _asked(self._packed.tree_shap, _bytes_of(rows, "d"), None))


def _bytes_of(values: Array, code: str) -> bytes:
    """Numbers as bytes: WebAssembly is little-endian itself."""
    if isinstance(values, (bytes, bytearray)):
        return bytes(values)
    if isinstance(values, (array, memoryview)):
        view = memoryview(values)
        if view.format == code or (view.format == "B" and isinstance(values, memoryview)):
            return view.tobytes()
    return array(code, values).tobytes()


def _array(code: str, bytes: bytes) -> array:
    made = array(code)
    made.frombytes(bytes)
    return made


def _curves(curves: Curves):
    def perhaps(values, code):
        return None if values is None else _bytes_of(values, code)

    return _host.Curves(
        _bytes_of(curves.offsets, "I"),
        _bytes_of(curves.times, "d"),
        _bytes_of(curves.values, "d"),
        perhaps(curves.errors, "d"),
        perhaps(curves.bands, "B"),
    )


def _frequencies(asked: Grid | Resolution):
    if isinstance(asked, Grid):
        return _host.Frequencies_Fixed(_host.Grid(asked.minimum, asked.step, asked.count))
    fitting = _host.Resolution(asked.samples_per_peak, asked.minimum, asked.maximum)
    return _host.Frequencies_Fitting(fitting)


def _peaks(found, probabilities: array | None = None) -> Peaks:
    return Peaks(_array("d", found.frequencies), _array("d", found.values), probabilities)


def _asked(call, *arguments):
    """What the host answers; its words as an exception."""
    try:
        return call(*arguments)
    except Err as refusal:
        raise PluginError(refusal.value) from None
