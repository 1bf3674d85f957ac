"""Pictures of graphs. Functions take and return matplotlib axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chgraph._checks import check_choice
from chgraph.graph import BipartiteGraph

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ORDERS = ("index", "degree")


def biadjacency(
    graph: BipartiteGraph, *, order: str = "index", ax: Axes | None = None, color: str = "#1f3b4d"
) -> Axes:
    """Draw a dot for every link: inputs down, outputs across.

    Parameters
    ----------
    graph : BipartiteGraph
    order : {"index", "degree"}
        Nodes by their number, or by falling degree on both sides.
    ax : Axes, optional
        Where to draw; a new figure by default.
    color : str

    Returns
    -------
    Axes
    """
    check_choice("order", order, ORDERS)
    axes = _axes(ax)
    left, right = graph.links()
    if order == "degree":
        left, right = _rank(graph.left_degree)[left], _rank(graph.right_degree)[right]
    bounds = axes.get_window_extent()
    # A dot as large as its cell, but always visible and never a blot.
    size = min(bounds.height / max(graph.n_left, 1), bounds.width / max(graph.n_right, 1))
    axes.plot(right, left, "s", color=color, markersize=float(np.clip(0.7 * size, 1.5, 6.0)), mew=0)
    axes.set(xlim=(-0.5, graph.n_right - 0.5), ylim=(graph.n_left - 0.5, -0.5))
    axes.set(xlabel="output node", ylabel="input node")
    return axes


def degree_map(
    degree: np.ndarray, shape: tuple[int, int], *, ax: Axes | None = None, **options: Any
) -> Axes:
    """Draw the degrees of input nodes that are the pixels of an image of `shape`.

    Parameters
    ----------
    degree : ndarray, shape (rows * columns,)
    shape : (rows, columns)
    ax : Axes, optional
    **options
        Passed to ``imshow``, such as ``vmax`` for a common scale.

    Returns
    -------
    Axes
    """
    axes = _axes(ax)
    image = axes.imshow(np.reshape(degree, shape), **{"cmap": "viridis", "vmin": 0, **options})
    axes.set(xticks=[], yticks=[])
    axes.figure.colorbar(image, ax=axes, label="links of the input", shrink=0.8)
    return axes


def _rank(degree: np.ndarray) -> np.ndarray:
    """Return each node's place when nodes stand by falling degree."""
    place = np.empty(degree.size, dtype=np.int64)
    place[np.argsort(-degree, kind="stable")] = np.arange(degree.size)
    return place


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots()[1]
