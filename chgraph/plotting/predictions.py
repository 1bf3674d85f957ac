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
    axes = axes_of(ax)
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
        for name, (across, up) in zip(node_names(graph), place.tolist(), strict=True):
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
