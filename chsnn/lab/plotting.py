"""The pictures of a run. Functions take what they show and return a matplotlib figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from chgraph import plotting as graph_plotting
from chgraph.graph import BipartiteGraph
from chsnn.energy import EnergyReport
from chsnn.history import History
from chsnn.lab.methods import FULLY_CONNECTED
from chsnn.lab.summaries import Summary, spread

SPARSE_COLOR, DENSE_COLOR = "#c2410c", "#475569"
_INK = "#1e293b"
_FEW_LAYERS = 5  # more are named along the axis, without numbers on their bars
# None of them near SPARSE_COLOR.
_OTHER_COLORS = ("C0", "C2", "C4", "C5", "C6", "C7", "C8", "C9", "#1e3a8a", "#134e4a", "#a21caf")


def learning_curves(sparse: History, dense: History | None, *, sparsity: float) -> Figure:
    """Draw loss and validation accuracy over epochs, sparse beside fully connected."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    runs = [(sparse, SPARSE_COLOR, f"{sparsity:.0%} of the links absent")]
    if dense is not None:
        runs.append((dense, DENSE_COLOR, "fully connected"))
    for history, color, label in runs:
        epochs = history.column("epoch")
        loss.plot(epochs, history.column("loss"), color=color, label=label)
        percent = [100 * value for value in history.column("validation_accuracy")]
        accuracy.plot(epochs, percent, color=color, label=label)
    loss.set(xlabel="epoch", ylabel="training loss", yscale="log")
    accuracy.set(xlabel="epoch", ylabel="validation accuracy (%)")
    accuracy.legend(frameon=False, loc="lower right")
    _clean(loss, accuracy)
    return figure


def first_layer(before: BipartiteGraph, after: BipartiteGraph) -> Figure:
    """Draw the first layer's links, and each input's degree, before and after training."""
    side = math.isqrt(before.n_left)
    is_image = side * side == before.n_left
    figure = Figure(figsize=(10, 6.2 if is_image else 3.4), layout="constrained")
    axes = figure.subplots(
        2 if is_image else 1, 2, squeeze=False, height_ratios=[1, 1.2] if is_image else [1]
    )
    top = max(before.left_degree.max(initial=0), after.left_degree.max(initial=0))
    new = after.link_ids(*after.links()).size - (before.link_ids(*after.links()) >= 0).sum()
    titles = ("before training", f"after training ({new:,} of {after.n_links:,} links are new)")
    for column, (graph, title) in enumerate(zip((before, after), titles, strict=True)):
        graph_plotting.biadjacency(graph, ax=axes[0, column], color=SPARSE_COLOR)
        axes[0, column].set(title=title, xlabel="hidden neuron")
        if is_image:
            graph_plotting.degree_map(
                graph.left_degree, (side, side), ax=axes[1, column], vmax=float(top)
            )
    return figure


def activity(sparse: EnergyReport) -> Figure:
    """Draw firing rate and SOPs per layer, sparse beside its baseline if it has one."""
    height = 3.6 if len(sparse.layers) <= _FEW_LAYERS else 5.4
    figure = Figure(figsize=(9, height), layout="constrained")
    rates, sops = figure.subplots(1, 2)
    reports = [(sparse, SPARSE_COLOR, "sparse")]
    if sparse.baseline is not None:
        reports.append((sparse.baseline, DENSE_COLOR, "fully connected"))
    width = 0.8 / len(reports)
    for i, (report, color, label) in enumerate(reports):
        place = [n + (i - (len(reports) - 1) / 2) * width for n in range(len(report.layers))]
        rate = [100 * layer.input_rate for layer in report.layers]
        per_sample = [max(layer.sops, layer.macs) / report.n_samples for layer in report.layers]
        rates.bar(place, rate, width, color=color, label=label)
        bars = sops.bar(place, per_sample, width, color=color, label=label)
        if len(report.layers) <= _FEW_LAYERS:
            sops.bar_label(bars, fmt="{:,.0f}", fontsize=8, padding=2)
    n_layers = len(sparse.layers)
    inputs = ["input", *(f"hidden {i}" for i in range(1, n_layers))]
    links = [f"layer {i + 1}" for i in range(n_layers)]
    if n_layers > _FEW_LAYERS:
        inputs = links = [layer.name for layer in sparse.layers]
        for ax in (rates, sops):
            ax.tick_params(axis="x", rotation=90, labelsize=6)
    rates.set(xticks=range(n_layers), xticklabels=inputs, ylabel="spikes per neuron and step (%)")
    sops.set(xticks=range(n_layers), xticklabels=links, yscale="log")
    sops.set(ylabel="synaptic operations per sample")
    sops.margins(y=0.15)
    figure.legend(
        *rates.get_legend_handles_labels(), frameon=False, loc="outside upper center", ncols=2
    )
    _clean(rates, sops)
    return figure


