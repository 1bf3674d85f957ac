"""Compressed neighbor lists and the checks of what they are built from."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Hashable, Iterator, Sequence
from types import FrameType
from typing import Any

import numpy as np
import scipy.sparse

from chgraph._containers import plain_matrix, refuse_links_as_matrix
from chgraph.checks import check_count
from chgraph.jit import frozen

Names = Sequence[Hashable] | None
HubsFirst = tuple[np.ndarray, np.ndarray, np.ndarray]
MAX_NODES = np.iinfo(np.int32).max
_AT_ONCE = 2**20  # links that are looked at together, so that memory does not follow the links


class GraphInputWarning(UserWarning):
    """Something of the input is not in the graph: weights, self-loops, repeated links.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> import chgraph
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     graph = chgraph.as_graph(np.array([[0.0, 2.5], [2.5, 0.0]]))
    >>> said[0].category.__name__
    'GraphInputWarning'
    """


def warn_of_input(message: str) -> None:
    """Warn at the line of the user's code that called into the package."""
    frame: FrameType | None = sys._getframe()
    level = 1
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "chgraph":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, GraphInputWarning, stacklevel=level)


def read_matrix(name: str, matrix: Any) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Return row and column of every non-zero entry, in no order, and the shape.

    Explicit zeros of a sparse matrix are dropped and its duplicates summed, as in scipy.
    Values other than one draw a GraphInputWarning: weights are not kept.
    """
    matrix = plain_matrix(name, matrix)
    if scipy.sparse.issparse(matrix):
        if matrix.ndim != 2:
            raise ValueError(f"{name} must be two-dimensional, got shape {matrix.shape}")
        coo = scipy.sparse.coo_array(matrix, copy=True)
        coo.data = _widened(coo.data)
        coo.sum_duplicates()
        values, (rows, columns), shape = coo.data, coo.coords, coo.shape
    else:
        try:
            dense = np.asarray(matrix)
        except ValueError as error:
            raise ValueError(f"{name} must have rows of equal length: {error}") from error
        if dense.ndim != 2:
            raise ValueError(f"{name} must be two-dimensional, got shape {dense.shape}")
        refuse_links_as_matrix(name, dense)
        rows, columns = np.nonzero(dense)
        values, shape = dense[rows, columns], dense.shape
    if not (np.issubdtype(values.dtype, np.number) or values.dtype == np.bool_):
        raise ValueError(f"{name} must be numeric or boolean, got dtype {values.dtype}")
    if np.isnan(values).any():
        raise ValueError(f"{name} must not hold NaN")
    present = values != 0
    if (values[present] != 1).any():
        warn_of_input(f"the weights of {name} are ignored: every non-zero entry is a link")
    return rows[present].astype(np.int64), columns[present].astype(np.int64), shape


def _widened(values: np.ndarray) -> np.ndarray:
    """Return numbers of a type in which repeated entries can be summed."""
    if values.dtype == np.bool_ or not np.issubdtype(values.dtype, np.integer):
        return values
    # Whether links are there is asked, not how often: no sum of ones can wrap around to 0.
    return (values != 0).astype(np.int64) if values.dtype == np.uint64 else values.astype(np.int64)


def offsets_of(nodes: np.ndarray, n_nodes: int) -> np.ndarray:
    """Return the int64 offsets of a compressed neighbor list, length ``n_nodes + 1``."""
    offsets = np.zeros(n_nodes + 1, dtype=np.int64)
    np.cumsum(np.bincount(nodes, minlength=n_nodes), out=offsets[1:])
    return offsets


def state_in_memory(fields: dict[str, Any]) -> dict[str, Any]:
    """Return what is pickled of a graph: its fields alone, which no longer are maps of files."""
    kept = {name: value for name, value in fields.items() if not name.startswith("_")}
    return {**kept, "folder": None}


def frozen_state(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields that were pickled, arrays read-only as those of every graph."""
    return {name: _frozen_field(value) for name, value in fields.items()}


