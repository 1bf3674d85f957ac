"""Links, thresholds and leaks as plain arrays in one ``.npz``: for chips and for other languages.

docs/formats.md describes the file.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from chgraph.graph import BipartiteGraph
from chgraph.storage import write_atomically
from chsnn.encoding import Encoder
from chsnn.export.chain import chain_of, encoder_of
from chsnn.inference import EventNetwork, Neurons, Stage
from chsnn.layers import SparseLinear
from chsnn.neurons import LIF

FORMAT = "chsnn links 1"
_ARRAYS = ("offsets", "targets", "weights")


def to_npz(model: nn.Module, path: str | Path) -> Path:
    """Write the links of a network as arrays; return the path.

    Parameters
    ----------
    model : Module
        Linear layers with neurons between them, as :func:`chsnn.export.chain_of` takes them.
    path : str or Path
        Written beside it first, then renamed.

    Raises
    ------
    TypeError
        If the network has another part, with its name.

    Examples
    --------
    >>> import chsnn
    >>> model = chsnn.networks.mlp((8, 16, 4), sparsity=0.5, encoding="even")
    >>> path = to_npz(model, "links.npz")
    >>> with np.load(path) as arrays:
    ...     sorted(arrays)[1:5]
    ['layer0_alpha', 'layer0_offsets', 'layer0_targets', 'layer0_v_th']
    >>> path.unlink()
    """
    arrays: dict[str, np.ndarray] = {}
    shapes: list[list[int]] = []
    for name, part in chain_of(model).parts.items():
        if isinstance(part, SparseLinear):
            shapes.append(list(part.graph.shape))
            arrays |= _layer_arrays(f"layer{len(shapes) - 1}", part)
        elif isinstance(part, LIF) and shapes:
            if part.model != "box":
                raise TypeError(f"{name!r} has a synaptic current: only the box model is written")
            for what in ("alpha", "v_th"):
                numbers = getattr(part, what).detach().cpu().numpy()
                arrays[f"layer{len(shapes) - 1}_{what}"] = numbers.astype(np.float32)
        else:
            raise TypeError(
                f"model must have sparse layers and LIF neurons alone, got {name!r}, "
                f"a {type(part).__name__}"
            )
    encoder = encoder_of(model)
    about = {
        "format": FORMAT,
        "shapes": shapes,
        "encoding": None if encoder is None else encoder.kind,
        "timesteps": None if encoder is None else encoder.timesteps,
    }
    arrays["about"] = np.array(json.dumps(about))
    memory = io.BytesIO()
    np.savez_compressed(memory, **arrays)  # type: ignore[arg-type]
    return write_atomically(Path(path), memory.getvalue())


def _layer_arrays(prefix: str, layer: SparseLinear) -> dict[str, np.ndarray]:
    graph = layer.graph
    arrays: dict[str, np.ndarray] = {
        "offsets": graph.left_offsets.astype(np.int64),
        "targets": graph.left_neighbors.astype(np.int32),
        "weights": layer.values.detach().cpu().numpy(),
    }
    if layer.bias is not None:
        arrays["bias"] = layer.bias.detach().cpu().numpy()
    return {f"{prefix}_{name}": array for name, array in arrays.items()}


_UNREADABLE = (
    *(ValueError, KeyError, TypeError, OSError, RecursionError, EOFError),
    *(zlib.error, zipfile.BadZipFile),
)


def from_npz(path: str | Path) -> EventNetwork:
    """Return an event-driven network from arrays that :func:`to_npz` wrote.

    Raises
    ------
    ValueError
        If the file is damaged, or its arrays do not fit each other; with its path.
    FileNotFoundError

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import chsnn
    >>> network = chsnn.networks.mlp((8, 16, 3), sparsity=0.5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "links.npz")
    ...     _ = chsnn.export.to_npz(network, path)
    ...     engine = chsnn.export.from_npz(path)
    >>> engine.sizes
    (8, 16, 3)
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file at {path}")
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            if about["format"] != FORMAT:
                raise ValueError(f"format {about['format']!r} is not {FORMAT!r}")
            stages = [_stage(arrays, i, tuple(s)) for i, s in enumerate(about["shapes"])]
            encoder = Encoder(about["encoding"] or "none", about["timesteps"] or 1)
    except _UNREADABLE as error:
        raise ValueError(f"{path} is not a file of links, or is damaged: {error}") from error
    return EventNetwork(stages, encoder)


def _stage(arrays: Any, i: int, shape: tuple[int, int]) -> Stage:
    offsets, targets, weights = (arrays[f"layer{i}_{name}"] for name in _ARRAYS)
    n_left, n_right = shape
    fits = offsets.shape == (n_left + 1,) and offsets[0] == 0 and offsets[-1] == targets.size
    if not fits or targets.shape != weights.shape or np.any(np.diff(offsets) < 0):
        raise ValueError(f"the arrays of layer {i} do not fit each other")
    sources = np.repeat(np.arange(n_left), np.diff(offsets))
    graph = BipartiteGraph.from_links(sources, targets, (n_left, n_right))
    if graph.n_links != targets.size or not np.array_equal(graph.left_neighbors, targets):
        raise ValueError(f"the links of layer {i} are not sorted, or one is there twice")
    bias = arrays.get(f"layer{i}_bias")
    neurons = None
    if f"layer{i}_v_th" in arrays:
        alpha, v_th = (np.asarray(arrays[f"layer{i}_{name}"]) for name in ("alpha", "v_th"))
        if alpha.size != 1 or v_th.size != 1:
            raise ValueError(f"layer {i} has numbers for single neurons, which are not run here")
        neurons = Neurons(float(alpha), float(v_th))
    return Stage(graph, weights, bias, neurons)
