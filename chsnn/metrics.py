"""How well scores fit what was wanted: measures by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from chgraph.checks import check_choice
from chsnn.data import class_labels

# Takes scores and targets of all samples; returns one number.
Metric = Callable[[Tensor, Tensor], Any]


def accuracy(scores: Tensor, labels: Tensor) -> float:
    """Return the fraction of samples whose largest score is that of their class.

    Parameters
    ----------
    scores : Tensor, shape (N, n_classes)
    labels : Tensor, shape (N,)
        Or any form of class labels that :func:`chsnn.data.class_labels` takes.

    Raises
    ------
    ValueError
        If there is not one row of scores per label.

    Examples
    --------
    >>> accuracy(torch.tensor([[0.9, 0.1], [0.2, 0.8]]), torch.tensor([0, 0]))
    0.5
    """
    check_scores(scores, labels)
    labels = class_labels(labels).to(scores.device)
    return float((scores.argmax(dim=1) == labels).double().mean())


def mean_squared_error(scores: Tensor, targets: Tensor) -> float:
    """Return the mean of the squared differences; shapes must be equal.

    Examples
    --------
    >>> import torch
    >>> mean_squared_error(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    2.0
    """
    _check_equal(scores, targets)
    return float((scores - targets).double().square().mean())


def mean_absolute_error(scores: Tensor, targets: Tensor) -> float:
    """Return the mean size of the differences; shapes must be equal.

    Examples
    --------
    >>> import torch
    >>> mean_absolute_error(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    1.0
    """
    _check_equal(scores, targets)
    return float((scores - targets).double().abs().mean())


def _check_equal(scores: Tensor, targets: Tensor) -> None:
    if scores.shape != targets.shape:
        raise ValueError(
            f"targets must have the shape of the model's output, {tuple(scores.shape)}, got "
            f"{tuple(targets.shape)}"
        )


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "mse": mean_squared_error,
    "mae": mean_absolute_error,
}


# Of these the smaller is the better; of others too that say so in an attribute of this name.
_ERRORS = (mean_squared_error, mean_absolute_error)


def is_better_small(metric: Metric) -> bool:
    """Whether smaller values of a measure are better: errors, and what has `smaller_is_better`.

    Examples
    --------
    >>> is_better_small(accuracy), is_better_small(mean_squared_error)
    (False, True)
    """
    return metric in _ERRORS or bool(getattr(metric, "smaller_is_better", False))


def named_metrics(metrics: str | Metric | Sequence[str | Metric]) -> dict[str, Metric]:
    """Return measures by name: known ones, or callables under their own.

    Raises
    ------
    ValueError
        If a name is unknown or stands twice.

    Examples
    --------
    >>> list(named_metrics(["accuracy", mean_squared_error]))
    ['accuracy', 'mean_squared_error']
    """
    listed = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    named: dict[str, Metric] = {}
    for metric in listed:
        if callable(metric):
            name = getattr(metric, "__name__", type(metric).__name__)
        else:
            name, metric = metric, METRICS[check_choice("metrics", metric, METRICS)]
        if name in named:
            raise ValueError(f"metrics must have different names, got {name!r} twice")
        named[name] = metric
    return named


def measured(metrics: Mapping[str, Metric], scores: Tensor, targets: Tensor) -> dict[str, float]:
    """Return every measure of the same scores."""
    return {name: float(metric(scores, targets)) for name, metric in metrics.items()}


def cross_entropy(scores: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Return the mean cross entropy of class scores (B, n_classes) and labels.

    Labels may be class numbers of any integer type, shape (B,) or (B, 1), one-hot rows, or, as
    torch has it, rows of probabilities. `label_smoothing` is the share of them that is spread
    evenly over all classes (Szegedy et al. 2016).

    Raises
    ------
    ValueError
        If they do not fit the scores, or are numbers for a regression.

    Examples
    --------
    >>> import torch
    >>> cross_entropy(torch.zeros(2, 4), torch.tensor([0, 3]))  # log(4)
    tensor(1.3863)
    """
    check_scores(scores, labels)
    if labels.is_floating_point() and labels.shape == scores.shape:
        return functional.cross_entropy(scores, labels, label_smoothing=label_smoothing)
    if labels.dtype != torch.int64 or labels.dim() != 1:
        labels = class_labels(labels)
    return functional.cross_entropy(scores, labels, label_smoothing=label_smoothing)


def check_scores(scores: Tensor, labels: Tensor) -> None:
    """Raise ValueError unless the scores are (B, n_classes) for B labels."""
    if scores.dim() != 2 or len(scores) != len(labels):
        raise ValueError(
            f"model must return scores of shape ({len(labels)}, n_classes) for {len(labels)} "
            f"labels, got {tuple(scores.shape)}: sum up time in the model, or give another loss "
            "and metric"
        )


def scores_of(output: Any) -> Tensor:
    """Return the scores in what a model returns: a tensor, or the first of a tuple.

    A stateful model, as Norse's, returns its state beside them.

    Raises
    ------
    TypeError
        If there is no tensor in that place.
    """
    scores = output[0] if isinstance(output, tuple | list) and output else output
    if not isinstance(scores, Tensor):
        raise TypeError(
            f"model must return a tensor, or a tuple with one first, got {type(output).__name__}"
        )
    return scores


def prefixed(prefix: str, values: Mapping[str, float]) -> dict[str, float]:
    """Return values under names that say where they were measured.

    Examples
    --------
    >>> prefixed("train", {"accuracy": 0.5})
    {'train_accuracy': 0.5}
    """
    return {f"{prefix}_{name}": value for name, value in values.items()}
