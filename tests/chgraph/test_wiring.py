"""Wiring and dead chains, by hand and against the oracle."""

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, as_bipartite
from chgraph.rewiring import Junction, Wiring, remove_dead_chains
from tests import naive, zoo
from tests.naive.rewiring import dead_in_wiring

SEEDS = st.integers(0, 2**32 - 1)
HERE, GONE, ONE = ([0], [0], (1, 1)), ([], [], (1, 1)), np.ones((1, 1), dtype=bool)


def graphs_of(layers):
    return {name: as_bipartite(np.asarray(layer, dtype=bool)) for name, layer in layers.items()}


def named(layers):
    return {f"layer{i}": layer for i, layer in enumerate(layers)}


def masks(result):
    return [mask.tolist() for mask in result.dead]


def counts(result):
    return {name: graph.n_links for name, graph in result.graphs.items()}


# ------------------------------------------------------------------------------------- by hand


def test_death_spreads_forward_and_backward_along_a_path():
    layers = named(BipartiteGraph.from_links(*x) for x in (HERE, HERE, GONE, HERE, HERE))
    result = remove_dead_chains(layers, Wiring.path(layers))
    assert masks(result) == [[True]] * 4
    assert list(counts(result).values()) == [0] * 5
    assert {name: mask.tolist() for name, mask in result.silent_inputs.items()} == {
        "layer0": [True]
    }
    assert [mask.tolist() for mask in result.live("layer0")] == [[True], [False]]
    assert [mask.tolist() for mask in result.live("layer2")] == [[False], [False]]
    assert [mask.tolist() for mask in result.live("layer4")] == [[False], [True]]


def test_a_neuron_of_a_residual_lives_by_any_of_its_sources():
    # Stream neuron 0 is fed by "stem", 1 by "inner" alone, 2 by nobody. Stream 2 was the only
    # input of "inner" to hidden neuron 1, which was the only feeder of stream neuron 3.
    layers = {
        "stem": [[1, 0, 0, 0]],
        "up": [[1, 0], [0, 0], [0, 1], [0, 0]],
        "inner": [[0, 1, 0, 0], [0, 0, 0, 1]],
        "head": [[1], [1], [1], [1]],
    }
    wiring = Wiring(
        (
            Junction(4, sources=("stem", "inner"), targets=("up", "head")),
            Junction(2, sources=("up",), targets=("inner",)),
        )
    )
    result = remove_dead_chains(graphs_of(layers), wiring)
    assert masks(result) == [[False, False, True, True], [False, True]]
    assert counts(result) == {"stem": 1, "up": 1, "inner": 1, "head": 2}
    assert result.kept["head"].tolist() == [0, 1]
    assert result.graphs["up"].links()[0].tolist() == [0]


def test_a_shared_layer_is_named_once():
    # "shared" runs on two populations of one junction: what feeds either of them counts.
    layers = {
        "a": [[1, 0, 0]],
        "b": [[0, 1, 0]],
        "shared": [[1, 0], [0, 0], [1, 1]],
        "out": [[1], [1]],
    }
    wiring = Wiring(
        (
            Junction(3, sources=("a", "b"), targets=("shared",)),
            Junction(2, sources=("shared",), targets=("out",)),
        )
    )
    result = remove_dead_chains(graphs_of(layers), wiring)
    assert masks(result) == [[False, True, True], [False, True]]
    assert counts(result) == {"a": 1, "b": 0, "shared": 1, "out": 1}


@pytest.mark.parametrize(
    ("open_in", "open_out", "dead"),
    [
        (False, False, [False, True, True, True]),
        (True, False, [False, False, True, True]),  # a bias feeds neuron 1; 2 and 3 unread
        (False, True, [False, True, False, True]),  # a skip reads neuron 2; 1 and 3 unfed
        (True, True, [False] * 4),
    ],
)
def test_on_an_open_side_nobody_dies(open_in, open_out, dead):
    layers = {"first": [[1, 0, 1, 0]], "second": [[1], [1], [0], [0]]}
    wiring = Wiring((Junction(4, ("first",), ("second",), open_in, open_out),))
    result = remove_dead_chains(graphs_of(layers), wiring)
    assert masks(result) == [dead]
    assert result.live("first")[1].tolist() == [not d for d in dead] == [*result.live("second")[0]]
    expected = [np.array(m, dtype=bool) for m in layers.values()]
    expected[0][:, dead], expected[1][dead] = False, False
    assert list(result.graphs.values()) == [as_bipartite(m) for m in expected]


def test_a_side_without_layers_and_a_layer_without_junctions_are_open():
    layers = graphs_of({"in": [[1, 0]], "out": [[0], [1]], "alone": [[0, 0], [0, 1]]})
    wiring = Wiring((Junction(2, sources=("in",)), Junction(2, targets=("out",))))
    result = remove_dead_chains(layers, wiring)
    assert masks(result) == [[False, True], [True, False]]
    assert result.graphs == layers
    assert {k: v.tolist() for k, v in result.silent_inputs.items()} == {
        "in": [False],
        "alone": [True, False],
    }
    nobody = remove_dead_chains(layers, Wiring())
    assert (nobody.graphs, nobody.dead) == (layers, ())
    assert all(mask.all() for name in layers for mask in nobody.live(name))
    assert remove_dead_chains({}, Wiring()).graphs == {}


