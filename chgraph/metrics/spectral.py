"""Structural consistency: how well a graph's own spectrum predicts its links."""

from __future__ import annotations

from typing import Any

import numpy as np

from chgraph.checks import as_generator, check_positive_int, check_real
from chgraph.graph import Graph, as_network
from chgraph.linkpred._classic_dense import SPM_MAX_NODES, perturbed_matrix, random_removals
from chgraph.metrics._basic import as_one_graph
from chgraph.metrics.estimate import Estimate, mean_of, undefined


def structural_consistency(
    graph: Any, *, removed: float = 0.1, repeats: int = 10, rng: Any = None
) -> Estimate:
    """Return how regular a graph is: the share of removed links that its spectrum finds.

    A random share of the links is taken out and the rest put together again with the
    eigenvalues that the removed links would give it
    (:func:`chgraph.linkpred.classic.spm_matrix`). Of the pairs that the rest does not link,
    as many as were removed are predicted, those with the largest entries; the result is the
    share of removed links among them, averaged over the repeats.

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        At most 5,000 nodes; a layer counts as one graph of n_left + n_right nodes.
    removed : float
        Share of the links to take out, in [0, 1); at least one link is.
    repeats : int
        Number of random removals.
    rng : int, numpy Generator or None
        Seed or generator.

    Returns
    -------
    Estimate
        Between 0 and 1, with the spread over the removals; NaN without links.

    Raises
    ------
    TypeError, ValueError
        If `graph` is not a network or too large, or an argument is out of range.

    Notes
    -----
    Entries that agree to 12 decimals tie and are predicted in the order of their nodes. Each
    repeat diagonalizes a dense matrix: O(n_nodes^3) time, O(n_nodes^2) memory.

    References
    ----------
    Lu, Pan, Zhou, Zhang and Stanley, PNAS 112:2325, 2015.

    Examples
    --------
    >>> import networkx
    >>> structural_consistency(networkx.complete_graph(6), rng=0).value
    1.0
    """
    one = as_one_graph(as_network(graph))
    removed = check_real("removed", removed, minimum=0.0, below=1.0)
    repeats = check_positive_int("repeats", repeats)
    generator = as_generator(rng)
    if one.n_nodes > SPM_MAX_NODES:
        raise ValueError(
            f"graph must have at most {SPM_MAX_NODES:,} nodes, since structural consistency "
            f"diagonalizes a dense matrix; got {one.n_nodes:,}"
        )
    if not one.n_links:
        return undefined("no links: there is nothing to predict")
    shares = [_found(one, ids) for ids in random_removals(one, removed, repeats, generator)]
    return mean_of(np.array(shares))


def _found(graph: Graph, ids: np.ndarray) -> float:
    """Return the share of the given links among as many best pairs of the perturbed rest."""
    first, second = graph.links()
    score = perturbed_matrix(graph, ids).round(12)
    candidate = np.triu(np.ones(score.shape, dtype=bool), 1)
    candidate[first, second] = False
    candidate[first[ids], second[ids]] = True
    pairs = np.flatnonzero(candidate)
    values = score.reshape(-1)[pairs]
    # Everything above the n-th best is predicted, and of those equal to it the first.
    worst = np.partition(values, values.size - ids.size)[values.size - ids.size]
    ties = np.flatnonzero(values == worst)[: ids.size - np.count_nonzero(values > worst)]
    predicted = np.concatenate([pairs[values > worst], pairs[ties]])
    return np.isin(first[ids] * graph.n_nodes + second[ids], predicted).sum() / ids.size
