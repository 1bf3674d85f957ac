"""Classes are read in every form with an obvious meaning, and refused by name in others."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chsnn.data import class_labels

INTEGERS = (np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)
DTYPES = (*INTEGERS, np.float16, np.float32, np.float64, np.longdouble)


def one_hot(classes, n_classes):
    rows = np.zeros((len(classes), n_classes))
    for row, label in zip(rows, classes, strict=True):
        row[label] = 1
    return rows


@given(
    classes=st.lists(st.integers(0, 6), min_size=1, max_size=12),
    form=st.sampled_from(("flat", "column", "one-hot")),
    dtype=st.sampled_from(DTYPES),
    kind=st.sampled_from((list, np.asarray, torch.from_numpy)),
)
def test_every_form_of_the_same_classes_is_read_alike(classes, form, dtype, kind):
    forms = {"flat": np.array(classes), "column": np.array(classes)[:, None]}
    array = forms.get(form, one_hot(classes, 7)).astype(dtype)
    if dtype is np.longdouble and kind is torch.from_numpy:
        kind = np.asarray  # torch has no such numbers
    labels = class_labels(kind(array))
    assert labels.dtype == torch.int64
    assert labels.tolist() == classes


def test_bools_are_classes_and_one_hot_rows():
    assert class_labels(np.array([True, False])).tolist() == [1, 0]
    assert class_labels([[True], [False]]).tolist() == [1, 0]
    assert class_labels(torch.eye(3, dtype=torch.bool).flip(0)).tolist() == [2, 1, 0]


def test_arrays_that_torch_does_not_take_are_taken():
    array = np.arange(6, dtype=">i4")
    array.flags.writeable = False
    assert class_labels(array).tolist() == [0, 1, 2, 3, 4, 5]
    assert class_labels(array[::-2]).tolist() == [5, 3, 1]
    assert class_labels([torch.tensor(4), torch.tensor(1)]).tolist() == [4, 1]


REFUSED = {
    "negative": ([0, -1], r"got -1 for sample 1 .* give float targets and the trainer a loss"),
    "negative float": ([-0.0, -2.0], "got -2.0 for sample 1"),
    "fraction": ([1.0, 0.5, 2.0], "got 0.5 for sample 1 .*the trainer a loss"),
    "tiny fraction": ([1e-300], "got 1e-300 for sample 0"),
    "nan": ([1.0, float("nan")], "got nan for sample 1"),
    "infinite": ([float("inf")], "got inf for sample 0"),
    "too large": (np.array([0, 2**63 + 1], dtype=np.uint64), f"got {2**63 + 1} for sample 1"),
    "too large a float": ([1e30], "got 1e.30 for sample 0"),
    "soft": ([[0.0, 1.0], [0.3, 0.7]], r"row 1 is \[0.3, 0.7\]; .*soft labels"),
    "two ones": ([[1, 1], [0, 1]], r"shape \(2, 2\) must be one-hot.* row 0 is \[1, 1\]"),
    "no one": ([[0] * 6], r"row 0 is \[0, 0, 0, 0, 0, ...\]"),
    "sums to one": ([[2, -1]], "must be one-hot"),
    "nan row": ([[float("nan"), 1.0]], "must be one-hot"),
    "three axes": (np.zeros((2, 1, 1), int), r"must have shape \(N,\).* got \(2, 1, 1\)"),
    "none": ([], "at least one label"),
    "no column": (np.zeros((2, 0)), "at least one label"),
    "single": (3, "must be an array, got the single number 3"),
    "words": (["cat", "dog"], "must be numbers, got a list of dtype <U3"),
    "ragged": ([[1], [1, 2]], "cannot be made an array"),
    "nothing": (None, "must be numbers, got a NoneType"),
    "complex": (np.array([1j]), "must be real numbers"),
}


@pytest.mark.parametrize(("labels", "message"), REFUSED.values(), ids=REFUSED)
def test_other_labels_are_refused_by_name(labels, message):
    with pytest.raises(ValueError, match=message) as caught:
        class_labels(labels, name="validation labels")
    assert str(caught.value).startswith("validation labels ")