def test_a_recurrent_layer_is_its_own_neighbor():
    # 0 -> 1 -> 2 inside, 0 is fed, 2 is read; 3 feeds 4 but is fed by nobody; 4 is read.
    inside = np.zeros((5, 5))
    inside[[0, 1, 3], [1, 2, 4]] = 1
    layers = graphs_of({"in": np.eye(1, 5), "inside": inside, "out": np.eye(5)[:, [2, 4]]})
    wiring = Wiring((Junction(5, ("in", "inside"), ("inside", "out")),))
    result = remove_dead_chains(layers, wiring)
    assert masks(result) == [[False, False, False, True, True]]
    assert counts(result) == {"in": 1, "inside": 2, "out": 1}
    # What hangs on a link of a neuron to itself stays: it may keep its state.
    alone = remove_dead_chains(graphs_of({"r": [[1]]}), Wiring((Junction(1, ("r",), ("r",)),)))
    assert masks(alone) == [[False]]


def test_a_fixed_layer_keeps_its_links_and_its_neighbors_do_not():
    layers = named(BipartiteGraph.from_links(*x) for x in (HERE, HERE, GONE, HERE))
    result = remove_dead_chains(layers, Wiring.path(layers), fixed=["layer1"])
    assert masks(result) == [[True]] * 3
    assert result.graphs["layer1"] is layers["layer1"]
    assert result.kept["layer1"].tolist() == [0]
    assert counts(result) == {"layer0": 0, "layer1": 1, "layer2": 0, "layer3": 0}
    assert [mask.tolist() for mask in result.live("layer1")] == [[False], [False]]


def test_a_long_chain_in_one_layer():
    n = 3000  # rounds over all neurons would take n of them
    ring = BipartiteGraph.from_links(np.arange(n - 1), np.arange(1, n), (n, n))
    wiring = Wiring((Junction(n, ("ring",), ("ring",)),))
    result = remove_dead_chains({"ring": ring}, wiring)
    assert result.dead[0].all()
    assert result.graphs["ring"].n_links == 0


# -------------------------------------------------------------------------- against the oracle


@st.composite
def wired_layers(draw):
    """Layers and a wiring of any form: shared, recurrent, open, with sides nobody names."""
    rng = np.random.default_rng(draw(SEEDS))
    density = draw(st.sampled_from([0.15, 0.3, 0.5]))
    n_junctions, n_layers = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    sizes = rng.integers(0, 6, n_junctions)
    junctions = [
        {"size": int(size), "sources": [], "targets": [], "open_in": a, "open_out": b}
        for size, a, b in zip(sizes, *rng.random((2, n_junctions)) < 0.2, strict=True)
    ]
    layers = {}
    for i in range(n_layers):
        shape = []
        for side in ("targets", "sources"):  # left, right
            place = int(rng.integers(-1, n_junctions))
            if place >= 0:
                junctions[place][side].append(f"layer{i}")
            shape.append(junctions[place]["size"] if place >= 0 else int(rng.integers(1, 5)))
        layers[f"layer{i}"] = rng.random(shape) < density
    fixed = {name for name in layers if rng.random() < 0.2}
    return layers, junctions, fixed


@given(wired_layers())
def test_the_dead_lose_their_links_and_nobody_else_does(drawn):
    layers, junctions, fixed = drawn
    given_graphs = graphs_of(layers)
    wiring = Wiring(tuple(Junction(**junction) for junction in junctions))
    result = remove_dead_chains(given_graphs, wiring, fixed=fixed)
    dead, left = dead_in_wiring(layers, junctions)
    assert masks(result) == [mask.tolist() for mask in dead]
    silent = {}
    for name, layer in layers.items():
        expected = layer if name in fixed else left[name]
        assert result.graphs[name] == as_bipartite(expected)
        assert given_graphs[name].keep_links(result.kept[name]) == result.graphs[name]
        assert result.kept[name].dtype == np.int64
        ends = [np.ones(n, dtype=bool) for n in layer.shape]
        for junction, gone in zip(junctions, dead, strict=True):
            for side, kind in enumerate(("targets", "sources")):
                if name in junction[kind]:
                    ends[side] = ~gone
        for got, live in zip(result.live(name), ends, strict=True):
            np.testing.assert_array_equal(got, live)
        if not any(name in junction["targets"] for junction in junctions):
            silent[name] = (~expected.any(axis=1)).tolist()
    assert {name: mask.tolist() for name, mask in result.silent_inputs.items()} == silent


