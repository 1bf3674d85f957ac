"""One value says what is done to a batch; what is off draws nothing."""

import pickle
from dataclasses import FrozenInstanceError, asdict
from functools import partial

import pytest
import torch

from chsnn.augmentation import (
    Augmentation,
    random_cutout,
    random_drop,
    random_flip,
    random_polarity_swap,
    random_roll,
    random_shift,
)
from chsnn.data import Samples
from tests.chsnn.augmentation.loops import generator

FRAMES = torch.randint(4, (6, 10, 2, 8, 9), generator=generator(1)).float()
ALONE = {
    "shift": (Augmentation(shift=2), lambda x, g: random_shift(x, 2, g)),
    "roll": (Augmentation(roll=3), lambda x, g: random_roll(x, 3, g)),
    "flip": (Augmentation(flip=True), random_flip),
    "polarity": (Augmentation(swap_polarity=True), random_polarity_swap),
    "cutout": (Augmentation(cutout=4), lambda x, g: random_cutout(x, 4, g)),
    "drop": (Augmentation(drop_events=0.6), lambda x, g: random_drop(x, 0.6, g)),
}


def test_nothing_by_default():
    source = generator(2)
    state = source.get_state()
    assert Augmentation()(FRAMES, source) is FRAMES
    assert torch.equal(source.get_state(), state)
    assert not Augmentation()


@pytest.mark.parametrize(("augment", "change"), ALONE.values(), ids=ALONE)
def test_one_thing_alone_is_that_thing(augment, change):
    assert augment
    one, other = generator(2), generator(2)
    assert torch.equal(augment(FRAMES, one), change(FRAMES, other))
    assert torch.equal(one.get_state(), other.get_state())


def test_shifting_flat_images_alone_is_what_it_was():
    images = torch.rand(30, 36, generator=generator(3))
    assert torch.equal(
        Augmentation(shift=1)(images, generator(4)), random_shift(images, 1, generator(4))
    )


def test_all_things_come_one_after_the_other():
    augment = Augmentation(
        shift=1, roll=2, flip=True, swap_polarity=True, cutout=3, drop_events=0.5
    )
    got, source = augment(FRAMES, generator(5)), generator(5)
    wanted = random_shift(FRAMES, 1, source)
    wanted = random_roll(wanted, 2, source)
    wanted = random_polarity_swap(random_flip(wanted, source), source)
    wanted = random_drop(random_cutout(wanted, 3, source), 0.5, source)
    assert torch.equal(got, wanted)
    rows = augment(FRAMES.flatten(2), generator(5), in_shape=(2, 8, 9))
    assert torch.equal(rows.view(FRAMES.shape), wanted)


def test_it_is_a_value():
    augment = Augmentation(shift=2, drop_events=0.25)
    assert augment == Augmentation(**asdict(augment)) == pickle.loads(pickle.dumps(augment))
    with pytest.raises(FrozenInstanceError):
        augment.shift = 3


OUT_OF_RANGE = [
    ({"shift": -1}, ValueError),
    ({"roll": 1.5}, TypeError),
    ({"cutout": True}, TypeError),
    ({"flip": 1}, TypeError),
    ({"swap_polarity": "yes"}, TypeError),
    ({"drop_events": 1.2}, ValueError),
]


@pytest.mark.parametrize(("setting", "error"), OUT_OF_RANGE, ids=str)
def test_other_values_are_refused_by_name(setting, error):
    with pytest.raises(error, match=next(iter(setting))):
        Augmentation(**setting)


def test_what_cannot_be_done_to_data_is_said_before():
    Augmentation().check((783,), over_time=False)
    Augmentation(shift=2).check((784,), over_time=False)
    Augmentation(shift=2, flip=True, cutout=4, roll=3).check((3, 32, 32), over_time=False)
    Augmentation(swap_polarity=True, drop_events=0.5).check((2, 20, 20), over_time=True)
    with pytest.raises(ValueError, match="needs square images, got 783"):
        Augmentation(shift=2).check((783,), over_time=False)
    with pytest.raises(ValueError, match=r"shape \(C, H, W\) or \(n,\), got \(28, 28\)"):
        Augmentation(shift=2).check((28, 28), over_time=False)
    with pytest.raises(ValueError, match=r"roll must be at most .* got 4"):
        Augmentation(roll=4).check((3, 32, 3), over_time=False)
    with pytest.raises(ValueError, match=r"swap_polarity needs two channels.* got 3"):
        Augmentation(swap_polarity=True).check((3, 32, 32), over_time=False)
    with pytest.raises(ValueError, match="drop_events needs frames"):
        Augmentation(drop_events=0.5).check((2, 32, 32), over_time=False)


@pytest.mark.parametrize("over_time", [False, True])
def test_batches_of_samples_are_changed_as_they_are_shown(over_time):
    """As in training: rows of samples in memory, time first where they have time."""
    augment = Augmentation(shift=1, flip=True)
    images = torch.rand(20, 6, 3, 4, 5) if over_time else torch.rand(20, 60)
    samples = Samples(images, torch.arange(20) % 2, over_time=over_time)
    prepare = partial(augment, generator=generator(6), in_shape=(3, 4, 5))
    got = torch.cat([batch for batch, _ in samples.batches(7, prepare=prepare)], dim=int(over_time))
    read = images.transpose(0, 1) if over_time else images
    assert torch.equal(got, augment(read, generator(6), in_shape=(3, 4, 5)))
