"""Events lost from frames: for a time, in an area, or here and there, as in EventDrop."""

from __future__ import annotations

import torch
from torch import Tensor

from chgraph.checks import check_share
from chsnn.augmentation.maps import (
    InShape,
    as_before,
    as_maps,
    draw_integers,
    draw_shares,
    has_time,
    inside,
)

WAYS = ("none", "time", "area", "random")


def random_drop(
    frames: Tensor,
    share: float,
    generator: torch.Generator | None = None,
    *,
    in_shape: InShape | None = None,
) -> Tensor:
    """Take events away from every recording, in one of four ways.

    Equally likely nothing is lost, or all events of a while, or all events of a rectangle, or
    every event alike; a while and a rectangle lie anywhere. How much is lost, of the time, of the
    area or of the events, is uniform between nothing and `share`.

    Parameters
    ----------
    frames : Tensor of floating point, shape [T, B, C, H, W], or [T, B, n] with in_shape
        Counts of events.
    share : float
        Of [0, 1], the most that is lost.
    generator : torch.Generator, optional
        Source of randomness, on the frames' device or another; torch's global one of the
        frames' device if left out.
    in_shape : (C, H, W), optional
        Of one frame; needed for rows.

    Returns
    -------
    Tensor
        Of the same shape, nowhere more than before. A recording that would lose all of its events
        keeps them.

    Raises
    ------
    ValueError
        If the frames are of another shape, hold something else than whole numbers from 0, or
        `share` is out of range.

    Notes
    -----
    After Gu et al., "EventDrop: data augmentation for event-based learning", IJCAI 2021, which
    draws the shares from other lists. A frame or a pixel is lost if its middle lies in the while
    or the rectangle, which has the proportions of the sensor: so of many frames the share is lost
    on average, whatever their number.

    Examples
    --------
    >>> frames = torch.full((4, 8, 2, 3, 3), 5.0)
    >>> left = random_drop(frames, 0.9, torch.Generator().manual_seed(0))
    >>> left.sum(dim=(0, 2, 3, 4)).tolist()  # of 360
    [360.0, 153.0, 180.0, 360.0, 351.0, 307.0, 255.0, 195.0]
    """
    share = check_share("share", share)
    if share == 0:
        return frames
    maps = _checked(frames, in_shape)
    count, (n_steps, height, width) = len(maps), (maps.shape[1], *maps.shape[-2:])
    ways = draw_integers(len(WAYS), (count,), frames, generator)
    lost, since, top, left = draw_shares((4, count), frames, generator)
    lost = share * lost
    side = lost.sqrt()
    is_in_while = inside(n_steps, since * (1 - lost) * n_steps, lost * n_steps)
    is_in_row = inside(height, top * (1 - side) * height, side * height)
    is_in_column = inside(width, left * (1 - side) * width, side * width)
    is_in_area = is_in_row[:, :, None] & is_in_column[:, None, :]
    timed = is_in_while & (ways == WAYS.index("time"))[:, None]
    placed = is_in_area & (ways == WAYS.index("area"))[:, None, None]
    gone = timed[:, :, None, None, None] | placed[:, None, None]
    thinned = (ways == WAYS.index("random")).nonzero()[:, 0]
    kept = maps.masked_fill(gone, 0)
    kept[thinned] = _thinned(kept[thinned], lost[thinned], generator)
    emptied = ~kept.flatten(1).any(dim=1)
    return as_before(torch.where(emptied.view(-1, 1, 1, 1, 1), maps, kept), frames)


def _checked(frames: Tensor, in_shape: InShape | None) -> Tensor:
    if not has_time(frames):
        raise ValueError(
            f"events are taken away from frames over time, [T, B, C, H, W]; "
            f"got shape {tuple(frames.shape)}"
        )
    if not frames.is_floating_point():
        raise ValueError(f"frames must be floating point, got {frames.dtype}")
    is_count = (frames >= 0) & (frames == frames.floor())
    if not is_count.all():
        raise ValueError(
            f"frames must be counts of events, whole numbers from 0; "
            f"{int((~is_count).sum())} of {frames.numel()} values are none"
        )
    return as_maps(frames, in_shape)


def _thinned(counts: Tensor, lost: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return counts of which every event is lost with its sample's chance."""
    places = counts.nonzero(as_tuple=True)
    device = counts.device if generator is None else generator.device
    some = counts[places].to(device, torch.float64)
    stays = (1 - lost[places[0]]).to(device, torch.float64)
    # In double precision, or a count beyond 2**24 would not be drawn whole.
    left = torch.binomial(some, stays, generator=generator)
    return counts.index_put(places, left.to(counts.device, counts.dtype))
