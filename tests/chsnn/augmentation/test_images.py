"""What is moved, mirrored and covered: where pixels go, how often, and replayed by a seed."""

import hashlib
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from chsnn.augmentation import (
    random_cutout,
    random_flip,
    random_polarity_swap,
    random_roll,
    random_shift,
)
from tests.chsnn.augmentation.loops import covered, generator, mirrored, moved, samples

RANDOM = {
    "shift": lambda x, g, **shape: random_shift(x, 2, g, **shape),
    "roll": lambda x, g, **shape: random_roll(x, 2, g, **shape),
    "flip": random_flip,
    "polarity": random_polarity_swap,
    "cutout": lambda x, g, **shape: random_cutout(x, 3, g, **shape),
}
SHAPES = [(6, 2, 4, 5), (3, 6, 2, 4, 5)]


# ------------------------------------------------------------------------ the flat shift


def test_flat_images_move_as_they_did_before_there_was_another_shape():
    """Results of trainings depend on these very draws."""
    images = torch.arange(40 * 36, dtype=torch.float32).view(40, 36)
    for pixels in (1, 2, 3):
        got = random_shift(images, pixels, generator(pixels))
        padded = functional.pad(images.view(40, 6, 6), (pixels,) * 4)
        rows, columns = torch.randint(2 * pixels + 1, (2, 40), generator=generator(pixels))
        wanted = [
            padded[i, rows[i] : rows[i] + 6, columns[i] : columns[i] + 6].flatten()
            for i in range(40)
        ]
        assert torch.equal(got, torch.stack(wanted))
        assert got.is_contiguous()


def test_the_numbers_of_a_flat_shift_are_pinned():
    images = torch.arange(8 * 16, dtype=torch.float32).view(8, 16)
    got = random_shift(images, 2, generator(11)).numpy().astype("<f4").tobytes()
    assert (
        hashlib.sha256(got).hexdigest()
        == "6673fba244d4187e6412d60689c7509033b6c4e97e14351ba58651c4a20b71d5"
    )


def test_every_shift_is_a_shift_and_all_are_equally_likely():
    image = torch.rand(5, 5, generator=generator(1)) + 0.1
    shifted = random_shift(image.view(1, 25).repeat(9000, 1), 1, generator()).view(-1, 5, 5)
    expected = {}
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            expected[tuple(moved(image, dy, dx).ravel().tolist())] = (dy, dx)
    counts = Counter(expected[tuple(one.flatten().tolist())] for one in shifted)
    assert len(counts) == 9
    assert all(abs(n - 1000) < 5 * (1000 * 8 / 9) ** 0.5 for n in counts.values())


def test_no_shift_is_no_change():
    images = torch.rand(3, 9)
    assert random_shift(images, 0, generator()) is images
    assert random_roll(images, 0, generator()) is images
    assert random_cutout(images, 0, generator()) is images


def test_images_that_are_not_square_and_negative_shifts_are_refused():
    with pytest.raises(ValueError, match="square"):
        random_shift(torch.rand(2, 10), 1, generator())
    with pytest.raises(ValueError, match="pixels"):
        random_shift(torch.rand(2, 9), -1, generator())


@pytest.mark.parametrize("shape", [(9,), (2, 3, 3), (2, 4, 9)])
def test_images_that_are_no_rows_are_refused(shape):
    with pytest.raises(ValueError, match=r"^images must have shape \(B, side \* side\)"):
        random_shift(torch.rand(shape), 1, generator())


def test_rows_need_not_lie_side_by_side():
    wide = torch.rand(6, 32, generator=generator(5))
    got = random_shift(wide[:, ::2], 1, generator(6))
    assert torch.equal(got, random_shift(wide[:, ::2].contiguous(), 1, generator(6)))


def test_images_stay_on_their_device():
    images = torch.zeros(3, 9, device="meta")
    for source in (None, generator()):  # drawn on the CPU, where the generator is
        got = random_shift(images, 1, source)
        assert (got.device.type, got.shape) == ("meta", (3, 9))


# ------------------------------------------------------------------- against the loops


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("in_a_circle", [False, True])
def test_all_channels_and_steps_of_a_sample_move_alike(shape, in_a_circle):
    batch = torch.rand(shape, generator=generator(1))
    random = random_roll if in_a_circle else random_shift
    got = random(batch, 2, generator(7))
    downs, rights = 2 - torch.randint(5, (2, 6), generator=generator(7))
    for one, was, down, right in zip(samples(got), samples(batch), downs, rights, strict=True):
        wanted = moved(was, int(down), int(right), in_a_circle=in_a_circle)
        np.testing.assert_array_equal(one, wanted)


@pytest.mark.parametrize("shape", SHAPES)
def test_samples_are_mirrored_or_not(shape):
    batch = torch.rand(shape, generator=generator(1))
    coins = torch.randint(2, (6,), generator=generator(8))
    assert 0 < coins.sum() < 6
    pairs = zip(samples(random_flip(batch, generator(8))), samples(batch), coins, strict=True)
    for one, was, coin in pairs:
        np.testing.assert_array_equal(one, mirrored(was) if coin else was)


@pytest.mark.parametrize("shape", SHAPES)
def test_polarities_are_exchanged_or_not(shape):
    batch = torch.rand(shape, generator=generator(1))
    coins = torch.randint(2, (6,), generator=generator(8))
    got = samples(random_polarity_swap(batch, generator(8)))
    for one, was, coin in zip(got, samples(batch), coins, strict=True):
        off, on = was[:, 0], was[:, 1]
        wanted = (on, off) if coin else (off, on)
        np.testing.assert_array_equal(one, np.stack(wanted, axis=1))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("side", [1, 2, 3, 9])
