"""A model or a training on disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from chsnn.evolution import REWIRINGS, Rewiring, settings_document
from chsnn.model_state import Description, build, describe_model, model_tensors, restore
from chsnn.modules import unwrapped
from chsnn.settings import TrainingSettings, resumed_settings
from chsnn.tensor_file import UnreadableCheckpoint, read_document, write_document

_MODEL, _OPTIMIZER, _MEMORY = "model/", "optimizer/", "memory/"


@dataclass(frozen=True)
class Checkpoint:
    """What a trainer saves.

    Attributes
    ----------
    model : Module
    optimizer : Optimizer
    settings : TrainingSettings
    names : dict
        Of what a file cannot hold: loss, metrics, learning rule.
    evolution : Rewiring or None
    rewirer : dict or None
        What the way of rewiring remembers; None before the first epoch.
    history : list of dict
        A row per finished epoch.
    run : dict or None
        Which run the training belongs to, where somebody said so.
    changes : list of dict
        What was changed when it was resumed: see :func:`chsnn.settings.changes_between`.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    settings: TrainingSettings
    names: dict[str, Any]
    evolution: Rewiring | None
    rewirer: Mapping[str, Any] | None
    history: list[dict[str, Any]]
    run: Mapping[str, Any] | None = None
    changes: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class SavedTraining:
    """What :func:`read_checkpoint` finds in a file; the model is still to be made.

    Attributes
    ----------
    path : Path
    settings : TrainingSettings
    names, evolution, rewirer, history, run, changes
        As of :class:`Checkpoint`.
    optimizer_state : dict
        By parameter name and entry.
    """

    path: Path
    settings: TrainingSettings
    names: dict[str, Any]
    evolution: Rewiring | None
    rewirer: Mapping[str, Any] | None
    history: list[dict[str, Any]]
    run: dict[str, Any] | None
    changes: list[dict[str, Any]]
    optimizer_state: dict[str, dict[str, Any]]
    description: Description
    tensors: dict[str, Tensor]

    def restore_model(self, model: nn.Module | None = None) -> nn.Module:
        """Return the saved model, or the given one with its state; see :func:`load`."""
        return _model(self.description, self.tensors, model, self.path)

    def settings_for(self, options: Mapping[str, Any]) -> tuple[TrainingSettings, dict[str, Any]]:
        """Return the settings with which to go on, given a trainer's options, and the others.

        Raises
        ------
        ValueError
            If an option would change what has been trained already.
        """
        rest = dict(options)
        given = rest.pop("settings", None)
        names = [f.name for f in fields(TrainingSettings) if f.name in rest]
        changes = {} if given is None else asdict(given.changed({}))
        changes |= {name: rest.pop(name) for name in names}
        settings = resumed_settings(self.settings, changes, epochs_done=len(self.history))
        if rest.pop("evolution", self.evolution) != self.evolution:
            raise ValueError(
                "evolution cannot change in a training that goes on (it was "
                f"{self.evolution!r}); leave it out"
            )
        return settings, rest

    def restore_optimizer(self, optimizer: torch.optim.Optimizer, model: nn.Module) -> None:
        """Put the saved state into an optimizer of the model's parameters."""
        parameters = dict(unwrapped(model).named_parameters())
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
        is not the project's own: nothing in a file is executed. Make its optimizer afterwards.

    Returns
    -------
    Module

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read or does not fit the model; nothing has been changed then.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import chsnn
    >>> network = chsnn.networks.mlp((8, 16, 3), sparsity=0.5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = chsnn.save(network, Path(folder, "network.safetensors"))
    ...     again = chsnn.load(path)
    >>> again.layers[0].graph == network.layers[0].graph
    True
    """
    document, tensors = read_document(Path(path))
    return _model(_description(document, Path(path)), tensors, model, Path(path))


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint, atomically."""
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, dict[str, Any]] = {}
    for name, parameter in unwrapped(checkpoint.model).named_parameters():
        for key, value in checkpoint.optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"{_OPTIMIZER}{name}/{key}"] = value
            elif value is None or isinstance(value, bool | int | float | str):
                numbers.setdefault(name, {})[key] = value
            else:
                raise TypeError(
                    f"optimizer state {key!r} must be a tensor, got {type(value).__name__}"
                )
    rewirer = None if checkpoint.rewirer is None else dict(checkpoint.rewirer)
    if rewirer is not None:
        memory = rewirer.pop("memory")
        tensors |= {f"{_MEMORY}{name}": tensor for name, tensor in memory.items()}
    evolution = checkpoint.evolution
    document = {
        "settings": asdict(checkpoint.settings),
        "names": checkpoint.names,
        "evolution": None if evolution is None else settings_document(evolution),
        "rewirer": rewirer,
        "history": checkpoint.history,
        "optimizer": numbers,
        "run": None if checkpoint.run is None else dict(checkpoint.run),
        "changes": [dict(change) for change in checkpoint.changes],
    }
    return _write(path, document, checkpoint.model, tensors)


