"""Events lost from frames: which, how many, and never more than there were."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chsnn.augmentation import random_drop
from chsnn.augmentation.drop import WAYS
from tests.chsnn.augmentation.loops import generator, samples, without

SHAPE = (6, 40, 2, 5, 7)  # [T, B, C, H, W]


def counts(shape=SHAPE, seed=0, most=4):
    return torch.randint(most, shape, generator=generator(seed)).float()


def drawn(share, n, seed):
    """The ways and places of a seed, as they are drawn."""
    source = generator(seed)
    ways = [WAYS[i] for i in torch.randint(4, (n,), generator=source)]
    lost, *places = torch.rand(4, n, generator=source)
    return ways, lost * share, places


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_while_or_a_rectangle_is_lost(share):
    frames = counts()
    left = random_drop(frames, share, generator(3))
    ways, lost, places = drawn(share, 40, 3)
    assert set(ways) == set(WAYS)
    for i, (one, was) in enumerate(zip(samples(left), samples(frames), strict=True)):
        if ways[i] == "random":
            assert (one <= was).all()
            continue
        wanted = without(was, ways[i], float(lost[i]), *(float(place[i]) for place in places))
        np.testing.assert_array_equal(one, wanted if wanted.any() else was)


def test_events_lost_at_random_are_as_many_as_their_chance_says():
    frames = torch.full((5, 60, 2, 10, 10), 4.0)
    left = random_drop(frames, 0.8, generator(3))
    ways, lost, _ = drawn(0.8, 60, 3)
    n = 5 * 2 * 100 * 4
    for i in np.flatnonzero(np.array(ways) == "random"):
        chance = 1 - float(lost[i])
        spread = (n * chance * (1 - chance)) ** 0.5
        assert abs(float(left[:, i].sum()) - n * chance) < 5 * spread + 1
        assert len(left[:, i].unique()) > 2  # of a pixel's events some stay


def test_the_ways_are_equally_likely_and_lose_half_the_share_on_average():
    frames = torch.ones(20, 2000, 1, 16, 16)
    left = random_drop(frames, 0.4, generator(1)).mean(dim=(0, 2, 3, 4))
    ways = np.array(drawn(0.4, 2000, 1)[0])
    for way in WAYS:
        assert abs((ways == way).sum() - 500) < 4 * 375**0.5
        mean = 1 - float(left[torch.from_numpy(ways == way)].mean())
        assert abs(mean - (0 if way == "none" else 0.2)) < 4 * 0.12 / 500**0.5


@given(
    st.tuples(*(st.integers(1, 5) for _ in range(5))),
    st.floats(0, 1),
    st.integers(0, 2**31),
)
def test_what_is_left_is_a_part(shape, share, seed):
    frames = counts(shape, seed=seed)
    left = random_drop(frames, share, generator(seed))
    assert left.shape == frames.shape
    assert left.dtype == frames.dtype
    assert ((left >= 0) & (left <= frames) & (left == left.floor())).all()
    has_events = frames.sum(dim=(0, 2, 3, 4)) > 0
    assert ((left.sum(dim=(0, 2, 3, 4)) > 0) == has_events).all()


def test_a_seed_replays_and_nothing_is_changed_in_place():
    frames = counts()
    before = frames.clone()
    assert torch.equal(
        random_drop(frames, 0.5, generator(3)), random_drop(frames, 0.5, generator(3))
    )
    assert not torch.equal(
        random_drop(frames, 0.5, generator(3)), random_drop(frames, 0.5, generator(4))
    )
    assert torch.equal(frames, before)
    assert random_drop(frames, 0.0) is frames


def test_rows_are_frames_of_their_shape():
    frames = counts()
    got = random_drop(frames.flatten(2), 0.5, generator(3), in_shape=(2, 5, 7))
    assert torch.equal(got.view(SHAPE), random_drop(frames, 0.5, generator(3)))


def test_many_events_of_a_pixel_are_drawn_whole():
    frames = torch.full((1, 30, 1, 1, 1), 2.0**24 - 1)
    left = random_drop(frames, 0.5, generator(0))
    assert torch.equal(left, left.floor())
    assert (left >= 2.0**22).all()


REFUSED = {
    "images": (torch.ones(3, 2, 4, 4), r"frames over time, .* got shape \(3, 2, 4, 4\)"),
    "rows": (torch.ones(3, 16), r"frames over time, .* got shape \(3, 16\)"),
    "no shape": (torch.ones(3, 2, 16), "need in_shape"),
    "intensities": (torch.full((3, 2, 1, 4, 4), 0.5), "counts of events, .* 96 of 96 values"),
    "negative": (-torch.ones(1, 1, 1, 1, 2), "counts of events, .* 2 of 2 values"),
    "nan": (torch.full((1, 1, 1, 1, 1), float("nan")), "counts of events"),
    "integers": (torch.ones(3, 2, 1, 4, 4, dtype=torch.int64), "floating point, got torch.int64"),
}


@pytest.mark.parametrize(("frames", "message"), REFUSED.values(), ids=REFUSED)
def test_what_are_no_counts_over_time_is_refused(frames, message):
    with pytest.raises(ValueError, match=message):
        random_drop(frames, 0.5, generator())


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_is_a_share(share):
    with pytest.raises(ValueError, match="share must be at least 0 and at most 1"):
        random_drop(counts(), share)
