"""Vector primitives the compiler does not find by itself, as numba intrinsics.

Why by hand: a spike row is one bit per column, and one masked add per 16 columns
(``acc[mask] += w``) needs no load of the activations at all. LLVM emits that
instruction for ``select(mask, acc + w, acc)`` on a vector of 64 lanes, but never
for a scalar loop over bits. The accumulators stay in registers over all links of
a row, which a loop over links around a loop over columns does not reach either.

Each primitive is a plain Python function, which is its specification and what runs
under ``NUMBA_DISABLE_JIT=1``, with an ``overload`` that takes its place in compiled
code. LLVM splits the vectors to whatever the machine has, so the same code runs on
AVX2 and ARM, only slower.

Numba caches the callers by *their* file: after editing this one, clear ``__pycache__``.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

# Columns in one word of spikes, and in one tile of the binary product.
WORD = 64
# Columns in one register tile of the real-valued product (half the vector registers).
TILE = 256 if llvm.get_host_cpu_features().get("avx512f", False) else 64
# Columns in the tile for what is left.
SMALL = 16

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_FMA = ("contract",)


def _pointer(
    context: Any, builder: Any, array_type: Any, array: Any, offset: Any, lanes: int
) -> Any:
    """Address of ``array[offset]`` read as a vector; only element alignment is assumed."""
    start = builder.gep(context.make_array(array_type)(context, builder, array).data, [offset])
    element = context.get_data_type(array_type.dtype)
    return builder.bitcast(start, ir.VectorType(element, lanes).as_pointer())


def _load(context: Any, builder: Any, array_type: Any, array: Any, offset: Any, lanes: int) -> Any:
    value = builder.load(_pointer(context, builder, array_type, array, offset, lanes))
    value.align = array_type.dtype.bitwidth // 8
    return value


def _store(
    context: Any, builder: Any, array_type: Any, array: Any, offset: Any, value: Any
) -> None:
    pointer = _pointer(context, builder, array_type, array, offset, value.type.count)
    builder.store(value, pointer).align = array_type.dtype.bitwidth // 8


def _splat(builder: Any, scalar: Any, lanes: int) -> Any:
    vector = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    vector = builder.insert_element(vector, scalar, ir.Constant(_I32, 0))
    zeros = ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes)
    return builder.shuffle_vector(vector, vector, zeros)


def _element(context: Any, builder: Any, array_type: Any, array: Any, offset: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    value = builder.load(builder.gep(data, [offset]))
    if isinstance(value.type, ir.IntType) and value.type.width < 64:
        return builder.sext(value, _I64)
    return value


def _tile_codegen(lanes: int, binary: bool) -> Any:
    """Return code of ``out[o:o+lanes] = start + sum_p weights[p] * x[index[p]*pitch+column...]``.

    ``binary``: `x` holds words of spikes, and the weights of set bits are added.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        t_out, _, t_index, t_weights, _, _, t_x = signature.args[:7]
        out, o, index, weights, first, last, x, pitch, column, start = arguments
        accumulator = cgutils.alloca_once_value(builder, _splat(builder, start, lanes))
        one = ir.Constant(_I64, 1)
        with cgutils.for_range_slice(builder, first, last, one, intp=_I64) as (p, _):
            row = _element(context, builder, t_index, index, p)
            weight = _splat(builder, _element(context, builder, t_weights, weights, p), lanes)
            at = builder.add(builder.mul(row, pitch), column)
            total = builder.load(accumulator)
            if binary:
                word = _element(context, builder, t_x, x, at)
                mask = builder.bitcast(word, ir.VectorType(ir.IntType(1), lanes))
                total = builder.select(mask, builder.fadd(total, weight), total)
            else:
                term = builder.fmul(weight, _load(context, builder, t_x, x, at, lanes), flags=_FMA)
                total = builder.fadd(total, term, flags=_FMA)
            builder.store(total, accumulator)
        _store(context, builder, t_out, out, o, builder.load(accumulator))
        return context.get_dummy_value()

    return codegen


def _tile_intrinsic(lanes: int, binary: bool) -> Any:
    @intrinsic
    def tile(
        typing: Any, out: Any, o: Any, index: Any, weights: Any, first: Any, last: Any,
        x: Any, pitch: Any, column: Any, start: Any,
    ) -> Any:  # fmt: skip
        place = types.int64
        arguments = (out, place, index, weights, place, place, x, place, place, out.dtype)
        return types.void(*arguments), _tile_codegen(lanes, binary)

    return tile


def _plain_tile(lanes: int, binary: bool) -> Any:
    def tile(
        out: Any, o: Any, index: Any, weights: Any, first: Any, last: Any,
        x: Any, pitch: Any, column: Any, start: Any,
    ) -> None:  # fmt: skip
        total = out[o : o + lanes]
        total[:] = start
        for p in range(first, last):
            at = index[p] * pitch + column
            if binary:
                total[_unpack(x[at : at + 1])] += weights[p]
            else:
                total += weights[p] * x[at : at + lanes]

    return tile


