"""Training images that are never twice the same."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from chgraph.checks import check_count


def random_shift(images: Tensor, pixels: int, generator: torch.Generator | None = None) -> Tensor:
    """Move every image by a random whole number of pixels in both directions.

    Parameters
    ----------
    images : Tensor, shape (B, side * side)
        Square images, row by row.
    pixels : int
        At most so far, up or down and left or right, each distance equally likely; what moves in
        is 0.
    generator : torch.Generator, optional
        Source of randomness, on the images' device or another; torch's global one of the
        images' device if left out.

    Returns
    -------
    Tensor, shape (B, side * side)

    Raises
    ------
    ValueError
        If the images are not rows of square images or `pixels` is negative.

    Examples
    --------
    >>> image = torch.tensor([[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]])
    >>> moved = random_shift(image, 1, torch.Generator().manual_seed(0))
    >>> moved.sum().item(), moved.shape
    (1.0, torch.Size([1, 9]))
    """
    check_count("pixels", pixels)
    if pixels == 0:
        return images
    if images.ndim != 2:
        raise ValueError(f"images must have shape (B, side * side), got {tuple(images.shape)}")
    side = check_square(images.shape[1])
    count, device = len(images), images.device
    padded = functional.pad(images.reshape(count, side, side), (pixels,) * 4)
    windows = padded.unfold(1, side, 1).unfold(2, side, 1)
    drawn_on = device if generator is None else generator.device
    shifts = torch.randint(2 * pixels + 1, (2, count), generator=generator, device=drawn_on)
    rows, columns = shifts.to(device)
    return windows[torch.arange(count, device=device), rows, columns].view(count, side * side)


def check_square(n_in: int) -> int:
    """Return the side of a square image of `n_in` pixels.

    Raises
    ------
    ValueError
        If there is none.
    """
    side = math.isqrt(n_in)
    if side * side != n_in:
        raise ValueError(f"shift needs square images, got {n_in} pixels")
    return side
