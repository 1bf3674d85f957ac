"""How well a model does on data."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from chsnn.data import as_batches
from chsnn.metrics import Metric, named_metrics, scores_of
from chsnn.modules import device_of, evaluating
from chsnn.seeds import seeded

# Samples at a time where nothing is learnt and only memory limits them.
BATCH = 512


def evaluate(
    model: nn.Module,
    data: Any,
    *,
    metric: str | Metric = "accuracy",
    batch_size: int = BATCH,
    seed: int = 0,
) -> float:
    """Return how well a model does; model, modes and random generators stay as they were.

    Parameters
    ----------
    model : Module
        Run in evaluation mode, where its parameters are.
    data : Samples, pair of arrays, DataLoader, Dataset or list of batches
    metric : str or callable
        Of :data:`chsnn.metrics.METRICS`, or of (scores, targets) of all samples.
    batch_size : int
    seed : int
        Of a random encoding, so that two calls agree.

    Raises
    ------
    ValueError
        If the data are empty or not what they should be.

    Examples
    --------
    >>> import chsnn
    >>> data = chsnn.load_data("digits")
    >>> network = chsnn.networks.mlp((64, 100, 10), sparsity=0.9, inputs=data.train.images)
    >>> 0.0 <= chsnn.evaluate(network, data.test) <= 1.0
    True
    """
    ((_, measure),) = named_metrics(metric).items()
    return float(measure(*all_scores(model, data, batch_size=batch_size, seed=seed)))


@torch.no_grad()
def all_scores(
    model: nn.Module, data: Any, *, batch_size: int = BATCH, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Return the scores of all samples and what was wanted, on the CPU.

    Parameters
    ----------
    model, data, batch_size, seed
        As for :func:`evaluate`.
    """
    device = device_of(model)
    scores, targets = [], []
    with evaluating(model), seeded(seed, "evaluate"):
        for inputs, wanted in as_batches(data, batch_size, name="data").iterate():
            scores.append(scores_of(model(inputs.to(device))).cpu())
            targets.append(wanted.cpu())
    return torch.cat(scores), torch.cat(targets)
