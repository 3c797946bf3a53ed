"""Writes the golden case: Shapley's values by their definition, over all orders of the cuts.

    python make_cases.py

Standard library only.
"""

from fractions import Fraction
from itertools import permutations
from pathlib import Path

CUTS = [
    ("ultraviolet", "u_g", "below", Fraction("0.6"), Fraction("0.1")),
    ("blue", "g_r", "below", Fraction("0.3"), Fraction("0.1")),
    ("not-too-blue", "g_r", "above", Fraction("-0.2"), Fraction("0.1")),
    ("bright", "r", "below", Fraction("20"), Fraction("1")),
]
OBJECTS = {
    "quasar": ("0.25", "0.125", "18.5"),
    "edge": ("0.6", "0.3", "20"),
    "red-star": ("2.25", "1.125", "17"),
    "faint": ("0.125", "0.0", "22.5"),
    "all-wrong": ("1.0", "-0.5", "21"),
    "two-wrong": ("0.875", "0.5", "19.5"),
}


def margin(cut, values):
    _, column, side, threshold, width = cut
    value = values[("u_g", "g_r", "r").index(column)]
    return (threshold - value if side == "below" else value - threshold) / width


def shapley(margins):
    def worth(cuts):
        return min(m if at in cuts else Fraction(0) for at, m in enumerate(margins))

    orders = list(permutations(range(len(margins))))
    shares = [Fraction(0)] * len(margins)
    for order in orders:
        for place, cut in enumerate(order):
            shares[cut] += worth(order[: place + 1]) - worth(order[:place])
    return [share / len(orders) for share in shares]


def text(values):
    shown = {True: "true", False: "false", None: "null"}
    return "[" + ", ".join(shown[v] if v is None or isinstance(v, bool) else str(v) for v in values) + "]"


def main():
    columns = {name: [] for name in ("selected", "margin", "base_value", "u_g", "g_r", "r", "decided_by")}
    for values in OBJECTS.values():
        margins = [margin(cut, [Fraction(value) for value in values]) for cut in CUTS]
        shares = shapley(margins)
        columns["selected"].append(min(margins) >= 0)
        columns["margin"].append(float(min(margins)))
        columns["base_value"].append(0.0)
        for name in ("u_g", "g_r", "r"):
            columns[name].append(float(sum(s for s, cut in zip(shares, CUTS) if cut[1] == name)))
        columns["decided_by"].append(CUTS[margins.index(min(margins))][0])
    last = {"selected": None, "margin": None, "base_value": None, "u_g": None, "g_r": None, "r": None}
    for name, values in columns.items():
        values.append(last.get(name, "blue"))
    cuts = ", ".join(
        f"{{name: {name}, column: {column}, {side}: {float(threshold)}, scale: {float(width)}}}"
        for name, column, side, threshold, width in CUTS
    )
    data = [f"      id: {text([*OBJECTS, 'no-colour'])}"]
    for at, name in enumerate(("u_g", "g_r", "r")):
        data.append(f"      {name}: {text([*(values[at] for values in OBJECTS.values()), ('0.5', None, '19')[at]])}")
    made = [
        f"      {name if name not in ('u_g', 'g_r', 'r') else 'contribution_' + name}: {text(values)}"
        for name, values in columns.items()
    ]
    lines = [
        "# Margins, Shapley's values and the cut that decided, of seven objects; one has no colour.",
        "# Written by make_cases.py; the sentences by hand.",
        f"params: {{key: id, cuts: [{cuts}]}}",
        "inputs:",
        "  data:",
        "    columns:",
        *data,
        "outputs:",
        "  attributions:",
        "    columns:",
        data[0],
        *made,
        "      sentence:",
        *(f'        - "{sentence}"' for sentence in SENTENCES),
        "    tolerance: 1.0e-12",
    ]
    (Path(__file__).parent / "cuts.yaml").write_text("\n".join(lines) + "\n")


SENTENCES = [
    "quasar is selected: all 4 cuts hold, tightest `bright`, where r = 18.5 is 1.5 below 20",
    "edge is selected: all 4 cuts hold, tightest `ultraviolet`, where u_g = 0.6 is on the threshold",
    "red-star is rejected by `ultraviolet`: u_g = 2.25 is 1.65 above 0.6; 2 of 4 cuts reject it",
    "faint is rejected by `bright`: r = 22.5 is 2.5 above 20",
    "all-wrong is rejected by `ultraviolet`: u_g = 1 is 0.4 above 0.6; 3 of 4 cuts reject it",
    "two-wrong is rejected by `ultraviolet`: u_g = 0.875 is 0.275 above 0.6; 2 of 4 cuts reject it",
    "no-colour cannot be judged by `blue`: g_r has no value",
]

if __name__ == "__main__":
    main()
