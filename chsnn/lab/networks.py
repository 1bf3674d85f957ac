"""The networks that a configuration can name, built for its data."""

from __future__ import annotations

import itertools
from typing import Any

from chgraph.topology import link_count
from chsnn.data import DataSet
from chsnn.evolution import Evolution
from chsnn.lab.config import RunConfig
from chsnn.networks import (
    Spikformer,
    SpikingConv,
    SpikingMLP,
    block_shapes,
    conv,
    hidden_shape,
    mlp,
    spikformer,
)
from chsnn.sparse import sparse_layers

Network = SpikingMLP | SpikingConv | Spikformer


def build_network(config: RunConfig, data: DataSet) -> Network:
    """Return the network of a configuration as it starts, before any training."""
    shared: dict[str, Any] = {
        "sparsity": config.sparsity,
        "encoding": config.encoding,
        "timesteps": config.timesteps,
        "neuron": config.neuron.build(),
        "weights": config.weights,
        "seed": config.seed,
    }
    if config.network == "mlp":
        # A dense output layer, that is never rewired.
        shared["sparsity"] = [*config.hidden_sparsities(), None]
        return mlp(
            (data.n_in, *config.hidden, data.n_classes),
            inputs=data.examples(),
            readout=config.readout,
            topology=config.topology,
            **shared,
        )
    shape: dict[str, Any] = {"in_shape": _in_shape(data), "n_classes": data.n_classes}
    if config.network == "spikformer":
        return spikformer(**shape, **config.spikformer.sizes(), **shared)
    return conv(config.network, **shape, width=config.width, **shared)


def check_links(config: RunConfig, data: DataSet) -> None:
    """Raise ValueError if a layer would have no link, at the start or at the end."""
    rewiring = config.rewiring_settings()
    final = rewiring.final_sparsity if isinstance(rewiring, Evolution) else None
    shapes = _shapes(config, data)
    first = [config.sparsity] * len(shapes)
    if config.network == "mlp":
        first = list(config.hidden_sparsities())
    for shape, sparsity in zip(shapes, first, strict=True):
        for asked in (sparsity, sparsity if final is None else final):
            link_count(*shape, asked)


def _shapes(config: RunConfig, data: DataSet) -> list[tuple[int, int]]:
    """Return inputs and outputs of every layer that is to be sparse."""
    if config.network == "mlp":
        return list(itertools.pairwise((data.n_in, *config.hidden)))
    if config.network == "spikformer":
        sizes = config.spikformer
        return list(block_shapes(sizes.dim, round(sizes.dim * sizes.mlp_ratio)).values())
    return [hidden_shape(config.network, in_shape=_in_shape(data), width=config.width)]


def _in_shape(data: DataSet) -> tuple[int, int, int]:
    if data.in_shape is None:
        raise ValueError(
            f"data must say the shape of an image, {data.name} does not: give in_shape"
        )
    return data.in_shape


def image_read(config: RunConfig, data: DataSet) -> tuple[int, int, int] | None:
    """Return the (C, H, W) of the image that the first sparse layer reads.

    None where it reads none: in a convolutional network or a Spikformer it comes behind other
    layers, even if it has as many inputs as the image has pixels.
    """
    return data.in_shape if config.network == "mlp" else None


def rewired_layers(network: Network) -> list[str]:
    """Return the names of the sparse layers but a dense output layer."""
    names = list(sparse_layers(network))
    return names if isinstance(network, Spikformer) else names[:-1]


def described(config: RunConfig, network: Network) -> list[int] | str:
    """Return what a report calls a network: the sizes of an MLP, else its name."""
    return list(network.sizes) if isinstance(network, SpikingMLP) else config.network
