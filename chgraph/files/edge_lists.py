"""Edge lists: one link a line, as KONECT, SNAP and everybody else write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from chgraph.files.columns import KONECT, Choice, Wish, choose_columns, comment_notes
from chgraph.files.links import Result, by_appearance, one_kind, reciprocal, two_sides
from chgraph.files.opening import Content
from chgraph.files.separators import find_separator
from chgraph.files.tables import (
    Bad,
    Table,
    comment_lines,
    read_table,
    reasons,
    sample_lines,
)
from chgraph.files.text_matrices import matrix_without_corner, read_text_matrix

SAMPLE = 100  # lines that tell the separator
_EXTERNAL = re.compile(r"#.*(?<!un)directed\s+(graph|network)", re.IGNORECASE)


@dataclass(frozen=True)
class About:
    """What an edge list says of itself in comments."""

    two_sides: bool
    directed: bool
    perhaps_directed: bool
    konect: bool


def read_edge_list(
    content: Content, *, bipartite: bool | None, ignore_directions: bool, wish: Wish
) -> Result:
    """Return the network of an edge list, or of a matrix as text, and what is not in it.

    Raises
    ------
    ValueError
        If lines are malformed (with their numbers), the file holds no link, or it says that
        it is directed.
    """
    data = content.text()
    comments = comment_lines(data)
    about = about_list(data, comments)
    separator, remark = find_separator(sample_lines(data, SAMPLE))
    bad: Bad = []
    table = read_table(data, separator, bad)
    may_be_matrix = wish.header is None and not (wish.columns or about.konect)
    matrix = matrix_without_corner(data, separator, bad) if bad and may_be_matrix else None
    if bad and matrix is None:
        raise content.error(reasons(bad))
    if table is None:
        raise content.error("holds no links")
    if matrix is None and may_be_matrix:
        matrix = read_text_matrix(table)
    if matrix is not None:
        return matrix.network(content, bipartite, ignore_directions)
    choice = choose_columns(content, table, comments, wish, separator)
    notes = [remark, *choice.notes, *comment_notes(comments, table, separator, choice)]
    graph, more = _network(content, table, choice, about, bipartite, ignore_directions)
    notes = [note for note in [*notes, unread(table, choice), *more] if note]
    return graph, [f"{content.path}: {note}" for note in notes]


def about_list(data: bytes, comments: list[tuple[int, str]]) -> About:
    """Return what the first lines say of the list."""
    konect = KONECT.match(data)
    kind = konect[1].lower() if konect else b""
    external = any(_EXTERNAL.match(text) for _, text in comments[:10])
    return About(kind == b"bip", kind == b"asym", external, konect is not None)


def _network(
    content: Content,
    table: Table,
    choice: Choice,
    about: About,
    bipartite: bool | None,
    ignore_directions: bool,
) -> Result:
    start = int(choice.header)
    codes, lines = choice.codes[start:], table.lines[start:]
    if not lines.size:
        raise content.error("holds no links")
    refuse_empty(content, choice.columns, choice.names, codes, lines)
    if bipartite or (bipartite is None and about.two_sides):
        left, left_names = by_appearance(codes[:, 0], choice.names)
        right, right_names = by_appearance(codes[:, 1], choice.names)
        return two_sides(np.column_stack([left, right]), left_names, right_names, lines=lines)
    ends, names = by_appearance(codes, choice.names)
    try:
        directed = about.directed and not ignore_directions
        graph, notes = one_kind(ends, names, lines=lines, directed=directed)
    except ValueError as error:
        raise content.error(str(error)) from error
    if about.perhaps_directed and not ignore_directions and not reciprocal(ends):
        notes.insert(0, "a comment says that the network is directed; directions are not kept")
    return graph, notes


def refuse_empty(
    content: Content,
    columns: tuple[int, int],
    names: list[str],
    codes: np.ndarray,
    lines: np.ndarray,
) -> None:
    """Raise if an end of a link has no name."""
    if "" not in names:
        return
    empty = codes == names.index("")
    bad = [
        (int(line), f"field {columns[0 if row[0] else 1] + 1} is empty")
        for line, row in zip(lines[empty.any(axis=1)], empty[empty.any(axis=1)], strict=True)
    ]
    if bad:
        raise content.error(reasons(bad))


def unread(table: Table, choice: Choice) -> str:
    """Return a sentence on the columns that are not read, or none where they say nothing."""
    others = [column for column in range(table.width) if column not in choice.columns]
    start = int(choice.header)
    if not others or len(table) <= start:
        return ""
    row = table.row(start)
    if not any(_is_data(row[column]) for column in others) and not any(
        _is_data(name) for column in others for name in table.factored([column])[1]
    ):
        return ""
    first, second = (column + 1 for column in choice.columns)
    read = f"the first 2 of {table.width} columns"
    if (first, second) != (1, 2):
        read = f"columns {first} and {second} of {table.width}"
    return f"only {read} are read: no weights"


def _is_data(field: str) -> bool:
    """Whether a field after the second says something that the graph will not hold."""
    return field not in ("", "{}")
