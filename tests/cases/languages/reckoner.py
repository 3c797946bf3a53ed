"""Asks the host's kernels about one light curve."""

from array import array

from skyloom import Bind, Descriptor, Field, Plugin, PluginError, Purpose, Role, float64, kernels


class Reckoner(Plugin):
    descriptor = (
        Descriptor("reckoner", "0.1.0", "Asks the host's kernels.", Role.TRANSFORMER)
        .input("table", "A light curve: `time`, `value`, `error`.")
        .output("answers", "All numbers of all answers.")
    )

    def bind(self, params: dict, bind: Bind) -> None:
        for name in ("time", "value", "error"):
            bind.column("table", name).number().read(Purpose.VALUE)
        bind.add("answers", Field("answer", float64))

    def run(self, params: dict, task) -> None:
        for batch in task.input("table"):
            columns = [batch.numbers(name).values for name in ("time", "value", "error")]
            task.output("answers").put([answers(*columns)])


def answers(times, values, errors) -> list[float]:
    curves = kernels.Curves.of([(times, values, errors)])
    grid = kernels.Grid(0.05, 0.001, 400)
    plain = kernels.Curves(array("I", [0, len(times)]), times, values)
    found = [kernels.lomb_scargle(curves, grid, 2), kernels.lomb_scargle(plain, kernels.Resolution(0.5))]
    dips = [
        kernels.conditional_entropy(plain, grid, 10, 5),
        kernels.phase_dispersion(plain, kernels.Resolution(0.5, 4.0, 0.1), 10, 2, 2),
    ]
    near = kernels.knn(times, array("d", [60_100.25, 60_400.0]), 1, 3)
    numbers = []
    for peaks in found:
        numbers += [*peaks.frequencies, *peaks.values, *peaks.false_alarm_probabilities]
    for peaks in dips:
        numbers += [*peaks.frequencies, *peaks.values]
    numbers += kernels.phase_fold(times, 1 / 0.3, 60_000.5)
    numbers += [*near.indices, *near.distances]
    numbers += kernels.pairwise_histogram(plain, [0.0, 10.0, 100.0], [-1.0, -0.1, 0.1, 1.0])
    forest = kernels.Forest(
        kernels.Trees(
            offsets=[0, 3],
            features=[0, kernels.LEAF, kernels.LEAF],
            thresholds=[0.5, 0.0, 0.0],
            lefts=[1, 0, 0],
            rights=[2, 0, 0],
            missing_left=[1, 0, 0],
            covers=[4.0, 1.0, 3.0],
            values=[0.0, 0.25, 0.75],
            width=1,
            classes=1,
        )
    )
    rows = array("d", [0.5, 0.75, float("nan")])
    numbers += [*forest.predict(rows), *forest.tree_shap(rows)]
    try:
        kernels.phase_fold(times, 0.0, 0.0)
    except PluginError as error:
        numbers.append(float("period" in str(error)))
    return [float(number) for number in numbers]
