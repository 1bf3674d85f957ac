"""All measures of a graph in one call."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chgraph._progress import check_progress, progress_bar
from chgraph._tables import aligned
from chgraph.checks import as_generator, check_choice
from chgraph.cluster import GraphOnWorkers, Job, check_client
from chgraph.extras import import_extra
from chgraph.graph import BipartiteGraph, Graph, as_network
from chgraph.metrics._workspace import Workspace
from chgraph.metrics.estimate import Estimate
from chgraph.metrics.registry import MEASURES, Measure
from chgraph.metrics.undefined import Undefined
from chgraph.storage import write_atomically
from chgraph.threads import thread_limit

if TYPE_CHECKING:
    import pandas

COSTS = ("fast", "all")


@dataclass(frozen=True, eq=False, repr=False)
class Summary(Mapping[str, float]):
    """What :func:`summary` found: name -> value, in a fixed order. Printing shows a table.

    Attributes
    ----------
    graph : Graph or BipartiteGraph
    cost : {"fast", "all"}
    estimates : dict of str to Estimate
        The measures that were estimated from random draws, with their spread.
    reasons : dict of str to str
        Why a measure is NaN, for each that is.

    Examples
    --------
    >>> import chgraph
    >>> club = chgraph.metrics.summary(chgraph.datasets.load("karate"), cost="fast")
    >>> round(club["clustering"], 3)
    0.571
    >>> len(club) == len(list(club))
    True
    """

    graph: Graph | BipartiteGraph
    cost: str
    estimates: dict[str, Estimate]
    reasons: dict[str, str]
    _values: dict[str, float]

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def meanings(self) -> dict[str, str]:
        """A line of meaning per measure."""
        return {measure.name: measure.meaning for measure in MEASURES if measure.name in self}

    @property
    def errors(self) -> dict[str, float]:
        """The standard errors of the estimates that are defined."""
        return {n: e.error for n, e in self.estimates.items() if not math.isnan(e.error)}

    def __repr__(self) -> str:
        """Return the table."""
        reasons, meanings, errors = self.reasons, self.meanings, self.errors
        rows = [("measure", "value", "meaning")]
        for name, value in self.items():
            note = f" (none: {reasons[name]})" if name in reasons else ""
            rows.append((name, _cell(value, errors.get(name)), meanings[name] + note))
        return "\n".join([repr(self.graph), *aligned(rows, left=(0, 2))])

    def to_dict(self) -> dict[str, float | None]:
        """Return name -> value as JSON-ready values, None for NaN."""
        return {name: None if math.isnan(v) else v for name, v in self.items()}

    def document(self) -> dict[str, Any]:
        """Return all there is to tell as JSON-ready values."""
        return {
            "network": repr(self.graph),
            "cost": self.cost,
            "measures": self.to_dict(),
            "error": self.errors,
            "undefined": self.reasons,
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return a dictionary per measure: measure, value, error, meaning, reason."""
        errors, meanings = self.errors, self.meanings
        return [
            {
                "measure": name,
                "value": value,
                "error": errors.get(name),
                "meaning": meanings[name],
                "reason": self.reasons.get(name),
            }
            for name, value in self.items()
        ]

    def to_frame(self) -> pandas.DataFrame:
        """Return :meth:`rows` as a pandas table (extra ``frames``)."""
        frames = import_extra("pandas", extra="frames", used_by="to_frame")
        return frames.DataFrame(self.rows())

    def to_csv(self, path: str | Path) -> Path:
        """Write :meth:`rows` with a header line, atomically."""
        text = io.StringIO()
        rows = self.rows()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        return write_atomically(Path(path), text.getvalue().encode())

    def to_json(self, path: str | Path) -> Path:
        """Write :meth:`document` as JSON, atomically."""
        return write_atomically(Path(path), (json.dumps(self.document(), indent=1) + "\n").encode())


