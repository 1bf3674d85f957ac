"""What the trainer asks of a way of rewiring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import nn

from chsnn.evolution.record import EvolutionRecord, State
from chsnn.gradients import LayerGradient
from chsnn.networks import SpikingMLP


class Rewiring(Protocol):
    """A way of changing a network's links while it is trained.

    Settings are the object's own, and frozen; what it remembers is a dictionary of tensors
    that the trainer keeps, and that a checkpoint holds.
    """

    @property
    def reads_gradients(self) -> bool:
        """Whether :meth:`step` needs the gradients of the last backward pass."""
        ...

    def owned_parameters(self, network: SpikingMLP) -> list[nn.Parameter]:
        """Return the parameters that the optimiser is to leave alone."""
        ...

    def begin(self, network: SpikingMLP, *, seed: int) -> State:
        """Return what is remembered before the first step; may change the network."""
        ...

    def is_due(self, steps_done: int, steps_per_epoch: int) -> bool:
        """Whether the network is to be rewired after this many optimiser steps."""
        ...

    def is_settled(self, progress: float) -> bool:
        """Whether the sparsity is the one that the network will end with."""
        ...

    def warm_up(self, network: SpikingMLP) -> None:
        """Compile what :meth:`step` needs; changes nothing."""
        ...

    def step(
        self,
        network: SpikingMLP,
        optimizer: torch.optim.Optimizer | None,
        *,
        progress: float,
        seed: int,
        index: int,
        state: State | None = None,
        gradients: Sequence[LayerGradient] | None = None,
        n_threads: int | None = None,
    ) -> EvolutionRecord:
        """Rewire the network once, in place."""
        ...
