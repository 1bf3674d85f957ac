"""Classes in the many forms they come in, brought to one."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from chsnn.data.checks import as_tensor

_FOR_REGRESSION = "for regression give float targets and the trainer a loss"


def class_labels(labels: Tensor | ArrayLike, *, name: str = "labels") -> Tensor:
    """Return the class of each sample.

    Parameters
    ----------
    labels : Tensor or array_like, shape (N,), (N, 1) or (N, C)
        Classes 0, 1, ... as integers of any width, bools or whole floats; with C >= 2
        columns one-hot rows: one 1 and zeros.
    name : str
        What the labels are called in an error.

    Returns
    -------
    Tensor of int64, shape (N,)
        On the device of the labels.

    Raises
    ------
    ValueError
        If they are anything else: negative, fractional, NaN, soft labels.

    Examples
    --------
    >>> class_labels([[0, 0, 1], [1, 0, 0]])
    tensor([2, 0])
    >>> class_labels([[2.0], [0.0]])
    tensor([2, 0])
    """
    given = as_tensor(name, labels)
    if given.numel() == 0:
        raise ValueError(f"{name} must hold at least one label, got shape {tuple(given.shape)}")
    if given.ndim == 2 and given.shape[1] > 1:
        return _class_of_rows(name, given)
    if given.ndim == 1 or given.shape[1:] == (1,):
        return _whole(name, given.reshape(-1))
    raise ValueError(
        f"{name} must have shape (N,), (N, 1) or, one-hot, (N, C); got {tuple(given.shape)}"
    )


def is_one_hot(values: Tensor) -> bool:
    """Whether values are rows of two or more columns with one 1 and zeros.

    Examples
    --------
    >>> is_one_hot(torch.eye(3)), is_one_hot(torch.ones(3, 1)), is_one_hot(torch.ones(3, 3))
    (True, False, False)
    """
    return values.ndim == 2 and values.shape[1] > 1 and bool(_are_one_hot(values).all())


def _are_one_hot(rows: Tensor) -> Tensor:
    are_ones = rows == 1
    return (are_ones | (rows == 0)).all(dim=1) & (are_ones.sum(dim=1) == 1)


def _class_of_rows(name: str, rows: Tensor) -> Tensor:
    are_one_hot = _are_one_hot(rows)
    if not are_one_hot.all():
        first = int(are_one_hot.logical_not().nonzero()[0])
        raise ValueError(
            f"{name} of shape {tuple(rows.shape)} must be one-hot, one 1 and zeros in a row; row "
            f"{first} is {_shown(rows[first])}; {_FOR_REGRESSION}, for soft labels too"
        )
    return (rows == 1).int().argmax(dim=1)


def _whole(name: str, labels: Tensor) -> Tensor:
    """Return labels as int64 if they are whole and not negative."""
    classes = labels.to(torch.int64)  # beyond its range a label wraps or turns negative
    are_classes = classes >= 0
    if labels.is_floating_point():
        exact = labels.double()
        are_classes = (exact >= 0) & (exact < 2.0**63) & (exact == exact.floor())
    if not are_classes.all():
        first = int(are_classes.logical_not().nonzero()[0])
        raise ValueError(
            f"{name} must be the numbers of classes, 0, 1, ...; got {labels[first].item()} for "
            f"sample {first} (counted from 0); {_FOR_REGRESSION}"
        )
    return classes


def _shown(row: Tensor) -> str:
    values = ", ".join(f"{value:g}" for value in row[:5].tolist())
    return f"[{values}, ...]" if len(row) > 5 else f"[{values}]"
