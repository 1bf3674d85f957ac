"""One candidate link and everything its Cannistraci-Hebb L3 score is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chgraph.graph import BipartiteGraph, Graph, as_network
from chgraph.linkpred.predict import score_links
from chgraph.metrics._workspace import Workspace
from chgraph.plotting._canvas import INK, LINK_COLOR, PREDICTED_COLOR, axes_of, node_names
from chgraph.plotting._names import written

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INTERNAL_COLOR = "#0f766e"
_FAN_SHOWN = 9  # of a node's external links

Link = tuple[int, int]
Point = tuple[float, float]


@dataclass(frozen=True)
class _Community:
    """The local community of a pair u, v; nodes are numbers of the joined network.

    ``path_links`` are the middle links of the L3 paths; ``other_links`` the further internal
    ones, and ``external`` counts the links of each node that leave the community.
    """

    u: int
    v: int
    near_u: list[int]
    near_both: list[int]
    near_v: list[int]
    path_links: list[Link]
    other_links: list[Link]
    external: dict[int, int]

    @property
    def columns(self) -> list[list[int]]:
        return [[self.u], self.near_u, self.near_both, self.near_v, [self.v]]


@dataclass(frozen=True)
class _Drawing:
    """Where the nodes stand, and how large they are in points."""

    axes: Axes
    place: dict[int, Point]
    diameter: float


def link_example(
    graph: Any, u: Any, v: Any, *, bipartite: bool | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a pair of nodes with its L3 paths, their local community and its external links.

    Between the two seeds stand the nodes of the local community: those next to u, those
    next to v and, between them, those next to both. Links on L3 paths are solid, other
    internal links dashed, external ones stubs. The title gives the CH3-L3 score, the sum
    over the paths of 1 / sqrt((1 + de) (1 + de)) of their two inner nodes.

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
    u, v
        The nodes, by name where the network has names, else by number; the left and the right
        one in a layer.
    bipartite : bool, optional
        Say so for a square layer, or for a networkx or igraph graph with sides.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If a node is not in the network, both are the same, or they are linked.

    References
    ----------
    CH-SNN, arXiv 2511.05581, figure 4 and eq. 5.

    Examples
    --------
    >>> import chgraph
    >>> from matplotlib.figure import Figure
    >>> club = chgraph.datasets.load("karate")
    >>> ax = link_example(club, 0, 32, ax=Figure().add_subplot())
    >>> ax.get_title()
    'CH3-L3 = 5.23 over 12 L3 paths'
    """
    network = as_network(graph, bipartite)
    community = _community(network, u, v)
    axes = axes_of(ax)
    drawing = _Drawing(axes, _places(community), _diameter(community, axes))
    _draw_links(community, drawing)
    _draw_stubs(community, drawing)
    _draw_nodes(community, node_names(network), drawing)
    score = score_links(network, [(u, v)], method="CH3-L3")[0]
    n_paths = len(community.path_links)
    axes.set(title=f"CH3-L3 = {score:.4g} over {n_paths} L3 path{'s' * (n_paths != 1)}")
    axes.legend(
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.02),
        ncols=2,
        markerscale=8 / drawing.diameter,
    )
    axes.margins(0.08)
    axes.set_axis_off()
    return axes


def _community(network: Graph | BipartiteGraph, u: Any, v: Any) -> _Community:
    work = Workspace(network)
    first, second = _checked_pair(network, u, v)
    offsets, neighbors = work.neighbor_lists

    def around(node: int) -> set[int]:
        return set(neighbors[offsets[node] : offsets[node + 1]].tolist())

    of_u, of_v = around(first), around(second)
    if second in of_u:
        raise ValueError(f"u and v must not be linked; {u!r} and {v!r} are")
    paths = [(a, b) for a in sorted(of_u) for b in sorted(around(a) & of_v) if a != b]
    inner = {node for path in paths for node in path}
    on_paths = {(min(path), max(path)) for path in paths}
    inside = {(a, b) for a in inner for b in around(a) & inner if a < b}
    return _Community(
        u=first,
        v=second,
        near_u=sorted(inner & of_u - of_v),
        near_both=sorted(inner & of_u & of_v),
        near_v=sorted(inner & of_v - of_u),
        path_links=paths,
        other_links=sorted(inside - on_paths),
        external={node: len(around(node) - inner - {first, second}) for node in inner},
    )


def _checked_pair(network: Graph | BipartiteGraph, u: Any, v: Any) -> Link:
    """Return the numbers of the two nodes in the joined network, or raise."""
    names = node_names(network)
    n_left = network.first_target
    numbers = []
    for argument, node, first, last in (("u", u, 0, n_left or None), ("v", v, n_left, None)):
        places = {name: first + i for i, name in enumerate(names[first:last])}
        if node not in places:
            raise ValueError(f"{argument} must be a node of the network, got {node!r}")
        numbers.append(places[node])
    if numbers[0] == numbers[1]:
        raise ValueError(f"u and v must be two different nodes, got {u!r} twice")
    return numbers[0], numbers[1]


