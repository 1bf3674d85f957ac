"""Leaky integrate-and-fire over all time steps in one pass, forward and backward.

The arithmetic is that of Norse's ``lif_box_feed_forward_step`` (leak and reset 0), operation
by operation, so the voltages are the same floating-point numbers and no spike flips:
``u = v + d * (x / d - v)``, ``z = u > theta``, ``v = (1 - z) * u`` with ``d = 1 - alpha``.
In exact arithmetic this is eq. 1, ``u = alpha * v + x``, which is used for ``d = 0``.
Norse's box step does *not* detach the spike in the reset: ``dv/dz = -u`` enters the backward.

Pieces of one row stay in cache over all steps, forward and back (see :class:`Layout`).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import prange

from chgraph.jit import Int, kernel

SUPER, TRIANGLE, TANH, CIRC, HEAVI_ERFC, HEAVISIDE, BOX = range(7)
METHODS = {
    "super": SUPER,
    "triangle": TRIANGLE,
    "tanh": TANH,
    "circ": CIRC,
    "heavi_erfc": HEAVI_ERFC,
    "heaviside": HEAVISIDE,
    "box": BOX,
}


class Layout(NamedTuple):
    """How many neurons and steps: ``rows`` independent rows of ``size`` neurons side by side.

    Feature-major data has a row per feature (size: the batch), time-major data one row (size:
    all neurons). A row is worked on in pieces of at most ``piece`` neurons.
    """

    rows: int
    size: int
    steps: int
    piece: int


class Strides(NamedTuple):
    """Where element (row, t, i) of an array is: ``row * strides.row + t * strides.time + i``.

    A time stride of 0 is an array of one step that stands for all.
    """

    row: int
    time: int


class Neuron(NamedTuple):
    """Numbers of the neuron, in the arrays' own precision.

    Leak ``d`` = 1 - alpha, threshold ``theta``, surrogate ``method`` and its parameter ``k``.
    """

    d: Any
    theta: Any
    method: int
    k: Any


@kernel()
def divides_exactly(d: Any) -> bool:
    """Whether x / d is x * (1 / d) to the last bit, and (d * x) / d is x: d is a power of two."""
    return math.frexp(d)[0] == 0.5


@kernel()
def _integrate(x: np.ndarray, v: np.ndarray, u: np.ndarray, d: Any, theta: Any) -> None:
    """Compute voltages ``u`` before the threshold; ``v`` (in place) is that after the reset."""
    zero, one = u.dtype.type(0), u.dtype.type(1)
    if d == 0:
        for i in range(u.size):
            u[i] = v[i] + x[i]
    elif divides_exactly(d):
        inverse = one / d
        for i in range(u.size):
            u[i] = v[i] + d * (x[i] * inverse - v[i])
    else:
        for i in range(u.size):
            u[i] = v[i] + d * (x[i] / d - v[i])
    for i in range(u.size):
        spike = one if u[i] > theta else zero
        v[i] = (one - spike) * u[i]


@kernel()
def fire(x: np.ndarray, v: np.ndarray, z: np.ndarray, d: Any, theta: Any) -> None:
    """Do the same step, keeping the spikes ``z`` instead of the voltages."""
    zero, one = z.dtype.type(0), z.dtype.type(1)
    if d == 0:
        for i in range(z.size):
            u = v[i] + x[i]
            spike = one if u > theta else zero
            z[i] = spike
            v[i] = (one - spike) * u
    elif divides_exactly(d):
        inverse = one / d
        for i in range(z.size):
            u = v[i] + d * (x[i] * inverse - v[i])
            spike = one if u > theta else zero
            z[i] = spike
            v[i] = (one - spike) * u
    else:
        for i in range(z.size):
            u = v[i] + d * (x[i] / d - v[i])
            spike = one if u > theta else zero
            z[i] = spike
            v[i] = (one - spike) * u


@kernel(inline=True)
def _exp(x: Any) -> Any:
    """Compute exp of x <= 0 to 1e-13, in operations that a loop over neurons can vectorize."""
    y = max(np.float64(x), -700.0) / 1024
    p = 1.0 + y / 8
    for k in (7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0):
        p = 1.0 + y / k * p
    for _ in range(10):
        p *= p
    return p


# The surrogate slopes of a spike; `one` is the 1 of their precision.


@kernel(inline=True)
def triangle_slope(u: Any, theta: Any, one: Any) -> Any:
    """Return Norse's triangle, before its factor k."""
    slope = one - abs(u - theta)
    return slope if slope > 0 else one - one


