"""Lines of fields: two ways to the same table, field by field or in numpy for plain long files."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from chgraph.files.separators import Separator

Fields = list[str]
Bad = list[tuple[int, str]]

_SHOWN = 5  # line numbers in a message
_SAMPLE_BYTES = 2**20
_COMMENT = b"#%"
_PLAIN = bytes([9, 10, *range(32, 127), *range(128, 256)])
# White space beyond ASCII, or how it begins: Python strips it from the ends of fields.
_WIDE_BLANKS = (
    b"\xc2\x85",
    b"\xc2\xa0",
    b"\xe1\x9a\x80",
    b"\xe2\x80",
    b"\xe2\x81",
    b"\xe3\x80\x80",
)
_BLANKS = 2  # around a field at most
_WORD = 8  # bytes in a machine word
_ODD = np.uint64(0x9E3779B97F4A7C15)
_MOST_WORDS = 4  # names longer than 32 bytes are compared one by one


@dataclass(frozen=True)
class Table:
    """Rows of equally many fields.

    Attributes
    ----------
    width : int
        Fields in a row.
    lines : ndarray of int64
        The number of the line of every row, from 1.
    fields : callable
        ``fields(rows, columns)`` are fields as text, row by row.
    factored : callable
        ``factored(columns)`` are the numbers of names, one column per column, and the names.
    """

    width: int
    lines: np.ndarray
    fields: Callable[[slice, slice], Fields]
    factored: Callable[[Sequence[int]], tuple[np.ndarray, Fields]]

    def __len__(self) -> int:
        return int(self.lines.size)

    def row(self, number: int) -> Fields:
        """Return a row as text."""
        return self.fields(slice(number, number + 1), slice(None))

    def column(self, number: int, start: int = 0) -> Fields:
        """Return a column as text, from row `start` on."""
        return self.fields(slice(start, None), slice(number, number + 1))


def read_table(data: bytes, separator: Separator, bad: Bad) -> Table | None:
    """Return the fields of all lines that are neither blank nor comments.

    Lines whose number of fields is not that of the first go to `bad`; None if no line is left.
    """
    table = _plain_table(data, separator)
    return _careful_table(data, separator, bad) if table is None else table


def content_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and text of every line that is neither blank nor a comment."""
    for number, line in enumerate(data.splitlines(), 1):
        start = line.lstrip()[:1]
        if start and start not in _COMMENT:
            yield number, line


def comment_lines(data: bytes) -> list[tuple[int, str]]:
    """Return number and text of the comments, ``#`` or ``%`` and all."""
    if b"#" not in data and b"%" not in data:
        return []
    return [
        (number, line.strip().decode(errors="replace"))
        for number, line in enumerate(data.splitlines(), 1)
        if (start := line.lstrip()[:1]) and start in _COMMENT
    ]


def sample_lines(data: bytes, count: int) -> list[str]:
    """Return the first lines of content as text."""
    start = data[:_SAMPLE_BYTES]
    if len(start) < len(data):
        start = start[: max(start.rfind(b"\n"), start.rfind(b"\r"), 0)]
    lines = list(islice(content_lines(start), count)) or list(islice(content_lines(data), count))
    return [line.decode(errors="replace").strip(" ") for _, line in lines]


def reasons(bad: Bad) -> str:
    """Return what is wrong with the first lines, in a sentence."""
    listed = [f"line {number}: {reason}" for number, reason in sorted(bad)[:_SHOWN]]
    if len(bad) > _SHOWN:
        listed.append(f"and {len(bad) - _SHOWN:,} more lines")
    return "; ".join(listed)


def some_lines(lines: np.ndarray) -> str:
    """Return "line 3" or "lines 3, 4, ..."."""
    shown = ", ".join(str(line) for line in lines[:_SHOWN])
    more = ", ..." if lines.size > _SHOWN else ""
    return f"line{'' if lines.size == 1 else 's'} {shown}{more}"


# ------------------------------------------------------------------------- field by field


