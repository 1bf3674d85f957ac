"""Which two columns of an edge list hold the ends of the links, and whether line 1 names them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from chgraph.files.opening import Content
from chgraph.files.separators import Separator
from chgraph.files.tables import Fields, Table, some_lines
from chgraph.files.words import (
    are_numbers,
    is_column_pair,
    is_missing,
    is_number,
    looks_like_a_column,
    may_name_numbers,
)

_TITLES = 50  # columns that may be the ends of links
# The first line of the networks of konect.cc and of networkrepository.com.
KONECT = re.compile(rb"\s*%\s*(bip|sym|asym)\b", re.IGNORECASE)
# Kinds of interaction that Cytoscape's SIF puts between the two nodes.
RELATIONS = {"pp", "pd", "pr", "rc", "cr", "gl", "pm", "mp", "gg", "dp", "gd"}


@dataclass(frozen=True)
class Wish:
    """What the caller says of the columns: names, or numbers from 1; None is to be found out."""

    header: bool | None = None
    source: int | str | None = None
    target: int | str | None = None

    @property
    def columns(self) -> bool:
        """Whether columns are named."""
        return self.source is not None


@dataclass(frozen=True)
class Choice:
    """Two columns, their fields as numbers of names, and whether the first row is a header."""

    columns: tuple[int, int]
    header: bool
    codes: np.ndarray
    names: Fields
    notes: tuple[str, ...] = ()


def choose_columns(
    content: Content,
    table: Table,
    comments: list[tuple[int, str]],
    wish: Wish,
    separator: Separator,
) -> Choice:
    """Return the columns of the two ends.

    Raises
    ------
    ValueError
        If there is no such column.
    """
    top = table.row(0)
    title = _title(table, comments, separator)
    if wish.columns:
        return _chosen(content, table, title, wish)
    columns = _named_pair(title) or (0, 1)
    index = not top[0] and table.width > 2  # a column of row numbers, as pandas writes it
    if index and wish.header is None:
        columns, wish = (1, 2), replace(wish, header=True)
    if wish.header is not False and not is_column_pair(*top[:2]):
        columns = _pair_of_top(table, top) or _sif_columns(table) or columns
    codes, names = table.factored(columns)
    if wish.header is not None:
        return Choice(columns, wish.header, codes, names)
    header = _has_header(table, top, columns, codes, names)
    note = "" if header else _suspicion(table, top, columns, codes)
    return Choice(columns, header, codes, names, (note,))


def comment_notes(
    comments: list[tuple[int, str]], table: Table, separator: Separator, choice: Choice
) -> list[str]:
    """Return a warning of comments that may be links: as many fields as the data have."""
    if not table.lines.size:
        return []
    start, suspects = int(table.lines[0]), []
    for number, text in comments:
        fields = _comment_fields(text, separator, table.width)
        glued = not text[1:2].isspace()
        if not fields or (number < start and (not glued or KONECT.match(text.encode()))):
            continue
        if number < start and any(
            is_column_pair(*pair) for pair in combinations(fields[:_TITLES], 2)
        ):
            continue
        suspects.append(number)
    if not suspects:
        return []
    lines = some_lines(np.array(suspects))
    plural, have = ("", "has") if len(suspects) == 1 else ("s", "have")
    return [
        f"{len(suspects):,} comment{plural} ({lines}) {have} {table.width} fields as the links "
        "have; a line that begins with # or % is left out"
    ]


def _comment_fields(text: str, separator: Separator, width: int) -> Fields:
    try:
        fields = separator.split(text[1:].strip(" "))
    except Exception:  # quotation marks; it is only a comment
        return []
    return fields if len(fields) == width and all(fields[:2]) else []


def _title(table: Table, comments: list[tuple[int, str]], separator: Separator) -> Fields:
    """Return the fields of the comment right above the first row, if it has as many."""
    above = [text for number, text in comments if number == table.lines[0] - 1]
    return _comment_fields(above[0], separator, table.width) if above else []


def _chosen(content: Content, table: Table, title: Fields, wish: Wish) -> Choice:
    top = table.row(0)
    ends = (("source", wish.source), ("target", wish.target))
    by_name = [end for _, end in ends if isinstance(end, str)]
    header = wish.header
    titles = top
    if by_name:
        if header is None:
            header = all(name in top for name in by_name)
        if not header:
            titles = title
    source, target = (_column(content, name, end, table, titles) for name, end in ends)
    if source == target:
        raise content.error(f"source and target are both column {source + 1}")
    codes, names = table.factored((source, target))
    if header is None:
        header = _has_header(table, top, (source, target), codes, names)
    return Choice((source, target), header, codes, names)


def _column(
    content: Content, name: str, end: int | str | None, table: Table, titles: Fields
) -> int:
    if isinstance(end, str):
        if titles.count(end) == 1:
            return titles.index(end)
        there = ", ".join(map(repr, titles or table.row(0)))
        found = "names two columns" if end in titles else "is not a column"
        raise content.error(f"{name}={end!r} {found}; line {table.lines[0]} has {there}")
    assert end is not None
    if not 1 <= end <= table.width:
        raise content.error(f"{name} must be a column from 1 to {table.width}, got {end}")
    return end - 1


def _named_pair(titles: Fields) -> tuple[int, int] | None:
    """Return the one pair of columns whose titles are a usual pair."""
    titles = titles[:_TITLES]
    pairs = [
        (i, j)
        for i, j in combinations(range(len(titles)), 2)
        if is_column_pair(titles[i], titles[j])
    ]
    return pairs[0] if len(pairs) == 1 else None


def _pair_of_top(table: Table, top: Fields) -> tuple[int, int] | None:
    """Return the one pair of columns that the first row names, if no node has such a name."""
    pair = _named_pair(top)
    if pair is None or len(table) < 2:
        return None
    codes, _ = table.factored(pair)
    return None if np.isin(codes[1:], codes[0]).any() else pair


def _sif_columns(table: Table) -> tuple[int, int] | None:
    """Return the outer columns of ``A pp B``."""
    if table.width != 3 or table.row(0)[1] not in RELATIONS or is_number(table.row(0)[2]):
        return None
    return (0, 2) if RELATIONS.issuperset(table.factored([1])[1]) else None


def _has_header(
    table: Table, top: Fields, columns: tuple[int, int], codes: np.ndarray, names: Fields
) -> bool:
    """Whether the first row names the columns; the rule stands in `read_network`."""
    first, second = columns
    nodes = bool(np.isin(codes[1:], codes[0]).any())
    if is_column_pair(top[first], top[second]) and not nodes:
        return True
    third = next((c for c in range(table.width) if c not in columns), None)
    checked = [*columns] if third is None else [*columns, third]
    if len(table) < 2 or any(is_number(top[column]) for column in checked):
        return False
    if third is not None and may_name_numbers(top[third]):
        numbers, missing = _numbers_and_missing(table, third)
        if missing == 0 < numbers or (missing < numbers and not nodes):
            return True
    return any(are_numbers([names[i] for i in np.unique(codes[1:, k])]) for k in (0, 1))


def _numbers_and_missing(table: Table, column: int) -> tuple[int, int]:
    """Return how many fields below line 1 are numbers and how many missing; 0, 0 if others are."""
    codes, names = table.factored([column])
    counts = np.bincount(codes[1:, 0], minlength=len(names))
    missing = [i for i in np.flatnonzero(counts) if is_missing(names[i])]
    present = np.setdiff1d(np.flatnonzero(counts), missing)
    if not are_numbers([names[i] for i in present]):
        return 0, 0
    return int(counts[present].sum()), int(counts[missing].sum())


def _suspicion(table: Table, top: Fields, columns: tuple[int, int], codes: np.ndarray) -> str:
    """Return a warning if line 1 may name the columns: its names alone stand nowhere else."""
    first, second = (top[column] for column in columns)
    below = codes[1:]
    if len(table) < 4 or not (looks_like_a_column(first) and looks_like_a_column(second)):
        return ""
    if first == second or any(map(is_number, top)) or np.isin(below, codes[0]).any():
        return ""
    often = np.bincount(below.ravel())[below] > 1
    if often.any(axis=1).mean() < 0.5:
        return ""
    return (
        f"line {table.lines[0]} ({first!r}, {second!r}) is read as a link, though no other line "
        "has these names; header=True (--header yes) takes it for the names of the columns, "
        "header=False (--header no) says that it is a link"
    )
