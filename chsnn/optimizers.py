"""Optimisers by name, and their state carried along when the links change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import nn

from chgraph.checks import check_choice, check_real

OptimizerName = Literal["adam", "adamw", "sgd"]
LearningRateSchedule = Literal["cosine", "constant"]
OPTIMIZERS = ("adam", "adamw", "sgd")
LEARNING_RATE_SCHEDULES = ("cosine", "constant")

# Per optimiser, the entries of its state that hold one number per link; every other entry
# it may have is a number for the whole tensor and stays.
_PER_LINK: dict[type[torch.optim.Optimizer], tuple[str, ...]] = {
    torch.optim.Adam: ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
    torch.optim.AdamW: ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
    torch.optim.SGD: ("momentum_buffer",),
}


def make_optimizer(
    network: nn.Module,
    name: OptimizerName,
    *,
    learning_rate: float,
    weight_decay: float = 0.0,
    without: Sequence[nn.Parameter] = (),
) -> torch.optim.Optimizer:
    """Return a new optimiser of the network's parameters.

    Parameters
    ----------
    network : Module
    name : {"adam", "adamw", "sgd"}
        "sgd" has momentum 0.9.
    learning_rate, weight_decay : float
    without : sequence of Parameter
        Parameters that something else changes.

    Raises
    ------
    ValueError
        If the name is unknown or a number negative.
    """
    check_choice("optimizer", name, OPTIMIZERS)
    check_real("learning_rate", learning_rate, minimum=0.0)
    check_real("weight_decay", weight_decay, minimum=0.0)
    left_out = {id(parameter) for parameter in without}
    parameters = [p for p in network.parameters() if id(p) not in left_out]
    if name == "adam":
        return torch.optim.Adam(parameters, lr=learning_rate, weight_decay=weight_decay)
    if name == "adamw":
        return torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay)
    return torch.optim.SGD(parameters, lr=learning_rate, weight_decay=weight_decay, momentum=0.9)


@torch.no_grad()
def carry_state(
    optimizer: torch.optim.Optimizer, parameter: nn.Parameter, source: np.ndarray
) -> None:
    """Move the optimiser's per-link state to where the links are now.

    Parameters
    ----------
    optimizer : Adam, AdamW or SGD
    parameter : Parameter
        Values of a layer whose graph has just changed.
    source : ndarray of int64, shape (n_links,)
        What :meth:`SparseLinear.set_graph` returned. New links (-1) start from zero.

    Raises
    ------
    TypeError
        If the kind of optimiser is not known: its state would silently go wrong.
    """
    if type(optimizer) not in _PER_LINK:
        known = ", ".join(cls.__name__ for cls in _PER_LINK)
        raise TypeError(
            f"cannot carry the state of a {type(optimizer).__name__} over a change of links; "
            f"known are {known}"
        )
    state = optimizer.state.get(parameter, {})
    is_old = source >= 0
    for name in _PER_LINK[type(optimizer)]:
        before = state.get(name)
        if before is None:
            continue
        old = before.cpu().numpy()
        after = np.zeros(source.size, dtype=old.dtype)
        after[is_old] = old[source[is_old]]
        state[name] = torch.from_numpy(after).to(before.device)
