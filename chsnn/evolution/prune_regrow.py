"""The two halves of an evolution step, one layer at a time: which links stay, which are new."""

from __future__ import annotations

import numpy as np

from chgraph.graph import BipartiteGraph
from chgraph.rewiring import (
    regrow_by_scores,
    regrow_links,
    removal_scores,
    select_links,
)
from chsnn.layers import SparseLinear
from chsnn.observe import LayerGradient


def keep_links(
    layer: SparseLinear,
    n: int,
    *,
    removal: str,
    sampling: str,
    temperature: float,
    rng: np.random.Generator,
) -> BipartiteGraph:
    """Return the layer's graph with exactly `n` of its links, chosen by their weights."""
    if n == layer.graph.n_links:
        return layer.graph
    weights = layer.values.detach().double().cpu().numpy()
    scores = removal_scores(layer.graph, weights, kind=removal)
    kept = select_links(scores, n, sampling=sampling, temperature=temperature, rng=rng)
    return layer.graph.keep_links(kept)


def add_links(
    graph: BipartiteGraph,
    n: int,
    *,
    method: str,
    sampling: str,
    gradient: LayerGradient | None,
    allowed: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
    n_threads: int | None,
) -> BipartiteGraph:
    """Return the graph with `n` links more, between allowed nodes (fewer if no more fit)."""
    if method == "gradient":
        assert gradient is not None
        new = regrow_by_scores(
            graph,
            n,
            gradient.blocks(),
            sampling=sampling,
            allowed=allowed,
            rng=rng,
            n_threads=n_threads,
        )
    else:
        new = regrow_links(
            graph,
            n,
            method=method,
            sampling=sampling,
            allowed=allowed,
            rng=rng,
            n_threads=n_threads,
        )
    return graph.add_links(*new)


def n_returned(before: BipartiteGraph, kept: BipartiteGraph, after: BipartiteGraph) -> int:
    """Count the links of `after` that `before` had and `kept`, part of both, had lost."""
    return int((before.link_ids(*after.links()) >= 0).sum()) - kept.n_links
