"""What the layer that reads a model's input reads of it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from chsnn.modules import device_of, evaluating
from chsnn.seeds import seeded

_BATCH = 1024


@dataclass(frozen=True, eq=False)
class Reading:
    """What one layer reads when the model is shown some inputs.

    Attributes
    ----------
    name : str
        Of the layer.
    observations : ndarray, shape (1, n, n_in)
        A row for every sample and call; uint8 if all are spikes, else float32.
    """

    name: str
    observations: np.ndarray

    @property
    def activity_sparsity(self) -> float:
        """S_t, the fraction of (input, step) pairs without a spike; 1 for unbounded values."""
        seen = self.observations
        in_range = seen.min() >= 0 and seen.max() <= 1
        return 1.0 - float(seen.mean(dtype=np.float64)) if in_range else 1.0


def as_inputs(inputs: Any, model: nn.Module) -> Tensor:
    """Return inputs as a tensor; an array of floats in the number type of the model.

    Raises
    ------
    TypeError, ValueError
        If the inputs are not numbers, empty or not finite.
    """
    try:
        tensor = torch.as_tensor(inputs)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"inputs must be numbers, got {type(inputs).__name__}: {error}") from error
    if tensor.dim() == 0 or not tensor.numel():
        raise ValueError(f"inputs must hold at least one sample, got shape {tuple(tensor.shape)}")
    if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
        raise ValueError("inputs must be finite, got NaN or infinity")
    first = next((p for p in model.parameters() if p.is_floating_point()), None)
    if first is not None and tensor.is_floating_point() and not isinstance(inputs, Tensor):
        tensor = tensor.to(first.dtype)
    return tensor.detach()


def read_inputs(model: nn.Module, inputs: Tensor, names: Sequence[str]) -> Reading | None:
    """Show a model some inputs and return what the layer that reads them reads.

    That is the first module with parameters that is called, if it is one of those named: nothing
    learnt stands between it and the input.

    Parameters
    ----------
    model : Module
        A copy of it is run, in evaluation mode; itself if it cannot be copied.
    inputs : Tensor, shape (n, ...)
    names : sequence of str

    Returns
    -------
    Reading or None
        None if none of the named layers reads the input.

    Raises
    ------
    ValueError
        If the model does not take the inputs.
    """
    inputs = inputs.to(device_of(model))
    with suppress(Exception):  # whatever a model of one's own raises when it cannot be copied
        model = copy.deepcopy(model)  # it may remember what it has seen
    tap = _FirstReader(model, set(names))
    try:
        with torch.no_grad(), evaluating(model), seeded(0, "read inputs"):
            for batch in inputs.split(_BATCH):
                tap.run(batch)
    finally:
        tap.remove()
    return tap.reading()


class _NoReader(Exception):
    """The first module with parameters is none of those looked for: the rest need not run."""


class _FirstReader:
    def __init__(self, model: nn.Module, names: set[str]) -> None:
        self._model, self._names = model, names
        self._name: str | None = None
        self._rows: list[Tensor] = []
        self._handles = [
            module.register_forward_pre_hook(lambda _, args, name=name: self._see(name, args))
            for name, module in model.named_modules()
            if any(True for _ in module.parameters(recurse=False))
        ]

    def _see(self, name: str, args: tuple[Any, ...]) -> None:
        if self._name is None:
            if name not in self._names:
                raise _NoReader
            self._name = name
        if name == self._name and args and isinstance(args[0], Tensor):
            self._rows.append(args[0].reshape(-1, args[0].shape[-1]).float().cpu())

    def run(self, batch: Tensor) -> None:
        try:
            self._model(batch)
        except _NoReader:
            pass
        except Exception as error:
            raise ValueError(
                f"model must take the inputs, but given ones of shape {tuple(batch.shape)} it "
                f"raised {type(error).__name__}: {error}"
            ) from error

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()

    def reading(self) -> Reading | None:
        if self._name is None or not self._rows:
            return None
        rows = torch.cat(self._rows)[None].numpy()
        are_spikes = bool(((rows == 0) | (rows == 1)).all())
        return Reading(self._name, rows.astype(np.uint8) if are_spikes else rows)
