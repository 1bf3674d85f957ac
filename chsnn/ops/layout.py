"""Feature-major memory under torch's logical shapes.

Tensors keep torch's shape ``[..., features]``, but the results of the operations are
feature-major in memory (``y.movedim(-1, 0)`` is contiguous): one link then is one contiguous
stream over columns (time step, sample). A chain of operations never transposes; a row-major
tensor from elsewhere is transposed once. Kernels work on the tensors' own memory.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from chsnn._kernels import links as kernels
from chsnn._kernels.buffers import POOL

# What the kernels compute with.
DTYPES: dict[torch.dtype, type[np.floating]] = {
    torch.float32: np.float32,
    torch.float64: np.float64,
}

# Numbers that numpy turns faster on one thread than the kernel does on a few.
SMALL_COPY = 1 << 17


def check_dense(name: str, x: Tensor) -> None:
    """Raise unless every number of the tensor has its place.

    Raises
    ------
    ValueError
        If it is one of ``torch.sparse``.
    """
    if x.layout != torch.strided:
        raise ValueError(f"{name} must be a dense tensor, got {x.layout}: {name}.to_dense()")


def check_cpu(name: str, x: Tensor) -> None:
    """Raise unless the kernels can read the tensor.

    Raises
    ------
    ValueError
        If it is sparse, neither float32 nor float64, or not on the CPU.
    """
    check_dense(name, x)
    if x.dtype not in DTYPES:
        raise ValueError(f"{name} must be float32 or float64, got {x.dtype}")
    if x.device.type != "cpu":
        raise ValueError(f"{name} must be on the CPU, got {x.device}")


def feature_major(x: Tensor) -> np.ndarray:
    """Return the flat memory of `x`, last axis outermost; a copy only if it lies otherwise."""
    x = x.detach()
    moved = x.t() if x.dim() == 2 else x.movedim(-1, 0)  # the first is faster to call
    if moved.is_contiguous():
        return moved.reshape(-1).numpy()
    rows, flat = x.shape[-1], x.contiguous().view(-1).numpy()
    columns, out = flat.size // max(1, rows), POOL.empty(flat.size, flat.dtype)
    if flat.size < SMALL_COPY:
        np.copyto(out.reshape(rows, columns), flat.reshape(columns, rows).T)
    else:
        kernels.transpose(flat, rows, columns, out)
    return out


def as_tensor(flat: np.ndarray, shape: tuple[int, ...]) -> Tensor:
    """Return a tensor of logical `shape` over feature-major memory."""
    y = torch.from_numpy(flat).view(shape[-1], *shape[:-1])
    return as_result(y.t() if len(shape) == 2 else y.movedim(0, -1))


def as_result(x: Tensor) -> Tensor:
    """Return a tensor over the same memory that is not a view: autograd lets only such be changed.

    In place, that is, where it is what an operation of its own returns.
    """
    return x.data


def shares_memory(flat: np.ndarray | None, x: Tensor) -> bool:
    """Whether `flat` is the memory of `x`: autograd then must watch `x` for changes in place."""
    return flat is not None and flat.size > 0 and _address(flat) == x.data_ptr()


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]  # ``ctypes.data`` imports and wraps first
