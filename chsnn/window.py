"""The target window of S-TP: a few time steps of every sample at which anything is learnt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

# Takes an error, masked: of what, and of which step if a layer is called step by step.
OnError = Callable[[Tensor], None]


class Account(Protocol):
    """Adds up what takes part in learning; see :mod:`chsnn.learning_count`."""

    def reader(self, layer: nn.Module, x: Tensor, step: int | None) -> OnError:
        """Add what a layer reads; return what is to take the error of its output."""
        ...

    def readout(self, layer: nn.Module) -> OnError:
        """Add that a layer reads the mean that was taken last."""
        ...

    def averaged(self, spikes: Tensor) -> None:
        """Take what a mean over the window is taken of."""
        ...


@dataclass(frozen=True, eq=False)
class TargetWindow:
    """Which time steps of which sample are learnt from.

    Attributes
    ----------
    mask : Tensor of bool, shape (T, B)
    account : Account, optional
        Of what takes part in learning.
    """

    mask: Tensor
    account: Account | None = None

    @classmethod
    def draw(cls, steps: int, n_samples: int, width: int) -> TargetWindow:
        """Draw `width` consecutive steps for every sample, from torch's global generator.

        Examples
        --------
        >>> TargetWindow.draw(8, 3, 4).mask.sum(0)
        tensor([4, 4, 4])
        """
        first = torch.randint(steps - width + 1, (n_samples,))
        step = torch.arange(steps)[:, None]
        return cls((step >= first) & (step < first + width))

    @property
    def steps(self) -> int:
        """Number of time steps."""
        return self.mask.shape[0]

    def gate(
        self, y: Tensor, *, step: int | None = None, on_error: OnError | None = None
    ) -> Tensor:
        """Return `y` itself, whose error is 0 outside the window.

        Parameters
        ----------
        y : Tensor
            (T, B, ...), or (T * B * n, ...) in that order; with `step` (B, ...) or (B * n, ...).
        step : int, optional
            Which step `y` is of.
        on_error : callable, optional
            Called with the error that is left.
        """
        mask = self._mask_for(y, step)
        gated: Tensor = _Gate.apply(y, mask, on_error)
        return gated

    def _mask_for(self, y: Tensor, step: int | None) -> Tensor:
        mask = self.mask.to(y.device)
        steps, n = mask.shape
        if step is None and y.dim() > 1 and y.shape[:2] == (steps, n):
            return mask.view(steps, n, *[1] * (y.dim() - 2))
        return self.rows(len(y), step).to(y.device).view(-1, *[1] * (y.dim() - 1))

    def rows(self, n_rows: int, step: int | None = None) -> Tensor:
        """Return which rows are inside: of (T * B * n), with `step` of (B * n) rows.

        Raises
        ------
        ValueError
            If so many rows are not steps times samples.
        """
        rows = self.mask.flatten() if step is None else self.mask[step]
        if not n_rows or n_rows % rows.numel():
            steps, n = self.mask.shape
            raise ValueError(
                f"S-TP must see samples and time steps of every layer: got {n_rows} rows for "
                f"{n} samples and {steps} steps"
            )
        return rows.repeat_interleave(n_rows // rows.numel())

    def is_constant(self, y: Tensor) -> bool:
        """Whether `y` has samples, and no time steps: it is the same at all of them."""
        steps, n = self.mask.shape
        over_time = y.dim() > 1 and y.shape[:2] == (steps, n)
        return not over_time and len(y) % (steps * n) != 0 and len(y) % n == 0

    def reads(self, layer: nn.Module, x: Tensor, step: int | None = None) -> OnError | None:
        """Say what a layer reads; return what is to take the error of its output."""
        return None if self.account is None else self.account.reader(layer, x.detach(), step)

    def reads_mean(self, layer: nn.Module, y: Tensor) -> None:
        """Say that a layer made `y` of the mean that was taken last."""
        if self.account is not None and y.requires_grad:
            y.register_hook(self.account.readout(layer))

    def mean(self, x: Tensor) -> Tensor:
        """Return the mean of (T, B, ...) over the steps of the window."""
        if self.account is not None:
            self.account.averaged(x)
        mask = self._mask_for(x, None).to(x.dtype)
        return (x * mask).sum(0) / mask.sum(0)


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, mask: Tensor, on_error: OnError | None) -> Tensor:
        ctx.save_for_backward(mask)
        ctx.on_error = on_error
        return y.view_as(y)

    @staticmethod
    def backward(ctx: Any, error: Tensor) -> tuple[Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        error = error * mask.to(error.dtype)
        if ctx.on_error is not None:
            ctx.on_error(error)
        return error, None, None


_WINDOW: ContextVar[TargetWindow | None] = ContextVar("window", default=None)


@contextmanager
def learning_inside(window: TargetWindow) -> Iterator[None]:
    """Let fused layers know the window while the ``with`` block runs."""
    token = _WINDOW.set(window)
    try:
        yield
    finally:
        _WINDOW.reset(token)


def learning_window() -> TargetWindow | None:
    """Return the window that is learnt in now, if there is one."""
    return _WINDOW.get()
