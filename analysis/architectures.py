"""The paper's architectures on images and events: sparse beside its fully connected twin.

``python -m analysis.architectures STUDY [--processes 2]`` trains what is not finished yet of one
study (run folders below ``--runs``) and writes its rows and table to ``--out``. Files are read from
the folder that CHSNN_DATA names. Sizes are reduced where a study says so: it is made on two cores.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tyro

from analysis._earlier import rows_in, rows_so_far, run_missing
from chgraph.storage import write_atomically
from chsnn.evolution import Evolution
from chsnn.lab.comparison import Plan, plan_runs
from chsnn.lab.config import NeuronConfig, RunConfig, SpikformerConfig
from chsnn.lab.methods import FULLY_CONNECTED
from chsnn.lab.summaries import table

_SHARED = RunConfig(
    encoding="direct",
    timesteps=4,
    batch_size=64,
    optimizer="adamw",
    learning_rate=0.002,
    weight_decay=0.01,
    warm_up=1,
    select="last",
    baseline=False,
    neuron=NeuronConfig(surrogate_alpha=0.5),
    evolution=Evolution(temperature=3.0),
)
_EVENTS = replace(_SHARED, encoding="none", timesteps=8, batch_size=32, epochs=30)
_CIFAR = replace(_SHARED, data="cifar10", shift=4, flip=True, label_smoothing=0.1, batch_size=32)


@dataclass(frozen=True)
class Study:
    """One architecture on one data set.

    Attributes
    ----------
    base : RunConfig
        What all runs share.
    seeds : tuple of int
    sparsities : tuple of float
        Of the linear layers.
    says : str
        What a reader has to know beside the table: what was reduced, how many samples there are.
    methods : tuple of str
        At every sparsity.
    beside : tuple of str
        More methods, at the first sparsity only.
    """

    base: RunConfig
    seeds: tuple[int, ...]
    sparsities: tuple[float, ...]
    says: str
    methods: tuple[str, ...] = (FULLY_CONNECTED, "CH-SNN")
    beside: tuple[str, ...] = ()


STUDIES = {
    "mnist_2conv2fc": Study(
        replace(_SHARED, data="mnist", network="2conv2fc", epochs=15, shift=1),
        seeds=(0, 1),
        sparsities=(0.95,),
        says="2Conv2FC at full size on MNIST, 55,000 images moved by up to a pixel, T = 4.",
    ),
    "nmnist": Study(
        replace(_EVENTS, data="n-mnist", network="2conv2fc"),
        seeds=(0, 1, 2, 3, 4),
        sparsities=(0.95,),
        says="2Conv2FC at full size on real N-MNIST: only 917 training and 100 test recordings of "
        "60,000 and 10,000; one test recording is a whole point.",
    ),
    "digits_saccades": Study(
        replace(_EVENTS, data="digits-saccades", network="2conv2fc"),
        seeds=(0, 1, 2, 3, 4),
        sparsities=(0.95,),
        says="2Conv2FC at full size on digits in saccades: 1,257 training and 360 test recordings.",
    ),
    "digits_saccades_mlp": Study(
        replace(_EVENTS, data="digits-saccades", hidden=(800,), learning_rate=0.003),
        seeds=(0, 1, 2, 3, 4),
        sparsities=(0.95,),
        says="800-800-10 on digits in saccades, links at first by SSCTI or regular.",
        methods=(FULLY_CONNECTED, "CH-SNN", "CH-SNN, no SSCTI"),
    ),
    "cifar10_6conv2fc": Study(
        replace(_CIFAR, network="6conv2fc", width=0.125, epochs=15),
        seeds=(0, 1),
        sparsities=(0.95,),
        says="6Conv2FC at an eighth of the width, T = 4, on 9,000 training and 2,000 test images.",
    ),
    "cifar10_spikformer": Study(
        replace(
            _CIFAR,
            network="spikformer",
            spikformer=SpikformerConfig(dim=64, depth=2, heads=4, patch=8),
            epochs=15,
        ),
        seeds=(0, 1),
        sparsities=(0.95, 0.9),
        says="Spikformer with dim 64, depth 2, 4 heads, patches of 8 x 8, T = 4, on 9,000 training "
        "and 2,000 test images.",
        beside=("CH-SNN, random regrowth", "CH-SNN, gradient regrowth"),
    ),
}


@dataclass(frozen=True)
class Arguments:
    """Train the runs of a study and write its table."""

    study: tyro.conf.Positional[str]
    """One of the studies by name."""
    collect: bool = False
    """Train nothing; write the rows of the runs that are finished."""
    processes: int = 1
    """Runs at a time."""
    runs: Path = Path("runs/architectures")
    """Folder of the run folders."""
    out: Path = Path("analysis/results")
    """Folder of rows and table."""


def plans_of(study: Study, folder: Path) -> list[Plan]:
    """Return the runs of a study."""
    base = replace(study.base, out=folder)
    plans = plan_runs(base, study.methods, study.sparsities, study.seeds)
    if study.beside:
        plans += plan_runs(base, study.beside, study.sparsities[:1], study.seeds)
    return plans


def write_results(name: str, rows: Sequence[dict[str, Any]], out: Path) -> str:
    """Write a row per run, and the table; return the table."""
    text = f"{STUDIES[name].says}\n\n{table(rows)}"
    every = [{**row, "part": "main"} for row in rows]
    write_atomically(out / f"{name}.json", (json.dumps(every, indent=1) + "\n").encode())
    write_atomically(out / f"{name}.md", text.encode())
    return text


def main() -> None:
    """Train what is asked for, print the table, and write it."""
    arguments = tyro.cli(Arguments, prog="python -m analysis.architectures")
    if arguments.study not in STUDIES:
        raise SystemExit(f"study must be one of {', '.join(STUDIES)}, got {arguments.study!r}")
    folder = arguments.runs / arguments.study
    plans = plans_of(STUDIES[arguments.study], folder)
    earlier = rows_in(arguments.out / f"{arguments.study}.json")
    if not arguments.collect:
        run_missing(plans, earlier, folder, processes=arguments.processes)
    rows = rows_so_far(plans, earlier, folder)
    print(write_results(arguments.study, rows, arguments.out))


if __name__ == "__main__":
    main()
