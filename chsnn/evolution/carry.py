"""The weights of new links, and the memory of those that went."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from chgraph.graph import BipartiteGraph
from chsnn.evolution.state import RewiringState
from chsnn.seeds import stream
from chsnn.weights import initial_weights

NewWeights = Literal["zero", "SSWI", "kaiming", "last"]
NEW_WEIGHTS = ("zero", "SSWI", "kaiming", "last")


def new_values(
    kind: NewWeights, state: RewiringState, name: str, graph: BipartiteGraph
) -> float | np.ndarray:
    """Return the weights of the links of `graph` that the layer does not have yet, in order."""
    if kind == "zero":
        return 0.0
    layer = state.layers[name]
    is_new = layer.graph.link_ids(*graph.links()) < 0
    if kind == "SSWI" or kind == "kaiming":
        drawn = initial_weights(
            graph,
            kind,
            v_th=state.thresholds[name],
            activity_sparsity=layer.input_activity_sparsity,
            rng=stream(state.seed, "new weights", state.events, name),
        )
        return drawn[is_new]
    left, right = graph.links()
    return _recall(state, name, left[is_new] * graph.n_right + right[is_new])


def remember(state: RewiringState, name: str, kept: BipartiteGraph) -> None:
    """Keep the weights of the links that are about to go, in place of older ones."""
    layer = state.layers[name]
    left, right = layer.graph.links()
    gone = kept.link_ids(left, right) < 0
    codes = left[gone] * layer.graph.n_right + right[gone]
    half = layer.values.dtype in (torch.bfloat16, torch.float16)  # which numpy does not know
    weights = layer.values.detach().float() if half else layer.values.detach()
    values = weights.cpu().numpy()[gone]
    old_codes, old_values = _memory(state, name)
    stays = ~np.isin(old_codes, codes, assume_unique=True)
    all_codes = np.concatenate([old_codes[stays], codes])
    order = np.argsort(all_codes)
    state.memory[f"last_links.{name}"] = torch.from_numpy(all_codes[order])
    state.memory[f"last_values.{name}"] = torch.from_numpy(
        np.concatenate([old_values[stays], values])[order]
    )


def _memory(state: RewiringState, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the former links (as left * n_right + right, ascending) and their weights."""
    if f"last_links.{name}" not in state.memory:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    links, values = state.memory[f"last_links.{name}"], state.memory[f"last_values.{name}"]
    return links.numpy(), values.numpy()


def _recall(state: RewiringState, name: str, codes: np.ndarray) -> np.ndarray:
    known, values = _memory(state, name)
    found = np.zeros(codes.size, values.dtype)
    if known.size:
        place = np.minimum(np.searchsorted(known, codes), known.size - 1)
        hit = known[place] == codes
        found[hit] = values[place[hit]]
    return found
