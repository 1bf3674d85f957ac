"""The picture of the first page: where a sparse network's links lie, and what they are worth.

``python -m analysis.first_page RUN`` draws it from the folder of a finished MNIST run
(``chsnn train --data mnist``) and from the accuracies in mnist_2fc.json.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from analysis.figures.ours import rows_of
from chgraph.graph import BipartiteGraph
from chgraph.plotting import save_figure
from chsnn import sparse_layers
from chsnn.data import load_data
from chsnn.lab.experiment import open_run
from chsnn.lab.networks import build_network

_DARK, _OURS, _OTHER, _DENSE = "#0f172a", "#ea580c", "#94a3b8", "#0f172a"
_LINKS = LinearSegmentedColormap.from_list("links", [_DARK, "#9a3412", "#fb923c", "#fff7ed"])
_SIGNS = {1: "#fb923c", -1: "#38bdf8"}
_FIELDS = (3, 3)
# Variants of a method, and methods that end far from the sparsity asked, are left out.
_METHODS = (
    "fully connected",
    "CH-SNN",
    "CHTs",
    "CHT",
    "RigL",
    "GraNet",
    "SET",
    "Deep R",
    "Grad R, weaker prior",
    "CHTss",
    "static",
)


@dataclass(frozen=True)
class Arguments:
    """Draw the picture of the first page."""

    run: tyro.conf.Positional[Path]
    """Folder of a finished run of 784 inputs."""
    results: Path = Path("analysis/results")
    """Folder of mnist_2fc.json."""
    out: Path = Path("docs/first_page.png")
    """File of the picture."""


def figure(
    start: BipartiteGraph, end: BipartiteGraph, values: np.ndarray, accuracies: dict[str, list]
) -> Figure:
    """Draw links per pixel before and after training, fields of neurons, accuracy by method.

    Parameters
    ----------
    start, end : BipartiteGraph
        First layer before and after training, of a square number of inputs.
    values : float[end.n_links]
        Weights after training.
    accuracies : dict
        Test accuracies in percent, one a seed, by name of the method.
    """
    drawing = Figure(figsize=(15, 4.1), layout="constrained", dpi=130)
    panels = drawing.subplots(1, 4, width_ratios=[1, 1, 1, 1.25])
    largest = float(max(start.left_degree.max(), end.left_degree.max()))
    new = (start.link_ids(*end.links()) < 0).mean()
    titles = (
        "links of each pixel at first:\nSSCTI joins pixels that vary together",
        f"after training: {end.n_links:,} links, {end.density:.0%} of all,\n"
        f"{new:.0%} of them chosen by CH3-L3",
    )
    for ax, graph, title in zip(panels, (start, end), titles, strict=False):
        _draw_degrees(ax, graph, largest, title)
    _draw_fields(panels[2], end, values)
    _draw_accuracies(panels[3], accuracies)
    return drawing


def _draw_degrees(ax: Axes, graph: BipartiteGraph, largest: float, title: str) -> None:
    side = round(graph.n_left**0.5)
    degrees = graph.left_degree.reshape(side, side)
    ax.imshow(np.sqrt(degrees), cmap=_LINKS, vmin=0, vmax=largest**0.5, interpolation="nearest")
    _bare(ax, title)


def _draw_fields(ax: Axes, graph: BipartiteGraph, values: np.ndarray) -> None:
    """Draw the links of the neurons that have most of them, in colors of their signs."""
    side = round(graph.n_left**0.5)
    rows, columns = _FIELDS
    gap = max(1, side // 9)
    left, right = graph.links()
    canvas = np.ones(((side + gap) * rows - gap, (side + gap) * columns - gap, 3))
    chosen = np.argsort(-graph.right_degree, kind="stable")[: rows * columns]
    for place, neuron in enumerate(chosen):
        field = np.empty((side * side, 3))
        field[:] = _rgb(_DARK)
        mine = right == neuron
        for sign, color in _SIGNS.items():
            field[left[mine & (np.sign(values) == sign)]] = _rgb(color)
        top, first = (side + gap) * (place // columns), (side + gap) * (place % columns)
        canvas[top : top + side, first : first + side] = field.reshape(side, side, 3)
    ax.imshow(canvas, interpolation="nearest")
    _bare(ax, "what nine hidden neurons read:\nexcitation (orange), inhibition (blue)")


def _rgb(color: str) -> tuple[float, ...]:
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))


def _bare(ax: Axes, title: str) -> None:
    ax.set_title(title, fontsize=10.5, color=_DARK, loc="left")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _draw_accuracies(ax: Axes, accuracies: dict[str, list]) -> None:
    """Draw a line of dots per method, the best on top: a dot a seed, a large one their mean."""
    order = sorted(accuracies, key=lambda name: float(np.mean(accuracies[name])))
    for height, name in enumerate(order):
        found = accuracies[name]
        color = {"CH-SNN": _OURS, "fully connected": _DENSE}.get(name, _OTHER)
        ax.scatter(found, [height] * len(found), s=14, color=color, alpha=0.5, linewidths=0)
        ax.scatter([np.mean(found)], [height], s=70, color=color, zorder=3)
    said = [f"{name}, all links" if name == "fully connected" else name for name in order]
    ax.set_yticks(range(len(order)), said, fontsize=9.5)
    for name, label in zip(order, ax.get_yticklabels(), strict=True):
        label.set_color({"CH-SNN": _OURS}.get(name, _DARK))
        label.set_fontweight("bold" if name in ("CH-SNN", "fully connected") else "normal")
    ax.tick_params(length=0, labelsize=9.5)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.grid(axis="x", color="#e2e8f0", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.set_title(
        "test accuracy (%) with 1 % of the links\n(MNIST, 10,000 images; small dots are seeds)",
        fontsize=10.5,
        color=_DARK,
        loc="left",
    )


def accuracies_of(results: Path) -> dict[str, list[float]]:
    """Return the test accuracies (percent) of all methods at 99 %, one a seed."""
    found = defaultdict(list)
    for row in rows_of(results, "mnist_2fc.json"):
        if row["part"] == "methods" and row["method"] in _METHODS:
            found[row["method"].split(",")[0]].append(100 * row["accuracy"])
    return dict(found)


def main() -> None:
    """Draw the picture from a run and the rows of a study."""
    arguments = tyro.cli(Arguments, prog="python -m analysis.first_page")
    config, trained = open_run(arguments.run)
    first = next(iter(sparse_layers(build_network(config, load_data(config.data))).values()))
    last = next(iter(sparse_layers(trained).values()))
    values = last.values.detach().numpy()
    drawing = figure(first.graph, last.graph, values, accuracies_of(arguments.results))
    print(save_figure(drawing, arguments.out))


if __name__ == "__main__":
    main()
