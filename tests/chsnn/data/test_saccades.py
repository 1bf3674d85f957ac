"""Digits before an event camera: against a camera of loops, in motion, and told apart."""

import math
from functools import lru_cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chsnn.data.digits import load_digits
from chsnn.data.events import EVENT
from chsnn.data.saccades import TRIANGLE, Camera, load_saccades, saccade_events
from chsnn.seeds import stream

PERFECT = Camera(mismatch=0.0, noise=0.0)
LINE = [(-2.0, 0.0), (2.0, 0.0)]


@lru_cache
def data():
    return load_saccades()


def digit(number=0):
    return load_digits().train.images[number].numpy().reshape(8, 8)


# ---------------------------------------------------------------- a camera of loops


def intensity(image, y, x):
    """Bilinear interpolation at a point; pixel (i, j) has its middle at (i, j)."""
    total = 0.0
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            total += max(0.0, 1 - abs(y - i)) * max(0.0, 1 - abs(x - j)) * float(image[i, j])
    return total


def place(path, step):
    """Where the image is after so many steps of 4 ms, 25 to a saccade."""
    line, progress = divmod(step, 25)
    if line == len(path) - 1:
        return path[-1]
    share = (1 - math.cos(math.pi * progress / 25)) / 2
    return tuple(a + share * (b - a) for a, b in zip(path[line], path[line + 1], strict=True))


def slow_events(image, thresholds, path, *, scale=2, margin=2, dark=0.2):
    """Events (t, y, x, p) of a camera whose pixels are watched one after the other."""
    rows, columns = (n * scale + 2 * margin for n in image.shape)
    steps = 25 * (len(path) - 1)
    places = [place(path, step) for step in range(steps + 1)]
    events = []
    for y in range(rows):
        for x in range(columns):
            seen = []
            for right, down in places:
                from_top = (y + 0.5 - margin - down) / scale - 0.5
                from_left = (x + 0.5 - margin - right) / scale - 0.5
                seen.append(math.log(dark + intensity(image, from_top, from_left)))
            level = seen[0]
            fall, rise = thresholds[:, y, x]
            for step in range(steps):
                while seen[step + 1] - level >= rise or level - seen[step + 1] >= fall:
                    is_on = seen[step + 1] > level
                    level += rise if is_on else -fall
                    done = (level - seen[step]) / (seen[step + 1] - seen[step])
                    events.append((int((step + done) * 4000), y, x, is_on))
    return events


def assert_same(events, wanted):
    """The events of every pixel in order; rounding may move one to the next microsecond."""
    got = sorted((e["y"], e["x"], e["t"], e["p"]) for e in events)
    wanted = sorted((y, x, t, p) for t, y, x, p in wanted)
    assert len(got) == len(wanted)
    for (y, x, t, p), (wanted_y, wanted_x, wanted_t, wanted_p) in zip(got, wanted, strict=True):
        assert (y, x, p) == (wanted_y, wanted_x, wanted_p)
        assert abs(int(t) - wanted_t) <= 1


@pytest.mark.parametrize("path", [TRIANGLE, LINE], ids=["triangle", "line"])
def test_events_are_those_of_a_camera_of_loops(path):
    camera = Camera(noise=0.0, mismatch=0.1)
    spread = np.random.default_rng(4).standard_normal((2, 20, 20))
    wanted = slow_events(digit(), 0.3 * np.maximum(1 + 0.1 * spread, 0.1), path)
    assert len(wanted) > 500
    assert_same(saccade_events(digit(), rng=4, camera=camera, path=path), wanted)


def test_other_sizes_are_seen_as_well():
    image = np.random.default_rng(1).random((3, 4))
    path = [(0.0, -0.5), (1.0, 0.5)]
    events = saccade_events(image, rng=0, camera=PERFECT, path=path, scale=3, margin=1)
    assert_same(events, slow_events(image, np.full((2, 11, 14), 0.3), path, scale=3, margin=1))


# ----------------------------------------------------------------------- what a camera does


@given(
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(0, 2**31),
)
def test_events_lie_in_range_and_are_sorted_by_time(shape, scale, margin, seed):
    image = np.random.default_rng(seed).random(shape)
    path = np.random.default_rng(seed).uniform(-margin, margin, (3, 2))
    camera = Camera(noise=5.0)
    events = saccade_events(image, rng=seed, camera=camera, path=path, scale=scale, margin=margin)
    assert events.dtype == EVENT
    assert (np.diff(events["t"]) >= 0).all()
    for field, limit in (
        ("t", 200_000),
        ("y", shape[0] * scale + 2 * margin),
        ("x", shape[1] * scale + 2 * margin),
    ):
        assert ((events[field] >= 0) & (events[field] < limit)).all()


