"""How settings move over training: closed forms, ends, monotony."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chsnn.evolution.schedules import linear, sparsity_at, zeta_at

fractions = st.floats(0.0, 1.0)


@given(st.floats(0.0, 0.99), fractions, st.floats(0.1, 1.0))
def test_zeta_follows_its_formula_and_is_zero_after_its_end(zeta, progress, until):
    cosine = zeta_at(zeta, "cosine", progress, until)
    constant = zeta_at(zeta, "constant", progress, until)
    if progress > until:
        assert cosine == constant == 0.0
    else:
        assert constant == zeta
        assert cosine == pytest.approx(zeta / 2 * (1 + math.cos(math.pi * progress / until)))


@given(st.floats(0.0, 0.9), st.floats(0.0, 0.99), st.floats(0.1, 1.0))
def test_sparsity_starts_and_ends_where_it_should(start, end, until):
    for schedule in ("sigmoid", "cubic"):
        assert sparsity_at(start, end, schedule, 0.0, until) == pytest.approx(start)
        for progress in (until, 1.0):
            assert sparsity_at(start, end, schedule, progress, until) == pytest.approx(end)
    assert sparsity_at(start, end, "constant", 0.7, until) == start


def test_cubic_and_sigmoid_against_their_formulas():
    times = np.linspace(0, 1, 101)
    cubic = [sparsity_at(0.2, 0.9, "cubic", t) for t in times]
    np.testing.assert_allclose(cubic, 0.2 + 0.7 * (1 - (1 - times) ** 3))
    # CHTss: with t0 = 0 and tf = 1, k' = 6 / mid; sigma scaled by its range.
    middle = 0.5
    sigma = 1 / (1 + np.exp(-6 / middle * (times - middle)))
    scaled = 0.7 * ((sigma - 0.5) / (sigma[-1] - sigma[0]) + 0.5) + 0.2
    np.testing.assert_allclose([sparsity_at(0.2, 0.9, "sigmoid", t) for t in times], scaled)
    assert (np.diff(cubic) >= 0).all()
    assert (np.diff(scaled) >= 0).all()


def test_the_cubic_schedule_is_ahead_of_the_sigmoid_one_early():
    early = 0.2
    assert sparsity_at(0.5, 0.9, "cubic", early) > sparsity_at(0.5, 0.9, "sigmoid", early)


def test_linear():
    assert [linear(1.0, 3.0, p) for p in (0.0, 0.5, 1.0)] == [1.0, 2.0, 3.0]
