"""Torch modules as they are: what a wrapper holds, where they are, in what mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

CONVOLUTIONS = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


def check_model(model: object) -> nn.Module:
    """Return a model, or raise TypeError if it is not a torch module.

    Examples
    --------
    >>> check_model("mlp")
    Traceback (most recent call last):
    TypeError: model must be a torch module, got str
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch module, got {type(model).__name__}")
    return model


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the module itself of one that ``torch.compile`` or DistributedDataParallel holds.

    Raises
    ------
    TypeError
        If it is not a torch module.
    """
    check_model(model)
    inner = getattr(model, "_orig_mod", None)
    if isinstance(inner, nn.Module):
        return unwrapped(inner)
    if isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
        return unwrapped(model.module)
    return model


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters of a model that are trained, by name."""
    named = unwrapped(model).named_parameters()
    return {name: parameter for name, parameter in named if parameter.requires_grad}


def device_of(model: nn.Module) -> torch.device:
    """Return where a model's parameters are; the CPU for one without."""
    first = next(check_model(model).parameters(), None)
    return torch.device("cpu") if first is None else first.device


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode in the ``with`` block, and every module back afterwards.

    Examples
    --------
    >>> model = nn.Sequential(nn.Dropout(), nn.Dropout().eval())
    >>> with evaluating(model):
    ...     model[0].training
    False
    >>> model[0].training, model[1].training
    (True, False)
    """
    before = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in before.items():
            module.training = mode
