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
from chgraph.rewiring import Wiring
from chgraph.topology import link_count, regular, spike_correlated
from chsnn.encoding import Encoder, Encoding
from chsnn.fused import SparseLIF, SparseReadout
from chsnn.layers import Backend, SparseLinear
from chsnn.networks.checks import check_drawing, check_graphs, check_parts
from chsnn.neurons import LIF, LIFNumbers
from chsnn.seeds import stream, torch_stream
from chsnn.sparse import sparse_layers
from chsnn.weights import Weights, initial_weights

Readout = Literal["potential", "rate"]
Topology = Literal["SSCTI", "regular"]
READOUTS = ("potential", "rate")
TOPOLOGIES = ("SSCTI", "regular")


class SpikingMLP(nn.Module):
    """Encoder, then sparse layers with LIF neurons, then a readout.

    :func:`mlp` builds one from sizes and sparsities; this constructor takes the graphs.

    Parameters
    ----------
    graphs : sequence of BipartiteGraph
        Topology of each layer, first to last.
    encoder : Encoder
    neuron : LIF
        Settings of all hidden neurons (and of the output neurons of the "rate" readout).
    readout : {"potential", "rate"}
        What counts as the score of a class: the mean over time of what the output neuron
        receives (a potential that integrates without leak or threshold), or the firing
        rate of LIF output neurons.
    backend : {"auto", "sparse", "dense"}
        Of every layer.
    activity_sparsity : float
        Fraction of (input, step) pairs without a spike, which SSWI asks for.

    Attributes
    ----------
    encoder : Encoder
    layers : ModuleList
        :class:`chsnn.SparseLIF` each; the last a :class:`chsnn.fused.SparseReadout` for the
        "potential" readout.
    readout : str

    Examples
    --------
    >>> import torch
    >>> import chgraph
    >>> import chsnn
    >>> layers = [
    ...     chgraph.topology.regular(8, 16, 0.5, rng=0),
    ...     chgraph.topology.regular(16, 3, 0.0, rng=0),
    ... ]
    >>> network = SpikingMLP(layers, encoder=chsnn.Encoder("direct", timesteps=4))
    >>> network(torch.rand(5, 8)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        graphs: Sequence[BipartiteGraph],
        *,
        encoder: Encoder,
        neuron: LIF | None = None,
        readout: Readout = "potential",
        backend: Backend = "auto",
        activity_sparsity: float = 0.5,
    ) -> None:
        super().__init__()
        graphs = check_graphs(graphs)
        check_choice("readout", readout, READOUTS)
        self.encoder, neuron = check_parts(encoder, neuron)
        self.readout: Readout = readout
        n_spiking = len(graphs) - (readout == "potential")
        layers: list[SparseLinear] = [
            SparseLIF(graph, neuron, backend=backend) for graph in graphs[:n_spiking]
        ]
        layers += [SparseReadout(graph, backend=backend) for graph in graphs[n_spiking:]]
        self.layers = nn.ModuleList(layers)
        layers[0].input_activity_sparsity = activity_sparsity

    @property
    def graphs(self) -> tuple[BipartiteGraph, ...]:
        """Topology of each layer."""
        return tuple(cast(SparseLinear, layer).graph for layer in self.layers)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of neurons of each layer, inputs first."""
        graphs = self.graphs
        return (graphs[0].n_left, *(graph.n_right for graph in graphs))

    @property
    def wiring(self) -> Wiring:
        """A path: each layer feeds the next and nothing else."""
        return Wiring.path({name: layer.graph for name, layer in sparse_layers(self).items()})

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Classify images (B, ...), or spikes [T, B, ...] with the encoding "none".

        Parameters
        ----------
        images : Tensor
        generator : torch.Generator, optional
            Of a random encoding; torch's global one if left out.

        Returns
        -------
        Tensor, shape (B, n_classes)
            Scores.
        """
        n_in = cast(SparseLinear, self.layers[0]).in_features
        x = self.encoder(self.encoder.flat(images, n_in), generator)
        steps = len(x)
        *hidden, last = self.layers
        if self.readout == "rate":
            for layer in hidden:
                x = layer(x)
            return last(x, rate=True)
        for layer in hidden[:-1]:
            x = layer(x)
        return last(hidden[-1](x, rate=True), steps=steps) if hidden else last(x)

    def specification(self) -> dict[str, Any]:
        """Return everything but graphs and tensors, as JSON-ready numbers and names."""
        first = cast(SparseLinear, self.layers[0])
        # Layers that densify has replaced have neurons too.
        neurons = [layer.neuron for layer in self.layers if hasattr(layer, "neuron")]
        return {
            "encoding": self.encoder.kind,
            "timesteps": self.encoder.timesteps,
            "neuron": cast(LIFNumbers, neurons[0]).settings if neurons else LIF().settings,
            "readout": self.readout,
            "backend": getattr(first, "backend", "auto"),
            "activity_sparsity": getattr(first, "input_activity_sparsity", 0.5),
            "shapes": [[layer.in_features, layer.out_features] for layer in self.layers],
        }

    @classmethod
    def from_specification(cls, specification: dict[str, Any]) -> SpikingMLP:
        """Rebuild a network from :meth:`specification`, without links: its state brings them."""
        return cls(
            [BipartiteGraph.from_links([], [], tuple(s)) for s in specification["shapes"]],
            encoder=Encoder(specification["encoding"], specification["timesteps"]),
            neuron=LIF(**specification["neuron"]),
            readout=specification["readout"],
            backend=specification["backend"],
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
        Images from which SSCTI learns how inputs correlate, encoded as the network does (with
        "none" spikes or counts over time, [T, N, ...]);
        without them the first layer starts as the others do, random and regular.
    encoding : {"direct", "even", "bernoulli", "none"}
        How inputs become what the first layer reads at every step; "none": they are spikes over
        time already, [T, B, n].
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
    check_choice("readout", readout, READOUTS)
    encoder, neuron = check_parts(Encoder(encoding, timesteps), neuron)
    check_drawing(weights, backend)
    spikes = None if inputs is None else _observe(encoder, inputs, plans[0].shape[0], seed)
    graphs = [
        _initial_graph(
            plan, spikes if topology == "SSCTI" else None, stream(seed, "topology", f"layers.{i}")
        )
        for i, plan in enumerate(plans)
    ]
    network = SpikingMLP(
        graphs,
        encoder=encoder,
        neuron=neuron,
        readout=readout,
        backend=backend,
        activity_sparsity=0.5 if spikes is None else _silent_share(encoder, spikes),
    )
    for name, layer in sparse_layers(network).items():
        layer.set_values(
            initial_weights(
                layer.graph,
                weights,
                v_th=float(np.mean(neuron.settings["v_th"])),
                activity_sparsity=layer.input_activity_sparsity,
                rng=stream(seed, "weights", name),
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
        link_count(*shape, value or 0.0)  # raises where no link would be left
        # A layer asked for sparsity 0 has no pair to regrow on: it is a dense layer.
        plans.append(_Plan(shape, value or None, reads_input=i == 0))
    return plans


def _observe(encoder: Encoder, inputs: Any, n_in: int, seed: int) -> np.ndarray:
    """Return what the first layer will read, (T, N, n_in), once if it is constant in time."""
    images = torch.as_tensor(inputs, dtype=torch.float32)
    if not bool(images.isfinite().all()):
        raise ValueError("inputs must be finite, got NaN or infinity")
    if encoder.kind == "none":
        if images.min() < 0.0:
            raise ValueError(f"inputs over time must not be negative, got {images.min():g}")
        return encoder.flat(images, n_in, name="inputs").numpy()
    if encoder.kind != "direct" and not 0.0 <= images.min() <= images.max() <= 1.0:
        raise ValueError(
            "inputs must have intensities in [0, 1] to become spikes, got "
            f"[{images.min():g}, {images.max():g}]"
        )
    images = encoder.flat(images, n_in, name="inputs")
    if encoder.kind == "direct":
        return images[None].numpy()
    return encoder(images, torch_stream(seed, "observe")).to(torch.uint8).numpy()


def _silent_share(encoder: Encoder, spikes: np.ndarray) -> float:
    """Return the S_t of SSWI: the share of silent inputs, of analogue ones 1 - their mean."""
    if encoder.kind == "none":  # counts may be larger than 1
        return float((spikes == 0).mean())
    return 1.0 - float(spikes.mean())


def _initial_graph(
    plan: _Plan, spikes: np.ndarray | None, rng: np.random.Generator
) -> BipartiteGraph:
    if plan.sparsity is None:
        return regular(*plan.shape, 0.0, rng=rng)
    if plan.reads_input and spikes is not None:
        return spike_correlated(spikes, plan.shape[1], plan.sparsity, rng=rng)
    return regular(*plan.shape, plan.sparsity, rng=rng)
