"""How settings move over training: closed forms, ends, monotony."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chsnn.evolution.schedules import linear, published_epoch, sparsity_at, zeta_at

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
    for schedule in ("sigmoid", "cubic", "extra"):
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


def test_extra_links_go_in_two_steps():
    times = np.linspace(0, 1, 21)
    # EM_S of CHTs: 5 points more until 60 % of T_end, 2.5 after that, none at T_end = 3/4.
    wanted = np.where(times <= 0.45 + 1e-12, 0.94, np.where(times < 0.75, 0.965, 0.99))
    got = [sparsity_at(0.94, 0.99, "extra", t, 0.75) for t in times]
    np.testing.assert_allclose(got, wanted)


@pytest.mark.parametrize("n", [1, 7, 40, 299, 300])
def test_a_training_of_any_length_is_stretched_to_the_published_one(n):
    epochs = [published_epoch(done / n, 300) for done in range(n + 1)]
    assert epochs[0] == 0
    assert epochs[-1] == 300
    steps = np.diff(epochs)
    assert steps.sum() == 300
    assert steps.max() - steps.min() <= 1
