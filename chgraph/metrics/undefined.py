"""The value of a measure that a graph does not have."""

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
