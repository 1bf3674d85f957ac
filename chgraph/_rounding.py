"""The one rounding of scores: to 12 significant digits, so that sums of equal terms tie."""

from __future__ import annotations

import math

import numpy as np

from chgraph.jit import Int, inlined, kernel
from chgraph.threads import run_workers, workers_for

DIGITS = 12
# What rounding may take off a value, and more: what is this much smaller can still tie.
NEARLY = 1.0 - 1e-11

_LEAST = -310
_POWERS = np.append(10.0 ** np.arange(_LEAST, 309), np.inf)
_LAST = _POWERS.size - 2  # the largest that is finite
_ONE_STEP = 1e-278  # smaller sizes are rounded in two steps: a single power of ten overflows
_HALVES = 1.5 * 2.0**52  # added and taken off again, it rounds half to even
_PER_VALUE = 5.0


@inlined
def _decimal_exponent(binary: Int) -> Int:
    """Return floor(log10(2**binary)), of any double."""
    return (binary * 78913) >> 18


@inlined
def significant(x: float) -> float:
    """Return x rounded to 12 significant digits, half to even."""
    if x == 0.0:
        return x
    size = abs(x)
    # The largest power of ten that is not above x: one of two.
    exponent = _decimal_exponent(math.frexp(size)[1] - 1)
    if size >= _POWERS[exponent + 1 - _LEAST]:
        exponent += 1
    shift = DIGITS - 1 - exponent
    small = _POWERS[min(shift, 290) - _LEAST]
    large = _POWERS[max(shift - 290, 0) - _LEAST]
    return float(np.rint(x * small * large) / large / small)


@kernel()
def round_part(values: np.ndarray, bits: np.ndarray, out: np.ndarray) -> None:
    # The first loop is :func:`significant` without a branch: the compiler does four at a time.
    for i in range(values.size):
        exponent = _decimal_exponent(((bits[i] >> 52) & 0x7FF) - 1023)
        if values[i] >= _POWERS[exponent + 1 - _LEAST]:
            exponent += 1
        scale = _POWERS[min(DIGITS - 1 - exponent - _LEAST, _LAST)]
        out[i] = ((values[i] * scale + _HALVES) - _HALVES) / scale
    for i in range(values.size):
        if not values[i] >= _ONE_STEP:
            out[i] = significant(values[i])


def round_significant(values: np.ndarray) -> np.ndarray:
    """Return the values rounded to 12 significant decimal digits.

    Sums of the same terms in another order differ in the last bits; rounded, they tie.

    Parameters
    ----------
    values : ndarray of float64

    Returns
    -------
    ndarray of float64
        Of the same shape.

    Examples
    --------
    >>> x, y = 0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1
    >>> x == y, bool(np.equal(*round_significant(np.array([x, y]))))
    (False, True)
    """
    flat = np.ascontiguousarray(values, dtype=np.float64).reshape(-1)
    out = np.empty_like(flat)
    with workers_for(_PER_VALUE * flat.size) as n_workers:
        parts = [
            slice(flat.size * worker // n_workers, flat.size * (worker + 1) // n_workers)
            for worker in range(n_workers)
        ]
        bits = flat.view(np.int64)
        run_workers(n_workers, lambda w: round_part(flat[parts[w]], bits[parts[w]], out[parts[w]]))
    return out.reshape(np.shape(values))
