"""Our own rows: what the studies of this folder have written, and what each of them is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

# File of rows, data set, network; rows of a file are sparse networks and their dense twins.
STUDIES = (
    ("mnist_headline.json", "MNIST", "2FC"),
    ("mnist_2fc.json", "MNIST", "2FC"),
    ("mnist_2conv2fc.json", "MNIST", "2Conv2FC"),
    ("nmnist.json", "N-MNIST", "2Conv2FC"),
    ("cifar10_6conv2fc.json", "CIFAR-10 part", "6Conv2FC, an eighth as wide"),
    ("cifar10_spikformer.json", "CIFAR-10 part", "Spikformer 64, depth 2"),
    ("digits_saccades.json", "digits in saccades", "2Conv2FC"),
    ("digits_saccades_mlp.json", "digits in saccades", "2FC"),
)


# What a part of a study was trained on, if not on all images.
_TRAINED_ON = {"methods": ", 10,000 images"}


@dataclass(frozen=True)
class OurGain:
    """Runs of one method beside their dense twins: means over seeds, in percent and points."""

    data: str
    network: str
    method: str
    link_sparsity: float
    accuracy: float
    gain: float
    seeds: tuple[int, ...]
    source: str


def rows_of(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of a file; none if it is not there."""
    path = folder / name
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def gains(folder: Path) -> list[OurGain]:
    """Return every method of every study that has dense twins."""
    found = []
    for name, data, network in STUDIES:
        rows = [row for row in rows_of(folder, name) if row["part"] != "tuning"]
        parts = dict.fromkeys(row["part"] for row in rows if row["part"] != "ablation")
        for part in parts:
            mine = [row for row in rows if row["part"] == part]
            found += _gains_of(mine, rows, data, network + _TRAINED_ON.get(part, ""), name)
    return found


def _gains_of(
    rows: Sequence[dict[str, Any]],
    all_rows: Sequence[dict[str, Any]],
    data: str,
    network: str,
    source: str,
) -> list[OurGain]:
    found = []
    # Where a part has no dense twins of its own, those of the headline are of the same training.
    main = [row for row in all_rows if row["part"] == "main"]
    methods = dict.fromkeys((row["method"], row.get("sparsity")) for row in rows)
    for method, sparsity in methods:
        mine = [r for r in rows if (r["method"], r.get("sparsity")) == (method, sparsity)]
        twins = {r["seed"]: r for r in _twins(method, rows) or _twins(method, main)}
        pairs = [(row, twins[row["seed"]]) for row in mine if row["seed"] in twins]
        if method.startswith(("fully connected", "dense")) or not pairs:
            continue
        found.append(
            OurGain(
                data=data,
                network=network,
                method=_SHOWN.get(method, method),
                link_sparsity=100 * fmean(row["link_sparsity"] for row, _ in pairs),
                accuracy=100 * fmean(row["accuracy"] for row, _ in pairs),
                gain=100 * fmean(row["accuracy"] - twin["accuracy"] for row, twin in pairs),
                seeds=tuple(sorted(row["seed"] for row, _ in pairs)),
                source=source,
            )
        )
    return found


_SHOWN = {"sparse, 99 %": "CH-SNN", "sparse, 95 %, no shifts": "CH-SNN, no shifts"}


def _twins(method: str, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    name = "fully connected, no shifts" if method.endswith("no shifts") else "fully connected"
    return [row for row in rows if row["method"] == name]