@given(wired_layers())
def test_removal_of_chains_is_done_once(drawn):
    layers, junctions, _ = drawn
    wiring = Wiring(tuple(Junction(**junction) for junction in junctions))
    once = remove_dead_chains(graphs_of(layers), wiring)
    again = remove_dead_chains(once.graphs, wiring)
    assert again.graphs == once.graphs
    assert masks(again) == masks(once)


@given(st.lists(st.integers(1, 6), min_size=2, max_size=5), SEEDS, st.sampled_from([0.2, 0.35]))
def test_a_path_is_the_rule_of_feed_forward_networks(sizes, seed, density):
    rng = np.random.default_rng(seed)
    layers = [rng.random(shape) < density for shape in itertools.pairwise(sizes)]
    graphs = graphs_of(named(layers))
    result = remove_dead_chains(graphs, Wiring.path(graphs))
    assert masks(result) == [mask.tolist() for mask in naive.dead_neurons(layers)]


# ---------------------------------------------------------------------------------- what is said


def test_wiring_is_a_value():
    wiring = Wiring([Junction(2, sources=["a"], targets=["b"])])
    assert (
        wiring
        == Wiring((Junction(np.int64(2), ("a",), ("b",)),))
        == pickle.loads(pickle.dumps(wiring))
    )
    assert hash(wiring) == hash(Wiring((Junction(2, ("a",), ("b",)),)))
    assert wiring != Wiring((Junction(2, ("a",), ("b",), open_in=True),))
    assert (wiring.junction_after("a"), wiring.junction_before("a")) == (0, None)
    assert (wiring.junction_after("b"), wiring.junction_before("b")) == (None, 0)


def test_the_path_of_one_layer_has_no_junction(graph):
    layers = {"only": graph}
    assert Wiring.path(layers) == Wiring()
    result = remove_dead_chains(layers, Wiring.path(layers))
    assert (result.graphs, result.dead) == (layers, ())


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ({"size": -1}, ValueError, "size"),
        ({"size": 2.0}, TypeError, "size"),
        ({"size": 2, "sources": "layer"}, TypeError, "sources"),
        ({"size": 2, "targets": (1,)}, TypeError, "targets"),
        ({"size": 2, "targets": None}, TypeError, "targets"),
        ({"size": 2, "open_in": 1}, TypeError, "open_in"),
        ({"size": 2, "open_out": "no"}, TypeError, "open_out"),
    ],
)
def test_junction_names_bad_input(arguments, error, name):
    with pytest.raises(error, match=rf"^{name}\b"):
        Junction(**arguments)


@pytest.mark.parametrize(
    ("junctions", "message"),
    [
        ((Junction(2, sources=("c",)),), r"junctions\[0\]\.sources names layer 'c'; .* 'a', 'b'"),
        ((Junction(3, sources=("a",)),), r"junctions\[0\] has 3 neurons .* 'a' .* 4 right nodes"),
        ((Junction(4, targets=("b",)),), r"junctions\[0\] has 4 neurons .* 'b' .* 3 left nodes"),
        (
            (Junction(4), Junction(4, ("a",)), Junction(4, ("a",))),
            r"layer 'a' stands in sources of junctions\[1\] and of junctions\[2\]",
        ),
        ((Junction(3, targets=("b", "b")),), "'b' stands in targets"),
    ],
)
def test_a_wiring_that_does_not_fit_is_refused(junctions, message):
    layers = graphs_of({"a": np.ones((2, 4)), "b": np.ones((3, 2))})
    with pytest.raises(ValueError, match=f"^wiring: .*{message}"):
        Wiring(junctions).check(layers)
    with pytest.raises(ValueError, match=f"^wiring: .*{message}"):
        remove_dead_chains(layers, Wiring(junctions))


WIDE = {"a": zoo.GRAPHS["wide"]}


@pytest.mark.parametrize(
    ("call", "error", "name"),
    [
        (lambda: Wiring.path({**WIDE, "b": zoo.GRAPHS["wide"]}), ValueError, "graphs"),
        (lambda: Wiring.path([zoo.GRAPHS["wide"]]), TypeError, "graphs"),
        (lambda: Wiring.path({"a": np.ones((2, 2))}), TypeError, "graphs"),
        (lambda: Wiring.path({0: zoo.GRAPHS["wide"]}), TypeError, "graphs"),
        (lambda: Wiring((3,)), TypeError, "junctions"),
        (lambda: Wiring(Junction(3)), TypeError, "junctions"),
        (lambda: remove_dead_chains([zoo.GRAPHS["wide"]], Wiring()), TypeError, "graphs"),
        (lambda: remove_dead_chains(WIDE, None), TypeError, "wiring"),
        (lambda: remove_dead_chains(WIDE, Wiring(), fixed="a"), TypeError, "fixed"),
        (lambda: remove_dead_chains(WIDE, Wiring(), fixed=["b"]), ValueError, "fixed"),
        (lambda: remove_dead_chains(WIDE, Wiring()).live("b"), ValueError, "name"),
    ],
)
def test_bad_arguments_are_named(call, error, name):
    with pytest.raises(error, match=rf"^{name}\b"):
        call()
