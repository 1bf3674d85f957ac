"""Chain removal: neurons that no signal can pass are taken out for good."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chgraph.bipartite import BipartiteGraph
from chgraph.rewiring.wiring import Wiring


@dataclass(frozen=True, eq=False)
class ChainRemoval:
    """What :func:`remove_dead_chains` leaves and what it found.

    Attributes
    ----------
    graphs : dict of str to BipartiteGraph
        The layers without the links of dead neurons, the fixed ones as they came.
    kept : dict of str to ndarray of int64
        For each layer the numbers, in the graph given, of the links that stay.
    dead : tuple of ndarray of bool
        For each junction of the wiring, in its order, the mask of its dead neurons.
    wiring : Wiring
        As given.

    Examples
    --------
    >>> import chgraph
    >>> from chgraph.rewiring import Junction, Wiring
    >>> first = chgraph.BipartiteGraph.from_biadjacency([[1, 0], [1, 0]])
    >>> second = chgraph.BipartiteGraph.from_biadjacency([[1, 0], [0, 1]])
    >>> wiring = Wiring((Junction(2, sources=("first",), targets=("second",)),))
    >>> left = remove_dead_chains({"first": first, "second": second}, wiring)
    >>> left.dead[0].tolist()
    [False, True]
    >>> left.graphs["second"].n_links
    1
    """

    graphs: dict[str, BipartiteGraph]
    kept: dict[str, np.ndarray]
    dead: tuple[np.ndarray, ...]
    wiring: Wiring

    def live(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the masks of left and right nodes of a layer that may gain a link.

        Parameters
        ----------
        name : str
            A layer.

        Returns
        -------
        left, right : ndarray of bool, shapes (n_left,) and (n_right,)
            False at the dead neurons of the junction on that side.

        Raises
        ------
        ValueError
            If there is no such layer.
        """
        if name not in self.graphs:
            raise ValueError(f"name must be one of {', '.join(self.graphs)}; got {name!r}")
        n_left, n_right = self.graphs[name].shape
        return (
            self._live_at(self.wiring.junction_before(name), n_left),
            self._live_at(self.wiring.junction_after(name), n_right),
        )

    def _live_at(self, junction: int | None, n_nodes: int) -> np.ndarray:
        return np.ones(n_nodes, dtype=bool) if junction is None else ~self.dead[junction]

    @property
    def silent_inputs(self) -> dict[str, np.ndarray]:
        """Masks of the left nodes without a link, of layers whose left side is open.

        They are reported, not removed.
        """
        return {
            name: graph.left_degree == 0
            for name, graph in self.graphs.items()
            if self.wiring.junction_before(name) is None
        }


def remove_dead_chains(
    graphs: Mapping[str, BipartiteGraph], wiring: Wiring, *, fixed: Collection[str] = ()
) -> ChainRemoval:
    """Remove the links of neurons that have no incoming or no outgoing link.

    A neuron of a junction is dead when a closed side of it has no link left, counted over all
    layers on that side. Its links go on both sides, which may be the end of its neighbors,
    and so on until nothing changes.

    Parameters
    ----------
    graphs : mapping of str to BipartiteGraph
        The layers by name.
    wiring : Wiring
        How they are joined; of a feed-forward path ``Wiring.path(graphs)``.
    fixed : collection of str
        Layers whose graph must not change. Who is dead is found as if their links went too.

    Returns
    -------
    ChainRemoval

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If `wiring` does not fit `graphs` (:meth:`Wiring.check`), or `fixed` names another
        layer.

    Notes
    -----
    A link is looked at when one of its ends dies: time is linear in the nodes and the links
    removed, however long the chains.

    References
    ----------
    CH-SNN, arXiv 2511.05581, section 3.2.3; CHT, ICLR 2024 (percolation).

    Examples
    --------
    Hidden neuron 1 has an input but no output; hidden neuron 0 lives.

    >>> first = BipartiteGraph.from_biadjacency([[1, 1], [1, 0]])
    >>> second = BipartiteGraph.from_biadjacency([[1], [0]])
    >>> layers = {"first": first, "second": second}
    >>> result = remove_dead_chains(layers, Wiring.path(layers))
    >>> result.dead, result.graphs["first"].links()
    ((array([False,  True]),), (array([0, 1]), array([0, 0])))
    >>> result.live("second")
    (array([ True, False]), array([ True]))
    """
    if not isinstance(wiring, Wiring):
        raise TypeError(f"wiring must be a Wiring, got {wiring!r}")
    wiring.check(graphs)
    _check_fixed(fixed, graphs)
    search = _Search(graphs, wiring)
    search.run()
    kept = {
        name: np.arange(graph.n_links) if name in fixed else np.flatnonzero(search.alive[name])
        for name, graph in graphs.items()
    }
    return ChainRemoval(
        graphs={name: graph.keep_links(kept[name]) for name, graph in graphs.items()},
        kept=kept,
        dead=tuple(search.dead),
        wiring=wiring,
    )


