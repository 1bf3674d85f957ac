"""How a network is made up, of networkx: assortativity, rich clubs, communities."""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
from networkx.algorithms.community.quality import NotAPartition

from chgraph.interop.network import Network
from chgraph.interop.rules import runs_when
from chgraph.metrics.communities import best_of_leiden
from chgraph.metrics.sizes import assortativity

_N_STARTS = 5


def _has_link(graph: Any, _: dict[str, Any]) -> str | None:
    if isinstance(graph, Network):
        found = graph.targets.size > 0
    else:
        found = any(around for _, around in graph.adjacency())
    return None if found else "a graph without links is not covered"


_ALL_UNWEIGHTED = {"weight": None, "nodes": None}


@runs_when(fixed=_ALL_UNWEIGHTED, loops=False, check=_has_link)
def degree_assortativity_coefficient(
    G: Network, x: str = "out", y: str = "in", weight: None = None, nodes: None = None
) -> float:
    """Return Pearson's r of the degrees at both ends of the links, NaN if all are equal."""
    value = assortativity(G.work)
    return math.nan if math.isnan(value) else float(value)


@runs_when(fixed=_ALL_UNWEIGHTED, loops=False, check=_has_link)
def degree_pearson_correlation_coefficient(
    G: Network, x: str = "out", y: str = "in", weight: None = None, nodes: None = None
) -> float:
    """Return the same, by another name."""
    return degree_assortativity_coefficient(G)


@runs_when(fixed={"normalized": False})
def rich_club_coefficient(
    G: Network, normalized: bool = True, Q: float = 100, seed: Any = None
) -> dict[int, float]:
    """Return the density among the nodes above each degree, not compared with chance."""
    if G.n_loops:
        message = "rich_club_coefficient is not implemented for graphs with self loops."
        raise Exception(message)  # networkx's own
    work = G.work
    if not work.n_links:
        return {}
    above = len(G) - np.cumsum(np.bincount(work.degree))
    lower = np.minimum(work.degree[G.rows], work.degree[G.targets])
    within = work.n_links - np.cumsum(np.bincount(lower, minlength=above.size)) // 2
    pairs = zip(above.tolist(), within.tolist(), strict=True)
    return {d: 2 * inside / (n * (n - 1)) for d, (n, inside) in enumerate(pairs) if n > 1}


# -------------------------------------------------------------------------- communities


@runs_when()
def modularity(
    G: Network,
    communities: Iterable[Any],
    weight: str | None = "weight",
    resolution: float = 1,
) -> float:
    """Return Newman's modularity of the communities, which must be a partition."""
    communities = communities if isinstance(communities, list) else list(communities)
    labels = _labels(G, communities)
    value = G.weights.get(weight) if weight is not None else None
    value = np.ones(G.targets.size) if value is None else value
    loop, inside = G.rows == G.targets, labels[G.rows] == labels[G.targets]
    twice = np.where(loop, 2.0 * value, value)  # a self-loop has both ends at its node
    degrees = np.bincount(labels[G.rows], twice, len(communities))
    within = np.bincount(labels[G.rows[inside]], twice[inside] / 2, len(communities))
    total = float(twice.sum())
    norm = 1 / total**2
    parts = zip(within.tolist(), degrees.tolist(), strict=True)
    return sum(links / (total / 2) - resolution * k * k * norm for links, k in parts)


def _labels(net: Network, communities: list[Any]) -> np.ndarray:
    """Return the place of each node's community, or raise if this is not a partition."""
    labels = np.full(len(net), -1)
    for place, community in enumerate(communities):
        numbers = [net.index[node] for node in community if node in net]
        labels[numbers] = place
    if (labels < 0).any() or sum(map(len, communities)) != len(net):
        raise NotAPartition(net, communities)  # type: ignore[arg-type]  # it only prints it
    return labels


@runs_when(fixed={"max_level": None})
def leiden_communities(
    G: Network,
    weight: str | None = "weight",
    resolution: float = 1,
    max_level: None = None,
    seed: random.Random | None = None,
) -> list[set[Hashable]]:
    """Return communities of high modularity, in the order of their first node.

    Raises
    ------
    ValueError
        If a weight is negative.
    """
    value = G.weights.get(weight) if weight is not None else None
    weights = None if value is None else value[G.once]
    if weights is not None and not (weights >= 0).all():
        raise ValueError(f"the Leiden method needs weights of at least 0 in {weight!r}")
    if not G.targets.size or (weights is not None and not weights.any()):
        return [{node} for node in G.names]
    labels = best_of_leiden(
        G.to_igraph(),
        n_starts=_N_STARTS,
        random_numbers=seed or random.Random(),
        weights=None if weights is None else weights.tolist(),
        resolution=resolution,
    )
    found: dict[int, set[Hashable]] = {}
    for node, label in zip(G.names, labels, strict=True):
        found.setdefault(label, set()).add(node)
    return list(found.values())
