"""What a run keeps of its topology: pictures of the first sparse layer, epoch by epoch.

A graph per epoch would grow with the layer. What is kept is bounded: at most `MOST_FRAMES` epochs,
and of each the number of links in every cell of a grid over the biadjacency, those of the start
apart from those that came since; what a person can see of it, and little more.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from chgraph.graph import BipartiteGraph
from chgraph.storage import write_atomically
from chsnn.sparse import sparse_layers
from chsnn.training import Trainer

FORMAT = "chsnn topology 1"
MOST_FRAMES = 41
# A layer with more pairs is counted in cells of several neurons, at most so many by so many.
_EXACT_PAIRS = 40_000
_MOST_CELLS = (128, 256)
_SHOWN_NEURONS = 24
_MOST_PIXELS = 4_096
# What reading a file raises that is none of ours, cut short or damaged.
UNREADABLE = (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, eq=False)
class Frame:
    """The first sparse layer after one epoch.

    Attributes
    ----------
    epoch : int
        0 is the start.
    n_links, n_new : int
        Links, and those of them that the first frame does not have.
    kept, new : ndarray of uint16, shape (rows, columns)
        Links in each cell of the grid: of the first frame, and others. Rows are inputs.
    degree : ndarray of int32, shape (height, width), or (0, 0)
        Links of every pixel, over all channels, where the input is an image.
    fields : ndarray of uint8, shape (neurons, height, width), or (0, 0, 0)
        For some hidden neurons, pixel by pixel: 0 no link, 1 one of the first frame, 2 a new one.
    """

    epoch: int
    n_links: int
    n_new: int
    kept: np.ndarray
    new: np.ndarray
    degree: np.ndarray
    fields: np.ndarray


@dataclass(frozen=True, eq=False)
class TopologyRecord:
    """Frames of the first sparse layer, and the degrees of all layers first and last.

    Attributes
    ----------
    layer : str
        Name of the first sparse layer.
    shape : tuple of int
        (n_in, n_out).
    image : (C, H, W) or None
        Of the input, if it is one.
    start : ndarray of int64
        Links of the first frame as ``source * n_out + target``, ascending.
    frames : tuple of Frame
    degrees : dict of str to ndarray
        ``{"first left <layer>": degree of every input, "last right <layer>": ...}``.
    run : str or None
        Id of the run that it is of.
    """

    layer: str
    shape: tuple[int, int]
    image: tuple[int, int, int] | None
    start: np.ndarray
    frames: tuple[Frame, ...] = ()
    degrees: Mapping[str, np.ndarray] = field(default_factory=dict)
    run: str | None = None

    @classmethod
    def begin(
        cls, model: nn.Module, *, image: tuple[int, int, int] | None, run: str | None = None
    ) -> TopologyRecord:
        """Return an empty record, to which new links are those that the model does not have now.

        Raises
        ------
        ValueError
            If the model has no sparse layer.

        Examples
        --------
        >>> import chsnn
        >>> network = chsnn.networks.mlp((64, 32, 10), sparsity=0.9, encoding="even")
        >>> record = TopologyRecord.begin(network, image=(1, 8, 8)).add(0, network)
        >>> record.frames[0].n_links, int(record.frames[0].degree.sum())
        (205, 205)
        """
        layers = sparse_layers(model)
        if not layers:
            raise ValueError("model must have a sparse layer, got none")
        name, layer = next(iter(layers.items()))
        if image is not None and np.prod(image) != layer.in_features:
            image = None  # not what the layer reads
        return cls(name, layer.graph.shape, image, _codes(layer.graph), run=run)

    def add(self, epoch: int, model: nn.Module) -> TopologyRecord:
        """Return the record with the model as it is after an epoch; later frames are dropped."""
        graphs = {name: layer.graph for name, layer in sparse_layers(model).items()}
        frames = [frame for frame in self.frames if frame.epoch < epoch]
        frames.append(self._frame(epoch, graphs[self.layer]))
        degrees = {k: v for k, v in self.degrees.items() if k.startswith("first ")}
        for when in ("last",) if degrees else ("first", "last"):
            for name, graph in graphs.items():
                degrees[f"{when} left {name}"] = graph.left_degree.astype(np.int32)
                degrees[f"{when} right {name}"] = graph.right_degree.astype(np.int32)
        return replace(self, frames=tuple(frames), degrees=degrees)

    def _frame(self, epoch: int, graph: BipartiteGraph) -> Frame:
        left, right = graph.links()
        is_new = ~np.isin(_codes(graph), self.start, assume_unique=True)
        grid, (row, column) = self._grid(), self._cells(left, right)
        cell = row * grid[1] + column
        kept, new = (
            np.bincount(cell[chosen], minlength=grid[0] * grid[1]).reshape(grid).astype(np.uint16)
            for chosen in (~is_new, is_new)
        )
        degree, fields = np.zeros((0, 0), np.int32), np.zeros((0, 0, 0), np.uint8)
        if self.image is not None and self.image[1] * self.image[2] <= _MOST_PIXELS:
            size = self.image[1:]
            degree = graph.left_degree.reshape(self.image).sum(0).astype(np.int32)
            fields = np.zeros((len(self.shown), size[0] * size[1]), np.uint8)
            for place, neuron in enumerate(self.shown):
                mine = right == neuron
                fields[place, left[mine] % fields.shape[1]] = 1 + is_new[mine]
            fields = fields.reshape(-1, *size)
        return Frame(epoch, graph.n_links, int(is_new.sum()), kept, new, degree, fields)

    @property
    def shown(self) -> np.ndarray:
        """Hidden neurons whose inputs are kept one by one: evenly spread over the layer."""
        n_out = self.shape[1]
        return np.linspace(0, n_out - 1, min(n_out, _SHOWN_NEURONS)).round().astype(np.int64)

    @property
    def block(self) -> tuple[int, int]:
        """Inputs and hidden neurons of a cell of the grid."""
        if self.shape[0] * self.shape[1] <= _EXACT_PAIRS:
            return 1, 1
        rows, columns = (-(-n // most) for n, most in zip(self.shape, _MOST_CELLS, strict=True))
        return rows, columns

    def _grid(self) -> tuple[int, int]:
        rows, columns = (-(-n // size) for n, size in zip(self.shape, self.block, strict=True))
        return rows, columns

    def _cells(self, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return left // self.block[0], right // self.block[1]

    def write(self, path: Path) -> Path:
        """Write the record as a compressed ``.npz`` without pickles, atomically."""
        about = {"format": FORMAT, "layer": self.layer, "image": self.image, "run": self.run}
        arrays: dict[str, Any] = {
            "about": np.array(json.dumps(about)),
            "shape": np.array(self.shape),
            "start_gaps": np.diff(self.start, prepend=0).astype(np.int64),
        }
        for name in ("epoch", "n_links", "n_new"):
            arrays[name] = np.array([getattr(frame, name) for frame in self.frames], np.int64)
        for name in ("kept", "new", "degree", "fields"):
            arrays[name] = np.array([getattr(frame, name) for frame in self.frames])
        arrays |= {f"degrees {name}": values for name, values in self.degrees.items()}
        return write_arrays(path, arrays)

    @classmethod
    def read(cls, path: Path) -> TopologyRecord:
        """Read a record.

        Raises
        ------
        FileNotFoundError
        ValueError
            If the file is damaged or something else.
        """
        arrays = read_arrays(path, FORMAT)
        try:
            about = arrays["about"]
            rows = (arrays[name] for name in Frame.__dataclass_fields__)
            frames = [
                Frame(int(epoch), int(links), int(new), *pictures)
                for epoch, links, new, *pictures in zip(*rows, strict=True)
            ]
            return cls(
                str(about["layer"]),
                (int(arrays["shape"][0]), int(arrays["shape"][1])),
                None if about["image"] is None else tuple(map(int, about["image"])),  # type: ignore[arg-type]
                np.cumsum(arrays["start_gaps"]),
                tuple(frames),
                {k.removeprefix("degrees "): v for k, v in arrays.items() if k[:8] == "degrees "},
                about.get("run"),
            )
        except UNREADABLE as error:
            raise ValueError(f"{path} is damaged: {error}") from error


def _codes(graph: BipartiteGraph) -> np.ndarray:
    left, right = graph.links()
    return np.sort(left * np.int64(graph.n_right) + right)


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> Path:
    """Write arrays as a compressed ``.npz``, atomically."""
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return write_atomically(path, content.getvalue())


def read_arrays(path: Path, form: str) -> dict[str, Any]:
    """Read the arrays of a ``.npz`` whose text "about", in JSON, names this format.

    Raises
    ------
    FileNotFoundError
    ValueError
        If the file is damaged or something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays: dict[str, Any] = dict(file)
        about = json.loads(str(arrays["about"]))
        if about["format"] != form:
            raise ValueError(f"its format is {about['format']!r}, not {form!r}")
    except UNREADABLE as error:
        raise ValueError(f"{path} is damaged or no such file: {error}") from error
    return {**arrays, "about": about}


