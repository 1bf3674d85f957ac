"""How a setting moves over training: each a function of the progress, 0 to 1."""

from __future__ import annotations

import math
from typing import Literal

ZetaSchedule = Literal["cosine", "constant"]
DensitySchedule = Literal["constant", "sigmoid", "cubic", "extra"]
ZETA_SCHEDULES = ("cosine", "constant")
DENSITY_SCHEDULES = ("constant", "sigmoid", "cubic", "extra")

# Where the logistic curve of CHTss is cut off on both sides.
_STEEPNESS = 6.0
# Fraction of its time for which CHTs keeps all of its extra links; half of them after that.
_ALL_EXTRA = 0.6


def zeta_at(zeta: float, schedule: ZetaSchedule, progress: float, until: float = 1.0) -> float:
    """Return the fraction of links pruned.

    "cosine" is zeta / 2 * (1 + cos(pi * progress / until)) (CH-SNN, equation 20). Nothing is
    pruned after the fraction `until` of training.

    Examples
    --------
    >>> [round(zeta_at(0.4, "cosine", p), 3) for p in (0.0, 0.5, 1.0)]
    [0.4, 0.2, 0.0]
    """
    if progress > until:
        return 0.0
    if schedule == "constant":
        return zeta
    return zeta / 2.0 * (1.0 + math.cos(math.pi * progress / until))


def linear(start: float, end: float, progress: float) -> float:
    """Go from `start` to `end` at a constant pace."""
    return start + (end - start) * progress


def sparsity_at(
    start: float, end: float, schedule: DensitySchedule, progress: float, until: float = 1.0
) -> float:
    """Return the sparsity of a layer on its way from `start` to `end`, reached at `until`.

    "sigmoid": a logistic curve in time, cut at +-6 and scaled to go through both ends
    (CHTss, arXiv 2501.19107, equation 4). "cubic": start + (end - start) (1 - (1 - p)^3)
    (GraNet; Zhu and Gupta). "extra": `start` for 60 % of the time, then half way, then `end`
    (EM_S in the code of CHTs, where `start` is 5 points below `end`). "constant": `start`.

    Examples
    --------
    >>> [round(sparsity_at(0.5, 0.9, "cubic", p), 3) for p in (0.0, 0.5, 1.0)]
    [0.5, 0.85, 0.9]
    >>> [round(sparsity_at(0.5, 0.9, "sigmoid", p), 3) for p in (0.0, 0.5, 1.0)]
    [0.5, 0.7, 0.9]
    >>> [round(sparsity_at(0.85, 0.9, "extra", p), 3) for p in (0.6, 0.7, 1.0)]
    [0.85, 0.875, 0.9]
    """
    if schedule == "constant":
        return start
    p = min(progress / until, 1.0)
    if schedule == "extra":
        return linear(start, end, 0.0 if p <= _ALL_EXTRA else 0.5 if p < 1.0 else 1.0)
    if schedule == "cubic":
        return linear(start, end, 1.0 - (1.0 - p) ** 3)
    low, high = _logistic(-_STEEPNESS), _logistic(_STEEPNESS)
    return linear(start, end, (_logistic(_STEEPNESS * (2.0 * p - 1.0)) - low) / (high - low))


def published_epoch(progress: float, epochs: int) -> int:
    """Return which epoch of a published training of so many `epochs` has just been done.

    For methods whose authors count in epochs: a training of another length is stretched to theirs.

    Examples
    --------
    >>> [published_epoch(done / 40, 300) for done in (0, 1, 2, 40)]
    [0, 7, 15, 300]
    """
    return int(progress * epochs + 1e-9)


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))
