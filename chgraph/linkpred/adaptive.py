r"""CHA, the adaptive network automaton: the Cannistraci-Hebb rule that suits a network best.

Each candidate rule ranks all pairs of nodes, linked or not, by (score, SPcorr). The rule
whose ranks tell the observed links best from the other pairs is chosen: the one with the
largest area under precision over recall (AUPR). No link is hidden for that; the own link
of a linked pair is not a part of its score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from chgraph._rounding import round_significant
from chgraph.checks import check_choice
from chgraph.forking import cached_property
from chgraph.graph import BipartiteGraph, Graph
from chgraph.linkpred import _adaptive_core
from chgraph.linkpred._pairs import Progress, scaled
from chgraph.linkpred._spcorr import spcorr, spcorr_blocks, spcorr_matrix
from chgraph.linkpred.methods import ADAPTIVE_METHODS
from chgraph.linkpred.rules import rule_of
from chgraph.linkpred.scores import pair_scores, unlinked_scores
from chgraph.threads import thread_limit

__all__ = [
    "ADAPTIVE_METHODS",
    "AdaptiveScores",
    "adaptive_scores",
    "candidate_rules",
    "spcorr",
    "spcorr_matrix",
]

MAX_NODES = 15_000


@dataclass(frozen=True, eq=False)
class AdaptiveScores:
    """What :func:`adaptive_scores` returns.

    Attributes
    ----------
    method : str
    candidates : tuple of str
        The rules that were compared.
    auprs : dict
        AUPR of each candidate.
    selected : str
        The rule with the largest, the first of them where they agree to 12 digits.
    source, target : ndarray of int64
        All unlinked pairs, by (source, target): source < target in a graph of one kind of
        node, the left and the right node in a bipartite one.
    score : ndarray of float64
        By the selected rule, at 12 significant digits.
    spcorr : ndarray of float64
        SPcorr under the selected rule, at 12 decimals.

    Examples
    --------
    >>> import chgraph
    >>> from chgraph.linkpred.adaptive import adaptive_scores
    >>> found = adaptive_scores(chgraph.datasets.load("karate"), "CHA")
    >>> found.selected
    'CH3-L3'
    >>> {rule: round(aupr, 3) for rule, aupr in found.auprs.items()}
    {'CH2-L2': 0.444, 'CH3-L2': 0.426, 'CH2-L3': 0.436, 'CH3-L3': 0.464}
    """

    method: str
    candidates: tuple[str, ...]
    auprs: dict[str, float]
    selected: str
    source: np.ndarray
    target: np.ndarray
    score: np.ndarray
    spcorr: np.ndarray
    _every_pair: tuple[np.ndarray, np.ndarray, np.ndarray]

    @cached_property
    def rank(self) -> np.ndarray:
        """Dense rank by (score, spcorr), int64: higher is likelier, from 1 for the lowest pair.

        Linked pairs, not listed here, take part.
        """
        scores, correlation, unlinked = self._every_pair
        return _dense_ranks(scores, correlation)[unlinked]


def candidate_rules(graph: Graph | BipartiteGraph, method: str) -> tuple[str, ...]:
    """Return the candidate rules of an adaptive method; in a bipartite graph those of L3.

    Examples
    --------
    >>> candidate_rules(BipartiteGraph.from_links([0], [0], (1, 1)), "CHA")
    ('CH2-L3', 'CH3-L3')
    """
    rules = ADAPTIVE_METHODS[check_choice("method", method, ADAPTIVE_METHODS)]
    return tuple(rule for rule in rules if rule_of(rule).joins_sides or not graph.is_bipartite)


def adaptive_scores(
    graph: Graph | BipartiteGraph,
    method: str = "CHA",
    *,
    local_community: str = "all",
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> AdaptiveScores:
    r"""Rank all unlinked pairs by the candidate rule that suits the network best.

    .. math::
        \mathrm{AUPR} = \frac{1}{1 - rec_1} \int_{rec_1}^1 prec \, d\,rec

    by the trapezoid rule over the unique ranks of all pairs, the links being the positives.

    Parameters
    ----------
    graph : Graph or BipartiteGraph
        At most 15,000 nodes. In a bipartite graph the pairs are those of a left and a
        right node.
    method : {"CHA", "CHA-CH3.1"}
        Which candidates: {CH2, CH3} or {CH3, CH3.1}, of L2 and L3 each.
    local_community : {"all", "on-path"}
    n_threads : int, optional
        The result is the same for any number.
    progress : callable, optional
        Called with the further fraction of the work that is done.

    Returns
    -------
    AdaptiveScores

    Raises
    ------
    ValueError
        If an argument is out of range, there is no link to choose a rule by, or the
        network is too large.

    Notes
    -----
    For n nodes and p pairs: time O(n^3), memory some 8 n^2 + 50 p bytes (all pairs of 5,000
    nodes: 1 GB, of 15,000: 8 GB).

    References
    ----------
    Adaptive network automata (CHA, NeurIPS 2025); iScience, 2022, doi
    10.1016/j.isci.2022.105697.

    Examples
    --------
    >>> ring = Graph.from_links([0, 1, 2, 3, 4], [1, 2, 3, 4, 0])
    >>> result = adaptive_scores(ring)
    >>> result.selected, result.source, result.score
    ('CH2-L2', array([0, 0, 1, 1, 2]), array([1., 1., 1., 1., 1.]))
    """
    candidates = candidate_rules(graph, method)
    _check_size(graph)
    check_links(graph)
    pairs = _AllPairs.of(graph)
    share = 0.9 / len(candidates)
    auprs: dict[str, float] = {}
    best: _Ranked | None = None
    for rule in candidates:
        ranked = _rank_by(
            graph,
            pairs,
            rule,
            scaled(progress, share),
            local_community=local_community,
            n_threads=n_threads,
        )
        auprs[rule] = ranked.aupr
        if best is None or exceeds(ranked.aupr, best.aupr):
            best = ranked
    assert best is not None
    result = _listed(graph, pairs, best, method, auprs)
    if progress is not None:
        progress(0.1)
    return result


def exact_aupr(
    graph: Graph | BipartiteGraph,
    rule: str,
    *,
    local_community: str = "all",
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> float:
    """Return the AUPR of one rule, as :func:`adaptive_scores` has it."""
    _check_size(graph)
    pairs = _AllPairs.of(graph)
    return _rank_by(
        graph, pairs, rule, progress, local_community=local_community, n_threads=n_threads
    ).aupr


def pair_ranks(
    graph: Graph | BipartiteGraph,
    rule: str,
    *,
    local_community: str = "all",
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return source, target and dense rank by (score, SPcorr) of all unlinked pairs.

    Linked pairs take part in the ranks, from 1 for the lowest pair.
    """
    _check_size(graph)
    pairs = _AllPairs.of(graph)
    ranked = _rank_by(
        graph, pairs, rule, progress, local_community=local_community, n_threads=n_threads
    )
    numbers = pairs.unlinked()
    return *pairs.nodes(numbers), _dense_ranks(ranked.scores, ranked.correlation)[numbers]


