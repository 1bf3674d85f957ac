"""Training images, and frames of events, that are never twice the same: moved, mirrored, covered.

Every function takes images (B, n) or (B, C, H, W), or frames over time [T, B, n] or
[T, B, C, H, W], and a generator. What it draws it draws once for each sample: all channels and all
time steps of a sample move alike.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from chgraph.checks import check_count
from chsnn.augmentation.maps import InShape, as_before, as_maps, draw_integers, inside


def random_shift(
    images: Tensor,
    pixels: int,
    generator: torch.Generator | None = None,
    *,
    in_shape: InShape | None = None,
) -> Tensor:
    """Move every image by a random whole number of pixels in both directions.

    Parameters
    ----------
    images : Tensor, shape (B, n), (B, C, H, W), [T, B, n] or [T, B, C, H, W]
        Of any dtype; rows are read row by row and channel by channel.
    pixels : int
        At most so far, up or down and left or right, each distance equally likely; what moves in
        is 0.
    generator : torch.Generator, optional
        Source of randomness, on the images' device or another; torch's global one of the
        images' device if left out.
    in_shape : (C, H, W), optional
        Of one image; needed for rows, unless they are square images of one channel.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If the images are of another shape or `pixels` is negative.

    Examples
    --------
    >>> image = torch.tensor([[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]])
    >>> moved = random_shift(image, 1, torch.Generator().manual_seed(0))
    >>> moved.sum().item(), moved.shape
    (1.0, torch.Size([1, 9]))
    """
    pixels = check_count("pixels", pixels)
    if pixels == 0:
        return images
    maps = as_maps(images, in_shape)
    padded = functional.pad(maps, (pixels,) * 4)
    return as_before(_random_windows(padded, maps, pixels, generator), images)


def random_roll(
    images: Tensor,
    pixels: int,
    generator: torch.Generator | None = None,
    *,
    in_shape: InShape | None = None,
) -> Tensor:
    """Move every image in a circle: what leaves on one side comes in on the other.

    Parameters
    ----------
    images : Tensor, shape (B, n), (B, C, H, W), [T, B, n] or [T, B, C, H, W]
        As for :func:`random_shift`.
    pixels : int
        At most so far, up or down and left or right, each distance equally likely; at most the
        shorter side.
    generator : torch.Generator, optional
    in_shape : (C, H, W), optional

    Returns
    -------
    Tensor
        Of the same shape; every image has the values it had.

    Raises
    ------
    ValueError
        If the images are of another shape or `pixels` is out of range.

    Notes
    -----
    One of the changes of Neuromorphic Data Augmentation (Li et al., ECCV 2022).

    Examples
    --------
    >>> frames = torch.arange(12.0).reshape(1, 2, 2, 1, 3)  # [T, B, C, H, W]
    >>> random_roll(frames, 1, torch.Generator().manual_seed(0)).sum(dim=(0, 2, 3, 4))
    tensor([15., 51.])
    """
    pixels = check_count("pixels", pixels)
    if pixels == 0:
        return images
    maps = as_maps(images, in_shape)
    if pixels > min(maps.shape[-2:]):
        raise ValueError(
            f"pixels must be at most the shorter side of images of {tuple(maps.shape[-2:])}, "
            f"got {pixels}"
        )
    padded = _padded_in_a_circle(maps, pixels)
    return as_before(_random_windows(padded, maps, pixels, generator), images)


def random_flip(
    images: Tensor, generator: torch.Generator | None = None, *, in_shape: InShape | None = None
) -> Tensor:
    """Mirror every other image, drawn at random, left to right.

    Parameters
    ----------
    images : Tensor, shape (B, n), (B, C, H, W), [T, B, n] or [T, B, C, H, W]
        As for :func:`random_shift`.
    generator : torch.Generator, optional
    in_shape : (C, H, W), optional

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If the images are of another shape.

    Examples
    --------
    >>> image = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    >>> random_flip(image, torch.Generator().manual_seed(1))
    tensor([[2., 1., 4., 3.]])
    """
    maps = as_maps(images, in_shape)
    mirrored = _coins(maps, generator)
    return as_before(torch.where(mirrored, maps.flip(-1), maps), images)


def random_polarity_swap(
    images: Tensor, generator: torch.Generator | None = None, *, in_shape: InShape | None = None
) -> Tensor:
    """Exchange OFF and ON events of every other sample, drawn at random.

    So would a camera see the negative of what it sees.

    Parameters
    ----------
    images : Tensor, shape (B, n), (B, 2, H, W), [T, B, n] or [T, B, 2, H, W]
        Frames of events, one channel a polarity.
    generator : torch.Generator, optional
    in_shape : (2, H, W), optional

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If the frames are of another shape or have not two channels.

    Examples
    --------
    >>> import torch
    >>> frames = torch.zeros(4, 2, 3, 3)
    >>> frames[:, 0] = 1.0  # OFF events alone
    >>> swapped = random_polarity_swap(frames, torch.Generator().manual_seed(0))
    >>> swapped.sum(dim=(1, 2, 3)).tolist()
    [9.0, 9.0, 9.0, 9.0]
    >>> swapped[:, 1, 0, 0].tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    maps = as_maps(images, in_shape)
    check_two_polarities(maps.shape[2], images)
    return as_before(torch.where(_coins(maps, generator), maps.flip(2), maps), images)


