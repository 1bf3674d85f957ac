"""How a batch changes the weights: rules of learning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor, nn

from chgraph.checks import check_choice
from chsnn.metrics import scores_of

Loss = Callable[[Tensor, Tensor], Tensor]


class LearningRule(Protocol):
    """Puts into ``.grad`` of a model's parameters what an optimiser is to follow."""

    def gradients(
        self, model: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss
    ) -> tuple[Tensor, Tensor]:
        """Return the loss (a number) and the scores of a batch, both detached."""
        ...


class BPTT:
    """Backpropagation through time: the gradient of the loss, surrogates in the spikes' place."""

    def gradients(
        self, model: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss
    ) -> tuple[Tensor, Tensor]:
        """Run a batch forward and back.

        Parameters
        ----------
        model : Module
        inputs : Tensor
            As the model takes them.
        targets : Tensor
        loss : callable
            Takes scores and targets, returns a tensor of one number.

        Returns
        -------
        loss : Tensor, shape ()
        scores : Tensor
        """
        scores = scores_of(model(inputs))
        value = loss(scores, targets)
        if not isinstance(value, Tensor) or value.numel() != 1:
            raise ValueError(f"loss must return a tensor of one number, got {value!r}")
        model.zero_grad()
        value.backward()
        return value.detach(), scores.detach()


LEARNING_RULES: dict[str, Callable[[], LearningRule]] = {"bptt": BPTT}


def learning_rule(learning: Any) -> LearningRule:
    """Return a rule of learning by name, or one that is given as an object.

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If it is neither a name nor has a method ``gradients``.
    """
    if isinstance(learning, str):
        return LEARNING_RULES[check_choice("learning", learning, LEARNING_RULES)]()
    if not callable(getattr(learning, "gradients", None)):
        raise TypeError(
            f"learning must be one of {', '.join(LEARNING_RULES)} or have a method gradients, got "
            f"{type(learning).__name__}"
        )
    return learning
