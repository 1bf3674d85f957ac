"""Networks whose nodes have attributes (GraphML, GEXF, GML): names, sides, links, weights."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chgraph.files.links import Result, one_kind, two_sides


@dataclass
class NamedNetwork:
    """What a file says, before it is a graph.

    Attributes
    ----------
    nodes : dict
        Attributes of the nodes by their ids, in the order of the file.
    links : list of tuple
        Ids of the two ends.
    directed, weighted : bool
        Whether a link has a direction, or a weight other than 1.
    """

    nodes: dict[Hashable, dict[str, Any]] = field(default_factory=dict)
    links: list[tuple[Hashable, Hashable]] = field(default_factory=list)
    directed: bool = False
    weighted: bool = False

    def graph(self, bipartite: bool | None, ignore_directions: bool, name: str | None) -> Result:
        """Return the graph, nodes named by the attribute `name` where all have different ones.

        Raises
        ------
        ValueError
            If there are no links, a side is missing, a name is NaN or the network is directed.
        """
        if not self.links:
            raise ValueError("holds no links")
        notes = self._declare()
        names = self._names(name)
        number = {node: i for i, node in enumerate(self.nodes)}
        ends = np.array([(number[u], number[v]) for u, v in self.links], dtype=np.int64)
        directed = self.directed and not ignore_directions
        if bipartite:
            if directed:
                one_kind(ends, len(names), directed=True)  # refuses what is directed
            graph, more = self._two_sides(ends, names)
        else:
            graph, more = one_kind(ends, names, directed=directed)
        return graph, [*notes, *more, *["1 weight attribute is ignored"] * self.weighted]

    def _declare(self) -> list[str]:
        """Add the nodes that only links name."""
        missing = dict.fromkeys(n for link in self.links for n in link if n not in self.nodes)
        self.nodes.update({node: {} for node in missing})
        if not missing:
            return []
        return [
            f"{len(missing)} nodes stand in links alone, as {reprlib.repr(next(iter(missing)))}"
        ]

    def _names(self, attribute: str | None) -> list[Hashable]:
        names: list[Hashable] = list(self.nodes)
        if attribute is not None:
            given = [values.get(attribute) for values in self.nodes.values()]
            if None not in given and len(set(given)) == len(given):
                names = list(given)
        for node, name in zip(self.nodes, names, strict=True):
            if isinstance(name, float) and not math.isfinite(name):
                raise ValueError(f"the name of node {node!r} must be finite, got {name}")
        return names

    def _two_sides(self, ends: np.ndarray, names: list[Hashable]) -> Result:
        attribute = "bipartite"
        sides = [values.get(attribute) for values in self.nodes.values()]
        types = [values.get("type") for values in self.nodes.values()]  # igraph's
        if all(_side(value) >= 0 for value in types):
            sides = [t if s is None else s for s, t in zip(sides, types, strict=True)]
        for name, value in zip(names, sides, strict=True):
            if _side(value) < 0:
                raise ValueError(
                    f"every node needs the attribute {attribute!r} of 0 (left) or 1 (right); "
                    f"node {name!r} has {value!r}"
                )
        is_right = np.array([_side(value) for value in sides], dtype=bool)
        within = np.flatnonzero(is_right[ends[:, 0]] == is_right[ends[:, 1]])
        if within.size:
            u, v = (names[i] for i in ends[within[0]])
            raise ValueError(f"link ({u!r}, {v!r}) joins two nodes of one side; see {attribute!r}")
        place = np.where(is_right, np.cumsum(is_right), np.cumsum(~is_right)) - 1
        ends = np.where(is_right[ends[:, :1]], ends[:, ::-1], ends)
        left = [name for name, right in zip(names, is_right, strict=True) if not right]
        right = [name for name, right in zip(names, is_right, strict=True) if right]
        return two_sides(place[ends], left, right)


def _side(value: Any) -> int:
    """Return 0 or 1, or -1 for what is not a side."""
    if isinstance(value, str):
        return {"0": 0, "1": 1}.get(value, -1)
    return int(value) if isinstance(value, int | float) and value in (0, 1) else -1
