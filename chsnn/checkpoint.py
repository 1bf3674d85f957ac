"""A model or a training on disk: arrays in safetensors, the rest as JSON in its header."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from chgraph.storage import write_atomically
from chsnn.evolution import DeepR, Evolution, GradR, Rewiring, settings_document
from chsnn.model_state import Description, build, describe_model, model_tensors, restore

_FORMAT = 3
_REWIRINGS: dict[str, type] = {"Evolution": Evolution, "DeepR": DeepR, "GradR": GradR}
_MODEL, _OPTIMIZER, _MEMORY = "model/", "optimizer/", "memory/"


@dataclass(frozen=True)
class Checkpoint:
    """What a trainer saves.

    Attributes
    ----------
    model : Module
    optimizer : Optimizer
    settings : dict
        Fields of :class:`chsnn.settings.TrainingSettings`.
    names : dict
        Of what a file cannot hold: loss, metrics, learning rule.
    evolution : Evolution, DeepR, GradR or None
    rewirer : dict or None
        What the way of rewiring remembers; None before the first epoch.
    history : list of dict
        A row per finished epoch.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    settings: dict[str, Any]
    names: dict[str, Any]
    evolution: Rewiring | None
    rewirer: Mapping[str, Any] | None
    history: list[dict[str, Any]]


@dataclass(frozen=True)
class SavedTraining:
    """What :func:`read_checkpoint` finds: a :class:`Checkpoint` whose optimiser is still to come.

    Attributes
    ----------
    model, settings, names, evolution, rewirer, history
        As of :class:`Checkpoint`.
    optimizer_state : dict
        By parameter name and entry.
    """

    model: nn.Module
    settings: dict[str, Any]
    names: dict[str, Any]
    evolution: Rewiring | None
    rewirer: Mapping[str, Any] | None
    history: list[dict[str, Any]]
    optimizer_state: dict[str, dict[str, Any]]

    def restore_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Put the saved state into an optimiser of the model's parameters."""
        parameters = dict(self.model.named_parameters())
        for name, entries in self.optimizer_state.items():
            parameter = parameters[name]
            optimizer.state[parameter] = {
                # Counts stay on the CPU, as torch has them.
                key: value.to(parameter.device)
                if isinstance(value, Tensor) and value.dim()
                else value
                for key, value in entries.items()
            }


def save(model: nn.Module, path: str | Path) -> Path:
    """Write a model to a file: every parameter and buffer with its type, every graph, its wiring.

    Parameters
    ----------
    model : Module
        Any whose state is tensors.
    path : path
        Written to a temporary file first and renamed, so a file that is there is whole.

    Returns
    -------
    Path

    Examples
    --------
    >>> import tempfile
    >>> import chsnn
    >>> model = chsnn.networks.mlp((4, 8, 2), sparsity=0.5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(model, Path(folder) / "model.safetensors")
    ...     load(path).graphs == model.graphs
    True
    """
    return _write(Path(path), {}, model, {})


