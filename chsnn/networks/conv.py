"""The paper's convolutional networks: convolutions, then a sparse layer, then a dense readout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from chgraph.checks import check_choice, check_flag, check_positive_int, check_real, shown
from chgraph.graph import BipartiteGraph
from chgraph.rewiring import Junction, Wiring
from chgraph.topology import link_count, regular
from chsnn.encoding import Encoder, Encoding
from chsnn.fused import SparseLIF, SparseReadout
from chsnn.layers import Backend
from chsnn.networks.checks import InShape, check_drawing, check_graphs, check_in_shape, check_parts
from chsnn.networks.stages import POOLS, ConvStage, Pool, draw_weights, first_spikes, pooled
from chsnn.neurons import LIF
from chsnn.seeds import stream
from chsnn.sparse import sparse_layers
from chsnn.weights import Weights


@dataclass(frozen=True)
class Plan:
    """An architecture at full width.

    Attributes
    ----------
    stages : tuple of (int, str or None)
        Channels, and how their spikes are pooled.
    hidden : int
        Neurons of the sparse layer.
    """

    stages: tuple[tuple[int, Pool | None], ...]
    hidden: int


# CH-SNN, arXiv 2511.05581, appendix A.3. "6conv2fc" has five convolutions in print; its link
# counts are those of six, as in SD-SNN, from which it is taken.
PLANS = {
    "2conv2fc": Plan(((15, "average"), (40, "average")), 300),
    "6conv2fc": Plan(
        (
            (128, None),
            (128, "max"),
            (256, None),
            (256, "max"),
            (512, None),
            (512, None),
        ),
        512,
    ),
}


class SpikingConv(nn.Module):
    """Convolutional stages with LIF neurons, a sparse layer with its own, a dense readout.

    :func:`conv` builds one from sizes and sparsity; this constructor takes the graphs.

    Parameters
    ----------
    stages : sequence of (int, str or None)
        Channels, and how their spikes are pooled, of every stage.
    graphs : sequence of BipartiteGraph
        Topology of the two linear layers.
    in_shape : (int, int, int)
        Channels, height and width of the input.
    encoder : Encoder
    neuron : LIF
        Settings of all neurons.
    batch_norm : bool
    backend : {"auto", "sparse", "dense"}
        Of the linear layers.

    Attributes
    ----------
    encoder : Encoder
    stages : Sequential of ConvStage
    hidden : SparseLIF
    readout : SparseReadout

    Examples
    --------
    >>> import chsnn
    >>> network = chsnn.networks.conv(
    ...     "2conv2fc", in_shape=(1, 8, 8), n_classes=10, sparsity=0.95
    ... )
    >>> type(network).__name__
    'SpikingConv'
    >>> network.hidden.graph.shape
    (160, 300)
    """

    def __init__(
        self,
        stages: Any,
        graphs: Any,
        *,
        in_shape: InShape,
        encoder: Encoder,
        neuron: LIF | None = None,
        batch_norm: bool = True,
        backend: Backend = "auto",
    ) -> None:
        super().__init__()
        graphs = check_graphs(graphs, 2)
        stages = _checked_stages(stages)
        self.in_shape = check_in_shape(in_shape)
        self.encoder, neuron = check_parts(encoder, neuron)
        channels = [self.in_shape[0], *(n for n, _ in stages)]
        self.stages = nn.ModuleList(
            ConvStage(channels[i], n, neuron, batch_norm=batch_norm, pool=pool)
            for i, (n, pool) in enumerate(stages)
        )
        self.hidden = SparseLIF(graphs[0], neuron, backend=backend)
        self.readout = SparseReadout(graphs[1], backend=backend)
        self._plan = [[n, pool] for n, pool in stages]
        self._batch_norm = batch_norm

    @property
    def graphs(self) -> tuple[BipartiteGraph, ...]:
        """Topology of the linear layers, hidden and readout."""
        return tuple(layer.graph for layer in sparse_layers(self).values())

    @property
    def wiring(self) -> Wiring:
        """The hidden neurons: driven by "hidden" alone, read by "readout" alone."""
        if not {"hidden", "readout"} <= set(sparse_layers(self)):  # one is dense by now
            return Wiring()
        drives_itself = self.hidden.bias is not None
        size = self.hidden.out_features
        return Wiring((Junction(size, ("hidden",), ("readout",), open_in=drives_itself),))

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Classify images (B, C, H, W), flat ones (B, C * H * W), or frames over time.

        Parameters
        ----------
        images : Tensor
            With the encoding "none" spikes or counts over time, [T, B, C, H, W].
        generator : torch.Generator, optional
            Of a random encoding; torch's global one if left out.

        Returns
        -------
        Tensor, shape (B, n_classes)
            Scores: means over time.
        """
        first, *others = self.stages
        x = first_spikes(cast(ConvStage, first), self.encoder, images, self.in_shape, generator)
        for stage in others:
            x = stage(x)
        rates = self.hidden(x.flatten(2), rate=True)
        return self.readout(rates, steps=len(x))

    def specification(self) -> dict[str, Any]:
        """Return everything but graphs and tensors, as JSON-ready numbers and names."""
        return {
            "stages": self._plan,
            "in_shape": list(self.in_shape),
            "encoding": self.encoder.kind,
            "timesteps": self.encoder.timesteps,
            "neuron": cast(ConvStage, self.stages[0]).neurons.settings,
            "batch_norm": self._batch_norm,
            "backend": getattr(self.hidden, "backend", "auto"),
            "shapes": [[m.in_features, m.out_features] for m in (self.hidden, self.readout)],
        }

    @classmethod
    def from_specification(cls, specification: dict[str, Any]) -> SpikingConv:
        """Rebuild a network from :meth:`specification`, without links: its state brings them."""
        return cls(
            [(n, pool) for n, pool in specification["stages"]],
            [BipartiteGraph.from_links([], [], tuple(s)) for s in specification["shapes"]],
            in_shape=tuple(specification["in_shape"]),
            encoder=Encoder(specification["encoding"], specification["timesteps"]),
            neuron=LIF(**specification["neuron"]),
            batch_norm=specification["batch_norm"],
            backend=specification["backend"],
        )


