"""The MLP headline on MNIST: sparse beside its twin, both tuned with as many tries, tested once.

``python -m analysis.mnist_headline [--parts tuning test]`` trains what is not finished yet (run
folders below ``--runs``) and writes mnist_headline.json and mnist_headline.md. MNIST is read from
the folder CHSNN_DATA names.

tuning    every try of :data:`TRIES` on 30,000 of the training images, measured on 30,000 others
test      the best try of each row on all training images, five seeds, on the test images once

Three rows: 784-1568-10 with 99 % of the first layer's links absent and shifted images; with 95 %
and images as they are; and a dense network with as many weights as the first has links.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
import tyro
from torch import Tensor

from analysis._earlier import agree, rows_in
from chgraph.storage import write_atomically
from chsnn.data import DataSet, Samples, load_data
from chsnn.evaluation import all_scores
from chsnn.evolution import Evolution
from chsnn.lab.config import NeuronConfig, RunConfig
from chsnn.lab.experiment import Experiment, open_run
from chsnn.lab.folder import REPORT
from chsnn.lab.networks import build_network

HELD_ASIDE = 30_000
SEEDS = (0, 1, 2, 3, 4)
ROWS = "mnist_headline.json"
_SPLIT_SEED = 30_000

_SHARED = RunConfig(
    data="mnist",
    hidden=(1568,),
    encoding="direct",
    timesteps=8,
    epochs=40,
    batch_size=64,
    shift=1,
    select="last",
    baseline=False,
    neuron=NeuronConfig(surrogate_alpha=0.3),
    evolution=Evolution(temperature=3.0),
)
_DENSE = replace(_SHARED.fully_connected(), learning_rate=0.001)
_STAYS = replace(_SHARED, sparsity=0.99, learning_rate=0.007, weight_decay=1e-5)
_FALLS = replace(
    _STAYS,
    sparsity=0.95,
    learning_rate=0.004,
    evolution=Evolution(temperature=3.0, density_schedule="cubic", final_sparsity=0.99),
)
_AT_95 = replace(_SHARED, sparsity=0.95, learning_rate=0.004, shift=0, weight_decay=1e-5)
_AS_MANY = replace(_DENSE, hidden=(23,), learning_rate=0.003)

# Of every kind of network what was tried, in this order; the rows of the table are the best ones.
TRIES: dict[str, tuple[RunConfig, ...]] = {
    "sparse, 99 %": (
        _STAYS,
        _FALLS,
        replace(_FALLS, label_smoothing=0.1),
        replace(_FALLS, sparsity=0.9, label_smoothing=0.1),
        replace(_FALLS, weight_decay=0.0, label_smoothing=0.1),
        replace(_FALLS, batch_size=32, learning_rate=0.003, label_smoothing=0.1),
        replace(_FALLS, sparsity=0.9),
        replace(_FALLS, sparsity=0.8),
        replace(_FALLS, weight_decay=3e-5),
        replace(_FALLS, sparsity=0.9, learning_rate=0.006),
        replace(_FALLS, sparsity=0.9, evolution=replace(_FALLS.evolution, density_until=0.5)),
        replace(_FALLS, evolution=replace(_FALLS.evolution, temperature_end=9.0)),
        replace(
            _FALLS,
            sparsity=0.8,
            evolution=replace(_FALLS.evolution, sampling="hard", regrowth_sampling="soft"),
        ),
        replace(
            _FALLS, sparsity=0.8, evolution=replace(_FALLS.evolution, zeta=0.0, sampling="hard")
        ),
        replace(_FALLS, cutout=6),
        replace(_FALLS, evolution=replace(_FALLS.evolution, until=0.75)),
        replace(_FALLS, epochs=80),
        replace(_FALLS, warm_up=3),
        replace(_FALLS, optimizer="adamw", weight_decay=0.01),
        replace(_FALLS, neuron=replace(_FALLS.neuron, surrogate_alpha=0.5)),
        replace(_FALLS, evolution=replace(_FALLS.evolution, every=150)),
        replace(_FALLS, evolution=replace(_FALLS.evolution, zeta=0.1)),
    ),
    "fully connected": (
        _DENSE,
        replace(_DENSE, label_smoothing=0.1),
        replace(_DENSE, learning_rate=0.002, label_smoothing=0.1),
        replace(_DENSE, learning_rate=0.0005, label_smoothing=0.1),
        replace(_DENSE, weight_decay=1e-5, label_smoothing=0.1),
        replace(_DENSE, batch_size=32, learning_rate=0.0007, label_smoothing=0.1),
        replace(_DENSE, learning_rate=0.0005, weight_decay=1e-5, label_smoothing=0.1),
        replace(_DENSE, learning_rate=0.0003, label_smoothing=0.1),
        replace(_DENSE, learning_rate=0.0005, weight_decay=3e-5, label_smoothing=0.1),
        replace(_DENSE, learning_rate=0.0005, label_smoothing=0.2),
        replace(_DENSE, batch_size=128, learning_rate=0.001, label_smoothing=0.1),
        replace(_DENSE, optimizer="adamw", weight_decay=0.01, label_smoothing=0.1),
        replace(_DENSE, learning_rate=0.0007, weight_decay=1e-5, label_smoothing=0.1),
        replace(
            _DENSE, batch_size=128, learning_rate=0.0007, weight_decay=1e-5, label_smoothing=0.1
        ),
        replace(
            _DENSE, optimizer="adamw", learning_rate=0.0005, weight_decay=0.1, label_smoothing=0.1
        ),
        replace(_DENSE, learning_rate=0.0005, label_smoothing=0.1, cutout=6),
        replace(_DENSE, learning_rate=0.0005, label_smoothing=0.1, epochs=80),
        replace(_DENSE, learning_rate=0.0005, label_smoothing=0.1, warm_up=3),
        replace(_DENSE, optimizer="adamw", weight_decay=0.01, label_smoothing=0.1, epochs=80),
        replace(
            _DENSE,
            learning_rate=0.0005,
            label_smoothing=0.1,
            neuron=replace(_DENSE.neuron, surrogate_alpha=0.5),
        ),
        replace(_DENSE, learning_rate=0.0007, label_smoothing=0.1, epochs=80),
        replace(_DENSE, learning_rate=0.0005, weight_decay=1e-5, label_smoothing=0.1, epochs=80),
    ),
    "sparse, 95 %, no shifts": (
        _AT_95,
        replace(_AT_95, label_smoothing=0.1),
        replace(_AT_95, learning_rate=0.007),
        replace(_AT_95, weight_decay=1e-4),
    ),
    "fully connected, no shifts": (
        replace(_DENSE, shift=0),
        replace(_DENSE, shift=0, label_smoothing=0.1),
        replace(_DENSE, shift=0, learning_rate=0.002),
        replace(_DENSE, shift=0, weight_decay=1e-4),
    ),
    "dense, as many weights": (
        _AS_MANY,
        replace(_AS_MANY, learning_rate=0.01),
        replace(_AS_MANY, shift=0),
        replace(_AS_MANY, shift=0, learning_rate=0.01),
        replace(_AS_MANY, learning_rate=0.001),
        replace(_AS_MANY, learning_rate=0.01, label_smoothing=0.1),
    ),
}
# What each is compared with, on the same test images.
TWINS = {
    "sparse, 99 %": ("fully connected", "dense, as many weights"),
    "sparse, 95 %, no shifts": ("fully connected, no shifts",),
}


@dataclass(frozen=True)
class Arguments:
    """Tune and test the MLP on MNIST."""

    parts: tuple[str, ...] = ("tuning", "test")
    """What to train; all that is finished is in the tables."""
    kinds: tuple[str, ...] = tuple(TRIES)
    """Which networks."""
    seeds: tuple[int, ...] = SEEDS
    """Seeds of the test."""
    runs: Path = Path("runs/mnist_headline")
    """Folder of the run folders."""
    out: Path = Path("analysis/results")
    """Folder of the tables."""


def held_aside(data: DataSet) -> DataSet:
    """Return 30,000 of the images that are not for testing, and others to measure on."""
    images = torch.cat([data.train.images, data.validation.images])
    labels = torch.cat([data.train.labels, data.validation.labels])
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(labels))
    parts = [torch.from_numpy(order[:HELD_ASIDE]), torch.from_numpy(order[HELD_ASIDE:])]
    learnt, measured = (Samples(images[part], labels[part]) for part in parts)
    return replace(data, train=learnt, validation=measured, test=measured)


def run(config: RunConfig, data: DataSet) -> dict[str, Any]:
    """Return the report of a run, made if it is not finished."""
    path = config.out / REPORT
    if not path.is_file():
        Experiment(config, data, build_network(config, data), None).run(resume=True)
    return json.loads(path.read_text(encoding="utf-8"))


def _slug(kind: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in kind).replace("--", "-").strip("-")


def try_folder(runs: Path, kind: str, number: int) -> Path:
    """Return the run folder of a try."""
    return runs / "tuning" / _slug(kind) / str(number)


def tune(kind: str, runs: Path, out: Path, data: DataSet) -> None:
    """Make all tries of a kind of network that no table has yet."""
    done = {row["try"] for row in tried(kind, runs, out)}
    for number, config in enumerate(TRIES[kind]):
        if number not in done:
            run(replace(config, out=try_folder(runs, kind, number)), data)


def tried(kind: str, runs: Path, out: Path) -> list[dict[str, Any]]:
    """Return a row for every finished try: of its run folder, or of an earlier table's rows."""
    rows = []
    for number, config in enumerate(TRIES[kind]):
        settings = {k: v for k, v in config.to_dict().items() if k != "out"}
        report = try_folder(runs, kind, number) / REPORT
        if report.is_file():
            found = json.loads(report.read_text(encoding="utf-8"))
            row = {"part": "tuning", "method": kind, "seed": config.seed, "try": number}
            row |= {"validation_accuracy": found["accuracy"]}
            rows.append({**row, "link_sparsity": found["link_sparsity"], "settings": settings})
        else:
            rows += [
                row
                for row in _rows_of(out, "tuning", kind)
                if row["try"] == number and agree(row["settings"], settings)
            ]
    return rows


