#!/usr/bin/env python3
"""What the host adds to each node: one DAG of 100 trivial nodes for Skyloom, GNU make and Snakemake.

    python dag.py --skyloom target/release/skyloom --snakemake venv/bin/snakemake
    python dag.py --skyloom target/release/skyloom --partitions 1000

The DAG has a source and 11 chains of 9 nodes. For Skyloom the source reads a CSV of 8 rows and 12 columns, and each
node of a chain squares a column (plugin-sdk/examples/square); for the others each node copies a file. Prints wall
seconds of a cold run (nothing made yet) and of a run that has nothing to do, and which nodes run again after a change.

With --partitions N, only Skyloom: the source is N files, so that all 100 nodes have N units. Prints what filling the
cache, `plan --explain` and a run that has nothing to do take in wall seconds, in core seconds and in memory.

Needs Python alone; Skyloom's plugins are built and compiled before the clock starts.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

N_ROWS = 8
CHAINS = "abcdefghijk"
COLUMNS = CHAINS + "z"
N_LAYERS = 9
N_NODES = 1 + len(CHAINS) * N_LAYERS
REPOSITORY = Path(__file__).resolve().parents[2]


def main():
    options = read_options()
    with tempfile.TemporaryDirectory(prefix="dag-", dir=options.folder) as folder:
        folder = Path(folder)
        if options.partitions:
            survey(options, folder)
        else:
            compare(options, folder)


def compare(options, folder):
    """The table of all programs, and of what they run again."""
    programs = [Make(folder / "make", options), Skyloom(folder / "skyloom", options)]
    if options.snakemake:
        programs.append(Snakemake(folder / "snakemake", options))
    cold, warm = {}, {}
    for program in programs:
        program.write()
        program.run()  # Whatever a first use ever makes is made.
    # Round by round, so that a busy minute of the machine is shared by all.
    for _ in range(options.runs):
        for program in programs:
            program.clean()
            cold.setdefault(program.name, []).append(program.run().wall)
            warm.setdefault(program.name, []).append(program.run().wall)
    for title, seconds in (("cold", cold), ("nothing to do", warm)):
        print(f"{title}, {options.runs} runs, -j {options.jobs}")
        print(f"  {'':10} {'best s':>8} {'median s':>9} {'ms/node':>8} {'to make':>8}")
        base = statistics.median(seconds["make"])
        for name, all_seconds in seconds.items():
            median = statistics.median(all_seconds)
            print(f"  {name:10} {min(all_seconds):8.3f} {median:9.3f} {1e3 * median / N_NODES:8.2f} {median / base:7.1f}×")
    print(f"nodes that run again, of {N_NODES}")
    print(f"  {'':44} {'  '.join(program.name for program in programs)}")
    for change in ("touch", "row", "column", "step", "undo"):
        counts = []
        for program in programs:
            program.clean()
            program.write()
            program.run()
            getattr(program, change)()
            counts.append(f"{program.count():>{len(program.name)}}")
        print(f"  {CHANGES[change]:44} {'  '.join(counts)}")


CHANGES = {
    "touch": "the source has a new time, the same bytes",
    "row": "a value changes in all columns of the source",
    "column": "a value of column a changes in the source",
    "step": "the 5th node of one chain does something else",
    "undo": "it does so, runs, and is changed back",
}


def survey(options, folder):
    """What many partitions take."""
    program = Skyloom(folder / "skyloom", options)
    program.write()
    n_units = N_NODES * options.partitions
    program.run("--input", f"sky={program.folder}/sky-0000.csv", "--state-dir", folder / "warm-up", "--output-dir", folder / "warm-up")
    print(f"{N_NODES} nodes × {options.partitions} partitions = {n_units} units, -j {options.jobs}")
    print(f"  {'':16} {'best s':>8} {'median s':>9} {'core s':>8} {'µs/unit':>8} {'MiB':>6}")
    actions = [("fill", program.run), ("plan --explain", program.explain), ("nothing to do", program.run)]
    for name, action in actions:
        taken = [action() for _ in range(1 if name == "fill" else options.runs)]
        best = min(taken, key=lambda done: done.wall)
        median = statistics.median(done.wall for done in taken)
        per_unit = 1e6 * best.wall / n_units
        print(f"  {name:16} {best.wall:8.2f} {median:9.2f} {best.cores:8.2f} {per_unit:8.1f} {best.mib:6.0f}", flush=True)
    print(f"  it says: {program.explain().text.splitlines()[-1]}")
    if options.keep:
        shutil.copytree(folder, options.keep, symlinks=True)


Done = namedtuple("Done", "text wall cores mib")


class Program:
    """A folder with the DAG as one program wants it."""

    def __init__(self, folder, options):
        self.folder, self.options = folder, options
        folder.mkdir()

    def move_away(self, *patterns):
        """Away, not gone: some file systems are slow for seconds after many files were removed."""
        away = tempfile.mkdtemp(prefix="away-", dir=self.folder.parent)
        for path in [path for pattern in patterns for path in self.folder.glob(pattern)]:
            path.rename(Path(away) / path.name)

    def write_source(self, name="sky.csv", partition=0, changed=()):
        rows = [",".join(COLUMNS)]
        for row in range(N_ROWS):
            place = partition * N_ROWS + row
            value = lambda column: 1 - 1 / (2 + place * len(COLUMNS) + column) + (column in changed and row == 0) / 64
            rows.append(",".join(repr(value(column)) for column in range(len(COLUMNS))))
        (self.folder / name).write_text("\n".join(rows) + "\n")

    def touch(self):
        time.sleep(0.01)
        os.utime(self.folder / "sky.csv")

    def row(self):
        self.write_source(changed=range(len(COLUMNS)))

    def column(self):
        self.write_source(changed=[0])

    def step(self):
        self.write(odd=True)

    def undo(self):
        self.write(odd=True)
        self.run()
        self.write()

    def call(self, *words):
        """Runs a program; what it printed, and its wall seconds, core seconds and most memory."""
        words = [str(word) for word in words]
        with tempfile.TemporaryFile("w+") as said:
            started = time.perf_counter()
            process = subprocess.Popen(words, cwd=self.folder, stdout=said, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - started
            said.seek(0)
            text = said.read()
        if status:
            sys.exit(f"{' '.join(words)}\n{text}")
        return Done(text, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**10)


class Skyloom(Program):
    name = "skyloom"

    def write(self, odd=False):
        n_files = self.options.partitions or 1
        for partition in range(n_files):
            self.write_source("sky.csv" if n_files == 1 else f"sky-{partition:04}.csv", partition)
        path = "sky.csv" if n_files == 1 else "sky-*.csv"
        lines = ["skyloom: v1", "name: dag", f"inputs: {{sky: {{path: '{path}'}}}}", "nodes:"]
        lines.append("  source: {plugin: csv-ingester, from: sky}")
        for chain, column in enumerate(CHAINS):
            before = "source"
            for layer in range(N_LAYERS):
                node = f"{column}{layer}"
                read = "z" if odd and (chain, layer) == (0, 4) else column + "_squared" * layer
                lines.append(f"  {node}: {{plugin: square, in: {before}, with: {{column: {read}}}}}")
                before = node
            if odd and chain == 0:
                # The nodes after the odd one go on from what it gave.
                lines = [line.replace("column: a" + "_squared" * 5, "column: z_squared") for line in lines]
        lines.append("outputs:")
        lines += [f"  {column}: {{from: {column}{N_LAYERS - 1}, path: {column}.arrow}}" for column in CHAINS]
        (self.folder / "dag.yaml").write_text("\n".join(lines) + "\n")
        self.write_plugins()

    def write_plugins(self):
        plugins = self.folder / "plugins"
        if plugins.exists():
            return
        plugins.mkdir()
        folders = [REPOSITORY / "plugins/csv-ingester", REPOSITORY / "plugin-sdk/examples/square"]
        words = [self.options.skyloom, "plugin", "build", "--json", *folders]
        built = subprocess.run(words, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
        for path in re.findall(r'"([^"]*\.wasm)"', built.stdout):
            shutil.copy(path, plugins)

    def clean(self):
        self.move_away(".skyloom", "results")

    def run(self, *more):
        return self.call(self.options.skyloom, "run", "dag.yaml", "--json", "--jobs", self.options.jobs, *more)

    def explain(self):
        return self.call(self.options.skyloom, "plan", "dag.yaml", "--explain")

    def count(self):
        nodes = json.loads(self.run().text.splitlines()[-1])["nodes"].values()
        return sum(node["units"] > node["cached"] for node in nodes)


class Make(Program):
    name = "make"

    def write(self, odd=False):
        self.write_source()
        ends = " ".join(f"{column}{N_LAYERS - 1}.out" for column in CHAINS)
        lines = [f"all: {ends}", "source.out: sky.csv", "\tcp $< $@"]
        for chain, column in enumerate(CHAINS):
            before = "source"
            for layer in range(N_LAYERS):
                step = "cp -p" if odd and (chain, layer) == (0, 4) else "cp"
                lines += [f"{column}{layer}.out: {before}.out", f"\t{step} $< $@"]
                before = f"{column}{layer}"
        (self.folder / "Makefile").write_text("\n".join(lines) + "\n")

    def write_source(self, *how, **changed):
        # As an editor does: what is the same is not saved again.
        path = self.folder / "sky.csv"
        before = path.read_text() if path.exists() else None
        times = path.stat() if path.exists() else None
        super().write_source(*how, **changed)
        if path.read_text() == before:
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    def clean(self):
        self.move_away("*.out")

    def run(self):
        return self.call("make", "--silent", "--jobs", self.options.jobs)

    def count(self):
        return len(re.findall(r"^cp ", self.call("make", "--dry-run").text, re.MULTILINE))


class Snakemake(Make):
    name = "snakemake"

    def write(self, odd=False):
        self.write_source()
        ends = ", ".join(f'"{column}{N_LAYERS - 1}.out"' for column in CHAINS)
        lines = [f"rule all:\n    input: {ends}"]
        rule = 'rule {}:\n    input: "{}"\n    output: "{}.out"\n    shell: "{} {{input}} {{output}}"'
        lines.append(rule.format("source", "sky.csv", "source", "cp"))
        for chain, column in enumerate(CHAINS):
            before = "source"
            for layer in range(N_LAYERS):
                step = "cp -p" if odd and (chain, layer) == (0, 4) else "cp"
                lines.append(rule.format(f"{column}{layer}", f"{before}.out", f"{column}{layer}", step))
                before = f"{column}{layer}"
        (self.folder / "Snakefile").write_text("\n".join(lines) + "\n")

    def clean(self):
        self.move_away("*.out", ".snakemake")

    def run(self, *more):
        # A path, not the name in PATH: it stands in an environment of its own.
        quiet = ["--quiet", "all"] if not more else []
        return self.call(self.options.snakemake, "--cores", self.options.jobs, *quiet, *more)

    def count(self):
        text = self.run("--dry-run").text
        total = re.search(r"^total\s+(\d+)", text, re.MULTILINE)
        all_rule = re.search(r"^all\s+(\d+)", text, re.MULTILINE)
        return int(total[1]) - bool(all_rule) if total else 0


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skyloom", required=True, type=lambda path: Path(path).resolve())
    parser.add_argument("--snakemake", type=lambda path: Path(path).absolute(), help="its program; left out if not given")
    parser.add_argument("--partitions", type=int, default=0, help="cut all nodes in so many units, and leave the others out")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", help="where to make the DAG; a temporary folder if not given")
    parser.add_argument("--keep", help="where to copy it when all is done")
    return parser.parse_args()


if __name__ == "__main__":
    main()
