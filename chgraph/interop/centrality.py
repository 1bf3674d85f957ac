"""Betweenness of networkx, of nodes and of links, found by igraph's exact search."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from chgraph.interop.network import Network
from chgraph.interop.rules import runs_when

_ALL_UNWEIGHTED = {"k": None, "weight": None}


@runs_when(fixed={**_ALL_UNWEIGHTED, "endpoints": False})
def betweenness_centrality(
    G: Network,
    k: None = None,
    normalized: bool = True,
    weight: None = None,
    endpoints: bool = False,
    seed: Any = None,
) -> dict[Hashable, float]:
    """Return the share of shortest paths between others that pass through each node."""
    found = np.array(G.to_igraph().betweenness(directed=False))
    return G.by_node(_scaled(found, len(G) - 1, normalized))


@runs_when(fixed=_ALL_UNWEIGHTED, loops=False)
def edge_betweenness_centrality(
    G: Network, k: None = None, normalized: bool = True, weight: None = None, seed: Any = None
) -> dict[tuple[Hashable, Hashable], float]:
    """Return the share of shortest paths that cross each link, in the order of ``G.edges``."""
    found = np.array(G.to_igraph().edge_betweenness(directed=False))
    links = zip(G.named(G.rows[G.once]), G.named(G.targets[G.once]), strict=True)
    return dict(zip(links, _scaled(found, len(G), normalized).tolist(), strict=True))


def _scaled(found: np.ndarray, n_ends: int, normalized: bool) -> np.ndarray:
    """Divide by the number of pairs of possible ends of a path, if so wished."""
    n_pairs = n_ends * (n_ends - 1) / 2
    return found / n_pairs if normalized and n_pairs else found
