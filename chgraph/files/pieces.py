"""An edge list piece by piece: for lists that do not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from chgraph.files.columns import Choice, Wish, choose_columns, comment_notes
from chgraph.files.edge_lists import SAMPLE, About, about_list, refuse_empty, unread
from chgraph.files.opening import Content, pieces_of_lines
from chgraph.files.separators import Separator, find_separator
from chgraph.files.tables import Bad, Table, comment_lines, read_table, reasons, sample_lines
from chgraph.files.text_matrices import read_text_matrix

_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")


class EdgeListPieces:
    """The links of an edge list, some at a time.

    Separator, columns, and whether the first line names them, are told from the first piece.

    Parameters
    ----------
    path : Path
    wish : Wish
    size : int
        Bytes of a piece.

    Attributes
    ----------
    about : About
        What the list says of itself.
    notes : list of str
        What is in the first piece but not read.

    Raises
    ------
    ValueError
        If the file is malformed (with the line numbers), holds no links, or is a matrix.
    """

    def __init__(self, path: Path, wish: Wish, size: int) -> None:
        self._path = path
        self._pieces = pieces_of_lines(path, size)
        first, table = self._first_piece()
        comments = comment_lines(first)
        self.about: About = about_list(first, comments)
        may_be_matrix = wish.header is None and not (wish.columns or self.about.konect)
        if may_be_matrix and read_text_matrix(table) is not None:
            raise ValueError(f"{path}: is a matrix as text; chgraph.read_network reads it")
        self._width = table.width
        content = Content(path, path.suffix, b"")
        self._choice: Choice = choose_columns(content, table, comments, wish, self._separator)
        notes = [
            self._remark,
            *self._choice.notes,
            *comment_notes(comments, table, self._separator, self._choice),
            unread(table, self._choice),
        ]
        self.notes = [f"{path}: {note}" for note in notes if note]
        self._top, self._lines = table, first.count(b"\n") or len(first.splitlines())

    def __iter__(self) -> Iterator[tuple[np.ndarray, list[str]]]:
        """Yield the ends of links, (n, 2), as places in a list of names, and that list."""
        start = int(self._choice.header)
        yield from self._checked(
            self._choice.codes[start:], self._choice.names, self._top.lines[start:], 0
        )
        for piece in self._pieces:
            table = self._table(piece, self._lines)
            if table is not None:
                codes, names = table.factored(self._choice.columns)
                yield from self._checked(codes, names, table.lines, self._lines)
            self._lines += piece.count(b"\n") or len(piece.splitlines())

    def _first_piece(self) -> tuple[bytes, Table]:
        """Return the bytes up to the end of the first piece with links, and their table."""
        first = b""
        for piece in self._pieces:
            if not first and piece.startswith(_WIDE_MARKS):
                raise ValueError(f"{self._path}: is UTF-16; save it as UTF-8 to read it in pieces")
            first += piece
            sample = sample_lines(first, SAMPLE)
            if sample:
                self._separator: Separator
                self._separator, self._remark = find_separator(sample)
                self._width = 0
                table = self._table(first, 0)
                assert table is not None
                return first, table
        raise ValueError(f"{self._path}: holds no links")

    def _table(self, piece: bytes, lines_before: int) -> Table | None:
        place = piece.find(b"\0")
        if place >= 0:
            line = lines_before + len(piece[: place + 1].splitlines())
            raise ValueError(f"{self._path}: line {line}: a NUL byte; this is not text")
        bad: Bad = []
        table = read_table(Content(self._path, "", piece).text(), self._separator, bad)
        if bad:
            bad = [(line + lines_before, reason) for line, reason in bad]
            raise ValueError(f"{self._path}: {reasons(bad)}")
        if table is not None and self._width and table.width != self._width:
            raise ValueError(
                f"{self._path}: line {int(table.lines[0]) + lines_before}: expected {self._width} "
                f"fields, as in the first line, got {table.width}"
            )
        return table

    def _checked(
        self, codes: np.ndarray, names: list[str], lines: np.ndarray, lines_before: int
    ) -> Iterator[tuple[np.ndarray, list[str]]]:
        content = Content(self._path, "", b"")
        refuse_empty(content, self._choice.columns, names, codes, lines + lines_before)
        if len(codes):
            yield codes, names
