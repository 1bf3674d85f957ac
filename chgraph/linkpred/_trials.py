"""One trial of an evaluation: remove links at random, rank all pairs that are then unlinked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph

from chgraph.graph import BipartiteGraph, Graph
from chgraph.linkpred._pairs import ScoredPairs
from chgraph.linkpred._rule_choice import choose_rule
from chgraph.linkpred.adaptive import pair_ranks
from chgraph.linkpred.measures import Ranking, rank_pairs
from chgraph.linkpred.methods import ADAPTIVE_METHODS
from chgraph.linkpred.scores import unlinked_scores


class Trial(NamedTuple):
    """A network without the removed links, and the numbers of the removed pairs.

    Pairs are numbered 0, 1, 2, ... in (source, target) order, linked ones included.
    """

    graph: Graph | BipartiteGraph
    removed: np.ndarray
    links_before: np.ndarray  # how many of the remaining links stand before each removed one
    n_unlinked: int


def drawn_links(
    graph: Graph | BipartiteGraph, n_removed: int, connected: bool, rng: np.random.Generator
) -> np.ndarray:
    """Return the numbers of links drawn at random; if `connected`, none of a random forest."""
    free = _outside_forest(graph, rng) if connected else np.arange(graph.n_links)
    return rng.choice(free, n_removed, replace=False)


def without_links(graph: Graph | BipartiteGraph, drawn: np.ndarray) -> Trial:
    """Remove the links of these numbers."""
    source, target = graph.links()
    gone = np.zeros(graph.n_links, dtype=bool)
    gone[drawn] = True
    rest = graph.with_links(source[~gone], target[~gone])
    numbers = _pair_numbers(graph, source, target)  # ascending, as links are
    before = np.searchsorted(numbers[~gone], numbers[gone])
    return Trial(rest, numbers[gone], before, graph.n_pairs - rest.n_links)


def n_outside_forest(graph: Graph | BipartiteGraph) -> int:
    """Return how many links any spanning forest leaves out."""
    joined = _joined(graph, np.ones(graph.n_links))
    n_components, _ = scipy.sparse.csgraph.connected_components(joined, directed=False)
    return graph.n_links - (joined.shape[0] - n_components)


def _outside_forest(graph: Graph | BipartiteGraph, rng: np.random.Generator) -> np.ndarray:
    """Return the numbers of the links outside a random spanning forest."""
    weights = 1.0 + rng.permutation(graph.n_links)
    forest = scipy.sparse.csgraph.minimum_spanning_tree(_joined(graph, weights))
    return np.flatnonzero(~np.isin(weights, forest.data))


def _joined(graph: Graph | BipartiteGraph, weights: np.ndarray) -> scipy.sparse.csr_array:
    """Return a matrix of all nodes with one entry per link; right nodes follow the left ones."""
    source, target = graph.links()
    shape = graph.n_nodes, graph.n_nodes
    ends = source, target + graph.first_target
    return scipy.sparse.csr_array((weights, ends), shape=shape)


def _pair_numbers(
    graph: Graph | BipartiteGraph, source: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """Return each pair's place among all pairs in (source, target) order."""
    if graph.is_bipartite:
        return source * graph.shape[1] + target
    return source * (2 * graph.n_nodes - source - 1) // 2 + target - source - 1


def rank_unlinked(trial: Trial, method: str, **options: Any) -> tuple[Ranking, float]:
    """Score all unlinked pairs and return their ranking and the seconds the scores took."""
    removed, seconds = trial.removed, 0.0
    scores, numbers, labels = [], [], []
    scored_upto = np.zeros(removed.size + 1, dtype=np.int64)
    found = np.zeros(removed.size, dtype=bool)
    for chunk, took in _timed(trial.graph, method, **options):
        seconds += took
        number = _pair_numbers(trial.graph, chunk.source, chunk.target)
        place = np.searchsorted(removed, number)
        label = removed[np.minimum(place, removed.size - 1)] == number
        found[place[label]] = True
        scored_upto += np.bincount(place, minlength=removed.size + 1)
        scores.append(chunk.score)
        numbers.append(number)
        labels.append(label)
    # A removed link that scores 0 stands behind the pairs of score 0 with smaller numbers.
    zero_places = (removed - trial.links_before - np.cumsum(scored_upto)[:-1])[~found]
    score = np.concatenate([np.empty(0), *scores])
    ranking = rank_pairs(
        score,
        np.concatenate([np.empty(0, dtype=bool), *labels]),
        order=np.concatenate([np.empty(0, dtype=np.int64), *numbers]),
        zero_places=zero_places,
        n_zero=trial.n_unlinked - score.size,
    )
    return ranking, seconds


def _timed(
    graph: Graph | BipartiteGraph, method: str, **options: Any
) -> Iterator[tuple[ScoredPairs, float]]:
    """Yield each chunk with the seconds it took."""
    start = time.perf_counter()
    for chunk in _scored_chunks(graph, method, **options):
        yield chunk, time.perf_counter() - start
        start = time.perf_counter()


def _scored_chunks(
    graph: Graph | BipartiteGraph, method: str, **options: Any
) -> Iterator[ScoredPairs]:
    """Yield all unlinked pairs with a positive score; ranks serve as scores where adaptive."""
    if method not in ADAPTIVE_METHODS:
        yield from unlinked_scores(graph, method, **options)
        return
    rule = choose_rule(graph, method, **options).selected
    source, target, rank = pair_ranks(graph, rule, **options)
    yield ScoredPairs(source, target, rank.astype(np.float64))
