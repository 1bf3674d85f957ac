"""Events are changed as their frames are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chsnn.augmentation import (
    Augmentation,
    drop_within,
    flip_events,
    random_drop_events,
    roll_events,
    shift_events,
    swap_polarity,
    thin_events,
)
from chsnn.data.events import EVENT
from tests.chsnn.augmentation.loops import covered, mirrored, moved, without

SENSOR = (5, 7)
STEPS, STEP = 6, 100


def recording(n=400, seed=0):
    rng = np.random.default_rng(seed)
    events = np.zeros(n, EVENT)
    events["t"] = np.sort(rng.integers(STEPS * STEP, size=n))
    events["t"][[0, -1]] = 0, STEPS * STEP - 1  # the whole while
    events["y"], events["x"] = (rng.integers(size, size=n) for size in SENSOR)
    events["p"] = rng.integers(2, size=n)
    return events


def frames(events):
    """Counts [T, 2, rows, columns], event by event."""
    out = np.zeros((STEPS, 2, *SENSOR))
    for event in events:
        out[event["t"] // STEP, int(event["p"]), event["y"], event["x"]] += 1
    return out


EVENTS = recording()
FRAMES = frames(EVENTS)


def test_mirrored_events_make_mirrored_frames():
    flipped = flip_events(EVENTS, SENSOR)
    np.testing.assert_array_equal(frames(flipped), mirrored(FRAMES))
    np.testing.assert_array_equal(flip_events(flipped, SENSOR), EVENTS)


def test_exchanged_polarities():
    swapped = swap_polarity(EVENTS)
    np.testing.assert_array_equal(frames(swapped), FRAMES[:, ::-1])
    np.testing.assert_array_equal(swap_polarity(swapped), EVENTS)


@given(st.integers(-9, 9), st.integers(-9, 9))
def test_moved_events_make_moved_frames(down, right):
    rolled = roll_events(EVENTS, SENSOR, down, right)
    np.testing.assert_array_equal(frames(rolled), moved(FRAMES, down, right, in_a_circle=True))
    shifted = shift_events(EVENTS, SENSOR, down, right)
    np.testing.assert_array_equal(frames(shifted), moved(FRAMES, down, right))
    np.testing.assert_array_equal(roll_events(rolled, SENSOR, -down, -right), EVENTS)


@pytest.mark.parametrize("side", [1, 2, 3])
def test_a_covered_square(side):
    row, column = 2, 5
    top, left = row - side // 2, column - side // 2
    kept = drop_within(EVENTS, y=(top, top + side), x=(left, left + side))
    np.testing.assert_array_equal(frames(kept), covered(FRAMES, row, column, side))


def test_a_while_in_a_place():
    kept = drop_within(EVENTS, t=(150, 320), x=(0, 3), y=(1, 2))
    wanted = [e for e in EVENTS if not (150 <= e["t"] < 320 and e["x"] < 3 and e["y"] == 1)]
    assert kept.tolist() == [tuple(e) for e in wanted]
    with pytest.raises(ValueError, match="t, y or x must be given"):
        drop_within(EVENTS)


def test_thinned_events_fall_one_by_one():
    kept = thin_events(EVENTS, 0.3, np.random.default_rng(5))
    np.testing.assert_array_equal(kept, EVENTS[np.random.default_rng(5).random(400) >= 0.3])
    assert len(thin_events(EVENTS, 1.0, np.random.default_rng(5))) == 0
    with pytest.raises(ValueError, match="share"):
        thin_events(EVENTS, 1.1, np.random.default_rng(5))


@pytest.mark.parametrize("seed", range(40))
def test_events_are_lost_in_the_way_that_frames_lose_them(seed):
    source = np.random.default_rng(seed)
    way, (lost, *places) = source.integers(4), source.random(4)
    lost *= 0.7
    kept = random_drop_events(EVENTS, SENSOR, 0.7, np.random.default_rng(seed))
    if way == 0:
        assert kept is EVENTS
    elif way == 1:
        start = places[0] * (1 - lost) * STEPS * STEP
        stop = start + lost * STEPS * STEP
        wanted = [tuple(e) for e in EVENTS if not start <= e["t"] < stop]
        assert kept.tolist() == wanted
    elif way == 2:
        np.testing.assert_array_equal(frames(kept), without(FRAMES, "area", lost, *places))
    else:
        assert set(kept.tolist()) < set(EVENTS.tolist())
        assert abs(len(kept) - 400 * (1 - lost)) < 5 * (400 * lost * (1 - lost)) ** 0.5 + 1


def test_a_recording_keeps_its_events_rather_than_lose_all():
    one = EVENTS[:1]
    for seed in range(60):
        assert len(random_drop_events(one, SENSOR, 1.0, np.random.default_rng(seed))) == 1
    nothing = EVENTS[:0]
    assert len(random_drop_events(nothing, SENSOR, 1.0, np.random.default_rng(0))) == 0


ALL = Augmentation(shift=1, roll=1, flip=True, swap_polarity=True, cutout=2, drop_events=0.5)


@given(st.integers(0, 2**31), st.integers(0, 30))
def test_whatever_is_done_events_stay_on_the_sensor_and_in_order(seed, n):
    events = recording(n + 2, seed=seed)
    before = events.copy()
    got = ALL.of_events(events, SENSOR, np.random.default_rng(seed))
    np.testing.assert_array_equal(events, before)
    again = ALL.of_events(events, SENSOR, np.random.default_rng(seed))
    np.testing.assert_array_equal(got, again)
    assert got.dtype == EVENT
    assert (np.diff(got["t"]) >= 0).all()
    for field, size in (("y", SENSOR[0]), ("x", SENSOR[1])):
        assert ((got[field] >= 0) & (got[field] < size)).all()


def test_what_is_off_is_not_done():
    assert Augmentation().of_events(EVENTS, SENSOR, np.random.default_rng(0)) is EVENTS
    flipped = {
        Augmentation(flip=True).of_events(EVENTS, SENSOR, np.random.default_rng(seed)).tobytes()
        for seed in range(20)
    }
    assert flipped == {EVENTS.tobytes(), flip_events(EVENTS, SENSOR).tobytes()}


def test_every_move_of_a_recording_happens():
    got = {
        Augmentation(roll=1).of_events(EVENTS, SENSOR, np.random.default_rng(seed)).tobytes()
        for seed in range(200)
    }
    wanted = {
        roll_events(EVENTS, SENSOR, down, right).tobytes()
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    }
    assert got == wanted


def test_a_square_on_a_recording_is_that_of_its_draws():
    source = np.random.default_rng(3)
    row, column = int(source.integers(5)), int(source.integers(7))
    got = Augmentation(cutout=3).of_events(EVENTS, SENSOR, np.random.default_rng(3))
    np.testing.assert_array_equal(frames(got), covered(FRAMES, row, column, 3))


def test_events_of_another_library_are_taken_and_others_refused():
    others = np.zeros(3, [("x", int), ("y", int), ("t", int), ("p", int)])
    assert (
        Augmentation(flip=True).of_events(others, SENSOR, np.random.default_rng(0)).dtype == EVENT
    )
    with pytest.raises(TypeError, match="events must be an array with fields t, x, y and p"):
        ALL.of_events(np.zeros((3, 4)), SENSOR, np.random.default_rng(0))
    with pytest.raises(ValueError, match="events must have y from 0 to 3, got 0 to 4"):
        ALL.of_events(EVENTS, (4, 7), np.random.default_rng(0))


def test_a_sensor_too_small_is_refused():
    with pytest.raises(ValueError, match="roll must be at most the shorter side"):
        Augmentation(roll=6).of_events(EVENTS, SENSOR, np.random.default_rng(0))
