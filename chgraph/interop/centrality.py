"""Betweenness of networkx, exact: of nodes and of links."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from chgraph.interop.network import Network
from chgraph.interop.rules import runs_when
from chgraph.metrics.centrality import paths_through

_ALL_UNWEIGHTED = {"k": None, "weight": None}


@runs_when(fixed=_ALL_UNWEIGHTED)
def betweenness_centrality(
    G: Network,
    k: None = None,
    normalized: bool = True,
    weight: None = None,
    endpoints: bool = False,
    seed: Any = None,
) -> dict[Hashable, float]:
    """Return the share of shortest paths that pass through each node, or end at it if so wished."""
    found = paths_through(G.work, links=False)[0]
    if endpoints:
        return G.by_node(_scaled(found + 2 * G.reach.reached, len(G), normalized))
    return G.by_node(_scaled(found, len(G) - 1, normalized))


@runs_when(fixed=_ALL_UNWEIGHTED, loops=False)
def edge_betweenness_centrality(
    G: Network, k: None = None, normalized: bool = True, weight: None = None, seed: Any = None
) -> dict[tuple[Hashable, Hashable], float]:
    """Return the share of shortest paths that cross each link, in the order of ``G.edges``."""
    offsets, neighbors = G.work.neighbor_lists
    found = paths_through(G.work, links=True)[1]
    codes = np.repeat(np.arange(len(G)), np.diff(offsets)) * len(G) + neighbors
    first, second = G.rows[G.once], G.targets[G.once]
    there, back = first * len(G) + second, second * len(G) + first
    both = found[np.searchsorted(codes, there)] + found[np.searchsorted(codes, back)]
    links = zip(G.named(first), G.named(second), strict=True)
    return dict(zip(links, _scaled(both, len(G), normalized).tolist(), strict=True))


def _scaled(found: np.ndarray, n_ends: int, normalized: bool) -> np.ndarray:
    """Divide by the number of ordered pairs of possible ends of a path, or by 2."""
    if n_ends < 2:
        return found
    return found * (1 / (n_ends * (n_ends - 1)) if normalized else 0.5)
