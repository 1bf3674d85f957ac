"""Leaky integrate-and-fire under a constant input: a neuron's firing rate and its slope.

From rest, and with the same input at every step, the rate of a neuron is a function of one
number. Its derivative goes forward in time beside the voltage, and the backward pass is one
product: nothing is stored or computed again. The rates are the mean of the spikes of
:func:`chsnn._kernels.lif.lif_forward`, bit for bit; the slopes are the surrogate gradient of
:func:`chsnn._kernels.lif.lif_backward`, to rounding.

Neurons are taken in blocks, and a block that nothing drives above rest is passed over: so it is
for neurons without links, whose column of a batch is one block or several.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import prange

from chgraph.jit import Int, inlined, kernel, leaf
from chsnn._kernels.lif import (
    BOX,
    CIRC,
    HEAVI_ERFC,
    SUPER,
    TANH,
    TRIANGLE,
    Neuron,
    box_slope,
    circ_slope,
    divides_exactly,
    erfc_slope,
    tanh_slope,
    triangle_slope,
)
from chsnn._kernels.links import real_row

BLOCK = 64
# Neurons that a thread takes at a time, a number of blocks.
UNIT = 16 * BLOCK


class _Block(NamedTuple):
    """The numbers of a block: input over leak, voltage, number of spikes, and derivatives."""

    q: np.ndarray
    v: np.ndarray
    z: np.ndarray
    dv: np.ndarray
    dz: np.ndarray


@kernel()
def _new_block(like: np.ndarray) -> _Block:
    memory = np.empty((5, BLOCK), like.dtype)
    return _Block(memory[0], memory[1], memory[2], memory[3], memory[4])


@leaf
def _never_positive(x: np.ndarray, first: Int, last: Int) -> bool:
    """Whether nothing drives these neurons above rest."""
    some = False
    for i in range(first, last):
        some |= not x[i] <= 0  # NaN is not passed over
    return not some


@inlined
def _begin(x: np.ndarray, first: Int, n: Int, b: _Block, d: Any) -> None:
    zero, one = b.v.dtype.type(0), b.v.dtype.type(1)
    for i in range(n):
        b.v[i] = b.z[i] = b.dv[i] = b.dz[i] = zero
    if d == 0:
        for i in range(n):
            b.q[i] = x[first + i]
    elif divides_exactly(d):
        inverse = one / d
        for i in range(n):
            b.q[i] = x[first + i] * inverse
    else:
        for i in range(n):
            b.q[i] = x[first + i] / d


@kernel(inline=True)
def _voltage(b: _Block, i: Int, d: Any) -> Any:
    return b.v[i] + b.q[i] if d == 0 else b.v[i] + d * (b.q[i] - b.v[i])


@inlined
def _count_spikes(b: _Block, n: Int, neuron: Neuron) -> None:
    zero, one = b.v.dtype.type(0), b.v.dtype.type(1)
    for i in range(n):
        u = _voltage(b, i, neuron.d)
        b.v[i] = zero if u > neuron.theta else u
        b.z[i] += one if u > neuron.theta else zero


@kernel(inline=True)
def _follow(b: _Block, i: Int, u: Any, slope: Any, keep: Any, theta: Any) -> None:
    """Go on from voltage `u` before the threshold, ``v = (1 - z) * u``, with the derivatives."""
    zero, one = b.v.dtype.type(0), b.v.dtype.type(1)
    du = keep * b.dv[i] + one
    dz = slope * du
    b.v[i] = zero if u > theta else u
    b.z[i] += one if u > theta else zero
    b.dv[i] = (zero if u > theta else du) - u * dz
    b.dz[i] += dz


@inlined
def _step(b: _Block, n: Int, neuron: Neuron) -> None:
    """Do one step: a loop per surrogate, for a branch in the loop would stop its vectorization."""
    d, theta, method, k = neuron.d, neuron.theta, neuron.method, neuron.k
    one = b.v.dtype.type(1)
    keep = one - d
    if method == TRIANGLE:
        for i in range(n):
            u = _voltage(b, i, d)
            _follow(b, i, u, k * triangle_slope(u, theta, one), keep, theta)
    elif method == SUPER:
        for i in range(n):
            u = _voltage(b, i, d)
            s = abs(u - theta) + one
            _follow(b, i, u, one / (s * s), keep, theta)
    elif method == BOX:
        for i in range(n):
            u = _voltage(b, i, d)
            _follow(b, i, u, box_slope(u, theta, k, one), keep, theta)
    elif method == TANH:
        for i in range(n):
            u = _voltage(b, i, d)
            _follow(b, i, u, tanh_slope(u, theta, k, one), keep, theta)
    elif method == CIRC:
        for i in range(n):
            u = _voltage(b, i, d)
            _follow(b, i, u, (k + k) * circ_slope(u, theta, k, one), keep, theta)
    elif method == HEAVI_ERFC:
        for i in range(n):
            u = _voltage(b, i, d)
            _follow(b, i, u, erfc_slope(u, theta, k, one), keep, theta)
    else:
        for i in range(n):
            _follow(b, i, _voltage(b, i, d), one - one, keep, theta)


@leaf
def _fill(
    x: np.ndarray, first: Int, n: Int, b: _Block, rate: np.ndarray, slope: np.ndarray, at: Int,
    steps: Int, neuron: Neuron,
) -> None:  # fmt: skip
    """Compute the rates of the neurons driven by ``x[first:first+n]``, from `at` on.

    And their slopes, if there is room for them.
    """
    zero = b.v.dtype.type(0)
    wants_slope = slope.size > 0
    # At rest and below a triangle is 0 if the threshold is at least its half width.
    passes = neuron.method == TRIANGLE and neuron.theta >= 1 if wants_slope else neuron.theta >= 0
    if passes and _never_positive(x, first, first + n):
        for i in range(at, at + n):
            rate[i] = zero
        if wants_slope:
            for i in range(at, at + n):
                slope[i] = zero
        return
    _begin(x, first, n, b, neuron.d)
    if wants_slope:
        for _ in range(steps):
            _step(b, n, neuron)
        for i in range(n):
            slope[at + i] = b.dz[i] / steps
    else:
        for _ in range(steps):
            _count_spikes(b, n, neuron)
    for i in range(n):
        rate[at + i] = b.z[i] / steps


@kernel(parallel=True)
def lif_rate(
    x: np.ndarray, rate: np.ndarray, slope: np.ndarray, steps: Int, neuron: Neuron
) -> None:
    """Compute the mean spikes over time of neurons that start at rest.

    And the derivative of each by its input, unless `slope` is empty.
    """
    for unit in prange((x.size + UNIT - 1) // UNIT):
        b = _new_block(x)
        for first in range(unit * UNIT, min(x.size, unit * UNIT + UNIT), BLOCK):
            _fill(x, first, min(BLOCK, x.size - first), b, rate, slope, first, steps, neuron)


@kernel(parallel=True)
def product_rate(
    bounds: np.ndarray,
    offsets: np.ndarray,
    index: np.ndarray,
    weights: np.ndarray,
    start: np.ndarray,
    x: np.ndarray,
    columns: Int,
    rate: np.ndarray,
    slope: np.ndarray,
    steps: Int,
    neuron: Neuron,
) -> None:
    """Compute :func:`lif_rate` of :func:`chsnn._kernels.links.product`, row by row in cache."""
    for part in prange(bounds.size - 1):
        b, row_of_x = _new_block(x), np.empty(columns, x.dtype)
        for row in range(bounds[part], bounds[part + 1]):
            first, last = offsets[row], offsets[row + 1]
            real_row(row_of_x, 0, first, last, index, weights, x, columns, start[row])
            for c in range(0, columns, BLOCK):
                n, at = min(BLOCK, columns - c), row * columns + c
                _fill(row_of_x, c, n, b, rate, slope, at, steps, neuron)