def load(path: str | Path, *, model: nn.Module | None = None) -> nn.Module:
    """Read a model from a file that :func:`save` or a trainer wrote.

    Parameters
    ----------
    path : path
    model : Module, optional
        One of the same architecture, with linear layers in place of the sparse ones or sparse
        ones of any links; it takes up the saved state and is returned. Needed for a class that
        is not the project's own: nothing in a file is executed. Make its optimiser afterwards.

    Returns
    -------
    Module

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read or does not fit the model; nothing has been changed then.
    """
    document, tensors = _read(Path(path))
    return _model(document, tensors, model, Path(path))


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint, atomically."""
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, dict[str, Any]] = {}
    for name, parameter in checkpoint.model.named_parameters():
        for key, value in checkpoint.optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"{_OPTIMIZER}{name}/{key}"] = value
            elif value is None or isinstance(value, bool | int | float | str):
                numbers.setdefault(name, {})[key] = value
            else:
                raise TypeError(f"optimiser state {key!r} is no tensor: {type(value).__name__}")
    rewirer = None if checkpoint.rewirer is None else dict(checkpoint.rewirer)
    if rewirer is not None:
        memory = rewirer.pop("memory")
        tensors |= {f"{_MEMORY}{name}": tensor for name, tensor in memory.items()}
    evolution = checkpoint.evolution
    document = {
        "settings": checkpoint.settings,
        "names": checkpoint.names,
        "evolution": None if evolution is None else settings_document(evolution),
        "rewirer": rewirer,
        "history": checkpoint.history,
        "optimizer": numbers,
    }
    return _write(path, document, checkpoint.model, tensors)


def read_checkpoint(path: Path, *, model: nn.Module | None = None) -> SavedTraining:
    """Read a checkpoint of a trainer; `model` as for :func:`load`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no checkpoint of this package or is damaged, or does not fit the model.
    """
    document, tensors = _read(path)
    if "settings" not in document:
        raise ValueError(f"{path} holds a model without its training; chsnn.load reads it")
    state = {name: dict(entries) for name, entries in document["optimizer"].items()}
    for key, tensor in _below(_OPTIMIZER, tensors).items():
        name, _, entry = key.rpartition("/")
        state.setdefault(name, {})[entry] = tensor
    rewirer = document["rewirer"]
    if rewirer is not None:
        rewirer = {**rewirer, "memory": _below(_MEMORY, tensors)}
    return SavedTraining(
        model=_model(document, tensors, model, path),
        settings=document["settings"],
        names=document["names"],
        evolution=_evolution_of(document["evolution"], path),
        rewirer=rewirer,
        history=document["history"],
        optimizer_state=state,
    )


def keep_previous(path: Path) -> None:
    """Keep the checkpoint at `path`, if there is one, as the one before the next.

    It stays where it is as well: at every moment there is a whole checkpoint at `path`.
    """
    if not path.is_file():
        return
    previous = previous_of(path)
    copy = previous.with_name(f"{previous.name}.tmp")
    copy.unlink(missing_ok=True)
    try:
        os.link(path, copy)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, copy)
    os.replace(copy, previous)


def previous_of(path: Path) -> Path:
    """Return where :func:`keep_previous` keeps the checkpoint before the one at `path`."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


# ------------------------------------------------------------------------ the file


def _write(path: Path, document: dict[str, Any], model: nn.Module, more: dict[str, Tensor]) -> Path:
    tensors = {f"{_MODEL}{name}": tensor for name, tensor in model_tensors(model).items()} | more
    ready = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    whole = {"format": _FORMAT, "model": describe_model(model).to_dict(), **document}
    text = json.dumps(whole)
    metadata = {"chsnn": text, "sha256": _digest(text, ready)}
    return write_atomically(path, save_tensors(ready, metadata=metadata))


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        # In one reading: a file that is opened twice can be replaced in between.
        content = path.read_bytes()
        tensors, metadata = load_tensors(content), _metadata(content)
        if metadata["sha256"] != _digest(metadata["chsnn"], tensors):
            raise ValueError("its content does not match its checksum")
        document = json.loads(metadata["chsnn"])
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']}, this version reads {_FORMAT}")
    except (SafetensorError, KeyError, TypeError, ValueError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not a checkpoint that can be read: {error}") from error
    return document, tensors


def _model(
    document: dict[str, Any], tensors: dict[str, Tensor], model: nn.Module | None, path: Path
) -> nn.Module:
    try:
        description = Description.from_dict(document["model"])
        model = build(description) if model is None else model
        return restore(model, description, _below(_MODEL, tensors))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}


def _metadata(content: bytes) -> dict[str, str]:
    """Return the metadata of a safetensors file: 8 bytes of length, then a JSON header."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]).get("__metadata__", {})


def _digest(text: str, tensors: dict[str, Tensor]) -> str:
    """Return the SHA-256 of everything a checkpoint says, which damage and edits change."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        # As bytes, for numpy does not know every type that torch has.
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _evolution_of(document: dict[str, Any] | None, path: Path) -> Rewiring | None:
    if document is None:
        return None
    settings = dict(document)
    kind = settings.pop("kind")
    cls = _REWIRINGS.get(kind)
    if cls is None or set(settings) != {f.name for f in fields(cls)}:
        raise ValueError(f"{path} holds settings of an unknown way of rewiring, {kind!r}")
    return cls(**settings)
