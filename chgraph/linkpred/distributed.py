"""Link prediction on the workers of a Dask cluster: the same bits as on one machine.

The network is sent to every worker once. Its sources (left nodes; or all nodes, hubs first) are
cut into runs of about equal work, counted as walks; each run comes back as its own exact best
pairs, and these are merged as they come. What the merged ones already exceed is not sent. Scores
of a pair do not depend on the run that it is in, and the order of pairs is a total one, so that
neither the number of workers nor the order in which they answer can change a bit.

Methods that need the whole network at once (Katz, SPM, the adaptive ones, ties by SPcorr) are
done whole, by one worker.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from chgraph._ranking import TooManyPairs
from chgraph._rounding import NEARLY
from chgraph.cluster import Call, GraphOnWorkers, Job
from chgraph.graph import BipartiteGraph, Graph
from chgraph.linkpred._pairs import Progress, ScoredPairs, at_most, best_first, joined
from chgraph.linkpred.methods import ADAPTIVE_METHODS
from chgraph.linkpred.ranking import MAX_PAIRS, rank_pairs, with_advice
from chgraph.linkpred.scores import Sources, ready_sources
from chgraph.threads import thread_limit

_WHOLE = ("Katz", "SPM")
_LEAST_WORK = 2e7  # operations of a run at least: some ten milliseconds, ten times the overhead
_PER_THREAD = 16  # runs for each thread of the cluster, where there is work for so many


def streams(method: str, tie_break: str = "index", nodes: Any = None) -> bool:
    """Whether the work of a prediction is shared among workers; else one of them does it all."""
    whole = method in ADAPTIVE_METHODS or method in _WHOLE
    return not whole and tie_break == "index" and nodes is None


def rank_on_cluster(
    client: Any,
    graph: Graph | BipartiteGraph,
    method: str,
    k: int | None,
    *,
    nodes: np.ndarray | None = None,
    tie_break: str = "index",
    local_community: str = "all",
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[ScoredPairs, dict[str, Any]]:
    """Return what :func:`chgraph.linkpred.ranking.rank_pairs` does, worked out by a cluster.

    Parameters as there, checked; `client` is a Dask client that
    :func:`chgraph.cluster.check_client` has let through.
    """
    options = {"local_community": local_community, "n_threads": n_threads or 1}
    if streams(method, tie_break, nodes):
        ranking = _Ranking(client, _bare(graph), method, options)
        with Job(client, "predict_links", ranking) as job:
            return _merged(job, ranking, k, progress), {}
    whole = GraphOnWorkers(client, graph)
    arguments = (method, k, {**options, "nodes": nodes, "tie_break": tie_break})
    with Job(client, "predict_links", whole) as job:
        ((_, result),) = job.completed(iter([(_whole, arguments)]))
    if progress is not None:
        progress(1.0)
    pairs, details = result
    return ScoredPairs(*pairs), details


def run_bounds(costs: np.ndarray, n_runs: int) -> np.ndarray:
    """Cut sources into at most so many runs of about equal cost, none of them empty.

    Examples
    --------
    >>> run_bounds(np.array([9, 1, 1, 1, 6]), 3)
    array([0, 1, 4, 5])
    """
    sums = np.cumsum(costs, dtype=np.float64)
    total = sums[-1] if sums.size else 0.0
    cuts = np.searchsorted(sums, total * np.arange(1, n_runs) / n_runs, side="left") + 1
    bounds = np.concatenate([[0], cuts, [costs.size]])
    return np.unique(np.minimum(bounds, costs.size))


class _Ranking(GraphOnWorkers):
    """A network on a worker, made ready to be scored by a method once."""

    def __init__(
        self, client: Any, graph: Graph | BipartiteGraph, method: str, options: dict[str, Any]
    ) -> None:
        super().__init__(client, graph)
        self._method, self._options = method, options

    def ready(self) -> Sources:
        """Return the sources, made ready."""
        return self.once("ready", lambda: ready_sources(self.graph, self._method, **self._options))

    def costs(self) -> np.ndarray:
        """Return the cost of every source."""
        return self.ready().costs

    def found(self, first: int, last: int, k: int | None, least: float) -> tuple[np.ndarray, ...]:
        """Return the k best pairs of a run of sources, of those that may reach a score."""
        ready, n_threads = self.ready(), self._options["n_threads"]
        with thread_limit(n_threads):
            if k is None:
                chunks = ready.chunks(first, last, n_threads, None)
                return tuple(joined(at_most(chunks, MAX_PAIRS)))
            pairs = ready.best(first, last, k, n_threads, None)
            kept = pairs.score >= least * NEARLY
            return pairs.source[kept], pairs.target[kept], pairs.score[kept]


def _bare(graph: Graph | BipartiteGraph) -> Graph | BipartiteGraph:
    """Return a network without what scores do not need, so that it need not be sent."""
    if graph.folder is not None:
        return graph  # workers may open it themselves
    if isinstance(graph, BipartiteGraph):
        none = graph.right_links[:0]
        return replace(graph, left_names=None, right_names=None, right_links=none)
    return replace(graph, names=None)


def _costs(ranking: _Ranking) -> np.ndarray:
    return ranking.costs()


def _found(ranking: _Ranking, *run: Any) -> tuple[np.ndarray, ...]:
    return ranking.found(*run)


def _whole(
    on_worker: GraphOnWorkers, method: str, k: int | None, options: dict[str, Any]
) -> tuple[tuple[np.ndarray, ...], dict[str, Any]]:
    with thread_limit(options["n_threads"]):
        pairs, details = rank_pairs(on_worker.graph, method, k, **options)
    return tuple(pairs), details


class _Merging:
    """The best pairs so far, and the score that a further one has to reach."""

    def __init__(self, k: int | None) -> None:
        self._k = k
        self._parts: list[ScoredPairs] = []
        self._held = 0
        self.least = 0.0

    def add(self, pairs: ScoredPairs) -> None:
        """Take further pairs; of more than twice k the best are kept."""
        self._parts.append(pairs)
        self._held += pairs.score.size
        if self._k is None:
            if self._held > MAX_PAIRS:
                raise with_advice(TooManyPairs(f"more than {MAX_PAIRS:,} pairs score above 0"))
        elif self._held > 2 * self._k or not self.least:
            best = self.best()
            self._parts, self._held = [best], best.score.size
            if self._k and self._held == self._k:
                self.least = float(best.score[-1])

    def best(self) -> ScoredPairs:
        return best_first(joined(self._parts), self._k)


def _merged(job: Job, ranking: _Ranking, k: int | None, progress: Progress | None) -> ScoredPairs:
    """Return the k best pairs of all runs, merged as they come."""
    ((_, costs),) = job.completed(iter([(_costs, ())]))
    total = float(costs.sum())
    n_runs = int(min(_PER_THREAD * job.n_threads, total // _LEAST_WORK + 1, max(costs.size, 1)))
    bounds = run_bounds(costs, n_runs)
    merging = _Merging(k)

    def calls() -> Iterator[Call]:
        for first, last in itertools.pairwise(bounds.tolist()):
            yield _found, (first, last, k, merging.least)

    try:
        for number, found in job.completed(calls()):
            merging.add(ScoredPairs(*found))
            if progress is not None:
                run = costs[bounds[number] : bounds[number + 1]]
                progress(float(run.sum()) / max(total, 1.0))
    except TooManyPairs as error:
        raise with_advice(error) from None
    return merging.best()
