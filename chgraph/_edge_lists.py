"""Edge lists in text files: what separates fields, what is a header, what a line may hold."""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np

from chgraph.bipartite import BipartiteGraph
from chgraph.graph import as_network
from chgraph.monopartite import Graph

Fields = list[str]
Bad = list[tuple[int, str]]

_SEPARATORS = ("\t", ";", ",")
_SAMPLE = 100  # lines that tell the separator
_SHOWN = 5  # line numbers in a message
_INTEGER = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
_MISSING = {"", "na", "nan", "none", "null", "nil"}
_COLUMN_PAIRS = {
    *(("source", "target"), ("from", "to"), ("left", "right"), ("src", "dst"), ("start", "end")),
    *(("head", "tail"), ("tail", "head"), ("u", "v"), ("i", "j")),
    *(("user", "item"), ("user", "movie"), ("drug", "target"), ("gene", "disease")),
    *(("author", "paper"), ("plant", "pollinator"), ("predator", "prey"), ("host", "parasite")),
    *(
        (f"{what}{one}", f"{what}{two}")
        for what in ("node", "vertex", "id", "name", "protein", "gene", "interactor")
        for one, two in ("12", "ab")
    ),
}


@dataclass(frozen=True)
class _Columns:
    """The first two fields of every line as numbers of names, the first line included.

    The first line may turn out to be a header, which only the lines after it can tell.
    """

    top: Fields
    width: int
    first: np.ndarray
    second: np.ndarray
    lines: np.ndarray
    first_names: list[str]
    second_names: list[str]
    third_is_number: bool
    more_than_two: bool

    def has_header(self) -> bool:
        """Whether the first line names the columns; the rule stands in `read_network`."""
        below = [
            {names[i] for i in np.unique(codes[1:])}
            for names, codes in (
                (self.first_names, self.first),
                (self.second_names, self.second),
            )
        ]
        pair = tuple(_column_word(name) for name in self.top[:2])
        if pair in _COLUMN_PAIRS and not set(self.top[:2]) & (below[0] | below[1]):
            return True
        if any(_is_number(name) for name in self.top[:3]) or self.lines.size < 2:
            return False
        return self.third_is_number or any(all(map(_is_number, names)) for names in below)

    def without_first_line(self) -> _Columns:
        """Return the columns below the first line, and only the names that stand there."""
        first, first_names = _used(self.first[1:], self.first_names)
        second, second_names = _used(self.second[1:], self.second_names)
        return replace(
            self,
            first=first,
            first_names=first_names,
            second=second,
            second_names=second_names,
            lines=self.lines[1:],
        )


def read_edge_list(
    path: Path, content: bytes, *, bipartite: bool | None, header: bool | None
) -> tuple[Graph | BipartiteGraph, list[str]]:
    """Return the network of an edge list, and what of the file is not in it.

    Raises
    ------
    ValueError
        If lines are malformed (with their numbers), or the file holds no link.
    """
    if b"\0" in content:
        raise ValueError(f"{path}: is no text in UTF-8: it holds NUL bytes")
    raw = content.removeprefix(b"\xef\xbb\xbf").splitlines()
    konect = _konect_format(raw)
    if konect == b"asym":
        raise ValueError(
            f"{path}: the network is directed (% asym); to ignore directions, let its first line "
            "begin with % sym"
        )
    matrix = _zeros_and_ones(raw) if header is not True else None
    if matrix is not None:
        return as_network(matrix, bipartite), []
    bad: Bad = []
    columns = _read_columns(raw, bad, any_space=konect is not None)
    if bad:
        raise ValueError(f"{path}: {_reasons(bad)}")
    if columns is not None and (columns.has_header() if header is None else header):
        columns = columns.without_first_line()
    if columns is None or not columns.lines.size:
        raise ValueError(f"{path}: holds no links")
    build = _two_sides if bipartite or (bipartite is None and konect == b"bip") else _one_kind
    graph, notes = build(columns)
    if columns.more_than_two:
        notes.insert(0, f"only the first 2 of {columns.width} columns are read: no weights")
    return graph, [f"{path}: {note}" for note in notes]


# ------------------------------------------------------------------------------- reading


