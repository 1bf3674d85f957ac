"""Random shifts: where pixels go, how often, and that they are replayed by their seed."""

from collections import Counter

import pytest
import torch

from chsnn.augmentation import random_shift


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_every_shift_is_a_shift_and_all_are_equally_likely():
    image = torch.rand(5, 5, generator=generator(1)) + 0.1
    moved = random_shift(image.view(1, 25).repeat(9000, 1), 1, generator()).view(-1, 5, 5)
    expected = {}
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            shifted = torch.zeros(7, 7)
            shifted[1 + dy : 6 + dy, 1 + dx : 6 + dx] = image
            expected[tuple(shifted[1:6, 1:6].flatten().tolist())] = (dy, dx)
    counts = Counter(expected[tuple(one.flatten().tolist())] for one in moved)
    assert len(counts) == 9
    assert all(abs(n - 1000) < 5 * (1000 * 8 / 9) ** 0.5 for n in counts.values())


def test_the_same_stream_gives_the_same_images():
    images = torch.rand(20, 16, generator=generator(2))
    assert torch.equal(random_shift(images, 2, generator(3)), random_shift(images, 2, generator(3)))
    assert not torch.equal(
        random_shift(images, 2, generator(3)), random_shift(images, 2, generator(4))
    )


def test_no_shift_is_no_change():
    images = torch.rand(3, 9)
    assert random_shift(images, 0, generator()) is images


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


def test_without_a_generator_the_global_one_serves():
    images = torch.rand(20, 16, generator=generator(2))
    with torch.random.fork_rng():
        torch.manual_seed(7)
        got = random_shift(images, 2)
    assert torch.equal(got, random_shift(images, 2, generator(7)))
    assert not torch.equal(got, images)


def test_images_stay_on_their_device():
    images = torch.zeros(3, 9, device="meta")
    for source in (None, generator()):  # drawn on the CPU, where the generator is
        moved = random_shift(images, 1, source)
        assert (moved.device.type, moved.shape) == ("meta", (3, 9))
