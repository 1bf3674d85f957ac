"""Networks with the links predicted in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chgraph.graph import BipartiteGraph
from chgraph.plotting._canvas import INK, LINK_COLOR, PREDICTED_COLOR, axes_of, node_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from chgraph.linkpred.prediction import LinkPrediction
    from chgraph.monopartite import Graph

_DRAWN_NODES, _NAMED_NODES = 200, 50  # up to which a network is drawn, and its names written
_SWEEPS = 20  # over either column of a bipartite network, in search of an order of its nodes


def predicted_links(
    graph: Graph | BipartiteGraph, prediction: LinkPrediction, *, ax: Axes | None = None
) -> Axes:
    """Draw a network and the links predicted in it.

    Up to 200 nodes as points and lines, predicted links dashed: a network of one kind of node
    by springs, a bipartite one in two columns, in an order that keeps the links short. Larger
    ones as the dots of their matrix, predicted links in color.

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
    axes = axes_of(ax)
    links, predicted = np.stack(graph.links(), axis=1), _pairs_of(prediction)
    small = _n_nodes(graph) <= _DRAWN_NODES
    (_draw_nodes_and_links if small else _draw_matrix)(graph, links, predicted, axes)
    scale = 1.0 if small else 4.0
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), markerscale=scale)
    count = "1 link" if len(predicted) == 1 else f"{len(predicted):,} links"
    axes.set(title=f"{count} predicted by {prediction.method}")
    return axes


def _draw_nodes_and_links(
    graph: Graph | BipartiteGraph, links: np.ndarray, predicted: np.ndarray, axes: Axes
) -> None:
    from matplotlib.collections import LineCollection

    n_left = graph.n_left if isinstance(graph, BipartiteGraph) else 0
    shift = np.array([0, n_left])  # right nodes come after the left ones
    place = _columns(graph, links) if isinstance(graph, BipartiteGraph) else _springs(graph, links)
    for pairs, color, style, label in (
        (links, LINK_COLOR, "-", "link"),
        (predicted, PREDICTED_COLOR, "--", "predicted"),
    ):
        lines = place[pairs + shift].tolist()
        axes.add_collection(
            LineCollection(lines, colors=color, linestyles=style, linewidths=1.0, label=label)
        )
    sides = [(place[:n_left], "s", "left node"), (place[n_left:], "o", "right node")]
    for nodes, marker, side in sides if n_left else [(place, "o", "node")]:
        x, y = nodes.T
        axes.plot(x, y, marker, color=INK, markersize=5, zorder=3, label=side)
    if len(place) <= _NAMED_NODES:
        _write_names(graph, place, axes)
    axes.autoscale_view()
    axes.set_axis_off()


def _springs(graph: Graph, links: np.ndarray) -> np.ndarray:
    import networkx

    network: networkx.Graph = networkx.empty_graph(graph.n_nodes)
    network.add_edges_from(links.tolist())
    layout = networkx.spring_layout(network, seed=0)
    return np.array([layout[node] for node in network]).reshape(-1, 2)


def _columns(graph: BipartiteGraph, links: np.ndarray) -> np.ndarray:
    """Place left and right nodes in two columns, each near the mean height of its neighbors."""
    sides = [np.arange(n) / max(n - 1, 1) for n in graph.shape]
    for sweep in range(2 * _SWEEPS):
        own, other = sweep % 2, 1 - sweep % 2
        total = np.bincount(links[:, own], sides[other][links[:, other]], graph.shape[own])
        degree = np.bincount(links[:, own], minlength=graph.shape[own])
        # Nodes without links go to the end, where they are in nobody's way.
        mean = np.where(degree > 0, total / np.maximum(degree, 1), np.inf)
        sides[own][np.argsort(mean, kind="stable")] = np.arange(mean.size) / max(mean.size - 1, 1)
    across = np.repeat([0.0, 1.0], graph.shape)
    return np.column_stack([across, 1.0 - np.concatenate(sides)])


def _write_names(graph: Graph | BipartiteGraph, place: np.ndarray, axes: Axes) -> None:
    """Write the names of nodes: beside the columns of a bipartite network, else above right."""
    columns = isinstance(graph, BipartiteGraph)
    for name, (across, up) in zip(node_names(graph), place.tolist(), strict=True):
        to_the_left = columns and across == 0.0
        away = (-6.0 if to_the_left else 6.0, 0.0) if columns else (4.0, 4.0)
        axes.annotate(
            str(name),
            (across, up),
            away,
            textcoords="offset points",
            fontsize=7,
            ha="right" if to_the_left else "left",
            va="center" if columns else "baseline",
        )


def _draw_matrix(
    graph: Graph | BipartiteGraph, links: np.ndarray, predicted: np.ndarray, axes: Axes
) -> None:
    bipartite = isinstance(graph, BipartiteGraph)
    if not bipartite:  # a matrix has both directions
        links, predicted = (np.concatenate([p, p[:, ::-1]]) for p in (links, predicted))
    for pairs, color, size, label in (
        (links, LINK_COLOR, 1.0, "link"),
        (predicted, PREDICTED_COLOR, 2.0, "predicted"),
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
