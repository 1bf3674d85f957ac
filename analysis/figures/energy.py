"""Figure 3, Tables 2 and 3: firing rates, accuracy by sparsity, energy; ours beside published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.ours import rows_of
from analysis.figures.published import (
    DENSE,
    SOURCE,
    SPARSE,
    SPARSITIES,
    TABLE_2,
    TABLE_3,
    VARIANTS,
)
from chsnn.hardware import HARDWARE

_DENSE_COLOR, _SPARSE_COLOR = "#475569", "#c2410c"
_OURS = {
    "main": "MNIST",
    "sparsest": "MNIST, 98 %",
    "nmnist": "N-MNIST",
    "digits_saccades": "saccades",
}
CAPTION = (
    "Figure 3. Firing rates, accuracy by sparsity, and energy of dense networks (gray) and of "
    f"CH-SNN (orange). Left of the line: published ({SOURCE}, Tables 2 and 3). Right of it, "
    "hatched: our runs of 3FC (stp_3fc.json, S-TP where it has been run, else BPTT, means over "
    "its seeds). Energies are SOPs times 1.5 pJ: published ones of a whole data set in mJ, ours "
    "of 10,000 samples. Middle: published accuracies on MNIST as lines, ours as crosses "
    "(mnist_2fc.json, ablation: another network, two layers learnt by BPTT)."
)


def our_pairs(results: Path) -> list[tuple[str, str, list[dict[str, Any]], list[dict[str, Any]]]]:
    """Return (name, learning, dense rows, sparse rows) of every 3FC study that has been run."""
    rows = rows_of(results, "stp_3fc.json")
    pairs = []
    for part, name in _OURS.items():
        for learning in ("s-tp", "bptt"):
            mine = [r for r in rows if (r["part"], r["learning"]) == (part, learning)]
            dense = [r for r in mine if r["method"] == DENSE]
            sparse = [r for r in mine if r["method"] == SPARSE]
            if dense and sparse:
                pairs.append((name, learning, dense, sparse))
    return pairs


def figure(results: Path) -> Figure:
    """Draw Figure 3."""
    drawing = Figure(figsize=(13, 4.2), layout="constrained")
    rates, accuracy, energy = drawing.subplots(1, 3)
    published = list(dict.fromkeys(row.data for row in TABLE_2))
    by_name = {(row.data, row.method): row for row in TABLE_2}
    ours: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {}
    for name, _, dense, sparse in our_pairs(results):
        ours.setdefault(name, (dense, sparse))
    joule = HARDWARE["ANP-I"].sop_joule
    for i, method in enumerate((DENSE, SPARSE)):
        theirs = [by_name[data, method] for data in published]
        mine = [pair[i] for pair in ours.values()]
        _bars(
            rates, i, [r.firing_rate for r in theirs], [100 * _mean(m, "firing_rate") for m in mine]
        )
        per_set = [1e4 * joule * _mean(m, "sops_per_sample") * 1e3 for m in mine]
        _bars(energy, i, [r.energy_mj for r in theirs], per_set)
    names = [*published, *ours]
    for ax in (rates, energy):
        ax.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=8)
        if ours:
            ax.axvline(len(published) - 0.5, color="#94a3b8", linewidth=1)
    rates.set(ylabel="firing rate (%)")
    rates.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    energy.set(ylabel="energy of the data set (mJ)", yscale="log")
    _accuracies(accuracy, results)
    for ax in (rates, accuracy, energy):
        ax.spines[["top", "right"]].set_visible(False)
    return drawing


def _mean(rows: Sequence[dict[str, Any]], name: str) -> float:
    return fmean(row[name] for row in rows)


def _bars(ax: Axes, i: int, theirs: Sequence[float], mine: Sequence[float]) -> None:
    color, label = ((_DENSE_COLOR, DENSE), (_SPARSE_COLOR, SPARSE))[i]
    places = np.arange(len(theirs) + len(mine)) + 0.4 * (i - 0.5)
    ax.bar(places[: len(theirs)], theirs, 0.38, color=color, label=label)
    ax.bar(places[len(theirs) :], mine, 0.38, color=color, hatch="///", edgecolor="white")


def _accuracies(ax: Axes, results: Path) -> None:
    colors = dict(zip(VARIANTS, ("#94a3b8", "#0f766e", "#7c3aed", _SPARSE_COLOR), strict=True))
    for variant, numbers in TABLE_3["MNIST"].items():
        ax.plot(SPARSITIES, numbers, marker="o", markersize=4, color=colors[variant], label=variant)
    for (variant, sparsity), rows in ablation_cells(results).items():
        value = 100 * _mean(rows, "accuracy")
        ax.plot(sparsity, value, marker="x", markersize=7, color=colors[variant], linestyle="none")
    ax.set(xlabel="links absent, hidden layers (%)", ylabel="accuracy on MNIST (%)")
    ax.legend(frameon=False, fontsize=8, loc="lower left")


_METHODS = {
    "CH-SNN, neither": "neither",
    "CH-SNN, no SSWI": "SSCTI only",
    "CH-SNN, no SSCTI": "SSWI only",
    "CH-SNN": "both",
}


def ablation_cells(results: Path) -> dict[tuple[str, float], list[dict[str, Any]]]:
    """Return our rows of the ablation by variant and sparsity in percent."""
    cells: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for row in rows_of(results, "mnist_2fc.json"):
        if row["part"] == "ablation":
            cells.setdefault((_METHODS[row["method"]], 100 * row["sparsity"]), []).append(row)
    return cells


def table_2(results: Path) -> str:
    """Return Table 2: published rows, then ours."""
    text = (
        "Table 2. Networks for S-TP. Energy is 1.5 pJ times SOPs, of the whole test set.\n\n"
        "| data | learning | network | firing rate (%) | links absent (%) | neurons removed (%) "
        "| accuracy (%) | SOPs, dense over this | energy, dense over this | where from |\n"
        "|---|---|---|---|---|---|---|---|---|---|\n"
    )
    dense = {row.data: row for row in TABLE_2 if row.method == DENSE}
    for row in TABLE_2:
        twin = dense[row.data]
        text += (
            f"| {row.data} | S-TP | {row.method} | {row.firing_rate:.2f} | {row.link_sparsity:.2f} "
            f"| {row.node_sparsity:.2f} | {row.accuracy:.2f} | {twin.sops / row.sops:.1f} "
            f"| {twin.energy_mj / row.energy_mj:.1f} | {SOURCE} |\n"
        )
    for name, learning, full, sparse in our_pairs(results):
        for method, rows in ((DENSE, full), (SPARSE, sparse)):
            ratio = _mean(rows, "sop_ratio")
            seeds = ", ".join(str(row["seed"]) for row in rows)
            text += (
                f"| {name} | {learning} | {method} | {100 * _mean(rows, 'firing_rate'):.2f} "
                f"| {100 * _mean(rows, 'link_sparsity'):.2f} "
                f"| {100 * _mean(rows, 'node_sparsity'):.2f} "
                f"| {100 * _mean(rows, 'accuracy'):.2f} | {ratio:.1f} | {ratio:.1f} "
                f"| ours: stp_3fc.json, seeds {seeds} |\n"
            )
    return text


def table_3(results: Path) -> str:
    """Return Table 3: published rows, then ours."""
    header = " | ".join(f"{s} %" for s in SPARSITIES)
    text = (
        "Table 3. Accuracy (%) with and without SSCTI and SSWI, by links absent in hidden layers. "
        "Published: 3FC learnt by S-TP with a threshold of 4. Ours: 784-1568-10, BPTT, 10,000 "
        "training images, another network.\n\n"
        f"| data | variant | {header} | where from |\n|---|---|"
        + "---|" * (len(SPARSITIES) + 1)
        + "\n"
    )
    for data, variants in TABLE_3.items():
        for variant, numbers in variants.items():
            cells = " | ".join(f"{number:.2f}" for number in numbers)
            text += f"| {data} | {variant} | {cells} | {SOURCE} |\n"
    cells_of = ablation_cells(results)
    for variant in VARIANTS:
        shown = []
        for sparsity in SPARSITIES:
            rows = cells_of.get((variant, float(sparsity)), [])
            shown.append(f"{100 * _mean(rows, 'accuracy'):.2f}" if rows else "")
        if any(shown):
            seeds = sorted({r["seed"] for rows in cells_of.values() for r in rows})
            where = f"ours: mnist_2fc.json, seeds {', '.join(map(str, seeds))}"
            text += f"| MNIST | {variant} | {' | '.join(shown)} | {where} |\n"
    return text
