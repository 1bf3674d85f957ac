"""Optimisers by name, and their state carried along when the links change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from chgraph.checks import check_choice

OptimizerName = Literal["adam", "adamw", "sgd"]
LearningRateSchedule = Literal["cosine", "constant"]
OPTIMIZERS = ("adam", "adamw", "sgd")
LEARNING_RATE_SCHEDULES = ("cosine", "constant")


def make_optimizer(
    parameters: Iterable[nn.Parameter],
    name: OptimizerName,
    *,
    learning_rate: float,
    weight_decay: float = 0.0,
) -> torch.optim.Optimizer:
    """Return a new optimiser.

    Parameters
    ----------
    parameters : iterable of Parameter
    name : {"adam", "adamw", "sgd"}
        "sgd" has momentum 0.9.
    learning_rate, weight_decay : float

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    check_choice("optimizer", name, OPTIMIZERS)
    parameters = list(parameters)
    if name == "adam":
        return torch.optim.Adam(parameters, lr=learning_rate, weight_decay=weight_decay)
    if name == "adamw":
        return torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay)
    return torch.optim.SGD(parameters, lr=learning_rate, weight_decay=weight_decay, momentum=0.9)


def learning_rate_of(optimizer: torch.optim.Optimizer, parameter: nn.Parameter) -> float | None:
    """Return the learning rate of a parameter; None if the optimiser does not have it."""
    for group in optimizer.param_groups:
        if any(p is parameter for p in group["params"]):
            return float(group["lr"])
    return None


def leave_alone(optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter]) -> None:
    """Take parameters that something else moves out of an optimiser, with their state."""
    left_out = {id(parameter) for parameter in parameters}
    for group in optimizer.param_groups:
        group["params"] = [p for p in group["params"] if id(p) not in left_out]
    for parameter in parameters:
        optimizer.state.pop(parameter, None)


def check_carries(optimizer: torch.optim.Optimizer, parameter: nn.Parameter) -> None:
    """Raise if an optimiser's state of a layer's values could not be carried to other links.

    It can be if every entry is one number per link, or one for all of them. Nothing is changed.

    Raises
    ------
    TypeError
        If not: its state would silently go wrong.
    """
    advice = (
        f"cannot carry the state of {type(optimizer).__name__} over a change of links: {{}}; use "
        "an optimiser with one number per weight (the Adam family, SGD, RMSprop, Adagrad, ...)"
    )
    if isinstance(optimizer, torch.optim.LBFGS):
        raise TypeError(advice.format("it holds directions over all weights"))
    for key, value in optimizer.state.get(parameter, {}).items():
        if not _is_per_link(value, parameter) and not _is_for_all(value):
            raise TypeError(advice.format(f"{key!r} is neither per weight nor one number"))


@torch.no_grad()
def carry_state(
    optimizer: torch.optim.Optimizer, parameter: nn.Parameter, source: np.ndarray
) -> None:
    """Move the optimiser's per-link state to where the links are now.

    Parameters
    ----------
    optimizer : Optimizer
        Any with state per element.
    parameter : Parameter
        Values of a layer whose graph has just changed.
    source : ndarray of int64, shape (n_links,)
        What :meth:`SparseLinear.set_graph` returned. New links (-1) get what a new parameter
        would have, which is zero for most optimisers.

    Raises
    ------
    TypeError
        As from :func:`check_carries`, which is asked before links change.
    """
    state = optimizer.state.get(parameter, {})
    for key, value in state.items():
        if _is_for_all(value):
            continue
        if not isinstance(value, Tensor) or value.dim() != 1:
            raise TypeError(f"cannot carry {key!r} of {type(optimizer).__name__}")
        chosen = torch.from_numpy(source).to(value.device)
        after = value.new_full((source.size,), _initial(optimizer, parameter, key))
        after[chosen >= 0] = value[chosen[chosen >= 0]]
        state[key] = after


def _is_per_link(value: Any, parameter: nn.Parameter) -> bool:
    return isinstance(value, Tensor) and value.shape == parameter.shape


def _is_for_all(value: Any) -> bool:
    """Whether an entry is one number, or a few of a kind, for the whole tensor."""
    if isinstance(value, Tensor):
        return value.dim() == 0
    return value is None or isinstance(value, bool | int | float | str)


def _initial(optimizer: torch.optim.Optimizer, parameter: nn.Parameter, key: str) -> float:
    """Return what an entry is for a weight that has never been updated."""
    if isinstance(optimizer, torch.optim.Adagrad) and key == "sum":
        return float(optimizer.defaults["initial_accumulator_value"])
    if isinstance(optimizer, torch.optim.Rprop) and key == "step_size":
        return learning_rate_of(optimizer, parameter) or float(optimizer.defaults["lr"])
    return 0.0
