"""From images to what the first layer reads at every time step."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from chgraph.checks import check_choice, check_positive_int
from chsnn._plain_operations import needs_plain_operations

Encoding = Literal["direct", "even", "bernoulli", "none"]
ENCODINGS = ("direct", "even", "bernoulli", "none")
MOST_TIMESTEPS = 1_000_000


def direct(images: Tensor, timesteps: int) -> Tensor:
    """Show the analogue image at every step: (B, n) to (T, B, n), without copying it."""
    return images.expand(timesteps, *images.shape)


def even(images: Tensor, timesteps: int) -> Tensor:
    """Turn intensities into evenly spaced spikes.

    Each pixel is an integrate-and-fire neuron without leak, charged half at the start, that
    receives its intensity at every step and loses 1 with each spike: a pixel x fires
    about x * T times, at equal distances.

    Parameters
    ----------
    images : Tensor, shape (B, n)
        Intensities in [0, 1].
    timesteps : int

    Returns
    -------
    Tensor of 0 and 1, shape (T, B, n)

    Examples
    --------
    >>> even(torch.tensor([[0.25, 1.0]]), 4)[:, 0].T
    tensor([[0., 1., 0., 0.],
            [1., 1., 1., 1.]])
    """
    _check_intensities(images)
    # The charge passed after t steps, closed form; 1e-6 forgives rounding of, say, 3 * (1/3).
    step = torch.arange(timesteps + 1, device=images.device).view(-1, 1, 1)
    passed = torch.floor(images.double() * step + 0.5 + 1e-6)
    return (passed[1:] - passed[:-1]).to(images.dtype)


def bernoulli(images: Tensor, timesteps: int, generator: torch.Generator | None = None) -> Tensor:
    """Let every pixel fire at each step with the probability of its intensity.

    Parameters
    ----------
    images : Tensor, shape (B, n)
        Intensities in [0, 1].
    timesteps : int
    generator : torch.Generator, optional
        Source of randomness, on the images' device or another; torch's global one of the
        images' device if left out.

    Returns
    -------
    Tensor of 0 and 1, shape (T, B, n)
    """
    _check_intensities(images)
    device = images.device if generator is None else generator.device
    shape = (timesteps, *images.shape)
    chance = torch.rand(shape, generator=generator, dtype=images.dtype, device=device)
    return (chance.to(images.device) < images).to(images.dtype)


class Encoder(nn.Module):
    """One of the encodings with its number of time steps.

    Parameters
    ----------
    kind : {"direct", "even", "bernoulli", "none"}
        "none": the input is spikes over time already, and is taken as such.
    timesteps : int
        At most 1,000,000; of "none" what the input must have.

    Examples
    --------
    >>> Encoder("even", timesteps=8)(torch.rand(2, 1, 4, 4)).shape
    torch.Size([8, 2, 16])
    >>> Encoder("none", timesteps=8)(torch.zeros(8, 2, 1, 4, 4)).shape
    torch.Size([8, 2, 16])
    """

    def __init__(self, kind: Encoding = "direct", timesteps: int = 8) -> None:
        super().__init__()
        check_choice("kind", kind, ENCODINGS)
        self.kind: Encoding = kind
        self.timesteps = check_positive_int("timesteps", timesteps)
        if timesteps > MOST_TIMESTEPS:
            raise ValueError(f"timesteps must be at most {MOST_TIMESTEPS:,}, got {timesteps}")

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return what the first layer reads at every step.

        Parameters
        ----------
        images : Tensor of floating point, shape (B, ...); with kind "none" (T, B, ...)
        generator : torch.Generator, optional
            Source of randomness of a random encoding; torch's global one if left out.

        Returns
        -------
        Tensor, shape (T, B, n)
            On the images' device.

        Raises
        ------
        ValueError
            If the images are of another shape or type, have another number of steps, or have
            intensities that are not spike rates.
        """
        x = self._flatten(images)
        if self.kind == "direct":
            return direct(x, self.timesteps)
        if self.kind == "even":
            return even(x, self.timesteps)
        return x if self.kind == "none" else bernoulli(x, self.timesteps, generator)

    def flat(self, images: Tensor, n_in: int, *, name: str = "images") -> Tensor:
        """Return the images as :meth:`forward` reads them, with `n_in` values a sample.

        Parameters
        ----------
        images : Tensor of floating point, shape (B, ...); with kind "none" (T, B, ...)
        n_in : int
            Inputs of the first layer.
        name : str
            What errors call the images.

        Returns
        -------
        Tensor, shape (B, n_in); with kind "none" (T, B, n_in)

        Raises
        ------
        ValueError
            As :meth:`forward`; if a sample has not `n_in` values; and if images look like spikes
            over time, (T, B, n_in), where the kind is not "none".

        Examples
        --------
        >>> Encoder("even").flat(torch.rand(2, 1, 4, 4), 16).shape
        torch.Size([2, 16])
        """
        x = self._flatten(images, name)
        over_time = self.kind != "none" and images.ndim > 2 and images.shape[2:].numel() == n_in
        # (T, 1, n_in) would pass for T samples; images of one channel are (B, 1, side, side).
        if x.shape[-1] != n_in or (over_time and images.ndim == 3):
            advice = ": for spikes over time [T, B, n] use encoding='none'" if over_time else ""
            raise ValueError(
                f"{name} must have {n_in} values a sample, got shape {tuple(images.shape)}{advice}"
            )
        return x

    def _flatten(self, images: Tensor, name: str = "images") -> Tensor:
        """Return the images with one axis of values, or raise."""
        if not isinstance(images, Tensor):
            raise TypeError(f"{name} must be a Tensor, got {type(images).__name__}")
        if not images.is_floating_point():
            raise ValueError(
                f"{name} must be of floating point, as .float() gives it, intensities in [0, 1] "
                f"(bytes divided by 255), got {images.dtype}"
            )
        axes, first = (2, "T, B") if self.kind == "none" else (1, "B")
        if images.ndim <= axes:
            raise ValueError(
                f"{name} must have shape ({first}, ...) with encoding={self.kind!r}, "
                f"got {tuple(images.shape)}"
            )
        if self.kind == "none" and len(images) != self.timesteps:
            raise ValueError(
                f"{name} must have {self.timesteps} time steps [T, B, ...] with encoding='none', "
                f"got {len(images)} in shape {tuple(images.shape)}"
            )
        return images.flatten(axes)

    def extra_repr(self) -> str:
        """Return the settings, for printing."""
        return f"{self.kind}, timesteps={self.timesteps}"


def _check_intensities(images: Tensor) -> None:
    if images.is_meta or needs_plain_operations() or not images.numel():
        return
    low, high = (bound.item() for bound in torch.aminmax(images))
    if not (low >= 0 and high <= 1):
        got = "NaN" if math.isnan(low) or math.isnan(high) else f"[{low:g}, {high:g}]"
        raise ValueError(f"images must have intensities in [0, 1] to become spikes, got {got}")
