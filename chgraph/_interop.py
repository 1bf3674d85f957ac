"""Reading and writing networkx and igraph graphs; both are imported only when they are met."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import igraph
    import networkx

# Set on graphs that are handed out without names: the numbers of their nodes are not names.
UNNAMED = "chgraph_unnamed"


class Sides(NamedTuple):
    """A two-sided graph: names of both sides (None: unnamed), links by number, of any repeats."""

    left_names: list[Hashable]
    right_names: list[Hashable]
    left: np.ndarray
    right: np.ndarray
    weighted: bool
    named: bool


def graph_library(obj: Any) -> str | None:
    """Return "networkx" or "igraph" if `obj` is a graph of that library, without importing it."""
    for cls in type(obj).__mro__:
        package = cls.__module__.partition(".")[0]
        if package in ("networkx", "igraph") and hasattr(obj, "is_directed"):
            return package
    return None


def read_networkx(graph: networkx.Graph) -> Sides:
    """Read a two-sided networkx graph: sides in the node attribute ``bipartite``."""
    if graph.is_directed():
        raise ValueError(
            "graph must be an undirected networkx graph; graph.to_undirected() ignores the "
            "directions"
        )
    names, links, weighted = read_networkx_links(graph)
    assert isinstance(names, list)
    sides = [side for _, side in graph.nodes(data="bipartite")]
    named = not graph.graph.get(UNNAMED, False) or names != list(range(len(names)))
    return _split_sides(names, sides, links, "bipartite", weighted=weighted, named=named)


def read_igraph(graph: igraph.Graph) -> Sides:
    """Read a two-sided igraph graph: sides in the vertex attribute ``type``."""
    if graph.is_directed():
        raise ValueError(
            "graph must be an undirected igraph graph; graph.as_undirected() ignores the directions"
        )
    if "type" not in graph.vs.attributes():
        raise ValueError("graph must have the vertex attribute 'type' (False: left, True: right)")
    names, links, weighted = read_igraph_links(graph)
    named = isinstance(names, list) or UNNAMED not in graph.attributes()
    listed = list(range(names)) if isinstance(names, int) else names
    return _split_sides(listed, graph.vs["type"], links, "type", weighted=weighted, named=named)


def _split_sides(
    names: list[Any],
    sides: Sequence[Any],
    links: np.ndarray,
    attribute: str,
    *,
    weighted: bool,
    named: bool,
) -> Sides:
    """Number the nodes of each side by themselves; a name may stand once on each."""
    for name, value in zip(names, sides, strict=True):
        if not isinstance(value, int | np.integer | bool | np.bool_) or value not in (0, 1):
            raise ValueError(
                f"every node needs the attribute {attribute!r} of 0 (left) or 1 (right); "
                f"node {name!r} has {value!r}"
            )
    side = np.array([bool(value) for value in sides], dtype=bool)
    same = np.flatnonzero(side[links[:, 0]] == side[links[:, 1]])
    if same.size:
        u, v = (names[end] for end in links[same[0]])
        raise ValueError(f"link ({u!r}, {v!r}) joins two nodes of one side; see {attribute!r}")
    place = np.where(side, np.cumsum(side), np.cumsum(~side)) - 1
    turned = side[links[:, 0]]
    left = place[np.where(turned, links[:, 1], links[:, 0])]
    right = place[np.where(turned, links[:, 0], links[:, 1])]
    left_names = [name for name, value in zip(names, side, strict=True) if not value]
    right_names = [name for name, value in zip(names, side, strict=True) if value]
    return Sides(left_names, right_names, left, right, weighted, named)


def write_networkx(
    left: Sequence[Hashable],
    right: Sequence[Hashable],
    of_left: np.ndarray,
    of_right: np.ndarray,
    *,
    named: bool,
) -> networkx.Graph:
    """Return a two-sided networkx graph, sides in the node attribute ``bipartite``."""
    if set(left) & set(right):
        raise ValueError(
            "left_names and right_names share a name; networkx needs distinct node names"
        )
    result = write_networkx_links([*left, *right], of_left, of_right + len(left))
    for name in left:
        result.nodes[name]["bipartite"] = 0
    for name in right:
        result.nodes[name]["bipartite"] = 1
    if not named:
        result.graph[UNNAMED] = True
    return result


def write_igraph(
    shape: tuple[int, int],
    names: Sequence[Hashable] | None,
    of_left: np.ndarray,
    of_right: np.ndarray,
) -> igraph.Graph:
    """Return a two-sided igraph graph, sides in the vertex attribute ``type``."""
    n_left, n_right = shape
    result = write_igraph_links(n_left + n_right, names, of_left, of_right + n_left)
    result.vs["type"] = [False] * n_left + [True] * n_right
    if names is None:
        result[UNNAMED] = True
    return result


Links = tuple["list[Hashable] | int", np.ndarray, bool]


def read_networkx_links(graph: networkx.Graph) -> Links:
    """Return names, links (n, 2) as node numbers, and whether a link has a weight."""
    if graph.is_directed():
        raise ValueError("graph must be undirected; graph.to_undirected() ignores the directions")
    number = {name: i for i, name in enumerate(graph)}
    links = [(number[u], number[v]) for u, v in graph.edges()]
    weighted = any(_is_weight(w) for _, _, w in graph.edges(data="weight", default=1))
    return list(number), np.array(links, dtype=np.int64).reshape(-1, 2), weighted


def read_igraph_links(graph: igraph.Graph) -> Links:
    """Return names (or the number of nodes), links (n, 2), and whether a link has a weight."""
    if graph.is_directed():
        raise ValueError("graph must be undirected; graph.as_undirected() ignores the directions")
    names = list(graph.vs["name"]) if "name" in graph.vs.attributes() else graph.vcount()
    weighted = "weight" in graph.es.attributes() and any(map(_is_weight, graph.es["weight"]))
    return names, np.array(graph.get_edgelist(), dtype=np.int64).reshape(-1, 2), weighted


def _is_weight(value: Any) -> bool:
    """Whether a weight says more than that there is a link; an array does."""
    try:
        return bool(value != 1)
    except ValueError:
        return True


def write_networkx_links(
    names: Sequence[Hashable], first: np.ndarray, second: np.ndarray
) -> networkx.Graph:
    """Return a networkx graph of named nodes."""
    import networkx

    result: networkx.Graph = networkx.Graph()
    result.add_nodes_from(names)
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    result.add_edges_from((names[u], names[v]) for u, v in pairs)
    return result


def write_igraph_links(
    n_nodes: int, names: Sequence[Hashable] | None, first: np.ndarray, second: np.ndarray
) -> igraph.Graph:
    """Return an igraph graph, with names where there are any."""
    import igraph

    pairs = zip(first.tolist(), second.tolist(), strict=True)
    result = igraph.Graph(n=n_nodes, edges=pairs)
    if names is not None:
        result.vs["name"] = list(names)
    return result
