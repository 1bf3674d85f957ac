"""Weights and optimiser state over a change of links."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from chgraph.graph import BipartiteGraph
from chsnn.evolution.record import State
from chsnn.layers import SparseLinear
from chsnn.networks import SpikingMLP
from chsnn.optimizers import carry_state
from chsnn.seeds import stream
from chsnn.weights import sswi

NewWeights = Literal["zero", "SSWI", "last"]
NEW_WEIGHTS = ("zero", "SSWI", "last")


def rewire(
    layer: SparseLinear,
    graph: BipartiteGraph,
    optimizer: torch.optim.Optimizer | None,
    fresh: float | np.ndarray = 0.0,
) -> None:
    """Give a layer a new graph, with its weights and optimiser state; new links get `fresh`."""
    if graph is layer.graph or graph == layer.graph:
        return
    source = layer.set_graph(graph, new_values=fresh)
    if optimizer is not None:
        carry_state(optimizer, layer.values, source)


def new_values(
    kind: NewWeights,
    network: SpikingMLP,
    index: int,
    graph: BipartiteGraph,
    state: State,
    seed: int,
    step: int,
) -> float | np.ndarray:
    """Return the weights of the links of `graph` that the layer does not have yet, in order."""
    if kind == "zero":
        return 0.0
    is_new = network.sparse_layers[index].graph.link_ids(*graph.links()) < 0
    if kind == "SSWI":
        drawn = sswi(
            graph,
            v_th=float(network.neuron_settings["v_th"]),
            activity_sparsity=network.activity_sparsity if index == 0 else None,
            rng=stream(seed, "new weights", step, index),
        )
        return drawn[is_new]
    left, right = graph.links()
    return _recall(state, index, left[is_new] * graph.n_right + right[is_new])


def remember(state: State, index: int, layer: SparseLinear, kept: BipartiteGraph) -> None:
    """Keep the weights of the links that are about to go, in place of older ones."""
    left, right = layer.graph.links()
    gone = kept.link_ids(left, right) < 0
    codes = left[gone] * layer.graph.n_right + right[gone]
    values = layer.values.detach().cpu().numpy()[gone]
    old_codes, old_values = _memory(state, index)
    stays = ~np.isin(old_codes, codes, assume_unique=True)
    all_codes = np.concatenate([old_codes[stays], codes])
    order = np.argsort(all_codes)
    state[f"last_links.{index}"] = torch.from_numpy(all_codes[order])
    state[f"last_values.{index}"] = torch.from_numpy(
        np.concatenate([old_values[stays], values])[order]
    )


def _memory(state: State, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the former links (as left * n_right + right, ascending) and their weights."""
    if f"last_links.{index}" not in state:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    return state[f"last_links.{index}"].numpy(), state[f"last_values.{index}"].numpy()


def _recall(state: State, index: int, codes: np.ndarray) -> np.ndarray:
    known, values = _memory(state, index)
    found = np.zeros(codes.size, np.float32)
    if known.size:
        place = np.minimum(np.searchsorted(known, codes), known.size - 1)
        hit = known[place] == codes
        found[hit] = values[place[hit]]
    return found
