"""Graphs larger than memory and clusters: seconds and memory against links, simulated speed-up.

``python -m analysis.benchmarks.scale [--quick] [--json FILE]``. Heavy-tailed networks and layers
of 10 links a node are built piece by piece, opened from their folder, and the best 1,000 pairs
of CH3-L3 are predicted. Where all sources would take too long, runs of sources spread evenly over
the work are timed and the rest extrapolated by counted walks; how well that foretells the whole is
checked at two sizes. Memory is the peak of anonymous memory: pages of mapped files do not count.
"""

from __future__ import annotations

import heapq
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import chgraph
from analysis.benchmarks._cases import Arguments, Case, run_cases
from analysis.benchmarks._rows import Row, median_seconds, seconds_once
from chgraph.linkpred.distributed import run_bounds
from chgraph.linkpred.scores import Sources, ready_sources

_K = 1000
_QUICK_LINKS = 20_000
_COMPILED_LINKS = 50_000  # enough for kernels not to be interpreted
_THREADS = 2
_LINKS_A_NODE = 5  # of a network; a layer has as many nodes on each side
_PART = 1_000_000
_MEMORY = 2**28  # that graphs are built in
_SAMPLED = 12  # runs of sources that are timed
_RUN_SECONDS = 0.5  # that a run should take, about
_WALKS_A_SECOND = 3e7
_WORKERS = (2, 8, 32, 128)
_RUNS_A_WORKER = 16
_LEAST_LOST = 1e-3  # seconds for Dask to pass on a run
_BYTES_A_SECOND = 1e9  # of a network of 10 Gbit/s


def heavy_parts(n_links: int, bipartite: bool) -> Iterator[np.ndarray]:
    """Yield the ends of random links among nodes of heavy-tailed degrees, some at a time."""
    rng = np.random.default_rng(0)
    n_nodes = n_links // _LINKS_A_NODE // (2 if bipartite else 1)
    sums = np.cumsum((np.arange(1, n_nodes + 1) + 10.0) ** -0.5)
    place = rng.permutation(n_nodes)
    for start in range(0, n_links, _PART):
        size = min(_PART, n_links - start)
        yield place[np.searchsorted(sums / sums[-1], rng.random((size, 2)), side="right")]


@contextmanager
def watched_memory() -> Iterator[list[float]]:
    """Yield a list whose entry becomes the growth of anonymous memory at its peak, in MB."""
    peak, before, done = [0.0], anonymous_mb(), threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], anonymous_mb() - before)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def anonymous_mb() -> float:
    """Return the anonymous memory of this process: what is not a page of a file."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1000.0
    raise OSError("this system does not tell anonymous memory")


def build(folder: str, n_links: int, bipartite: bool) -> Any:
    """Return the graph, built piece by piece into a folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", chgraph.GraphInputWarning)
        return chgraph.build_graph(
            heavy_parts(n_links, bipartite),
            Path(folder, "graph"),
            bipartite=bipartite,
            memory=_MEMORY,
        )


# ------------------------------------------------------------------------------- sampling


class Sample(NamedTuple):
    """What timed runs of sources foretell.

    Attributes
    ----------
    seconds : float
        Of all sources.
    share : float
        Of the walks that the timed runs have.
    each : ndarray of float64
        Seconds per walk of each timed run.
    """

    seconds: float
    share: float
    each: np.ndarray


