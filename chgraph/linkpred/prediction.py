"""The result of link prediction: a ranked list of pairs that prints, iterates and saves."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import scipy.sparse

from chgraph.extras import import_extra
from chgraph.graph import BipartiteGraph, Graph
from chgraph.storage import write_atomically

if TYPE_CHECKING:
    import networkx
    import pandas

_SHOWN = 10


@dataclass(frozen=True, eq=False, repr=False)
class LinkPrediction:
    """Predicted links, best first.

    Attributes
    ----------
    source, target : ndarray of int64
        Node numbers; left and right ones of a bipartite network.
    score : ndarray of float64
    method : str
    graph : Graph or BipartiteGraph
        The network predicted on, which knows the node names.
    details : dict
        Of the adaptive methods: "selected" (the rule) and "aupr_bounds", between which the AUPR
        of each candidate lies; :func:`chgraph.linkpred.adaptive.adaptive_scores` has the AUPRs.

    Examples
    --------
    >>> import networkx
    >>> import chgraph
    >>> path = networkx.path_graph(["a", "b", "c", "d"])
    >>> [(u, v, float(score)) for u, v, score in chgraph.predict_links(path)]
    [('a', 'd', 1.0)]
    """

    source: np.ndarray
    target: np.ndarray
    score: np.ndarray
    method: str
    graph: Graph | BipartiteGraph
    details: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.score.size)

    def __iter__(self) -> Iterator[tuple[Hashable, Hashable, float]]:
        """Yield (u, v, score) with the input's own node names."""
        sources, targets = self.names()
        yield from zip(sources, targets, self.score.tolist(), strict=True)

    @overload
    def __getitem__(self, which: int) -> tuple[Hashable, Hashable, float]: ...

    @overload
    def __getitem__(self, which: slice) -> LinkPrediction: ...

    def __getitem__(self, which: int | slice) -> tuple[Hashable, Hashable, float] | LinkPrediction:
        """Return (u, v, score) of one place, or the predictions of a slice."""
        if isinstance(which, slice):
            source, target, score = self.source[which], self.target[which], self.score[which]
            return LinkPrediction(source, target, score, self.method, self.graph, self.details)
        place = range(len(self))[which]
        (u,), (v,) = self[place : place + 1].names()
        return u, v, float(self.score[place])

    def names(self) -> tuple[list[Hashable], list[Hashable]]:
        """Return the names (or numbers) of all sources and of all targets."""
        of_sources, of_targets = self.graph.end_names
        return _named(self.source, of_sources), _named(self.target, of_targets)

    def __repr__(self) -> str:
        """Return the first ten links as a table."""
        links = "1 link" if len(self) == 1 else f"{len(self):,} links"
        chosen = f" (chose {self.details['selected']})" if "selected" in self.details else ""
        sources, targets = self[:_SHOWN].names()
        rows = [("source", "target", "score")]
        rows += [
            (str(u), str(v), f"{score:.6g}")
            for u, v, score in zip(sources, targets, self.score[:_SHOWN].tolist(), strict=True)
        ]
        width = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [
            "  ".join(cell.rjust(w) for cell, w in zip(row, width, strict=True)) for row in rows
        ]
        if len(self) > _SHOWN:
            lines.append("...")
        return "\n".join([f"{links} predicted by {self.method}{chosen}", *lines])

    def to_dict(self) -> dict[str, Any]:
        """Return method, details and links as JSON-ready values."""
        sources, targets = self.names()
        return {
            "method": self.method,
            **self.details,
            "links": [
                {"source": _plain(u), "target": _plain(v), "score": score}
                for u, v, score in zip(sources, targets, self.score.tolist(), strict=True)
            ],
        }

    def to_frame(self) -> pandas.DataFrame:
        """Return a pandas table with the columns source, target, score (extra ``frames``)."""
        frames = import_extra("pandas", extra="frames", used_by="to_frame")
        sources, targets = self.names()
        return frames.DataFrame({"source": sources, "target": targets, "score": self.score})

    def to_csr(self) -> scipy.sparse.csr_array:
        """Return the scores as a matrix of the network's shape, symmetric if of one kind of node.

        Examples
        --------
        >>> import chgraph
        >>> chgraph.predict_links([(0, 1), (1, 2), (2, 3)]).to_csr()[0, 3]
        np.float64(1.0)
        """
        rows, columns, scores = self.source, self.target, self.score
        if not self.graph.is_bipartite:
            rows, columns = np.append(rows, self.target), np.append(columns, self.source)
            scores = np.append(scores, self.score)
        return scipy.sparse.coo_array((scores, (rows, columns)), self.graph.shape).tocsr()

    def to_networkx(self) -> networkx.Graph:
        """Return a networkx graph of all nodes with the predicted links alone.

        Each link has its score as the attribute ``score``.
        """
        result = self.graph.keep_links([]).to_networkx()
        names = list(result)
        columns = self.source, self.target + self.graph.first_target, self.score
        for u, v, score in zip(*(column.tolist() for column in columns), strict=True):
            result.add_edge(names[u], names[v], score=score)
        return result

    def to_csv(self, path: str | Path) -> Path:
        """Write source, target, score with a header line, atomically."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(("source", "target", "score"))
        writer.writerows((u, v, repr(score)) for u, v, score in self)
        return write_atomically(Path(path), text.getvalue().encode())

    def to_json(self, path: str | Path) -> Path:
        """Write :meth:`to_dict` as JSON, atomically."""
        return write_atomically(Path(path), (json.dumps(self.to_dict(), indent=1) + "\n").encode())


def _named(nodes: np.ndarray, names: Sequence[Hashable] | None) -> list[Any]:
    return nodes.tolist() if names is None else [names[i] for i in nodes.tolist()]


def _plain(name: Any) -> str | int | float:
    """Return a node name that JSON can hold."""
    if isinstance(name, Integral) and not isinstance(name, bool):
        return int(name)
    return name if isinstance(name, str | float) else str(name)
