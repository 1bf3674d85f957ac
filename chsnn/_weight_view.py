"""The dense weight of a sparse layer, to read: for code that is written for nn.Linear."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

READ_ONLY = (
    "the weight of a SparseLinear is made from its values when it is read, so a change of it would "
    "be lost: change `values` instead (set_values, values.requires_grad_, ...)"
)


class ReadOnlyWeight(Tensor):
    """A dense weight made from a layer's values; changes would be lost, so they are refused.

    What is computed from it is a tensor like any other; another view of it is read-only too.
    """

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        in_place = name.endswith("_") and not name.endswith("__")
        if in_place or name == "__set__":
            raise TypeError(READ_ONLY)
        weights: list[Tensor] = []
        args = _plain(args, weights)
        options = {key: _plain(value, weights) for key, value in (kwargs or {}).items()}
        before = [_version(weight) for weight in weights]
        result = func(*args, **options)
        # As x += 1, out=x and their like do; the numbers that they changed are nobody's.
        if [_version(weight) for weight in weights] != before:
            raise TypeError(READ_ONLY)
        return _guarded(result, weights)


def _plain(value: Any, weights: list[Tensor]) -> Any:
    """Return arguments with plain tensors for weights, and note these."""
    if isinstance(value, ReadOnlyWeight):
        weights.append(value.as_subclass(Tensor))
        return weights[-1]
    if type(value) in (list, tuple):
        return type(value)(_plain(item, weights) for item in value)
    return value


def _guarded(result: Any, weights: list[Tensor]) -> Any:
    """Return a result, read-only where it is a view of a weight."""
    if isinstance(result, Tensor):
        is_view = any(_memory(result) == _memory(weight) for weight in weights)
        return result.as_subclass(ReadOnlyWeight) if is_view else result
    if isinstance(result, np.ndarray):
        result.flags.writeable = False
    if type(result) in (list, tuple):
        return type(result)(_guarded(item, weights) for item in result)
    return result


def _memory(tensor: Tensor) -> int:
    return 0 if tensor.is_sparse else tensor.untyped_storage().data_ptr()


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version
