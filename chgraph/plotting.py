"""Pictures of graphs. Functions take and return matplotlib axes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chgraph._checks import check_choice
from chgraph._files import write_atomically
from chgraph.graph import BipartiteGraph

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from chgraph.linkpred.evaluation import Evaluation
    from chgraph.linkpred.prediction import LinkPrediction
    from chgraph.monopartite import Graph

ORDERS = ("index", "degree")
_LINK_COLOR, _PREDICTED_COLOR = "#94a3b8", "#c2410c"
_DRAWN_NODES, _NAMED_NODES = 200, 50  # up to which a network is drawn, and its names written


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


def evaluation_bars(
    evaluation: Evaluation, *, measures: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the mean of each measure as a bar per method, its standard deviation as a line.

    Parameters
    ----------
    evaluation : Evaluation
        From :func:`chgraph.linkpred.evaluate`.
    measures : sequence of str, optional
        Names of the measures to draw, by default all but the seconds.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    known = (*evaluation.measures, "seconds")
    chosen = evaluation.measures if measures is None else measures
    names = [check_choice("measures", name, known) for name in chosen]
    axes, table = _axes(ax), evaluation.table()
    width, colors = 0.8 / len(table), _distinct_colors(len(table))
    for i, (method, row) in enumerate(table.items()):
        place = np.arange(len(names)) + (i - (len(table) - 1) / 2) * width
        means, spreads = np.array([row[name] for name in names]).reshape(-1, 2).T
        error = None if np.isnan(spreads).any() else spreads
        style = {"elinewidth": 0.8, "ecolor": "#334155"}
        color = colors[i]
        axes.bar(place, means, width, yerr=error, color=color, label=method, error_kw=style)
    axes.set(xticks=range(len(names)), xticklabels=names, ylabel="mean over the repeats")
    axes.tick_params(axis="x", rotation=30)
    axes.axhline(0.0, color="#334155", linewidth=0.8)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def predicted_links(
    graph: Graph | BipartiteGraph, prediction: LinkPrediction, *, ax: Axes | None = None
) -> Axes:
    """Draw a network and the links predicted in it.

    Up to 200 nodes as points and lines, predicted links dashed; larger ones as the dots of
    their matrix, predicted links in color.

    Parameters
    ----------
    graph : Graph or BipartiteGraph
    prediction : LinkPrediction
        Of this graph.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    axes = _axes(ax)
    links, predicted = np.stack(graph.links(), axis=1), _pairs_of(prediction)
    small = _n_nodes(graph) <= _DRAWN_NODES
    (_draw_springs if small else _draw_matrix)(graph, links, predicted, axes)
    scale = 1.0 if small else 4.0
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), markerscale=scale)
    count = "1 link" if len(predicted) == 1 else f"{len(predicted):,} links"
    axes.set(title=f"{count} predicted by {prediction.method}")
    return axes


def _draw_springs(
    graph: Graph | BipartiteGraph, links: np.ndarray, predicted: np.ndarray, axes: Axes
) -> None:
    import networkx
    from matplotlib.collections import LineCollection

    n_left = graph.shape[0] if isinstance(graph, BipartiteGraph) else 0
    shift = np.array([0, n_left])  # right nodes come after the left ones
    network: networkx.Graph = networkx.empty_graph(_n_nodes(graph))
    network.add_edges_from((links + shift).tolist())
    layout = networkx.spring_layout(network, seed=0)
    place = np.array([layout[node] for node in network]).reshape(-1, 2)
    for pairs, color, style, label in (
        (links, _LINK_COLOR, "-", "link"),
        (predicted, _PREDICTED_COLOR, "--", "predicted"),
    ):
        lines = place[pairs + shift].tolist()
        axes.add_collection(
            LineCollection(lines, colors=color, linestyles=style, linewidths=1.0, label=label)
        )
    sides = [(place[:n_left], "s", "left node"), (place[n_left:], "o", "right node")]
    for nodes, marker, side in sides if n_left else [(place, "o", "node")]:
        x, y = nodes.T
        axes.plot(x, y, marker, color="#1f3b4d", markersize=5, zorder=3, label=side)
    if len(place) <= _NAMED_NODES:
        for name, (across, up) in zip(_node_names(graph), place.tolist(), strict=True):
            spot = (across, up)
            axes.annotate(str(name), spot, (4, 4), textcoords="offset points", fontsize=7)
    axes.autoscale_view()
    axes.set_axis_off()


def _draw_matrix(
    graph: Graph | BipartiteGraph, links: np.ndarray, predicted: np.ndarray, axes: Axes
) -> None:
    bipartite = isinstance(graph, BipartiteGraph)
    if not bipartite:  # a matrix has both directions
        links, predicted = (np.concatenate([p, p[:, ::-1]]) for p in (links, predicted))
    for pairs, color, size, label in (
        (links, _LINK_COLOR, 1.0, "link"),
        (predicted, _PREDICTED_COLOR, 2.0, "predicted"),
    ):
        rows, columns = pairs.T
        axes.plot(columns, rows, "s", color=color, markersize=size, mew=0, label=label)
    axes.set(xlim=(-0.5, graph.shape[1] - 0.5), ylim=(graph.shape[0] - 0.5, -0.5))
    axes.set(
        xlabel="right node" if bipartite else "node", ylabel="left node" if bipartite else "node"
    )


def _pairs_of(prediction: LinkPrediction) -> np.ndarray:
    return np.stack([prediction.source, prediction.target], axis=1)


def _n_nodes(graph: Graph | BipartiteGraph) -> int:
    return sum(graph.shape) if isinstance(graph, BipartiteGraph) else graph.n_nodes


def _node_names(graph: Graph | BipartiteGraph) -> list[Any]:
    if not isinstance(graph, BipartiteGraph):
        return list(range(graph.n_nodes) if graph.names is None else graph.names)
    left, right = (
        range(n) if names is None else names
        for n, names in zip(graph.shape, (graph.left_names, graph.right_names), strict=True)
    )
    return [*left, *right]


def _distinct_colors(n: int) -> list[Any]:
    """Return `n` colors that can be told apart, the familiar ones while they suffice."""
    import matplotlib

    if n <= 10:
        return [f"C{i}" for i in range(n)]
    return list(matplotlib.colormaps["turbo"](np.linspace(0.05, 0.95, n)))


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure in the format of the path's ending, atomically."""
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix[1:].lower(), dpi=150)
    return write_atomically(path, picture.getvalue())


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
