"""How a batch changes the weights: rules of learning, the functions they need, and a step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from chgraph.checks import check_choice
from chsnn._link_averaging import average_gradients_of
from chsnn.metrics import Metric, cross_entropy, named_metrics, scores_of
from chsnn.modules import device_of, trained_parameters
from chsnn.populations import firing_rates
from chsnn.ranks import Ranks

Loss = Callable[[Tensor, Tensor], Tensor]
Precision = Literal["float32", "bfloat16"]
PRECISIONS = ("float32", "bfloat16")


class LearningRule(Protocol):
    """Puts into ``.grad`` of a model's parameters what an optimizer is to follow.

    It may have a method ``after_step(model)``, called once the optimizer has moved the weights.

    Examples
    --------
    >>> import torch
    >>> import chsnn
    >>> class Signs:  # a rule of one's own: the signs of the true gradient
    ...     def gradients(self, model, inputs, targets, loss):
    ...         scores = model(inputs)
    ...         value = loss(scores, targets)
    ...         value.backward()
    ...         for parameter in model.parameters():
    ...             parameter.grad = parameter.grad.sign()
    ...         return value.detach(), scores.detach()
    >>> network = chsnn.networks.mlp((64, 32, 10), sparsity=0.8)
    >>> trainer = chsnn.Trainer(
    ...     network, learning=Signs(), epochs=1, learning_rate=1e-3, progress=False
    ... )
    >>> data = chsnn.load_data("digits")
    >>> history = trainer.fit(data.train, data.validation)
    """

    def gradients(
        self, model: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss
    ) -> tuple[Tensor, Tensor]:
        """Return the loss (a number) and the scores of a batch, both detached."""
        ...


class BPTT:
    """Backpropagation through time: the gradient of the loss, surrogates in the spikes' place.

    Examples
    --------
    >>> import torch
    >>> import chsnn
    >>> network = chsnn.networks.mlp((8, 16, 3), sparsity=0.5)
    >>> rule = BPTT()
    >>> loss, scores = rule.gradients(
    ...     network,
    ...     torch.rand(4, 8),
    ...     torch.tensor([0, 1, 2, 0]),
    ...     torch.nn.functional.cross_entropy,
    ... )
    >>> scores.shape
    torch.Size([4, 3])
    """

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
        if not value.requires_grad:
            raise ValueError(
                "loss must depend on a parameter that is trained; here it depends on none (all "
                "frozen, or the scores detached)"
            )
        model.zero_grad()
        if torch.is_autocast_enabled(value.device.type):  # which is for the forward pass alone
            with torch.autocast(value.device.type, enabled=False):
                value.backward()
        else:
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


@dataclass(frozen=True)
class Parts:
    """The functions of a training.

    Attributes
    ----------
    loss : callable
    metrics : dict of str to callable
    learning : LearningRule
    """

    loss: Loss
    metrics: dict[str, Metric]
    learning: LearningRule

    @classmethod
    def of(
        cls,
        loss: Loss = cross_entropy,
        metrics: str | Metric | Sequence[str | Metric] | None = None,
        learning: str | LearningRule = "bptt",
    ) -> Parts:
        """Return the parts that a trainer's arguments mean.

        Raises
        ------
        TypeError
            If the loss is not callable, or `learning` is not a rule of learning.
        ValueError
            If a name is unknown.

        Examples
        --------
        >>> Parts.of().names()
        {'loss': 'cross_entropy', 'metrics': ['accuracy'], 'learning': 'BPTT'}
        """
        if not callable(loss):
            raise TypeError(f"loss must be callable with scores and targets, got {loss!r}")
        by_default = ("accuracy",) if loss is cross_entropy else ()
        chosen = named_metrics(by_default if metrics is None else metrics)
        return cls(loss, chosen, learning_rule(learning))

    def smoothed(self, share: float) -> Parts:
        """Return the same with smoothed labels in the loss.

        Raises
        ------
        ValueError
            If the loss is not the default: another has its own way.
        """
        if share == 0.0:
            return self
        if self.loss is not cross_entropy:
            raise ValueError(
                f"label_smoothing must be 0 with a loss of one's own, got {share}: smooth the "
                "labels in the loss"
            )
        return replace(self, loss=partial(cross_entropy, label_smoothing=share))

    def names(self) -> dict[str, Any]:
        """Return their names."""
        return {
            "loss": getattr(self.loss, "__qualname__", type(self.loss).__qualname__),
            "metrics": list(self.metrics),
            "learning": type(self.learning).__name__,
        }

    def check_same(self, names: Mapping[str, Any], path: Path) -> None:
        """Raise ValueError unless these have the names that a file holds."""
        for kind, name in self.names().items():
            if names[kind] != name:
                raise ValueError(
                    f"{kind} must be given as in the training that {path} holds: it was "
                    f"{names[kind]!r}, this is {name!r}"
                )


class Learner:
    """Changes the weights of a model, batch by batch.

    Parameters
    ----------
    model : Module
    optimizer : Optimizer
        Of its parameters.
    parts : Parts
        Loss and rule of learning.
    clip_norm : float, optional
        To which the gradient of all parameters is clipped.
    rate_penalty : float
        Times the sum of the mean firing rates of all populations of neurons: added to the loss.
    precision : {"float32", "bfloat16"}
        Of the forward pass, where torch's autocast holds the shorter numbers to be safe.
    channels_last : bool
        Whether images (B, C, H, W), and the model's filters, keep their channels together.
    ranks : Ranks, optional
        Processes that learn together, each from its share of a batch; the loss is a mean over
        samples.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        parts: Parts,
        *,
        clip_norm: float | None = None,
        rate_penalty: float = 0.0,
        precision: Precision = "float32",
        channels_last: bool = False,
        ranks: Ranks | None = None,
    ) -> None:
        check_choice("precision", precision, PRECISIONS)
        self._model = model
        self._is_short = precision == "bfloat16"
        self._channels_last = channels_last
        if channels_last:
            model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._optimizer = optimizer
        self._parts = parts
        self._clip_norm = clip_norm
        self._rate_penalty = rate_penalty
        self._ranks = ranks

    def step(
        self,
        inputs: Tensor,
        targets: Tensor,
        *,
        learning_rate: float,
        drawing: AbstractContextManager[Any] | None = None,
    ) -> tuple[float, Tensor]:
        """Learn from a batch, moved to where the model is.

        Parameters
        ----------
        inputs, targets : Tensor
        learning_rate : float
        drawing : context manager, optional
            Within which the model draws; what moves the weights draws outside of it, the same on
            every rank.

        Returns
        -------
        loss : float
            Of the whole batch, if ranks have shares of it.
        scores : Tensor

        Raises
        ------
        FloatingPointError
            If the loss is not finite; the weights have not been changed then.
        """
        if not self._model.training:  # an evaluation was in between
            self._model.train()
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        device = device_of(self._model)
        inputs, targets = self._laid_out(inputs.to(device)), targets.to(device)
        short = torch.autocast(device.type, torch.bfloat16) if self._is_short else nullcontext()
        with nullcontext() if drawing is None else drawing, short:
            if self._ranks is None:
                loss, scores = self._gradients(inputs, targets, self._parts.loss)
            else:
                loss, scores = self._gradients_together(inputs, targets, self._ranks)
        value = loss.item()
        if not math.isfinite(value):
            raise FloatingPointError(f"the loss is {value}")
        if self._clip_norm is not None:
            nn.utils.clip_grad_norm_(self._model.parameters(), self._clip_norm)
        self._optimizer.step()
        if (after_step := getattr(self._parts.learning, "after_step", None)) is not None:
            after_step(self._model)
        return value, scores

    def _gradients_together(
        self, inputs: Tensor, targets: Tensor, ranks: Ranks
    ) -> tuple[Tensor, Tensor]:
        """Have the gradient of the whole batch, of which this rank has a share."""
        n, loss = len(targets), self._parts.loss
        share = n * ranks.size / ranks.total(n)  # the mean over ranks is then that over samples

        def shared(scores: Tensor, wanted: Tensor) -> Tensor:
            value = loss(scores, wanted)
            return value if share == 1.0 else value * share

        if n:
            value, scores = self._gradients(inputs, targets, shared, penalty_share=share)
        else:
            self._model.zero_grad()
            value, scores = torch.zeros((), device=inputs.device), targets.new_empty(0)
        trained = trained_parameters(self._model)
        # Of one type on all ranks, in one message with the gradients.
        value = value.detach().clone().to(next(iter(trained.values())).dtype)
        average_gradients_of(trained, ranks, also=[value])
        return value, scores

    def _gradients(
        self, inputs: Tensor, targets: Tensor, loss: Loss, *, penalty_share: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        rule = self._parts.learning
        if not self._rate_penalty:
            return rule.gradients(self._model, inputs, targets, loss)
        with firing_rates(self._model) as rates:

            def with_rates(scores: Tensor, wanted: Tensor) -> Tensor:
                penalty = self._rate_penalty * penalty_share
                return loss(scores, wanted) + penalty * sum(rates())

            return rule.gradients(self._model, inputs, targets, with_rates)

    def _laid_out(self, inputs: Tensor) -> Tensor:
        is_image = self._channels_last and inputs.dim() == 4
        return inputs.contiguous(memory_format=torch.channels_last) if is_image else inputs

    def check_weights(self) -> None:
        """Raise FloatingPointError if a weight is not finite."""
        for name, weights in self._model.named_parameters():
            if weights.is_floating_point() and not bool(weights.isfinite().all()):
                raise FloatingPointError(f"a weight of {name!r} is not finite")
