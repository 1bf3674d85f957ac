"""How training data are changed every time they are shown: one value, no state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from chgraph.checks import check_count, check_flag, check_share
from chsnn.augmentation.drop import random_drop
from chsnn.augmentation.events import (
    drop_within,
    flip_events,
    random_drop_events,
    roll_events,
    shift_events,
    swap_polarity,
)
from chsnn.augmentation.images import (
    random_cutout,
    random_flip,
    random_polarity_swap,
    random_roll,
    random_shift,
)
from chsnn.augmentation.maps import InShape, check_square
from chsnn.data.events import Sensor, as_events, check_events


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is done to training images or event frames, in this order; nothing by default.

    Raises
    ------
    ValueError
        If a value is out of range.

    Examples
    --------
    >>> augment = Augmentation(shift=1, flip=True)
    >>> augment(torch.rand(5, 3, 8, 8), torch.Generator().manual_seed(0)).shape
    torch.Size([5, 3, 8, 8])
    >>> bool(augment), bool(Augmentation())
    (True, False)
    """

    shift: int = 0
    """Move by up to so many pixels; what moves in is 0 (:func:`random_shift`)."""
    roll: int = 0
    """Move by up to so many pixels in a circle (:func:`random_roll`)."""
    flip: bool = False
    """Mirror every other sample left to right (:func:`random_flip`)."""
    swap_polarity: bool = False
    """Exchange OFF and ON events of every other sample (:func:`random_polarity_swap`)."""
    cutout: int = 0
    """Cover a square of so many pixels a side (:func:`random_cutout`)."""
    drop_events: float = 0.0
    """Take away up to this share of a while, an area or all events (:func:`random_drop`)."""

    def __post_init__(self) -> None:
        for name in ("shift", "roll", "cutout"):
            check_count(name, getattr(self, name))
        for name in ("flip", "swap_polarity"):
            check_flag(name, getattr(self, name))
        check_share("drop_events", self.drop_events)

    def __bool__(self) -> bool:
        """Whether anything is changed."""
        return any(getattr(self, field.name) for field in fields(self))

    def check(self, in_shape: Sequence[int], *, over_time: bool) -> None:
        """Raise ValueError if it cannot be done to samples of a shape.

        Parameters
        ----------
        in_shape : (C, H, W), or (n,) of square images in rows
        over_time : bool
            Whether the samples are frames over time.
        """
        if not self:
            return
        channels, *sides = in_shape if len(in_shape) == 3 else _square(in_shape)
        if self.roll > min(sides):
            raise ValueError(
                f"roll must be at most the shorter side of images of {tuple(sides)}, "
                f"got {self.roll}"
            )
        if self.swap_polarity and channels != 2:
            raise ValueError(
                f"swap_polarity needs two channels, one a polarity of events, got {channels}"
            )
        if self.drop_events and not over_time:
            raise ValueError("drop_events needs frames of events over time, got images")

    def __call__(
        self,
        inputs: Tensor,
        generator: torch.Generator | None = None,
        *,
        in_shape: InShape | None = None,
    ) -> Tensor:
        """Return a batch changed, each sample in its own way.

        Parameters
        ----------
        inputs : Tensor, shape (B, n), (B, C, H, W), [T, B, n] or [T, B, C, H, W]
            Images, or counts of events over time.
        generator : torch.Generator, optional
            Source of randomness; torch's global one if left out. What is off draws nothing.
        in_shape : (C, H, W), optional
            Of one image; needed for rows, unless they are square images of one channel.

        Returns
        -------
        Tensor
            Of the same shape; the same one if nothing is done.

        Raises
        ------
        ValueError
            If the inputs are of a shape, or hold values, to which it cannot be done.
        """
        changed = random_shift(inputs, self.shift, generator, in_shape=in_shape)
        changed = random_roll(changed, self.roll, generator, in_shape=in_shape)
        if self.flip:
            changed = random_flip(changed, generator, in_shape=in_shape)
        if self.swap_polarity:
            changed = random_polarity_swap(changed, generator, in_shape=in_shape)
        changed = random_cutout(changed, self.cutout, generator, in_shape=in_shape)
        return random_drop(changed, self.drop_events, generator, in_shape=in_shape)

    def of_events(self, events: np.ndarray, sensor: Sensor, rng: np.random.Generator) -> np.ndarray:
        """Return one recording changed while it is still events.

        Parameters
        ----------
        events : ndarray
            As :func:`chsnn.data.as_events` takes them, in the order of their times; left
            as they are.
        sensor : (rows, columns)
        rng : numpy Generator
            The only source of randomness. What is off draws nothing.

        Returns
        -------
        ndarray of :data:`chsnn.data.EVENT`
            In the order of their times.

        Raises
        ------
        TypeError
            If the events are not such an array.
        ValueError
            If they do not lie on the sensor, or it cannot be done on such a sensor.
        """
        events = as_events(events)
        check_events(events, sensor)
        self.check((2, *sensor), over_time=True)
        if self.shift:
            events = shift_events(events, sensor, *_both_ways(self.shift, rng))
        if self.roll:
            events = roll_events(events, sensor, *_both_ways(self.roll, rng))
        if self.flip and rng.integers(2):
            events = flip_events(events, sensor)
        if self.swap_polarity and rng.integers(2):
            events = swap_polarity(events)
        if self.cutout:
            top, left = (int(rng.integers(size)) - self.cutout // 2 for size in sensor)
            rows, columns = (top, top + self.cutout), (left, left + self.cutout)
            events = drop_within(events, y=rows, x=columns)
        return random_drop_events(events, sensor, self.drop_events, rng)


def _square(in_shape: Sequence[int]) -> InShape:
    if len(in_shape) != 1:
        raise ValueError(f"images must have shape (C, H, W) or (n,), got {tuple(in_shape)}")
    side = check_square(in_shape[0])
    return (1, side, side)


def _both_ways(pixels: int, rng: np.random.Generator) -> tuple[int, int]:
    down, right = rng.integers(-pixels, pixels + 1, size=2).tolist()
    return down, right