def _tile(lanes: int, binary: bool = False) -> Any:
    """Return the plain function of a tile, which compiled code replaces by the intrinsic."""
    plain, compiled = _plain_tile(lanes, binary), _tile_intrinsic(lanes, binary)

    @overload(plain, inline="never")
    def _(
        out: Any, o: Any, index: Any, weights: Any, first: Any, last: Any,
        x: Any, pitch: Any, column: Any, start: Any,
    ) -> Any:  # fmt: skip
        def tile(
            out: Any, o: Any, index: Any, weights: Any, first: Any, last: Any,
            x: Any, pitch: Any, column: Any, start: Any,
        ) -> None:  # fmt: skip
            compiled(out, o, index, weights, first, last, x, pitch, column, start)

        return tile

    return plain


def _unpack(words: np.ndarray) -> np.ndarray:
    return np.unpackbits(words.view(np.uint8), bitorder="little").astype(bool)


# 64 columns of one output row: ``start`` plus the weights of the links whose input spikes there.
spike_tile = _tile(WORD, binary=True)
# ``TILE`` columns of one output row: ``start`` plus weight times activation over the row's links.
real_tile = _tile(TILE)
# The same for 64 and for 16 columns: what is left when the columns are not a multiple of ``TILE``.
word_tile = _tile(WORD)
small_tile = _tile(SMALL)


def _pairwise_sum(builder: Any, vector: Any) -> Any:
    """Sum the lanes by halving: one fixed order, whatever the machine's vector width."""
    while vector.type.count > 1:
        half = vector.type.count // 2
        kind = ir.VectorType(_I32, half)
        low = builder.shuffle_vector(vector, vector, ir.Constant(kind, list(range(half))))
        high = builder.shuffle_vector(
            vector, vector, ir.Constant(kind, list(range(half, 2 * half)))
        )
        vector = builder.fadd(low, high)
    return builder.extract_element(vector, ir.Constant(_I32, 0))


def _spike_dot_intrinsic(
    typing: Any, g: Any, g_start: Any, bits: Any, first: Any, count: Any
) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        g, g_start, bits, first, count = arguments
        element = context.get_data_type(signature.args[0].dtype)
        nothing = _splat(builder, ir.Constant(element, 0.0), WORD)
        accumulator = cgutils.alloca_once_value(builder, nothing)
        with cgutils.for_range(builder, count, intp=_I64) as loop:
            at = builder.add(first, loop.index)
            word = _element(context, builder, signature.args[2], bits, at)
            mask = builder.bitcast(word, ir.VectorType(ir.IntType(1), WORD))
            at = builder.add(g_start, builder.mul(loop.index, ir.Constant(_I64, WORD)))
            values = _load(context, builder, signature.args[0], g, at, WORD)
            total = builder.load(accumulator)
            builder.store(builder.select(mask, builder.fadd(total, values), total), accumulator)
        return _pairwise_sum(builder, builder.load(accumulator))

    return g.dtype(g, types.int64, bits, types.int64, types.int64), codegen


_spike_dot: Any = intrinsic(_spike_dot_intrinsic)


def spike_dot(g: Any, g_start: Any, bits: Any, first: Any, count: Any) -> Any:
    """Sum ``g[g_start:]`` over the set bits of ``count`` words starting at ``bits[first]``."""
    masks = _unpack(bits[first : first + count])
    return g.dtype.type(g[g_start : g_start + count * WORD][masks].sum())


@overload(spike_dot, inline="never")
def _(g: Any, g_start: Any, bits: Any, first: Any, count: Any) -> Any:
    def dot(g: Any, g_start: Any, bits: Any, first: Any, count: Any) -> Any:
        return _spike_dot(g, g_start, bits, first, count)

    return dot


def _compare_intrinsic(operator: str, against: float) -> Any:
    @intrinsic
    def compare(typing: Any, x: Any, offset: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            values = _load(context, builder, signature.args[0], arguments[0], arguments[1], WORD)
            other = _splat(builder, ir.Constant(values.type.element, against), WORD)
            return builder.bitcast(builder.fcmp_unordered(operator, values, other), _I64)

        return types.uint64(x, types.int64), codegen

    return compare


_nonzero = _compare_intrinsic("!=", 0.0)
_not_one = _compare_intrinsic("!=", 1.0)


def spike_word(x: Any, offset: Any) -> Any:
    """Return the word whose bit c is ``x[offset + c] != 0`` (NaN is)."""
    return np.packbits(x[offset : offset + WORD] != 0, bitorder="little").view(np.uint64)[0]


def only_spikes(x: Any, offset: Any) -> Any:
    """Whether the 64 numbers at ``offset`` are all 0 or 1."""
    tile = x[offset : offset + WORD]
    return bool(((tile == 0) | (tile == 1)).all())


@overload(spike_word, inline="never")
def _(x: Any, offset: Any) -> Any:
    def word(x: Any, offset: Any) -> Any:
        return _nonzero(x, offset)

    return word


@overload(only_spikes, inline="never")
def _(x: Any, offset: Any) -> Any:
    def good(x: Any, offset: Any) -> Any:
        # Of a 0 or 1 exactly one of the two comparisons holds.
        return (_nonzero(x, offset) ^ _not_one(x, offset)) == np.uint64(0xFFFFFFFFFFFFFFFF)

    return good
