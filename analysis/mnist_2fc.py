"""MNIST on 784-1568-10, first layer sparse: CH-SNN beside its fully connected twin and others.

``python -m analysis.mnist_2fc [--parts main regrowth methods ablation] [--processes 2]`` trains
what is not finished yet (run folders below ``--runs``) and writes mnist_2fc.json (a row per run),
mnist_2fc.md (the tables) and the pictures. MNIST is read from the folder CHSNN_DATA names.

main      fully connected; CH-SNN with 99 % and 99.5 % of the first layer's links absent
regrowth  CH-SNN at 99 % with links drawn by CH3-L3 (that of main), uniformly, by gradient
methods   all methods at 99 %, on 10,000 training images
ablation  the parts of CH-SNN at 99, 95 and 80 %, on 10,000 training images, evolving every five
          epochs (at 80 % there are 10^10 paths of three links)
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tyro

from analysis._earlier import rows_in, rows_so_far, run_missing
from chgraph.plotting import save_figure
from chgraph.storage import write_atomically
from chsnn.evolution import Evolution
from chsnn.lab import plotting
from chsnn.lab.comparison import Plan, plan_runs
from chsnn.lab.config import NeuronConfig, RunConfig
from chsnn.lab.methods import FULLY_CONNECTED
from chsnn.lab.summaries import summarize, table

# Chosen on the validation images only; analysis/results/mnist_tuning.md has what was tried.
SPARSE = RunConfig(
    data="mnist",
    hidden=(1568,),
    sparsity=0.99,
    encoding="direct",
    timesteps=8,
    epochs=40,
    batch_size=64,
    learning_rate=0.007,
    weight_decay=1e-5,
    shift=1,
    # 5,000 validation images tell epochs apart to 0.15 points only; the last is the annealed one.
    select="last",
    neuron=NeuronConfig(surrogate_alpha=0.3),
    evolution=Evolution(temperature=3.0),
)
DENSE = replace(SPARSE, learning_rate=0.001, weight_decay=0.0)
SUBSET = 10_000
# Steps between evolutions of the ablation: five epochs of the subset.
RARELY = 5 * math.ceil(SUBSET / SPARSE.batch_size)
ROWS = "mnist_2fc.json"


@dataclass(frozen=True)
class Arguments:
    """Train on MNIST and write the tables of the README."""

    parts: tuple[str, ...] = ("main", "regrowth", "methods", "ablation")
    """Which parts to train; all finished ones are in the tables."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds, one run of everything each."""
    processes: int = 1
    """Runs at a time."""
    runs: Path = Path("runs/mnist_2fc")
    """Folder of the run folders."""
    out: Path = Path("analysis/results")
    """Folder of the tables and pictures."""


def _main(base: Path, seeds: Sequence[int]) -> list[Plan]:
    dense = plan_runs(replace(DENSE, out=base), [FULLY_CONNECTED], [0.0], seeds)
    return dense + plan_runs(replace(SPARSE, out=base), ["CH-SNN"], [0.99, 0.995], seeds)


def _regrowth(base: Path, seeds: Sequence[int]) -> list[Plan]:
    methods = ["CH-SNN, random regrowth", "CH-SNN, gradient regrowth"]
    return plan_runs(replace(SPARSE, out=base), methods, [0.99], seeds)


# The second group takes the learning rate of the fully connected network, as which it starts.
FROM_SPARSE = (
    "CH-SNN",
    "static",
    "SET",
    "SET, fresh weights",
    "RigL",
    "GraNet",
    "CHT",
    "CHTs",
    "CHTs, soft removal",
    "CHTss",
    "Deep R",
)
FROM_DENSE = (FULLY_CONNECTED, "Grad R", "Grad R, weaker prior", "SD-SNN", "DPAP")


