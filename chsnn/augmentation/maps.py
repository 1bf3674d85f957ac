"""One shape for what is augmented, whatever shape it comes in; draws for every sample."""

from __future__ import annotations

import math

import torch
from torch import Tensor

InShape = tuple[int, int, int]

_TAKES = "(B, side * side), (B, C, H, W) or [T, B, C, H, W]; rows of another shape need in_shape"


def as_maps(images: Tensor, in_shape: InShape | None = None) -> Tensor:
    """Return images, or frames over time, with the sample first.

    Parameters
    ----------
    images : Tensor, shape (B, n), (B, C, H, W), (T, B, n) or (T, B, C, H, W)
        With n = C * H * W, channel by channel and row by row. What has three axes or five has
        time first.
    in_shape : (C, H, W), optional
        Of one image; needed for rows, unless they are square images of one channel.

    Returns
    -------
    Tensor, shape (B, T, C, H, W)
        A view where torch can give one; T is 1 for images.

    Raises
    ------
    ValueError
        If the images are of another shape.
    """
    if images.ndim not in (2, 3, 4, 5) or (images.ndim == 3 and in_shape is None):
        raise ValueError(f"images must have shape {_TAKES}; got {tuple(images.shape)}")
    of_one = tuple(images.shape[-3:]) if images.ndim > 3 else _shape_of_rows(images, in_shape)
    if in_shape is not None and of_one != tuple(in_shape):
        raise ValueError(
            f"images must have shape (C, H, W) = {tuple(in_shape)}, got {tuple(images.shape)}"
        )
    if has_time(images):
        return images.reshape(*images.shape[:2], *of_one).transpose(0, 1)
    return images.reshape(len(images), 1, *of_one)


def as_before(maps: Tensor, images: Tensor) -> Tensor:
    """Return maps of shape (B, T, C, H, W) in the shape that `images` came in, contiguous."""
    return (maps.transpose(0, 1) if has_time(images) else maps).reshape(images.shape)


def has_time(images: Tensor) -> bool:
    """Return whether time is the first axis: of three or five."""
    return images.ndim in (3, 5)


def check_square(n_in: int) -> int:
    """Return the side of a square image of `n_in` pixels.

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> check_square(784)
    28
    """
    side = math.isqrt(n_in)
    if side * side != n_in:
        raise ValueError(f"augmentation needs square images, got {n_in} pixels")
    return side


def draw_integers(
    n: int, shape: tuple[int, ...], images: Tensor, generator: torch.Generator | None
) -> Tensor:
    """Return integers of [0, n), drawn where the generator is, on the images' device."""
    device = images.device if generator is None else generator.device
    return torch.randint(n, shape, generator=generator, device=device).to(images.device)


def draw_shares(
    shape: tuple[int, ...], images: Tensor, generator: torch.Generator | None
) -> Tensor:
    """Return numbers of [0, 1), drawn where the generator is, on the images' device."""
    device = images.device if generator is None else generator.device
    return torch.rand(shape, generator=generator, device=device).to(images.device)


def inside(size: int, start: Tensor, length: Tensor | float) -> Tensor:
    """Return which of `size` places of a line lie in [start, start + length), for each sample.

    Parameters
    ----------
    size : int
    start : Tensor, shape (B,)
        In places; a place lies where its middle is, the first at 0.5.
    length : Tensor, shape (B,), or float

    Returns
    -------
    Tensor of bool, shape (B, size)
    """
    middle = torch.arange(size, device=start.device) + 0.5
    end = start + length
    return (middle >= start[:, None]) & (middle < end[:, None])


def _shape_of_rows(images: Tensor, in_shape: InShape | None) -> InShape:
    if in_shape is None:
        side = check_square(images.shape[1])
        return (1, side, side)
    if math.prod(in_shape) != images.shape[-1]:
        raise ValueError(
            f"images must have {math.prod(in_shape)} values a sample, as many as in_shape "
            f"{tuple(in_shape)}; got shape {tuple(images.shape)}"
        )
    return in_shape
