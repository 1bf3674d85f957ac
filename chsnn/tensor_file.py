"""The file of a checkpoint: tensors in safetensors, the rest as JSON in its header, a checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from chgraph.storage import write_atomically

_FORMAT = 3
_LONGEST_HEADER = 100_000_000  # of safetensors


class UnreadableCheckpoint(ValueError):
    """A file that is not a checkpoint of this version, or is damaged."""


def write_document(path: Path, document: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Path:
    """Write a JSON-ready document and tensors, atomically."""
    ready = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    text = json.dumps({"format": _FORMAT, **document})
    metadata = {"chsnn": text, "sha256": _digest(text, ready)}
    return write_atomically(path, save(ready, metadata=metadata))


def read_document(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read what :func:`write_document` wrote; nothing in a file is executed.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    UnreadableCheckpoint
        If it is of another kind or version, or damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    # In one reading: a file that is opened twice can be replaced in between.
    content = path.read_bytes()
    try:
        return _parsed(content)
    except KeyError as error:
        why = f"it has no {error}"
    except (SafetensorError, AttributeError, TypeError, ValueError, RecursionError) as error:
        why = str(error)
    raise UnreadableCheckpoint(f"{path} is not a checkpoint that can be read: {why}")


def read_header(path: Path) -> dict[str, Any] | None:
    """Return the document of a file without reading its tensors; None if it has none to read.

    What it says is to be believed only once :func:`read_document` has checked the whole file.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
            length = int.from_bytes(start, "little")
            if length > min(path.stat().st_size, _LONGEST_HEADER):
                return None
            text = _metadata(start + file.read(length))["chsnn"]
        document = json.loads(text)
    except (OSError, KeyError, AttributeError, TypeError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and document.get("format") == _FORMAT else None


def _parsed(content: bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    tensors, metadata = load(content), _metadata(content)
    text = metadata["chsnn"]
    document = json.loads(text)
    if document["format"] != _FORMAT:
        raise ValueError(
            f"it was written in format {document['format']}, by another version of chsnn; this one "
            f"reads format {_FORMAT}: train the network again"
        )
    if metadata["sha256"] != _digest(text, tensors):
        raise ValueError("its content does not match its checksum")
    return document, tensors


def _metadata(content: bytes) -> dict[str, str]:
    """Return the metadata of a safetensors file: 8 bytes of length, then a JSON header."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]).get("__metadata__", {})


def _digest(text: str, tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of everything a checkpoint says, which damage and edits change."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        flat = tensor.reshape(-1)
        if flat.stride(0) != 1:  # one number can be "contiguous" at any stride
            flat = torch.empty_like(flat, memory_format=torch.contiguous_format).copy_(flat)
        # As bytes, for numpy does not know every type that torch has.
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
