"""What the constructors of all networks take, checked before any part is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

import torch

from chgraph.checks import check_choice, check_kind, check_positive_int, shown
from chgraph.graph import BipartiteGraph
from chsnn.encoding import Encoder
from chsnn.layers import BACKENDS
from chsnn.neurons import LIF
from chsnn.weights import WEIGHTS

InShape = tuple[int, int, int]


def check_parts(encoder: Any, neuron: Any) -> tuple[Encoder, LIF]:
    """Return encoder and neurons (those with default settings for None), or raise TypeError.

    Examples
    --------
    >>> check_parts(Encoder("even"), 3)
    Traceback (most recent call last):
    TypeError: neuron must be a LIF, got 3
    """
    check_kind("encoder", encoder, Encoder, "an Encoder")
    neuron = LIF() if neuron is None else neuron
    return encoder, check_kind("neuron", neuron, LIF, "a LIF")


def check_drawing(weights: Any, backend: Any) -> None:
    """Raise ValueError unless there are such initial weights and such a backend.

    Examples
    --------
    >>> check_drawing("SSWI", "gpu")
    Traceback (most recent call last):
    ValueError: backend must be one of 'auto', 'sparse', 'dense'; got 'gpu'
    """
    check_choice("weights", weights, WEIGHTS)
    check_choice("backend", backend, BACKENDS)


def check_graphs(graphs: Any, count: int | None = None) -> list[BipartiteGraph]:
    """Return the graphs of layers in a row, or raise if they are not, or not `count`.

    Examples
    --------
    >>> check_graphs("layers")
    Traceback (most recent call last):
    TypeError: graphs must be a sequence of BipartiteGraph, got 'layers'
    """
    if not isinstance(graphs, Sequence) or not _are_graphs(graphs):
        raise TypeError(f"graphs must be a sequence of BipartiteGraph, got {shown(graphs)}")
    if not graphs or count not in (None, len(graphs)):
        raise ValueError(f"graphs must be {count or 'at least one'}, got {len(graphs)}")
    for i, (graph, following) in enumerate(pairwise(graphs)):
        if graph.n_right != following.n_left:
            raise ValueError(
                f"graphs must fit each other: layer {i} has {graph.n_right} outputs, the next one "
                f"{following.n_left} inputs"
            )
    return list(graphs)


def check_blocks(graphs: Any, names: Sequence[str]) -> list[dict[str, BipartiteGraph]]:
    """Return the graphs of blocks by name, or raise if they are not those.

    Examples
    --------
    >>> check_blocks([], ["q"])
    Traceback (most recent call last):
    ValueError: graphs must be at least one block, got none
    """
    if not isinstance(graphs, Sequence) or not all(_is_block(block, names) for block in graphs):
        raise TypeError(
            f"graphs must be a sequence of mappings with a BipartiteGraph for each of "
            f"{', '.join(names)}; got {shown(graphs)}"
        )
    if not graphs:
        raise ValueError("graphs must be at least one block, got none")
    return [dict(block) for block in graphs]


def _is_block(block: Any, names: Sequence[str]) -> bool:
    return isinstance(block, Mapping) and set(block) == set(names) and _are_graphs(block.values())


def _are_graphs(graphs: Any) -> bool:
    return all(isinstance(graph, BipartiteGraph) for graph in graphs)


def check_in_shape(in_shape: Any) -> InShape:
    """Return the shape of an image as (channels, height, width), or raise.

    Raises
    ------
    ValueError
        If it is not three positive whole numbers.

    Examples
    --------
    >>> check_in_shape([3, 32, 32])
    (3, 32, 32)
    """
    sizes = tuple(in_shape) if isinstance(in_shape, tuple | list | torch.Size) else (in_shape,)
    if len(sizes) != 3:
        raise ValueError(f"in_shape must be (channels, height, width), got {in_shape!r}")
    return cast(InShape, tuple(check_positive_int("in_shape", size) for size in sizes))
