"""What a way of rewiring is asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol

from chsnn.evolution.record import EvolutionRecord
from chsnn.evolution.state import RewiringState
from chsnn.layers import SparseLinear
from chsnn.observe import LayerGradient


class Observer(Protocol):
    """Watches the layers of a model at every step of training."""

    def deliver(self) -> None:
        """Hand over what was seen since the last time."""
        ...

    def close(self) -> None:
        """Watch no more."""
        ...


class RewiringRule(ABC):
    """Settings of a way of changing a model's links while it is trained: frozen.

    What is remembered from step to step is a :class:`RewiringState`, which a
    :class:`chsnn.evolution.Rewirer` owns. What is not abstract says what most of them do.
    """

    @property
    def reads_gradients(self) -> bool:
        """Whether :meth:`step` needs the gradients of the last backward passes."""
        return False

    @property
    def owns_values(self) -> bool:
        """Whether it moves the weights of its layers itself, past the optimizer."""
        return False

    @property
    def interval(self) -> int | None:
        """Optimizer steps from one rewiring to the next; None: once an epoch."""
        return None

    @abstractmethod
    def layers_to_rewire(self, layers: Mapping[str, SparseLinear], output: str) -> list[str]:
        """Return the names of the layers that are rewired if nobody names any.

        `output` is the name of the model's last linear layer, sparse or not.
        """

    @abstractmethod
    def begin(self, state: RewiringState) -> None:
        """Put into the state what is remembered before the first step."""

    def follow(self, state: RewiringState, name: str) -> None:
        """Take up links and weights that somebody else has given a layer."""
        return  # they are rewired like any other

    def observer(self, state: RewiringState) -> Observer | None:
        """Return what watches the layers at every step; None: nothing."""
        return None

    def is_settled(self, progress: float) -> bool:
        """Whether the sparsity is the one that the model will end with, or that is never known."""
        return True

    def warm_up(self, state: RewiringState) -> None:
        """Compile what :meth:`step` needs; changes nothing."""
        return  # only kernels need it

    @abstractmethod
    def step(
        self,
        state: RewiringState,
        *,
        progress: float,
        gradients: Mapping[str, LayerGradient] | None,
    ) -> EvolutionRecord:
        """Rewire once, in place."""


def lacking_links(layers: Mapping[str, SparseLinear]) -> list[str]:
    """Return the names of the layers that lack a link: what prunes and regrows can change them."""
    return [name for name, layer in layers.items() if layer.graph.density < 1.0]


def all_but(layers: Mapping[str, SparseLinear], output: str) -> list[str]:
    """Return the names of all layers but the output layer, which what only prunes leaves alone."""
    return [name for name in layers if name != output]
