"""The gradient of the loss with respect to weights that do not exist (yet).

A layer's dense weight gradient is the product of what came in and of what the loss says about
what went out. Both pass through the layer in any backward pass; keeping them is enough to compute
any rows of the gradient later, and no dense weight is ever made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from chsnn.layers import SparseLinear
from chsnn.networks import SpikingMLP

_BLOCK_BYTES = 32 * 2**20


class LayerGradient:
    """What a backward pass left at one layer, enough for its dense weight gradient.

    Attributes
    ----------
    shape : tuple of int
        (n_in, n_out).
    """

    def __init__(self, layer: SparseLinear) -> None:
        self.shape = layer.graph.shape
        self._inputs: Tensor | None = None
        self._outputs: Tensor | None = None

    def _watch(self, layer: SparseLinear, args: Any, options: dict[str, Any], y: Tensor) -> None:
        x = args[0].detach()
        steps = options.get("steps", "each")
        if steps == "once":
            x = x[0]
        elif steps == "mean":
            x = x.mean(dim=0)
        self._inputs, self._outputs = x, None
        if y.requires_grad:
            y.register_hook(self._take)

    def _take(self, gradient: Tensor) -> None:
        self._outputs = gradient.detach()

    def rows(self, start: int, stop: int) -> Tensor:
        """Return rows of the gradient, (stop - start, n_out): dL/dW of these inputs' links.

        Raises
        ------
        RuntimeError
            If no backward pass went through the layer.
        """
        if self._inputs is None or self._outputs is None:
            raise RuntimeError("no backward pass went through the layer while gradients were kept")
        x, g = self._inputs, self._outputs
        if x.ndim > 2 and x.shape[0] > 1 and x.stride(0) == 0:  # the same at every step
            x, g = x[0], g.sum(dim=0)
        x, g = x.reshape(-1, x.shape[-1]), g.reshape(-1, g.shape[-1])
        return x[:, start:stop].T @ g

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the sizes of the gradient in blocks of rows: (first row, float64 array)."""
        n_in, n_out = self.shape
        rows = max(1, _BLOCK_BYTES // (8 * n_out))
        for start in range(0, n_in, rows):
            block = self.rows(start, min(start + rows, n_in)).abs()
            yield start, block.to(torch.float64).cpu().numpy()


@contextmanager
def record_gradients(network: SpikingMLP) -> Iterator[list[LayerGradient]]:
    """Keep what is needed for the dense gradient of every layer while the block runs.

    Yields
    ------
    list of LayerGradient
        One per layer, to be read after a backward pass.

    Examples
    --------
    >>> import chsnn
    >>> network = chsnn.networks.mlp((64, 32, 10), sparsity=0.9, seed=0)
    >>> with record_gradients(network) as gradients:
    ...     network(torch.rand(5, 64)).sum().backward()
    >>> gradients[0].rows(0, 64).shape
    torch.Size([64, 32])
    """
    gradients = [LayerGradient(layer) for layer in network.sparse_layers]
    handles = [
        layer.register_forward_hook(gradient._watch, with_kwargs=True)
        for layer, gradient in zip(network.sparse_layers, gradients, strict=True)
    ]
    try:
        yield gradients
    finally:
        for handle in handles:
            handle.remove()
