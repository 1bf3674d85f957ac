"""What a measure returns when a number alone would not do: NaN with a reason, a spread."""

from __future__ import annotations


class Undefined(float):
    """The value of a measure that a graph does not have: NaN that knows why.

    Attributes
    ----------
    reason : str

    Examples
    --------
    >>> import math
    >>> value = Undefined("the graph has no links")
    >>> value, math.isnan(value), value.reason
    (nan, True, 'the graph has no links')
    """

    reason: str

    def __new__(cls, reason: str) -> Undefined:
        self = super().__new__(cls, "nan")
        self.reason = reason
        return self

    def __getnewargs__(self) -> tuple[str]:  # type: ignore[override]
        return (self.reason,)


class Estimate(float):
    """A value found by chance, with the standard error of it.

    Attributes
    ----------
    spread : float
        Standard error: how far the value is expected to be from that of endless sampling.
    n_samples : int

    Examples
    --------
    >>> share = Estimate(0.25, spread=0.014, n_samples=1000)
    >>> share, share.spread
    (0.25, 0.014)
    """

    spread: float
    n_samples: int

    def __new__(cls, value: float, *, spread: float, n_samples: int) -> Estimate:
        self = super().__new__(cls, value)
        self.spread, self.n_samples = spread, n_samples
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return _estimate, (float(self), self.spread, self.n_samples)


def _estimate(value: float, spread: float, n_samples: int) -> Estimate:
    return Estimate(value, spread=spread, n_samples=n_samples)
