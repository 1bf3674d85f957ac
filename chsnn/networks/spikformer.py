"""Spikformer: spiking patches, self-attention of spikes, all linear layers of its blocks sparse."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from chgraph.checks import check_positive_int, check_real
from chgraph.graph import BipartiteGraph
from chgraph.rewiring import Junction, Wiring
from chgraph.topology import link_count, regular
from chsnn.encoding import Encoder, Encoding
from chsnn.layers import Backend
from chsnn.networks.attention import SpikingBlock
from chsnn.networks.checks import InShape, check_blocks, check_drawing, check_in_shape, check_parts
from chsnn.networks.stages import ConvStage, Pool, draw_weights, first_spikes, pooled
from chsnn.neurons import LIF
from chsnn.seeds import stream
from chsnn.sparse import sparse_layers
from chsnn.weights import Weights

# Of the authors' code for CIFAR10-DVS; the defaults of :func:`spikformer` are theirs for CIFAR.
CIFAR10_DVS = MappingProxyType(
    {
        "in_shape": (2, 128, 128),
        "n_classes": 10,
        "dim": 256,
        "depth": 2,
        "heads": 16,
        "patch": 16,
        "timesteps": 16,
        "scale": 0.25,
        "encoding": "none",
    }
)
_BLOCK_LAYERS = ("q", "k", "v", "projection", "fc1", "fc2")
_N_STAGES = 4  # of patch splitting: an eighth, a quarter, half and all of the channels


class Spikformer(nn.Module):
    """Spiking patch splitting, blocks of attention, a dense head on the mean over tokens and time.

    :func:`spikformer` builds one from sizes and sparsity; this constructor takes the graphs.

    Parameters
    ----------
    graphs : sequence of dict
        Topologies of every block.
    in_shape : (int, int, int)
    n_classes : int
    patch : int
        Side of the square of pixels that becomes a token: a power of 2, at most 16.
    encoder : Encoder
    neuron : LIF
    heads : int
    scale : float
    backend : {"auto", "sparse", "dense"}

    Attributes
    ----------
    encoder : Encoder
    patches : ModuleList of ConvStage
    position : ConvStage
        Relative position: a convolution whose spikes are added to the tokens.
    blocks : ModuleList of SpikingBlock
    head : Linear

    Examples
    --------
    >>> import chsnn
    >>> network = chsnn.networks.spikformer(
    ...     in_shape=(1, 8, 8),
    ...     n_classes=10,
    ...     dim=32,
    ...     depth=1,
    ...     heads=2,
    ...     patch=2,
    ...     sparsity=0.9,
    ... )
    >>> type(network).__name__, len(chsnn.sparse_layers(network))
    ('Spikformer', 6)
    """

    def __init__(
        self,
        graphs: Any,
        *,
        in_shape: InShape,
        n_classes: int,
        patch: int,
        encoder: Encoder,
        neuron: LIF,
        heads: int,
        scale: float,
        backend: Backend = "auto",
    ) -> None:
        super().__init__()
        graphs = check_blocks(graphs, _BLOCK_LAYERS)
        self.in_shape = check_in_shape(in_shape)
        self.encoder, neuron = check_parts(encoder, neuron)
        dim = graphs[0]["q"].n_left
        _check_sizes(self.in_shape, dim, heads, patch)
        n_classes = check_positive_int("n_classes", n_classes)
        scale = check_real("scale", scale, minimum=0.0)
        channels = [self.in_shape[0], dim // 8, dim // 4, dim // 2, dim]
        pools = _pools(patch)
        self.patches = nn.ModuleList(
            ConvStage(channels[i], channels[i + 1], neuron, batch_norm=True, pool=pools[i])
            for i in range(_N_STAGES)
        )
        self.position = ConvStage(dim, dim, neuron, batch_norm=True)
        self.blocks = nn.ModuleList(
            SpikingBlock(block, neuron, heads=heads, scale=scale, backend=backend)
            for block in graphs
        )
        self.head = nn.Linear(dim, n_classes)
        self._settings = {"patch": patch, "heads": heads, "scale": scale, "backend": backend}

    @property
    def wiring(self) -> Wiring:
        """What the sparse layers of each block drive and read.

        A norm gives neurons without input a life of their own, so populations are open on the side
        of their sources. What "q" and "k" drive is read by products of each other; the neurons
        behind attention are driven by products, and read by "projection" alone, as those of "fc1"
        are by "fc2". A channel of "v" drives the neuron of its own place behind attention and no
        other: it is dead where "projection" does not read that.
        """
        layers = sparse_layers(self)
        junctions = []
        for i in range(len(self.blocks)):
            for source, target in (("attention.v", "attention.projection"), ("fc1", "fc2")):
                names = [f"blocks.{i}.{name}.linear" for name in (source, target)]
                if names[1] in layers:
                    driving = (names[0],) if names[0] in layers else ()
                    size = layers[names[1]].in_features
                    junctions.append(Junction(size, driving, (names[1],), open_in=True))
        return Wiring(tuple(junctions))

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
            Scores: of the mean over tokens and time.
        """
        x = self._tokens(images, generator)
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean(dim=(0, 2)))

    def _tokens(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the patches of images as tokens of spikes, (T, B, N, dim)."""
        first, *others = self.patches
        x = first_spikes(cast(ConvStage, first), self.encoder, images, self.in_shape, generator)
        for stage in others:
            x = stage(x)
        channels_first = (x + self.position(x)).flatten(3).movedim(2, 0)
        return channels_first.contiguous().movedim(0, -1)  # the memory that sparse layers read

    def specification(self) -> dict[str, Any]:
        """Return everything but graphs and tensors, as JSON-ready numbers and names."""
        block = cast(SpikingBlock, self.blocks[0])
        return {
            **self._settings,
            "in_shape": list(self.in_shape),
            "n_classes": self.head.out_features,
            "encoding": self.encoder.kind,
            "timesteps": self.encoder.timesteps,
            "neuron": self.position.neurons.settings,
            "depth": len(self.blocks),
            "dim": self.head.in_features,
            "hidden": cast(nn.Linear, block.fc1.linear).out_features,
        }

    @classmethod
    def from_specification(cls, specification: dict[str, Any]) -> Spikformer:
        """Rebuild a network from :meth:`specification`, without links: its state brings them."""
        empty = {
            name: BipartiteGraph.from_links([], [], shape)
            for name, shape in block_shapes(specification["dim"], specification["hidden"]).items()
        }
        return cls(
            [dict(empty) for _ in range(specification["depth"])],
            in_shape=tuple(specification["in_shape"]),
            n_classes=specification["n_classes"],
            patch=specification["patch"],
            encoder=Encoder(specification["encoding"], specification["timesteps"]),
            neuron=LIF(**specification["neuron"]),
            heads=specification["heads"],
            scale=specification["scale"],
            backend=specification["backend"],
        )


def spikformer(
    *,
    in_shape: InShape = (3, 32, 32),
    n_classes: int = 10,
    sparsity: float = 0.95,
    dim: int = 384,
    depth: int = 4,
    heads: int = 12,
    mlp_ratio: float = 4.0,
    patch: int = 4,
    timesteps: int = 4,
    scale: float = 0.125,
    encoding: Encoding = "direct",
    neuron: LIF | None = None,
    weights: Weights = "SSWI",
    backend: Backend = "auto",
    seed: int = 0,
) -> Spikformer:
    """Build a Spikformer whose blocks have sparse linear layers only.

    The defaults are those of its authors for CIFAR; :data:`chsnn.networks.CIFAR10_DVS` holds theirs
    for CIFAR10-DVS: ``spikformer(**CIFAR10_DVS)``.

    Parameters
    ----------
    in_shape : (int, int, int)
        Channels, height and width of the input.
    n_classes : int
    sparsity : float
        Fraction of absent links of q, k, v, projection, fc1 and fc2 of every block. Convolutions
        and head are dense.
    dim : int
        Channels of a token: divisible by 8 and by `heads`.
    depth, heads : int
        Blocks, and heads of attention.
    mlp_ratio : float
        Neurons between fc1 and fc2, in terms of dim.
    patch : int
        Side of the square of pixels that becomes a token: 1, 2, 4, 8 or 16.
    timesteps : int
    scale : float
        Factor of the products of attention.
    encoding : {"direct", "even", "bernoulli", "none"}
        As for :func:`chsnn.networks.conv`.
    neuron : LIF, optional
        Settings of the neurons; ``LIF()`` by default. Those behind attention have half the
        threshold.
    weights : {"SSWI", "kaiming"}
    backend : {"auto", "sparse", "dense"}
    seed : int

    Returns
    -------
    Spikformer

    Raises
    ------
    ValueError
        If sizes do not fit, or a layer would have no link.

    Notes
    -----
    Links start regular, each node with as many (CH-SNN, section 3.2.1).

    References
    ----------
    Zhou et al., Spikformer, ICLR 2023 (arXiv 2209.15425).

    Examples
    --------
    >>> model = spikformer(in_shape=(1, 8, 8), dim=16, depth=1, heads=2, patch=2, sparsity=0.5)
    >>> model(torch.rand(3, 1, 8, 8)).shape
    torch.Size([3, 10])
    >>> list(sparse_layers(model))[:2]
    ['blocks.0.attention.q.linear', 'blocks.0.attention.k.linear']
    """
    in_shape = check_in_shape(in_shape)
    for name, value in (("dim", dim), ("depth", depth)):
        check_positive_int(name, value)
    _check_sizes(in_shape, dim, heads, patch)
    hidden = round(dim * mlp_ratio) if math.isfinite(mlp_ratio) else 0
    if hidden < 1:
        raise ValueError(f"mlp_ratio must leave neurons between the layers, got {mlp_ratio}")
    n_classes = check_positive_int("n_classes", n_classes)
    for shape in block_shapes(dim, hidden).values():
        link_count(*shape, sparsity)  # raises where no link would be left
    encoder, neuron = check_parts(Encoder(encoding, timesteps), neuron)
    check_drawing(weights, backend)
    graphs = [_graphs(i, dim, hidden, sparsity, seed) for i in range(depth)]
    network = Spikformer(
        graphs,
        in_shape=in_shape,
        n_classes=n_classes,
        patch=patch,
        encoder=encoder,
        neuron=neuron,
        heads=heads,
        scale=scale,
        backend=backend,
    )
    draw_weights(network, weights, v_th=float(np.mean(neuron.settings["v_th"])), seed=seed)
    return network


def _check_sizes(in_shape: InShape, dim: int, heads: int, patch: int) -> None:
    """Raise if channels cannot be shared among heads and stages, or patches not cut."""
    for name, value in (("heads", heads), ("patch", patch)):
        check_positive_int(name, value)
    if dim % 8 or dim % heads:
        raise ValueError(f"dim must be divisible by 8 and by the {heads} heads, got {dim}")
    pools = _pools(patch)
    if any(_reduced(side, pools) * patch != side for side in in_shape[1:]):
        raise ValueError(f"patch must divide height and width of {in_shape}, got {patch}")


def _pools(patch: int) -> list[Pool | None]:
    """Return how every stage of patch splitting pools: the last ones halve the image."""
    n_halvings = patch.bit_length() - 1
    if patch < 1 or patch != 1 << n_halvings or n_halvings > _N_STAGES:
        raise ValueError(f"patch must be 1, 2, 4, 8 or 16, got {patch}")
    none: list[Pool | None] = [None] * (_N_STAGES - n_halvings)
    return [*none, *(["overlapping max"] * n_halvings)]  # type: ignore[list-item]


def _reduced(side: int, pools: list[Pool | None]) -> int:
    for pool in pools:
        side = pooled(side, pool)
    return side


def block_shapes(dim: int, hidden: int) -> dict[str, tuple[int, int]]:
    """Return inputs and outputs of every sparse layer of a block.

    Examples
    --------
    >>> block_shapes(384, 1536)["fc1"]
    (384, 1536)
    """
    square = {name: (dim, dim) for name in ("q", "k", "v", "projection")}
    return {**square, "fc1": (dim, hidden), "fc2": (hidden, dim)}


def _graphs(
    block: int, dim: int, hidden: int, sparsity: float, seed: int
) -> dict[str, BipartiteGraph]:
    graphs = {}
    for name, shape in block_shapes(dim, hidden).items():
        rng = stream(seed, "topology", f"blocks.{block}.{name}")
        graphs[name] = regular(*shape, sparsity, rng=rng)
    return graphs
