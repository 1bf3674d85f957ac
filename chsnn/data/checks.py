"""Values from outside become tensors, and are looked at, before anything is computed with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


def as_tensor(name: str, values: Any) -> Tensor:
    """Return numbers as a tensor; a tensor comes back as it is, without its gradient's history.

    Parameters
    ----------
    name : str
        What the values are called in an error.
    values : Tensor or array_like
        Memory is shared where torch can: with a writable numpy array of a dtype it knows.

    Returns
    -------
    Tensor
        Of at least one axis.

    Raises
    ------
    ValueError
        If the values are not an array of real numbers.
    """
    tensor = values if isinstance(values, Tensor) else _from_array(name, values)
    tensor = tensor.detach() if tensor.requires_grad else tensor
    if tensor.is_complex():
        raise ValueError(f"{name} must be real numbers, got {tensor.dtype}")
    if tensor.ndim == 0:
        raise ValueError(f"{name} must be an array, got the single number {tensor.item()}")
    return tensor


def _from_array(name: str, values: Any) -> Tensor:
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} cannot be made an array: {error}") from error
    if array.dtype.kind not in "biufc":
        raise ValueError(
            f"{name} must be numbers, got a {type(values).__name__} of dtype {array.dtype}"
        )
    if array.dtype == np.longdouble:  # torch has none
        array = array.astype(np.float64)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    can_share = array.flags.writeable and all(step >= 0 for step in array.strides)
    return torch.from_numpy(array if can_share else array.copy())


def check_finite(name: str, values: Tensor, axis: str = "row") -> None:
    """Raise if a value is NaN or infinite.

    Parameters
    ----------
    name : str
    values : Tensor
    axis : str
        What one entry of the first axis is called in the error.

    Raises
    ------
    ValueError
        Says how many there are and where on the first axis the first is.
    """
    # One sum settles it nearly always: it is finite only if all values are.
    if not values.is_floating_point() or torch.isfinite(values.sum()):
        return
    wrong = ~torch.isfinite(values)
    if wrong.any():
        first = int(wrong.reshape(len(values), -1).any(dim=1).nonzero()[0])
        raise ValueError(
            f"{name} must be finite; {int(wrong.sum())} of {values.numel()} values are NaN or "
            f"infinite, the first in {axis} {first} (counted from 0)"
        )