class _AllPairs(NamedTuple):
    """A number for every pair, by (source, target); that of (u, v) is ``shift[u] + v``.

    ``begins[u]`` is the first number of source u, ``linked`` holds the numbers of the links.
    """

    begins: np.ndarray
    shift: np.ndarray
    linked: np.ndarray

    @classmethod
    def of(cls, graph: Graph | BipartiteGraph) -> _AllPairs:
        n_rows, n_columns = graph.shape
        first = np.zeros(n_rows, np.int64)  # target of each source's first pair
        if not graph.is_bipartite:
            first = np.arange(1, n_rows + 1)
        begins = np.append(0, np.cumsum(n_columns - first))
        shift = begins[:-1] - first
        u, v = graph.links()
        return cls(begins, shift, shift[u] + v)

    @property
    def n_pairs(self) -> int:
        return int(self.begins[-1])

    def unlinked(self) -> np.ndarray:
        """Return the numbers of the unlinked pairs, ascending."""
        mask = np.ones(self.n_pairs, dtype=bool)
        mask[self.linked] = False
        return np.flatnonzero(mask)

    def nodes(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return source and target of the given pairs."""
        source = np.searchsorted(self.begins, numbers, side="right") - 1
        return source, numbers - self.shift[source]


class _Ranked(NamedTuple):
    """Score and SPcorr of all pairs by one rule, and its AUPR."""

    rule: str
    scores: np.ndarray
    correlation: np.ndarray
    aupr: float


def check_links(graph: Graph | BipartiteGraph) -> None:
    """Raise unless there are links."""
    if not graph.n_links:
        raise ValueError("the network has no links, so there is nothing to choose a rule by")


def _check_size(graph: Graph | BipartiteGraph) -> None:
    n_nodes = graph.n_nodes
    if n_nodes > MAX_NODES:
        raise ValueError(
            f"the adaptive methods compare all pairs of nodes and take at most {MAX_NODES:,} "
            f'nodes, got {n_nodes:,}; use a single rule, method="CH3-L3" (the choice on most '
            "networks), with k for the best pairs only"
        )


def _rank_by(
    graph: Graph | BipartiteGraph,
    pairs: _AllPairs,
    rule: str,
    progress: Progress | None,
    *,
    local_community: str,
    n_threads: int | None,
) -> _Ranked:
    """Score all pairs by one rule; `progress` is told fractions of this rule's work."""

    scores = np.zeros(pairs.n_pairs)
    for chunk in unlinked_scores(
        graph,
        rule,
        local_community=local_community,
        n_threads=n_threads,
        progress=scaled(progress, 0.2),
    ):
        scores[pairs.shift[chunk.source] + chunk.target] = round_significant(chunk.score)
    link_scores = pair_scores(
        graph, rule, *graph.links(), local_community=local_community, n_threads=n_threads
    )
    scores[pairs.linked] = round_significant(link_scores)
    correlation = np.empty(pairs.n_pairs)
    for start, block in spcorr_blocks(
        graph, link_scores, n_threads=n_threads, progress=scaled(progress, 0.7)
    ):
        for u, row in enumerate(block, start):
            part = correlation[pairs.begins[u] : pairs.begins[u + 1]]
            part[:] = row[row.size - part.size :]
    aupr = _aupr(scores, correlation, pairs.linked, n_threads)
    if progress is not None:
        progress(0.1)
    return _Ranked(rule, scores, correlation, aupr)


def exceeds(aupr: float, other: float) -> bool:
    """Whether one AUPR is larger at 12 significant digits."""
    larger, smaller = round_significant(np.array([aupr, other]))
    return bool(larger > smaller)


def _aupr(
    scores: np.ndarray, correlation: np.ndarray, linked: np.ndarray, n_threads: int | None
) -> float:
    """Area under precision over recall; only the thresholds at which links stand have width."""
    own = np.column_stack([scores[linked], correlation[linked]])
    known, found = np.unique(own, axis=0, return_counts=True)
    first, second = np.ascontiguousarray(known.T)
    with thread_limit(n_threads) as n_workers:
        equal, below = np.zeros((2, n_workers, found.size + 1), np.int64)
        _adaptive_core.count_keys(scores, correlation, first, second, equal, below)
    # Best first: links found at each threshold, and pairs strictly above it and down to it.
    found, same = found[::-1], equal.sum(axis=0)[-2::-1]
    upto = np.cumsum(below.sum(axis=0)[:0:-1] + same)
    above = upto - same
    tp = np.cumsum(found)
    recalled = tp[0] if above[0] == 0 else 0
    if recalled == tp[-1]:
        return float(tp[0] / upto[0])
    before = np.divide(tp - found, above, out=np.zeros(tp.size), where=above > 0)
    widths = np.where(above > 0, found, 0)
    return float(np.sum(widths * (before + tp / upto) / 2) / (tp[-1] - recalled))


def _dense_ranks(scores: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Return the rank of each (score, correlation), 1 for the lowest; equal ones share it."""
    order = np.lexsort((correlation, scores))
    new = np.ones(order.size, dtype=bool)
    new[1:] = scores[order[1:]] != scores[order[:-1]]
    new[1:] |= correlation[order[1:]] != correlation[order[:-1]]
    ranks = np.empty(order.size, np.int64)
    ranks[order] = np.cumsum(new)
    return ranks


def _listed(
    graph: Graph | BipartiteGraph,
    pairs: _AllPairs,
    best: _Ranked,
    method: str,
    auprs: dict[str, float],
) -> AdaptiveScores:
    numbers = pairs.unlinked()
    return AdaptiveScores(
        method,
        tuple(auprs),
        auprs,
        best.rule,
        *pairs.nodes(numbers),
        best.scores[numbers],
        best.correlation[numbers],
        (best.scores, best.correlation, numbers),
    )