def conv(
    name: str,
    *,
    in_shape: InShape,
    n_classes: int,
    sparsity: float = 0.95,
    width: float = 1.0,
    timesteps: int = 8,
    encoding: Encoding = "direct",
    neuron: LIF | None = None,
    batch_norm: bool = True,
    weights: Weights = "SSWI",
    backend: Backend = "auto",
    seed: int = 0,
) -> SpikingConv:
    """Build a convolutional spiking network with a sparse linear layer.

    Parameters
    ----------
    name : {"2conv2fc", "6conv2fc"}
        15C3-AP2-40C3-AP2-300-classes, or [128C3]x2-MP2-[256C3]x2-MP2-[512C3]x2-512-classes;
        all convolutions padded.
    in_shape : (int, int, int)
        Channels, height and width of the input: any that survive the pooling.
    n_classes : int
    sparsity : float
        Fraction of absent links of the hidden linear layer; the readout is dense.
    width : float
        Factor of all channels and of the hidden neurons.
    timesteps : int
    encoding : {"direct", "even", "bernoulli", "none"}
        "direct": the image is shown at every step, and the first convolution computed once.
        "none": the input is over time already, [T, B, C, H, W], as event frames are.
    neuron : LIF, optional
        Settings of the neurons; ``LIF()`` by default.
    batch_norm : bool
        After every convolution, over all steps and samples.
    weights : {"SSWI", "kaiming"}
        Of linear layers and convolutions: a convolution as a linear layer of its fan-in.
    backend : {"auto", "sparse", "dense"}
        Of the linear layers.
    seed : int

    Returns
    -------
    SpikingConv

    Raises
    ------
    ValueError
        If the name is unknown, a size is out of range, nothing is left after the pooling, or the
        sparse layer would have no link.

    Notes
    -----
    Every stage is convolution, norm, neurons, pooling of the spikes (of their averages with "AP").
    After convolutions the links start regular, each node with as many (CH-SNN, section 3.2.1):
    there are no input correlations to start from.

    With direct encoding a batch norm after the first convolution takes its statistics over the
    images, which are those over equal steps; its running variance is that of B, not T * B, samples.

    Examples
    --------
    >>> network = conv("2conv2fc", in_shape=(1, 28, 28), n_classes=10, width=0.2, timesteps=2)
    >>> network.graphs
    (BipartiteGraph(392 x 60, 1176 links, density 0.05),
     BipartiteGraph(60 x 10, 600 links, density 1))
    >>> network(torch.rand(3, 1, 28, 28)).shape
    torch.Size([3, 10])
    """
    n_features, hidden = hidden_shape(name, in_shape=in_shape, width=width)
    n_classes = check_positive_int("n_classes", n_classes)
    batch_norm = check_flag("batch_norm", batch_norm)
    link_count(n_features, hidden, sparsity)  # raises where no link would be left
    encoder, neuron = check_parts(Encoder(encoding, timesteps), neuron)
    check_drawing(weights, backend)
    stages = _stages(PLANS[name], width)
    graphs = (
        regular(n_features, hidden, sparsity, rng=stream(seed, "topology", "hidden")),
        regular(hidden, n_classes, 0.0, rng=stream(seed, "topology", "readout")),
    )
    network = SpikingConv(
        stages,
        graphs,
        in_shape=in_shape,
        encoder=encoder,
        neuron=neuron,
        batch_norm=batch_norm,
        backend=backend,
    )
    draw_weights(network, weights, v_th=float(np.mean(neuron.settings["v_th"])), seed=seed)
    return network


