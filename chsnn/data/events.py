"""Events of a camera as an array, and frames that count them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chgraph.checks import check_choice, check_positive_int, shown

EVENT = np.dtype([("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "?")])
"""An event: microseconds, column, row (downwards), and whether it is ON."""
Sensor = tuple[int, int]
BINNINGS = ("time", "count")


def as_events(events: Any) -> np.ndarray:
    """Return events as an array of :data:`chsnn.data.EVENT`.

    Parameters
    ----------
    events : structured ndarray
        With fields t, x, y and p of any integer (p: also bool) type, in any order, as other
        libraries have them; polarities are 0 and 1, or -1 and 1.

    Raises
    ------
    TypeError
        If it is not such an array.
    ValueError
        If values do not fit the type.

    Examples
    --------
    >>> others = np.array([(3, 4, 17, 1)], dtype=[("x", int), ("y", int), ("t", int), ("p", int)])
    >>> as_events(others)
    array([(17, 3, 4,  True)], dtype=...)
    """
    fields = getattr(getattr(events, "dtype", None), "names", None)
    if fields is None or not set(EVENT.names or ()) <= set(fields) or events.ndim != 1:
        got = f"fields {fields}" if fields else type(events).__name__
        raise TypeError(f"events must be an array with fields t, x, y and p, got {got}")
    if events.dtype == EVENT:
        return events
    found = np.empty(len(events), EVENT)
    for name in ("t", "x", "y"):
        found[name] = events[name]
        if not np.array_equal(found[name], events[name]):
            raise ValueError(f"events must have whole numbers in {name}, in the range of its type")
    polarity = np.asarray(events["p"])
    if not np.isin(polarity, (-1, 0, 1)).all():
        raise ValueError("events must have polarities 0 and 1, or -1 and 1, in p")
    found["p"] = polarity > 0
    return found


def check_events(events: np.ndarray, sensor: Sensor) -> None:
    """Raise ValueError unless events lie on a sensor (rows, columns) and come in time."""
    if not isinstance(sensor, Sequence) or len(sensor) != 2:
        raise ValueError(f"sensor must be (rows, columns), got {shown(sensor)}")
    for size in sensor:
        check_positive_int("sensor", size)
    if not len(events):
        return
    for name, size in (("y", sensor[0]), ("x", sensor[1])):
        low, high = int(events[name].min()), int(events[name].max())
        if low < 0 or high >= size:
            raise ValueError(f"events must have {name} from 0 to {size - 1}, got {low} to {high}")
    if events["t"][0] < 0:
        raise ValueError(f"events must have times from 0, got {int(events['t'][0])}")
    if (np.diff(events["t"]) < 0).any():
        raise ValueError("events must be in the order of their times")


def to_frames(
    events: np.ndarray,
    sensor: Sensor,
    timesteps: int,
    *,
    by: str = "time",
    stop: int | None = None,
    pool: int = 1,
    binary: bool = False,
) -> np.ndarray:
    """Count events in frames.

    Parameters
    ----------
    events : ndarray of :data:`chsnn.data.EVENT`
        In the order of their times; times count from 0 or later.
    sensor : (int, int)
        Rows and columns.
    timesteps : int
        Frames.
    by : {"time", "count"}
        Whether frames are equally long, or have equally many events (the first ones one more
        where it does not divide).
    stop : int, optional
        Microseconds after which events are left out. By default those of the whole recording,
        whose last frame ends with the last event.
    pool : int
        Side of the squares of pixels whose counts are summed; what is left over at the right and
        lower edge is a smaller one.
    binary : bool
        Whether a pixel says only that it had an event, and so is a spike.

    Returns
    -------
    ndarray of float32, shape (timesteps, 2, rows, columns)
        Counts of OFF events, then of ON events; with `binary` 0 or 1.

    Raises
    ------
    ValueError
        If an argument is out of range, or events do not lie on the sensor.

    Examples
    --------
    >>> events = np.array([(0, 1, 0, True), (9, 0, 1, False)], EVENT)
    >>> to_frames(events, (2, 2), 2)[:, 1, 0].tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    timesteps = check_positive_int("timesteps", timesteps)
    pool = check_positive_int("pool", pool)
    check_choice("by", by, BINNINGS)
    events = as_events(events)
    check_events(events, sensor)
    if stop is not None:
        stop = check_positive_int("stop", stop)
        events = events[: np.searchsorted(events["t"], stop)]
    rows, columns = pooled_sensor(sensor, pool)
    frame = _frame_of(events, timesteps, by, stop)
    place = (frame * 2 + events["p"]) * rows + events["y"] // pool
    place = place * columns + events["x"] // pool
    counts = np.bincount(place, minlength=timesteps * 2 * rows * columns)
    counts = np.minimum(counts, 1) if binary else counts
    return counts.astype(np.float32).reshape(timesteps, 2, rows, columns)


def pooled_sensor(sensor: Sensor, pool: int) -> Sensor:
    """Return rows and columns of frames whose squares of `pool` pixels a side are summed.

    Examples
    --------
    >>> pooled_sensor((34, 34), 2)
    (17, 17)
    """
    return -(-sensor[0] // pool), -(-sensor[1] // pool)


def _frame_of(events: np.ndarray, timesteps: int, by: str, stop: int | None) -> np.ndarray:
    """Return the frame of each event, int64."""
    n = len(events)
    if by == "count" or not n:
        sizes = np.full(timesteps, n // timesteps)
        sizes[: n % timesteps] += 1
        return np.repeat(np.arange(timesteps), sizes)
    duration = int(events["t"][-1]) + 1 if stop is None else stop
    return np.minimum(events["t"] * timesteps // duration, timesteps - 1)
