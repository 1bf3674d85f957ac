"""Parts of convolutional spiking networks: time is a batch dimension, but inside the neurons."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from chgraph.graph import BipartiteGraph
from chgraph.topology import regular
from chsnn.encoding import Encoder
from chsnn.layers import SparseLinear
from chsnn.networks.checks import InShape
from chsnn.neurons import LIF
from chsnn.observe import standing_for
from chsnn.seeds import stream
from chsnn.weights import Weights, initial_weights

Pool = Literal["average", "max", "overlapping max"]
POOLS: dict[str, Callable[[], nn.Module]] = {
    "average": lambda: nn.AvgPool2d(2),
    "max": lambda: nn.MaxPool2d(2),
    # As Spikformer has it: windows of three, half as many.
    "overlapping max": lambda: nn.MaxPool2d(3, stride=2, padding=1),
}


class ConvStage(nn.Module):
    """A 3 x 3 convolution, batch norm if asked for, LIF neurons, pooling if asked for.

    Parameters
    ----------
    n_in, n_out : int
        Channels.
    neuron : LIF
        Settings of the neurons.
    batch_norm : bool
        Then the convolution has no bias: the norm takes away any.
    pool : {"average", "max", "overlapping max"}, optional
        Of the spikes.

    Examples
    --------
    >>> stage = ConvStage(2, 4, LIF(), pool="max")
    >>> stage(torch.rand(5, 3, 2, 8, 8)).shape  # T, B, C, H, W
    torch.Size([5, 3, 4, 4, 4])
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        neuron: LIF,
        *,
        batch_norm: bool = False,
        pool: Pool | None = None,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, 3, padding=1, bias=not batch_norm)
        self.norm = nn.BatchNorm2d(n_out) if batch_norm else nn.Identity()
        self.neurons = LIF(**neuron.settings)
        self.pool = nn.Identity() if pool is None else POOLS[pool]()

    def forward(self, x: Tensor, *, steps: int | None = None) -> Tensor:
        """Run all time steps.

        Parameters
        ----------
        x : Tensor, shape (T, B, C, H, W); with `steps` one input (B, C, H, W)
        steps : int, optional
            How often the input is shown. What comes before the neurons is computed once then.

        Returns
        -------
        Tensor, shape (T, B, C', H', W')
            Spikes, or averages of them.
        """
        if steps is None:
            current = over_steps(lambda y: self.norm(self.conv(y)), x)
        else:
            with standing_for(steps):
                current = self.norm(self.conv(x))
        spikes, _ = self.neurons(current, steps=steps)
        return over_steps(self.pool, spikes)


def over_steps(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply what knows no time to every step of (T, B, ...), all in one batch."""
    y = function(x.flatten(0, 1))
    return y.unflatten(0, x.shape[:2])


def pooled(side: int, pool: Pool | None) -> int:
    """Return the side of an image after pooling."""
    if pool is None:
        return side
    return (side + 1) // 2 if pool == "overlapping max" else side // 2


def first_spikes(
    stage: ConvStage,
    encoder: Encoder,
    images: Tensor,
    in_shape: InShape,
    generator: torch.Generator | None,
) -> Tensor:
    """Return what a first stage makes of images (flat ones too) or of frames over time.

    An image that is shown at every step is convolved once.
    """
    flat = encoder.flat(images, math.prod(in_shape))
    if encoder.kind == "direct":
        return stage(flat.unflatten(1, in_shape), steps=encoder.timesteps)
    return stage(encoder(flat, generator).unflatten(2, in_shape))


def draw_weights(network: nn.Module, kind: Weights, *, v_th: float, seed: int) -> None:
    """Draw the weights of all sparse layers and convolutions, each from a stream of its name.

    A convolution gets them as a hidden linear layer of its fan-in does. Without a norm behind it,
    and so with a bias, twice as large: the variance of SSWI is made for neurons whose membrane is
    half charged already, and here hardly any would fire from the third stage on. So about a fifth
    of them do at every step, the rate that SSWI is to keep up.

    Parameters
    ----------
    network : Module
    kind : {"SSWI", "kaiming"}
    v_th : float
        Threshold of its neurons.
    seed : int
    """

    def drawn(graph: BipartiteGraph, name: str) -> np.ndarray:
        rng = stream(seed, "weights", name)
        return initial_weights(graph, kind, v_th=v_th, activity_sparsity=None, rng=rng)

    for name, module in network.named_modules():
        if isinstance(module, SparseLinear):
            module.set_values(drawn(module.graph, name))
        elif isinstance(module, nn.Conv2d | nn.Linear):
            dense = module.weight.flatten(1)
            full = regular(dense.shape[1], dense.shape[0], 0.0, rng=0)
            weights = torch.from_numpy(drawn(full, name)).view(full.shape).T
            with torch.no_grad():
                module.weight.copy_(weights.reshape(module.weight.shape))
                if module.bias is not None:
                    module.bias.zero_()
                    if isinstance(module, nn.Conv2d):
                        module.weight.mul_(2.0)
