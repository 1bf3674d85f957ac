"""Training data that are never twice the same: images and events, moved, covered and thinned."""

from chsnn.augmentation.drop import random_drop
from chsnn.augmentation.events import (
    drop_within,
    flip_events,
    random_drop_events,
    roll_events,
    shift_events,
    swap_polarity,
    thin_events,
)
from chsnn.augmentation.images import (
    random_cutout,
    random_flip,
    random_polarity_swap,
    random_roll,
    random_shift,
)
from chsnn.augmentation.maps import check_square
from chsnn.augmentation.settings import Augmentation

__all__ = [
    "Augmentation",
    "check_square",
    "drop_within",
    "flip_events",
    "random_cutout",
    "random_drop",
    "random_drop_events",
    "random_flip",
    "random_polarity_swap",
    "random_roll",
    "random_shift",
    "roll_events",
    "shift_events",
    "swap_polarity",
    "thin_events",
]
