"""Small-worldness against golden values, closed forms and itself."""

import dataclasses
import math

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, Graph, as_graph
from chgraph.metrics import (
    small_world,
    small_world_omega,
    small_world_omega_efficiency,
    small_world_sigma,
    small_world_sigma_efficiency,
)
from chgraph.metrics.small_world import LATTICES
from tests import golden, naive, zoo
from tests.frequencies import n_draws

ALONE = {
    "omega": small_world_omega,
    "sigma": small_world_sigma,
    "omega_efficiency": small_world_omega_efficiency,
    "sigma_efficiency": small_world_sigma_efficiency,
}
GOLDEN_NAMES = {
    "omega": "smallworld_omega",
    "sigma": "smallworld_sigma",
    "omega_efficiency": "smallworld_omega_eff",
    "sigma_efficiency": "smallworld_sigma_eff",
}


@pytest.mark.parametrize("name", golden.stochastic())
def test_golden_null_models_and_measures(name):
    """Means over null models agree within 4.5 standard errors of both sides."""
    stochastic = golden.read_json("topological_measures.json")[name]["stochastic"]
    links, n_nodes = golden.one_graph(name)
    graph = Graph.from_links(*links, n_nodes)
    got = small_world(graph, n_nulls=n_draws(100), lattice="published", rng=0)
    for kind in ("random", "lattice"):
        reference = stochastic[f"smallworld_null_{kind}"]["octave"]
        for measure, expected in reference.items():
            estimate = getattr(got, kind)[measure]
            error = math.hypot(estimate.error, expected["std"] / math.sqrt(expected["n"]))
            assert estimate.value == pytest.approx(expected["mean"], abs=4.5 * error), measure
    for measure, golden_name in GOLDEN_NAMES.items():
        expected = stochastic[golden_name]
        estimate = getattr(got, measure)
        # The reference's 60 null models, if they spread as these do.
        error = math.hypot(estimate.error, estimate.spread / math.sqrt(60))
        assert estimate.value == pytest.approx(expected["octave_60_nulls"], abs=4.5 * error + 1e-12)


# Without convergence: -1.8, -2.3, -1.7, -0.6 and 0.9.
@pytest.mark.parametrize(
    ("graph", "low", "high"),
    [
        (networkx.connected_caveman_graph(10, 6), -1.0, -0.4),
        (networkx.connected_caveman_graph(15, 7), -1.0, -0.6),
        (networkx.watts_strogatz_graph(150, 8, 0.0), -1.0, -0.6),
        (networkx.watts_strogatz_graph(150, 8, 0.1, seed=0), -0.2, 0.2),
        (networkx.watts_strogatz_graph(150, 8, 1.0, seed=0), 0.8, 1.0),
    ],
)
def test_omega_runs_from_lattices_over_small_worlds_to_random_graphs(graph, low, high):
    for measure in (small_world_omega, small_world_omega_efficiency):
        assert measure(graph, n_nulls=2, rng=0).value >= -1.0
    assert low < small_world_omega(graph, n_nulls=2, rng=0).value < high


@given(st.integers(3, 8), st.integers(3, 6), st.floats(0.0, 1.0), st.integers(0, 99))
def test_omega_is_never_below_its_bound(n_caves, size, share, seed):
    caves = networkx.connected_caveman_graph(n_caves, size)
    mixed = networkx.double_edge_swap(caves, int(share * n_caves), max_tries=10**5, seed=seed)
    got = small_world(mixed, n_nulls=2, rng=seed)
    for omega in (got.omega, got.omega_efficiency):
        assert math.isnan(omega.value) or omega.value >= -1.0


@pytest.mark.parametrize("measure", ["omega", "sigma"])
def test_the_spread_is_that_of_repeated_runs(measure):
    links, n_nodes = golden.one_graph("karate")
    graph = Graph.from_links(*links, n_nodes)
    runs = [ALONE[measure](graph, n_nulls=4, rng=seed) for seed in range(n_draws(60))]
    observed = np.std([run.value for run in runs], ddof=1)
    claimed = np.mean([run.error for run in runs])
    # A standard deviation from n runs is known to 1 / sqrt(2 n) of itself.
    assert observed == pytest.approx(claimed, rel=4.5 / math.sqrt(2 * len(runs)))


@pytest.mark.parametrize("kind", LATTICES)
def test_the_measures_are_their_formulas(kind):
    links, n_nodes = golden.one_graph("karate")
    got = small_world(Graph.from_links(*links, n_nodes), n_nulls=4, lattice=kind, rng=1)
    neighbors = naive.neighbors_from_edges(n_nodes, links.T)
    observed = {name: getattr(naive, name)(neighbors) for name in got.observed}
    assert got.observed == pytest.approx(observed, abs=1e-12)
    random = {name: estimate.value for name, estimate in got.random.items()}
    lattice = {name: estimate.value for name, estimate in got.lattice.items()}
    for omega, sigma, local, ratio in (
        (got.omega, got.sigma, "clustering", random["char_path"] / observed["char_path"]),
        (
            got.omega_efficiency,
            got.sigma_efficiency,
            "efficiency_loc",
            random["efficiency_glob"] / observed["efficiency_glob"],
        ),
    ):
        reference = max(lattice[local], observed[local] if kind == "converged" else 0.0)
        assert omega.value == pytest.approx(ratio - observed[local] / reference, abs=1e-12)
        assert sigma.value == pytest.approx(observed[local] / random[local] * ratio, abs=1e-12)


