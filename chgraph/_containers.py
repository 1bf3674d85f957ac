"""Links and matrices in other people's containers: pairs, data frames, tensors, masked arrays.

Everything becomes an array, or ends and names of links; none of the libraries is imported.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

# Column names that tell the two ends of a link, in lower case and without "_" and "-".
END_COLUMNS = (
    ("source", "target"),
    ("from", "to"),
    ("fromnodeid", "tonodeid"),
    ("src", "dst"),
    ("u", "v"),
    ("left", "right"),
    ("user", "item"),
    ("drug", "target"),
    ("node1", "node2"),
)


class LinkTable(NamedTuple):
    """The ends of every link by name, and whether there are weights beside them."""

    first: list[Hashable]
    second: list[Hashable]
    weighted: bool


def library_of(obj: Any) -> str | None:
    """Return "pandas", "polars" or "torch" if `obj` is a frame or a tensor of it."""
    for cls in type(obj).__mro__:
        library = cls.__module__.partition(".")[0]
        if library in ("pandas", "polars") and cls.__name__ == "DataFrame":
            return library
        if library == "torch" and cls.__name__ == "Tensor":
            return library
    return None


# ------------------------------------------------------------------------------ arrays


def plain_matrix(name: str, matrix: Any) -> Any:
    """Return a matrix as a numpy array or scipy sparse array, whatever it came in.

    Raises
    ------
    ValueError
        If it is masked, or inconsistent inside.
    """
    if scipy.sparse.issparse(matrix):
        return _sound(name, matrix)
    if library_of(matrix) == "torch":
        return _of_tensor(matrix)
    if isinstance(matrix, np.ma.MaskedArray):
        if np.ma.is_masked(matrix):
            raise ValueError(
                f"{name} must not be masked: say what masked entries are, as {name}.filled(0) for "
                "no links"
            )
        return matrix.data
    return matrix


def _sound(name: str, matrix: Any) -> Any:
    """Return a scipy matrix whose index arrays fit each other, or raise: scipy trusts them."""
    try:
        if matrix.format in ("csr", "csc", "bsr"):
            matrix.check_format(full_check=True)
        elif matrix.format == "coo":
            _check_coordinates(matrix)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name} is inconsistent: {error}") from error
    return matrix


def _check_coordinates(matrix: Any) -> None:
    for axis, (size, place) in enumerate(zip(matrix.shape, matrix.coords, strict=True)):
        if place.size and not (int(place.min()) >= 0 and int(place.max()) < size):
            raise ValueError(f"an index of axis {axis} lies outside [0, {size})")


def _of_tensor(tensor: Any) -> Any:
    layout = str(tensor.layout)
    if layout == "torch.strided":
        return _numbers(tensor)
    whole = tensor.detach().cpu()
    if layout != "torch.sparse_coo":
        whole = whole.to_sparse()
    whole = whole.coalesce()
    places = tuple(whole.indices().numpy())
    return scipy.sparse.coo_array((_numbers(whole.values()), places), tuple(whole.shape))


def _numbers(tensor: Any) -> np.ndarray:
    tensor = tensor.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":  # numpy has no such type
        tensor = tensor.float()
    array: np.ndarray = tensor.numpy()
    return array


def refuse_links_as_matrix(name: str, matrix: Any) -> None:
    """Raise where integers with two columns or rows may be the ends of links as well as weights.

    Raises
    ------
    ValueError
        Says how to mean either.
    """
    if scipy.sparse.issparse(matrix):
        return
    array = np.asarray(matrix)
    if array.ndim != 2 or 2 not in array.shape or array.shape == (2, 2):
        return
    whole = np.issubdtype(array.dtype, np.integer)
    if whole and array.size and ((array < 0) | (array > 1)).any():
        ends = "a[:, 0], a[:, 1]" if array.shape[1] == 2 else "a[0], a[1]"
        raise ValueError(
            f"{name} of shape {array.shape} with integers other than 0 and 1 can be read two ways: "
            f"for links between numbered nodes use chgraph.Graph.from_links({ends}), for a matrix "
            "of weights pass a != 0"
        )


# ------------------------------------------------------------------------------- links


def is_pair_list(obj: Any) -> bool:
    """Whether an object is a collection of pairs, ``[(u, v), ...]``, and not rows of a matrix."""
    if not isinstance(obj, list | tuple | set | frozenset) or not obj:
        return False
    if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in obj):
        return any(isinstance(end, str) for row in obj for end in _ends(row))
    return True


def _ends(row: Any) -> Iterable[Any]:
    return row if isinstance(row, list | tuple) else ()


def links_of_pairs(name: str, pairs: Any) -> LinkTable:
    """Return the links of a collection of pairs.

    Raises
    ------
    ValueError
        If one is not a pair of nodes, or all could as well be the rows of a matrix of 0 and 1.
    """
    listed = list(pairs)
    for pair in listed:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValueError(f"{name} must hold pairs of nodes (u, v), got {pair!r}")
    ends = [end for pair in listed for end in pair]
    if all(isinstance(end, int | np.integer) and end in (0, 1) for end in ends):
        raise ValueError(
            f"{name} can be read two ways: for {len(listed)} links use chgraph.Graph.from_links, "
            "for a matrix of 0 and 1 pass numpy.array(...)"
        )
    for end in ends:
        if isinstance(end, float) or not isinstance(end, Hashable):
            raise ValueError(f"{name} must name nodes by numbers, strings or the like, got {end!r}")
    return LinkTable([plain(u) for u, _ in listed], [plain(v) for _, v in listed], False)


def plain(value: Any) -> Any:
    """Return a numpy scalar as Python's own value; names are compared and printed."""
    return value.item() if isinstance(value, np.generic) else value