def _careful_table(data: bytes, separator: Separator, bad: Bad) -> Table | None:
    tokens: Fields = []
    lines: list[int] = []
    width = 0
    for number, fields in _split_lines(data, separator, bad):
        width = width or len(fields)
        if len(fields) != width:
            first = lines[0]
            bad.append((number, f"expected {width} fields, as in line {first}, got {len(fields)}"))
            continue
        tokens += fields
        lines.append(number)
    return table_of(tokens, np.array(lines, dtype=np.int64)) if lines else None


def table_of(tokens: Fields, lines: np.ndarray) -> Table:
    """Return the table of fields given row by row."""
    width = len(tokens) // lines.size

    def fields(rows: slice, columns: slice) -> Fields:
        first, last, _ = rows.indices(lines.size)
        left, right, _ = columns.indices(width)
        if right - left == 1:
            return tokens[first * width + left : last * width : width]
        starts = range(first * width, last * width, width)
        return [f for start in starts for f in tokens[start + left : start + right]]

    def factored(columns: Sequence[int]) -> tuple[np.ndarray, Fields]:
        number: dict[str, int] = {}
        ends = [""] * (lines.size * len(columns))
        for place, column in enumerate(columns):
            ends[place :: len(columns)] = tokens[column::width]
        codes = np.fromiter((number.setdefault(e, len(number)) for e in ends), np.int64, len(ends))
        return codes.reshape(-1, len(columns)), list(number)

    return Table(width, lines, fields, factored)


def _split_lines(data: bytes, separator: Separator, bad: Bad) -> Iterator[tuple[int, Fields]]:
    for number, line in content_lines(data):
        try:
            fields = separator.split(line.decode().strip(" "))
        except UnicodeDecodeError:
            bad.append((number, "bytes that are not UTF-8 text"))
        except csv.Error:
            bad.append((number, "a quotation mark that is not closed"))
        else:
            if len(fields) < 2:
                bad.append((number, f"expected 2 fields or more, got {len(fields)}"))
            else:
                yield number, fields


# ------------------------------------------------------------------------------- in numpy


def _plain_table(data: bytes, separator: Separator) -> Table | None:
    """Return the table of a plain file, with comments above the links at most; else None."""
    if separator.mixed and separator.mark != "\t":
        return None
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    top = re.match(rb"(?:[ \t]*(?:[#%][^\n]*)?\n)*", data)
    above = 0 if top is None else data.count(b"\n", 0, top.end())
    body = data if top is None else data[top.end() :]
    body = body.rstrip(b" \t\n") if separator.white else body.rstrip(b" \n")
    odd = any(mark in body for mark in (b"#", b"%", b'"', b"{", b"}"))
    if not body or odd or body.translate(None, _PLAIN) or not _is_plain_utf8(body):
        return None
    bounds = _white_bounds(body) if separator.white else _marked_bounds(body, separator.mark or "")
    if bounds is None:
        return None
    starts, ends = bounds
    lines = np.arange(above + 1, above + 1 + starts.shape[0])
    return _numpy_table(body, starts, ends, lines)


def _is_plain_utf8(body: bytes) -> bool:
    if body.isascii():
        return True
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return not any(blank in body for blank in _WIDE_BLANKS)


def _white_bounds(body: bytes) -> tuple[np.ndarray, np.ndarray] | None:
    """Return where the fields between white space begin and end, one row per line."""
    text = np.frombuffer(body, dtype=np.uint8)
    white = text <= 32
    turns = np.flatnonzero(white[1:] != white[:-1]) + 1
    first = [] if white[0] else [0]
    places = np.concatenate([first, turns, [text.size]]).astype(np.int64)
    starts, ends = places[0::2], places[1::2]
    line_ends = np.append(np.flatnonzero(text == 10), text.size)
    width = int(np.searchsorted(starts, line_ends[0]))
    if width < 2 or starts.size != width * line_ends.size:
        return None
    starts, ends = starts.reshape(-1, width), ends.reshape(-1, width)
    # Each line's fields lie between the ends of the line before and of its own.
    if (starts[:, -1] > line_ends).any() or (starts[1:, 0] < line_ends[:-1]).any():
        return None
    return starts, ends


