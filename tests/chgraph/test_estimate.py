"""Estimates: what they print, what they are worth."""

import math

import numpy as np
import pytest

from chgraph.metrics import Estimate
from chgraph.metrics.estimate import mean_of, undefined


def test_the_error_falls_with_the_root_of_the_draws():
    assert Estimate(1.0, spread=0.6, n_draws=9).error == pytest.approx(0.2)


def test_draws_become_their_mean_and_standard_deviation():
    draws = np.array([1.0, 2.0, 3.0, 6.0])
    estimate = mean_of(draws)
    assert (estimate.value, estimate.n_draws, estimate.reason) == (3.0, 4, "")
    assert estimate.spread == pytest.approx(math.sqrt((4 + 1 + 0 + 9) / 3))


def test_one_draw_has_no_spread():
    estimate = mean_of(np.array([2.0]))
    assert estimate.value == 2.0
    assert math.isnan(estimate.spread)


def test_what_is_undefined_says_why():
    estimate = undefined("no links")
    assert math.isnan(float(estimate))
    assert math.isnan(estimate.error)
    assert str(estimate) == "nan (no links)"


def test_an_estimate_is_a_number_with_its_error():
    estimate = Estimate(0.123456, spread=0.05, n_draws=25)
    assert float(estimate) == 0.123456
    assert str(estimate) == "0.1235 +- 0.01 (25 draws)"
