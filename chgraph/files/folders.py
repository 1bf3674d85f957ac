"""``open_graph``: a graph over the files of a folder, mapped into memory."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from chgraph import _folder_core as core
from chgraph._folders import (
    FORMAT,
    MANIFEST,
    VERSION,
    dtype_of,
    file_digest,
    graph_arrays,
    manifest_digest,
    map_array,
    names_of,
)
from chgraph._neighbor_lists import MAX_NODES
from chgraph.bipartite import BipartiteGraph
from chgraph.checks import check_flag
from chgraph.monopartite import Graph
from chgraph.threads import workers_for

_LARGEST_MANIFEST = 2**20
_NONE = np.empty(0, np.int64)
_PER_LINK = 10.0


class _Manifest(NamedTuple):
    """What a manifest says, of the right types and sizes."""

    kind: str
    sides: tuple[int, ...]
    arrays: dict[str, dict[str, Any]]
    names: dict[str, dict[str, Any] | None]
    digest: str


def open_graph(folder: str | os.PathLike[str], *, verify: bool = False) -> Graph | BipartiteGraph:
    """Open a graph that ``save`` or :func:`chgraph.build_graph` wrote, without reading it in.

    The index arrays are maps of the files: pages are read when they are needed and given back when
    memory is short, so that a graph may be larger than memory. Every function takes the graph
    as any other; those that keep to memory O(nodes + k) are listed in the guide to scale.

    Parameters
    ----------
    folder : path
    verify : bool
        Compare the checksum of every file. Without it those of the manifest, of names, and of
        arrays with an entry per node are compared, and the lists of neighbors are read once:
        every node in range, every list ascending, both directions the same links. No kernel can
        leave its arrays then; only one valid graph in place of another would not be noticed.

    Returns
    -------
    Graph or BipartiteGraph
        As it was saved, names included; its ``folder`` is the path.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    TypeError
        If `folder` is not a path or `verify` not a bool.
    ValueError
        If it is not the folder of a graph, or something in it is damaged: names the file.

    Notes
    -----
    Both kinds of check take time O(links); the first runs at memory speed (some seconds for a
    billion links that are in the page cache, else the time to read the files). A file that is
    changed or cut short *while* it is mapped cannot be guarded against: replace folders by
    ``save(..., overwrite=True)``, which leaves maps of the old files as they are.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Graph.from_links([0, 1, 2], [1, 2, 3]).save(Path(folder, "path"))
    ...     print(open_graph(path))
    Graph(4 nodes, 3 links, density 0.5)
    """
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(f"folder must be a path, got {folder!r}")
    verify = check_flag("verify", verify)
    path = Path(folder)
    if not path.is_dir():
        if path.exists():
            raise ValueError(
                f"{path}: is not the folder of a graph; chgraph.read_network reads files"
            )
        raise FileNotFoundError(f"{path}: no such folder")
    manifest = _manifest(path)
    arrays = {name: _mapped(path, name, about, verify) for name, about in manifest.arrays.items()}
    names = {name: _names(path, name, manifest) for name in names_of(manifest.kind)}
    if manifest.kind == "BipartiteGraph":
        _check_bipartite(path, manifest.sides, arrays)
        fields: dict[str, Any] = {**arrays, **names, "folder": path.absolute()}
        return BipartiteGraph((manifest.sides[0], manifest.sides[1]), **fields)
    _check_monopartite(path, arrays)
    hubs_first = arrays["hub_offsets"], arrays["hub_neighbors"], arrays["hub_labels"]
    return Graph(
        manifest.sides[0],
        arrays["offsets"],
        arrays["neighbors"],
        names["names"],
        hubs_first=hubs_first,
        folder=path.absolute(),
    )


def folder_digest(folder: str | os.PathLike[str]) -> str:
    """Return the digest in the manifest of a graph's folder: equal for equal content.

    Raises
    ------
    ValueError
        If it is not the folder of a graph.
    """
    return _manifest(Path(folder)).digest


# ------------------------------------------------------------------------------ manifest


def _manifest(folder: Path) -> _Manifest:
    path = folder / MANIFEST
    if not path.is_file():
        raise ValueError(f"{folder}: is not the folder of a graph: it has no {MANIFEST}")
    if path.stat().st_size > _LARGEST_MANIFEST:
        raise ValueError(f"{path}: is too large for a manifest")
    try:
        said = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is damaged: {error}") from error
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise ValueError(f"{path}: is not the manifest of a graph")
    if said.get("version") != VERSION:
        raise ValueError(
            f"{path}: is of version {said.get('version')!r}; this chgraph reads version {VERSION}"
        )
    if said.get("sha256") != manifest_digest(said):
        raise ValueError(f"{path}: is damaged: it does not have its checksum")
    try:
        return _read_manifest(said)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path}: is not the manifest of a graph: {error}") from error


def _read_manifest(said: dict[str, Any]) -> _Manifest:
    kind, sides = said["kind"], tuple(said["sides"])
    if kind not in ("Graph", "BipartiteGraph"):
        raise ValueError(f"kind {kind!r}")
    if len(sides) != len(names_of(kind)) or not all(
        type(n) is int and 0 <= n <= MAX_NODES for n in sides
    ):
        raise ValueError(f"sides {sides}")
    arrays, names = said["arrays"], said["names"]
    if set(arrays) != set(graph_arrays(kind)) or set(names) != set(names_of(kind)):
        raise ValueError(f"arrays {sorted(arrays)}")
    sizes = _sizes(kind, sides, arrays)
    for name, about in arrays.items():
        wanted = {"file": f"{name}.bin", "dtype": dtype_of(name), "size": sizes[name]}
        if {key: about.get(key) for key in wanted} != wanted:
            raise ValueError(f"{name} is said to be {about}, expected {wanted}")
    for name, about in names.items():
        if about is not None and about["file"] != f"{name}.json":
            raise ValueError(f"{name} is said to be {about}")
    return _Manifest(kind, sides, arrays, names, said["sha256"])


def _sizes(kind: str, sides: tuple[int, ...], arrays: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Return how many entries each array must have; the lists as many as the first has."""
    n_slots = arrays["left_neighbors" if kind == "BipartiteGraph" else "neighbors"]["size"]
    if type(n_slots) is not int or not 0 <= n_slots < 2**48:
        raise ValueError(f"{n_slots!r} links")
    by_end = {"neighbors": n_slots, "links": n_slots, "labels": sides[0]}
    sizes = {}
    for name in arrays:
        side, _, end = name.rpartition("_")
        sizes[name] = by_end.get(end, sides[1 if side == "right" else 0] + 1)
    return sizes


