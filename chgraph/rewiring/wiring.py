"""Which layer feeds which: populations of neurons, and the layers that end in and read them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chgraph.bipartite import BipartiteGraph
from chgraph.checks import check_count, check_flag
from chgraph.forking import cached_property


@dataclass(frozen=True)
class Junction:
    """One population of neurons, between the layers that drive it and those that read it.

    Attributes
    ----------
    size : int
        Number of neurons.
    sources : tuple of str
        Names of the layers whose outputs (right nodes) end in it; they are summed.
    targets : tuple of str
        Names of the layers whose inputs (left nodes) read it. A recurrent layer is a source
        and a target of the same junction.
    open_in : bool
        Whether something else also drives it (a convolution, the outside world) or a neuron
        without input has a life of its own (a bias, a norm).
    open_out : bool
        Whether something else also reads it.

    Raises
    ------
    TypeError, ValueError
        If a value is of the wrong kind or `size` is negative.

    Examples
    --------
    >>> Junction(size=300, sources=("fc1",), targets=("fc2",))
    Junction(size=300, sources=('fc1',), targets=('fc2',), open_in=False, open_out=False)
    """

    size: int
    sources: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    open_in: bool = False
    open_out: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", check_count("size", self.size))
        for side in ("sources", "targets"):
            object.__setattr__(self, side, _checked_names(side, getattr(self, side)))
        for flag in ("open_in", "open_out"):
            object.__setattr__(self, flag, bool(check_flag(flag, getattr(self, flag))))

    @property
    def closed_in(self) -> bool:
        """Whether a neuron without a link from the sources is silent."""
        return bool(self.sources) and not self.open_in

    @property
    def closed_out(self) -> bool:
        """Whether a neuron without a link to the targets is read by nobody."""
        return bool(self.targets) and not self.open_out


@dataclass(frozen=True)
class Wiring:
    """How layers are joined: a set of junctions.

    A side of a layer that no junction names is open: nobody dies there. A layer that is used
    several times has one name, so the populations it ends in (or reads) are one junction.

    Attributes
    ----------
    junctions : tuple of Junction

    Examples
    --------
    A residual: "first" and "inner" are summed in one population, which "inner" and "last" read.

    >>> stream = Junction(8, sources=("first", "inner"), targets=("inner", "last"))
    >>> Wiring((stream,)).junction_after("inner"), Wiring((stream,)).junction_before("first")
    (0, None)
    """

    junctions: tuple[Junction, ...] = ()

    def __post_init__(self) -> None:
        known = tuple(self.junctions) if isinstance(self.junctions, Iterable) else (None,)
        if not all(isinstance(one, Junction) for one in known):
            raise TypeError(f"junctions must be a tuple of Junction, got {self.junctions!r}")
        object.__setattr__(self, "junctions", known)

    @classmethod
    def path(cls, graphs: Mapping[str, BipartiteGraph]) -> Wiring:
        """Return the wiring of a feed-forward network: each layer feeds the next.

        Parameters
        ----------
        graphs : mapping of str to BipartiteGraph
            The layers, first to last.

        Raises
        ------
        TypeError
            If `graphs` is not such a mapping.
        ValueError
            If two neighbors do not fit.

        Examples
        --------
        >>> layers = {name: BipartiteGraph.from_links([], [], (3, 3)) for name in "abc"}
        >>> [(j.sources, j.targets) for j in Wiring.path(layers).junctions]
        [(('a',), ('b',)), (('b',), ('c',))]
        """
        _check_graphs(graphs)
        for first, second in itertools.pairwise(graphs):
            if graphs[first].n_right != graphs[second].n_left:
                raise ValueError(
                    f"graphs[{first!r}] has {graphs[first].n_right} right nodes but "
                    f"graphs[{second!r}] has {graphs[second].n_left} left nodes; neighbors on "
                    "a path must share a side"
                )
        return cls(
            tuple(
                Junction(graphs[first].n_right, sources=(first,), targets=(second,))
                for first, second in itertools.pairwise(graphs)
            )
        )

    def check(self, graphs: Mapping[str, BipartiteGraph]) -> None:
        """Raise if this is not a wiring of these layers.

        Parameters
        ----------
        graphs : mapping of str to BipartiteGraph
            The layers by name; those that no junction names are open on both sides.

        Raises
        ------
        TypeError
            If `graphs` is not such a mapping.
        ValueError
            If a junction names a layer that `graphs` lacks or whose side has another size,
            or a layer is a source (or a target) twice.
        """
        _check_graphs(graphs)
        for kind, side in (("sources", 1), ("targets", 0)):
            seen: dict[str, int] = {}
            for i, name in self._named(kind):
                if name not in graphs:
                    raise ValueError(
                        f"wiring: junctions[{i}].{kind} names layer {name!r}; graphs has "
                        f"{', '.join(map(repr, graphs)) or 'no layer'}"
                    )
                if name in seen:
                    raise ValueError(
                        f"wiring: layer {name!r} stands in {kind} of junctions[{seen[name]}] "
                        f"and of junctions[{i}]; the populations a layer is used on are one "
                        "junction, which names it once"
                    )
                seen[name] = i
                size, nodes = self.junctions[i].size, graphs[name].shape[side]
                if size != nodes:
                    raise ValueError(
                        f"wiring: junctions[{i}] has {size} neurons but layer {name!r} of its "
                        f"{kind} has {nodes} {'right' if side else 'left'} nodes"
                    )

    def junction_before(self, name: str) -> int | None:
        """Return the place of the junction that layer `name` reads, None if that is open."""
        return self._before.get(name)

    def junction_after(self, name: str) -> int | None:
        """Return the place of the junction that layer `name` ends in, None if that is open."""
        return self._after.get(name)

    @cached_property
    def _before(self) -> dict[str, int]:
        return {name: i for i, name in self._named("targets")}

    @cached_property
    def _after(self) -> dict[str, int]:
        return {name: i for i, name in self._named("sources")}

    def _named(self, kind: str) -> list[tuple[int, str]]:
        """Return (place of the junction, layer) of everything in all `sources` or `targets`."""
        return [(i, name) for i, one in enumerate(self.junctions) for name in getattr(one, kind)]


def _checked_names(name: str, names: Any) -> tuple[str, ...]:
    known = tuple(names) if isinstance(names, Iterable) and not isinstance(names, str) else (None,)
    if not all(isinstance(one, str) for one in known):
        raise TypeError(f"{name} must be a tuple of layer names, got {names!r}")
    return known


def _check_graphs(graphs: Any) -> None:
    if not isinstance(graphs, Mapping):
        raise TypeError(
            f"graphs must map names to BipartiteGraph, got {type(graphs).__name__}; of layers in "
            'a row make {"first": graph, ...}'
        )
    for name, graph in graphs.items():
        if not isinstance(name, str):
            raise TypeError(f"graphs must have layer names as keys, got {name!r}")
        if not isinstance(graph, BipartiteGraph):
            raise TypeError(f"graphs[{name!r}] must be a BipartiteGraph, got {graph!r}")
