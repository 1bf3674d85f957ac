"""How many links lead on from every input of an operation, one number per input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from chsnn.layers import SparseLinear


@dataclass(frozen=True)
class FanOut:
    """Links of every input, in the shape of one row (or image) of an operation's input.

    Attributes
    ----------
    existing : Tensor of float64
        All links.
    effective : Tensor of float64
        Links with a weight other than 0.
    possible : float
        Links that a dense operation of this shape would have.
    """

    existing: Tensor
    effective: Tensor
    possible: float

    def crossings(self, events: Tensor) -> Tensor:
        """Return how many links events cross, (k,), of (k, *inputs) events of every input."""
        return (events * self.existing).flatten(1).sum(1)


def of_sparse(layer: SparseLinear) -> FanOut:
    """Return those of a sparse layer's inputs."""
    graph = layer.graph
    degree = torch.from_numpy(graph.left_degree).double()
    left, _ = graph.links()
    works = layer.values.detach().cpu().numpy() != 0
    effective = np.bincount(left[works], minlength=graph.n_left).astype(np.float64)
    return FanOut(degree, torch.from_numpy(effective), float(graph.n_left * graph.n_right))


def of_matrix(weight: Tensor) -> FanOut:
    """Return those of the rows of a dense weight, (n_in, n_out)."""
    n_in, n_out = weight.shape
    existing = torch.full((n_in,), float(n_out), dtype=torch.float64)
    return FanOut(existing, (weight != 0).sum(1).double().cpu(), float(n_in * n_out))


@dataclass(frozen=True)
class Geometry:
    """How a convolution moves over its input: the arguments of :func:`torch.convolution`."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    groups: int

    def readers(self, weight: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return the sum over all outputs of the weights with which they read each input."""
        settings = (
            list(self.stride),
            list(self.padding),
            list(self.dilation),
            self.transposed,
            list(self.output_padding),
            self.groups,
        )
        x = torch.zeros(1, *shape, dtype=weight.dtype)
        out = torch.ones_like(torch.convolution(x, weight, None, *settings))
        # By its name: autograd does not look on where operations are told of.
        backward = torch.ops.aten.convolution_backward
        readers, _, _ = backward(out, x, weight, None, *settings, [True, False, False])
        return readers[0].round()


def of_convolution(weight: Tensor, shape: tuple[int, ...], geometry: Geometry) -> FanOut:
    """Return those of every pixel of every channel: how many outputs read it, borders included.

    The sum of all outputs of a convolution with weights of 1 is linear in its input; the factor
    of a pixel, its gradient, is the number of links that lead on from it.

    Parameters
    ----------
    weight : Tensor
        As the convolution has it.
    shape : tuple of int
        Channels and sides of an input.
    geometry : Geometry
    """
    works = (weight != 0).double().cpu()
    existing = geometry.readers(torch.ones_like(works), shape)
    effective = existing if bool(works.all()) else geometry.readers(works, shape)
    return FanOut(existing, effective, float(existing.sum()))