def _frozen_field(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return frozen(value)
    if isinstance(value, tuple) and value and all(isinstance(v, np.ndarray) for v in value):
        return tuple(map(frozen, value))
    return value


def by_falling_degree(offsets: np.ndarray, neighbors: np.ndarray) -> HubsFirst:
    """Renumber the nodes, hubs first (ties by index): (offsets, neighbors, labels)."""
    degrees = np.diff(offsets)
    labels = np.argsort(-degrees, kind="stable")
    rank = np.empty_like(labels)
    rank[labels] = np.arange(labels.size)
    rows = np.repeat(rank, degrees)
    columns = rank[neighbors]
    order = np.lexsort((columns, rows))
    new_offsets = np.concatenate(([0], np.cumsum(degrees[labels]))).astype(np.int64)
    return new_offsets, columns[order].astype(np.int32), labels.astype(np.int64)


def row_blocks(offsets: np.ndarray, at_once: int = _AT_ONCE) -> Iterator[slice]:
    """Yield consecutive runs of rows with at most so many links together, one row at least."""
    start, n_rows = 0, offsets.size - 1
    while start < n_rows:
        stop = int(np.searchsorted(offsets, offsets[start] + at_once, side="right")) - 1
        stop = min(max(stop, start + 1), n_rows)
        yield slice(start, stop)
        start = stop


def neighbor_sums(offsets: np.ndarray, neighbors: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return for each row the sum over its neighbors of an int64 value, in memory of the rows."""
    sums = np.zeros(offsets.size - 1, np.int64)
    for rows in row_blocks(offsets):
        bounds = offsets[rows.start : rows.stop + 1]
        upto = np.zeros(bounds[-1] - bounds[0] + 1, np.int64)
        np.cumsum(values[neighbors[bounds[0] : bounds[-1]]], out=upto[1:])
        sums[rows] = np.diff(upto[bounds - bounds[0]])
    return sums


def find_slots(
    offsets: np.ndarray, neighbors: np.ndarray, rows: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    """Return where in the (ascending) neighbors of each row a node stands, -1 if it does not.

    By bisection in the rows, so that memory is that of the questions.
    """
    low, high = offsets[rows], offsets[rows + 1]
    last = max(neighbors.size - 1, 0)
    if not neighbors.size:
        return np.full(rows.shape, -1, dtype=np.int64)
    end = high.copy()
    for _ in range(int((high - low).max(initial=0)).bit_length()):
        middle = (low + high) >> 1
        is_below = (low < high) & (neighbors[np.minimum(middle, last)] < wanted)
        low = np.where(is_below, middle + 1, low)
        high = np.where(is_below, high, np.minimum(middle, high))
    found = (low < end) & (neighbors[np.minimum(low, last)] == wanted)
    return np.where(found, low, -1)


def checked_shape(shape: Any) -> tuple[int, int]:
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ValueError(f"shape must be a tuple (n_left, n_right), got {shape!r}")
    n_left, n_right = (check_count("shape", n) for n in shape)
    if max(n_left, n_right) > MAX_NODES:
        raise ValueError(f"shape must have at most {MAX_NODES} nodes a side, got {shape}")
    return n_left, n_right


def node_array(name: str, nodes: Any, n_nodes: int) -> np.ndarray:
    """Return indices as int64, or raise if one is not an integer in [0, n_nodes)."""
    array = np.asarray(nodes)
    if array.size == 0:
        return array.reshape(-1).astype(np.int64)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"{name} must be a one-dimensional integer array, "
            f"got dtype {array.dtype} and shape {array.shape}"
        )
    array = array.astype(np.int64)
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= n_nodes:
        raise ValueError(f"{name} must lie in [0, {n_nodes}), got {low if low < 0 else high}")
    return array


def node_names(name: str, names: Names, n_nodes: int) -> tuple[Hashable, ...] | None:
    if names is None:
        return None
    names = tuple(names)
    if len(names) != n_nodes or len(set(names)) != n_nodes:
        raise ValueError(
            f"{name} must hold {n_nodes} distinct names, "
            f"got {len(names)} names, {len(set(names))} distinct"
        )
    return names
