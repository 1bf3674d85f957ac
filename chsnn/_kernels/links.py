"""Sparse products of a layer on the CPU: every one costs O(links x columns).

Layout. Activations are *feature-major*: ``x[feature, column]`` with the columns (time
step, sample) contiguous, flattened to one dimension. One link then is one contiguous
stream over columns, which SIMD units follow; a torch row-major ``(columns, feature)``
array would make every link a gather. Spikes are one bit per column, ``(feature, word)``
of uint64, 64 columns a word: 32 times less memory traffic than float32.

Determinism. Every output row (or link) is computed by one thread in one fixed order;
threads only share out the rows. ``bounds`` says which rows each thread gets.

All arrays are one-dimensional and C-contiguous; offsets and links int64, neighbors int32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from chgraph.jit import REASSOCIATE, Int, kernel
from chsnn._kernels.simd import (
    SMALL,
    TILE,
    WORD,
    only_spikes,
    real_tile,
    small_tile,
    spike_dot,
    spike_tile,
    spike_word,
    word_tile,
)


@kernel()
def row_bounds(offsets: np.ndarray, parts: Int) -> np.ndarray:
    """Cut the rows into ``parts`` runs of about equal work: links, plus one per row."""
    rows = offsets.size - 1
    bounds = np.zeros(parts + 1, np.int64)
    total = offsets[rows] + rows
    row = 0
    for part in range(1, parts):
        while row < rows and (offsets[row] + row) * parts < total * part:
            row += 1
        bounds[part] = row
    bounds[parts] = rows
    return bounds


@kernel(parallel=True)
def take(values: np.ndarray, order: np.ndarray, out: np.ndarray) -> None:
    """Put the link values into the order of the other side."""
    for p in prange(order.size):
        out[p] = values[order[p]]


# ---- forward, real-valued input; also the input gradient, with left and right exchanged


@kernel(fastmath=frozenset({"contract"}))
def real_row(
    out: np.ndarray,
    row: Int,
    first: Int,
    last: Int,
    index: np.ndarray,
    weights: np.ndarray,
    x: np.ndarray,
    columns: Int,
    start: Any,
) -> None:
    """Compute one row of :func:`product`."""
    at = row * columns
    column = 0
    while column + TILE <= columns:
        real_tile(out, at + column, index, weights, first, last, x, columns, column, start)
        column += TILE
    while column + WORD <= columns:
        word_tile(out, at + column, index, weights, first, last, x, columns, column, start)
        column += WORD
    while column + SMALL <= columns:
        small_tile(out, at + column, index, weights, first, last, x, columns, column, start)
        column += SMALL
    for c in range(column, columns):
        total = start
        for p in range(first, last):
            total += weights[p] * x[index[p] * columns + c]
        out[at + c] = total


@kernel(parallel=True)
def product(
    bounds: np.ndarray,
    offsets: np.ndarray,
    index: np.ndarray,
    weights: np.ndarray,
    start: np.ndarray,
    x: np.ndarray,
    columns: Int,
    out: np.ndarray,
) -> None:
    """Compute ``out[j] = start[j] + sum over links p of row j of weights[p] * x[index[p]]``."""
    for part in prange(bounds.size - 1):
        for row in range(bounds[part], bounds[part + 1]):
            real_row(
                out, row, offsets[row], offsets[row + 1], index, weights, x, columns, start[row]
            )


# ---- forward, spikes as bits


@kernel()
def _spike_row(
    out: np.ndarray,
    at: Int,
    first: Int,
    last: Int,
    index: np.ndarray,
    weights: np.ndarray,
    bits: np.ndarray,
    words: Int,
    columns: Int,
    start: Any,
    spare: np.ndarray,
) -> None:
    """Compute one row, ``out[at:at+columns]``; ``spare`` holds the last, partial tile."""
    whole = columns // WORD
    for word in range(whole):
        spike_tile(out, at + word * WORD, index, weights, first, last, bits, words, word, start)
    if whole < words:
        spike_tile(spare, 0, index, weights, first, last, bits, words, whole, start)
        for c in range(whole * WORD, columns):
            out[at + c] = spare[c - whole * WORD]


@kernel(parallel=True)
def spike_product(
    bounds: np.ndarray,
    offsets: np.ndarray,
    index: np.ndarray,
    weights: np.ndarray,
    start: np.ndarray,
    bits: np.ndarray,
    words: Int,
    columns: Int,
    out: np.ndarray,
) -> None:
    """Compute :func:`product` of spikes given as bits: a masked add per link and 64 columns."""
    for part in prange(bounds.size - 1):
        spare = np.empty(WORD, out.dtype)
        for row in range(bounds[part], bounds[part + 1]):
            first, last, at = offsets[row], offsets[row + 1], row * columns
            _spike_row(
                out, at, first, last, index, weights, bits, words, columns, start[row], spare
            )


# ---- weight gradient: one number per link, stored at the link's own place


@kernel(fastmath=REASSOCIATE)
def _dot(a: np.ndarray, b: np.ndarray) -> Any:
    total = a.dtype.type(0)
    for c in range(a.size):
        total += a[c] * b[c]
    return total


@kernel(parallel=True)
def link_gradient(
    bounds: np.ndarray,
    offsets: np.ndarray,
    index: np.ndarray,
    links: np.ndarray,
    x: np.ndarray,
    columns: Int,
    g: np.ndarray,
    out: np.ndarray,
) -> None:
    """Compute ``out[links[p]] = g[j] . x[index[p]]``: a dense product sampled at the links."""
    for part in prange(bounds.size - 1):
        for row in range(bounds[part], bounds[part + 1]):
            mine = g[row * columns : (row + 1) * columns]
            for p in range(offsets[row], offsets[row + 1]):
                at = index[p] * columns
                out[links[p]] = _dot(mine, x[at : at + columns])


@kernel()
def _spike_link(g: np.ndarray, at: Int, bits: np.ndarray, word: Int, columns: Int) -> Any:
    """Sum ``g[at:at+columns]`` over the columns in which one input spikes."""
    whole = columns // WORD
    total = spike_dot(g, at, bits, word, whole)
    if whole * WORD < columns:
        rest = bits[word + whole]
        for c in range(whole * WORD, columns):
            if (rest >> np.uint64(c - whole * WORD)) & np.uint64(1):
                total += g[at + c]
    return total


@kernel(parallel=True)
def spike_link_gradient(
    bounds: np.ndarray,
    offsets: np.ndarray,
    index: np.ndarray,
    links: np.ndarray,
    bits: np.ndarray,
    words: Int,
    columns: Int,
    g: np.ndarray,
    out: np.ndarray,
) -> None:
    """Compute :func:`link_gradient` of spikes given as bits."""
    for part in prange(bounds.size - 1):
        for row in range(bounds[part], bounds[part + 1]):
            for p in range(offsets[row], offsets[row + 1]):
                out[links[p]] = _spike_link(g, row * columns, bits, index[p] * words, columns)


@kernel(parallel=True, fastmath=REASSOCIATE)
def row_sums(g: np.ndarray, rows: Int, columns: Int, out: np.ndarray) -> None:
    """Sum every row: the gradient of a bias."""
    for row in prange(rows):
        total = g.dtype.type(0)
        for c in range(row * columns, (row + 1) * columns):
            total += g[c]
        out[row] = total


# ---- packing


@kernel(parallel=True)
def pack_rows(
    x: np.ndarray, rows: Int, columns: Int, bits: np.ndarray, words: Int, ok: np.ndarray
) -> None:
    """Pack a feature-major array to bits; ``ok[row]``: whether it holds only zeros and ones."""
    whole = columns // WORD
    for row in prange(rows):
        at = row * columns
        good = True
        for word in range(whole):
            bits[row * words + word] = spike_word(x, at + word * WORD)
            good &= only_spikes(x, at + word * WORD)
        if whole < words:
            rest = np.uint64(0)
            for c in range(whole * WORD, columns):
                value = x[at + c]
                rest |= np.uint64(value != 0) << np.uint64(c - whole * WORD)
                good &= (value == 0) | (value == 1)
            bits[row * words + whole] = rest
        ok[row] = good


@kernel(parallel=True)
def pack_columns(
    x: np.ndarray, rows: Int, columns: Int, bits: np.ndarray, words: Int, ok: np.ndarray
) -> None:
    """Pack torch's own order, ``x[column, feature]``, and transpose it in the same pass."""
    for word in prange(words):
        found = np.zeros(rows, np.uint64)
        other = False
        first = word * WORD
        for c in range(first, min(columns, first + WORD)):
            line = x[c * rows : (c + 1) * rows]
            bit = np.uint64(1) << np.uint64(c - first)
            for row in range(rows):
                found[row] |= bit if line[row] != 0 else np.uint64(0)
                other |= (line[row] != 0) & (line[row] != 1)
        for row in range(rows):
            bits[row * words + word] = found[row]
        ok[word] = not other


@kernel(parallel=True)
def transpose(x: np.ndarray, rows: Int, columns: Int, out: np.ndarray) -> None:
    """Write ``x[column, feature]`` feature-major, in blocks that use whole cache lines."""
    blocks = (rows + SMALL - 1) // SMALL
    for block in prange(blocks):
        low, high = block * SMALL, min(rows, block * SMALL + SMALL)
        for first in range(0, columns, WORD):
            for row in range(low, high):
                for c in range(first, min(columns, first + WORD)):
                    out[row * columns + c] = x[c * rows + row]
