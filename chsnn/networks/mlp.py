"""The multilayer spiking network of the paper: linear layers that are graphs, LIF between."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from chgraph.checks import check_choice, check_positive_int
from chgraph.graph import BipartiteGraph
from chgraph.topology import link_count, regular, spike_correlated
from chsnn.encoding import Encoder, Encoding
from chsnn.layers import Backend, SparseLinear
from chsnn.neurons import LIF
from chsnn.seeds import stream, torch_stream
from chsnn.weights import Weights, initial_weights

Readout = Literal["potential", "rate"]
Topology = Literal["SSCTI", "regular"]
READOUTS = ("potential", "rate")
TOPOLOGIES = ("SSCTI", "regular")


class SpikingMLP(nn.Module):
    """Encoder, then sparse linear layers with LIF neurons between them, then a readout.

    :func:`mlp` builds one from sizes and sparsities; this constructor takes the graphs.

    Parameters
    ----------
    graphs : sequence of BipartiteGraph
        Topology of each layer, first to last.
    evolving : sequence of bool
        For each layer whether evolution may rewire it.
    encoder : Encoder
    neuron : LIF
        Settings of all hidden neurons (and of the output neurons of the "rate" readout).
    readout : {"potential", "rate"}
        What counts as the score of a class: the mean over time of what the output neuron
        receives (a potential that integrates without leak or threshold), or the firing
        rate of LIF output neurons.
    backend : {"auto", "sparse", "dense"}
        Of every :class:`SparseLinear`.
    target_links : sequence of (int or None), optional
        As the attribute; by default the links that each evolving layer has.
    activity_sparsity : float
        Fraction of (input, step) pairs without a spike, which SSWI asks for.

    Attributes
    ----------
    layers : ModuleList of SparseLinear
    neurons : ModuleList of LIF
    target_links : tuple of int or None
        Links that evolution keeps in each layer; None for a layer it leaves alone.
    neuron_settings : dict
        Settings of the hidden neurons.
    activity_sparsity : float
    """

    def __init__(
        self,
        graphs: Sequence[BipartiteGraph],
        evolving: Sequence[bool],
        *,
        encoder: Encoder,
        neuron: LIF,
        readout: Readout = "potential",
        backend: Backend = "auto",
        target_links: Sequence[int | None] | None = None,
        activity_sparsity: float = 0.5,
    ) -> None:
        super().__init__()
        check_choice("readout", readout, READOUTS)
        self.encoder = encoder
        self.readout: Readout = readout
        self.layers = nn.ModuleList(SparseLinear(graph, backend=backend) for graph in graphs)
        n_spiking = len(graphs) - (readout == "potential")
        self.neurons = nn.ModuleList(LIF(**neuron.settings) for _ in range(n_spiking))
        self.target_links: tuple[int | None, ...] = tuple(
            target_links
            if target_links is not None
            else (g.n_links if e else None for g, e in zip(graphs, evolving, strict=True))
        )
        self.neuron_settings: dict[str, Any] = dict(neuron.settings)
        self.activity_sparsity = activity_sparsity

    @property
    def sparse_layers(self) -> tuple[SparseLinear, ...]:
        """The linear layers, first to last."""
        return tuple(cast(SparseLinear, layer) for layer in self.layers)

    @property
    def graphs(self) -> tuple[BipartiteGraph, ...]:
        """Topology of each layer."""
        return tuple(layer.graph for layer in self.sparse_layers)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of neurons of each layer, inputs first."""
        graphs = self.graphs
        return (graphs[0].n_left, *(graph.n_right for graph in graphs))

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Classify images (B, n_in): scores (B, n_classes); `generator` serves the encoder."""
        x = self.encoder(images.flatten(1), generator)
        last = len(self.neurons) - 1
        for i, (layer, neuron) in enumerate(zip(self.layers, self.neurons, strict=False)):
            steps = x.shape[0]
            if steps < 2 or x.stride(0) != 0:
                x, _ = neuron(layer(x))
            elif i < last or self._is_watched(i):  # an image shown at every step
                x, _ = neuron(layer(x, steps="once"), steps=steps)
            else:
                rate = cast(SparseLinear, layer).firing_rate(x[0], cast(LIF, neuron), steps)
                if self.readout == "rate":
                    return rate
                return self.sparse_layers[-1].product(rate, look_for_spikes=False)
        return self.layers[-1](x, steps="mean") if self.readout == "potential" else x.mean(dim=0)

    def _is_watched(self, last: int) -> bool:
        """Whether a hook wants to see what the last neurons receive or when they spike."""
        seen = (self.layers[last], self.neurons[last], self.layers[-1])
        return any(module._forward_hooks or module._forward_pre_hooks for module in seen)

    def specification(self) -> dict[str, Any]:
        """Return everything but graphs and values, as JSON-ready numbers and names."""
        return {
            "kind": "mlp",
            "encoding": self.encoder.kind,
            "timesteps": self.encoder.timesteps,
            "neuron": dict(self.neuron_settings),
            "readout": self.readout,
            "backend": self.sparse_layers[0].backend,
            "target_links": list(self.target_links),
            "activity_sparsity": self.activity_sparsity,
        }

    @classmethod
    def from_specification(
        cls, specification: dict[str, Any], graphs: Sequence[BipartiteGraph]
    ) -> SpikingMLP:
        """Rebuild a network from :meth:`specification` and its graphs; values are 0."""
        targets = specification["target_links"]
        return cls(
            graphs,
            [target is not None for target in targets],
            encoder=Encoder(specification["encoding"], specification["timesteps"]),
            neuron=LIF(**specification["neuron"]),
            readout=specification["readout"],
            backend=specification["backend"],
            target_links=targets,
            activity_sparsity=specification["activity_sparsity"],
        )


@dataclasses.dataclass(frozen=True)
class _Plan:
    """How one layer starts: its shape, its sparsity (None: dense) and whether it reads input."""

    shape: tuple[int, int]
    sparsity: float | None
    reads_input: bool


def mlp(
    sizes: Sequence[int],
    *,
    sparsity: float | Sequence[float | None] = 0.99,
    inputs: Any = None,
    encoding: Encoding = "direct",
    timesteps: int = 8,
    neuron: LIF | None = None,
    readout: Readout = "potential",
    topology: Topology = "SSCTI",
    weights: Weights = "SSWI",
    backend: Backend = "auto",
    seed: int = 0,
) -> SpikingMLP:
    """Build a sparse spiking network: topology by SSCTI, weights by SSWI.

    Parameters
    ----------
    sizes : sequence of int
        Neurons of each layer, inputs first: ``(784, 1568, 10)``.
    sparsity : float or sequence of (float or None)
        Fraction of absent links of every layer but the last, which is dense; or one value
        per layer, None for a dense layer that is never rewired.
    inputs : array_like or Tensor, shape (N, sizes[0]), optional
        Images from which SSCTI learns how inputs correlate, encoded as the network does;
        without them the first layer starts as the others do, random and regular.
    encoding : {"direct", "even", "bernoulli"}
    timesteps : int
    neuron : LIF, optional
        Settings of the neurons; ``LIF()`` by default.
    readout : {"potential", "rate"}
    topology : {"SSCTI", "regular"}
        Of the first layer.
    weights : {"SSWI", "kaiming"}
    backend : {"auto", "sparse", "dense"}
    seed : int

    Returns
    -------
    SpikingMLP

    Raises
    ------
    ValueError
        If sizes and sparsities do not fit or a layer would have no link.

    Examples
    --------
    >>> network = mlp((64, 128, 10), sparsity=0.9, encoding="even", seed=1)
    >>> network.graphs
    (BipartiteGraph(64 x 128, 819 links, density 0.1),
     BipartiteGraph(128 x 10, 1280 links, density 1))
    >>> network(torch.rand(5, 64)).shape
    torch.Size([5, 10])
    """
    plans = _plans(sizes, sparsity)
    check_choice("topology", topology, TOPOLOGIES)
    neuron = LIF() if neuron is None else neuron
    encoder = Encoder(encoding, timesteps)
    spikes = None if inputs is None else _observe(encoder, inputs, plans[0].shape[0], seed)
    graphs = [
        _initial_graph(plan, spikes if topology == "SSCTI" else None, stream(seed, "topology", i))
        for i, plan in enumerate(plans)
    ]
    network = SpikingMLP(
        graphs,
        [plan.sparsity is not None for plan in plans],
        encoder=encoder,
        neuron=neuron,
        readout=readout,
        backend=backend,
        activity_sparsity=0.5 if spikes is None else 1.0 - float(spikes.mean()),
    )
    for i, (plan, layer) in enumerate(zip(plans, network.sparse_layers, strict=True)):
        layer.set_values(
            initial_weights(
                layer.graph,
                weights,
                v_th=neuron.settings["v_th"],
                activity_sparsity=network.activity_sparsity if plan.reads_input else None,
                rng=stream(seed, "weights", i),
            )
        )
    return network


def _plans(sizes: Sequence[int], sparsity: float | Sequence[float | None]) -> list[_Plan]:
    if len(sizes) < 2:
        raise ValueError(f"sizes must name inputs and outputs at least, got {tuple(sizes)}")
    for size in sizes:
        check_positive_int("sizes", size)
    n_layers = len(sizes) - 1
    per_layer: list[float | None]
    if isinstance(sparsity, Sequence):
        per_layer = list(sparsity)
    else:
        per_layer = [*[sparsity] * (n_layers - 1), None]
    if len(per_layer) != n_layers:
        raise ValueError(
            f"sparsity must be a number or have one entry for each of {n_layers} layers, "
            f"got {len(per_layer)}"
        )
    plans = []
    for i, value in enumerate(per_layer):
        shape = (int(sizes[i]), int(sizes[i + 1]))
        if value is not None:
            link_count(*shape, value)  # raises where no link would be left
        # A layer asked for sparsity 0 has no pair to regrow on: it is a dense layer.
        plans.append(_Plan(shape, value or None, reads_input=i == 0))
    return plans


def _observe(encoder: Encoder, inputs: Any, n_in: int, seed: int) -> np.ndarray:
    """Return what the first layer will read, (T, N, n_in), once if it is constant in time."""
    images = torch.as_tensor(inputs, dtype=torch.float32).flatten(1)
    if images.shape[1] != n_in:
        raise ValueError(f"inputs must have {n_in} values a sample, got {images.shape[1]}")
    if encoder.kind == "direct":
        return images[None].numpy()
    return encoder(images, torch_stream(seed, "observe")).to(torch.uint8).numpy()


def _initial_graph(
    plan: _Plan, spikes: np.ndarray | None, rng: np.random.Generator
) -> BipartiteGraph:
    if plan.sparsity is None:
        return regular(*plan.shape, 0.0, rng=rng)
    if plan.reads_input and spikes is not None:
        return spike_correlated(spikes, plan.shape[1], plan.sparsity, rng=rng)
    return regular(*plan.shape, plan.sparsity, rng=rng)