def sampled(ready: Sources, n_threads: int) -> Sample:
    """Time runs of sources, evenly spread over the work, and the last, which is like no other.

    A run stands for those of its part of the work; the last one holds the many sources with hardly
    any walks, and stands for itself.
    """
    costs = ready.costs.astype(np.float64)
    n_runs = int(max(_SAMPLED, costs.sum() / _WALKS_A_SECOND / _RUN_SECONDS))
    bounds = run_bounds(ready.costs, n_runs)
    last_run = bounds.size - 2
    chosen = ((np.arange(_SAMPLED - 1) + 0.5) * last_run / (_SAMPLED - 1)).astype(int)
    chosen = np.unique(np.append(chosen, last_run))
    middle = int(chosen[chosen.size // 2])
    ready.best(int(bounds[middle]), int(bounds[middle + 1]), _K, n_threads, None)  # compiled now
    seconds, walks = np.zeros(chosen.size), np.zeros(chosen.size)
    for i, run in enumerate(chosen.tolist()):
        first, last = int(bounds[run]), int(bounds[run + 1])
        start = time.perf_counter()
        ready.best(first, last, _K, n_threads, None)
        seconds[i] = time.perf_counter() - start
        walks[i] = costs[first:last].sum()
    each = seconds / np.maximum(walks, 1.0)
    total = costs.sum()
    foretold = seconds[-1] + each[:-1].mean() * (total - walks[-1])
    return Sample(float(foretold), float(walks.sum() / total), each)


def size_case(n_links: int, *, bipartite: bool, whole: bool) -> Case:
    """Return the case of a size: build, open, predict, whole or by sampled runs."""

    def case(arguments: Arguments) -> list[Row]:
        size = _QUICK_LINKS if arguments.quick else n_links
        what = f"{'layer' if bipartite else 'network'}, {size:,} links drawn"
        with tempfile.TemporaryDirectory() as folder:
            _compile(bipartite)
            with watched_memory() as building:
                built = seconds_once(lambda: build(folder, size, bipartite))
            graph = chgraph.open_graph(Path(folder, "graph"))
            opened = seconds_once(lambda: chgraph.open_graph(Path(folder, "graph")))
            disk = sum(path.stat().st_size for path in Path(folder, "graph").iterdir()) / 1e6
            with watched_memory() as predicting:
                start = time.perf_counter()
                ready = ready_sources(graph, "CH3-L3", n_threads=_THREADS)
                prepared = time.perf_counter() - start
                sample = sampled(ready, _THREADS)
            walks = float(ready.costs.sum())
            note = f"EXTRAPOLATED from {sample.share:.2%} of {walks:.2g} walks"
            rows = [
                Row(f"{what}: build", built, memory_mb=building[0], note=f"{disk:,.1f} MB on disk"),
                Row(f"{what}: open, checked", opened),
                Row(
                    f"{what}: best 1,000", prepared + sample.seconds, None, "", predicting[0], note
                ),
            ]
            if whole:
                rows.append(_whole_row(what, graph, prepared + sample.seconds, predicting[0]))
        return rows

    return case


def _compile(bipartite: bool) -> None:
    """Have the kernels compiled or loaded, whose seconds are no part of a size."""
    with tempfile.TemporaryDirectory() as folder:
        graph = build(folder, _COMPILED_LINKS, bipartite)
        chgraph.predict_links(graph, _K, n_threads=_THREADS)


def _whole_row(what: str, graph: Any, foretold: float, memory: float) -> Row:
    found: list[Any] = []
    with watched_memory() as peak:
        seconds = seconds_once(
            lambda: found.append(chgraph.predict_links(graph, _K, n_threads=_THREADS))
        )
    assert len(found[0]) == _K
    note = f"the whole; foretold from a sample: {foretold / seconds:.2f} times as long"
    return Row(f"{what}: best 1,000, all sources", seconds, None, "", max(peak[0], memory), note)


# ---------------------------------------------------------------------------------- cluster


def cluster_case(n_links: int, large: int) -> Case:
    """Return the case of two Dask workers beside two threads, and of simulated clusters."""

    def case(arguments: Arguments) -> list[Row]:
        from distributed import Client, LocalCluster

        size = _QUICK_LINKS // 2 if arguments.quick else n_links
        with (
            tempfile.TemporaryDirectory() as folder,
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as workers,
            Client(workers) as client,
        ):
            opened = build(folder, size, False)
            first, second = opened.links()
            graph = chgraph.Graph.from_links(first, second, opened.n_nodes)
            options: dict[str, Any] = {"n_threads": 1, "client": client}
            there = chgraph.predict_links(graph, _K, **options)  # kernels are loaded
            here = chgraph.predict_links(graph, _K, n_threads=_THREADS)
            for part in ("source", "target", "score"):
                np.testing.assert_array_equal(getattr(here, part), getattr(there, part))
            path = chgraph.Graph.from_links([0, 1, 2], [1, 2, 3])
            fixed = median_seconds(partial(chgraph.predict_links, path, _K, **options), 5)
            ours, theirs = [], []
            for _ in range(1 if arguments.quick else 5):
                shared = partial(chgraph.predict_links, graph, _K, **options)
                theirs.append(seconds_once(shared))
                alone = partial(chgraph.predict_links, graph, _K, n_threads=_THREADS)
                ours.append(seconds_once(alone))
        ratio = float(np.median(np.array(theirs) / np.array(ours)))
        local = float(np.median(ours))
        note = f"same bits; takes {ratio:.2f} times as long as 2 threads"
        what = f"network, {size:,} links drawn, 2 Dask workers"
        lost = (local * (ratio - 1.0) - fixed) / _RUNS_A_WORKER
        rows = [
            Row(what, local * ratio, local, "2 threads", note=note),
            Row("network of 4 nodes, 2 Dask workers", fixed, note="what every call takes at least"),
        ]
        large_size = size if arguments.quick else large
        return rows + simulated(large_size, fixed, max(lost, _LEAST_LOST))

    return case


def simulated(n_links: int, fixed: float, lost: float) -> list[Row]:
    """Return rows of clusters that work on a network's runs; times from counted walks.

    Parameters
    ----------
    n_links : int
    fixed, lost : float
        Seconds that a call takes without any work, and every run beside its own, as measured
        with two real workers.
    """
    with tempfile.TemporaryDirectory() as folder:
        graph = build(folder, n_links, False)
        ready = ready_sources(graph, "CH3-L3", n_threads=1)
        each = sampled(ready, 1).each
        net_bytes = graph.offsets.nbytes + graph.neighbors.nbytes
        prepared = _prepared_bytes(ready)
    rng, rows = np.random.default_rng(0), []
    for n_workers in _WORKERS:
        bounds = run_bounds(ready.costs, _RUNS_A_WORKER * n_workers)
        walks = np.add.reduceat(ready.costs, bounds[:-1])
        times = walks * rng.choice(each, walks.size)
        sent = net_bytes * n_workers / _BYTES_A_SECOND
        span = sent + fixed + scheduled((times + lost).tolist(), n_workers)
        results = 24.0 * _K * min(times.size, 2 * n_workers)
        traffic = (net_bytes * n_workers + results) / 1e6
        note = f"simulated, {times.size} runs of {times.mean():.2g} s, {1e3 * lost:.1f} ms lost in "
        note += f"each; traffic {traffic:,.0f} MB"
        what = f"network, {n_links:,} links drawn: speed-up of {n_workers} workers over one"
        memory = (net_bytes + prepared + 32 * _K) / 1e6
        rows.append(Row(what, float(times.sum()) / span, None, "", memory, note, "times"))
    return rows


def scheduled(times: list[float], n_workers: int) -> float:
    """Return when the last of some tasks ends, each given to the next worker that is free."""
    free = [0.0] * n_workers
    for seconds in times:
        heapq.heappush(free, heapq.heappop(free) + seconds)
    return max(free)


def _prepared_bytes(ready: Any) -> int:
    return sum(part.nbytes for part in ready.net if isinstance(part, np.ndarray))


CASES: dict[str, Case] = {
    "network 10^5": size_case(100_000, bipartite=False, whole=True),
    "network 10^6": size_case(1_000_000, bipartite=False, whole=False),
    "network 10^7": size_case(10_000_000, bipartite=False, whole=False),
    "layer 10^5": size_case(100_000, bipartite=True, whole=True),
    "layer 10^6": size_case(1_000_000, bipartite=True, whole=True),
    "layer 10^7": size_case(10_000_000, bipartite=True, whole=False),
    "cluster": cluster_case(100_000, 1_000_000),
}


if __name__ == "__main__":
    run_cases("scale", CASES, quick=("network 10^5", "layer 10^5", "cluster"))
