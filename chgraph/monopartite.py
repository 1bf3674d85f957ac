"""The undirected network of one kind of node: immutable, a sorted neighbor list per node."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse

from chgraph import _interop
from chgraph._containers import node_numbers
from chgraph._folders import save_graph
from chgraph._neighbor_lists import (
    MAX_NODES,
    Names,
    by_falling_degree,
    find_slots,
    frozen_state,
    node_array,
    node_names,
    offsets_of,
    read_matrix,
    state_in_memory,
    warn_of_input,
)
from chgraph.checks import check_count
from chgraph.jit import frozen

if TYPE_CHECKING:
    import igraph
    import networkx


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """A simple undirected graph stored as compressed neighbor lists.

    Build one with :meth:`from_adjacency`, :meth:`from_links`, :meth:`from_networkx`,
    :meth:`from_igraph`, or let :func:`chgraph.as_graph` choose.

    Attributes
    ----------
    n_nodes : int
    offsets, neighbors : ndarray
        ``neighbors[offsets[u]:offsets[u + 1]]`` (int32, ascending) are the neighbors of
        node `u`; every link stands twice. Offsets are int64.
    names : tuple or None
        Names of the nodes where the source had them.
    hubs_first : tuple of ndarray, or None
        Offsets and neighbors of the same network with its nodes renumbered by falling degree,
        and their numbers here: what link prediction reads, where it lies in a file already.
    folder : Path or None
        Whose files the arrays are maps of (:func:`chgraph.open_graph`); None in memory.

    Examples
    --------
    >>> path = Graph.from_links([0, 1, 2], [1, 2, 3])
    >>> path
    Graph(4 nodes, 3 links, density 0.5)
    >>> path.degree
    array([1, 2, 2, 1])
    """

    n_nodes: int
    offsets: np.ndarray
    neighbors: np.ndarray
    names: tuple[Hashable, ...] | None = None
    hubs_first: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    folder: Path | None = None

    # ---------------------------------------------------------------- construction

    @classmethod
    def from_links(
        cls, first: Any, second: Any, n_nodes: int | None = None, *, names: Names = None
    ) -> Graph:
        """Build a graph from the two end nodes of every link.

        Parameters
        ----------
        first, second : array_like of int, shape (n_links,)
            End nodes, in any order.
        n_nodes : int, optional
            Number of nodes; one more than the largest end node by default.
        names : sequence of hashable, optional
            One distinct name per node.

        Raises
        ------
        ValueError
            If lengths differ, a node is out of range, a link joins a node to itself, or a
            link stands twice (in either direction).
        """
        if n_nodes is None:
            ends = [np.max(nodes) for nodes in (first, second) if np.size(nodes)]
            n_nodes = int(max(ends)) + 1 if ends else 0
        n_nodes = check_count("n_nodes", n_nodes)
        if n_nodes > MAX_NODES:
            raise ValueError(f"n_nodes must be at most {MAX_NODES}, got {n_nodes}")
        first, second = node_array("first", first, n_nodes), node_array("second", second, n_nodes)
        if first.shape != second.shape:
            raise ValueError(
                f"first and second must have equal length, got {first.size} and {second.size}"
            )
        loops = np.flatnonzero(first == second)
        if loops.size:
            raise ValueError(f"a link joins node {first[loops[0]]} to itself")
        codes = np.sort(
            np.concatenate([first * n_nodes + second, second * n_nodes + first]), kind="stable"
        )
        twice = np.flatnonzero(codes[1:] == codes[:-1])
        if twice.size:
            u, v = divmod(int(codes[twice[0]]), n_nodes)
            raise ValueError(f"link ({u}, {v}) stands more than once; links must be distinct")
        rows, columns = np.divmod(codes, max(n_nodes, 1))
        return cls(
            n_nodes=n_nodes,
            offsets=frozen(offsets_of(rows, n_nodes)),
            neighbors=frozen(columns.astype(np.int32)),
            names=node_names("names", names, n_nodes),
        )

    @classmethod
    def from_named_links(
        cls, first: Sequence[Hashable], second: Sequence[Hashable], weighted: bool = False
    ) -> Graph:
        """Build a graph from the names of both ends of every link.

        Parameters
        ----------
        first, second : sequence of hashable
            Nodes are numbered as they come, or in rising order if all names are integers.
        weighted : bool
            Whether the links had weights, which are ignored with a :class:`GraphInputWarning`,
            as self-loops and repeated links are.

        Raises
        ------
        ValueError
            If lengths differ.

        Examples
        --------
        >>> Graph.from_named_links(["a", "b"], ["b", "c"]).names
        ('a', 'b', 'c')
        """
        if len(first) != len(second):
            raise ValueError(
                f"first and second must have equal length, got {len(first)} and {len(second)}"
            )
        names, (of_first, of_second) = node_numbers(first, second)
        return cls._from_loose_links(np.column_stack([of_first, of_second]), names, weighted)

    @classmethod
    def from_adjacency(cls, adjacency: Any, *, names: Names = None) -> Graph:
        """Build a graph from an adjacency matrix: every non-zero entry is a link.

        Parameters
        ----------
        adjacency : array_like or scipy sparse matrix or array, shape (n_nodes, n_nodes)
            Must have a symmetric pattern. Weights are ignored and self-loops left out,
            each with a :class:`GraphInputWarning`.
        names : sequence of hashable, optional

        Raises
        ------
        ValueError
            If it is not square, numeric, free of NaN and symmetric.

        Examples
        --------
        >>> Graph.from_adjacency([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
        Graph(3 nodes, 2 links, density 0.667)
        """
        rows, columns, shape = read_matrix("adjacency", adjacency)
        if shape[0] != shape[1]:
            raise ValueError(f"adjacency must be square, got shape {shape}")
        loops = rows == columns
        if loops.any():
            warn_of_input(f"{int(loops.sum())} self-loops are left out")
        upper, lower = rows < columns, rows > columns
        codes = np.sort(rows[upper] * shape[0] + columns[upper])
        if not np.array_equal(codes, np.sort(columns[lower] * shape[0] + rows[lower])):
            raise ValueError(
                "adjacency must be symmetric: a directed network has no undirected link "
                "prediction; pass (adjacency + adjacency.T) to ignore directions, or "
                "bipartite=True if it is a layer whose rows and columns are different nodes"
            )
        return cls.from_links(rows[upper], columns[upper], shape[0], names=names)

    @classmethod
    def from_networkx(cls, graph: networkx.Graph) -> Graph:
        """Build from an undirected networkx graph; node names and their order are kept.

        Self-loops and parallel links are left out and weights ignored, each with a
        :class:`GraphInputWarning`; a directed graph raises ValueError.
        """
        names, links, weighted = _interop.read_networkx_links(graph)
        if graph.graph.get(_interop.UNNAMED, False) and names == list(range(len(graph))):
            names = len(graph)
        return cls._from_loose_links(links, names, weighted)

    @classmethod
    def from_igraph(cls, graph: igraph.Graph) -> Graph:
        """Build from an undirected igraph graph; the attribute ``name`` is kept where present.

        Self-loops and parallel links are left out and weights ignored, each with a
        :class:`GraphInputWarning`; a directed graph raises ValueError.
        """
        names, links, weighted = _interop.read_igraph_links(graph)
        return cls._from_loose_links(links, names, weighted)

    @classmethod
    def _from_loose_links(
        cls, links: np.ndarray, names: list[Hashable] | int, weighted: bool
    ) -> Graph:
        """Build from links (n, 2) that may loop or repeat, warning of what is left out."""
        n_nodes = names if isinstance(names, int) else len(names)
        loops = links[:, 0] == links[:, 1]
        kept = np.sort(links[~loops], axis=1)
        unique = np.unique(kept, axis=0)
        for count, what in (
            (int(loops.sum()), "self-loops are left out"),
            (len(kept) - len(unique), "repeated links are counted once"),
            (int(weighted), "weight attribute is ignored"),
        ):
            if count:
                warn_of_input(f"{count} {what}")
        return cls.from_links(
            unique[:, 0], unique[:, 1], n_nodes, names=None if isinstance(names, int) else names
        )

    # -------------------------------------------------------------------- counts

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_nodes, n_nodes)``, as the adjacency has it."""
        return self.n_nodes, self.n_nodes

    @property
    def sides(self) -> tuple[int, ...]:
        """Number of nodes of each kind: ``(n_nodes,)``."""
        return (self.n_nodes,)

    @property
    def is_bipartite(self) -> bool:
        """Whether there are two kinds of node: False."""
        return False

    @property
    def end_names(self) -> tuple[tuple[Hashable, ...] | None, tuple[Hashable, ...] | None]:
        """Names of the nodes that may be the first and the second end of a link."""
        return self.names, self.names

    @property
    def first_target(self) -> int:
        """Number, among all nodes, of the first node that is a second end: 0."""
        return 0

    @property
    def n_pairs(self) -> int:
        """Number of pairs of nodes that could be linked."""
        return self.n_nodes * (self.n_nodes - 1) // 2

    @property
    def n_links(self) -> int:
        """Number of links, each counted once."""
        return int(self.neighbors.size) // 2

    @property
    def density(self) -> float:
        """Fraction of possible links that exist; NaN where none is possible."""
        return self.n_links / self.n_pairs if self.n_pairs else float("nan")

    @property
    def sparsity(self) -> float:
        """Fraction of possible links that are absent; NaN where none is possible."""
        return 1.0 - self.density

    @property
    def degree(self) -> np.ndarray:
        """Number of links of each node, int64 of shape (n_nodes,)."""
        return np.diff(self.offsets)

    # --------------------------------------------------------------------- links

    def links(self) -> tuple[np.ndarray, np.ndarray]:
        """Return both ends u < v of every link, int64, in (u, v) order."""
        first = np.repeat(np.arange(self.n_nodes), self.degree)
        second = self.neighbors.astype(np.int64)
        return first[first < second], second[first < second]

    def has_links(self, first: Any, second: Any) -> np.ndarray:
        """Return for each pair of nodes whether it is linked, bool."""
        first = node_array("first", first, self.n_nodes)
        second = node_array("second", second, self.n_nodes)
        return find_slots(self.offsets, self.neighbors, first, second) >= 0

    def link_ids(self, first: Any, second: Any) -> np.ndarray:
        """Return the link number of each given pair, in either order; -1 if it is not linked.

        Links are numbered in the order of :meth:`links`.

        Examples
        --------
        >>> Graph.from_links([0, 1], [1, 2]).link_ids([2, 0], [1, 2])
        array([ 1, -1])
        """
        first = node_array("first", first, self.n_nodes)
        second = node_array("second", second, self.n_nodes)
        if first.shape != second.shape:
            raise ValueError(
                f"first and second must have equal length, got {first.size} and {second.size}"
            )
        if not self.n_links:
            return np.full(first.shape, -1, dtype=np.int64)
        u, v = self.links()
        codes = u * self.n_nodes + v
        wanted = np.minimum(first, second) * self.n_nodes + np.maximum(first, second)
        place = np.minimum(np.searchsorted(codes, wanted), codes.size - 1)
        return np.where(codes[place] == wanted, place, -1)

    def keep_links(self, ids: Any) -> Graph:
        """Return the graph with only the links of the given numbers, all nodes kept."""
        u, v = self.links()
        kept = np.unique(node_array("ids", ids, self.n_links))
        return self.with_links(u[kept], v[kept])

    def add_links(self, first: Any, second: Any) -> Graph:
        """Return the graph with more links between its nodes.

        Raises
        ------
        ValueError
            If a pair is linked already, is given twice, or joins a node to itself.
        """
        u, v = self.links()
        first = node_array("first", first, self.n_nodes)
        second = node_array("second", second, self.n_nodes)
        return self.with_links(np.append(u, first), np.append(v, second))

    def with_links(self, first: Any, second: Any) -> Graph:
        """Return a graph of the same nodes with these links and no others."""
        return Graph.from_links(first, second, self.n_nodes, names=self.names)

    # --------------------------------------------------------------- conversions

    def adjacency(self) -> scipy.sparse.csr_array:
        """Return the adjacency matrix, int64 ones at the links, shape (n_nodes, n_nodes)."""
        ones = np.ones(self.neighbors.size, dtype=np.int64)
        return scipy.sparse.csr_array(
            (ones, self.neighbors.copy(), self.offsets.copy()), shape=self.shape
        )

    def to_networkx(self) -> networkx.Graph:
        """Return a networkx graph with the node names (or numbers)."""
        result = _interop.write_networkx_links(self.names or range(self.n_nodes), *self.links())
        if self.names is None:
            result.graph[_interop.UNNAMED] = True
        return result

    def to_igraph(self) -> igraph.Graph:
        """Return an igraph graph, names in the vertex attribute ``name`` where there are any."""
        return _interop.write_igraph_links(self.n_nodes, self.names, *self.links())

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the graph to a folder that :func:`chgraph.open_graph` maps into memory.

        The folder appears whole or not at all; it holds a file per array (the links twice: in
        the graph's own order, and hubs first for link prediction), the names, and a manifest
        with checksums.

        Parameters
        ----------
        folder : path
            Must not be there, be empty, or hold a graph that may be overwritten.
        overwrite : bool
            Replace a graph that is there; it stays until the new one is complete.

        Returns
        -------
        Path

        Raises
        ------
        TypeError
            If a name is neither text, a number, nor a tuple of these.
        ValueError
            If there is something already.
        """
        hubs = self.hubs_first or by_falling_degree(self.offsets, self.neighbors)
        arrays = {"offsets": self.offsets, "neighbors": self.neighbors}
        arrays |= dict(zip(("hub_offsets", "hub_neighbors", "hub_labels"), hubs, strict=True))
        return save_graph(
            folder,
            kind="Graph",
            sides=self.sides,
            arrays=arrays,
            names={"names": self.names},
            overwrite=overwrite,
        )

    # ------------------------------------------------------------------ identity

    def __eq__(self, other: object) -> bool:
        """Two graphs are equal if they have the same nodes, links and names."""
        if not isinstance(other, Graph):
            return NotImplemented
        return (
            np.array_equal(self.offsets, other.offsets)
            and np.array_equal(self.neighbors, other.neighbors)
            and self.names == other.names
        )

    def __hash__(self) -> int:
        return hash((self.n_nodes, self.neighbors.tobytes()))

    def __getstate__(self) -> dict[str, Any]:
        return state_in_memory(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(frozen_state(state))

    def __repr__(self) -> str:
        return f"Graph({self.n_nodes} nodes, {self.n_links} links, density {self.density:.3g})"
