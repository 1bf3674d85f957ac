"""Counts of one layer at each time step, put together forward pass by forward pass.

A model may call a layer once per step, or once for all of them (time first, as everywhere here),
or once for an image that is the same at every step. Which it was shows when the pass is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from chsnn.fused import DenseLIF, SparseLIF, mean_of_steps

# Takes events of every input, (k, *inputs), and returns how many links they cross, (k,).
Crossings = Callable[[Tensor], Tensor]


class StepTotals:
    """Spikes and crossings of one layer at each step.

    Parameters
    ----------
    timesteps : int

    Attributes
    ----------
    counts : ndarray of float64, shape (timesteps, 2)
        Spikes and crossings.
    are_known : bool
        Whether every call so far told at which steps it was.
    """

    def __init__(self, timesteps: int) -> None:
        self.counts = np.zeros((timesteps, 2))
        self.are_known = True
        self._calls: list[np.ndarray] = []

    def add(
        self, x: Tensor, *, stands_for: int, n_samples: int, features: int, crossings: Crossings
    ) -> None:
        """Add a call of the layer.

        Parameters
        ----------
        x : Tensor, shape (rows, ...) or (T, B, ...)
            What it read, time first.
        stands_for : int
            How many steps it is the same at.
        n_samples : int
            In this pass.
        features : int
            How many of the last axes of `x` are one row.
        crossings : callable
        """
        steps = len(self.counts)
        shape = x.shape[x.dim() - features :]
        rows = x.numel() // max(1, shape.numel())
        if stands_for == steps:
            self._calls.append(np.repeat(_counts(x.reshape(1, rows, *shape), crossings), steps, 0))
        elif stands_for == 1:
            parts = steps if rows % (steps * n_samples) == 0 else 1
            self._calls.append(_counts(x.reshape(parts, rows // parts, *shape), crossings))
        else:
            self.are_known = False

    def settle(self) -> None:
        """Take in the calls of a forward pass that is over."""
        calls, self._calls = self._calls, []
        steps = len(self.counts)
        if len(calls) == steps:  # once at each, whatever its rows are
            self.counts += np.stack([call.sum(0) for call in calls])
        elif all(len(call) == steps for call in calls):
            self.counts += sum(calls, np.zeros_like(self.counts))
        else:
            self.are_known = False


def _counts(x: Tensor, crossings: Crossings) -> np.ndarray:
    """Return spikes and crossings of (k, rows, *inputs), shape (k, 2)."""
    events = (x != 0).sum(1).double().cpu()
    return torch.stack([events.flatten(1).sum(1), crossings(events)], 1).numpy()


@contextmanager
def spikes_of_means(model: nn.Module, kept: dict[int, tuple[Tensor, Tensor]]) -> Iterator[None]:
    """Keep the spikes behind every mean over time that neurons of a model are asked for.

    Parameters
    ----------
    model : Module
    kept : dict of int to pair of Tensor
        Takes mean and spikes, (B, n) and (T, B, n), by the address of the mean; whoever reads it
        clears it.
    """
    asked: list[bool] = []

    def ask_for_spikes(
        module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        asked.append(bool(kwargs.get("rate")))
        return args, {**kwargs, "rate": False}

    def give_mean(module: nn.Module, args: tuple[Any, ...], spikes: Tensor) -> Tensor:
        if not asked.pop():
            return spikes
        mean = mean_of_steps(spikes)
        kept[mean.data_ptr()] = mean, spikes
        return mean

    with ExitStack() as hooks:
        for module in model.modules():
            if isinstance(module, SparseLIF | DenseLIF):
                before = module.register_forward_pre_hook(ask_for_spikes, with_kwargs=True)
                after = module.register_forward_hook(give_mean)
                hooks.callback(before.remove)
                hooks.callback(after.remove)
        yield