def best_try(kind: str, runs: Path, out: Path) -> RunConfig:
    """Return the settings of the best try; all must be finished."""
    rows = tried(kind, runs, out)
    if len(rows) < len(TRIES[kind]):
        done = f"{len(rows)} of {len(TRIES[kind])} tries"
        raise ValueError(f"{kind}: {done} are finished; tune first")
    return TRIES[kind][max(rows, key=lambda row: row["validation_accuracy"])["try"]]


def measure(kind: str, runs: Path, out: Path, data: DataSet, seeds: Sequence[int]) -> None:
    """Train the best try on all images that are not for testing, but seeds that a table has."""
    config = best_try(kind, runs, out)
    whole = replace(data, train=_joined(data.train, data.validation))
    earlier = {row["seed"]: row["settings"] for row in _rows_of(out, "main", kind)}
    for seed in seeds:
        mine = replace(config, seed=seed, out=runs / "test" / _slug(kind) / f"seed-{seed}")
        settings = {k: v for k, v in mine.to_dict().items() if k != "out"}
        if not (seed in earlier and agree(earlier[seed], settings)):
            run(mine, whole)
            write_results(runs, out, data)


def _joined(*parts: Samples) -> Samples:
    images = torch.cat([part.images for part in parts])
    return Samples(images, torch.cat([part.labels for part in parts]))


