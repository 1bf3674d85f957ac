"""A layer's graph in a state_dict: as numbers, as a digest, and what of a state does not fit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from chgraph.graph import BipartiteGraph
from chsnn._on_links import MIXED

GRAPH_KEY = "_extra_state"  # torch's name of a module's extra state in a state_dict
DIGEST_SIZE = 64


def digest_of(graph: BipartiteGraph) -> Tensor:
    """Return zeros and ones that tell one set of links from another, shape (DIGEST_SIZE,).

    Zeros and ones, because any average of equal ones leaves a 0 exactly 0 and, to rounding, a 1
    where it is, in any number type; and of different ones moves a 0, however small the share.
    """
    digest = hashlib.blake2b(graph.left_offsets.tobytes(), digest_size=DIGEST_SIZE // 8)
    digest.update(graph.left_neighbors.tobytes())
    bits = np.unpackbits(np.frombuffer(digest.digest(), np.uint8))
    return torch.from_numpy(bits.astype(np.float32))


def is_digest_of(digest: Tensor, graph: BipartiteGraph) -> bool:
    """Whether a digest, maybe averaged with its like or cast, is that of a graph."""
    if digest.shape != (DIGEST_SIZE,):
        return False
    own, found = digest_of(graph), digest.detach().float().cpu()
    # An exponential average with decay 1 - w settles at 1 to within rounding / w.
    return bool(torch.where(own == 0, found == 0, (found - 1).abs() < 0.01).all())


def encoded(graph: BipartiteGraph) -> Tensor:
    """Return a graph as integers, shape (2 + n_in + n_links,).

    Numbers of inputs and outputs, the degree of each input, and the outputs it is linked to.
    """
    parts = (np.array(graph.shape), graph.left_degree, graph.left_neighbors)
    return torch.from_numpy(np.concatenate(parts).astype(np.int32))


def decoded(state: Any, shape: tuple[int, int]) -> BipartiteGraph:
    """Return the graph of :func:`encoded`, of a layer of the given shape.

    Raises
    ------
    ValueError
        If it is something else; before there is memory for what it says.
    """
    if isinstance(state, Tensor) and state.is_floating_point():
        raise ValueError(
            f"the graph in the state was cast to {state.dtype}: cast floating-point tensors only"
        )
    unreadable = ValueError("the state holds no graph that can be read")
    if not isinstance(state, Tensor) or state.dim() != 1 or state.is_meta:
        raise unreadable
    numbers = state.detach().cpu().numpy().astype(np.int64)
    if numbers.size < 2 or (numbers < 0).any() or numbers.size < 2 + numbers[0]:
        raise unreadable
    n_left, n_right = int(numbers[0]), int(numbers[1])
    if (n_left, n_right) != tuple(shape):
        raise ValueError(f"the state is of a layer {(n_left, n_right)}, this one is {shape}")
    degree, right = numbers[2 : 2 + n_left], numbers[2 + n_left :]
    if degree.sum() != right.size:
        raise unreadable
    return BipartiteGraph.from_links(np.repeat(np.arange(n_left), degree), right, (n_left, n_right))


def graph_of_state(
    layer: nn.Module, graph: BipartiteGraph, state: Mapping[str, Any], prefix: str
) -> BipartiteGraph | None:
    """Return the graph that a state_dict holds for a layer, None if it has no links of it.

    Raises
    ------
    ValueError
        If the state does not fit the layer, or its values not its graph.
    """
    own = {**dict(layer.named_parameters()), **dict(layer.named_buffers())}
    state = {k[len(prefix) :]: tensor for k, tensor in state.items() if k.startswith(prefix)}
    new = _links(own, graph, state)
    _check_shapes(own, graph if new is None else new, state)
    if new is not None and not _belong(state, new):
        raise ValueError(MIXED)
    return new


def _belong(state: Mapping[str, Any], graph: BipartiteGraph) -> bool:
    """Whether values in a state are of the graph in it: saved ones by their digest."""
    if getattr(state.get("values"), "links", graph) != graph:
        return False
    digest = state.get("links_digest")
    return digest is None or digest.is_meta or is_digest_of(digest, graph)


def _links(
    own: Mapping[str, Tensor], graph: BipartiteGraph, state: Mapping[str, Any]
) -> BipartiteGraph | None:
    if "weight" in state:
        raise ValueError(
            "the state is that of a dense layer; load it into the dense model, then sparsify it"
        )
    values = [name for name in own if name.startswith("values")]  # pruned: values_orig, values_mask
    found = [name for name in values if name in state]
    if not found and GRAPH_KEY not in state:
        return None
    if found != values or GRAPH_KEY not in state:
        raise ValueError("the state must have both the links and their values")
    new = decoded(state[GRAPH_KEY], graph.shape)
    if "values" not in own and new != graph:
        raise ValueError(
            "the state has other links, and the values here are pruned: make that permanent first "
            "(torch.nn.utils.prune.remove)"
        )
    if ("bias" in state) != ("bias" in own):
        there, here = ("a", "none") if "bias" in state else ("no", "one")
        raise ValueError(f"the state is of a layer with {there} bias, this one has {here}")
    return new


def _check_shapes(
    own: Mapping[str, Tensor], graph: BipartiteGraph, state: Mapping[str, Any]
) -> None:
    for name, tensor in own.items():
        shape = (graph.n_links,) if name == "values" else tuple(tensor.shape)
        if name in state and tuple(state[name].shape) != shape:
            raise ValueError(
                f"the state has {name} of shape {tuple(state[name].shape)}, it must be {shape}"
            )
