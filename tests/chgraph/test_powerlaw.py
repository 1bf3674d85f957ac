"""Power-law fits: the definition, golden p-values, draws from the fitted law."""

import math

import networkx as nx
import numba
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from chgraph import Graph, metrics
from chgraph.metrics import _powerlaw_core, powerlaw
from tests import golden, naive
from tests.chgraph.test_communities import STOCHASTIC
from tests.chgraph.test_metrics import golden_network
from tests.frequencies import assert_frequencies

COMPILED = not numba.config.DISABLE_JIT


@numba.njit
def zeta(exponent, q):
    return _powerlaw_core.zeta(exponent, q)


@numba.njit
def drawn(number, draws):
    return _powerlaw_core._drawn(number, draws)


def law_degrees(seed, n, exponent):
    """Degrees from a power law with xmin 1."""
    uniform = np.random.default_rng(seed).random(n)
    return np.floor((1.0 - uniform) ** (-1.0 / (exponent - 1.0))).astype(int).clip(max=60)


@given(st.integers(0, 2**32 - 1), st.sampled_from([5, 30, 99, 120]), st.floats(1.3, 4.0))
def test_the_fit_is_its_definition(seed, n, exponent):
    degrees = law_degrees(seed, n, exponent)
    degrees[::7] = 0
    expected, got = naive.power_law_fit(degrees.tolist()), powerlaw._fit(degrees)
    if expected is None:
        assert got is None
        return
    assert (got.exponent, got.xmin) == (expected.exponent, expected.xmin)
    assert got.ks == pytest.approx(expected.distance, rel=1e-10)
    assert got.n_tail == (degrees >= got.xmin).sum()
    assert got.gamma == pytest.approx(naive.corrected(expected, degrees.tolist()), rel=1e-14)


def test_zeta_is_that_of_scipy():
    for exponent in np.arange(101, 1001, 43) / 100:
        for q in (1.0, 2.0, 7.0, 15.0, 16.0, 17.0, 100.0, 1e6, 2.0**53):
            expected = scipy.special.zeta(exponent, q)
            assert zeta(exponent, q) == pytest.approx(expected, rel=2e-15)


def test_samples_follow_the_law():
    degrees = np.repeat([1, 2, 3, 4, 5, 9, 20], [30, 20, 20, 10, 8, 2, 1])
    fit = powerlaw.PowerLawFit(2.5, 3, 0.1, 41, 2.5)
    draws = powerlaw._draws(np.sort(degrees).astype(float), fit)
    n = 100_000 if COMPILED else 4000
    uniform = np.random.default_rng(0).random(n)
    values, tail = np.array([drawn(number, draws) for number in uniform]), 41 / 91
    body = (1 - tail) * np.array([30, 20]) / 50
    law = tail * np.arange(3.0, 12.0) ** -2.5 / scipy.special.zeta(2.5, 3)
    counts = [np.count_nonzero(values == x) for x in range(1, 12)]
    assert_frequencies(np.array(counts), n, np.concatenate([body, law]))
    beyond = tail * scipy.special.zeta(2.5, 12) / scipy.special.zeta(2.5, 3)
    assert_frequencies(np.array([np.count_nonzero(values >= 12)]), n, np.array([beyond]))


def test_large_draws_are_those_of_the_law():
    """Beyond the table: P(X >= x) of the value drawn is on the right side of the number."""
    fit = powerlaw.PowerLawFit(1.5, 2, 0.1, 4, 1.5)
    draws = powerlaw._draws(np.array([2.0, 2.0, 3.0, 9.0]), fit)
    norm = scipy.special.zeta(1.5, 2)
    for number in (1e-2, 3e-3, 1e-4, 1e-6):
        x = drawn(number, draws)
        assert x > 2 + _powerlaw_core.TABLE or number > draws.tail[-1]
        above = scipy.special.zeta(1.5, np.array([x, x + 1.0])) / norm
        assert above[1] <= number * (1 + 1e-7)
        assert above[0] >= number * (1 - 1e-7)
    assert drawn(0.0, draws) == _powerlaw_core.LARGEST


@pytest.mark.skipif(not COMPILED, reason="too slow without compilation")
@pytest.mark.parametrize("name", STOCHASTIC)
def test_p_values_are_those_of_one_range_of_exponents(name):
    entry = golden.read_json("topological_measures.json")[name]
    expected = entry["stochastic"]["powerlaw_p"]["python_consistent_range"]
    p = metrics.powerlaw_p(golden_network(entry), n_samples=4000, rng=0)
    mean, n = np.mean(expected["values"]), expected["reps"] * len(expected["values"])
    error = math.hypot(p.error, math.sqrt(mean * (1 - mean) / n))
    assert abs(p.value - mean) < 4 * error
    assert p.error == pytest.approx(math.sqrt(p.value * (1 - p.value) / 4000), rel=1e-3)


def test_seeds_decide():
    graph = nx.florentine_families_graph()
    values = [metrics.powerlaw_p(graph, n_samples=60, rng=seed) for seed in (1, 1, 2, 3, 4)]
    assert values[0] == values[1]
    assert len({estimate.value for estimate in values}) > 1
    assert values[0].n_draws == 60


def test_samples_in_parts_are_those_at_once(monkeypatch):
    graph = nx.florentine_families_graph()
    whole = metrics.powerlaw_p(graph, n_samples=25, rng=1)
    monkeypatch.setattr(powerlaw, "_UNIFORM_AT_ONCE", 50)
    assert metrics.powerlaw_p(graph, n_samples=25, rng=1) == whole


@pytest.mark.parametrize("graph", [nx.cycle_graph(5), nx.empty_graph(3), Graph.from_links([], [])])
def test_one_degree_makes_no_law(graph):
    for value in (metrics.powerlaw_gamma(graph), metrics.powerlaw_p(graph, rng=0)):
        assert math.isnan(value)
        assert value.reason == "the positive degrees take fewer than two values"
    with pytest.raises(ValueError, match="fewer than two values"):
        metrics.powerlaw_fit(graph)


def test_sides_of_a_layer_have_laws_of_their_own():
    rng = np.random.default_rng(3)
    matrix = rng.random((30, 50)) < 1 / (1 + np.arange(30)[:, None])
    left = powerlaw._fit(matrix.sum(axis=1))
    assert metrics.powerlaw_fit(matrix, side="left") == left
    assert metrics.powerlaw_gamma(matrix, side="right") == powerlaw._fit(matrix.sum(axis=0)).gamma
    joined = np.concatenate([matrix.sum(axis=1), matrix.sum(axis=0)])
    assert metrics.powerlaw_fit(matrix) == powerlaw._fit(joined)


def test_bad_arguments_are_named():
    graph = nx.path_graph(5)
    with pytest.raises(ValueError, match="n_samples must be at least 1, got 0"):
        metrics.powerlaw_p(graph, n_samples=0)
    with pytest.raises(TypeError, match="rng must be"):
        metrics.powerlaw_p(graph, rng="x")
    with pytest.raises(ValueError, match="side must be one of"):
        metrics.powerlaw_gamma([[1, 0]], side="up")