@kernel(inline=True)
def box_slope(u: Any, theta: Any, k: Any, one: Any) -> Any:
    """Return a box of height k and area 1 around the threshold."""
    return k if abs(u - theta) * (k + k) < one else one - one


@kernel(inline=True)
def tanh_slope(u: Any, theta: Any, k: Any, one: Any) -> Any:
    """Return 1 - tanh^2 = 4 e / (1 + e)^2."""
    e = _exp(-2 * abs(np.float64(u - theta) * k))
    return type(one)(4 * e / ((1 + e) * (1 + e)))


@kernel(inline=True)
def circ_slope(u: Any, theta: Any, k: Any, one: Any) -> Any:
    """Return that of the circular surrogate, before its factor 2 k."""
    x, two = u - theta, one + one
    s = k * k + x * x
    r = type(one)(math.sqrt(s))
    return one / (two * r) - (x * x) / (two * (s * r))


@kernel(inline=True)
def erfc_slope(u: Any, theta: Any, k: Any, one: Any) -> Any:
    """Return that of the complementary error function."""
    x = np.float64(k * (u - theta))
    return type(one)(_exp(-(x * x)) * (2 / math.sqrt(math.pi)))


@kernel(inline=True)
def _upper(g: np.ndarray, u: np.ndarray, gv: np.ndarray, i: Int) -> Any:
    """Return dL/dz: from the next layer, and through the reset ``v = (1 - z) * u``."""
    return g[i] - gv[i] * u[i]


@kernel(inline=True)
def _lower(
    through: Any, u: np.ndarray, gv: np.ndarray, g: np.ndarray, i: Int, d: Any, theta: Any
) -> None:
    """Go from dL/dz times the slope to dL/dx (``g``) and dL/dv one step earlier (``gv``)."""
    zero, one = u.dtype.type(0), u.dtype.type(1)
    spike = one if u[i] > theta else zero
    total = gv[i] * (one - spike) + through
    g[i] = total if d == zero else (d * total) / d
    gv[i] = total - d * total


@kernel(inline=True)
def _lower_exact(
    through: Any, u: np.ndarray, gv: np.ndarray, g: np.ndarray, i: Int, d: Any, theta: Any
) -> None:
    """Do the same where dividing what was multiplied by d gives it back."""
    zero, one = u.dtype.type(0), u.dtype.type(1)
    spike = one if u[i] > theta else zero
    total = gv[i] * (one - spike) + through
    g[i] = total
    gv[i] = total - d * total


@kernel()
def _step_back(
    u: np.ndarray, gv: np.ndarray, g: np.ndarray, d: Any, theta: Any, method: Int, k: Any
) -> None:
    """Do one step of the chain rule, ``g`` from dL/dz to dL/dx.

    A loop per surrogate, for a branch in the loop would stop its vectorization.
    """
    one, two, zero = u.dtype.type(1), u.dtype.type(2), u.dtype.type(0)
    if method == SUPER:  # Norse 1.1 ignores alpha here
        for i in range(g.size):
            s = abs(u[i] - theta) + one
            _lower(_upper(g, u, gv, i) / (s * s), u, gv, g, i, d, theta)
    elif method == TRIANGLE and divides_exactly(d):
        for i in range(g.size):
            slope = triangle_slope(u[i], theta, one)
            _lower_exact(_upper(g, u, gv, i) * k * slope, u, gv, g, i, d, theta)
    elif method == TRIANGLE:
        for i in range(g.size):
            slope = triangle_slope(u[i], theta, one)
            _lower(_upper(g, u, gv, i) * k * slope, u, gv, g, i, d, theta)
    elif method == BOX:
        for i in range(g.size):
            slope = box_slope(u[i], theta, k, one)
            _lower(_upper(g, u, gv, i) * slope, u, gv, g, i, d, theta)
    elif method == TANH:
        for i in range(g.size):
            slope = tanh_slope(u[i], theta, k, one)
            _lower(_upper(g, u, gv, i) * slope, u, gv, g, i, d, theta)
    elif method == CIRC:
        for i in range(g.size):
            slope = circ_slope(u[i], theta, k, one)
            _lower(_upper(g, u, gv, i) * slope * two * k, u, gv, g, i, d, theta)
    elif method == HEAVI_ERFC:
        for i in range(g.size):
            slope = erfc_slope(u[i], theta, k, one)
            _lower(_upper(g, u, gv, i) * slope, u, gv, g, i, d, theta)
    else:
        for i in range(g.size):
            _lower(zero, u, gv, g, i, d, theta)


