"""Whatever batches come from: the same samples, each once, and damage found at its batch."""

import collections

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    SubsetRandomSampler,
    TensorDataset,
)

from chsnn.data import Batches, Samples, as_batches
from chsnn.data.batches import check_batch

N = 11
IMAGES = np.random.default_rng(4).random((N, 3)).astype(np.float32)
LABELS = np.arange(N) % 4
NAN = float("nan")


class Stream(IterableDataset):
    def __iter__(self):
        return iter(zip(IMAGES, LABELS, strict=True))


class Unsized(Dataset):
    def __getitem__(self, index):
        return IMAGES[index], LABELS[index]


def dataset(n=N):
    return TensorDataset(torch.from_numpy(IMAGES[:n]), torch.from_numpy(LABELS[:n]))


def ready(size=4):
    starts = range(0, N, size)
    return [(IMAGES[at : at + size], LABELS[at : at + size]) for at in starts]


SOURCES = {
    "samples": lambda: Samples(IMAGES, LABELS),
    "tuple": lambda: (IMAGES, LABELS),
    "list of two arrays": lambda: [torch.from_numpy(IMAGES), torch.from_numpy(LABELS)],
    "array and list": lambda: (IMAGES, LABELS.tolist()),
    "one-hot": lambda: (IMAGES, np.eye(4)[LABELS]),
    "dataset": dataset,
    "loader": lambda: DataLoader(dataset(), batch_size=4),
    "stream": lambda: DataLoader(Stream(), batch_size=4),
    "batches": ready,
    "batches of columns": lambda: [(x, y[:, None].astype(np.int32)) for x, y in ready()],
    "as batches": lambda: as_batches(Samples(IMAGES, LABELS), 4, name="train"),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_source_gives_the_same_batches_again_and_again(source):
    batches = as_batches(source(), 4, name="train")
    assert isinstance(batches, Batches)
    for _ in range(2):
        pairs = list(batches.iterate())
        assert [(len(x), len(y)) for x, y in pairs] == [(4, 4), (4, 4), (3, 3)]
        np.testing.assert_array_equal(torch.cat([x for x, _ in pairs]).numpy(), IMAGES)
        labels = torch.cat([y for _, y in pairs])
        assert labels.dtype == torch.int64
        np.testing.assert_array_equal(labels.numpy(), LABELS)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_inputs_are_prepared_and_labels_are_not(source):
    pairs = list(as_batches(source(), 4, name="train").iterate(prepare=lambda x: 2 * x - 1))
    np.testing.assert_array_equal(torch.cat([x for x, _ in pairs]).numpy(), 2 * IMAGES - 1)
    np.testing.assert_array_equal(torch.cat([y for _, y in pairs]).numpy(), LABELS)


@pytest.mark.parametrize("size", [1, 4, 11, 50])
def test_counts_are_those_of_a_pass(size):
    loaders = [DataLoader(dataset(), size, drop_last=drop) for drop in (False, size <= N)]
    few = DataLoader(dataset(), size, sampler=SubsetRandomSampler(range(5)))
    for source in (Samples(IMAGES, LABELS), dataset(), *loaders, few):
        batches = as_batches(source, size, name="train")
        lengths = [len(y) for _, y in batches.iterate()]
        assert (batches.n_batches, batches.n_samples) == (len(lengths), sum(lengths))


def test_what_only_a_pass_would_tell_is_not_guessed():
    assert as_batches(ready(), 1, name="train").n_samples is None
    assert as_batches(ready(), 1, name="train").n_batches == 3
    stream = as_batches(DataLoader(Stream(), batch_size=4), 4, name="train")
    assert stream.n_samples is None
    with pytest.raises(TypeError, match=r"train has no length, .* list of its batches"):
        _ = stream.n_batches
    chosen = DataLoader(dataset(), batch_sampler=[[0, 1], [2]])
    assert as_batches(chosen, 4, name="train").n_samples is None
    assert as_batches(chosen, 4, name="train").n_batches == 2


@given(n=st.integers(1, 70), size=st.integers(1, 9), seed=st.integers(0, 99))
def test_samples_come_in_the_order_the_generator_draws(n, size, seed):
    batches = as_batches((np.arange(n, dtype=float), np.arange(n)), size, name="train")
    pairs = list(batches.iterate(np.random.default_rng(seed)))
    order = np.random.default_rng(seed).permutation(n).tolist()
    assert [y.tolist() for _, y in pairs] == [order[at : at + size] for at in range(0, n, size)]
    assert torch.cat([x for x, _ in pairs]).tolist() == order


def test_a_dataset_is_shuffled_when_asked_by_the_global_generator():
    batches = as_batches(dataset(), 4, name="train", shuffle=True)

    def order(seed):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            pixels = torch.cat([x for x, _ in batches.iterate()]).numpy()
        return [int(np.flatnonzero((row == IMAGES).all(axis=1))[0]) for row in pixels]

    assert sorted(order(0)) == list(range(N))
    assert order(0) == order(0) != list(range(N))
    assert order(0) != order(1)


def test_a_dataset_in_order_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    assert len(list(as_batches(dataset(), 4, name="validation").iterate())) == 3
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loader_keeps_its_batch_size():
    loader = DataLoader(dataset(), batch_size=5)
    lengths = [len(y) for _, y in as_batches(loader, 2, name="train").iterate()]
    assert lengths == [5, 5, 1]


OTHER_KINDS = {
    "generator": ((pair for pair in ready()), "train is a generator.* make a list of it"),
    "zip": (zip(IMAGES, LABELS, strict=True), "train is a zip.* give a DataLoader"),
    "images alone": (torch.from_numpy(IMAGES), "train must be Samples, .* got Tensor"),
    "three arrays": ((IMAGES, LABELS, LABELS), "train must be Samples, .* got a tuple of 3"),
    "no labels": ((IMAGES, None), "train must be Samples"),
    "dict": ({"images": IMAGES, "labels": LABELS}, "train must be Samples, .* got dict"),
    "path": ("mnist", "train must be Samples, .* got str"),
    "nothing": (None, "train must be Samples, .* got NoneType"),
    "number": (3, "train must be Samples, .* got int"),
    "stream": (Stream(), "train is an IterableDataset; wrap it in a DataLoader"),
    "unsized": (Unsized(), "train is a Dataset without a length"),
}


@pytest.mark.parametrize(("data", "message"), OTHER_KINDS.values(), ids=OTHER_KINDS)
def test_other_kinds_are_refused_with_what_is_taken(data, message):
    with pytest.raises(TypeError, match=message):
        as_batches(data, 4, name="train")


EMPTY = {
    "list": list,
    "dataset": lambda: dataset(0),
    "loader": lambda: DataLoader(dataset(3), batch_size=4, drop_last=True),
    "arrays": lambda: (IMAGES[:0], LABELS[:0]),
}


@pytest.mark.parametrize("source", EMPTY.values(), ids=EMPTY)
@pytest.mark.parametrize("shuffle", [True, False])
def test_without_samples_nothing_begins(source, shuffle):
    with pytest.raises(ValueError, match=r"validation.* must hold at least one"):
        as_batches(source(), 4, name="validation", shuffle=shuffle)


def test_a_pass_without_batches_is_an_error():
    class Nothing(IterableDataset):
        def __iter__(self):
            return iter(())

    with pytest.raises(ValueError, match="train must hold at least one batch"):
        list(as_batches(DataLoader(Nothing()), 4, name="train").iterate())


@pytest.mark.parametrize(("size", "error"), [(0, ValueError), (2.5, TypeError), (True, TypeError)])
def test_a_batch_size_is_a_positive_integer(size, error):
    with pytest.raises(error, match="batch_size"):
        as_batches(Samples(IMAGES, LABELS), size, name="train")


def test_a_refused_pair_says_whose_it_is():
    with pytest.raises(ValueError, match=r"validation: images of|validation: images and labels"):
        as_batches((IMAGES, LABELS[:5]), 4, name="validation")


X, Y = torch.rand(4, 3), torch.tensor([0, 1, 2, 0])
BAD_PIXEL = torch.where(torch.arange(12).view(4, 3) == 7, NAN, X)
REFUSED = {
    "shapes": (X, Y[:2], ValueError, r"inputs of shape \(4, 3\) and labels of shape \(2,\)"),
    "empty": (X[:0], Y[:0], ValueError, "at least one sample"),
    "nan": (BAD_PIXEL, Y, ValueError, "inputs must be finite; 1 of 12 .* row 2"),
    "nan target": (X, torch.tensor([0.5, NAN, 1.0, 2.0]), ValueError, "labels must be finite"),
    "negative": (X, Y - 1, ValueError, "labels must be the numbers of classes, .* got -1"),
    "several labels": (X, torch.ones(4, 3).int(), ValueError, "labels .* must be one-hot"),
    "dict of inputs": ({"x": X}, Y, ValueError, "inputs must be numbers, got a dict"),
    "one label": (X, 3, ValueError, "labels must be an array"),
}


@pytest.mark.parametrize(("x", "y", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_a_damaged_batch_is_named_when_it_comes(x, y, error, message):
    batches = as_batches([(X, Y), (X, Y), (x, y)], 4, name="train").iterate()
    assert torch.equal(next(batches)[0], X)
    assert torch.equal(next(batches)[0], X)
    with pytest.raises(error, match=rf"train batch 2 \(counted from 0\): .*{message}"):
        next(batches)


NO_PAIRS = {"three": (X, Y, Y), "one": [X], "dict": {"x": X, "y": Y}, "nothing": None}


@pytest.mark.parametrize("batch", NO_PAIRS.values(), ids=NO_PAIRS)
def test_a_batch_that_is_no_pair_is_refused(batch):
    batches = as_batches([(X, Y), batch], 4, name="train").iterate()
    assert torch.equal(next(batches)[1], Y)
    with pytest.raises(TypeError, match=r"batch 1 .* pair \(inputs, labels\).*; write a loader"):
        next(batches)


def test_spikes_over_time_have_time_first():
    spikes = torch.zeros(7, 4, 3)
    inputs, labels = check_batch(spikes, Y, "train", 0)
    assert inputs is spikes
    assert torch.equal(labels, Y)
    with pytest.raises(ValueError, match="must be as many"):
        check_batch(spikes, Y[:3], "train", 0)


def test_integer_inputs_and_float_targets_are_left_alone():
    tokens, soft = torch.randint(0, 50, (4, 6)), torch.rand(4, 2, dtype=torch.float64)
    inputs, labels = check_batch(tokens, soft, "train", 0)
    assert inputs is tokens
    assert labels is soft
    one_hot = torch.eye(4)
    assert check_batch(tokens, one_hot, "train", 0)[1] is one_hot


def test_labels_of_every_pixel_are_left_alone():
    labels = torch.full((4, 2, 2), -100)
    assert check_batch(X, labels, "train", 0)[1] is labels


def test_named_pairs_are_pairs():
    Pair = collections.namedtuple("Pair", "image label")
    items = [Pair(image, label) for image, label in zip(IMAGES, LABELS, strict=True)]
    (batch,) = as_batches(DataLoader(items, batch_size=N), 1, name="train").iterate()
    np.testing.assert_array_equal(batch[0].numpy(), IMAGES)
