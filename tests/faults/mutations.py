"""Files damaged at random, and by somebody who knows the format."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

# What parsers have stumbled over: huge, negative, odd numbers, quotes, entities, control bytes.
_WORDS = (
    b"4294967296 9223372036854775807 18446744073709551616 -1 0 1e308 nan inf 1e999"
    b" 99999999999999999999999 2147483648 0x10 1_000 \xff\xfe \xef\xbb\xbf \x00 \" ' < > & ; ,"
    b" \t \r \n [ { ]] }} &amp; &x; <!-- ]]> <![CDATA[ <!DOCTYPE <!ENTITY % # %% *Edges *Arcs"
    b" directed node edge"
).split(b" ")


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a file with one to four changes."""
    for _ in range(int(rng.integers(1, 5))):
        change = _CHANGES[int(rng.integers(len(_CHANGES)))]
        content = change(content, rng)
    return content


def _place(content: bytes, rng: np.random.Generator) -> int:
    return int(rng.integers(len(content) + 1))


def _flip(content: bytes, rng: np.random.Generator) -> bytes:
    if not content:
        return content
    copy = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        copy[int(rng.integers(len(copy)))] ^= 1 << int(rng.integers(8))
    return bytes(copy)


def _overwrite(content: bytes, rng: np.random.Generator) -> bytes:
    place = _place(content, rng)
    noise = rng.bytes(int(rng.integers(1, 17)))
    return content[:place] + noise + content[place + len(noise) :]


def _insert(content: bytes, rng: np.random.Generator) -> bytes:
    place = _place(content, rng)
    return content[:place] + rng.bytes(int(rng.integers(1, 17))) + content[place:]


def _delete(content: bytes, rng: np.random.Generator) -> bytes:
    start, stop = sorted((_place(content, rng), _place(content, rng)))
    return content[:start] + content[min(stop, start + int(rng.integers(1, 64))) :]


def _truncate(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: _place(content, rng)]


def _repeat(content: bytes, rng: np.random.Generator) -> bytes:
    start = _place(content, rng)
    piece = content[start : start + int(rng.integers(1, 64))]
    return content[:start] + piece * int(rng.integers(2, 50)) + content[start:]


def _word(content: bytes, rng: np.random.Generator) -> bytes:
    place = _place(content, rng)
    return content[:place] + _WORDS[int(rng.integers(len(_WORDS)))] + content[place:]


def _number(content: bytes, rng: np.random.Generator) -> bytes:
    """Replace a number in the text by another word."""
    found = list(re.finditer(rb"-?\d+(\.\d+)?", content))
    if not found:
        return _overwrite(content, rng)
    one = found[int(rng.integers(len(found)))]
    return content[: one.start()] + _WORDS[int(rng.integers(len(_WORDS)))] + content[one.end() :]


def _integer(content: bytes, rng: np.random.Generator) -> bytes:
    """Write a 4 or 8 byte integer, large or small, over what stands there."""
    size = int(rng.choice([4, 8]))
    value = int(rng.choice([0, 1, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1]))
    order = "little" if rng.random() < 0.5 else "big"
    place = _place(content, rng)
    return content[:place] + value.to_bytes(size, order) + content[place + size :]


def _lines(content: bytes, rng: np.random.Generator) -> bytes:
    lines = content.split(b"\n")
    i, j = (int(rng.integers(len(lines))) for _ in range(2))
    lines[i], lines[j] = lines[j], lines[i]
    return b"\n".join(lines)


_CHANGES: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (
    _flip,
    _overwrite,
    _insert,
    _delete,
    _truncate,
    _repeat,
    _word,
    _number,
    _number,
    _integer,
    _lines,
)
