"""Reading and writing networkx and igraph graphs; both are imported only when they are met."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import igraph
    import networkx

Sides = tuple[list[Hashable], list[Hashable], list[tuple[Hashable, Hashable]]]


def graph_library(obj: Any) -> str | None:
    """Return "networkx" or "igraph" if `obj` is a graph of that library, without importing it."""
    for cls in type(obj).__mro__:
        package = cls.__module__.partition(".")[0]
        if package in ("networkx", "igraph") and hasattr(obj, "is_directed"):
            return package
    return None


def read_networkx(graph: networkx.Graph) -> Sides:
    """Return left names, right names and (left, right) links of a two-sided networkx graph."""
    if graph.is_directed() or graph.is_multigraph():
        raise ValueError(
            "graph must be an undirected simple networkx graph; convert it with "
            "networkx.Graph(graph)"
        )
    side = dict(graph.nodes(data="bipartite"))
    return _split_sides(side, list(graph.edges()), "bipartite")


def read_igraph(graph: igraph.Graph) -> Sides:
    """Return left names, right names and (left, right) links of a two-sided igraph graph."""
    if graph.is_directed() or graph.has_multiple():
        raise ValueError(
            "graph must be an undirected simple igraph graph; convert it with as_undirected() "
            "and simplify()"
        )
    if "type" not in graph.vs.attributes():
        raise ValueError("graph must have the vertex attribute 'type' (False: left, True: right)")
    names = graph.vs["name"] if "name" in graph.vs.attributes() else range(graph.vcount())
    side = dict(zip(names, graph.vs["type"], strict=True))
    if len(side) != graph.vcount():
        raise ValueError("graph must have distinct vertex names")
    return _split_sides(side, [(names[u], names[v]) for u, v in graph.get_edgelist()], "type")


def _split_sides(
    side: dict[Hashable, Any], links: Sequence[tuple[Hashable, Hashable]], attribute: str
) -> Sides:
    for name, value in side.items():
        if value is None or value not in (0, 1):
            raise ValueError(
                f"every node needs the attribute {attribute!r} of 0 (left) or 1 (right); "
                f"node {name!r} has {value!r}"
            )
    for u, v in links:
        if side[u] == side[v]:
            raise ValueError(f"link ({u!r}, {v!r}) joins two nodes of one side; see {attribute!r}")
    return (
        [name for name, value in side.items() if not value],
        [name for name, value in side.items() if value],
        [(v, u) if side[u] else (u, v) for u, v in links],
    )


def write_networkx(
    left: Sequence[Hashable], right: Sequence[Hashable], of_left: np.ndarray, of_right: np.ndarray
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
    return result


Links = tuple["list[Hashable] | int", np.ndarray, bool]


def read_networkx_links(graph: networkx.Graph) -> Links:
    """Return names, links (n, 2) as node numbers, and whether a link has a weight."""
    if graph.is_directed():
        raise ValueError("graph must be undirected; graph.to_undirected() ignores the directions")
    number = {name: i for i, name in enumerate(graph)}
    links = [(number[u], number[v]) for u, v in graph.edges()]
    weighted = any(w != 1 for _, _, w in graph.edges(data="weight", default=1))
    return list(number), np.array(links, dtype=np.int64).reshape(-1, 2), weighted


def read_igraph_links(graph: igraph.Graph) -> Links:
    """Return names (or the number of nodes), links (n, 2), and whether a link has a weight."""
    if graph.is_directed():
        raise ValueError("graph must be undirected; graph.as_undirected() ignores the directions")
    names = list(graph.vs["name"]) if "name" in graph.vs.attributes() else graph.vcount()
    weighted = "weight" in graph.es.attributes() and any(w != 1 for w in graph.es["weight"])
    return names, np.array(graph.get_edgelist(), dtype=np.int64).reshape(-1, 2), weighted


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