def operations_by_layer(report: EnergyReport) -> Figure:
    """Draw SOPs and MACs a sample as a stack of layers, beside the baseline's on a log scale."""
    reports = [(report, "this network")]
    if report.baseline is not None:
        reports.append((report.baseline, "baseline"))
    figure = Figure(figsize=(9, 2.2 + 0.6 * len(reports)), layout="constrained")
    stacks, totals = figure.subplots(1, 2, width_ratios=[2, 1])
    names = list(dict.fromkeys(layer.name for one, _ in reports for layer in one.layers))
    colors = colormaps["viridis"](np.linspace(0.05, 0.95, len(names)))
    for row, (one, _) in enumerate(reports):
        left, layers = 0.0, {layer.name: layer for layer in one.layers}
        whole = sum(layer.sops + layer.macs for layer in one.layers) or 1.0
        for name, color in zip(names, colors, strict=True):
            layer = layers.get(name)
            width = 0.0 if layer is None else 100 * (layer.sops + layer.macs) / whole
            stacks.barh(row, width, left=left, color=color, label=name if row == 0 else None)
            left += width
    kinds = [("SOPs", [one.sops_per_sample for one, _ in reports], SPARSE_COLOR)]
    if any(one.macs_per_sample for one, _ in reports):
        kinds.append(("MACs", [one.macs_per_sample for one, _ in reports], DENSE_COLOR))
    height = 0.8 / len(kinds)
    for i, (kind, values, color) in enumerate(kinds):
        places = [row + height * (i - (len(kinds) - 1) / 2) for row in range(len(reports))]
        bars = totals.barh(places, values, 0.9 * height, color=color, label=kind)
        totals.bar_label(bars, fmt="{:,.0f}", fontsize=8, padding=3)
    labels = [label for _, label in reports]
    stacks.set(yticks=range(len(reports)), yticklabels=labels, xlabel="share of operations (%)")
    totals.set(yticks=range(len(reports)), yticklabels=[], xscale="symlog")
    totals.set(xlabel=f"{' and '.join(kind for kind, *_ in kinds)} per sample")
    totals.margins(x=0.35)
    if len(kinds) > 1:
        totals.legend(
            frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2
        )
    columns = min(4, len(names))
    figure.legend(
        *stacks.get_legend_handles_labels(),
        frameon=False,
        fontsize=7,
        loc="outside lower left",
        ncols=columns,
    )
    for ax in (stacks, totals):
        ax.invert_yaxis()
    _clean(stacks, totals)
    return figure


def sparsity_gain(summaries: Sequence[Summary]) -> Figure:
    """Draw each method's accuracy gain over the fully connected network against its sparsity.

    A point per sparsity: the mean over seeds, with a bar of one standard deviation; the
    sparsity is the measured one, over all layers. The manner of Figure 2 of the CH-SNN paper.
    """
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    ax = figure.subplots()
    ax.axhline(0.0, color=DENSE_COLOR, linewidth=1, linestyle="--", label="fully connected")
    methods = list(dict.fromkeys(s.method for s in summaries if s.sparsity and s.gains))
    for i, method in enumerate(methods):
        points = sorted(
            (100 * s.mean("link_sparsity"), 100 * fmean(s.gains), 100 * spread(s.gains))
            for s in summaries
            if s.method == method and s.gains
        )
        sparsity, gain, deviation = zip(*points, strict=True)
        color = SPARSE_COLOR if method == "CH-SNN" else _OTHER_COLORS[i % len(_OTHER_COLORS)]
        ax.errorbar(
            sparsity,
            gain,
            yerr=deviation,
            marker="o",
            capsize=3,
            label=method,
            color=color,
            zorder=3 if method == "CH-SNN" else 2,
        )
    ax.set(xlabel="links absent, all layers (%)", ylabel="accuracy gain (points)")
    figure.legend(frameon=False, fontsize=8, loc="outside right upper")
    _clean(ax)
    return figure