def node_numbers(*columns: Sequence[Hashable]) -> tuple[list[Hashable], list[np.ndarray]]:
    """Return the distinct names of some columns and the number of each entry.

    Integers in rising order, other names as they come.
    """
    number: dict[Hashable, int] = {}
    for column in columns:
        for name in column:
            number.setdefault(name, len(number))
    names = list(number)
    if all(type(name) is int for name in names):
        names = sorted(names)  # type: ignore[type-var]
        number = {name: i for i, name in enumerate(names)}
    return names, [np.array([number[n] for n in column], np.int64) for column in columns]


# ------------------------------------------------------------------------------ frames


def frame_matrix(frame: Any) -> tuple[Any, list[Hashable], list[Hashable]] | None:
    """Return values, row and column names of a frame that is a labeled matrix; None if not.

    That is one with names for its rows (pandas has them) and numbers alone in its columns.
    """
    if library_of(frame) != "pandas" or not frame.shape[0]:
        return None
    if type(frame.index).__name__ == "RangeIndex" or frame.index.nlevels > 1:
        return None
    if not all(np.issubdtype(kind, np.number) or kind == np.bool_ for kind in _kinds(frame)):
        return None
    return frame.to_numpy(), list(frame.index), list(frame.columns)


def _kinds(frame: Any) -> list[Any]:
    kinds = [getattr(kind, "numpy_dtype", kind) for kind in frame.dtypes]
    return [kind if isinstance(kind, np.dtype) else np.dtype(object) for kind in kinds]


def links_of_frame(frame: Any, source: Hashable, target: Hashable) -> LinkTable:
    """Return the links that two columns of a frame name.

    Raises
    ------
    ValueError
        If the columns are not said and their names do not tell them, or an end is missing.
    """
    names = list(frame.columns)
    ends = _end_columns(names, source, target)
    first, second = (_named_nodes(frame[name].to_list(), name) for name in ends)
    return LinkTable(first, second, "weight" in names or "score" in names)


def _named_nodes(column: list[Any], name: Hashable) -> list[Hashable]:
    for row, end in enumerate(column):
        if end is None or end != end:
            raise ValueError(f"column {name!r} must name a node in every row; row {row} is empty")
    return [plain(end) for end in column]


def _end_columns(
    names: list[Hashable], source: Hashable, target: Hashable
) -> tuple[Hashable, Hashable]:
    if (source is None) != (target is None):
        raise ValueError("source and target must both be given, or none of them")
    if source is not None:
        for said in (source, target):
            if said not in names:
                raise ValueError(f"source and target must be columns of the table, got {said!r}")
        return source, target
    plain_names = {str(n).lower().replace("_", "").replace("-", ""): n for n in names}
    for first, second in END_COLUMNS:
        if first in plain_names and second in plain_names:
            return plain_names[first], plain_names[second]
    if len(names) == 2:
        return names[0], names[1]
    raise ValueError(
        f"a table with the columns {', '.join(map(repr, names))} does not tell the ends of its "
        "links: use chgraph.as_graph(table, source=..., target=...)"
    )