@kernel()
def _add(source: np.ndarray, target: np.ndarray) -> None:
    for i in range(target.size):
        target[i] += source[i]


@kernel()
def _copy(source: np.ndarray, target: np.ndarray) -> None:
    for i in range(target.size):
        target[i] = source[i]


@kernel(parallel=True)
def lif_forward(
    x: np.ndarray,
    x_at: Strides,
    v: np.ndarray,
    z: np.ndarray,
    z_at: Strides,
    layout: Layout,
    neuron: Neuron,
) -> None:
    """Compute the spikes ``z``; ``v`` comes as the first and leaves as the last voltage."""
    size, piece = layout.size, layout.piece
    pieces = (size + piece - 1) // piece
    for unit in prange(layout.rows * pieces):
        row, first = unit // pieces, (unit % pieces) * piece
        n = min(piece, size - first)
        voltage = v[row * size + first : row * size + first + n]
        for t in range(layout.steps):
            a = row * x_at.row + t * x_at.time + first
            b = row * z_at.row + t * z_at.time + first
            fire(x[a : a + n], voltage, z[b : b + n], neuron.d, neuron.theta)


@kernel(parallel=True)
def lif_backward(
    x: np.ndarray,
    x_at: Strides,
    v: np.ndarray,
    gz: np.ndarray,
    gz_at: Strides,
    gv: np.ndarray,
    gx: np.ndarray,
    gx_at: Strides,
    layout: Layout,
    neuron: Neuron,
) -> None:
    """Follow the chain rule backwards in time.

    ``v`` is the first voltage; ``gz`` is dL/dz; ``gv`` comes as dL/dv after the last step and
    leaves as dL/dv before the first; ``gx`` is dL/dx, summed over the steps if its time stride
    is 0. The voltages are computed again: that is cheaper than storing them.
    """
    size, piece, steps = layout.size, layout.piece, layout.steps
    d, theta, method, k = neuron.d, neuron.theta, neuron.method, neuron.k
    pieces = (size + piece - 1) // piece
    for unit in prange(layout.rows * pieces):
        row, first = unit // pieces, (unit % pieces) * piece
        n = min(piece, size - first)
        at = row * size + first
        # Kept for this piece, so that the big arrays are read and written in rising order
        # only: three times faster.
        u = np.empty(steps * n, gx.dtype)
        g = np.empty(steps * n, gx.dtype)
        voltage = v[at : at + n].copy()
        for t in range(steps):
            a = row * x_at.row + t * x_at.time + first
            b = row * gz_at.row + t * gz_at.time + first
            _integrate(x[a : a + n], voltage, u[t * n : t * n + n], d, theta)
            _copy(gz[b : b + n], g[t * n : t * n + n])
        mine = gv[at : at + n]
        for t in range(steps - 1, -1, -1):
            _step_back(u[t * n : t * n + n], mine, g[t * n : t * n + n], d, theta, method, k)
        for t in range(steps):
            a = row * gx_at.row + t * gx_at.time + first
            if gx_at.time == 0 and t > 0:
                _add(g[t * n : t * n + n], gx[a : a + n])
            else:
                _copy(g[t * n : t * n + n], gx[a : a + n])
