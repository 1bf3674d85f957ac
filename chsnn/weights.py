"""Initial weights: SSWI, and Kaiming's for comparison."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from chgraph.checks import as_generator, check_choice, check_real
from chgraph.graph import BipartiteGraph
from chsnn.fused import SparseLIF, SparseReadout
from chsnn.layers import SparseLinear
from chsnn.neurons import LIFNumbers

Weights = Literal["SSWI", "kaiming"]
WEIGHTS = ("SSWI", "kaiming")
_WEIGHTS_BEFORE_NEURONS = (
    nn.Linear,
    SparseLinear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.MultiheadAttention,
)


def sswi(
    graph: BipartiteGraph,
    *,
    v_th: float = 1.0,
    activity_sparsity: float | None = None,
    rng: Any = None,
) -> np.ndarray:
    r"""Draw weights that keep spike trains alive in a sparse spiking network (SSWI).

    Normal with mean 0 and variance S_t / (n (1 - S_s)) in the layer that reads the input,
    theta^2 sqrt(pi) / (sqrt(2) e^(-1/2) n (1 - S_s)) in every other one; n is the layer's
    input width, S_s its sparsity (0 in a dense output layer), theta the threshold.

    Parameters
    ----------
    graph : BipartiteGraph
    v_th : float
        Firing threshold theta of the layer's neurons.
    activity_sparsity : float, optional
        S_t, the fraction of (input, step) pairs without a spike, in [0, 1], for the layer
        that reads the input; left out for every other layer.
    rng : int, numpy Generator or None
        Seed or generator.

    Returns
    -------
    ndarray of float32, shape (n_links,)

    Raises
    ------
    ValueError
        If `activity_sparsity` is outside [0, 1] or `v_th` negative.

    References
    ----------
    CH-SNN, arXiv 2511.05581, equations 3 and 18.

    Examples
    --------
    >>> dense = BipartiteGraph.from_biadjacency(np.ones((100, 400)))
    >>> round(float(sswi(dense, rng=0).var() * 100), 1)
    2.1
    """
    v_th = check_real("v_th", v_th, minimum=0.0)
    if activity_sparsity is None:
        gain = v_th**2 * math.sqrt(math.pi) / (math.sqrt(2.0) * math.exp(-0.5))
    else:
        gain = check_real("activity_sparsity", activity_sparsity, minimum=0.0, below=1.0 + 1e-12)
    return _normal(graph, gain, rng)


def kaiming(graph: BipartiteGraph, *, rng: Any = None) -> np.ndarray:
    """Draw normal weights of variance 2 / (n (1 - S_s)), float32 of shape (n_links,)."""
    return _normal(graph, 2.0, rng)


def initial_weights(
    graph: BipartiteGraph,
    kind: Weights,
    *,
    v_th: float,
    activity_sparsity: float | None,
    rng: Any,
) -> np.ndarray:
    """Draw the weights of one layer by the named rule; arguments as in :func:`sswi`."""
    check_choice("weights", kind, WEIGHTS)
    if kind == "kaiming":
        return kaiming(graph, rng=rng)
    return sswi(graph, v_th=v_th, activity_sparsity=activity_sparsity, rng=rng)


def input_gain(model: nn.Module, name: str) -> tuple[float, float]:
    """Return the threshold of the neurons behind a layer, and the factor of what they receive.

    The neurons are the layer's own, or the first that come after it in the model: before another
    linear layer or convolution in an ``nn.Sequential``, whose modules run in their order, and
    anywhere else (or before it, if none comes after) where the order says nothing. chsnn's take
    their input as it is, Norse's times ``dt * tau_mem_inv``. Threshold 1 and factor 1 where there
    are none.

    Examples
    --------
    >>> from chsnn import LIF
    >>> input_gain(nn.Sequential(nn.Linear(2, 2), LIF(v_th=0.5), nn.Linear(2, 2)), "0")
    (0.5, 1.0)
    """
    modules = dict(model.named_modules())
    layer = modules[name]
    if isinstance(layer, SparseLIF):
        return float(layer.neuron.v_th.detach().mean()), 1.0
    if isinstance(layer, SparseReadout):
        return 1.0, 1.0
    in_order = isinstance(modules[name.rpartition(".")[0]], nn.Sequential)
    names = list(modules)
    place = names.index(name) + 1
    for other in names[place:] if in_order else names[place:] + names[:place]:
        module = modules[other]
        if in_order and isinstance(module, _WEIGHTS_BEFORE_NEURONS):
            break
        is_fused = isinstance(modules[other.rpartition(".")[0]], SparseLIF)
        if not is_fused and (found := _neurons(module)) is not None:
            return found
    return 1.0, 1.0


def _neurons(module: nn.Module) -> tuple[float, float] | None:
    """Return threshold and factor of the input of neurons; None for any other module."""
    if isinstance(module, LIFNumbers):
        return float(module.v_th.detach().mean()), 1.0
    numbers: Any = getattr(module, "p", None)
    if not hasattr(numbers, "v_th") or not hasattr(numbers, "tau_mem_inv"):
        return None
    rate, v_th = (torch.as_tensor(x).detach().double() for x in (numbers.tau_mem_inv, numbers.v_th))
    gain = float(rate.mean()) * float(getattr(module, "dt", 0.001))
    return float(v_th.mean()), gain


def _normal(graph: BipartiteGraph, gain: float, rng: Any) -> np.ndarray:
    if graph.n_links == 0:
        return np.empty(0, dtype=np.float32)
    deviation = math.sqrt(gain / (graph.n_left * graph.density))
    return (as_generator(rng).standard_normal(graph.n_links) * deviation).astype(np.float32)
