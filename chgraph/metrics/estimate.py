"""What a measure is that was estimated from random draws."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A measure estimated from random draws (null models, removals), with its spread.

    Attributes
    ----------
    value : float
        The estimate; NaN where the measure is not defined.
    spread : float
        Standard deviation of one draw's contribution: `value` from a single draw would
        vary by this much (to first order, where the measure is a ratio of means). NaN for
        one draw, or where `value` is NaN.
    n_draws : int
        Number of draws.
    reason : str
        Why `value` is NaN; empty where it is not.

    Examples
    --------
    >>> estimate = Estimate(0.42, spread=0.12, n_draws=9)
    >>> print(estimate)
    0.42 +- 0.04 (9 draws)
    >>> float(estimate)
    0.42
    """

    value: float
    spread: float
    n_draws: int
    reason: str = ""

    @property
    def error(self) -> float:
        """Standard error: how much `value` varies between runs of as many draws."""
        return self.spread / sqrt(self.n_draws) if self.n_draws else nan

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        if self.reason:
            return f"nan ({self.reason})"
        return f"{self.value:.4g} +- {self.error:.2g} ({self.n_draws} draws)"


def undefined(reason: str) -> Estimate:
    """Return the estimate of a measure that the graph does not have."""
    return Estimate(nan, nan, 0, reason)


def mean_of(draws: np.ndarray) -> Estimate:
    """Return the mean of the draws, with their standard deviation as its spread."""
    return Estimate(float(draws.mean()), spread_of(draws), draws.size)


def spread_of(draws: np.ndarray) -> float:
    """Return the standard deviation (of the population drawn from); NaN of a single draw."""
    return float(draws.std(ddof=1)) if draws.size > 1 else nan
