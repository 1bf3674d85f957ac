"""How strongly each link is held: the scores by which links are kept or removed."""

from __future__ import annotations

from typing import Any

import numpy as np

from chgraph.checks import check_choice, check_link_values
from chgraph.graph import BipartiteGraph

REMOVAL_KINDS = ("LRS", "magnitude", "RI", "random")


def removal_scores(graph: BipartiteGraph, weights: Any, *, kind: str = "LRS") -> np.ndarray:
    r"""Score every link: the **lower** the score, the likelier the link is removed.

    Parameters
    ----------
    graph : BipartiteGraph
    weights : array_like, shape (n_links,)
        Weight of each link, in link order. Only magnitudes count.
    kind : {"LRS", "magnitude", "RI", "random"}
        "LRS" (hybrid link removal score): \|W_ij\| / (1 + sum_i \|W_ij\|) +
        \|W_ij\| / (1 + sum_j \|W_ij\|). "RI" (relative importance): the same without the
        ones. "magnitude": \|W_ij\|. "random": 1 for every link.

    Returns
    -------
    ndarray of float64, shape (n_links,)

    Raises
    ------
    ValueError
        If `weights` has another shape or is not finite, or `kind` is unknown.

    References
    ----------
    CH-SNN, arXiv 2511.05581, equation 4; CHTs, arXiv 2501.19107 (LRS is its removal score
    at alpha = 1/2, exponent 1).

    Examples
    --------
    >>> graph = BipartiteGraph.from_biadjacency([[1, 1], [0, 1]])
    >>> removal_scores(graph, [1.0, -1.0, 3.0])
    array([0.83333333, 0.53333333, 1.35      ])
    """
    check_choice("kind", kind, REMOVAL_KINDS)
    magnitude = np.abs(check_link_values("weights", weights, graph.n_links))
    if kind == "magnitude":
        return magnitude
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
