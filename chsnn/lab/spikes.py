"""Some test samples of a run with the spikes that they cause, kept for a person to look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from chsnn.data import as_batches
from chsnn.energy.steps import spikes_of_means
from chsnn.evaluation import BATCH
from chsnn.lab.recording import UNREADABLE, read_arrays, write_arrays
from chsnn.layers import Passage
from chsnn.metrics import scores_of
from chsnn.modules import device_of, evaluating
from chsnn.observe import watching
from chsnn.seeds import seeded
from chsnn.sparse import sparse_layers

FORMAT = "chsnn samples 1"
_MOST_NEURONS = 96
_N_RIGHT, _N_WRONG = 3, 1


@dataclass(frozen=True, eq=False)
class Population:
    """What one sparse layer read at every time step: the spikes of the neurons before it.

    Attributes
    ----------
    layer : str
        That reads it.
    size : int
        Neurons of the population.
    neurons : ndarray of int64, shape (n,)
        Those that are kept: all, or evenly spread ones.
    spikes : ndarray of bool, shape (timesteps, n)
    """

    layer: str
    size: int
    neurons: np.ndarray
    spikes: np.ndarray


@dataclass(frozen=True, eq=False)
class ShownSample:
    """A test sample, its scores and spikes.

    Attributes
    ----------
    index : int
        In the test set.
    label, predicted : int
    scores : ndarray of float32, shape (n_classes,)
    image : ndarray of float32, shape (height, width), or (0, 0)
        Mean over channels and time, where the sample is an image.
    populations : tuple of Population
    """

    index: int
    label: int
    predicted: int
    scores: np.ndarray
    image: np.ndarray
    populations: tuple[Population, ...]


def shown_samples(
    model: nn.Module,
    data: Any,
    *,
    timesteps: int,
    over_time: bool = False,
    image: tuple[int, int, int] | None = None,
    seed: int = 0,
) -> list[ShownSample]:
    """Return some samples with their spikes: three of different classes, and a mistake if any.

    The first of the first 512. The model, its modes and all random generators stay as they were.

    Parameters
    ----------
    model : Module
    data : Samples, pair of arrays, DataLoader, Dataset or list of batches
        With classes as targets.
    timesteps : int
        Of the model.
    over_time : bool
        Whether batches are (T, B, ...).
    image : (C, H, W), optional
        Of a sample, or of one of its steps.
    seed : int
        Of a random encoding.
    """
    batches = as_batches(data, BATCH, name="data")
    inputs, labels = next(iter(batches.iterate()))
    axis = 1 if over_time else 0
    device = device_of(model)
    with torch.no_grad(), evaluating(model), seeded(seed, "evaluate"):
        scores = scores_of(model(inputs.to(device))).cpu()
    samples = []
    for i in _chosen(scores.argmax(1), labels):
        one = inputs.narrow(axis, i, 1)
        with seeded(seed, "evaluate"):
            populations = spikes_of(model, one.to(device), timesteps=timesteps)
        picture = np.zeros((0, 0), np.float32)
        if image is not None:
            picture = one.reshape(-1, *image).mean((0, 1)).numpy().astype(np.float32)
        label, found = int(labels[i]), int(scores[i].argmax())
        samples.append(
            ShownSample(i, label, found, scores[i].float().numpy(), picture, tuple(populations))
        )
    return samples


def _chosen(predicted: Tensor, labels: Tensor) -> list[int]:
    """Return places of samples of different classes that are right, and of one that is wrong."""
    right: dict[int, int] = {}
    for i in torch.nonzero(predicted == labels).flatten().tolist():
        right.setdefault(int(labels[i]), i)
    wrong = torch.nonzero(predicted != labels).flatten().tolist()
    return sorted(sorted(right.values())[:_N_RIGHT] + wrong[:_N_WRONG])


def spikes_of(model: nn.Module, inputs: Tensor, *, timesteps: int) -> list[Population]:
    """Return what each sparse layer reads of one sample, where that is spikes over time.

    Parameters
    ----------
    model : Module
    inputs : Tensor
        A batch of one.
    timesteps : int

    Examples
    --------
    >>> import chsnn
    >>> network = chsnn.networks.mlp((64, 32, 10), sparsity=0.9, encoding="even", timesteps=4)
    >>> [(p.layer, p.spikes.shape) for p in spikes_of(network, torch.rand(1, 64), timesteps=4)]
    [('layers.0', (4, 64)), ('layers.1', (4, 32))]
    """
    calls: dict[str, list[Tensor | None]] = {}
    with torch.no_grad(), evaluating(model), _reading(model, calls, timesteps):
        model(inputs)
    found = []
    for name, parts in calls.items():
        spikes = _over_time(parts, timesteps)
        if spikes is None:
            continue
        size = spikes.shape[1]
        neurons = np.linspace(0, size - 1, min(size, _MOST_NEURONS)).round().astype(np.int64)
        found.append(Population(name, size, neurons, spikes[:, neurons]))
    return found


@contextmanager
def _reading(
    model: nn.Module, calls: dict[str, list[Tensor | None]], timesteps: int
) -> Iterator[None]:
    """Collect what layers read at their calls; None for what is not spikes over time."""
    means: dict[int, tuple[Tensor, Tensor]] = {}

    def read(name: str, passage: Passage) -> None:
        x: Tensor | None = passage.inputs
        if passage.is_mean:
            x = means.get(passage.inputs.data_ptr(), (None, None))[1]
        elif passage.steps > 1:
            x = None  # the same at every step: an image, not spikes
        calls.setdefault(name, []).append(None if x is None else x.detach().cpu())

    with spikes_of_means(model, means), watching(sparse_layers(model), read):
        yield


def _over_time(parts: list[Tensor | None], timesteps: int) -> np.ndarray | None:
    """Return the spikes of a layer's calls, (timesteps, n); None if they are none."""
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or sum(part.numel() for part in known) % timesteps:
        return None
    joined = torch.cat([part.reshape(-1) for part in known])
    if not bool(((joined == 0) | (joined == 1)).all()):
        return None
    return joined.reshape(timesteps, -1).bool().numpy()


