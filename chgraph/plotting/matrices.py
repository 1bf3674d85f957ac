"""Layers as matrices: a dot per link, and degrees as pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chgraph.checks import check_choice
from chgraph.graph import BipartiteGraph, Graph
from chgraph.metrics.communities import find_communities, find_layer_communities
from chgraph.plotting._canvas import PREDICTED_COLOR, axes_of, frame_nodes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Frame = tuple[int, int, int, int]  # column and row where it begins, columns, rows
ORDERS = ("index", "degree", "community")


def biadjacency(
    graph: BipartiteGraph, *, order: str = "index", ax: Axes | None = None, color: str = "#1f3b4d"
) -> Axes:
    """Draw a dot for every link: inputs down, outputs across.

    Parameters
    ----------
    graph : BipartiteGraph
    order : {"index", "degree", "community"}
        Nodes by their number; by falling degree on both sides; or by the communities of
        :func:`chgraph.metrics.find_layer_communities` (seed 0), the largest first and by
        falling degree within, with a line round each that holds links.
    ax : Axes, optional
        Where to draw; a new figure by default.
    color : str

    Returns
    -------
    Axes

    Examples
    --------
    >>> import chgraph
    >>> from matplotlib.figure import Figure
    >>> forest = chgraph.datasets.load("andean_frugivory")
    >>> ax = biadjacency(forest, order="community", ax=Figure().add_subplot())
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('output node', 'input node')
    """
    check_choice("order", order, ORDERS)
    axes = axes_of(ax)
    left, right = graph.links()
    if order == "degree":
        left, right = _rank(graph.left_degree)[left], _rank(graph.right_degree)[right]
    elif order == "community":
        places, frames = order_by_community(graph)
        left, right = places[0][left], places[1][right]
        draw_frames(frames, PREDICTED_COLOR, axes)
    bounds = axes.get_window_extent()
    # A dot as large as its cell, but always visible and never a blot.
    size = min(bounds.height / max(graph.n_left, 1), bounds.width / max(graph.n_right, 1))
    axes.plot(right, left, "s", color=color, markersize=float(np.clip(0.7 * size, 1.5, 6.0)), mew=0)
    frame_nodes(graph.shape, axes)
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

    Examples
    --------
    >>> import chgraph
    >>> from matplotlib.figure import Figure
    >>> layer = chgraph.topology.regular(64, 100, 0.95, rng=0)
    >>> ax = degree_map(layer.left_degree, (8, 8), ax=Figure().add_subplot())
    >>> ax.images[0].get_array().shape
    (8, 8)
    """
    axes = axes_of(ax)
    image = axes.imshow(np.reshape(degree, shape), **{"cmap": "viridis", "vmin": 0, **options})
    axes.set(xticks=[], yticks=[])
    axes.figure.colorbar(image, ax=axes, label="links of the input", shrink=0.8)
    return axes


def _rank(degree: np.ndarray) -> np.ndarray:
    """Return each node's place when nodes stand by falling degree."""
    place = np.empty(degree.size, dtype=np.int64)
    place[np.argsort(-degree, kind="stable")] = np.arange(degree.size)
    return place


def order_by_community(
    graph: Graph | BipartiteGraph,
) -> tuple[list[np.ndarray], list[Frame]]:
    """Return the places of left and right nodes by community, and a frame round each.

    The largest community first, and by falling degree within. A network of one kind of node
    has the same places twice.
    """
    if isinstance(graph, BipartiteGraph):
        labels = find_layer_communities(graph, rng=0)
        degrees = (graph.left_degree, graph.right_degree)
    else:
        labels, degrees = (find_communities(graph, rng=0),) * 2, (graph.degree,) * 2
    n_groups = int(max(side.max(initial=-1) for side in labels)) + 1
    sizes = np.stack([np.bincount(side, minlength=n_groups) for side in labels])
    rank = _rank(sizes.sum(axis=0))
    begins = np.zeros_like(sizes)
    order = np.argsort(rank)
    begins[:, order[1:]] = np.cumsum(sizes[:, order], axis=1)[:, :-1]
    places = []
    for side, degree in zip(labels, degrees, strict=True):
        place = np.empty(degree.size, dtype=np.int64)
        place[np.lexsort((-degree, rank[side]))] = np.arange(degree.size)
        places.append(place)
    frames = zip(begins[1].tolist(), begins[0].tolist(), *sizes[::-1].tolist(), strict=True)
    return places, list(frames)


def draw_frames(frames: Sequence[Frame], color: str, axes: Axes) -> None:
    """Draw a line round each community that has nodes on both sides and more than one pair."""
    from matplotlib.patches import Rectangle

    for start, top, columns, rows in frames:
        if columns * rows > 1:
            frame = Rectangle((start - 0.5, top - 0.5), columns, rows, fill=False)
            frame.set(edgecolor=color, linewidth=1.0, zorder=3)
            axes.add_patch(frame)
