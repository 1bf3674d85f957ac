"""What a way of rewiring is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import nn

from chgraph.rewiring import Wiring
from chsnn.evolution.record import EvolutionRecord
from chsnn.evolution.state import RewiringState
from chsnn.layers import SparseLinear
from chsnn.observe import LayerGradient

Optimizers = torch.optim.Optimizer | Sequence[torch.optim.Optimizer] | None


class Rewiring(Protocol):
    """Settings of a way of changing a model's links while it is trained: frozen.

    What is remembered from step to step is a :class:`RewiringState`, which a
    :class:`chsnn.evolution.Rewirer` owns.
    """

    @property
    def reads_gradients(self) -> bool:
        """Whether :meth:`step` needs the gradients of the last backward passes."""
        ...

    @property
    def owns_values(self) -> bool:
        """Whether it moves the weights of its layers itself, past the optimiser."""
        ...

    @property
    def interval(self) -> int | None:
        """Optimiser steps from one rewiring to the next; None: once an epoch."""
        ...

    def layers_to_rewire(self, layers: Mapping[str, SparseLinear], output: str) -> list[str]:
        """Return the names of the layers that are rewired if nobody names any.

        `output` is the name of the model's last linear layer, sparse or not.
        """
        ...

    def begin(self, state: RewiringState) -> None:
        """Put into the state what is remembered before the first step."""
        ...

    def follow(self, state: RewiringState, name: str) -> None:
        """Take up links and weights that somebody else has given a layer."""
        ...

    def is_settled(self, progress: float) -> bool:
        """Whether the sparsity is the one that the model will end with."""
        ...

    def warm_up(self, state: RewiringState) -> None:
        """Compile what :meth:`step` needs; changes nothing."""
        ...

    def attach(
        self,
        model: nn.Module,
        optimizer: Optimizers = None,
        *,
        total_steps: int,
        every: int | None = None,
        layers: str | Iterable[str] | None = None,
        wiring: Wiring | None = None,
        seed: int = 0,
        n_threads: int | None = None,
        resume: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return a :class:`chsnn.evolution.Rewirer`; see :meth:`chsnn.Evolution.attach`."""
        ...

    def step(
        self,
        state: RewiringState,
        *,
        progress: float,
        gradients: Mapping[str, LayerGradient] | None,
    ) -> EvolutionRecord:
        """Rewire once, in place."""
        ...
