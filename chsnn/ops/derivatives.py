"""Operations with kernels have first derivatives only, and say so."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Backward = Callable[..., Any]


def first_derivative(backward: Backward) -> Backward:
    """Let a backward pass that kernels compute refuse to be differentiated itself.

    Torch's ``once_differentiable`` notices that only where the incoming gradient depends on
    something; elsewhere the result would pass for a constant.
    """
    once = once_differentiable(backward)

    @functools.wraps(backward)
    def checked(ctx: Any, *gradients: Tensor | None) -> Any:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "the backward pass of a sparse layer or of LIF neurons cannot be differentiated "
                "(create_graph=True): use nn.Linear (layer.to_linear(), chsnn.densify) and Norse's "
                "neurons where second derivatives are needed"
            )
        return once(ctx, *gradients)

    return checked
