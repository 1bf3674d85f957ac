"""Self-attention among spikes, its linear layers sparse; time is a batch dimension around it."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from chgraph.graph import BipartiteGraph
from chsnn.layers import Backend, SparseLinear
from chsnn.neurons import LIF

_ATTENTION_THRESHOLD = 0.5  # of the neurons that attention drives, in terms of the others'


class SpikingLinear(nn.Module):
    """A sparse layer, batch norm over its outputs, LIF neurons: (T, B, N, n_in) to (..., n_out).

    Parameters
    ----------
    graph : BipartiteGraph
    neuron : LIF
        Settings of the neurons.
    backend : {"auto", "sparse", "dense"}

    Notes
    -----
    No bias: the norm takes away any.
    """

    def __init__(self, graph: BipartiteGraph, neuron: LIF, *, backend: Backend = "auto") -> None:
        super().__init__()
        self.linear = SparseLinear(graph, backend=backend)
        self.norm = nn.BatchNorm1d(graph.n_right)
        self.neurons = LIF(**neuron.settings)

    def forward(self, x: Tensor) -> Tensor:
        """Run all time steps."""
        rows = self.linear(x.flatten(0, -2))
        spikes, _ = self.neurons(over_channels(self.norm, rows).unflatten(0, x.shape[:-1]))
        return spikes


def over_channels(norm: nn.BatchNorm1d, rows: Tensor) -> Tensor:
    """Normalize rows (N, C) channel by channel: as one sample (1, C, N), of the same statistics.

    A sparse layer's output has this memory already, and so have its readers; torch's own way over
    rows takes several times as long on a CPU.
    """
    return norm(rows.t().contiguous()[None])[0].t()


class SpikingAttention(nn.Module):
    """Self-attention of spikes: q k^T v without softmax, scaled, and fired by neurons.

    Parameters
    ----------
    graphs : dict
        Topology of "q", "k", "v" and "projection", each (dim, dim).
    neuron : LIF
    heads : int
        By which dim is divisible.
    scale : float
        Factor of the products.
    backend : {"auto", "sparse", "dense"}

    References
    ----------
    Zhou et al., Spikformer, ICLR 2023 (arXiv 2209.15425), equations 11 to 13.
    """

    def __init__(
        self,
        graphs: dict[str, BipartiteGraph],
        neuron: LIF,
        *,
        heads: int,
        scale: float,
        backend: Backend = "auto",
    ) -> None:
        super().__init__()
        self.q, self.k, self.v, self.projection = (
            SpikingLinear(graphs[name], neuron, backend=backend)
            for name in ("q", "k", "v", "projection")
        )
        v_th = float(np.mean(neuron.settings["v_th"])) * _ATTENTION_THRESHOLD
        self.neurons = LIF(**{**neuron.settings, "v_th": v_th})
        self.heads, self.scale = heads, scale

    def forward(self, x: Tensor) -> Tensor:
        """Attend among the tokens of every sample and step: (T, B, N, dim) to the same."""
        q, k, v = (self._by_head(layer(x)) for layer in (self.q, self.k, self.v))
        # Without a softmax the products can be taken in either order; the cheaper one first.
        n_tokens, head_dim = q.shape[-2:]
        if n_tokens > head_dim:
            attended = q @ (k.transpose(-2, -1) @ v)
        else:
            attended = (q @ k.transpose(-2, -1)) @ v
        joined = attended.transpose(-3, -2).flatten(-2) * self.scale
        spikes, _ = self.neurons(joined)
        return self.projection(spikes)

    def _by_head(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)


class SpikingBlock(nn.Module):
    """Attention and a two-layer perceptron, each added to what it reads.

    Parameters
    ----------
    graphs : dict
        Topology of "q", "k", "v", "projection", "fc1" and "fc2".
    neuron, heads, scale, backend
        As for :class:`SpikingAttention`.
    """

    def __init__(
        self,
        graphs: dict[str, BipartiteGraph],
        neuron: LIF,
        *,
        heads: int,
        scale: float,
        backend: Backend = "auto",
    ) -> None:
        super().__init__()
        self.attention = SpikingAttention(graphs, neuron, heads=heads, scale=scale, backend=backend)
        self.fc1 = SpikingLinear(graphs["fc1"], neuron, backend=backend)
        self.fc2 = SpikingLinear(graphs["fc2"], neuron, backend=backend)

    def forward(self, x: Tensor) -> Tensor:
        """Run all time steps: (T, B, N, dim) to the same."""
        x = x + self.attention(x)
        return x + self.fc2(self.fc1(x))
