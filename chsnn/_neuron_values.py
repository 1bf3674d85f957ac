"""The numbers of neurons, one for all or one each: read, checked, written down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from chgraph.checks import check_choice, check_real

LEARNABLE = ("alpha", "v_th")


def as_tensor(name: str, value: Any, check: Callable[[str, Any], float]) -> Tensor:
    """Return one number, or one per neuron, as a tensor, each checked."""
    if isinstance(value, Tensor):
        if value.requires_grad:
            raise ValueError(f"{name} must hold plain numbers; learn=[{name!r}] makes a Parameter")
        value = value.cpu().double().numpy()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, list | tuple):
        return torch.tensor(check(name, value))
    if not value or any(isinstance(number, list | tuple) for number in value):
        raise ValueError(f"{name} must be a number or one value per neuron, got {value!r}")
    return torch.tensor([check(name, number) for number in value])


def check_decay(name: str, value: Any) -> float:
    """Return a decay per step, or raise if float32 holds it outside [0, 1)."""
    number = check_real(name, value, minimum=0.0, below=1.0)
    if np.float32(number) == 1:
        raise ValueError(f"{name} must be in [0, 1) in float32, got {value!r}")
    return number


def check_learn(learn: Iterable[str]) -> tuple[str, ...]:
    """Return the names of what is learnt, checked."""
    if isinstance(learn, str):
        raise TypeError(f"learn must be a tuple of names as ({learn!r},), got {learn!r}")
    return tuple(check_choice("learn", name, LEARNABLE) for name in learn)


def precision(dtype: torch.dtype) -> torch.dtype:
    """Return the type in which neurons with an input of this one compute."""
    return torch.promote_types(dtype, torch.float32)


def for_width(name: str, values: Tensor, shape: torch.Size) -> Tensor:
    """Return one number, or one per neuron of an input of this shape, or raise."""
    if values.numel() == 1:
        return values.reshape(())
    if values.shape != shape[-1:]:
        raise ValueError(
            f"{name} must be a number or one value per neuron, got shape {tuple(values.shape)} "
            f"for an input of shape {tuple(shape)}"
        )
    return values


def check_ranges(alpha: Tensor, v_th: Tensor) -> None:
    """Raise where neurons cannot compute with these numbers: learning may have moved them."""
    low, high = _bounds(alpha)
    if not (low >= 0 and high < 1):
        raise ValueError(f"alpha must stay in [0, 1) when learnt or set, got {low:g} to {high:g}")
    low, high = _bounds(v_th)
    if not (low > 0 and high < float("inf")):
        raise ValueError(
            f"v_th must stay above 0 and finite when learnt or set, got {low:g} to {high:g}"
        )


def _bounds(values: Tensor) -> tuple[float, float]:
    """Return the smallest and the largest value, NaN if there is one; legal ones if unknown."""
    if values.is_meta or not values.numel():
        return 0.5, 0.5
    if values.numel() == 1:
        return values.item(), values.item()
    low, high = torch.aminmax(values.detach())
    return low.item(), high.item()


def as_number(values: Tensor) -> float | list[float]:
    """Return Python numbers that a tensor of float32 holds exactly; as short as can be.

    Raises
    ------
    ValueError
        If it holds none.
    """
    if values.is_meta:
        raise ValueError(
            "neurons on the device meta have no numbers: build the network on the CPU, where its "
            "links are few, and move it with .to()"
        )
    array = values.detach().cpu()
    if array.dtype != torch.float32:
        return array.tolist()
    # 0.9, not 0.8999999761581421: both are the same float32.
    return np.array(array.numpy().astype(str), dtype=np.float64).tolist()


def shown(values: Tensor) -> str:
    """Return a number, or how many there are, and whether it is learnt."""
    is_many = values.numel() > 1 or values.is_meta
    text = f"{values.numel()} values" if is_many else f"{as_number(values)}"
    return f"{text} (learnt)" if isinstance(values, nn.Parameter) else text