def _read_columns(raw: Sequence[bytes], bad: Bad, *, any_space: bool) -> _Columns | None:
    """Return the columns, None without a line of two fields; malformed lines go to `bad`."""
    sample = [text for _, text in islice(_content(raw, []), _SAMPLE)]
    split: Callable[[str], Fields] = str.split if any_space else _splitter(sample)
    rows = _rows(raw, split, bad)
    top = next(rows, None)
    if top is None:
        return None
    width, may_number = len(top[1]), len(top[1]) > 2 and _may_name_numbers(top[1][2])
    left: dict[str, int] = {}
    right: dict[str, int] = {}
    first, second, lines, more = array("q"), array("q"), array("q"), False
    for number, fields in chain([top], rows):
        if len(fields) != width:
            expected = f"{width} fields, as in line {top[0]}"
            bad.append((number, f"expected {expected}, got {len(fields)}"))
            continue
        first.append(left.setdefault(fields[0], len(left)))
        second.append(right.setdefault(fields[1], len(right)))
        lines.append(number)
        if width > 2:
            may_number = may_number and (number == top[0] or _may_be_number(fields[2]))
            more = more or any(map(_is_data, fields[2:]))
    return _Columns(
        *(top[1], width, np.array(first), np.array(second), np.array(lines)),
        *(list(left), list(right), may_number, more),
    )


def _konect_format(raw: Sequence[bytes]) -> bytes | None:
    """Return "sym", "asym" or "bip" of a file of the KONECT collection; None of any other."""
    top = next((line for line in raw if line.strip()), b"")
    match = re.match(rb"\s*%\s*(sym|asym|bip)\b", top, re.IGNORECASE)
    return None if match is None else match[1].lower()


def _zeros_and_ones(raw: Sequence[bytes]) -> np.ndarray | None:
    """Return a matrix of 0 and 1 written as text; None if the lines are anything else.

    Of two columns they may as well be links; of three, of all lines, they are a matrix.
    """
    rows = []
    for line in raw:
        text = re.sub(rb"[,;\t]", b" ", line)
        if not text.strip():
            continue
        if re.fullmatch(rb"\s*[01](\s+[01]){2,}\s*", text) is None:
            return None
        rows.append(text.split())
    if len(rows) < 3 or len({len(row) for row in rows}) > 1:
        return None
    return np.array(rows) == b"1"


def _content(raw: Sequence[bytes], bad: Bad) -> Iterator[tuple[int, str]]:
    """Yield number and text of every line that is neither blank nor a comment."""
    for number, line in enumerate(raw, 1):
        start = line.lstrip()[:1]
        if not start or start in b"#%":
            continue
        try:
            yield number, line.decode().strip(" ")
        except UnicodeDecodeError:
            bad.append((number, "bytes that are no UTF-8 text"))


def _rows(
    raw: Sequence[bytes], split: Callable[[str], Fields], bad: Bad
) -> Iterator[tuple[int, Fields]]:
    """Yield number and fields of every line that has two named nodes."""
    for number, text in _content(raw, bad):
        try:
            fields = split(text)
        except csv.Error:
            bad.append((number, "a quotation mark that is not closed"))
            continue
        if len(fields) < 2:
            bad.append((number, f"expected 2 fields or more, got {len(fields)}"))
        elif not (fields[0] and fields[1]):
            bad.append((number, f"field {1 if not fields[0] else 2} is empty"))
        else:
            yield number, fields


def _splitter(sample: Sequence[str]) -> Callable[[str], Fields]:
    """Return what splits a line: at the separator that more than half of the sample holds."""
    without_data = [_fold_data(text) for text in sample]
    separator = next(
        (s for s in _SEPARATORS if 2 * sum(s in text for text in without_data) > len(sample)), None
    )

    def split(text: str) -> Fields:
        if text.endswith("}"):
            text = _fold_data(text)
        if '"' in text:
            return _split_quoted(text, separator)
        return text.split() if separator is None else [f.strip() for f in text.split(separator)]

    return split


def _split_quoted(text: str, separator: str | None) -> Fields:
    if separator is None:
        text, separator = " ".join(text.split()), " "
    reader = csv.reader([text], delimiter=separator, skipinitialspace=True, strict=True)
    return [field.strip() for field in next(reader)]