def hidden_shape(name: str, *, in_shape: InShape, width: float = 1.0) -> tuple[int, int]:
    """Return inputs and outputs of the sparse layer of :func:`conv`; arguments as there.

    Raises
    ------
    ValueError
        If the name is unknown, a size is out of range, or nothing is left after the pooling.

    Examples
    --------
    >>> hidden_shape("6conv2fc", in_shape=(3, 32, 32))
    (32768, 512)
    """
    plan = PLANS[check_choice("name", name, PLANS)]
    height, breadth = check_in_shape(in_shape)[1:]
    width = check_real("width", width, minimum=0.0, below=1e6)
    stages = _stages(plan, width)
    for _, pool in stages:
        height, breadth = pooled(height, pool), pooled(breadth, pool)
    if not height or not breadth:
        raise ValueError(f"in_shape must be larger: nothing of {in_shape} is left after pooling")
    return stages[-1][0] * height * breadth, _scaled(plan.hidden, width)


def _checked_stages(stages: Any) -> list[tuple[int, Pool | None]]:
    """Return channels and pooling of every stage, or raise."""
    if not isinstance(stages, Sequence) or not all(_is_stage(stage) for stage in stages):
        raise TypeError(
            "stages must be pairs of channels and None or one of "
            f"{', '.join(POOLS)}; got {shown(stages)}"
        )
    if not stages:
        raise ValueError("stages must be at least one, got none")
    return [(check_positive_int("stages", n), pool) for n, pool in stages]


def _is_stage(stage: Any) -> bool:
    return isinstance(stage, Sequence) and len(stage) == 2 and stage[1] in (None, *POOLS)


def _stages(plan: Plan, width: float) -> list[tuple[int, Pool | None]]:
    return [(_scaled(n, width), pool) for n, pool in plan.stages]


def _scaled(n: int, width: float) -> int:
    return max(1, round(n * width))