def test_a_square_is_covered(shape, side):
    batch = 1 + torch.rand(shape, generator=generator(1))
    got, source = random_cutout(batch, side, generator(9)), generator(9)
    rows = torch.randint(4, (6,), generator=source)
    columns = torch.randint(5, (6,), generator=source)
    for one, was, row, column in zip(samples(got), samples(batch), rows, columns, strict=True):
        np.testing.assert_array_equal(one, covered(was, int(row), int(column), side))


# --------------------------------------------------------------------- what always holds


@pytest.mark.parametrize("change", RANDOM.values(), ids=RANDOM)
@pytest.mark.parametrize("steps", [None, 3])
def test_rows_are_images_of_their_shape(change, steps):
    shape = (6, 2, 4, 5) if steps is None else (steps, 6, 2, 4, 5)
    batch = torch.rand(shape, generator=generator(1))
    got = change(batch.flatten(-3), generator(2), in_shape=(2, 4, 5))
    assert torch.equal(got.view(shape), change(batch, generator(2)))
    assert torch.equal(change(batch, generator(2), in_shape=(2, 4, 5)), change(batch, generator(2)))


@pytest.mark.parametrize("change", RANDOM.values(), ids=RANDOM)
def test_the_same_stream_gives_the_same_images(change):
    batch = torch.rand(20, 2, 6, 6, generator=generator(2))
    before = batch.clone()
    assert torch.equal(change(batch, generator(3)), change(batch, generator(3)))
    assert not torch.equal(change(batch, generator(3)), change(batch, generator(4)))
    assert torch.equal(batch, before)


@pytest.mark.parametrize("change", RANDOM.values(), ids=RANDOM)
def test_without_a_generator_the_global_one_serves(change):
    batch = torch.rand(20, 2, 6, 6, generator=generator(2))
    with torch.random.fork_rng():
        torch.manual_seed(7)
        got = change(batch, None)
        state = torch.get_rng_state()
        change(batch, generator(1))
        assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(got, change(batch, generator(7)))
    assert not torch.equal(got, batch)


@pytest.mark.parametrize("change", RANDOM.values(), ids=RANDOM)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.float16, torch.int64])
def test_any_dtype_is_kept(change, dtype):
    batch = torch.rand(20, 2, 6, 6, generator=generator(2)) > 0.5
    got = change(batch.to(dtype), generator(3))
    assert got.dtype == dtype
    assert torch.equal(got.float(), change(batch.float(), generator(3)))


@given(st.tuples(*(st.integers(1, 5) for _ in range(5))), st.booleans(), st.integers(0, 2**31))
def test_every_shape_comes_back_with_its_values(shape, has_time, seed):
    batch = torch.arange(1.0, 1 + np.prod(shape)).view(shape)
    batch = batch if has_time else batch[0]
    pixels = min(shape[-2:])
    for same in (random_roll(batch, pixels, generator(seed)), random_flip(batch, generator(seed))):
        assert same.shape == batch.shape
        for one, was in zip(samples(same), samples(batch), strict=True):
            axes = (-2, -1)
            np.testing.assert_array_equal(np.sort(one, axis=None), np.sort(was, axis=None))
            np.testing.assert_array_equal(one.sum(axis=axes), was.sum(axis=axes))
    for less in (random_shift(batch, 3, generator(seed)), random_cutout(batch, 3, generator(seed))):
        assert less.shape == batch.shape
        for one, was in zip(samples(less), samples(batch), strict=True):
            assert set(one.ravel()) <= {0.0, *was.ravel()}


def test_two_flips_are_none():
    batch = torch.rand(50, 3, 4, 4, generator=generator(2))
    once = random_flip(batch, generator(3))
    assert torch.equal(random_flip(once, generator(3)), batch)


def test_flips_are_as_frequent_as_coins_fall():
    images = torch.tensor([[1.0, 2.0, 3.0, 4.0]]).repeat(4000, 1)
    n = int((random_flip(images, generator(0))[:, 0] == 2).sum())
    assert n == int(torch.randint(2, (4000,), generator=generator(0)).sum())
    assert abs(n - 2000) < 4 * 1000**0.5


def test_squares_are_everywhere_equally_often():
    covering = random_cutout(torch.ones(18000, 1, 3, 6), 1, generator(0)) == 0
    assert (covering.flatten(1).sum(dim=1) == 1).all()
    counts = covering.sum(dim=0).flatten()
    assert ((counts - 1000).abs() < 5 * 1000**0.5).all()


# ------------------------------------------------------------------------------ refused


def test_what_does_not_fit_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"images must have 40 values a sample, .* \(6, 39\)"):
        random_flip(torch.rand(6, 39), in_shape=(2, 4, 5))
    with pytest.raises(ValueError, match=r"\(C, H, W\) = \(2, 4, 5\), got \(6, 2, 5, 4\)"):
        random_flip(torch.rand(6, 2, 5, 4), in_shape=(2, 4, 5))
    with pytest.raises(ValueError, match=r"must have two channels.* got 3"):
        random_polarity_swap(torch.rand(6, 3, 4, 4))
    with pytest.raises(ValueError, match=r"pixels must be at most the shorter side.* got 5"):
        random_roll(torch.rand(6, 3, 4, 6), 5)
    with pytest.raises(ValueError, match="side must be at least 0"):
        random_cutout(torch.rand(6, 3, 4, 6), -1)