def _mapped(folder: Path, name: str, about: dict[str, Any], verify: bool) -> np.ndarray:
    path = folder / about["file"]
    expected = about["size"] * np.dtype(about["dtype"]).itemsize
    if not path.is_file():
        raise ValueError(f"{path}: is missing")
    if path.stat().st_size != expected:
        raise ValueError(f"{path}: has {path.stat().st_size:,} bytes instead of {expected:,}")
    of_nodes = not name.endswith(("neighbors", "links"))
    if (verify or of_nodes) and file_digest(path) != about["sha256"]:
        raise ValueError(f"{path}: is damaged: it does not have its checksum")
    try:
        return map_array(path, about["dtype"], about["size"])
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be mapped into memory: {error}") from error


def _names(folder: Path, name: str, manifest: _Manifest) -> tuple[Any, ...] | None:
    about = manifest.names[name]
    if about is None:
        return None
    path = folder / about["file"]
    if not path.is_file():
        raise ValueError(f"{path}: is missing")
    if file_digest(path) != about["sha256"]:
        raise ValueError(f"{path}: is damaged: it does not have its checksum")
    try:
        listed = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is damaged: {error}") from error
    count = manifest.sides[names_of(manifest.kind).index(name)]
    if not isinstance(listed, list) or len(listed) != count:
        raise ValueError(f"{path}: must hold {count} names")
    return tuple(_as_tuple(entry) for entry in listed)


def _as_tuple(name: Any) -> Any:
    return tuple(_as_tuple(part) for part in name) if isinstance(name, list) else name


# ----------------------------------------------------------------------------- structure


def _check_lists(
    folder: Path, side: str, arrays: dict[str, np.ndarray], n_columns: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return offsets and neighbors in which no kernel can go astray, or raise."""
    offsets, neighbors = arrays[f"{side}offsets"], arrays[f"{side}neighbors"]
    if offsets[0] != 0 or offsets[-1] != neighbors.size or (np.diff(offsets) < 0).any():
        raise ValueError(f"{folder / side}offsets.bin: is damaged: offsets must rise from 0")
    with workers_for(_PER_LINK * neighbors.size):
        row = int(core.first_fault(offsets, neighbors, n_columns))
    if row >= 0:
        raise ValueError(
            f"{folder / side}neighbors.bin: is damaged: the neighbors of node {row} must ascend "
            f"within [0, {n_columns})"
        )
    return offsets, neighbors


def _digest(
    lists: tuple[np.ndarray, np.ndarray], salt: np.uint64, labels: np.ndarray, *, swapped: bool
) -> int:
    with workers_for(_PER_LINK * lists[1].size):
        return int(core.digest_of_links(*lists, labels, labels, swapped, salt))


def _check_bipartite(folder: Path, sides: tuple[int, ...], arrays: dict[str, np.ndarray]) -> None:
    left = _check_lists(folder, "left_", arrays, sides[1])
    right = _check_lists(folder, "right_", arrays, sides[0])
    salt = np.uint64(secrets.randbits(64))
    if _digest(left, salt, _NONE, swapped=False) != _digest(right, salt, _NONE, swapped=True):
        raise ValueError(
            f"{folder / 'right_neighbors.bin'}: is damaged: it does not hold the links of "
            "left_neighbors.bin"
        )
    with workers_for(_PER_LINK * right[1].size):
        place = core.first_wrong_link(right[1], left[0][:-1].copy(), arrays["right_links"])
    if place >= 0:
        raise ValueError(
            f"{folder / 'right_links.bin'}: is damaged: entry {place} is not the number of its link"
        )


def _check_monopartite(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    n_nodes = arrays["hub_labels"].size
    lists = _check_lists(folder, "", arrays, n_nodes)
    hubs = _check_lists(folder, "hub_", arrays, n_nodes)
    labels, degrees = arrays["hub_labels"], np.diff(lists[0])
    wanted = np.argsort(-degrees, kind="stable")
    if not np.array_equal(labels, wanted) or not np.array_equal(degrees[wanted], np.diff(hubs[0])):
        raise ValueError(f"{folder / 'hub_labels.bin'}: is damaged: hubs must come first")
    salt = np.uint64(secrets.randbits(64))
    digest = _digest(lists, salt, _NONE, swapped=False)
    with workers_for(_PER_LINK * lists[1].size):
        loops = core.has_loop(*lists)
    if loops or digest != _digest(lists, salt, _NONE, swapped=True):
        raise ValueError(
            f"{folder / 'neighbors.bin'}: is damaged: every link must stand in both directions, "
            "none from a node to itself"
        )
    if digest != _digest(hubs, salt, labels, swapped=False):
        raise ValueError(
            f"{folder / 'hub_neighbors.bin'}: is damaged: it does not hold the links of "
            "neighbors.bin"
        )
