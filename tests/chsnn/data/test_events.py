"""Events as an array, and frames that count them, against a loop over the events."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chsnn.data import EVENT, as_events, to_frames


def events_of(times, sensor, seed=0):
    rng = np.random.default_rng(seed)
    events = np.empty(len(times), EVENT)
    events["t"] = np.sort(times)
    events["x"], events["y"] = (rng.integers(0, n, len(times)) for n in (sensor[1], sensor[0]))
    events["p"] = rng.integers(0, 2, len(times))
    return events


def slow_frames(events, sensor, timesteps, by, stop, pool):
    """Frames event by event."""
    events = [e for e in events.tolist() if stop is None or e[0] < stop]
    rows, columns = ((n + pool - 1) // pool for n in sensor)
    frames = np.zeros((timesteps, 2, rows, columns))
    n, extra = divmod(len(events), timesteps)
    ends = np.cumsum([n + (k < extra) for k in range(timesteps)])
    for i, (t, x, y, p) in enumerate(events):
        if by == "count":
            frame = next(k for k in range(timesteps) if i < ends[k])
        else:
            duration = events[-1][0] + 1 if stop is None else stop
            frame = next(k for k in range(timesteps) if t * timesteps < (k + 1) * duration)
        frames[frame, int(p), y // pool, x // pool] += 1
    return frames


@given(
    times=st.lists(st.integers(0, 500), max_size=40),
    sensor=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    timesteps=st.integers(1, 9),
    by=st.sampled_from(["time", "count"]),
    stop=st.none() | st.integers(1, 600),
    pool=st.integers(1, 4),
)
def test_frames_are_those_of_a_loop_over_the_events(times, sensor, timesteps, by, stop, pool):
    events = events_of(times, sensor)
    frames = to_frames(events, sensor, timesteps, by=by, stop=stop, pool=pool)
    wanted = slow_frames(events, sensor, timesteps, by, stop, pool)
    spikes = to_frames(events, sensor, timesteps, by=by, stop=stop, pool=pool, binary=True)
    np.testing.assert_array_equal(spikes, (wanted > 0).astype(np.float32))
    assert frames.dtype == np.float32
    np.testing.assert_array_equal(frames, wanted)


def test_the_input_sizes_of_s_tp():
    nmnist = to_frames(np.empty(0, EVENT), (34, 34), 8, pool=2)
    gesture = to_frames(np.empty(0, EVENT), (128, 128), 8, pool=4)
    assert (nmnist[0].size, gesture[0].size) == (578, 2048)


@pytest.mark.parametrize(
    "dtype",
    [
        [("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", np.int8)],
        [("p", bool), ("t", np.uint32), ("y", np.uint8), ("x", np.uint8)],
        [("t", np.float64), ("x", np.int64), ("y", np.int64), ("p", np.int64)],
    ],
)
def test_events_of_other_libraries_are_taken(dtype):
    own = events_of([3, 900, 17], (5, 6))
    others = np.empty(3, dtype)
    for name in EVENT.names:
        others[name] = own[name]
    np.testing.assert_array_equal(as_events(others), own)
    if others["p"].dtype == np.int64:
        others["p"] = np.where(own["p"], 1, -1)
        np.testing.assert_array_equal(as_events(others), own)
    expected = to_frames(own, (200, 200), 2)
    np.testing.assert_array_equal(to_frames(others, (200, 200), 2), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": 70_000}, "whole numbers in x"),
        ({"t": 0.5}, "whole numbers in t"),
        ({"p": 2}, "polarities 0 and 1"),
    ],
)
def test_events_that_do_not_fit_are_refused(change, message):
    others = np.zeros(2, [("x", float), ("y", float), ("t", float), ("p", float)])
    for name, value in change.items():
        others[name][1] = value
    with pytest.raises(ValueError, match=message):
        as_events(others)


def test_what_are_no_events_is_refused():
    for wrong in (np.zeros((3, 4)), [(1, 2, 3, 0)], np.zeros(3, [("t", int), ("x", int)])):
        with pytest.raises(TypeError, match="fields t, x, y and p"):
            as_events(wrong)
        with pytest.raises(TypeError, match="fields t, x, y and p"):
            to_frames(wrong, (3, 4), 2)
    for sensor, message in ((3, r"^sensor must be \(rows, columns\), got 3"), ((0, 4), "^sensor")):
        with pytest.raises(ValueError, match=message):
            to_frames(np.empty(0, EVENT), sensor, 2)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([(0, 4, 0, True)], "x from 0 to 3, got 4"),
        ([(0, 0, -1, True)], "y from 0 to 2, got -1"),
        ([(5, 0, 0, True), (4, 0, 0, True)], "in the order of their times"),
    ],
)
def test_events_outside_a_sensor_or_out_of_order_are_refused(events, message):
    with pytest.raises(ValueError, match=message):
        to_frames(np.array(events, EVENT), (3, 4), 2)


@pytest.mark.parametrize("options", [{"timesteps": 0}, {"pool": 0}, {"by": "size"}, {"stop": 0}])
def test_settings_out_of_range_are_named(options):
    with pytest.raises(ValueError, match=f"^{next(iter(options))}"):
        to_frames(np.empty(0, EVENT), (3, 4), **{"timesteps": 2, **options})