def _fold_data(text: str) -> str:
    """Shorten the dictionary with which networkx ends the lines of its edge lists."""
    if not text.endswith("}") or "{" not in text:
        return text
    start = text.index("{")
    return text[:start] + ("{}" if text[start:] == "{}" else "{...}")


# ------------------------------------------------------------------------------- meaning


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def _may_be_number(text: str) -> bool:
    """Whether a field of a column of numbers can be this: a number, or that there is none."""
    return _is_number(text) or text.lower() in _MISSING


def _is_data(field: str) -> bool:
    """Whether a field after the second says something that the graph will not hold."""
    return field not in ("", "{}")


def _may_name_numbers(field: str) -> bool:
    """Whether a field can be the name of a column of numbers."""
    return field[:1].isalpha() and field.lower() not in _MISSING


def _column_word(name: str) -> str:
    """Return the name of a column in small letters, without marks and "id" or "node" behind."""
    letters = re.sub(r"[\W_]+", "", name.lower())
    return re.sub(r"(?<=.)(id|node|name)+$", "", letters)


def _used(codes: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Return codes and names without the names that no code stands for."""
    used, codes = np.unique(codes, return_inverse=True)
    return codes, [names[i] for i in used]


def _node_order(codes: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, list[Hashable]]:
    """Return codes and names in node order: integers ascending, others as they are."""
    if not all(_INTEGER.fullmatch(name) for name in names):
        return codes, list(names)
    integers, rank = np.unique(np.array([int(name) for name in names]), return_inverse=True)
    return rank[codes], integers.tolist()


def _one_kind(columns: _Columns) -> tuple[Graph, list[str]]:
    number = {name: i for i, name in enumerate(columns.first_names)}
    of_second = np.array([number.setdefault(name, len(number)) for name in columns.second_names])
    ends = np.stack([columns.first, of_second[columns.second]], axis=1)
    # Numbered by first appearance, reading each line from left to right.
    _, place, codes = np.unique(ends.ravel(), return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(place))
    names = list(number)
    by_place = [names[i] for i in ends.ravel()[np.sort(place)]]
    codes, ordered = _node_order(rank[codes], by_place)
    ends = np.sort(codes.reshape(-1, 2), axis=1)
    loops = ends[:, 0] == ends[:, 1]
    kept, lines = ends[~loops], columns.lines[~loops]
    _, new = np.unique(kept[:, 0] * len(ordered) + kept[:, 1], return_index=True)
    notes = [
        *_left_out("self-loop", "left out", columns.lines[loops]),
        *_left_out("repeated link", "counted once", np.delete(lines, new)),
    ]
    return Graph.from_links(kept[new, 0], kept[new, 1], len(ordered), names=ordered), notes


def _two_sides(columns: _Columns) -> tuple[BipartiteGraph, list[str]]:
    left, left_names = _node_order(columns.first, columns.first_names)
    right, right_names = _node_order(columns.second, columns.second_names)
    shape = len(left_names), len(right_names)
    _, new = np.unique(left * shape[1] + right, return_index=True)
    graph = BipartiteGraph.from_links(
        left[new], right[new], shape, left_names=left_names, right_names=right_names
    )
    return graph, _left_out("repeated link", "counted once", np.delete(columns.lines, new))


# ------------------------------------------------------------------------------ messages


def _left_out(what: str, done: str, lines: np.ndarray) -> list[str]:
    """Return a sentence on the lines that bring nothing, or none."""
    if not lines.size:
        return []
    shown = ", ".join(str(line) for line in lines[:_SHOWN])
    more = ", ..." if lines.size > _SHOWN else ""
    plural, verb = ("", "is") if lines.size == 1 else ("s", "are")
    return [f"{lines.size:,} {what}{plural} {verb} {done} (line{plural} {shown}{more})"]


def _reasons(bad: Bad) -> str:
    listed = [f"line {number}: {reason}" for number, reason in sorted(bad)[:_SHOWN]]
    if len(bad) > _SHOWN:
        listed.append(f"and {len(bad) - _SHOWN:,} more lines")
    return "; ".join(listed)