# ------------------------------------------------------------------------- what was found


def tested(kind: str, runs: Path, out: Path, data: DataSet) -> list[dict[str, Any]]:
    """Return a row per seed, of its run folder or of an earlier table: `wrong` are test images."""
    rows = {row["seed"]: row for row in _rows_of(out, "main", kind)}
    for folder in sorted((runs / "test" / _slug(kind)).glob("seed-*")):
        if not (folder / REPORT).is_file():
            continue
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        config, network = open_run(folder)
        scores, labels = all_scores(network, data.test, seed=config.seed)
        wrong = (scores.argmax(1) != labels).nonzero().flatten().tolist()
        settings = {k: v for k, v in config.to_dict().items() if k != "out"}
        head = {"part": "main", "method": kind, "seed": config.seed}
        rows[config.seed] = {**head, **report, "settings": settings, "wrong": wrong}
    return [rows[seed] for seed in sorted(rows)]


def _rows_of(out: Path, part: str, kind: str) -> list[dict[str, Any]]:
    """Return what an earlier table has of a kind of network."""
    return [row for row in rows_in(out / ROWS) if (row["part"], row["method"]) == (part, kind)]


def known_images(rows: Sequence[dict[str, Any]], n_images: int) -> dict[int, Tensor]:
    """Return which of the test images each seed's network knows."""
    known = {row["seed"]: torch.ones(n_images, dtype=torch.bool) for row in rows}
    for row in rows:
        known[row["seed"]][row["wrong"]] = False
    return known