def _diameter(community: _Community, axes: Axes) -> float:
    """Return the diameter of nodes that leaves room for the fans between them."""
    rows = max(map(len, community.columns)) + 2
    points = axes.get_window_extent().height * 72.0 / axes.figure.dpi
    return float(np.clip(0.45 * points / rows, 4.0, 18.0))


def _places(community: _Community) -> dict[int, Point]:
    place = {}
    for x, column in zip((0.0, 1.2, 1.8, 2.4, 3.6), community.columns, strict=True):
        for i, node in enumerate(column):
            place[node] = (x, (len(column) - 1) / 2 - i)
    return place


def _draw_links(community: _Community, drawing: _Drawing) -> None:
    """Draw internal links, and below everything the link that is asked about."""
    on_paths = {(community.u, a) for a, _ in community.path_links}
    on_paths |= {(b, community.v) for _, b in community.path_links}
    on_paths |= {(min(path), max(path)) for path in community.path_links}
    for links, width, style, label in (
        (on_paths, 1.8, "-", "on an L3 path"),
        (community.other_links, 1.3, (0, (3, 2)), "other internal link"),
    ):
        shown: str | None = label
        for a, b in sorted(links):
            x, y = _curve(drawing.place[a], drawing.place[b])
            line = drawing.axes.plot(x, y, color=_INTERNAL_COLOR, linewidth=width, label=shown)[0]
            line.set(linestyle=style, zorder=2)
            shown = None
    (x0, y0), (x1, y1) = (drawing.place[node] for node in (community.u, community.v))
    along = np.linspace(-1.0, 1.0, 80)
    low = min(y for _, y in drawing.place.values()) - 0.9
    level = (y0 + y1) / 2 + along * (y1 - y0) / 2
    height = level + (low - level) * (1.0 - along**4)
    across = (x0 + x1) / 2 + along * (x1 - x0) / 2
    line = drawing.axes.plot(across, height, color=PREDICTED_COLOR, label="candidate link")[0]
    line.set(linestyle=(0, (4, 3)), linewidth=1.6, zorder=1)


def _curve(start: Point, end: Point) -> tuple[np.ndarray, np.ndarray]:
    """Return a straight line; an arc between nodes of a column, past those in between."""
    along = np.linspace(0.0, 1.0, 30)
    bulge = 0.22 * min(abs(end[1] - start[1]), 4.0) ** 0.5 if start[0] == end[0] else 0.0
    x = start[0] + along * (end[0] - start[0]) - bulge * 4.0 * along * (1.0 - along)
    return x, start[1] + along * (end[1] - start[1])


def _draw_stubs(community: _Community, drawing: _Drawing) -> None:
    """Draw external links as a fan above their node, and their number where they are many."""
    label: str | None = "external link"
    for node, count in sorted(community.external.items()):
        x, y = drawing.place[node]
        shown = min(count, _FAN_SHOWN)
        spread = np.linspace(-1.0, 1.0, shown) if shown > 1 else np.zeros(shown)
        for lean in spread.tolist():
            end = x + 0.13 * lean, y + 0.46 - 0.08 * lean**2
            drawing.axes.plot(
                [x, end[0]], [y, end[1]], color=LINK_COLOR, linewidth=0.9, label=label, zorder=1
            )
            drawing.axes.plot(*end, "o", color=LINK_COLOR, markersize=2.5, zorder=1)
            label = None
        if count > shown:
            spot = (x + 0.2, y + 0.36)
            drawing.axes.annotate(f"{count}", spot, fontsize=7, color="#64748b", va="center")


def _draw_nodes(community: _Community, names: list[Any], drawing: _Drawing) -> None:
    inner = [node for column in community.columns[1:4] for node in column]
    for nodes, color, label in (
        ([community.u, community.v], PREDICTED_COLOR, "seed node"),
        (inner, INK, "local community"),
    ):
        if nodes:
            x, y = np.array([drawing.place[node] for node in nodes]).T
            size = drawing.diameter
            drawing.axes.plot(x, y, "o", color=color, markersize=size, zorder=3, label=label)
        for node in nodes:
            _write_name(str(names[node]), drawing.place[node], node == community.u, drawing)


def _write_name(name: str, spot: Point, to_the_left: bool, drawing: _Drawing) -> None:
    """Write a short name into its node and a long one beside it."""
    inside = len(name) < 4 and drawing.diameter > 11
    away = 0.0 if inside else (0.5 * drawing.diameter + 2.0) * (-1.0 if to_the_left else 1.0)
    drawing.axes.annotate(
        written(name),
        spot,
        (away, 0.0),
        textcoords="offset points",
        ha="center" if inside else ("right" if to_the_left else "left"),
        va="center",
        fontsize=8 if inside else 7,
        color="white" if inside else "black",
        bbox=None if inside else {"facecolor": "white", "alpha": 0.75, "pad": 0.4, "lw": 0},
        zorder=4,
    )
