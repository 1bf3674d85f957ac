"""Chain removal: hidden neurons that no signal can pass are taken out for good."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chgraph.graph import BipartiteGraph


@dataclass(frozen=True)
class ChainRemoval:
    """What :func:`remove_dead_chains` leaves and what it found.

    Attributes
    ----------
    graphs : tuple of BipartiteGraph
        The layers without the links of dead neurons.
    kept : tuple of ndarray of int64
        For each layer the numbers, in the graph given, of the links that stay.
    dead : tuple of ndarray of bool
        For each hidden layer (between two graphs) the mask of its dead neurons.
    silent_inputs : ndarray of bool
        Input nodes without an outgoing link. They are reported, not removed.
    """

    graphs: tuple[BipartiteGraph, ...]
    kept: tuple[np.ndarray, ...]
    dead: tuple[np.ndarray, ...]
    silent_inputs: np.ndarray


def remove_dead_chains(graphs: Sequence[BipartiteGraph]) -> ChainRemoval:
    """Remove the links of hidden neurons that have no incoming or no outgoing link.

    Parameters
    ----------
    graphs : sequence of BipartiteGraph
        The layers of a feed-forward network, first to last; the right side of each is the
        left side of the next. Inputs of the first and outputs of the last layer are
        never dead.

    Returns
    -------
    ChainRemoval

    Raises
    ------
    ValueError
        If there is no graph or two consecutive ones do not fit.

    Notes
    -----
    Removing a neuron can leave its neighbours without links, so the search is repeated
    until nothing changes (at most once per layer).

    References
    ----------
    CH-SNN, arXiv 2511.05581, section 3.2.3; CHT, ICLR 2024 (percolation).

    Examples
    --------
    Hidden neuron 1 has an input but no output; hidden neuron 0 lives.

    >>> first = BipartiteGraph.from_biadjacency([[1, 1], [1, 0]])
    >>> second = BipartiteGraph.from_biadjacency([[1], [0]])
    >>> result = remove_dead_chains([first, second])
    >>> result.dead, result.graphs[0].links()
    ((array([False,  True]),), (array([0, 1]), array([0, 0])))
    """
    check_layers(graphs)
    ends = [graph.links() for graph in graphs]
    alive = [np.ones(graph.n_links, dtype=bool) for graph in graphs]
    dead = [np.zeros(graph.n_right, dtype=bool) for graph in graphs[:-1]]
    changed = True
    while changed:
        changed = False
        for i in range(len(dead)):
            into = np.bincount(ends[i][1][alive[i]], minlength=dead[i].size)
            out_of = np.bincount(ends[i + 1][0][alive[i + 1]], minlength=dead[i].size)
            dead[i] = (into == 0) | (out_of == 0)
            for layer, side in ((i, 1), (i + 1, 0)):
                lost = alive[layer] & dead[i][ends[layer][side]]
                alive[layer] &= ~lost
                changed |= bool(lost.any())
    kept = tuple(np.flatnonzero(mask) for mask in alive)
    remaining = tuple(g.keep_links(ids) for g, ids in zip(graphs, kept, strict=True))
    return ChainRemoval(
        graphs=remaining,
        kept=kept,
        dead=tuple(dead),
        silent_inputs=remaining[0].left_degree == 0,
    )


def check_layers(graphs: Sequence[BipartiteGraph]) -> None:
    """Raise if these are not the layers of one feed-forward network, first to last."""
    if not graphs:
        raise ValueError("graphs must hold at least one graph")
    for i, (graph, following) in enumerate(itertools.pairwise(graphs)):
        if graph.n_right != following.n_left:
            raise ValueError(
                f"graphs[{i}] has {graph.n_right} right nodes but graphs[{i + 1}] has "
                f"{following.n_left} left nodes; consecutive layers must share a side"
            )
