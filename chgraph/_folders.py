"""A graph as a folder: arrays as plain files, and a manifest that describes and checks them.

Every array is a file of its bytes (``numpy.fromfile`` reads it), so that it can be mapped into
memory as it is. The manifest says what there is, and carries a digest of each file and of itself.
A folder appears whole or not at all: it is written beside its place and renamed.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

FORMAT, VERSION, MANIFEST = "chgraph graph", 1, "manifest.json"
_PIECE = 2**22  # entries of an array that are written, or read, at a time
_READ = 2**22  # bytes that are read at a time for a digest

Names = Sequence[Hashable] | None


def graph_arrays(kind: str) -> tuple[str, ...]:
    """Return the names of the arrays of a graph, in the order in which they are written."""
    if kind == "BipartiteGraph":
        return "left_offsets", "left_neighbors", "right_offsets", "right_neighbors", "right_links"
    return "offsets", "neighbors", "hub_offsets", "hub_neighbors", "hub_labels"


def names_of(kind: str) -> tuple[str, ...]:
    """Return what the names of the nodes of a graph are called."""
    return ("left_names", "right_names") if kind == "BipartiteGraph" else ("names",)


def dtype_of(array: str) -> str:
    """Return the type of an array, as numpy writes it."""
    return "<i4" if array.endswith("neighbors") else "<i8"


# ------------------------------------------------------------------------------- writing


def save_graph(
    folder: Any,
    *,
    kind: str,
    sides: Sequence[int],
    arrays: Mapping[str, np.ndarray],
    names: Mapping[str, Names],
    overwrite: bool,
) -> Path:
    """Write a graph that is in memory; see :meth:`chgraph.Graph.save`."""
    with new_graph(folder, kind=kind, overwrite=overwrite) as writer:
        for name in graph_arrays(kind):
            with writer.array(name) as file:
                for start in range(0, arrays[name].size, _PIECE):
                    file.write(arrays[name][start : start + _PIECE])
        for name, listed in names.items():
            writer.names(name, listed)
        writer.finish(sides)
    return Path(folder)


@contextmanager
def new_graph(folder: Any, *, kind: str, overwrite: bool) -> Iterator[GraphWriter]:
    """Yield what writes a graph; at the end its folder is there, after an error it is not.

    Raises
    ------
    ValueError
        If there is something already and `overwrite` is False, or it is not the folder of a graph.
    """
    target = checked_target(folder, overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        writer = GraphWriter(temporary, kind)
        yield writer
        if not writer.is_finished:
            raise ValueError(f"{target}: the graph was not written to its end")
        os.chmod(temporary, 0o777 & ~_umask())
        _sync(temporary)
        _put_in_place(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def checked_target(folder: Any, overwrite: bool) -> Path:
    """Return the path of a graph that may be written there, or raise."""
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(f"folder must be a path, got {folder!r}")
    if not isinstance(overwrite, bool):
        raise TypeError(f"overwrite must be True or False, got {overwrite!r}")
    target = Path(folder)
    if not target.name:
        raise ValueError(f"folder must have a name of its own, got {str(folder)!r}")
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise ValueError(f"{target}: is not a folder; a graph is saved as a folder")
    if target.is_dir() and any(target.iterdir()):
        if not (target / MANIFEST).is_file():
            raise ValueError(f"{target}: holds other files and no graph; give a new folder")
        if not overwrite:
            raise ValueError(f"{target}: there is a graph already; overwrite=True replaces it")
    return target


class GraphWriter:
    """Writes the files of a graph into a folder; the manifest comes last."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.is_finished = folder, False
        self._kind = kind
        self._arrays: dict[str, dict[str, Any]] = {}
        self._names: dict[str, dict[str, Any] | None] = dict.fromkeys(names_of(kind))

    @contextmanager
    def array(self, name: str) -> Iterator[ArrayFile]:
        """Yield a file that an array is written to, piece by piece."""
        path = self.folder / f"{name}.bin"
        with path.open("wb") as stream:
            file = ArrayFile(stream, dtype_of(name))
            yield file
            stream.flush()
            os.fsync(stream.fileno())
        self._arrays[name] = {
            "file": path.name,
            "dtype": dtype_of(name),
            "size": file.size,
            "sha256": file.digest.hexdigest(),
        }

    def mapped(self, name: str) -> np.ndarray:
        """Return an array that has been written, mapped into memory."""
        about = self._arrays[name]
        return map_array(self.folder / about["file"], about["dtype"], about["size"])

    def names(self, name: str, names: Names) -> None:
        """Write the names of the nodes of a side, or that there are none.

        Raises
        ------
        TypeError
            If a name is neither text, a number, a truth value, None nor a tuple of such.
        """
        if names is None:
            return
        content = json.dumps([_plain(n) for n in names], separators=(",", ":")).encode()
        path = self.folder / f"{name}.json"
        _write(path, content)
        self._names[name] = {"file": path.name, "sha256": hashlib.sha256(content).hexdigest()}

    def finish(self, sides: Sequence[int]) -> None:
        """Write the manifest."""
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "kind": self._kind,
            "sides": list(sides),
            "arrays": {name: self._arrays[name] for name in graph_arrays(self._kind)},
            "names": self._names,
        }
        manifest["sha256"] = manifest_digest(manifest)
        _write(self.folder / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
        self.is_finished = True


class ArrayFile:
    """A file that grows by parts of an array, with their number and digest."""

    def __init__(self, stream: Any, dtype: str) -> None:
        self.size, self.digest = 0, hashlib.sha256()
        self._stream, self._dtype = stream, dtype

    def write(self, values: np.ndarray) -> None:
        """Append values."""
        part = np.ascontiguousarray(values, dtype=self._dtype)
        if part.size:
            data = part.data.cast("B")
            self._stream.write(data)
            self.digest.update(data)
            self.size += part.size


def manifest_digest(manifest: Mapping[str, Any]) -> str:
    """Return the digest of all that a manifest says, but for itself."""
    said = {key: value for key, value in manifest.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_READ):
            digest.update(piece)
    return digest.hexdigest()


def map_array(path: Path, dtype: str, size: int) -> np.ndarray:
    """Return an array over a file, read-only; its pages are read when they are needed."""
    if not size:
        empty = np.empty(0, dtype)
        empty.flags.writeable = False
        return empty
    # A plain array: what is done with a memmap would be one again, and no other type for kernels.
    return np.asarray(np.memmap(path, dtype=dtype, mode="r", shape=(size,)))


def _plain(name: Hashable) -> Any:
    """Return a name as JSON can hold it, so that it comes back as it was; tuples are lists."""
    if isinstance(name, np.generic):
        name = name.item()
    if name is None or isinstance(name, bool | int) or type(name) is str:
        return name
    if isinstance(name, str):
        return str(name)
    if isinstance(name, float) and math.isfinite(name):
        return name
    if isinstance(name, tuple):
        return [_plain(part) for part in name]
    raise TypeError(
        "to be saved, names of nodes must be text, numbers or tuples of these; got "
        f"{name!r} of type {type(name).__name__}"
    )


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _put_in_place(temporary: Path, target: Path) -> None:
    """Rename; a graph that was there moves aside first and comes back if that fails."""
    if not target.exists() or not any(target.iterdir()):
        os.replace(temporary, target)
    else:
        aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.old."))
        os.replace(target, aside)
        try:
            os.replace(temporary, target)
        except BaseException:
            os.replace(aside, target)
            raise
        shutil.rmtree(aside, ignore_errors=True)
    _sync(target.parent)


def _sync(folder: Path) -> None:
    """Have the entries of a folder on the disk, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # folders cannot be opened on Windows
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
