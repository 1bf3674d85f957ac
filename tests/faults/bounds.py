"""Kernels that check every index: rules, rewiring and measures on random graphs."""

from __future__ import annotations

import os
import tempfile
import warnings
from typing import Any

import numpy as np

from tests.faults.counting import Count
from tests.faults.in_process import counted, main

GIGABYTES = 8.0


def _graphs(rng: np.random.Generator) -> tuple[Any, Any]:
    from chgraph import as_bipartite, as_graph

    n, m = (int(size) for size in rng.integers(1, 40, 2))
    layer = (rng.random((n, m)) < rng.choice([0.05, 0.3, 0.9])).astype(int)
    upper = np.triu((rng.random((n, n)) < rng.choice([0.05, 0.3, 0.9])).astype(int), 1)
    return as_bipartite(layer), as_graph(upper + upper.T)


def trials(n: int, seed: int) -> Count:
    """Make n calls in this process, which numba compiles with its check of bounds."""
    import chgraph
    from chgraph.jit import always_compiling
    from chgraph.linkpred import METHODS
    from chgraph.metrics import summary
    from chgraph.rewiring import regrow_links, removal_scores

    if os.environ.get("NUMBA_BOUNDSCHECK") != "1":
        raise RuntimeError("NUMBA_BOUNDSCHECK must be 1 before numba is imported")
    count, rng = Count("calls with bounds checked"), np.random.default_rng(seed)
    methods = [name for name in METHODS if name not in ("Katz", "SPM")]
    with always_compiling(), warnings.catch_warnings(action="ignore"):
        for i in range(n):
            layer, graph = _graphs(rng)
            method = methods[i % len(methods)]
            for one in (layer, graph):
                try:
                    chgraph.predict_links(one, int(rng.integers(1, 60)), method=method)
                except (ValueError, TypeError):  # not defined for this kind of network
                    count.refuse()
                except Exception as error:
                    count.fail(f"{method}: {type(error).__name__}: {str(error)[:150]}")
                else:
                    count.survive()
            if i % 20 == 0:
                try:
                    summary(graph, rng=0)
                    removal_scores(layer, rng.normal(size=layer.n_links), method="RI")
                    regrow_links(layer, 3, method="CH3-L3", rng=0)
                except (ValueError, TypeError):
                    count.refuse()
                except Exception as error:
                    count.fail(f"measures, rewiring: {type(error).__name__}: {str(error)[:150]}")
                else:
                    count.survive()
    return count


def campaign(n: int, seed: int) -> Count:
    """Make n calls in a process of its own, with a cache of kernels of its own."""
    with tempfile.TemporaryDirectory() as cache:
        return counted(
            "tests.faults.bounds",
            n,
            seed,
            name="calls with bounds checked",
            timeout=3600.0,
            NUMBA_BOUNDSCHECK="1",
            NUMBA_CACHE_DIR=cache,
        )


if __name__ == "__main__":
    main(trials, GIGABYTES)