def _marked_bounds(body: bytes, mark: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return where the fields between separators begin and end, without the blanks around."""
    text = np.frombuffer(body, dtype=np.uint8)
    marks = np.flatnonzero((text == ord(mark)) | (text == 10))
    places = np.append(marks, text.size)
    is_line_end = np.append(text[marks] == 10, True)
    width = int(np.flatnonzero(is_line_end)[0]) + 1
    if width < 2 or places.size % width:
        return None
    by_line = is_line_end.reshape(-1, width)
    if not by_line[:, -1].all() or by_line[:, :-1].any():
        return None
    starts, ends = np.append(0, marks + 1), places.copy()
    blank = np.append((text == 32) | (text == 9), False)
    for _ in range(_BLANKS):
        starts += blank[starts] & (starts < ends)
        ends -= blank[ends - 1] & (starts < ends)
    if ((blank[starts] | blank[ends - 1]) & (starts < ends)).any():
        return None
    if (starts == ends).reshape(-1, width).all(axis=1).any():  # a line of separators alone
        return None
    return starts.reshape(-1, width), ends.reshape(-1, width)


def _numpy_table(body: bytes, starts: np.ndarray, ends: np.ndarray, lines: np.ndarray) -> Table:
    def texts(first: np.ndarray, last: np.ndarray) -> Fields:
        bounds = zip(first.tolist(), last.tolist(), strict=True)
        return [body[one:two].decode() for one, two in bounds]

    def fields(rows: slice, columns: slice) -> Fields:
        return texts(starts[rows, columns].ravel(), ends[rows, columns].ravel())

    def factored(columns: Sequence[int]) -> tuple[np.ndarray, Fields]:
        first, last = starts[:, columns].ravel(), ends[:, columns].ravel()
        codes, examples = _factored(body, first, last - first)
        names = texts(first[examples], last[examples])
        return codes.reshape(-1, len(columns)), names

    return Table(int(starts.shape[1]), lines, fields, factored)


def _factored(body: bytes, starts: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a number per field, equal where the bytes are, and a field of each number."""
    count = -(-int(sizes.max(initial=1)) // _WORD)
    if count <= _MOST_WORDS:
        padded = body + bytes(_WORD * count)
        words = [_words(padded, starts, sizes, place) for place in range(count)]
        # One word stands for all; that equal ones mean equal names is checked, not trusted.
        mixed = words[0]
        for word in words[1:]:
            mixed = (mixed ^ (mixed >> np.uint64(29))) * _ODD + word
        codes = np.unique(mixed, return_inverse=True)[1]
        examples = _examples(codes)
        same = examples[codes]
        if count == 1 or all(np.array_equal(word, word[same]) for word in words):
            return codes, examples
    number: dict[bytes, int] = {}
    bounds = zip(starts.tolist(), (starts + sizes).tolist(), strict=True)
    pieces = (body[first:last] for first, last in bounds)
    codes = np.fromiter((number.setdefault(p, len(number)) for p in pieces), np.int64)
    return codes, _examples(codes)


def _examples(codes: np.ndarray) -> np.ndarray:
    """Return a place of every code."""
    examples = np.empty(int(codes.max()) + 1, dtype=np.int64)
    examples[codes] = np.arange(codes.size)
    return examples


def _words(body: bytes, starts: np.ndarray, sizes: np.ndarray, place: int) -> np.ndarray:
    """Return eight bytes of every field as a number, from byte ``8 * place`` on."""
    every = np.ndarray((len(body) - _WORD + 1,), dtype="<u8", buffer=body, strides=(1,))
    held = np.clip(sizes - _WORD * place, 0, _WORD)
    words = every[np.where(held > 0, starts + _WORD * place, 0)]
    # Bytes behind the end of the field are not its own; a shift by 64 bits is none at all.
    return np.where(held > 0, words & (~np.uint64(0) >> ((_WORD - held) * 8 % 64).astype("u8")), 0)