def write_samples(path: Path, samples: list[ShownSample], *, run: str | None = None) -> Path:
    """Write samples as a compressed ``.npz`` without pickles, atomically; `run` is its run's id."""
    about: dict[str, Any] = {"format": FORMAT, "run": run, "samples": []}
    arrays: dict[str, Any] = {}
    for i, sample in enumerate(samples):
        entry: dict[str, Any] = {k: getattr(sample, k) for k in ("index", "label", "predicted")}
        entry["populations"] = [{"layer": p.layer, "size": p.size} for p in sample.populations]
        about["samples"].append(entry)
        arrays |= {f"{i} scores": sample.scores, f"{i} image": sample.image}
        for j, population in enumerate(sample.populations):
            arrays[f"{i} neurons {j}"] = population.neurons
            arrays[f"{i} spikes {j}"] = population.spikes
    return write_arrays(path, {**arrays, "about": np.array(json.dumps(about))})


def read_samples(path: Path) -> list[ShownSample]:
    """Read samples.

    Raises
    ------
    FileNotFoundError
    ValueError
        If the file is damaged or something else.
    """
    arrays = read_arrays(path, FORMAT)
    try:
        return [_sample(i, entry, arrays) for i, entry in enumerate(arrays["about"]["samples"])]
    except UNREADABLE as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def _sample(i: int, entry: dict[str, Any], arrays: dict[str, Any]) -> ShownSample:
    populations = [
        Population(
            str(about["layer"]),
            int(about["size"]),
            arrays[f"{i} neurons {j}"],
            arrays[f"{i} spikes {j}"].astype(bool),
        )
        for j, about in enumerate(entry["populations"])
    ]
    return ShownSample(
        index=int(entry["index"]),
        label=int(entry["label"]),
        predicted=int(entry["predicted"]),
        scores=arrays[f"{i} scores"],
        image=arrays[f"{i} image"],
        populations=tuple(populations),
    )
