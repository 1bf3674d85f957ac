"""Optimizers by name, and their state carried along when the links change."""

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
    """Return a new optimizer.

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
    # What torch chooses by itself on a GPU, but not where a parameter is of a class of its own.
    foreach = True if any(p.is_cuda for p in parameters) else None
    if name == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=learning_rate,
            weight_decay=weight_decay,
            momentum=0.9,
            foreach=foreach,
        )
    kind = torch.optim.Adam if name == "adam" else torch.optim.AdamW
    return kind(parameters, lr=learning_rate, weight_decay=weight_decay, foreach=foreach)


def learning_rate_of(optimizer: torch.optim.Optimizer, parameter: nn.Parameter) -> float | None:
    """Return the learning rate of a parameter; None if the optimizer does not have it."""
    place = group_of(optimizer, parameter)
    return None if place is None else float(optimizer.param_groups[place]["lr"])


def leave_alone(optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter]) -> None:
    """Take parameters that something else moves out of an optimizer, with their state."""
    left_out = {id(parameter) for parameter in parameters}
    for group in optimizer.param_groups:
        group["params"] = [p for p in group["params"] if id(p) not in left_out]
    for parameter in parameters:
        optimizer.state.pop(parameter, None)


def group_of(optimizer: torch.optim.Optimizer, parameter: nn.Parameter) -> int | None:
    """Return the place of the group that holds a parameter; None if the optimizer has none."""
    for place, group in enumerate(optimizer.param_groups):
        if any(p is parameter for p in group["params"]):
            return place
    return None


def check_carries(optimizer: torch.optim.Optimizer, parameter: nn.Parameter) -> None:
    """Raise if an optimizer's state of a layer's values could not be carried to other links.

    It can be if every entry is one number per link, or one for all of them. Nothing is changed.

    Raises
    ------
    TypeError
        If not: its state would silently go wrong.
    """
    if isinstance(optimizer, torch.optim.LBFGS):
        raise TypeError(_refusal(optimizer, "it holds directions over all weights"))
    if type(optimizer).__name__ == "ZeroRedundancyOptimizer":  # whose import is slow
        raise TypeError(_refusal(optimizer, "each rank holds a part of it"))
    _check_entries(optimizer, optimizer.state.get(parameter, {}), parameter.numel())


@torch.no_grad()
def carry_state(
    optimizer: torch.optim.Optimizer, parameter: nn.Parameter, source: np.ndarray, n_before: int
) -> None:
    """Move the optimizer's per-link state to where the links are now.

    Parameters
    ----------
    optimizer : Optimizer
        Any with state per element.
    parameter : Parameter
        Values of a layer whose graph has just changed.
    source : ndarray of int64, shape (n_links,)
        What :meth:`SparseLinear.set_graph` returned. New links (-1) get what a new parameter
        would have, which is zero for most optimizers.
    n_before : int
        Links that the layer had, which the state is of.

    Raises
    ------
    TypeError
        If an entry is not one number for each of those links, or one for all; nothing has been
        changed then.
    """
    state = optimizer.state.get(parameter, {})
    _check_entries(optimizer, state, n_before)
    for key, value in state.items():
        if _is_for_all(value):
            continue
        chosen = torch.from_numpy(source).to(value.device)
        after = value.new_empty(source.size)
        after[:] = _initial(optimizer, parameter, key)
        after[chosen >= 0] = value[chosen[chosen >= 0]]
        state[key] = after


def _check_entries(optimizer: torch.optim.Optimizer, state: dict[str, Any], n_links: int) -> None:
    for key, value in state.items():
        is_per_link = isinstance(value, Tensor) and value.shape == (n_links,)
        if not is_per_link and not _is_for_all(value):
            shape = f" of shape {tuple(value.shape)}" if isinstance(value, Tensor) else ""
            why = f"{key!r}{shape} is neither one number for each of {n_links} links nor one number"
            raise TypeError(_refusal(optimizer, why))


def _refusal(optimizer: torch.optim.Optimizer, why: str) -> str:
    return (
        f"cannot carry the state of {type(optimizer).__name__} over a change of links: {why}; use "
        "an optimizer with one number per weight (the Adam family, SGD, RMSprop, Adagrad, ...)"
    )


def _is_for_all(value: Any) -> bool:
    """Whether an entry is one number, or a few of a kind, for the whole tensor."""
    if isinstance(value, Tensor):
        return value.dim() == 0
    return value is None or isinstance(value, bool | int | float | str)


def _initial(optimizer: torch.optim.Optimizer, parameter: nn.Parameter, key: str) -> float | Tensor:
    """Return what an entry is for weights that have never been updated; for all or for each."""
    if isinstance(optimizer, torch.optim.Adagrad) and key == "sum":
        return float(optimizer.defaults["initial_accumulator_value"])
    if isinstance(optimizer, torch.optim.Rprop) and key == "step_size":
        rate = learning_rate_of(optimizer, parameter)
        return float(optimizer.defaults["lr"]) if rate is None else rate
    if isinstance(optimizer, torch.optim.ASGD) and key == "ax":
        return parameter.detach()  # the average of a weight that has had one value
    return 0.0
