"""What is measured of a model after every epoch of its training."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from chsnn.data import as_batches
from chsnn.energy import SynapticCounter, count_synaptic_operations
from chsnn.evaluation import BATCH, all_scores
from chsnn.learning import Parts
from chsnn.metrics import measured, prefixed
from chsnn.modules import device_of
from chsnn.sparse import sparse_layers
from chsnn.sparsity import link_sparsity, node_sparsity


def validate(
    model: nn.Module,
    validation: Any,
    *,
    parts: Parts,
    seed: int,
) -> dict[str, float]:
    """Return loss, metrics and activity on samples that are not trained on.

    The model, the mode of each of its modules and all random generators stay as they were.

    Parameters
    ----------
    model : Module
    validation : Samples, pair of arrays, DataLoader, Dataset, list of batches or Batches
    parts : Parts
        Loss and metrics.
    seed : int
        Of a random encoding.

    Returns
    -------
    dict
        `validation_loss`, `validation_...` for every metric; for a model with sparse layers
        `firing_rate`, the same of every layer that reads hidden neurons (`firing_rate.<name>`),
        and `sops_per_sample`.
    """
    counts = bool(sparse_layers(model))
    with count_synaptic_operations(model) if counts else nullcontext() as counter:
        batches = as_batches(validation, BATCH, name="validation")
        scores, targets = all_scores(model, batches, seed=seed)
    device = device_of(model)  # where the loss may keep weights of its own
    with torch.no_grad():
        row = {"validation_loss": float(parts.loss(scores.to(device), targets.to(device)))}
    row |= prefixed("validation", measured(parts.metrics, scores, targets))
    return row | ({} if counter is None else _activity(counter, len(targets)))


def topology(model: nn.Module) -> dict[str, float]:
    """Return how sparse a model is, in links and in neurons."""
    return {"link_sparsity": link_sparsity(model), "node_sparsity": node_sparsity(model)}


def _activity(counter: SynapticCounter, n_samples: int) -> dict[str, float]:
    """Return the columns of an epoch that say how active the neurons were."""
    counter.n_samples = n_samples
    return {
        "firing_rate": counter.firing_rate(),
        **{f"firing_rate.{layer.name}": layer.input_rate for layer in counter.hidden_layers()},
        "sops_per_sample": counter.sops_per_sample(),
    }
