"""Samples are checked when images and labels come together, and only then."""

import copy
import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch

from chsnn.data import DataSet, Samples

CLASSES = [2, 0, 1, 2]
IMAGES = np.random.default_rng(3).random((4, 5))
NAN, INF = float("nan"), float("inf")


def images(**changed):
    """Images of four samples, some values changed: their places by name."""
    array = IMAGES.copy()
    for place, value in changed.items():
        array[tuple(map(int, place.split("_")[1:]))] = value
    return array


LABELS = {
    "int32": np.array(CLASSES, dtype=np.int32),
    "column": np.array(CLASSES)[:, None],
    "list": CLASSES,
    "one-hot": np.eye(3, dtype=np.uint8)[CLASSES],
    "float one-hot": torch.eye(3)[CLASSES],
    "bool one-hot": np.eye(3, dtype=bool)[CLASSES],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_a_perfect_guess_is_right_for_every_sample_in_every_form(labels):
    samples = Samples(IMAGES, labels)
    assert samples.labels.dtype == torch.int64
    guesses = torch.tensor(CLASSES)
    assert (guesses == samples.labels).float().sum().item() == len(samples) == 4


def test_as_many_one_hot_labels_as_classes_are_classes():
    order = np.random.default_rng(0).permutation(10)
    samples = Samples(np.zeros((10, 3)), np.eye(10, dtype=int)[order])
    assert samples.labels.tolist() == order.tolist()


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 2)])
@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_float_targets_are_those_of_a_regression(shape, dtype):
    targets = np.random.default_rng(1).normal(size=shape).astype(dtype)
    labels = Samples(IMAGES, targets).labels
    assert labels.dtype == torch.float32
    np.testing.assert_array_equal(labels.numpy(), targets.astype(np.float32))


def test_whole_floats_stay_targets():
    labels = Samples(IMAGES, np.array([1.0, 0.0, 3.0, -2.0])).labels
    assert labels.dtype == torch.float32
    assert labels.tolist() == [1.0, 0.0, 3.0, -2.0]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_images_of_any_shape_become_float32(dtype):
    array = np.random.default_rng(2).random((4, 2, 3, 3)).astype(dtype)
    samples = Samples(array, CLASSES)
    assert samples.images.dtype == torch.float32
    np.testing.assert_array_equal(samples.images.numpy(), array.astype(np.float32))
    assert DataSet("mine", 3, samples, samples, samples).n_in == 18


def test_bool_images_are_zeros_and_ones():
    spikes = IMAGES > 0.5
    assert Samples(spikes, CLASSES).images.tolist() == spikes.astype(float).tolist()


def test_tensors_are_kept_not_copied():
    given, labels = torch.rand(4, 5, requires_grad=True), torch.tensor(CLASSES)
    samples = Samples(given, labels)
    assert samples.images.data_ptr() == given.data_ptr()
    assert not samples.images.requires_grad
    assert samples.labels.data_ptr() == labels.data_ptr()


def test_large_values_whose_sum_overflows_are_finite():
    large = torch.full((4, 5), 3e38)
    assert Samples(large, CLASSES).images[0, 0] == 3e38 * torch.ones(())


REFUSED = {
    "more images": (IMAGES, CLASSES[:3], r"images of shape \(4, 5\) and labels of shape \(3,\)"),
    "more labels": (IMAGES[:3], CLASSES, r"images of shape \(3, 5\) and labels of shape \(4,\)"),
    "a row": (IMAGES, [CLASSES], r"labels of shape \(1, 4\)"),
    "no sample": (np.zeros((0, 5)), np.zeros(0, int), r"images must hold .* got shape \(0, 5\)"),
    "no pixel": (np.zeros((4, 0)), CLASSES, r"images must hold .* got shape \(4, 0\)"),
    "bytes": (images().astype(np.uint8), CLASSES, "images must be floating point, .*divide by 255"),
    "integers": (np.zeros((4, 5), int), CLASSES, "images must be floating point"),
    "nan": (images(at_2_0=NAN), CLASSES, "images .* 1 of 20 values .* sample 2"),
    "infinite": (images(at_3_0=INF, at_1_4=-INF), CLASSES, "images .* 2 of 20 .* sample 1"),
    "beyond float32": (images(at_0_1=1e300), CLASSES, "images .* 1 of 20 values .* sample 0"),
    "negative label": (IMAGES, [0, 1, -1, 0], "labels .* got -1 for sample 2"),
    "two ones": (IMAGES, np.ones((4, 3), int), "labels .* must be one-hot"),
    "nan target": (IMAGES, [0.5, NAN, NAN, 0.1], "labels must be finite; 2 of 4 .* sample 1"),
    "words": (IMAGES, list("abca"), "labels must be numbers"),
    "no images": (None, CLASSES, "images must be numbers"),
    "one number": (0.5, CLASSES, "images must be an array"),
}


@pytest.mark.parametrize(("pixels", "labels", "message"), REFUSED.values(), ids=REFUSED)
def test_other_samples_are_refused_by_name(pixels, labels, message):
    with pytest.raises(ValueError, match=message):
        Samples(pixels, labels)


def test_a_single_axis_of_images_is_checked_too():
    assert Samples(IMAGES[:, 0], CLASSES).images.shape == (4,)
    with pytest.raises(ValueError, match=r"1 of 4 values .* sample 3"):
        Samples([0.0, 1.0, 2.0, NAN], CLASSES)


def test_samples_are_frozen_and_copied_as_any_dataclass():
    samples = Samples(IMAGES, CLASSES)
    with pytest.raises(FrozenInstanceError):
        samples.labels = torch.zeros(4)
    for twin in (copy.deepcopy(samples), pickle.loads(pickle.dumps(samples))):
        assert torch.equal(twin.images, samples.images)
        assert torch.equal(twin.labels, samples.labels)
    assert replace(samples, labels=[[0], [1], [1], [0]]).labels.tolist() == [0, 1, 1, 0]


def test_images_of_any_shape_are_gathered_and_prepared():
    samples = Samples(np.arange(24.0).reshape(4, 3, 2), CLASSES)
    batches = list(samples.batches(3, torch.tensor([3, 1, 0, 2]), prepare=lambda x: x + 1))
    assert [tuple(pixels.shape) for pixels, _ in batches] == [(3, 3, 2), (1, 3, 2)]
    expected = np.arange(24.0).reshape(4, 3, 2)[[3, 1, 0, 2]] + 1
    np.testing.assert_array_equal(torch.cat([pixels for pixels, _ in batches]).numpy(), expected)
