"""The digits table of the README: sparse against fully connected, several seeds.

``python -m analysis.digits --seeds 0 1 2 --out analysis/results`` trains every seed as
``make demo`` does and writes digits.json (every report), digits.md (the table) and the pictures
of the first seed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import tyro

from chgraph.storage import write_atomically
from chsnn.lab.config import RunConfig
from chsnn.lab.experiment import PICTURES, Experiment


@dataclass(frozen=True)
class Digits:
    """Train the network of the README for several seeds and write its table."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds, one run each."""
    out: Path = Path("analysis/results")
    """Folder of digits.json and digits.md."""
    runs: Path = Path("runs/digits")
    """Folder of the run folders."""


ROWS: tuple[tuple[str, Callable[[dict[str, Any]], float], str], ...] = (
    ("test accuracy (%)", lambda r: 100 * r["accuracy"], "{:.2f}"),
    ("links absent, sparse layers (%)", lambda r: 100 * r["sparse_layers_sparsity"], "{:.2f}"),
    ("links absent, all layers (%)", lambda r: 100 * r["link_sparsity"], "{:.2f}"),
    ("hidden neurons removed (%)", lambda r: 100 * r["node_sparsity"], "{:.2f}"),
    ("spikes per hidden neuron and step", lambda r: r["firing_rate"], "{:.3f}"),
    ("SOPs per sample", lambda r: r["sops_per_sample"], "{:,.0f}"),
    ("energy per sample (nJ, ANP-I)", lambda r: 1e9 * r["energy_per_sample_j"], "{:.1f}"),
    (
        "share of training spent evolving (%)",
        lambda r: 100 * r["evolution_seconds"] / r["train_seconds"],
        "{:.1f}",
    ),
)


def table(reports: list[dict[str, Any]]) -> str:
    """Return the Markdown table: mean and standard deviation over seeds."""
    lines = ["| | sparse | fully connected |", "|---|---|---|"]
    twins = [report["baseline"] for report in reports]
    for label, value, pattern in ROWS:
        cells = [_spread([value(r) for r in side], pattern) for side in (reports, twins)]
        lines.append(f"| {label} | {cells[0]} | {cells[1]} |")
    ratios = _spread([report["sop_ratio"] for report in reports], "{:.1f}")
    lines.append(f"| SOPs, fully connected over sparse | {ratios} | |")
    return "\n".join(lines) + "\n"


def _spread(values: list[float], pattern: str) -> str:
    text = pattern.format(mean(values))
    if len(values) > 1 and stdev(values) > 0:
        text += " ± " + pattern.format(stdev(values))
    return text


def main() -> None:
    """Train, print the table, and write it."""
    arguments = tyro.cli(Digits, prog="python -m analysis.digits")
    reports = []
    for seed in arguments.seeds:
        config = replace(RunConfig(), seed=seed, out=arguments.runs / f"seed{seed}")
        reports.append(Experiment.prepare(config).run())
    text = table(reports)
    write_atomically(arguments.out / "digits.md", text.encode())
    for picture in PICTURES:
        content = (arguments.runs / f"seed{arguments.seeds[0]}" / picture).read_bytes()
        write_atomically(arguments.out / f"digits_{picture}", content)
    write_atomically(arguments.out / "digits.json", json.dumps(reports, indent=2).encode())
    print(text)


if __name__ == "__main__":
    main()
