"""How well do methods find removed links? Remove, predict, measure, repeat."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from tqdm.auto import tqdm

from chgraph._progress import check_progress, progress_bar
from chgraph._tables import aligned
from chgraph.checks import as_generator, check_choice, check_flag, check_positive_int, check_real
from chgraph.cluster import GraphOnWorkers, Job, check_client
from chgraph.extras import import_extra
from chgraph.graph import BipartiteGraph, Graph, as_network
from chgraph.linkpred._chance import expected_by_chance
from chgraph.linkpred._pairs import Progress
from chgraph.linkpred._trials import (
    Trial,
    drawn_links,
    n_outside_forest,
    rank_unlinked,
    without_links,
)
from chgraph.linkpred.measures import measure_all
from chgraph.linkpred.methods import LOCAL_COMMUNITIES, check_method
from chgraph.storage import write_atomically
from chgraph.threads import check_limit, thread_limit

if TYPE_CHECKING:
    import pandas


class Spread(NamedTuple):
    """Mean and standard deviation (n - 1; NaN for one repeat) of a measure over the repeats."""

    mean: float
    sd: float


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """What :func:`evaluate` found. Printing shows mean and spread per method.

    :func:`chgraph.plotting.evaluation_points` draws it.

    Attributes
    ----------
    rows : tuple of dict
        One per repeat and method: "method", "repeat", the measures by name, "seconds".
    settings : dict
        "network", "links", "removed", "repeats", "connected", "local_community", "k";
        "random": the measures of a random ranking, on average.

    Examples
    --------
    >>> import chgraph
    >>> club = chgraph.datasets.load("karate")
    >>> found = chgraph.linkpred.evaluate(club, methods=["CH3-L3", "CN"], repeats=3, rng=0)
    >>> found.methods
    ('CH3-L3', 'CN')
    >>> found.values("CH3-L3", "precision").shape
    (3,)
    """

    rows: tuple[dict[str, Any], ...]
    settings: dict[str, Any]

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods, in the order asked for."""
        return tuple(dict.fromkeys(row["method"] for row in self.rows))

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures, without "seconds"."""
        return tuple(key for key in self.rows[0] if key not in ("method", "repeat", "seconds"))

    def values(self, method: str, measure: str) -> np.ndarray:
        """Return one measure (or "seconds") of one method, a float64 per repeat."""
        check_choice("method", method, self.methods)
        check_choice("measure", measure, (*self.measures, "seconds"))
        return np.array([row[measure] for row in self.rows if row["method"] == method])

    def table(self) -> dict[str, dict[str, Spread]]:
        """Return mean and standard deviation of every measure, ``table()[method][measure]``."""
        return {
            method: {
                measure: _spread(self.values(method, measure))
                for measure in (*self.measures, "seconds")
            }
            for method in self.methods
        }

    def __repr__(self) -> str:
        """Return the table of means and spreads, the best of each column marked."""
        table, columns = self.table(), (*self.measures, "seconds")
        best = {
            column: (min if column == "seconds" else max)(
                row[column].mean for row in table.values()
            )
            for column in columns
        }
        lines = [["method", *columns]]
        lines += [
            [method, *(_cell(row[column], column, best[column]) for column in columns)]
            for method, row in table.items()
        ]
        about = self.settings
        repeats = "1 repeat" if about["repeats"] == 1 else f"{about['repeats']} repeats"
        spread = "" if about["repeats"] == 1 else f"mean±standard deviation over {repeats}; "
        kept = ", components kept connected" if about["connected"] else ""
        return "\n".join(
            [
                f"{about['removed']:,} of {about['links']:,} links of {about['network']} "
                f"removed{kept}, {repeats}",
                *aligned(lines),
                f"{spread}* best of the column",
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return settings, summary and rows as JSON-ready values."""
        summary = {
            method: {
                measure: {"mean": mean, "sd": None if math.isnan(sd) else sd}
                for measure, (mean, sd) in row.items()
            }
            for method, row in self.table().items()
        }
        return {**self.settings, "summary": summary, "rows": list(self.rows)}

    def to_frame(self) -> pandas.DataFrame:
        """Return the rows as a pandas table (extra ``frames``)."""
        frames = import_extra("pandas", extra="frames", used_by="to_frame")
        return frames.DataFrame(list(self.rows))

    def to_csv(self, path: str | Path) -> Path:
        """Write the rows with a header line, atomically."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(self.rows[0]))
        writer.writeheader()
        writer.writerows(self.rows)
        return write_atomically(Path(path), text.getvalue().encode())

    def to_json(self, path: str | Path) -> Path:
        """Write :meth:`to_dict` as JSON, atomically."""
        return write_atomically(Path(path), (json.dumps(self.to_dict(), indent=1) + "\n").encode())


def evaluate(
    adj: Any,
    *,
    methods: Iterable[str] = ("CH3-L3", "CH2-L3", "RA-L3"),
    removed: float = 0.1,
    repeats: int = 10,
    rng: Any = None,
    connected: bool = False,
    bipartite: bool | None = None,
    k: int = 100,
    local_community: str = "all",
    n_threads: int | None = None,
    progress: bool | None = None,
    client: Any = None,
) -> Evaluation:
    """Measure how well methods of link prediction find links that were removed.

    Each repeat removes ``round(removed * links)`` links at random, the same for every
    method, and ranks all pairs that are then unlinked. Positives are the removed links,
    negatives the pairs that are unlinked in the full network.

    Parameters
    ----------
    adj : array_like, scipy sparse, networkx.Graph, igraph.Graph, Graph or BipartiteGraph
        The network, as :func:`chgraph.predict_links` takes it.
    methods : iterable of str
        Distinct keys of :data:`chgraph.METHODS`.
    removed : float
        Fraction of the links to remove, in [0, 1).
    repeats : int
    rng : int or numpy Generator, optional
        Seed of the removals. The same seed gives the same result, but for the seconds, at
        any number of threads.
    connected : bool
        Never remove links of a spanning forest, drawn afresh for each repeat by random
        link weights, so that every connected component stays in one piece.
    bipartite : bool, optional
        Say so for a square layer, or for a networkx or igraph graph with sides.
    k : int
        Depth of AUP@k. It is not lowered where fewer links are removed.
    local_community : {"all", "on-path"}
        As in :func:`chgraph.predict_links`.
    n_threads : int, optional
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal or in a notebook.
    client : dask.distributed.Client, optional
        Have each repeat of each method done by a worker of a Dask cluster (extra ``dask``), on
        `n_threads` threads, 1 by default; the measures have the same bits.

    Returns
    -------
    Evaluation
        Precision (at P), AUC-PR, AUC-ROC, AUC-mROC, AUP@k, NDCG and MCC as
        :mod:`chgraph.linkpred.measures` defines them, and the seconds to score all unlinked
        pairs (the first use of a method in a new installation includes compiling).

    Raises
    ------
    TypeError
        If `adj` is not a network or an argument is of the wrong kind.
    ValueError
        If an argument is out of range, a method does not serve this kind of network, or
        there are too few links that can be removed; all before any work.

    Notes
    -----
    Memory is about 100 bytes for each pair that scores above 0; pairs that score 0 are
    counted and not listed.

    Examples
    --------
    >>> import networkx
    >>> karate = networkx.to_numpy_array(networkx.karate_club_graph(), weight=None)
    >>> result = evaluate(karate, methods=["CH3-L3", "RA-L3"], repeats=2, rng=1)
    >>> result.measures
    ('precision', 'AUC-PR', 'AUC-ROC', 'AUC-mROC', 'AUP@100', 'NDCG', 'MCC')
    >>> bool(result.table()["CH3-L3"]["AUC-ROC"].mean > 0.5)
    True
    """
    graph = as_network(adj, bipartite)
    methods = _checked_methods(graph, methods, local_community)
    repeats, k = check_positive_int("repeats", repeats), check_positive_int("k", k)
    connected = check_flag("connected", connected)
    n_threads = check_limit(n_threads)
    check_progress(progress)
    n_removed = _n_removed(graph, removed, connected)
    generator = as_generator(rng)
    drawn = (drawn_links(graph, n_removed, connected, generator) for _ in range(repeats))
    options: dict[str, Any] = {"local_community": local_community, "n_threads": n_threads}
    measured = _measured_here if client is None else partial(_measured_by, check_client(client))
    with progress_bar(len(methods) * repeats, progress) as bar:
        rows = measured(graph, drawn, methods, k, options, bar)
    settings = {
        "network": repr(graph),
        "links": graph.n_links,
        "removed": n_removed,
        "repeats": repeats,
        "connected": bool(connected),
        "local_community": local_community,
        "k": k,
        "random": expected_by_chance(n_removed, graph.n_pairs - graph.n_links + n_removed, k),
    }
    return Evaluation(tuple(rows), settings)


# ------------------------------------------------------------------------------ trials


def _measured_here(
    graph: Graph | BipartiteGraph,
    drawn: Iterator[np.ndarray],
    methods: tuple[str, ...],
    k: int,
    options: dict[str, Any],
    bar: tqdm,
) -> list[dict[str, Any]]:
    """Return the rows of all repeats and methods."""
    rows: list[dict[str, Any]] = []
    for repeat, links in enumerate(drawn):
        trial = without_links(graph, links)
        for method in methods:
            of_all = f"{repeat + 1} of {int(bar.total or 0) // len(methods)}"
            bar.set_description(f"{method}, repeat {of_all}", refresh=False)
            told = _within_task(bar, len(rows))
            found = _measured(trial, method, k, {**options, "progress": told})
            rows.append({"method": method, "repeat": repeat, **found})
            bar.update(len(rows) - bar.n)
    return rows


def _measured_by(
    client: Any,
    graph: Graph | BipartiteGraph,
    drawn: Iterator[np.ndarray],
    methods: tuple[str, ...],
    k: int,
    options: dict[str, Any],
    bar: tqdm,
) -> list[dict[str, Any]]:
    """Return the rows of all repeats and methods, each worked out by a worker."""
    options = {**options, "n_threads": options["n_threads"] or 1}
    rows: dict[int, dict[str, Any]] = {}
    calls = (
        (_measured_on_worker, (links, method, k, options)) for links in drawn for method in methods
    )
    with Job(client, "evaluate", GraphOnWorkers(client, graph)) as job:
        for number, found in job.completed(calls):
            repeat, place = divmod(number, len(methods))
            rows[number] = {"method": methods[place], "repeat": repeat, **found}
            bar.update()
    return [rows[number] for number in sorted(rows)]


def _measured_on_worker(
    on_worker: GraphOnWorkers, links: np.ndarray, method: str, k: int, options: dict[str, Any]
) -> dict[str, float]:
    with thread_limit(options["n_threads"]):
        return _measured(without_links(on_worker.graph, links), method, k, options)


def _measured(trial: Trial, method: str, k: int, options: dict[str, Any]) -> dict[str, float]:
    ranking, seconds = rank_unlinked(trial, method, **options)
    return {**measure_all(ranking, k), "seconds": seconds}


# ------------------------------------------------------------------------ validation


def _checked_methods(
    graph: Graph | BipartiteGraph, methods: Any, local_community: str
) -> tuple[str, ...]:
    if isinstance(methods, str) or not isinstance(methods, Iterable):
        raise TypeError(f"methods must be a sequence of names such as ('CH3-L3',), got {methods!r}")
    names = tuple(methods)
    if not names or len(set(names)) != len(names):
        raise ValueError(f"methods must hold at least one name and none twice, got {names!r}")
    check_choice("local_community", local_community, LOCAL_COMMUNITIES)
    return tuple(check_method(graph, name) for name in names)


def _n_removed(graph: Graph | BipartiteGraph, removed: Any, connected: bool) -> int:
    """Return how many links to remove, or raise if there are not so many to be had."""
    note = " (a fraction of the links)"
    removed = check_real("removed", removed, minimum=0.0, below=1.0, note=note)
    n_links, n_removed = graph.n_links, round(removed * graph.n_links)
    if not 1 <= n_removed < n_links:
        raise ValueError(
            f"removed must take at least one link and leave at least one; {removed!r} of "
            f"{n_links} links is {n_removed}"
        )
    if n_links == graph.n_pairs:
        raise ValueError("adj must have an unlinked pair: a complete network has no negatives")
    available = n_outside_forest(graph) if connected else n_links
    if n_removed > available:
        raise ValueError(
            f"removed={removed!r} is {n_removed} links, but connected=True leaves only "
            f"{available} of the {n_links} links to remove; lower removed"
        )
    return n_removed


# ---------------------------------------------------------------------- presentation


def _within_task(bar: tqdm, done: int) -> Progress:
    """Return a function that moves the bar on by a fraction of a task, never past its end."""

    def told(fraction: float) -> None:
        bar.update(max(0.0, min(fraction, done + 1 - bar.n)))

    return told


def _spread(values: np.ndarray) -> Spread:
    sd = float(np.std(values, ddof=1)) if values.size > 1 else math.nan
    return Spread(float(np.mean(values)), sd)


def _cell(value: Spread, column: str, best: float) -> str:
    mark = "*" if value.mean == best else " "
    if column == "seconds":
        return f"{value.mean:.3g}{mark}"
    return f"{value.mean:.3f}" + ("" if math.isnan(value.sd) else f"±{value.sd:.3f}") + mark
