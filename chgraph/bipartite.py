"""The graph a sparse layer is: bipartite, immutable, readable from both sides.

Convention, stated once for the whole project: **left nodes are inputs (presynaptic),
right nodes are outputs (postsynaptic)**, the biadjacency has shape ``(n_left, n_right)``,
and links are numbered in (left, right) order.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse

from chgraph import _interop
from chgraph._containers import node_numbers
from chgraph._folders import graph_arrays, save_graph
from chgraph._neighbor_lists import (
    Names,
    checked_shape,
    find_slots,
    frozen_state,
    node_array,
    node_names,
    offsets_of,
    read_matrix,
    state_in_memory,
    warn_of_input,
)
from chgraph.forking import cached_property
from chgraph.jit import frozen

if TYPE_CHECKING:
    import igraph
    import networkx


@dataclass(frozen=True, eq=False, repr=False)
class BipartiteGraph:
    """A simple bipartite graph stored as compressed neighbor lists of both sides.

    Build one with :meth:`from_biadjacency`, :meth:`from_links`, :meth:`from_networkx`,
    :meth:`from_igraph`, or let :func:`as_bipartite` choose. A graph never changes:
    :meth:`keep_links` and :meth:`add_links` return new graphs.

    Attributes
    ----------
    shape : tuple of int
        Number of left (input) and right (output) nodes.
    left_offsets, left_neighbors : ndarray
        ``left_neighbors[left_offsets[u]:left_offsets[u + 1]]`` (int32, ascending) are the
        right nodes linked to left node `u`; the position in `left_neighbors` is the
        link's number. Offsets are int64.
    right_offsets, right_neighbors : ndarray
        The same from the right side.
    right_links : ndarray of int64
        ``right_links[i]`` is the number of the link at position `i` of `right_neighbors`.
    left_names, right_names : tuple or None
        Names of the nodes where the source had them.
    folder : Path or None
        Whose files the arrays are maps of (:func:`chgraph.open_graph`); None in memory.

    Examples
    --------
    >>> graph = BipartiteGraph.from_links([0, 0, 1], [0, 2, 1], shape=(2, 3))
    >>> graph
    BipartiteGraph(2 x 3, 3 links, density 0.5)
    >>> graph.left_degree, graph.right_degree
    (array([2, 1]), array([1, 1, 1]))
    """

    shape: tuple[int, int]
    left_offsets: np.ndarray
    left_neighbors: np.ndarray
    right_offsets: np.ndarray
    right_neighbors: np.ndarray
    right_links: np.ndarray
    left_names: tuple[Hashable, ...] | None = None
    right_names: tuple[Hashable, ...] | None = None
    folder: Path | None = None

    # ---------------------------------------------------------------- construction

    @classmethod
    def _from_codes(
        cls, codes: np.ndarray, shape: tuple[int, int], left_names: Names, right_names: Names
    ) -> BipartiteGraph:
        """Build from strictly ascending link codes ``left * n_right + right`` (int64)."""
        n_left, n_right = shape
        left, right = np.divmod(codes, max(n_right, 1))
        # numpy sorts 16-bit numbers by counting, which is several times faster.
        narrow = right.astype(np.uint16) if n_right <= 2**16 else right
        by_right = np.argsort(narrow, kind="stable")
        return cls(
            shape=shape,
            left_offsets=frozen(offsets_of(left, n_left)),
            left_neighbors=frozen(right.astype(np.int32)),
            right_offsets=frozen(offsets_of(right, n_right)),
            right_neighbors=frozen(left[by_right].astype(np.int32)),
            right_links=frozen(by_right),
            left_names=node_names("left_names", left_names, n_left),
            right_names=node_names("right_names", right_names, n_right),
        )

    @classmethod
    def from_links(
        cls,
        left: Any,
        right: Any,
        shape: tuple[int, int],
        *,
        left_names: Names = None,
        right_names: Names = None,
    ) -> BipartiteGraph:
        """Build a graph from the two end nodes of every link.

        Parameters
        ----------
        left, right : array_like of int, shape (n_links,)
            End nodes, in any order.
        shape : tuple of int
            Number of left and of right nodes.
        left_names, right_names : sequence of hashable, optional
            One distinct name per node.

        Raises
        ------
        ValueError
            If lengths differ, a node lies outside `shape`, or a link stands twice.

        Examples
        --------
        >>> BipartiteGraph.from_links([1, 0], [0, 1], shape=(2, 2)).links()
        (array([0, 1]), array([1, 0]))
        """
        shape = checked_shape(shape)
        left, right = node_array("left", left, shape[0]), node_array("right", right, shape[1])
        if left.shape != right.shape:
            raise ValueError(
                f"left and right must have equal length, got {left.size} and {right.size}"
            )
        codes = np.sort(left * shape[1] + right)
        twice = np.flatnonzero(codes[1:] == codes[:-1])
        if twice.size:
            u, v = divmod(int(codes[twice[0]]), shape[1])
            raise ValueError(
                f"left and right name link ({u}, {v}) more than once; links must be distinct"
            )
        return cls._from_codes(codes, shape, left_names, right_names)

    @classmethod
    def from_named_links(
        cls, left: Sequence[Hashable], right: Sequence[Hashable], weighted: bool = False
    ) -> BipartiteGraph:
        """Build a graph from the names of the left and the right end of every link.

        Parameters
        ----------
        left, right : sequence of hashable
            Nodes of a side are numbered as they come, or in rising order if all its names are
            integers. A name on both sides is two nodes.
        weighted : bool
            Whether the links had weights, which are ignored with a :class:`GraphInputWarning`,
            as repeated links are.

        Raises
        ------
        ValueError
            If lengths differ.

        Examples
        --------
        >>> BipartiteGraph.from_named_links(["bee", "bee"], ["rose", "lily"]).right_names
        ('rose', 'lily')
        """
        if len(left) != len(right):
            raise ValueError(
                f"left and right must have equal length, got {len(left)} and {len(right)}"
            )
        left_names, (of_left,) = node_numbers(left)
        right_names, (of_right,) = node_numbers(right)
        names = left_names, right_names
        return _from_loose_links(of_left, of_right, names, weighted=weighted)

    @classmethod
    def from_biadjacency(
        cls, biadjacency: Any, *, left_names: Names = None, right_names: Names = None
    ) -> BipartiteGraph:
        """Build a graph from a biadjacency matrix: every non-zero entry is a link.

        Parameters
        ----------
        biadjacency : array_like or scipy sparse matrix or array, shape (n_left, n_right)
            A negative weight is a link too. Weights are ignored, with a
            :class:`GraphInputWarning`; pass ``matrix != 0`` to say that you know. Explicit
            zeros of a sparse matrix are not links and its duplicate entries are summed, as
            in scipy.

        Raises
        ------
        ValueError
            If it is not two-dimensional and numeric, or holds NaN.

        Examples
        --------
        >>> BipartiteGraph.from_biadjacency([[0, 1], [1, 0], [0, 0]])
        BipartiteGraph(3 x 2, 2 links, density 0.333)
        """
        left, right, shape = read_matrix("biadjacency", biadjacency)
        return cls.from_links(left, right, shape, left_names=left_names, right_names=right_names)

    @classmethod
    def from_networkx(cls, graph: networkx.Graph) -> BipartiteGraph:
        """Build from a networkx graph whose nodes carry the attribute ``bipartite`` (0 or 1).

        Nodes with ``bipartite=0`` become left nodes, in the graph's own order, and the
        names are kept. Parallel links count once and weights are ignored, each with a
        :class:`GraphInputWarning`.

        Raises
        ------
        ValueError
            If the graph is directed, a node has no side, or a link joins two nodes of one side.
        """
        return _from_sides(_interop.read_networkx(graph))

    @classmethod
    def from_igraph(cls, graph: igraph.Graph) -> BipartiteGraph:
        """Build from an igraph graph whose vertices carry the attribute ``type`` (False, True).

        Vertices of type False become left nodes; the attribute ``name`` is kept where present.
        Parallel links count once and weights are ignored, each with a :class:`GraphInputWarning`.

        Raises
        ------
        ValueError
            If the graph is directed, has no ``type``, or a link joins two vertices of one side.
        """
        return _from_sides(_interop.read_igraph(graph))

    # -------------------------------------------------------------------- counts

    @property
    def n_left(self) -> int:
        """Number of left (input) nodes."""
        return self.shape[0]

    @property
    def n_right(self) -> int:
        """Number of right (output) nodes."""
        return self.shape[1]

    @property
    def n_nodes(self) -> int:
        """Number of nodes of both sides."""
        return self.n_left + self.n_right

    @property
    def sides(self) -> tuple[int, ...]:
        """Number of nodes of each kind: left and right ones."""
        return self.shape

    @property
    def is_bipartite(self) -> bool:
        """Whether there are two kinds of node: True."""
        return True

    @property
    def end_names(self) -> tuple[tuple[Hashable, ...] | None, tuple[Hashable, ...] | None]:
        """Names of the nodes that may be the first and the second end of a link."""
        return self.left_names, self.right_names

    @property
    def first_target(self) -> int:
        """Number, among all nodes, of the first right node: right nodes follow the left ones."""
        return self.n_left

    @property
    def n_pairs(self) -> int:
        """Number of pairs of nodes that could be linked."""
        return self.n_left * self.n_right

    @property
    def n_links(self) -> int:
        """Number of links."""
        return int(self.left_neighbors.size)

    @property
    def density(self) -> float:
        """Fraction of possible links that exist; NaN where none is possible."""
        return self.n_links / self.n_pairs if self.n_pairs else float("nan")

    @property
    def sparsity(self) -> float:
        """Fraction of possible links that are absent; NaN where none is possible."""
        return 1.0 - self.density

    @property
    def left_degree(self) -> np.ndarray:
        """Number of links of each left node, int64 of shape (n_left,)."""
        return np.diff(self.left_offsets)

    @property
    def right_degree(self) -> np.ndarray:
        """Number of links of each right node, int64 of shape (n_right,)."""
        return np.diff(self.right_offsets)

    # --------------------------------------------------------------------- links

    def links(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the left and the right node of every link, int64, in link order."""
        left = np.repeat(np.arange(self.n_left), self.left_degree)
        return left, self.left_neighbors.astype(np.int64)

    @cached_property
    def _codes(self) -> np.ndarray:
        """Return ``left * n_right + right`` of every link, strictly ascending."""
        left, right = self.links()
        return left * self.n_right + right

    def link_ids(self, left: Any, right: Any) -> np.ndarray:
        """Return the link number of each given pair, -1 where the pair is not linked.

        Examples
        --------
        >>> BipartiteGraph.from_links([0, 1], [1, 0], shape=(2, 2)).link_ids([0, 1], [0, 0])
        array([-1,  1])
        """
        left, right = (
            node_array("left", left, self.n_left),
            node_array("right", right, self.n_right),
        )
        if left.shape != right.shape:
            raise ValueError(
                f"left and right must have equal length, got {left.size} and {right.size}"
            )
        return find_slots(self.left_offsets, self.left_neighbors, left, right)

    def keep_links(self, ids: Any) -> BipartiteGraph:
        """Return the graph with only the links of the given numbers (distinct, any order)."""
        kept = np.zeros(self.n_links, dtype=bool)
        kept[node_array("ids", ids, self.n_links)] = True
        return self if kept.all() else self._with_codes(self._codes[kept])

    def add_links(self, left: Any, right: Any) -> BipartiteGraph:
        """Return the graph with the given links added.

        Raises
        ------
        ValueError
            If one of them exists already or stands twice.
        """
        old_left, old_right = self.links()
        return self.with_links(
            np.concatenate([old_left, node_array("left", left, self.n_left)]),
            np.concatenate([old_right, node_array("right", right, self.n_right)]),
        )

    def has_links(self, left: Any, right: Any) -> np.ndarray:
        """Return for each pair of nodes whether it is linked, bool."""
        return self.link_ids(left, right) >= 0

    def with_links(self, left: Any, right: Any) -> BipartiteGraph:
        """Return a graph of the same nodes with these links and no others."""
        return BipartiteGraph.from_links(
            left, right, self.shape, left_names=self.left_names, right_names=self.right_names
        )

    def _with_codes(self, codes: np.ndarray) -> BipartiteGraph:
        return BipartiteGraph._from_codes(codes, self.shape, self.left_names, self.right_names)

    # --------------------------------------------------------------- conversions

    def biadjacency(self) -> scipy.sparse.csr_array:
        """Return the biadjacency matrix, int64 ones at the links, shape (n_left, n_right)."""
        ones = np.ones(self.n_links, dtype=np.int64)
        matrix = scipy.sparse.csr_array(
            (ones, self.left_neighbors.copy(), self.left_offsets.copy()), shape=self.shape
        )
        matrix.has_sorted_indices = True
        return matrix

    def to_networkx(self) -> networkx.Graph:
        """Return a networkx graph with the node attribute ``bipartite`` (0: left, 1: right).

        Nodes keep their names; without names left node `u` is ``u`` and right node `v` is
        ``n_left + v``.
        """
        named = self.left_names is not None or self.right_names is not None
        return _interop.write_networkx(*self._node_names(), *self.links(), named=named)

    def to_igraph(self) -> igraph.Graph:
        """Return an igraph graph with the vertex attribute ``type`` (False: left, True: right).

        Vertex `u` is left node `u`, vertex ``n_left + v`` right node `v`; names are kept in
        the attribute ``name`` where the graph has them.
        """
        left, right = self._node_names()
        named = self.left_names is not None or self.right_names is not None
        return _interop.write_igraph(self.shape, [*left, *right] if named else None, *self.links())

    def _node_names(self) -> tuple[Sequence[Hashable], Sequence[Hashable]]:
        """Return the names of both sides; without names, `u` on the left and `n_left + v`."""
        left = range(self.n_left) if self.left_names is None else self.left_names
        numbers = range(self.n_left, sum(self.shape))
        return left, numbers if self.right_names is None else self.right_names

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the graph to a folder that :func:`chgraph.open_graph` maps into memory.

        Parameters, result and errors as of :meth:`chgraph.Graph.save`.
        """
        return save_graph(
            folder,
            kind="BipartiteGraph",
            sides=self.sides,
            arrays={name: getattr(self, name) for name in graph_arrays("BipartiteGraph")},
            names={"left_names": self.left_names, "right_names": self.right_names},
            overwrite=overwrite,
        )

    # ------------------------------------------------------------------ identity

    def __eq__(self, other: object) -> bool:
        """Two graphs are equal if they have the same shape, links and node names."""
        if not isinstance(other, BipartiteGraph):
            return NotImplemented
        return (
            self.shape == other.shape
            and np.array_equal(self.left_offsets, other.left_offsets)
            and np.array_equal(self.left_neighbors, other.left_neighbors)
            and (self.left_names, self.right_names) == (other.left_names, other.right_names)
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.n_links, self.left_neighbors.tobytes()))

    def __getstate__(self) -> dict[str, Any]:
        return state_in_memory(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(frozen_state(state))

    def __repr__(self) -> str:
        return (
            f"BipartiteGraph({self.n_left} x {self.n_right}, {self.n_links} links, "
            f"density {self.density:.3g})"
        )


def check_bipartite(name: str, graph: Any) -> BipartiteGraph:
    """Return a BipartiteGraph, or raise TypeError if it is none."""
    if not isinstance(graph, BipartiteGraph):
        raise TypeError(
            f"{name} must be a chgraph.BipartiteGraph, got {type(graph).__name__}; "
            "chgraph.as_bipartite makes one"
        )
    return graph


def _from_sides(sides: _interop.Sides) -> BipartiteGraph:
    graph = _from_loose_links(
        sides.left,
        sides.right,
        (sides.left_names, sides.right_names),
        weighted=sides.weighted,
    )
    return graph if sides.named else replace(graph, left_names=None, right_names=None)


def _from_loose_links(
    left: np.ndarray,
    right: np.ndarray,
    names: tuple[Sequence[Hashable], Sequence[Hashable]],
    *,
    weighted: bool,
) -> BipartiteGraph:
    """Build from links that may repeat, warning of what is left out."""
    shape = len(names[0]), len(names[1])
    codes = np.unique(left * max(shape[1], 1) + right)
    for count, what in (
        (left.size - codes.size, "repeated links are counted once"),
        (int(weighted), "weight attribute is ignored"),
    ):
        if count:
            warn_of_input(f"{count} {what}")
    return BipartiteGraph._from_codes(codes, shape, *names)
