r"""Which rule an adaptive method takes, told from bounds wherever ties cannot change the choice.

Links and other pairs of equal score are ordered by SPcorr, which takes O(n^3) for all pairs of
nodes. But whatever their order, the area under precision over recall lies between that of all
tied links behind the other pairs of their score, and that of all before them. Where the bounds of
one rule lie above those of all others no correlation has to be computed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from chgraph._rounding import round_significant
from chgraph.graph import BipartiteGraph, Graph
from chgraph.linkpred._pairs import Progress, ScoredPairs, scaled
from chgraph.linkpred.adaptive import candidate_rules, check_links, exact_aupr, exceeds
from chgraph.linkpred.scores import pair_scores, unlinked_scores
from chgraph.threads import run_workers, workers_for

_PER_SCORE = 30.0  # operations to find one among those of the links
_ROUNDING = 1e-11  # relative error that the bounds are widened by


class RuleChoice(NamedTuple):
    """The rule that suits a network best, and between what the AUPR of each candidate lies.

    ``held`` are the scores by that rule, where they were to be kept and were not too many.
    """

    selected: str
    bounds: dict[str, tuple[float, float]]
    held: list[ScoredPairs] | None = None


def choose_rule(
    graph: Graph | BipartiteGraph,
    method: str,
    *,
    local_community: str = "all",
    n_threads: int | None = None,
    progress: Progress | None = None,
    most_held: int = 0,
) -> RuleChoice:
    """Return the rule that :func:`chgraph.linkpred.adaptive.adaptive_scores` selects.

    Parameters as there; `most_held` pairs at most are kept of a rule. Where one rule's least AUPR
    exceeds the largest of all others, memory is O(links + most_held), for networks of any size;
    else the AUPRs in question are computed from all pairs.

    Raises
    ------
    ValueError
        If there is no link, or the bounds do not decide and the network has more than 15,000
        nodes.

    Examples
    --------
    >>> import networkx
    >>> from chgraph import as_graph
    >>> choose_rule(as_graph(networkx.florentine_families_graph()), "CHA").selected
    'CH2-L2'
    """
    candidates = candidate_rules(graph, method)
    check_links(graph)
    options: dict[str, Any] = {"local_community": local_community, "n_threads": n_threads}
    part = 0.5 / len(candidates)
    bounds: dict[str, tuple[float, float]] = {}
    first, held = candidates[0], _Held(0)
    for rule in candidates:
        seen = _Held(most_held)
        told = scaled(progress, part)
        bounds[rule] = aupr_bounds(graph, rule, progress=told, held=seen, **options)
        if rule == first or bounds[rule][0] > bounds[first][0]:
            first, held = rule, seen
    reached = max(least for least, _ in bounds.values())
    contending = [rule for rule in candidates if bounds[rule][1] >= reached]
    best = contending[0]
    if len(contending) > 1:
        told = scaled(progress, 0.5 / len(contending))
        for rule in contending:
            aupr = exact_aupr(graph, rule, progress=told, **options)
            bounds[rule] = aupr, aupr
            if exceeds(aupr, bounds[best][0]):
                best = rule
    elif progress is not None:
        progress(0.5)
    return RuleChoice(best, bounds, held.chunks if best == first else None)


class _Held:
    """Chunks of scored pairs, kept while they are few enough; ``chunks`` is None otherwise."""

    def __init__(self, most: int) -> None:
        self.chunks: list[ScoredPairs] | None = [] if most else None
        self._room = most

    def add(self, chunk: ScoredPairs) -> None:
        """Keep a chunk, or give up."""
        self._room -= chunk.score.size
        if self._room < 0:
            self.chunks = None
        elif self.chunks is not None:
            self.chunks.append(chunk)


def aupr_bounds(
    graph: Graph | BipartiteGraph,
    rule: str,
    *,
    local_community: str = "all",
    n_threads: int | None = None,
    progress: Progress | None = None,
    held: _Held | None = None,
) -> tuple[float, float]:
    """Return between what the AUPR of a rule lies, however the pairs that tie are ordered.

    The scored pairs are given to `held` as well.
    """
    links = round_significant(
        pair_scores(
            graph, rule, *graph.links(), local_community=local_community, n_threads=n_threads
        )
    )
    known, found = np.unique(links, return_counts=True)
    tied, between = np.zeros(known.size, np.int64), np.zeros(known.size + 1, np.int64)
    n_zero = graph.n_pairs - graph.n_links
    counts = tied, between
    for chunk in unlinked_scores(
        graph, rule, local_community=local_community, n_threads=n_threads, progress=progress
    ):
        n_zero -= chunk.score.size
        if held is not None:
            held.add(chunk)
        _count(round_significant(chunk.score), known, *counts, n_threads=n_threads)
    _count(np.zeros(1), known, *counts, weight=n_zero)
    # Best first: pairs strictly above each score of links, and other pairs of that score.
    found, tied = found[::-1], tied[::-1]
    others_above = np.cumsum(between[:0:-1] + np.append(0, tied[:-1]))
    above = others_above + np.cumsum(found) - found
    least, most = _areas(found, tied, above)
    return least * (1 - _ROUNDING), min(most * (1 + _ROUNDING), 1.0)


def _count(
    scores: np.ndarray,
    known: np.ndarray,
    tied: np.ndarray,
    between: np.ndarray,
    *,
    weight: int = 1,
    n_threads: int | None = None,
) -> None:
    """Add the pairs of these scores to the counts at, and strictly between, the known scores."""
    with workers_for(_PER_SCORE * scores.size, n_threads) as n_workers:
        ends = scores.size * np.arange(n_workers + 1) // n_workers
        places = np.empty(scores.size, np.int64)

        def find(worker: int) -> None:
            part = slice(ends[worker], ends[worker + 1])
            places[part] = np.searchsorted(known, scores[part])

        run_workers(n_workers, find)
    inside = np.minimum(places, known.size - 1)
    equal = known[inside] == scores
    tied += weight * np.bincount(inside[equal], minlength=known.size)
    between += weight * np.bincount(places[~equal], minlength=known.size + 1)


def _areas(found: np.ndarray, tied: np.ndarray, above: np.ndarray) -> tuple[float, float]:
    """Return the least and the largest area, each over the recall that it can begin at.

    With a links found among b pairs, L further links behind N other pairs have precisions of
    at least (a + x) / (b + N + x), before them of at most (a + x) / (b + x): concave in x, so
    that a chord lies below the one and the integral above all that runs below the other.
    """
    before, total = np.cumsum(found) - found, found.sum()
    behind = above + tied
    start = np.divide(before, behind, out=np.ones(found.size), where=behind > 0)
    least = found * (start + (before + found) / (behind + found)) / 2
    growth = np.log1p(np.divide(found, above, out=np.zeros(found.size), where=above > 0))
    most = found + (before - above) * growth
    lowest = least.sum() / total
    n_rest = total - found[0]
    if above[0] == 0 and n_rest:
        # The first recall may be that of all links of the best score, which then do not count.
        lowest = min(lowest, least[1:].sum() / n_rest)
    return float(lowest), float(most.sum() / total)
