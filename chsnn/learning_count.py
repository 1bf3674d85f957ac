"""What of a batch took part in learning: spikes, updates, operations, counted one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from chsnn.layers import SparseLinear
from chsnn.modules import CONVOLUTIONS
from chsnn.window import TargetWindow


@dataclass
class LearningCount:
    """What took part in learning, of the batches that were counted.

    Attributes
    ----------
    spikes, spikes_used : float
        Values other than 0 that layers read, at all steps; and at those, for a sample, at which
        the layer learnt.
    updates, updates_made : float
        Of a layer, for a sample and a step: inside the window; and those not skipped.
    learning_operations : float
        Changes of a weight (a link whose input and error are not 0), and errors that crossed a
        link on their way down.
    inference_operations : float
        Crossings of a link by a spike, in the forward pass.
    """

    spikes: float = 0.0
    spikes_used: float = 0.0
    updates: float = 0.0
    updates_made: float = 0.0
    learning_operations: float = 0.0
    inference_operations: float = 0.0

    @property
    def unused_spikes(self) -> float:
        """Share of spikes that took no part in learning."""
        return 1.0 - self.spikes_used / self.spikes if self.spikes else 0.0

    @property
    def skipped_updates(self) -> float:
        """Share of updates inside the window that were skipped."""
        return 1.0 - self.updates_made / self.updates if self.updates else 0.0

    @property
    def learning_share(self) -> float:
        """Operations of learning in terms of those of inference."""
        return self.learning_operations / self.inference_operations if self.spikes else 0.0

    def to_dict(self) -> dict[str, float]:
        """Return the shares."""
        names = ("unused_spikes", "skipped_updates", "learning_share")
        return {name: getattr(self, name) for name in names}


@dataclass
class LearningAccount:
    """Adds what one batch does to a count.

    Attributes
    ----------
    count : LearningCount
    window : TargetWindow
        Of the batch.
    """

    count: LearningCount
    window: TargetWindow
    _averaged: Tensor | None = field(default=None, init=False)
    # Below the layer that is called first nothing learns.
    _first: nn.Module | None = field(default=None, init=False)

    def averaged(self, spikes: Tensor) -> None:
        """Take the spikes (T, B, n) whose mean over the window a readout is about to read."""
        self._averaged = spikes.detach()

    def reader(self, layer: nn.Module, x: Tensor, step: int | None) -> Callable[[Tensor], None]:
        """Add what a layer reads; return what is to take its error."""
        rows = _rows(layer, x)
        self._first = layer if self._first is None else self._first
        self.count.spikes += float((rows != 0).sum())
        self.count.inference_operations += _crossings(layer, rows)

        def take(error: Tensor) -> None:
            self._learn(layer, rows, _rows(layer, error), step)

        return take

    def readout(self, layer: nn.Module) -> Callable[[Tensor], None]:
        """Add a layer that reads a mean over the window; return what is to take its error."""
        spikes, self._averaged = self._averaged, None
        if spikes is None:
            raise RuntimeError("a readout read what no window was averaged over")
        take = self.reader(layer, spikes, None)
        # One error for all steps of the window.
        return lambda error: take(error.expand(self.window.steps, *error.shape))

    def _learn(self, layer: nn.Module, rows: Tensor, errors: Tensor, step: int | None) -> None:
        inside = self.window.rows(len(rows), step)
        read, wrong = rows.flatten(1) != 0, errors.flatten(1) != 0
        made = inside & read.any(1) & wrong.any(1)
        self.count.updates += float(inside.sum())
        self.count.updates_made += float(made.sum())
        self.count.spikes_used += float(read[made].sum())
        self.count.learning_operations += _pairs(layer, rows[made], errors[made])
        if layer is not self._first:
            self.count.learning_operations += _ways_down(layer, rows.shape[1:], errors[inside])


def _rows(layer: nn.Module, x: Tensor) -> Tensor:
    """Return (rows, features) of a linear layer, (rows, channels, ...) of a convolution."""
    return x if isinstance(layer, CONVOLUTIONS) else x.reshape(-1, x.shape[-1])


def _links(layer: nn.Module) -> sparse.csr_array:
    """Return which links a linear layer has, (n_in, n_out)."""
    if isinstance(layer, SparseLinear):
        graph = layer.graph
        ones = np.ones(graph.n_links)
        return sparse.csr_array((ones, graph.left_neighbors, graph.left_offsets), shape=graph.shape)
    weight = cast(Tensor, layer.weight)
    return sparse.csr_array(np.ones(tuple(weight.t().shape)))


def _ones(layer: nn.Module, x: Tensor) -> Tensor:
    """Convolve where a value is not 0 with weights of 1."""
    module: Any = layer
    binary = (x != 0).to(module.weight.dtype)
    y: Tensor = module._conv_forward(binary, torch.ones_like(module.weight), None)
    return y


@torch.no_grad()
def _crossings(layer: nn.Module, rows: Tensor) -> float:
    if isinstance(layer, CONVOLUTIONS):
        return float(_ones(layer, rows).double().sum())
    events = (rows != 0).sum(0).double().cpu().numpy()
    return float(events @ _links(layer).sum(axis=1))


@torch.no_grad()
def _pairs(layer: nn.Module, rows: Tensor, errors: Tensor) -> float:
    """Count links whose input and error are not 0, row by row."""
    if not len(rows):
        return 0.0
    if isinstance(layer, CONVOLUTIONS):
        return float((_ones(layer, rows) * (errors != 0)).double().sum())
    read = sparse.csr_array((rows != 0).double().cpu().numpy())
    reached = read @ _links(layer)
    return float(reached.multiply((errors != 0).cpu().numpy()).sum())


@torch.no_grad()
def _ways_down(layer: nn.Module, shape: torch.Size, errors: Tensor) -> float:
    """Count links that errors other than 0 cross on their way to the layer below."""
    if isinstance(layer, CONVOLUTIONS):
        weight = layer.weight
        read = _ones(layer, torch.ones(1, *shape, dtype=weight.dtype, device=weight.device))
        return float((read * (errors != 0)).double().sum())
    wrong = (errors != 0).sum(0).double().cpu().numpy()
    return float(wrong @ _links(layer).sum(axis=0))
