"""``python -m analysis.explanation [--out FOLDER]``: the pictures of the explanation pages.

Cannistraci-Hebb theory in five pictures, drawn from graphs and from the networks of
:mod:`chgraph.datasets`; the last takes half a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import chgraph
from analysis.figures import score
from chgraph.plotting import INK, PREDICTED_COLOR, link_example, save_figure

_GRAY, _PATH = "#94a3b8", "#0f766e"
_NODES = {"u": (0.0, 1.0), "v": (2.0, 1.0), "a": (1.0, 1.9), "b": (1.0, 0.1)}
_LAYER = {"u": (0.0, 1.5), "z1": (0.0, 0.5), "z2": (2.0, 1.5), "v": (2.0, 0.5)}
METHODS = ("CH3-L3", "CH2-L3", "RA-L3", "CN", "JC", "PA")
NETWORKS = ("southern_women", "andean_frugivory", "cell_cycle", "les_miserables", "karate")


def paths() -> Figure:
    """Draw where common neighbors end: between two kinds of node every path has three links."""
    drawing = Figure(figsize=(8.5, 3.4), layout="constrained")
    one, two = drawing.subplots(1, 2)
    _sketch(one, _NODES, [("u", "a"), ("a", "v"), ("u", "b"), ("b", "v")], {"u", "v"})
    one.set_title("one kind of node: paths of two links", fontsize=11, color=INK)
    _sketch(two, _LAYER, [("u", "z2"), ("z2", "z1"), ("z1", "v")], {"u", "v"})
    two.set_title("two kinds of node: paths of three links", fontsize=11, color=INK)
    two.annotate("left", (0, 2.15), ha="center", color=_GRAY)
    two.annotate("right", (2, 2.15), ha="center", color=_GRAY)
    return drawing


def _sketch(
    ax: Axes, nodes: dict[str, tuple[float, float]], links: list[tuple[str, str]], seeds: set[str]
) -> None:
    for first, second in links:
        ax.plot(*zip(nodes[first], nodes[second], strict=True), color=_PATH, linewidth=2.4)
    ends = zip(nodes["u"], nodes["v"], strict=True)
    ax.plot(*ends, color=PREDICTED_COLOR, linewidth=2, linestyle="--")
    for name, (x, y) in nodes.items():
        color = PREDICTED_COLOR if name in seeds else INK
        ax.plot(x, y, "o", markersize=24, color=color, zorder=3)
        ax.annotate(name, (x, y), ha="center", va="center", color="white", fontsize=10, zorder=4)
    ax.set(xlim=(-0.5, 2.5), ylim=(-0.4, 2.4), aspect="equal")
    ax.set_axis_off()


def community() -> Figure:
    """Draw the local community of the best predicted pair of a real network."""
    families = chgraph.datasets.load("florentine_families")
    u, v, _ = chgraph.predict_links(families, k=1)[0]
    drawing = Figure(figsize=(8, 4.6), layout="constrained")
    link_example(families, u, v, ax=drawing.subplots())
    return drawing


def terms() -> Figure:
    """Draw the node terms of the rules for a node of ten links, as its links turn inwards."""
    degree = 10
    inner = np.arange(degree)  # one link goes to a seed, as on every path of three links
    outer = degree - 1 - inner
    rules = {
        "CH3": 1 / (1 + outer),
        "CH2": (1 + inner) / (1 + outer),
        "CH3.1": (1 + inner) / (1 + outer) ** (1 + outer / (1 + outer)),
        "CH1": inner / degree,
        "RA": np.full(degree, 1 / degree),
    }
    drawing = Figure(figsize=(7, 4.2), layout="constrained")
    ax = drawing.subplots()
    for i, (name, values) in enumerate(rules.items()):
        color = PREDICTED_COLOR if name == "CH3" else f"C{i}"
        width = 3.0 if name == "CH3" else 1.6
        shown = np.where(values > 0, values, np.nan)
        ax.plot(inner, shown, color=color, linewidth=width, marker="o", markersize=4, label=name)
    ax.set_yscale("log")
    ax.set_xlabel("links inside the local community, of 9 that lead to no seed")
    ax.set_ylabel("node term t(z)")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return drawing


def evidence(repeats: int = 20) -> Figure:
    """Draw how well methods find removed links again in five real networks."""
    drawing = Figure(figsize=(11, 3.6), layout="constrained")
    panels = drawing.subplots(1, len(NETWORKS), sharey=True)
    for ax, name in zip(panels, NETWORKS, strict=True):
        network = chgraph.datasets.load(name)
        found = chgraph.linkpred.evaluate(network, methods=METHODS, repeats=repeats, rng=0)
        for i, method in enumerate(METHODS):
            values = found.values(method, "AUC-PR")
            color = PREDICTED_COLOR if method.startswith("CH") else INK
            ax.plot(values, np.full(values.size, -i), "o", color=color, alpha=0.2, markersize=4)
            ax.plot(values.mean(), -i, "D", color=color, markersize=7)
        ax.axvline(found.settings["random"]["AUC-PR"], color=_GRAY, linestyle=":")
        ax.set_title(name, fontsize=10)
        ax.set_xlabel("AUC-PR")
        ax.set_xlim(left=0)
        ax.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks([-i for i in range(len(METHODS))], METHODS)
    return drawing


PICTURES: dict[str, Callable[[], Figure]] = {
    "1_paths": paths,
    "2_community": community,
    "3_score": score.figure,
    "4_terms": terms,
    "5_evidence": evidence,
}


@dataclass(frozen=True)
class Arguments:
    """Draw the pictures of the explanation pages."""

    out: Path = Path("docs/explanation/pictures")
    """Folder of the pictures."""


def main() -> None:
    """Draw and write everything."""
    out = tyro.cli(Arguments, prog="python -m analysis.explanation").out
    for name, draw in PICTURES.items():
        print(save_figure(draw(), out / f"{name}.svg"))


if __name__ == "__main__":
    main()