def _methods(base: Path, seeds: Sequence[int]) -> list[Plan]:
    dense, sparse = (replace(c, out=base, train_images=SUBSET) for c in (DENSE, SPARSE))
    return [
        *plan_runs(dense, FROM_DENSE, [0.99], seeds),
        *plan_runs(sparse, FROM_SPARSE, [0.99], seeds),
    ]


def _ablation(base: Path, seeds: Sequence[int]) -> list[Plan]:
    names = ["CH-SNN", "CH-SNN, no SSCTI", "CH-SNN, no SSWI", "CH-SNN, neither"]
    evolution = replace(SPARSE.evolution, every=RARELY)
    settings = replace(SPARSE, out=base, train_images=SUBSET, evolution=evolution)
    return plan_runs(settings, names, [0.99, 0.95, 0.8], seeds)


PARTS: dict[str, Callable[[Path, Sequence[int]], list[Plan]]] = {
    "main": _main,
    "regrowth": _regrowth,
    "methods": _methods,
    "ablation": _ablation,
}


def ablation_table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the ablation as the paper has it: a line per sparsity, a column per variant."""
    cells = {(s.sparsity, s.method): s for s in summarize(rows)}
    names = {
        "CH-SNN, neither": "neither",
        "CH-SNN, no SSWI": "SSCTI only",
        "CH-SNN, no SSCTI": "SSWI only",
        "CH-SNN": "both",
    }
    lines = [["first layer's links absent (%)", *names.values()], ["---"] * (1 + len(names))]
    for sparsity in sorted({s for s, _ in cells}, reverse=True):
        line = [f"{100 * sparsity:g}"]
        for method in names:
            cell = cells.get((sparsity, method))
            spread = "" if cell is None else f" ± {100 * cell.deviation('accuracy'):.2f}"
            line.append("" if cell is None else f"{100 * cell.mean('accuracy'):.2f}{spread}")
        lines.append(line)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _earlier_rows(part: str, out: Path) -> list[dict[str, Any]]:
    return [row for row in rows_in(out / ROWS) if row["part"] == part]


def _rows_of(part: str, arguments: Arguments) -> list[dict[str, Any]]:
    """Return the finished rows of a part, or all that its table has if these are more."""
    folder = arguments.runs / part
    earlier = _earlier_rows(part, arguments.out)
    rows = rows_so_far(PARTS[part](folder, arguments.seeds), earlier, folder)
    return rows if len(rows) >= len(earlier) else earlier


def write_results(arguments: Arguments) -> str:
    """Write rows, tables and picture of all finished runs; return the tables."""
    rows, out = {part: _rows_of(part, arguments) for part in PARTS}, arguments.out
    text = ""
    if whole := rows["main"] + rows["regrowth"]:
        text += f"MNIST, 55,000 training images, tested once on 10,000.\n\n{table(whole)}"
        save_figure(plotting.sparsity_gain(summarize(whole)), out / "mnist_2fc.png")
    if rows["methods"]:
        text += f"\nAll methods after training on {SUBSET:,} images.\n\n{table(rows['methods'])}"
        figure = plotting.method_dots(summarize(rows["methods"]))
        save_figure(figure, out / "mnist_2fc_methods.png")
    if rows["ablation"]:
        text += f"\nTest accuracy (%) after training on {SUBSET:,} images.\n\n"
        text += ablation_table(rows["ablation"])
    every = [{**row, "part": part} for part, members in rows.items() for row in members]
    write_atomically(out / ROWS, (json.dumps(every, indent=1) + "\n").encode())
    write_atomically(out / "mnist_2fc.md", text.encode())
    return text


def main() -> None:
    """Train what is asked for, print the tables, and write them."""
    arguments = tyro.cli(Arguments, prog="python -m analysis.mnist_2fc")
    for part in arguments.parts:
        folder = arguments.runs / part
        plans = PARTS[part](folder, arguments.seeds)
        earlier = _earlier_rows(part, arguments.out)
        run_missing(plans, earlier, folder, processes=arguments.processes)
        write_results(arguments)
    print(write_results(arguments))


if __name__ == "__main__":
    main()