def paired_interval(first: dict[int, Tensor], second: dict[int, Tensor]) -> tuple[float, float]:
    """Return the difference of two accuracies and half its 95 % interval, seed by seed.

    Both the seeds and the images are samples: the variance of the mean over seeds and images is
    that over seeds of the differences of accuracies plus that over images of the differences
    averaged over seeds (Bouthillier et al. 2021; each part alone would be too small).
    """
    seeds = sorted(set(first) & set(second))
    differences = torch.stack([first[s].double() - second[s].double() for s in seeds])
    by_seed, by_image = differences.mean(1), differences.mean(0)
    variance = by_image.var() / by_image.numel()
    if len(seeds) > 1:
        variance = variance + by_seed.var() / len(seeds)
    return float(differences.mean()), 1.96 * math.sqrt(float(variance))


def write_results(runs: Path, out: Path, data: DataSet) -> str:
    """Write rows and tables of all finished runs; return the tables."""
    rows: list[dict[str, Any]] = [row for kind in TRIES for row in tried(kind, runs, out)]
    text = tuning_table(rows)
    found = {kind: tested(kind, runs, out, data) for kind in TRIES}
    main = {kind: members for kind, members in found.items() if members}
    if main:
        text += "\n" + test_table(main, n_images=len(data.test))
    rows += [row for members in main.values() for row in members]
    write_atomically(out / ROWS, (json.dumps(rows, indent=1) + "\n").encode())
    write_atomically(out / "mnist_headline.md", text.encode())
    return text


def tuning_table(rows: Sequence[dict[str, Any]]) -> str:
    """Return all tries as a Markdown table."""
    text = (
        f"Tries on {HELD_ASIDE:,} training images, measured on {HELD_ASIDE:,} others (seed 0).\n\n"
        "| network | links absent at first, at last (%) | batch | learning rate | weight decay "
        "| label smoothing | shift (pixels) | validation accuracy (%) |\n"
        "|---|---|---|---|---|---|---|---|\n"
    )
    for row in rows:
        s = row["settings"]
        last = s["evolution"].get("final_sparsity", s["sparsity"])
        cells = (
            row["method"],
            f"{100 * s['sparsity']:.4g}, {100 * (last if s['sparsity'] else 0):.4g}",
            s["batch_size"],
            f"{s['learning_rate']:g}",
            f"{s['weight_decay']:g}",
            f"{s['label_smoothing']:g}",
            s["shift"],
            f"{100 * row['validation_accuracy']:.2f}",
        )
        text += "| " + " | ".join(str(cell) for cell in cells) + " |\n"
    return text


def test_table(main: dict[str, list[dict[str, Any]]], *, n_images: int) -> str:
    """Return the tested networks, and how they differ, as Markdown tables."""
    text = (
        "Trained on 60,000 images, tested once on 10,000; mean over the seeds.\n\n"
        "| network | test accuracy (%) | links absent, all layers (%) | SOPs a sample | seeds |\n"
        "|---|---|---|---|---|\n"
    )
    for kind, rows in main.items():
        accuracy, links, sops = (
            fmean(row[name] for row in rows)
            for name in ("accuracy", "link_sparsity", "sops_per_sample")
        )
        text += (
            f"| {kind} | {100 * accuracy:.2f} | {100 * links:.2f} | {sops:,.0f} | {len(rows)} |\n"
        )
    text += (
        "\nDifferences on the same images and seeds, with 95 % intervals over seeds and images.\n\n"
        "| networks | difference (points) |\n|---|---|\n"
    )
    for kind, twins in TWINS.items():
        for twin in twins:
            if kind in main and twin in main:
                mean, half = paired_interval(
                    known_images(main[kind], n_images), known_images(main[twin], n_images)
                )
                text += f"| {kind} - {twin} | {100 * mean:+.2f} ± {100 * half:.2f} |\n"
    return text


def main() -> None:
    """Tune, test, print the tables, and write them."""
    arguments = tyro.cli(Arguments, prog="python -m analysis.mnist_headline")
    data = load_data("mnist")
    part = held_aside(data)
    for kind in arguments.kinds:
        if "tuning" in arguments.parts:
            tune(kind, arguments.runs, arguments.out, part)
        if "test" in arguments.parts:
            measure(kind, arguments.runs, arguments.out, data, arguments.seeds)
        write_results(arguments.runs, arguments.out, data)
    print(write_results(arguments.runs, arguments.out, data))


if __name__ == "__main__":
    main()
