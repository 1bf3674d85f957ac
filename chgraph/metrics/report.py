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

from chgraph._checks import as_generator, check_choice
from chgraph._files import write_atomically
from chgraph._progress import check_progress, progress_bar
from chgraph._tables import aligned
from chgraph.graph import BipartiteGraph, Graph, as_network
from chgraph.metrics._workspace import Workspace
from chgraph.metrics.registry import MEASURES
from chgraph.metrics.values import Estimate, Undefined

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
    values_by_name : dict
        Numbers, :class:`Estimate` or :class:`Undefined`.
    """

    graph: Graph | BipartiteGraph
    cost: str
    values_by_name: dict[str, float]

    def __getitem__(self, name: str) -> float:
        return self.values_by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)

    @property
    def meanings(self) -> dict[str, str]:
        """A line of meaning per measure."""
        return {measure.name: measure.meaning for measure in MEASURES if measure.name in self}

    @property
    def spreads(self) -> dict[str, float]:
        """The standard errors of the measures that are found by chance."""
        return {name: v.spread for name, v in self.items() if isinstance(v, Estimate)}

    @property
    def reasons(self) -> dict[str, str]:
        """Why a measure is NaN, for each that is."""
        return {
            name: v.reason if isinstance(v, Undefined) else "not a number"
            for name, v in self.items()
            if math.isnan(v)
        }

    def __repr__(self) -> str:
        """Return the table."""
        reasons, meanings = self.reasons, self.meanings
        rows = [("measure", "value", "meaning")]
        for name, value in self.items():
            note = f" (none: {reasons[name]})" if name in reasons else ""
            rows.append((name, _cell(value), meanings[name] + note))
        return "\n".join([repr(self.graph), *aligned(rows, left=(0, 2))])

    def to_dict(self) -> dict[str, float | None]:
        """Return name -> value as JSON-ready values, None for NaN."""
        return {name: None if math.isnan(v) else _plain(v) for name, v in self.items()}

    def document(self) -> dict[str, Any]:
        """Return all there is to tell as JSON-ready values."""
        return {
            "network": repr(self.graph),
            "cost": self.cost,
            "measures": self.to_dict(),
            "spread": self.spreads,
            "undefined": self.reasons,
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return a dictionary per measure: measure, value, spread, meaning, reason."""
        spreads, reasons, meanings = self.spreads, self.reasons, self.meanings
        return [
            {
                "measure": name,
                "value": _plain(value),
                "spread": spreads.get(name),
                "meaning": meanings[name],
                "reason": reasons.get(name),
            }
            for name, value in self.items()
        ]

    def to_frame(self) -> pandas.DataFrame:
        """Return :meth:`rows` as a pandas table (extra ``frames``)."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("to_frame needs pandas: pip install 'chsnn[frames]'") from error
        return pandas.DataFrame(self.rows())

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

    Returns
    -------
    Summary
        A mapping name -> value. A measure that the graph does not have (of an empty graph,
        of one without links, ...) is NaN, and ``summary(graph).reasons`` says why.

    Raises
    ------
    TypeError
        If `graph` is no network or an argument is of the wrong kind.
    ValueError
        If `cost` is none of these, or the graph cannot be read; before any work.

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
    work, values = Workspace(network), {}
    with progress_bar(len(chosen), progress) as bar:
        for measure in chosen:
            bar.set_description(measure.name, refresh=False)
            values[measure.name] = measure.of(work, entropy)
            bar.update()
    return Summary(network, cost, values)


def _plain(value: float) -> float:
    return value if isinstance(value, int) else float(value)


def _cell(value: float) -> str:
    if math.isnan(value):
        return "-"
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.5g}"
    return f"{text} ± {value.spread:.2g}" if isinstance(value, Estimate) else text
