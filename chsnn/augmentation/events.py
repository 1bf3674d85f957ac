"""The same changes for recordings that are still events (:data:`chsnn.data.EVENT`).

None of them changes the array it is given.
"""

from __future__ import annotations

import numpy as np

from chgraph.checks import check_share
from chsnn.data.events import Sensor


def flip_events(events: np.ndarray, sensor: Sensor) -> np.ndarray:
    """Mirror events left to right on a sensor of (rows, columns).

    Examples
    --------
    >>> import numpy as np
    >>> import chsnn
    >>> events = np.array([(0, 1, 0, 1), (40, 3, 2, 0)], dtype=chsnn.data.EVENT)
    >>> flip_events(events, (4, 5))["x"].tolist()
    [3, 1]
    """
    flipped = events.copy()
    flipped["x"] = sensor[1] - 1 - events["x"]
    return flipped


def swap_polarity(events: np.ndarray) -> np.ndarray:
    """Make OFF events ON events and the other way round.

    Examples
    --------
    >>> import numpy as np
    >>> import chsnn
    >>> events = np.array([(0, 1, 0, 1), (40, 3, 2, 0)], dtype=chsnn.data.EVENT)
    >>> swap_polarity(events)["p"].tolist()
    [False, True]
    """
    swapped = events.copy()
    swapped["p"] = events["p"] == 0
    return swapped


def roll_events(events: np.ndarray, sensor: Sensor, down: int, right: int) -> np.ndarray:
    """Move events on a sensor of (rows, columns); what leaves it comes in on the other side.

    Examples
    --------
    >>> events = np.array([(0, 3, 1)], dtype=[("t", "i8"), ("x", "i2"), ("y", "i2")])
    >>> roll_events(events, (4, 4), down=-1, right=2)
    array([(0, 1, 0)], dtype=[('t', '<i8'), ('x', '<i2'), ('y', '<i2')])
    """
    rolled = events.copy()
    for field, moved, size in (("x", right, sensor[1]), ("y", down, sensor[0])):
        rolled[field] = (events[field].astype(np.int64) + moved) % size
    return rolled


def shift_events(events: np.ndarray, sensor: Sensor, down: int, right: int) -> np.ndarray:
    """Move events on a sensor of (rows, columns); what leaves it is lost.

    Examples
    --------
    >>> import numpy as np
    >>> import chsnn
    >>> events = np.array([(0, 1, 0, 1), (40, 3, 2, 0)], dtype=chsnn.data.EVENT)
    >>> shift_events(events, (4, 5), down=1, right=1)[["x", "y"]].tolist()
    [(2, 1), (4, 3)]
    """
    rows, columns = sensor
    y, x = events["y"].astype(np.int64) + down, events["x"].astype(np.int64) + right
    stays = (y >= 0) & (y < rows) & (x >= 0) & (x < columns)
    shifted = events[stays]
    shifted["y"], shifted["x"] = y[stays], x[stays]
    return shifted


def drop_within(
    events: np.ndarray,
    *,
    t: tuple[float, float] | None = None,
    y: tuple[float, float] | None = None,
    x: tuple[float, float] | None = None,
) -> np.ndarray:
    """Take away the events that lie in all the ranges given: of a while, of a rectangle.

    Parameters
    ----------
    events : ndarray of :data:`chsnn.data.EVENT`
    t, y, x : (start, stop), optional
        From start on, before stop; at least one of them.

    Raises
    ------
    ValueError
        If no range is given.

    Examples
    --------
    >>> events = np.array([(0, 1), (5, 1), (7, 2)], dtype=[("t", "i8"), ("x", "i2")])
    >>> drop_within(events, t=(4, 9), x=(1, 2))["t"]
    array([0, 7])
    """
    ranges = {"t": t, "y": y, "x": x}
    if all(bounds is None for bounds in ranges.values()):
        raise ValueError("t, y or x must be given, or all events would go")
    is_in = np.ones(len(events), dtype=bool)
    for field, bounds in ranges.items():
        if bounds is not None:
            is_in &= (events[field] >= bounds[0]) & (events[field] < bounds[1])
    return events[~is_in]


def thin_events(events: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Take every event away with the chance `share`.

    Raises
    ------
    ValueError
        If `share` is not in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> import chsnn
    >>> events = np.array([(0, 1, 0, 1), (40, 3, 2, 0)], dtype=chsnn.data.EVENT)
    >>> len(thin_events(events, 0.0, np.random.default_rng(0)))
    2
    """
    share = check_share("share", share)
    return events[rng.random(len(events)) >= share]


def random_drop_events(
    events: np.ndarray, sensor: Sensor, share: float, rng: np.random.Generator
) -> np.ndarray:
    """Take events away as :func:`chsnn.augmentation.random_drop` does from frames.

    Parameters
    ----------
    events : ndarray of :data:`chsnn.data.EVENT`
        The recording begins with its first event and ends with its last.
    sensor : (rows, columns)
    share : float
        Of [0, 1], the most that is lost.
    rng : numpy Generator

    Returns
    -------
    ndarray
        Some of the events; all of them rather than none.

    Raises
    ------
    ValueError
        If `share` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> import chsnn
    >>> events = np.array([(0, 1, 0, 1), (40, 3, 2, 0)], dtype=chsnn.data.EVENT)
    >>> left = random_drop_events(events, (4, 5), 0.5, np.random.default_rng(0))
    >>> 1 <= len(left) <= 2
    True
    """
    share = check_share("share", share)
    if share == 0 or len(events) == 0:
        return events
    way, (lost, since, top, left) = rng.integers(4), rng.random(4)
    lost *= share
    kept = events
    if way == 1:
        first, last = int(events["t"].min()), int(events["t"].max())
        duration = last + 1 - first
        start = first + since * (1 - lost) * duration
        kept = drop_within(events, t=(start, start + lost * duration))
    elif way == 2:
        side = np.sqrt(lost)
        rows, columns = sensor
        # A pixel lies where its middle is, half a pixel after its number.
        upper, outer = top * (1 - side) * rows - 0.5, left * (1 - side) * columns - 0.5
        kept = drop_within(
            events, y=(upper, upper + side * rows), x=(outer, outer + side * columns)
        )
    elif way == 3:
        kept = thin_events(events, lost, rng)
    return kept if len(kept) else events