def random_cutout(
    images: Tensor,
    side: int,
    generator: torch.Generator | None = None,
    *,
    in_shape: InShape | None = None,
) -> Tensor:
    """Cover a square at a random place of every image with 0.

    Parameters
    ----------
    images : Tensor, shape (B, n), (B, C, H, W), [T, B, n] or [T, B, C, H, W]
        As for :func:`random_shift`.
    side : int
        Of the square, in pixels. Its middle is any pixel, each equally likely, so that at the
        edges part of it lies outside.
    generator : torch.Generator, optional
    in_shape : (C, H, W), optional

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If the images are of another shape or `side` is negative.

    Notes
    -----
    DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout",
    2017.

    Examples
    --------
    >>> covered = random_cutout(torch.ones(1, 1, 4, 4), 1, torch.Generator().manual_seed(0))
    >>> covered.sum().item()
    15.0
    """
    side = check_count("side", side)
    if side == 0:
        return images
    maps = as_maps(images, in_shape)
    count, height, width = len(maps), *maps.shape[-2:]
    rows = draw_integers(height, (count,), images, generator)
    columns = draw_integers(width, (count,), images, generator)
    is_in_row, is_in_column = (
        inside(height, rows - side // 2, side),
        inside(width, columns - side // 2, side),
    )
    covered = is_in_row[:, :, None] & is_in_column[:, None, :]
    return as_before(maps.masked_fill(covered[:, None, None], 0), images)


def check_two_polarities(channels: int, images: Tensor) -> None:
    """Raise ValueError unless there is one channel a polarity."""
    if channels != 2:
        raise ValueError(
            f"images must have two channels, one a polarity of events, to exchange them; "
            f"got {channels} in shape {tuple(images.shape)}"
        )


def _coins(maps: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return one coin a sample, to be held against maps (B, T, C, H, W)."""
    return draw_integers(2, (len(maps), 1, 1, 1, 1), maps, generator).bool()


def _random_windows(
    padded: Tensor, maps: Tensor, pixels: int, generator: torch.Generator | None
) -> Tensor:
    """Return of every padded map one of the windows of the maps' own size."""
    count, device = len(maps), maps.device
    height, width = maps.shape[-2:]
    windows = padded.unfold(3, height, 1).unfold(4, width, 1)
    # One draw of all rows, then of all columns, whatever else a sample has: a flat image moves
    # as it always has.
    rows, columns = draw_integers(2 * pixels + 1, (2, count), maps, generator)
    return windows[torch.arange(count, device=device), :, :, rows, columns]


def _padded_in_a_circle(maps: Tensor, pixels: int) -> Tensor:
    for axis in (-2, -1):
        size = maps.shape[axis]
        before, after = maps.narrow(axis, size - pixels, pixels), maps.narrow(axis, 0, pixels)
        maps = torch.cat([before, maps, after], dim=axis)
    return maps