def _check_fixed(fixed: Any, graphs: Mapping[str, BipartiteGraph]) -> None:
    if isinstance(fixed, str) or not isinstance(fixed, Collection):
        raise TypeError(f"fixed must be a collection of layer names, got {fixed!r}")
    unknown = [name for name in fixed if name not in graphs]
    if unknown:
        raise ValueError(f"fixed names {unknown[0]!r}; graphs has {', '.join(map(repr, graphs))}")


class _Search:
    """The spread of death: the links of the dead go, who loses the last one dies."""

    def __init__(self, graphs: Mapping[str, BipartiteGraph], wiring: Wiring) -> None:
        self.graphs, self.wiring = graphs, wiring
        self.alive = {name: np.ones(graph.n_links, dtype=bool) for name, graph in graphs.items()}
        self.dead = [np.zeros(junction.size, dtype=bool) for junction in wiring.junctions]
        # Links each living neuron has left, summed over the layers on that side.
        self.n_in = [np.zeros(junction.size, dtype=np.int64) for junction in wiring.junctions]
        self.n_out = [np.zeros(junction.size, dtype=np.int64) for junction in wiring.junctions]
        for i, junction in enumerate(wiring.junctions):
            for name in junction.sources:
                self.n_in[i] += graphs[name].right_degree
            for name in junction.targets:
                self.n_out[i] += graphs[name].left_degree
        self.newly_dead: deque[tuple[int, np.ndarray]] = deque()

    def run(self) -> None:
        """Find all the dead and the links that stay alive."""
        for i, junction in enumerate(self.wiring.junctions):
            everyone = np.arange(junction.size)
            if junction.closed_in:
                self._bury(i, everyone[self.n_in[i] == 0])
            if junction.closed_out:
                self._bury(i, everyone[self.n_out[i] == 0])
        while self.newly_dead:
            i, neurons = self.newly_dead.popleft()
            for name in self.wiring.junctions[i].sources:
                self._cut_incoming(name, neurons)
            for name in self.wiring.junctions[i].targets:
                self._cut_outgoing(name, neurons)

    def _cut_incoming(self, name: str, right: np.ndarray) -> None:
        """Take the links of these right nodes; who on the left had no other one dies."""
        graph, alive = self.graphs[name], self.alive[name]
        places = _places(graph.right_offsets, right)
        alive[graph.right_links[places]] = False
        i = self.wiring.junction_before(name)
        if i is not None:
            left = graph.right_neighbors[places]
            np.subtract.at(self.n_out[i], left, 1)
            if self.wiring.junctions[i].closed_out:
                self._bury(i, left[self.n_out[i][left] == 0])

    def _cut_outgoing(self, name: str, left: np.ndarray) -> None:
        """Take the links of these left nodes; who on the right had no other one dies."""
        graph, alive = self.graphs[name], self.alive[name]
        links = _places(graph.left_offsets, left)
        alive[links] = False
        i = self.wiring.junction_after(name)
        if i is not None:
            right = graph.left_neighbors[links]
            np.subtract.at(self.n_in[i], right, 1)
            if self.wiring.junctions[i].closed_in:
                self._bury(i, right[self.n_in[i][right] == 0])

    def _bury(self, i: int, neurons: np.ndarray) -> None:
        """Note these neurons of a junction (repeats allowed) as dead, once each."""
        fresh = np.unique(neurons[~self.dead[i][neurons]])
        if fresh.size:
            self.dead[i][fresh] = True
            self.newly_dead.append((i, fresh))


def _places(offsets: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Return the positions ``offsets[v]`` to ``offsets[v + 1] - 1`` of all nodes in a row."""
    starts = offsets[nodes]
    counts = offsets[nodes + 1] - starts
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(counts.sum())