def read_checkpoint(path: Path) -> SavedTraining:
    """Read a checkpoint of a trainer.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a checkpoint of this package or is damaged.
    """
    document, tensors = read_document(path)
    if "settings" not in document:
        raise ValueError(f"{path} holds a model without its training; chsnn.load reads it")
    try:
        return _saved_training(document, tensors, path)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableCheckpoint(f"{path} holds no training that can be read: {error}") from error


def _saved_training(
    document: dict[str, Any], tensors: dict[str, Tensor], path: Path
) -> SavedTraining:
    state = {name: dict(entries) for name, entries in document["optimizer"].items()}
    for key, tensor in _below(_OPTIMIZER, tensors).items():
        name, _, entry = key.rpartition("/")
        state.setdefault(name, {})[entry] = tensor
    rewirer = document["rewirer"]
    if rewirer is not None:
        rewirer = {**rewirer, "memory": _below(_MEMORY, tensors)}
    return SavedTraining(
        path=path,
        settings=TrainingSettings(**document["settings"]),
        names=document["names"],
        evolution=_evolution_of(document["evolution"]),
        rewirer=rewirer,
        history=document["history"],
        run=document.get("run"),  # not in files of before
        changes=document.get("changes", []),
        optimizer_state=state,
        description=_description(document, path),
        tensors=tensors,
    )


def keep_previous(path: Path) -> None:
    """Keep the checkpoint at `path`, if there is one, as the one before the next.

    It stays where it is as well: at every moment there is a whole checkpoint at `path`.
    """
    if not path.is_file():
        return
    previous = previous_of(path)
    # A name of those that chgraph.storage knows as temporary.
    copy = previous.with_name(f".{previous.name}.previous.tmp")
    copy.unlink(missing_ok=True)
    try:
        try:
            os.link(path, copy)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, copy)
        os.replace(copy, previous)
    finally:
        # It failed, or had nothing to do: renaming one link of a file to another leaves both, where
        # the save that should have followed the last call failed.
        copy.unlink(missing_ok=True)


def previous_of(path: Path) -> Path:
    """Return where :func:`keep_previous` keeps the checkpoint before the one at `path`."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


# ------------------------------------------------------------------------ the file


def _write(path: Path, document: dict[str, Any], model: nn.Module, more: dict[str, Tensor]) -> Path:
    tensors = {f"{_MODEL}{name}": tensor for name, tensor in model_tensors(model).items()} | more
    return write_document(path, {"model": describe_model(model).to_dict(), **document}, tensors)


def _description(document: dict[str, Any], path: Path) -> Description:
    try:
        return Description.from_dict(document["model"])
    except (KeyError, TypeError) as error:
        raise UnreadableCheckpoint(
            f"{path} describes no model that can be read: {error}"
        ) from error


def _model(
    description: Description, tensors: dict[str, Tensor], model: nn.Module | None, path: Path
) -> nn.Module:
    try:
        model = build(description, tensors) if model is None else model
        return restore(model, description, _below(_MODEL, tensors))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}


def _evolution_of(document: dict[str, Any] | None) -> Rewiring | None:
    if document is None:
        return None
    settings = dict(document)
    kind = settings.pop("kind")
    cls = REWIRINGS.get(kind)
    if cls is None or set(settings) != {f.name for f in fields(cls)}:
        raise ValueError(f"settings of an unknown way of rewiring, {kind!r}")
    return cls(**settings)