def test_a_still_image_and_an_empty_one_make_no_events():
    still = [(1.0, 1.0), (1.0, 1.0), (1.0, 1.0)]
    assert len(saccade_events(digit(), rng=0, camera=Camera(noise=0), path=still)) == 0
    assert len(saccade_events(np.zeros((8, 8)), rng=0, camera=Camera(noise=0))) == 0


def test_noise_is_as_frequent_as_it_is_said_to_be():
    dark, camera = np.zeros((8, 8)), Camera(noise=10.0)
    events = [saccade_events(dark, rng=seed, camera=camera) for seed in range(40)]
    expected = 10.0 * 0.3 * 400 * 40
    assert abs(sum(map(len, events)) - expected) < 4 * expected**0.5
    pooled = np.concatenate(events)
    for field, size in (("t", 300_000), ("x", 20), ("y", 20), ("p", 2)):
        counts = np.bincount(pooled[field] * 2 // size)
        assert abs(int(counts[0]) - expected / 2) < 4 * (expected / 4) ** 0.5


def test_the_opposite_motion_swaps_polarities():
    """Of an edge, whose pixels only brighten or only darken: event for event."""
    edge = np.zeros((8, 8))
    edge[:, :4] = 0.9
    there = saccade_events(edge, rng=0, camera=PERFECT, path=LINE)
    back = saccade_events(edge, rng=0, camera=PERFECT, path=LINE[::-1])

    def inside(events, p):  # the image's right edge alone; the left one moves out of the dark
        kept = events[(events["p"] == p) & (events["x"] >= 7)]
        return np.histogram2d(kept["y"], kept["x"], bins=20, range=[(0, 20)] * 2)[0]

    assert inside(there, 1).sum() > 100
    assert inside(there, 0).sum() == inside(back, 1).sum() == 0
    np.testing.assert_array_equal(inside(there, 1), inside(back, 0))


def test_a_mirrored_image_moved_the_other_way_makes_mirrored_events():
    there = saccade_events(digit(), rng=0, camera=PERFECT, path=LINE)
    back = saccade_events(digit()[:, ::-1], rng=0, camera=PERFECT, path=LINE[::-1])
    got = sorted(zip(back["y"], 19 - back["x"], back["p"], strict=True))
    assert got == sorted(zip(there["y"], there["x"], there["p"], strict=True))


def test_the_digit_moves_as_those_of_n_mnist_did():
    """Down to the right, up to the right, back to the left: where events are, on average."""
    pooled = np.concatenate([saccade_events(digit(i), rng=i) for i in range(30)])
    x, y = (
        [pooled[axis][pooled["t"] // 50_000 == half].mean() for half in range(6)] for axis in "xy"
    )
    assert x[0] < x[1] < x[2] < x[3]
    assert x[3] > x[4] > x[5]
    assert y[0] < y[1]
    assert y[2] > y[3]
    assert abs(y[4] - y[5]) < 0.3


def test_events_are_most_frequent_in_the_middle_of_a_saccade():
    t = np.concatenate([saccade_events(digit(i), rng=i)["t"] for i in range(30)]) % 100_000
    n = np.bincount(t // 20_000, minlength=5)
    assert n[2] > n[1] > n[0]
    assert n[2] > n[3] > n[4]


def test_a_lower_threshold_makes_more_events_and_a_brighter_dark_fewer():
    def n_events(**camera):
        return len(saccade_events(digit(), rng=0, camera=Camera(noise=0.0, **camera)))

    assert n_events(threshold=0.1) > 2 * n_events() > 2 * n_events(threshold=0.6) > 0
    assert n_events(dark=0.05) > n_events() > n_events(dark=1.0) > 0
    assert n_events(threshold=9.0) == 0


def test_what_crosses_at_the_very_end_is_still_in_the_recording():
    full = float(np.log(1.2) - np.log(0.2))  # of a pixel that the image covers, or leaves, at last
    camera = Camera(threshold=full, mismatch=0.0, noise=0.0)
    events = saccade_events([[1.0]], camera=camera, path=[(-1, 0), (0, 0)], scale=1, margin=1)
    assert events.tolist() == [(99_999, 0, 1, False), (99_999, 1, 1, True)]


DENSE = {"threshold": 0.05, "noise": 20.0}


@lru_cache
def every_event():
    return saccade_events(digit(), rng=3, camera=Camera(**DENSE))


def gap_between_two():
    """Microseconds between two events of some pixel."""
    events = every_event()
    of_one = events[(events["x"] == events["x"][0]) & (events["y"] == events["y"][0])]
    return int(of_one["t"][1] - of_one["t"][0])


@pytest.mark.parametrize("refractory", [1, 1_000, "a gap", 30_000, 400_000])
def test_a_refractory_pixel_says_nothing(refractory):
    every = every_event()
    if refractory == "a gap":  # an event just then is not lost
        refractory = gap_between_two()
    last, wanted = {}, []
    for event in every.tolist():
        t, x, y, _ = event
        if (x, y) not in last or t - last[x, y] >= refractory:
            last[x, y] = t
            wanted.append(event)
    got = saccade_events(digit(), rng=3, camera=Camera(refractory=refractory, **DENSE))
    assert got.tolist() == wanted
    assert len(got) < len(every) or refractory == 1


def test_a_seed_replays_a_recording():
    one, same = (saccade_events(digit(), rng=5) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    other = saccade_events(digit(), rng=6)
    assert len(one) != len(other) or (one != other).any()


# ------------------------------------------------------------------------- the data set


def test_digits_keep_their_labels_and_their_parts():
    digits, saccades = load_digits(), data()
    assert (saccades.name, saccades.n_classes) == ("digits-saccades", 10)
    for part in ("train", "validation", "test"):
        got, was = getattr(saccades, part), getattr(digits, part)
        assert torch.equal(got.labels, was.labels)
        assert got.images.shape == (len(was), 8, 2, 20, 20)
        assert (got.images == got.images.floor()).all()


@pytest.mark.parametrize(("part", "index"), [("train", 0), ("train", 1256), ("test", 7)])
def test_a_recording_depends_on_its_own_number_alone(part, index):
    number = index + {"train": 0, "validation": 1257, "test": 1437}[part]
    image = getattr(load_digits(), part).images[index].view(8, 8).numpy()
    events = saccade_events(image, rng=stream(0, "saccades", number))
    frames = np.zeros((8, 2, 20, 20))
    for event in events:
        frames[event["t"] * 8 // 300_000, int(event["p"]), event["y"], event["x"]] += 1
    np.testing.assert_array_equal(getattr(data(), part).images[index], frames)


def test_another_seed_is_another_camera_and_other_frames_hold_the_same_events():
    by_count = load_saccades(timesteps=5, by="count")
    for part in ("train", "validation", "test"):
        frames = getattr(by_count, part).images
        assert frames.shape[1:] == (5, 2, 20, 20)
        n = frames.sum(dim=(2, 3, 4))
        assert ((n.amax(dim=1) - n.amin(dim=1)) <= 1).all()
        assert torch.equal(frames.sum(dim=1), getattr(data(), part).images.sum(dim=1))
    other = load_saccades(seed=1).train.images
    assert not torch.equal(other[0], data().train.images[0])
    assert abs(other.sum() / data().train.images.sum() - 1) < 0.01


def test_a_linear_classifier_tells_digits_apart_by_their_events():
    from sklearn.linear_model import LogisticRegression

    def summed(part):
        return part.images.sum(dim=1).flatten(1).numpy(), part.labels.numpy()

    model = LogisticRegression(C=0.01, max_iter=300).fit(*summed(data().train))
    assert model.score(*summed(data().validation)) > 0.9


# ------------------------------------------------------------------------------ refused

REFUSED = {
    "flat": ({"image": np.zeros(64)}, r"image must have shape \(h, w\), got \(64,\)"),
    "words": ({"image": [["a"]]}, "image must be numbers"),
    "bytes": ({"image": np.full((8, 8), 255)}, r"intensities in \[0, 1\], got \[255, 255\]"),
    "nan": ({"image": np.full((8, 8), np.nan)}, "intensities"),
    "no scale": ({"scale": 0}, "scale must be at least 1"),
    "no margin": ({"margin": 0}, "path must stay within the margin of 0 pixels"),
    "far": ({"path": [(0, 0), (3, 0)]}, "path must stay within the margin of 2 pixels"),
    "nan path": ({"path": [(0, 0), (np.nan, 0)]}, "path must stay within"),
    "a corner": ({"path": [(0, 0)]}, r"path must be two or more corners \(x, y\)"),
}


@pytest.mark.parametrize(("changed", "message"), REFUSED.values(), ids=REFUSED)
def test_other_images_and_paths_are_refused(changed, message):
    arguments = {"image": np.zeros((8, 8)), **changed}
    with pytest.raises(ValueError, match=message):
        saccade_events(**arguments)


@pytest.mark.parametrize(
    "setting",
    [{"threshold": 0.0}, {"mismatch": 1.0}, {"dark": 0}, {"noise": -1}, {"refractory": -1}],
    ids=str,
)
def test_a_camera_that_cannot_be_is_refused_by_name(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        Camera(**setting)


@pytest.mark.parametrize("arguments", [{"timesteps": 0}, {"by": "day"}, {"seed": -1}], ids=str)
def test_frames_that_cannot_be_are_refused_by_name(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        load_saccades(**arguments)