def method_dots(summaries: Sequence[Summary]) -> Figure:
    """Draw the test accuracy of each method as a row of dots with its name, best on top.

    A panel per sparsity asked for. A small dot per seed, a large one for their mean; places go by
    the logarithm of the error, so that near 100 % there is room. The line is the fully connected
    network.
    """
    asked = sorted({s.sparsity for s in summaries if s.sparsity}) or [0.0]
    groups = [_best_first(summaries, sparsity) for sparsity in asked]
    height = 1.1 + 0.27 * max(len(group) for group in groups)
    figure = Figure(figsize=(7.2 if len(asked) == 1 else 5.4 * len(asked), height))
    figure.set_layout_engine("constrained")
    panels = figure.subplots(1, len(asked), squeeze=False)[0]
    for ax, sparsity, group in zip(panels, asked, groups, strict=True):
        _draw_methods(ax, group)
        title = f"{100 * sparsity:g} % of the links absent, as asked for" if sparsity else None
        ax.set_title(title, fontsize=10, loc="left")
    return figure


def _draw_methods(ax: Axes, group: Sequence[Summary]) -> None:
    """Draw a row per method, in the order they come, from the top."""
    for place, summary in enumerate(group):
        _draw_row(ax, place, summary)
    ax.set(yticks=range(len(group)), yticklabels=[s.method for s in group])
    for label, summary in zip(ax.get_yticklabels(), group, strict=True):
        label.set_color(_color_of(summary.method))
    dense = [s for s in group if s.method == FULLY_CONNECTED]
    if dense:
        ax.axvline(_error(dense[0].mean("accuracy")), color=DENSE_COLOR, lw=0.8, ls=":")
    ax.set(xscale="log", xlabel="test accuracy (%), by the logarithm of the error")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(lambda error, _: f"{100 - error:g}")
    ax.xaxis.set_minor_locator(NullLocator())
    ax.invert_xaxis()
    ax.invert_yaxis()
    ax.grid(axis="x", color="#e2e8f0", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)


def _best_first(summaries: Sequence[Summary], sparsity: float) -> list[Summary]:
    group = [s for s in summaries if s.sparsity in (0.0, sparsity)]
    return sorted(group, key=lambda s: -s.mean("accuracy"))


def _draw_row(ax: Axes, place: int, summary: Summary) -> None:
    color, mean = _color_of(summary.method), summary.mean("accuracy")
    if len(summary.rows) > 1:
        errors = [_error(row["accuracy"]) for row in summary.rows]
        ax.plot(errors, [place] * len(errors), "o", color=color, alpha=0.35, ms=3.5, mew=0)
    ax.plot([_error(mean)], [place], "o", color=color, ms=6.5)
    text = f"{100 * mean:.2f}"
    if len(summary.rows) > 1:
        text += f" ± {100 * summary.deviation('accuracy'):.2f}"
    where = ax.get_yaxis_transform()
    ax.text(1.02, place, text, transform=where, va="center", fontsize=8.5, color=color)


def _error(accuracy: float) -> float:
    """Return the error in percent, on a logarithmic axis never 0."""
    return max(100 * (1 - accuracy), 1e-3)


def _color_of(method: str) -> str:
    return {"CH-SNN": SPARSE_COLOR, FULLY_CONNECTED: DENSE_COLOR}.get(method, _INK)


def _clean(*axes: Any) -> None:
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
