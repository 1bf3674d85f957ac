"""Adjacency and biadjacency matrices written as text, with names at their edges or without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from chgraph.bipartite import BipartiteGraph
from chgraph.files.links import DIRECTED, Result
from chgraph.files.opening import Content
from chgraph.files.separators import Separator
from chgraph.files.tables import Bad, Fields, Table, content_lines, read_table, table_of
from chgraph.files.words import are_integers, are_numbers, is_column_pair
from chgraph.graph import as_network
from chgraph.monopartite import Graph

_BITS = {"0", "1"}
_SURE = 10  # as many columns and as many lines: a list of links would not have them


@dataclass(frozen=True)
class TextMatrix:
    """The entries of a matrix, and the names of its rows and columns if it has any."""

    values: np.ndarray
    rows: Fields | None = None
    columns: Fields | None = None

    def network(self, content: Content, bipartite: bool | None, ignore_directions: bool) -> Result:
        """Return the graph of the matrix, as the file says or the caller."""
        same = self.rows == self.columns and self.values.shape[0] == self.values.shape[1]
        two = bipartite or (bipartite is None and not same)
        values = self.values
        if not values.any():
            raise content.error("holds no links")
        if same and not two:
            if ignore_directions:
                values = np.maximum(np.abs(values), np.abs(values.T))
            elif not np.array_equal(values != 0, values.T != 0):
                raise content.error(f"its matrix is not symmetric: {DIRECTED}")
        try:
            return self._graph(values, two), []
        except ValueError as error:
            raise content.error(str(error)) from error

    def _graph(self, values: np.ndarray, two: bool) -> Graph | BipartiteGraph:
        if self.rows is None or self.columns is None:
            return as_network(values, two)
        if not two:
            return Graph.from_adjacency(values, names=_names(self.rows))
        left, right = _names(self.rows), _names(self.columns)
        return BipartiteGraph.from_biadjacency(values, left_names=left, right_names=right)


def read_text_matrix(table: Table) -> TextMatrix | None:
    """Return the matrix that a table is, or None if it is a list of links.

    A matrix is: names in the first line and the first column, equal or with an empty corner,
    and numbers elsewhere; three or more columns of 0 and 1 alone, where a list would have two
    nodes; or as many columns as lines, symmetric and at least four, or at least ten.
    """
    if table.width < 3 or len(table) < 2:
        return None
    top, second = table.row(0), table.row(1)
    if are_numbers(top):
        return _bare_matrix(table, top)
    if not are_numbers(second[1:]) or is_column_pair(*top[:2]) or is_column_pair(*top[1:3]):
        return None
    rows, columns = table.column(0, 1), top[1:]
    square = rows == columns
    if len(set(rows)) < len(rows) or len(set(columns)) < len(columns):
        return None
    index = table.width == 3 and rows == [str(i) for i in range(len(rows))]
    if (not square and (top[0] or index)) or (top[0] and table.width == 3):
        return None
    body = table.fields(slice(1, None), slice(1, None))
    if not are_numbers(body):
        return None
    return TextMatrix(_array(body, len(rows)), rows, columns)


def matrix_without_corner(data: bytes, separator: Separator, bad: Bad) -> TextMatrix | None:
    """Return the matrix of a file whose first line has no field above the names of the rows."""
    lines = list(islice(content_lines(data), 2))
    if len(lines) < 2 or bad[0][0] != lines[1][0]:
        return None
    start = data.index(lines[0][1])
    rest: Bad = []
    table = read_table(data[start + len(lines[0][1]) :], separator, rest)
    try:
        top = separator.split(lines[0][1].decode().strip(" "))
    except Exception:  # the line is malformed, as `bad` says
        return None
    if rest or table is None or table.width != len(top) + 1 or len(top) < 3 or len(table) < 2:
        return None
    tokens = ["", *top, *table.fields(slice(None), slice(None))]
    return read_text_matrix(table_of(tokens, np.arange(len(table) + 1)))


def _bare_matrix(table: Table, top: Fields) -> TextMatrix | None:
    rows, width = len(table), table.width
    square = rows == width
    bits = _BITS.issuperset(top) and (width > 3 or square)
    if not (bits or (square and width > 3)):
        return None
    body = table.fields(slice(None), slice(None))
    if bits and _BITS.issuperset(body):
        values = _array(body, rows)
        return TextMatrix(values) if width > 3 or np.array_equal(values, values.T) else None
    if not square or width <= 3 or not are_numbers(body):
        return None
    values = _array(body, rows)
    return TextMatrix(values) if width >= _SURE or np.array_equal(values, values.T) else None


def _array(body: Fields, rows: int) -> np.ndarray:
    return np.array(list(map(float, body))).reshape(rows, -1)


def _names(labels: Sequence[str]) -> list[str] | list[int]:
    return [int(label) for label in labels] if are_integers(labels) else list(labels)
