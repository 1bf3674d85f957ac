"""Predicted links: the network around the best of them, and their ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chgraph.checks import check_positive_int
from chgraph.graph import BipartiteGraph
from chgraph.plotting._canvas import (
    INK,
    LINK_COLOR,
    PREDICTED_COLOR,
    axes_of,
    frame_nodes,
    node_names,
)
from chgraph.plotting._names import FONT_SIZE, write_around, write_beside, written
from chgraph.plotting._neighborhood import Neighborhood, neighborhood
from chgraph.plotting.matrices import draw_frames, order_by_community

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from chgraph.linkpred.prediction import LinkPrediction
    from chgraph.monopartite import Graph

_NAMED_NODES = 70  # along a side of a matrix
_FEW_ROWS = 6  # from which on bars fill the axes
_WIDEST, _THINNEST = 4.5, 0.8  # points
_DOTS: dict[str, Any] = {"marker": "s", "mew": 0, "color": LINK_COLOR, "label": "link"}
_RINGS: dict[str, Any] = {
    "marker": "o",
    "mfc": "none",
    "mew": 1.4,
    "color": PREDICTED_COLOR,
    "markersize": 7.0,
    "label": "predicted",
}
_LEGEND: dict[str, Any] = {"frameon": False, "ncols": 4, "fontsize": 8}


def predicted_links(
    graph: Graph | BipartiteGraph,
    prediction: LinkPrediction,
    *,
    first: int = 12,
    ax: Axes | None = None,
) -> Axes:
    """Draw the neighborhood of the best predicted links, with the names of its nodes.

    A network of up to 40 nodes is drawn whole; of others the ends of the best pairs and, up to
    40 nodes and 120 links, those that link to most of these ends. Links are thin and gray,
    predicted ones as wide as their score. A bipartite network stands in two columns, in an
    order that keeps the links short. Instead of a hairball (the network has more than 40 nodes
    and a density above 10 %, more than 120 links would be drawn that are more than 10 % of all
    pairs, or more than 300 nodes) and where nothing is predicted in a large network, the matrix
    of the whole network is drawn, ordered by community, with the predicted links as rings.

    Parameters
    ----------
    graph : Graph or BipartiteGraph
    prediction : LinkPrediction
        Of this graph.
    first : int
        How many of the best pairs are shown.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import chgraph
    >>> from matplotlib.figure import Figure
    >>> women = chgraph.datasets.load("southern_women")
    >>> best = chgraph.predict_links(women, k=5)
    >>> ax = predicted_links(women, best, ax=Figure().add_subplot())
    """
    first = check_positive_int("first", first)
    axes = axes_of(ax)
    pairs = np.stack([prediction.source, prediction.target], axis=1)[:first]
    part = neighborhood(graph, pairs)
    if part.is_hairball:
        _draw_matrix(graph, pairs, axes)
    else:
        _draw_neighborhood(graph, part, _widths(prediction.score[:first]), axes)
    axes.set_title(_title(prediction, len(pairs)), fontsize=10, pad=20 if part.is_hairball else 6)
    return axes


def ranked_links(prediction: LinkPrediction, *, first: int = 12, ax: Axes | None = None) -> Axes:
    """Draw the scores of the best predicted links as bars, best on top, by their names.

    Parameters
    ----------
    prediction : LinkPrediction
    first : int
        How many of the best pairs are shown.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import chgraph
    >>> from matplotlib.figure import Figure
    >>> best = chgraph.predict_links(chgraph.datasets.load("southern_women"), k=5)
    >>> ax = ranked_links(best, ax=Figure().add_subplot())
    >>> len(ax.patches)
    5
    """
    first = check_positive_int("first", first)
    axes = axes_of(ax)
    score = prediction.score[:first]
    names = [
        f"{written(u)} \N{EN DASH} {written(v)}"
        for (u, v, _), _ in zip(prediction, score, strict=False)
    ]
    rows = np.arange(score.size)
    bars = axes.barh(rows, score, 0.7, color=PREDICTED_COLOR)
    values = [f"{value:,.0f}" if 1e3 <= value < 1e6 else f"{value:.3g}" for value in score]
    axes.bar_label(bars, values, padding=3, fontsize=FONT_SIZE)
    axes.set_yticks(rows, names, fontsize=FONT_SIZE)
    axes.set(xlabel=f"{prediction.method} score", ylim=(max(score.size, _FEW_ROWS) - 0.4, -0.6))
    axes.margins(x=0.15)
    if not score.size:
        axes.set_xticks([])
        axes.text(0.5, 0.5, "no pair is predicted", transform=axes.transAxes, ha="center")
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return axes


def _title(prediction: LinkPrediction, shown: int) -> str:
    count = "1 link" if len(prediction) == 1 else f"{len(prediction):,} links"
    best = f"best {shown} of " if shown < len(prediction) else ""
    return f"{best}{count} predicted by {prediction.method}"


def _widths(score: np.ndarray) -> np.ndarray:
    """Return widths of lines in proportion to the scores, never invisible."""
    best = float(score.max(initial=0.0))
    return np.maximum(_WIDEST * score / best if best > 0 else np.ones(score.size), _THINNEST)


def _draw_neighborhood(
    graph: Graph | BipartiteGraph, part: Neighborhood, widths: np.ndarray, axes: Axes
) -> None:
    from matplotlib.collections import LineCollection

    place = part.places()
    for pairs, color, width, label in (
        (part.links, LINK_COLOR, np.array([0.6]), "link"),
        (part.pairs, PREDICTED_COLOR, widths, "predicted (width: score)"),
    ):
        if not len(pairs):
            continue
        lines = LineCollection(place[pairs].tolist(), colors=color, linewidths=width, label=label)
        lines.set(zorder=2 if color == PREDICTED_COLOR else 1, capstyle="round")
        axes.add_collection(lines)
    sides = [(place[: part.n_left], "s", "left node"), (place[part.n_left :], "o", "right node")]
    for nodes, marker, side in sides if part.bipartite else [(place, "o", "node")]:
        axes.plot(*nodes.T, marker, color=INK, markersize=4.5, zorder=3, label=side)
    axes.set(xlim=(-0.06, 1.06), ylim=(-0.06, 1.06))
    known = node_names(graph)
    names = [known[node] for node in part.nodes.tolist()]
    if part.bipartite:
        write_beside(names, place, place[:, 0] == 0.0, axes)
    else:
        write_around(names, place, np.concatenate([part.links, part.pairs]), axes)
    axes.set_axis_off()
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), **_LEGEND)


def _draw_matrix(graph: Graph | BipartiteGraph, pairs: np.ndarray, axes: Axes) -> None:
    """Draw the links as dots, nodes ordered by community, and the predicted ones as rings."""
    bipartite = graph.is_bipartite
    places, frames = order_by_community(graph)
    dots = {**_DOTS, "markersize": _dot_size(graph, axes)}
    for ends, look in ((np.stack(graph.links(), axis=1), dots), (pairs, _RINGS)):
        rows, columns = (place[side] for place, side in zip(places, ends.T, strict=True))
        if not bipartite:  # a matrix has both directions
            rows, columns = np.append(rows, columns), np.append(columns, rows)
        axes.plot(columns, rows, linestyle="", **look)
    axes.lines[0].set_rasterized(True)
    draw_frames(frames, INK, axes)
    frame_nodes(graph.shape, axes)
    kinds = ("right node", "left node") if bipartite else ("node", "node")
    axes.set(xlabel=f"{kinds[0]}, by community", ylabel=f"{kinds[1]}, by community")
    _name_rows_and_columns(graph, places, axes)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), **_LEGEND)


def _name_rows_and_columns(
    graph: Graph | BipartiteGraph, places: list[np.ndarray], axes: Axes
) -> None:
    """Write the names of nodes along a side that has room for them."""
    known = node_names(graph)
    right = known[graph.first_target :]
    for axis, names, place in ((axes.yaxis, known, places[0]), (axes.xaxis, right, places[1])):
        if place.size <= _NAMED_NODES:
            axis.set_ticks(place, [written(name) for name in names[: place.size]])
        else:
            axis.set_ticks([])
    axes.tick_params(length=0, labelsize=6)
    axes.tick_params(axis="x", rotation=90)


def _dot_size(graph: Graph | BipartiteGraph, axes: Axes) -> float:
    """Return the size of a cell in points, but always visible and never a blot."""
    window = axes.get_window_extent()
    cell = min(window.height / max(graph.shape[0], 1), window.width / max(graph.shape[1], 1))
    return float(np.clip(0.85 * cell * 72.0 / axes.figure.dpi, 0.8, 6.0))
