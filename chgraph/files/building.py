"""``build_graph``: graphs from lists of links that do not fit into memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from chgraph import _folder_core
from chgraph._folders import GraphWriter, new_graph
from chgraph._neighbor_lists import MAX_NODES, row_blocks, warn_of_input
from chgraph.bipartite import BipartiteGraph
from chgraph.checks import check_count, check_flag, check_flag_or_none, check_int
from chgraph.files._sorting import ExternalSort
from chgraph.files.columns import Wish
from chgraph.files.folders import open_graph
from chgraph.files.links import DIRECTED, final_names, in_order
from chgraph.files.pieces import EdgeListPieces
from chgraph.files.reading import column_wish
from chgraph.monopartite import Graph
from chgraph.threads import workers_for

_LEAST_MEMORY = 2**22
_PIECE = 2**24  # bytes of text at a time, at most
_LOW = np.int64(2**32 - 1)
Ends = Iterator[np.ndarray]


def build_graph(
    links: Any,
    folder: str | os.PathLike[str],
    *,
    bipartite: bool | None = None,
    shape: int | tuple[int, int] | None = None,
    header: bool | None = None,
    source: int | str | None = None,
    target: int | str | None = None,
    ignore_directions: bool = False,
    memory: int = 2**30,
    overwrite: bool = False,
) -> Graph | BipartiteGraph:
    """Write a graph to a folder from a list of links of any length, in bounded memory.

    The links are sorted through files beside the folder, which take 16 to 24 bytes a link while
    they are there. What comes out is what the same links give in memory.

    Parameters
    ----------
    links : path, or iterable of ndarray of int, shape (n, 2)
        A file with an edge list as :func:`chgraph.read_network` reads it, packed or not; or the
        numbers of both ends (bipartite: left and right), some links at a time.
    folder : path
        For the graph, as ``save`` writes it.
    bipartite : bool, optional
        Two kinds of node. By default one, but two if the file begins with ``% bip``.
    shape : int or tuple of int, optional
        How many nodes, or left and right ones, of links given as arrays; by default one more
        than the largest number.
    header, source, target, ignore_directions
        Of a file, as in :func:`chgraph.read_network`.
    memory : int
        Bytes to sort in, about; names and what else there is per node (some 60 bytes) come on top.
    overwrite : bool
        Replace a graph that is in the folder.

    Returns
    -------
    Graph or BipartiteGraph
        Opened by :func:`chgraph.open_graph`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If the file is malformed or directed, a part is not an integer array (n, 2), a node is
        out of range, the file holds no link, or the folder holds something; nothing is left
        behind then.

    Warns
    -----
    GraphInputWarning
        On self-loops, repeated links and columns that are not read.

    Notes
    -----
    Unlike in memory, separator, columns and header of a file are told from its first 16 MB at
    most, matrices as text are refused, and a list that says that it is directed is refused also
    where all its links stand in both directions.

    Examples
    --------
    >>> import tempfile
    >>> parts = (np.array([[i, i + 1], [i, i + 2]]) for i in range(1000))
    >>> with tempfile.TemporaryDirectory() as place:
    ...     print(build_graph(parts, Path(place, "band")))
    Graph(1002 nodes, 2000 links, density 0.00399)
    """
    for name, value in (("bipartite", bipartite), ("header", header)):
        check_flag_or_none(name, value)
    memory = check_int("memory", memory, minimum=_LEAST_MEMORY)
    check_flag("overwrite", overwrite)
    ignore = check_flag("ignore_directions", ignore_directions)
    wish = column_wish(header, source, target)
    if isinstance(links, str | os.PathLike):
        if shape is not None:
            raise ValueError("shape is for links given as arrays; a file has its nodes by name")
        given: _Links = _FromFile(Path(links), bipartite, wish, ignore, memory)
    elif wish.columns or wish.header is not None or ignore:
        raise ValueError("header, source, target and ignore_directions are for a file of links")
    else:
        given = _FromArrays(links, bool(bipartite), shape)
    kind = "BipartiteGraph" if given.is_bipartite else "Graph"
    with new_graph(folder, kind=kind, overwrite=overwrite) as writer:
        notes = _write(writer, given, memory)
    for note in notes:
        warn_of_input(note)
    return open_graph(folder)


# ------------------------------------------------------------------------------ the links


class _Links:
    """Links from somewhere, some at a time; the number of nodes is known after the last."""

    is_bipartite: bool
    notes: list[str]

    def ends(self, work: Path) -> Ends:
        """Yield links (n, 2) by the final numbers of their nodes."""
        raise NotImplementedError

    def sides(self) -> tuple[int, ...]:
        """Return how many nodes of each kind there are."""
        raise NotImplementedError

    def names(self) -> tuple[list[Hashable] | None, ...]:
        """Return their names."""
        raise NotImplementedError


class _FromArrays(_Links):
    def __init__(self, parts: Any, bipartite: bool, shape: Any) -> None:
        if isinstance(parts, np.ndarray) or not isinstance(parts, Iterable):
            raise TypeError(
                "links must be a path or an iterable of integer arrays (n, 2), got "
                f"{type(parts).__name__}; of a single array pass [array]"
            )
        self.is_bipartite, self.notes, self._parts = bipartite, [], parts
        self._most = np.zeros(2, np.int64)
        self._shape = None if shape is None else self._checked_shape(shape)

    def _checked_shape(self, shape: Any) -> tuple[int, ...]:
        listed = shape if isinstance(shape, tuple) else (shape,)
        if len(listed) != 1 + self.is_bipartite:
            wanted = "(n_left, n_right)" if self.is_bipartite else "the number of nodes"
            raise ValueError(f"shape must be {wanted}, got {shape!r}")
        sides = tuple(check_count("shape", n) for n in listed)
        if max(sides) > MAX_NODES:
            raise ValueError(f"shape must have at most {MAX_NODES} nodes a side, got {shape}")
        return sides

    def ends(self, work: Path) -> Ends:
        limits = None if self._shape is None else np.array(self._shape)
        for number, part in enumerate(self._parts):
            ends = np.asarray(part)
            if ends.ndim != 2 or ends.shape[1] != 2 or not np.issubdtype(ends.dtype, np.integer):
                raise ValueError(
                    f"links must be integer arrays of shape (n, 2); part {number} has dtype "
                    f"{ends.dtype} and shape {ends.shape}"
                )
            if not ends.size:
                continue
            low, high = int(ends.min()), ends.max(axis=0)
            if low < 0 or int(high.max()) >= MAX_NODES:
                wrong = low if low < 0 else int(high.max())
                raise ValueError(
                    f"part {number} of links: nodes must lie in [0, {MAX_NODES}), got {wrong}"
                )
            if limits is not None and (high >= limits).any():
                raise ValueError(
                    f"part {number} of links: node {int(high.max())} is outside shape {self._shape}"
                )
            self._most = np.maximum(self._most, high.astype(np.int64) + 1)
            yield ends.astype(np.int64, copy=False)

    def sides(self) -> tuple[int, ...]:
        if self._shape is not None:
            return self._shape
        return tuple(self._most.tolist()) if self.is_bipartite else (int(self._most.max()),)

    def names(self) -> tuple[list[Hashable] | None, ...]:
        return (None,) * (1 + self.is_bipartite)


class _FromFile(_Links):
    """Names are numbered as they come; what their final numbers are is known at the end."""

    def __init__(
        self, path: Path, bipartite: bool | None, wish: Wish, ignore: bool, memory: int
    ) -> None:
        self._pieces = EdgeListPieces(path, wish, min(_PIECE, memory // 32))
        about = self._pieces.about
        self.is_bipartite = about.two_sides if bipartite is None else bool(bipartite)
        self.notes = self._pieces.notes
        if not self.is_bipartite and not ignore:
            if about.directed:
                raise ValueError(f"{path}: {DIRECTED}")
            if about.perhaps_directed:
                self.notes.append(
                    f"{path}: a comment says that the network is directed; directions are not kept"
                )
        self._numbers: list[dict[str, int]] = [{} for _ in range(1 + self.is_bipartite)]
        self._names: tuple[list[Hashable] | None, ...] = ()

    def ends(self, work: Path) -> Ends:
        path = work / "ends.bin"
        with path.open("wb") as file:
            for codes, names in self._pieces:
                self._numbered(codes, names).astype(np.int32).tofile(file)
        finals = [final_names(list(numbers)) for numbers in self._numbers]
        self._names = tuple(names for _, names in finals)
        self._numbers = []
        with path.open("rb") as file:
            while (part := np.fromfile(file, np.int32, 2**20)).size:
                ends = part.reshape(-1, 2)
                yield np.column_stack([finals[0][0][ends[:, 0]], finals[-1][0][ends[:, 1]]])
        path.unlink()

    def _numbered(self, codes: np.ndarray, names: list[str]) -> np.ndarray:
        if not self.is_bipartite:
            return _global_numbers(codes, names, self._numbers[0])
        columns = zip(codes.T, self._numbers, strict=True)
        return np.column_stack([_global_numbers(c, names, numbers) for c, numbers in columns])

    def sides(self) -> tuple[int, ...]:
        return tuple(len(names) for names in self._names if names is not None)

    def names(self) -> tuple[list[Hashable] | None, ...]:
        return self._names


def _global_numbers(codes: np.ndarray, names: list[str], numbers: dict[str, int]) -> np.ndarray:
    local, used = in_order(codes, names)
    known = (numbers.setdefault(name, len(numbers)) for name in used)
    return np.fromiter(known, np.int64, len(used))[local]


# ---------------------------------------------------------------------------- the folder


def _write(writer: GraphWriter, given: _Links, memory: int) -> list[str]:
    """Write the graph; return sentences on what is not in it."""
    work = writer.folder / "work"
    work.mkdir()
    links, n_loops = ExternalSort(_subfolder(work, "links"), memory // 2), 0
    for ends in given.ends(work):
        first, second = ends.T
        if given.is_bipartite:
            links.add((first << 32) | second)
            continue
        apart = first != second
        first, second = first[apart], second[apart]
        n_loops += int(apart.size - first.size)
        links.add((first << 32) | second)
        links.add((second << 32) | first)
    sides = given.sides()
    again = ExternalSort(_subfolder(work, "again"), memory // 2)
    if given.is_bipartite:
        _write_bipartite(writer, links, again, sides)
    else:
        _write_monopartite(writer, links, again, sides[0])
    shutil.rmtree(work)
    labels = ("left_names", "right_names") if given.is_bipartite else ("names",)
    for label, names in zip(labels, given.names(), strict=True):
        writer.names(label, names)
    writer.finish(sides)
    n_again = links.n_again if given.is_bipartite else links.n_again // 2
    counted = (n_loops, "self-loops are left out"), (n_again, "repeated links are counted once")
    return given.notes + [f"{count} {what}" for count, what in counted if count]


def _subfolder(folder: Path, name: str) -> Path:
    path = folder / name
    path.mkdir()
    return path


def _write_lists(
    writer: GraphWriter, side: str, codes: Iterable[np.ndarray], n_rows: int
) -> Iterator[np.ndarray]:
    """Write the lists of neighbors of sorted codes, then their offsets; yield the codes between."""
    degrees = np.zeros(n_rows, np.int64)
    with writer.array(f"{side}neighbors") as file:
        for part in codes:
            if part.size:
                rows = part >> 32
                first, last = int(rows[0]), int(rows[-1])
                degrees[first : last + 1] += np.bincount(rows - first, minlength=last - first + 1)
                file.write(part & _LOW)
            yield part
    with writer.array(f"{side}offsets") as file:
        file.write(np.zeros(1, np.int64))
        file.write(np.cumsum(degrees))


def _write_bipartite(
    writer: GraphWriter, links: ExternalSort, again: ExternalSort, sides: tuple[int, ...]
) -> None:
    for codes in _write_lists(writer, "left_", links.merged(), sides[0]):
        again.add(((codes & _LOW) << 32) | (codes >> 32))
    next_slots = writer.mapped("left_offsets")[:-1].copy()
    with writer.array("right_links") as file:
        for codes in _write_lists(writer, "right_", again.merged(), sides[1]):
            numbers = np.empty(codes.size, np.int64)
            with workers_for(10.0 * codes.size):
                _folder_core.number_links((codes & _LOW).astype(np.int32), next_slots, numbers)
            file.write(numbers)


def _write_monopartite(
    writer: GraphWriter, links: ExternalSort, again: ExternalSort, n_nodes: int
) -> None:
    for _ in _write_lists(writer, "", links.merged(), n_nodes):
        pass
    offsets, neighbors = writer.mapped("offsets"), writer.mapped("neighbors")
    degrees = np.diff(offsets)
    labels = np.argsort(-degrees, kind="stable")
    rank = np.empty_like(labels)
    rank[labels] = np.arange(labels.size)
    for rows in row_blocks(offsets):
        part = neighbors[offsets[rows.start] : offsets[rows.stop]]
        again.add((np.repeat(rank[rows], degrees[rows]) << 32) | rank[part])
    for _ in _write_lists(writer, "hub_", again.merged(), n_nodes):
        pass
    with writer.array("hub_labels") as file:
        file.write(labels)
