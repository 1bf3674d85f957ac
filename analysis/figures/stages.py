"""Figure 1: the four stages, drawn from the graphs of a live run."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import chsnn
from chgraph.graph import BipartiteGraph
from chgraph.rewiring import (
    Wiring,
    regrow_links,
    removal_scores,
    remove_dead_chains,
    select_links,
)
from chsnn.data import DataSet, Samples

SIDE, HIDDEN, SPARSITY, ZETA, EPOCHS, SEED = 4, 24, 0.85, 0.3, 6, 0
_KEPT, _GONE, _CHAIN, _NEW, _DEAD = "#94a3b8", "#dc2626", "#f59e0b", "#0f766e", "#dc2626"
CAPTION = (
    f"Figure 1. One evolution step of a live run: digits of {SIDE} x {SIDE} pixels, network "
    f"{SIDE * SIDE}-{HIDDEN}-10, {SPARSITY:.0%} of the first layer's links absent, after {EPOCHS} "
    f"epochs without rewiring (seed {SEED}). (1) SSCTI joins correlated inputs. (2) Links are "
    "drawn to stay by their LRS score; those in red go. (3) Neurons without a link on one side "
    "are dead (red crosses) and take their links along (yellow). (4) As many links as went (green) "
    "are drawn by their CH3-L3 score among living neurons."
)


def _small_digits() -> DataSet:
    digits = chsnn.load_data("digits")

    def halved(samples: Samples) -> Samples:
        images = samples.images.reshape(-1, 1, 8, 8)
        return Samples(torch.nn.functional.avg_pool2d(images, 8 // SIDE), samples.labels)

    train, validation, test = map(halved, (digits.train, digits.validation, digits.test))
    return DataSet("digits", digits.n_classes, train, validation, test)


def figure() -> Figure:
    """Draw Figure 1."""
    data = _small_digits()
    model = chsnn.networks.mlp(
        (SIDE * SIDE, HIDDEN, 10),
        sparsity=[SPARSITY, 0.8],
        inputs=data.train.images.flatten(1),
        encoding="even",
        seed=SEED,
    )
    start = model.graphs
    chsnn.Trainer(model, epochs=EPOCHS, progress=False, learning_rate=0.01).fit(data.train)
    layers = chsnn.sparse_layers(model)
    graphs = {name: layer.graph for name, layer in layers.items()}
    pruned = {}
    for name, layer in layers.items():
        scores = removal_scores(layer.graph, layer.values.detach().numpy(), kind="LRS")
        n_keep = round((1 - ZETA) * layer.graph.n_links)
        kept = select_links(scores, n_keep, sampling="soft", temperature=3.0, rng=SEED)
        pruned[name] = layer.graph.keep_links(kept)
    chains = remove_dead_chains(pruned, Wiring.path(pruned))
    grown = {}
    for name, graph in chains.graphs.items():
        missing = graphs[name].n_links - graph.n_links
        left, right = regrow_links(
            graph, missing, method="CH3-L3", allowed=chains.live(name), rng=SEED
        )
        grown[name] = graph.add_links(left, right)
    drawing = Figure(figsize=(13, 6.0), layout="constrained")
    panels = drawing.subplots(1, 4)
    titles = ("1  SSCTI topology", "2  pruning by LRS", "3  chain removal", "4  CH3-L3 regrowth")
    names = list(graphs)
    _draw(panels[0], list(start), titles[0])
    _draw(panels[1], [graphs[n] for n in names], titles[1], _without(graphs, pruned, _GONE))
    dead = [np.flatnonzero(mask) for mask in chains.dead]
    _draw(
        panels[2],
        [pruned[n] for n in names],
        titles[2],
        _without(pruned, chains.graphs, _CHAIN),
        dead=dead,
    )
    _draw(
        panels[3],
        [grown[n] for n in names],
        titles[3],
        _without(grown, chains.graphs, _NEW),
        dead=dead,
    )
    return drawing


def _without(more: Any, fewer: Any, color: str) -> list[tuple[np.ndarray, np.ndarray, str]]:
    """Return the links of every layer that are in one graph alone, with their color."""
    marked = []
    for name, graph in more.items():
        left, right = graph.links()
        alone = fewer[name].link_ids(left, right) < 0
        marked.append((left[alone], right[alone], color))
    return marked


def _draw(
    ax: Axes,
    graphs: list[BipartiteGraph],
    title: str,
    marked: list[tuple[np.ndarray, np.ndarray, str]] | None = None,
    dead: list[np.ndarray] | None = None,
) -> None:
    sizes = [graphs[0].n_left, *(graph.n_right for graph in graphs)]
    for column, graph in enumerate(graphs):
        left, right = graph.links()
        _lines(ax, column, left, right, sizes, _KEPT, 0.5)
        if marked is not None:
            _lines(ax, column, *marked[column][:2], sizes, marked[column][2], 1.3)
    for column, size in enumerate(sizes):
        ax.plot(np.full(size, column), _heights(size), ".", color="#0f172a", markersize=5, zorder=3)
    for column, nodes in enumerate(dead or [], start=1):
        heights = _heights(sizes[column])[nodes]
        ax.plot(np.full(nodes.size, column), heights, "x", color=_DEAD, markersize=8, zorder=4)
    ax.set_title(title, fontsize=11)
    ax.set_xticks(range(len(sizes)), ["inputs", *["hidden"] * (len(sizes) - 2), "classes"])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def _heights(size: int) -> np.ndarray:
    return np.linspace(1.0, 0.0, size + 2)[1:-1]


def _lines(
    ax: Axes,
    column: int,
    left: np.ndarray,
    right: np.ndarray,
    sizes: list[int],
    color: str,
    width: float,
) -> None:
    y0, y1 = _heights(sizes[column])[left], _heights(sizes[column + 1])[right]
    ax.plot([column, column + 1], np.stack([y0, y1]), color=color, linewidth=width, zorder=1)
