"""Numbers as a person reads them."""

from __future__ import annotations

import math

MISSING = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"


def percent(value: float | None, digits: int = 2) -> str:
    r"""Return a share in percent.

    Examples
    --------
    >>> percent(0.98243), percent(None)
    ('98.24\xa0%', '–')
    """
    return MISSING if is_missing(value) else f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%"  # type: ignore[operator]


def count(value: float | None) -> str:
    """Return a whole number.

    Examples
    --------
    >>> count(30635.4), count(98_344_000)
    ('30,635', '98.3 M')
    """
    if value is None or is_missing(value):
        return MISSING
    return f"{value / 1e6:,.1f} M" if abs(value) >= 1e7 else f"{value:,.0f}"


def number(value: float | None) -> str:
    """Return a number with about three digits.

    Examples
    --------
    >>> number(0.01234), number(12.345), number(1234.5), number(2.5e-6)
    ('0.0123', '12.3', '1,234', '2.5e-06')
    """
    if value is None or is_missing(value):
        return MISSING
    size = abs(value)
    if size >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def short(value: float) -> str:
    """Return the label of a tick.

    Examples
    --------
    >>> [short(value) for value in (0.05, 40, 1_500, 2.5e6, 0.0001)]
    ['0.05', '40', '1.5k', '2.5M', '1e-4']
    """
    size = abs(value)
    if size >= 1e10 or 0 < size < 1e-3:
        digits, power = f"{value:.2e}".split("e")
        return f"{float(digits):g}e{int(power)}"
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if size >= limit:
            return f"{value / limit:g}{letter}"
    return f"{value:,g}"


def times(ours: float, theirs: float) -> str:
    """Return how many times as much one value is as another.

    Examples
    --------
    >>> times(30635, 255153), times(0.0, 1.0)
    ('8.3 ×', '–')
    """
    if is_missing(ours) or is_missing(theirs) or ours <= 0:
        return MISSING
    ratio = theirs / ours
    form = f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2g}"
    return f"{form} {TIMES}"


def difference(ours: float, theirs: float) -> str:
    """Return a difference of shares in percentage points.

    Examples
    --------
    >>> difference(0.9824, 0.9861)
    '−0.37 points'
    """
    if is_missing(ours) or is_missing(theirs):
        return MISSING
    return f"{100 * (ours - theirs):+.2f} points".replace("-", "\N{MINUS SIGN}")


def is_missing(value: float | None) -> bool:
    """Whether there is no number that can be drawn."""
    return value is None or not math.isfinite(value)
