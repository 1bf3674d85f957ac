"""A run on disk: arrays in safetensors, everything else as JSON in its header, no pickle."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from chgraph.graph import BipartiteGraph
from chgraph.storage import write_atomically
from chsnn.evolution import DeepR, Evolution, GradR, Rewiring, State
from chsnn.networks import SpikingMLP

_FORMAT = 2
_REWIRINGS: dict[str, type] = {"Evolution": Evolution, "DeepR": DeepR, "GradR": GradR}


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes
    ----------
    network : SpikingMLP
        Its graphs, values and settings.
    optimizer_state : dict
        Per parameter, as ``optimizer.state_dict()["state"]`` gives it.
    settings : dict
        Keyword arguments of the trainer.
    evolution : Evolution, DeepR, GradR or None
    evolution_steps : int
        Steps taken so far, which number the random streams.
    evolution_state : dict of Tensor or None
        What the way of rewiring remembers between its steps; None before the first epoch.
    history : list of dict
        A row per finished epoch.
    """

    network: SpikingMLP
    optimizer_state: dict[int, dict[str, Any]]
    settings: dict[str, Any]
    evolution: Rewiring | None
    evolution_steps: int
    evolution_state: State | None
    history: list[dict[str, Any]]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint, atomically."""
    tensors: dict[str, Tensor] = {}
    for i, layer in enumerate(checkpoint.network.sparse_layers):
        tensors[f"layers.{i}.values"] = layer.values.detach().contiguous()
        left, right = layer.graph.links()
        tensors[f"layers.{i}.left"] = torch.from_numpy(left.astype(np.int32))
        tensors[f"layers.{i}.right"] = torch.from_numpy(right.astype(np.int32))
    for parameter, state in checkpoint.optimizer_state.items():
        for name, value in state.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{parameter}.{name}"] = value.contiguous()
            elif value is not None:
                raise TypeError(f"optimiser state {name!r} is no tensor: {type(value).__name__}")
    for name, tensor in (checkpoint.evolution_state or {}).items():
        tensors[f"evolution.{name}"] = tensor.contiguous()
    document = {
        "format": _FORMAT,
        "network": checkpoint.network.specification(),
        "shapes": [list(graph.shape) for graph in checkpoint.network.graphs],
        "settings": checkpoint.settings,
        "evolution": _evolution_document(checkpoint.evolution),
        "has_evolution_state": checkpoint.evolution_state is not None,
        "evolution_steps": checkpoint.evolution_steps,
        "history": checkpoint.history,
    }
    text = json.dumps(document)
    metadata = {"chsnn": text, "sha256": _digest(text, tensors)}
    return write_atomically(path, save(tensors, metadata=metadata))


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


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no checkpoint of this package or is damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        # In one reading: a file that is opened twice can be replaced in between.
        content = path.read_bytes()
        tensors, metadata = load(content), _metadata(content)
        if metadata["sha256"] != _digest(metadata["chsnn"], tensors):
            raise ValueError("its content does not match its checksum")
        document = json.loads(metadata["chsnn"])
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']}, this version reads {_FORMAT}")
        return _assemble(document, tensors)
    except (SafetensorError, KeyError, TypeError, ValueError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not a checkpoint that can be read: {error}") from error


def _metadata(content: bytes) -> dict[str, str]:
    """Return the metadata of a safetensors file: 8 bytes of length, then a JSON header."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]).get("__metadata__", {})


def _digest(text: str, tensors: dict[str, Tensor]) -> str:
    """Return the SHA-256 of everything a checkpoint says, which damage and edits change."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _assemble(document: dict[str, Any], tensors: dict[str, Tensor]) -> Checkpoint:
    graphs = [
        BipartiteGraph.from_links(
            tensors[f"layers.{i}.left"].numpy(), tensors[f"layers.{i}.right"].numpy(), tuple(shape)
        )
        for i, shape in enumerate(document["shapes"])
    ]
    network = SpikingMLP.from_specification(document["network"], graphs)
    for i, layer in enumerate(network.sparse_layers):
        layer.set_values(tensors[f"layers.{i}.values"])
    state: dict[int, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        if key.startswith("optimizer."):
            _, parameter, name = key.split(".", 2)
            state.setdefault(int(parameter), {})[name] = tensor
    remembered = {
        key.removeprefix("evolution."): tensor
        for key, tensor in tensors.items()
        if key.startswith("evolution.")
    }
    return Checkpoint(
        network=network,
        optimizer_state=state,
        settings=document["settings"],
        evolution=_evolution_of(document["evolution"]),
        evolution_steps=document["evolution_steps"],
        evolution_state=remembered if document["has_evolution_state"] else None,
        history=document["history"],
    )


def _evolution_document(evolution: Rewiring | None) -> dict[str, Any] | None:
    if evolution is None:
        return None
    settings = {f.name: getattr(evolution, f.name) for f in fields(cast(Any, evolution))}
    return {"kind": type(evolution).__name__, **settings}


def _evolution_of(document: dict[str, Any] | None) -> Rewiring | None:
    if document is None:
        return None
    settings = dict(document)
    return _REWIRINGS[settings.pop("kind")](**settings)