@pytest.mark.parametrize("measure", ALONE)
def test_a_measure_alone_is_the_same(measure):
    graph = networkx.petersen_graph()
    graph.add_edges_from([(0, 2), (1, 3), (5, 6)])
    whole = getattr(small_world(graph, n_nulls=3, rng=2), measure)
    assert ALONE[measure](graph, n_nulls=3, rng=2) == whole
    assert ALONE[measure](graph, n_nulls=3, rng=3) != whole


def test_a_generator_moves_on():
    graph, rng = networkx.newman_watts_strogatz_graph(20, 4, 0.2, seed=1), np.random.default_rng(0)
    assert small_world_omega(graph, rng=rng) != small_world_omega(graph, rng=rng)


def test_more_nulls_begin_with_the_same_ones():
    graph = networkx.newman_watts_strogatz_graph(20, 4, 0.2, seed=1)
    few, more = (small_world_omega(graph, n_nulls=n, rng=4) for n in (1, 2))
    assert math.isnan(few.spread)
    assert not math.isnan(more.spread)
    assert few.value != more.value


# ------------------------------------------------------------------------------- closed forms


def test_complete_graphs_are_their_own_null_models():
    got = small_world(networkx.complete_graph(6), n_nulls=3, rng=0)
    assert (got.omega.value, got.omega_efficiency.value) == (0.0, 0.0)
    assert (got.sigma.value, got.sigma_efficiency.value) == (1.0, 1.0)
    assert got.omega.spread == got.sigma.spread == 0.0


@pytest.mark.parametrize(
    ("graph", "reasons"),
    [
        (networkx.empty_graph(0), ["no two nodes"] * 4),
        (networkx.empty_graph(1), ["no two nodes"] * 4),
        (networkx.empty_graph(5), ["no two nodes"] * 4),
        (networkx.star_graph(5), ["the lattice-like", "the random"] * 2),
        (networkx.path_graph(2), ["the lattice-like", "the random"] * 2),
        (BipartiteGraph.from_links([], [], (3, 4)), ["no two nodes"] * 4),
    ],
)
def test_what_is_undefined_says_why(graph, reasons):
    for (measure, alone), reason in zip(ALONE.items(), reasons, strict=True):
        estimate = alone(graph, n_nulls=2, rng=0)
        assert math.isnan(estimate.value), measure
        assert estimate.reason.startswith(reason), measure


def test_disconnected_graphs_have_all_measures():
    two = networkx.disjoint_union(networkx.complete_graph(5), networkx.complete_graph(5))
    got = small_world(two, n_nulls=3, rng=0)
    assert got.observed["char_path"] == got.observed["clustering"] == 1.0
    assert all(np.isfinite(getattr(got, name).value) for name in ALONE)
    assert got.sigma.value > 1


def test_every_graph_of_the_zoo_gets_numbers_or_reasons(graph):
    got = small_world(graph, n_nulls=2, rng=0)
    for name in ALONE:
        estimate = getattr(got, name)
        assert math.isnan(estimate.value) == bool(estimate.reason)


def test_a_layer_has_no_triangle():
    got = small_world(zoo.GRAPHS["dense"], n_nulls=3, rng=0)
    assert (got.sigma.value, got.sigma_efficiency.value) == (0.0, 0.0)
    assert got.omega.value > 0.9


def test_a_lattice_is_more_of_one_than_a_random_graph():
    ring = networkx.watts_strogatz_graph(40, 6, 0.0, seed=0)
    random = networkx.watts_strogatz_graph(40, 6, 1.0, seed=0)
    omegas = [small_world_omega(graph, n_nulls=5, rng=0).value for graph in (ring, random)]
    assert omegas[0] < 0 < omegas[1]
    assert small_world_sigma(as_graph(ring), n_nulls=5, rng=0).value > 2


def test_results_are_frozen():
    got = small_world(networkx.complete_graph(4), n_nulls=2, rng=0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        got.omega = got.sigma


@pytest.mark.parametrize("measure", [small_world, small_world_omega, small_world_omega_efficiency])
def test_kinds_of_lattice_are_named(measure):
    with pytest.raises(ValueError, match=r"^lattice must be one of 'converged', 'published'"):
        measure(networkx.path_graph(4), lattice="ring")


@pytest.mark.parametrize("measure", [small_world, *ALONE.values()])
@pytest.mark.parametrize(
    ("change", "error", "name"),
    [
        ({"n_nulls": 0}, ValueError, "n_nulls"),
        ({"n_nulls": 2.0}, TypeError, "n_nulls"),
        ({"rng": "x"}, TypeError, "rng"),
        ({"graph": "karate"}, TypeError, "expected a"),
    ],
)
def test_bad_input_is_named(measure, change, error, name):
    arguments = {"graph": networkx.path_graph(4), **change}
    with pytest.raises(error, match=rf"^{name}\b"):
        measure(arguments.pop("graph"), **arguments)
