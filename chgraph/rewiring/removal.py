"""How strongly each link is held: the scores by which links are kept or removed."""

from __future__ import annotations

from typing import Any

import numpy as np

from chgraph.bipartite import check_bipartite
from chgraph.checks import check_choice, check_link_values
from chgraph.graph import BipartiteGraph

REMOVAL_KINDS = ("LRS", "magnitude", "RI", "SET", "random")


def removal_scores(graph: BipartiteGraph, weights: Any, *, kind: str = "LRS") -> np.ndarray:
    r"""Score every link: the **lower** the score, the likelier the link is removed.

    Parameters
    ----------
    graph : BipartiteGraph
    weights : array_like, shape (n_links,)
        Weight of each link, in link order. Only magnitudes count, but for "SET".
    kind : {"LRS", "magnitude", "RI", "SET", "random"}
        "LRS" (hybrid link removal score): \|W_ij\| / (1 + sum_i \|W_ij\|) +
        \|W_ij\| / (1 + sum_j \|W_ij\|). "RI" (relative importance): the same without the
        ones. "magnitude": \|W_ij\|. "SET": the rank by magnitude among the links of the same
        sign, as a share of them, so that the same share of either sign has the lowest scores;
        0 for weights of 0. "random": 1 for every link.

    Returns
    -------
    ndarray of float64, shape (n_links,)

    Raises
    ------
    TypeError
        If `graph` is not a BipartiteGraph.
    ValueError
        If `weights` has another shape or is not finite, or `kind` is unknown.

    References
    ----------
    CH-SNN, arXiv 2511.05581, equation 4; CHTs, arXiv 2501.19107 (LRS is its removal score
    at alpha = 1/2, exponent 1); SET, Nat. Commun. 9 (2018) 2383 (the smallest positive and the
    largest negative weights go).

    Examples
    --------
    >>> graph = BipartiteGraph.from_biadjacency([[1, 1], [0, 1]])
    >>> removal_scores(graph, [1.0, -1.0, 3.0])
    array([0.83333333, 0.53333333, 1.35      ])
    >>> removal_scores(graph, [1.0, -9.0, 3.0], kind="SET")
    array([0.25, 0.5 , 0.75])
    """
    check_bipartite("graph", graph)
    check_choice("kind", kind, REMOVAL_KINDS)
    values = check_link_values("weights", weights, graph.n_links)
    magnitude = np.abs(values)
    if kind == "magnitude":
        return magnitude
    if kind == "SET":
        return _rank_within_sign(values, magnitude)
    if kind == "random":
        return np.ones_like(magnitude)
    left, right = graph.links()
    out_strength = np.bincount(left, weights=magnitude, minlength=graph.n_left)[left]
    in_strength = np.bincount(right, weights=magnitude, minlength=graph.n_right)[right]
    if kind == "LRS":
        return magnitude / (1.0 + in_strength) + magnitude / (1.0 + out_strength)
    # A node whose weights are all 0 has no shares to give.
    return magnitude / np.where(in_strength > 0, in_strength, 1.0) + magnitude / np.where(
        out_strength > 0, out_strength, 1.0
    )


def _rank_within_sign(values: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
    """Return (rank - 1/2) / n of each of the n links of a sign, the weakest first; 0 for 0."""
    scores = np.zeros_like(magnitude)
    # Of equal weights the earlier link is the stronger one, as in a hard selection.
    order = np.lexsort((-np.arange(values.size), magnitude))
    for of_sign in (values > 0, values < 0):
        ranked = order[of_sign[order]]
        scores[ranked] = (np.arange(ranked.size) + 0.5) / max(ranked.size, 1)
    return scores