def summary(
    graph: Any,
    *,
    cost: str = "fast",
    bipartite: bool | None = None,
    rng: Any = None,
    progress: bool | None = None,
    client: Any = None,
) -> Summary:
    """Return all measures of a graph; what several of them need is computed once.

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        A rectangular matrix is a layer, a square symmetric one is a network of one kind of
        node.
    cost : {"fast", "all"}
        "all" adds the measures that compare with many random graphs or samples.
    bipartite : bool, optional
        Say so for a square layer, or for a networkx or igraph graph with sides.
    rng : int, numpy Generator or None
        Seed or generator. Each measure has a stream of its own, so that its value does not
        depend on which others are computed.
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal or in a notebook.
    client : dask.distributed.Client, optional
        Have the measures that ``cost="all"`` adds worked out by the workers of a Dask cluster
        (extra ``dask``), those that share random graphs by one; the values are the same.

    Returns
    -------
    Summary
        A mapping name -> value. A measure that the graph does not have (of an empty graph,
        of one without links, ...) is NaN, and ``summary(graph).reasons`` says why.

    Raises
    ------
    TypeError
        If `graph` is not a network or an argument is of the wrong kind.
    ValueError
        If `cost` is none of these, the graph cannot be read, or there is a `client` but
        nothing for it to do; before any work.

    Examples
    --------
    >>> result = summary([[1, 1, 0], [0, 1, 1]], rng=0)
    >>> result["n_links"], result["characteristic_path_length"]
    (4, 2.0)
    >>> result.reasons
    {}
    """
    network = as_network(graph, bipartite)
    check_choice("cost", cost, COSTS)
    check_progress(progress)
    entropy = int(as_generator(rng).integers(2**63))
    chosen = [m for m in MEASURES if m.suits(network) and (cost == "all" or m.cost == "fast")]
    if client is not None and cost == "fast":
        raise ValueError('client works out what cost="all" adds; with cost="fast" it has no part')
    away = [] if client is None else [m for m in chosen if m.cost != "fast"]
    found: dict[str, float | Estimate] = {}
    with progress_bar(len(chosen), progress) as bar:
        if away:
            for values in _by_cluster(check_client(client), network, away, entropy):
                found |= values
                bar.update(len(values))
        work = Workspace(network)
        for measure in chosen:
            if measure.name not in found:
                bar.set_description(measure.name, refresh=False)
                found[measure.name] = measure.of(work, entropy)
                bar.update()
    found = {measure.name: found[measure.name] for measure in chosen}
    estimates = {name: v for name, v in found.items() if isinstance(v, Estimate)}
    reasons = {name: _reason(v) for name, v in found.items() if math.isnan(v)}
    return Summary(network, cost, estimates, reasons, {n: _number(v) for n, v in found.items()})


def _by_cluster(
    client: Any, network: Graph | BipartiteGraph, measures: list[Measure], entropy: int
) -> Iterator[dict[str, float | Estimate]]:
    """Yield the values of measures, those of one stream together, as workers have them."""
    streams: dict[str, list[str]] = {}
    for measure in measures:
        streams.setdefault(measure.stream or measure.name, []).append(measure.name)
    calls = ((_values_on_worker, (names, entropy)) for names in streams.values())
    with Job(client, "summary", GraphOnWorkers(client, network)) as job:
        for _, values in job.completed(calls):
            yield values


def _values_on_worker(
    on_worker: GraphOnWorkers, names: list[str], entropy: int
) -> dict[str, float | Estimate]:
    work = Workspace(on_worker.graph)
    with thread_limit(1):
        return {m.name: m.of(work, entropy) for m in MEASURES if m.name in names}


def _reason(value: float | Estimate) -> str:
    known = value.reason if isinstance(value, Undefined | Estimate) else ""
    return known or "not a number"


def _number(value: float | Estimate) -> float:
    return value if isinstance(value, int) else float(value)


def _cell(value: float, error: float | None) -> str:
    if math.isnan(value):
        return "-"
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.5g}"
    return text if error is None else f"{text} ± {error:.2g}"