def run_of_arrays(path: Path) -> str | None:
    """Return the id of the run that a ``.npz`` says it is of; None if it says none."""
    try:
        with np.load(path, allow_pickle=False) as file:
            name = json.loads(str(file["about"]))["run"]
    except UNREADABLE:  # missing, damaged, or of an earlier version
        return None
    return name if isinstance(name, str) else None


def frame_epochs(epochs: int) -> set[int]:
    """Return the epochs that are kept of a training: 0, the last, and evenly between.

    Examples
    --------
    >>> sorted(frame_epochs(3)), len(frame_epochs(1_000))
    ([0, 1, 2, 3], 41)
    """
    return {round(x) for x in np.linspace(0, epochs, min(epochs + 1, MOST_FRAMES)).tolist()}


class TopologyRecorder:
    """Keeps the topology of a training in a file, epoch by epoch; a callback of a trainer.

    Parameters
    ----------
    path : Path
        The file; if the training goes on, what it has of finished epochs stays.
    trainer : Trainer
        Before it trains.
    image : (C, H, W), optional
        Of the input.
    """

    def __init__(
        self, path: Path, trainer: Trainer, *, image: tuple[int, int, int] | None = None
    ) -> None:
        self._path, done = path, len(trainer.history.rows)
        run = None if trainer.run is None else str(trainer.run["id"])
        earlier = _earlier(path, trainer.model) if done else None
        if earlier is None or not any(frame.epoch <= done for frame in earlier.frames):
            begun = TopologyRecord.begin(trainer.model, image=image, run=run)
            earlier = begun.add(done, trainer.model)
        self.record = earlier

    def __call__(self, trainer: Trainer, row: Mapping[str, Any]) -> None:
        """Keep what the model is after an epoch."""
        epoch, last = int(row["epoch"]), trainer.settings.epochs
        if epoch in frame_epochs(last):
            self.record = self.record.add(epoch, trainer.model)
            self.record.write(self._path)


def _earlier(path: Path, model: nn.Module) -> TopologyRecord | None:
    """Return the record of the same model that a file holds; None if there is none."""
    try:
        record = TopologyRecord.read(path)
    except (OSError, ValueError):
        return None
    layers = sparse_layers(model)
    same = record.layer in layers and layers[record.layer].graph.shape == record.shape
    return record if same else None


def thinned(frames: Iterable[Frame], most: int = MOST_FRAMES) -> list[Frame]:
    """Return at most so many frames, the first and the last among them."""
    every = list(frames)
    if len(every) <= most:
        return every
    return [every[round(i)] for i in np.linspace(0, len(every) - 1, most).tolist()]
