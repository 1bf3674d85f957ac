"""From images to what the first layer reads at every time step."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from chgraph.checks import check_choice, check_positive_int

Encoding = Literal["direct", "even", "bernoulli"]
ENCODINGS = ("direct", "even", "bernoulli")


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
    charge = images.double() * torch.arange(timesteps + 1).view(-1, 1, 1) + 0.5
    return torch.diff(torch.floor(charge + 1e-6), dim=0).to(images.dtype)


def bernoulli(images: Tensor, timesteps: int, generator: torch.Generator | None = None) -> Tensor:
    """Let every pixel fire at each step with the probability of its intensity.

    Parameters
    ----------
    images : Tensor, shape (B, n)
        Intensities in [0, 1].
    timesteps : int
    generator : torch.Generator, optional
        Source of randomness; torch's global one if left out.

    Returns
    -------
    Tensor of 0 and 1, shape (T, B, n)
    """
    _check_intensities(images)
    chance = torch.rand(timesteps, *images.shape, generator=generator, dtype=images.dtype)
    return (chance < images).to(images.dtype)


class Encoder(nn.Module):
    """One of the encodings with its number of time steps.

    Parameters
    ----------
    kind : {"direct", "even", "bernoulli"}
    timesteps : int

    Examples
    --------
    >>> Encoder("even", timesteps=8)(torch.rand(2, 3)).shape
    torch.Size([8, 2, 3])
    """

    def __init__(self, kind: Encoding = "direct", timesteps: int = 8) -> None:
        super().__init__()
        check_choice("kind", kind, ENCODINGS)
        self.kind: Encoding = kind
        self.timesteps = check_positive_int("timesteps", timesteps)

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Encode images (B, n) as (T, B, n); `generator` serves the random encoding."""
        if self.kind == "direct":
            return direct(images, self.timesteps)
        if self.kind == "even":
            return even(images, self.timesteps)
        return bernoulli(images, self.timesteps, generator)

    def extra_repr(self) -> str:
        """Return the settings, for printing."""
        return f"{self.kind}, timesteps={self.timesteps}"


def _check_intensities(images: Tensor) -> None:
    if images.numel() and not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(
            "images must have intensities in [0, 1] to become spikes, got "
            f"[{images.min().item():g}, {images.max().item():g}]"
        )
