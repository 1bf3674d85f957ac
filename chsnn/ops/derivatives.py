"""Operations with kernels have first derivatives only, and say so."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Backward = Callable[..., Any]


def first_derivative(backward: Backward) -> Backward:
    """Let a backward pass that kernels compute refuse to be differentiated itself.

    Torch's ``once_differentiable`` notices that only where the incoming gradient depends on
    something; elsewhere the result would pass for a constant.
    """

    @functools.wraps(backward)
    def checked(ctx: Any, *gradients: Tensor | None) -> Any:
        if torch.is_grad_enabled():  # it is only where the graph of this pass is wanted
            raise RuntimeError(
                "the backward pass of a sparse layer or of LIF neurons cannot be differentiated "
                "(create_graph=True): use nn.Linear (layer.to_linear(), chsnn.densify) and Norse's "
                "neurons where second derivatives are needed"
            )
        return backward(ctx, *gradients)

    return checked
