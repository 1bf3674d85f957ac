"""The evolution step: counts, dead neurons, values, optimizer state, reproducibility."""

import itertools
from contextlib import contextmanager
from typing import get_args, get_type_hints

import numba
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chgraph.linkpred import automata
from chgraph.rewiring import REMOVAL_KINDS, SAMPLINGS
from chgraph.rewiring import regrowth as regrowth_module
from chgraph.threads import thread_limit, workers_for
from chsnn import Evolution, sparse_layers
from chsnn.evolution import prune_regrow as evolution_module
from chsnn.networks import mlp
from chsnn.optimizers import make_optimizer
from tests import naive
from tests.chsnn.evolution.small import evolving, network, state_of, step

REGROWTHS = get_args(get_type_hints(Evolution)["regrowth"])


@st.composite
def networks(draw):
    sizes = draw(st.lists(st.integers(1, 9), min_size=2, max_size=5))
    density = draw(st.sampled_from([0.15, 0.3, 0.6]))
    return network(sizes, density, draw(st.integers(0, 2**32 - 1)), draw(st.booleans()))


evolutions = st.builds(
    Evolution,
    zeta=st.sampled_from([0.0, 0.3, 0.9]),
    zeta_schedule=st.just("constant"),
    removal=st.sampled_from(REMOVAL_KINDS),
    regrowth=st.sampled_from(REGROWTHS),
    sampling=st.sampled_from(SAMPLINGS),
    temperature=st.sampled_from([0.5, 1.0, 3.0]),
)


def targets_of(net):
    """How many links each layer is to keep having, None where it is not rewired."""
    names = evolving(net)
    return [
        layer.graph.n_links if name in names else None for name, layer in sparse_layers(net).items()
    ]


def dense(net):
    """Each layer as a boolean (n_in, n_out) matrix."""
    return [graph.biadjacency().toarray() != 0 for graph in net.graphs]


def weights(net):
    """Each layer as a float (n_in, n_out) matrix."""
    return [layer.dense_weight().detach().numpy().T.copy() for layer in net.layers]


def dead_neurons(net):
    """Masks of the hidden neurons without incoming or without outgoing links."""
    return [
        (graph.right_degree == 0) | (following.left_degree == 0)
        for graph, following in itertools.pairwise(net.graphs)
    ]


@given(networks(), evolutions)
def test_links_are_conserved_or_reported_missing(net, evolution):
    targets = targets_of(net)
    state = state_of(evolution, net)
    for index in range(3):
        record = step(evolution, net, index, state=state)
        short = [
            target - graph.n_links
            for target, graph in zip(targets, net.graphs, strict=True)
            if target is not None
        ]
        assert min(short, default=0) >= 0
        assert record.missing == sum(short)
        live = [np.ones(net.sizes[0], bool), *(~m for m in dead_neurons(net)), np.ones(1, bool)]
        live[-1] = np.ones(net.sizes[-1], bool)
        for target, graph, (left, right) in zip(
            targets, net.graphs, itertools.pairwise(live), strict=True
        ):
            if target is not None and graph.n_links < target:
                # Short only because every pair of live neurons is linked.
                assert graph.n_links == left.sum() * right.sum()
    assert state.targets == {
        name: target
        for name, target in zip(sparse_layers(net), targets, strict=True)
        if target is not None
    }


@given(networks(), evolutions)
def test_dead_neurons_have_no_link_and_never_come_back(net, evolution):
    were_dead = [np.zeros(size, bool) for size in net.sizes[1:-1]]
    state = state_of(evolution, net)
    for index in range(4):
        record = step(evolution, net, index, state=state)
        dead = dead_neurons(net)
        assert [mask.tolist() for mask in dead] == [
            mask.tolist() for mask in naive.dead_neurons(dense(net))
        ]
        for mask, before, graph, following in zip(
            dead, were_dead, net.graphs[:-1], net.graphs[1:], strict=True
        ):
            assert not graph.right_degree[mask].any()
            assert not following.left_degree[mask].any()
            assert not (before & ~mask).any()
        assert record.dead_neurons == sum(int(mask.sum()) for mask in dead)
        assert record.silent_inputs == (net.graphs[0].left_degree == 0).sum()
        were_dead = dead


@given(networks(), evolutions)
def test_the_record_accounts_for_every_link(net, evolution):
    targets = targets_of(net)
    before = dense(net)
    record = step(evolution, net)
    after = dense(net)
    n_before = [int(layer.sum()) for layer in before]
    assert record.zeta == evolution.zeta
    assert record.pruned == sum(
        round(evolution.zeta * n) for n, t in zip(n_before, targets, strict=True) if t is not None
    )
    lost = record.pruned + record.chain_removed
    assert sum(layer.sum() for layer in after) == sum(n_before) - lost + record.regrown
    new = sum(int((a & ~b).sum()) for a, b in zip(after, before, strict=True))
    assert record.regrown - record.returned == new
    assert record.missing == sum(
        (target or 0) - int(layer.sum())
        for target, layer in zip(targets, after, strict=True)
        if target is not None
    )


@given(networks(), evolutions)
def test_links_that_stay_keep_their_value_and_new_ones_start_at_zero(net, evolution):
    before, old = dense(net), weights(net)
    record = step(evolution, net)
    n_reset = 0
    for was, value, now, new_value in zip(before, old, dense(net), weights(net), strict=True):
        # A link that was pruned and grown again in the same step is a new link.
        reset = was & now & (new_value == 0) & (value != 0)
        n_reset += reset.sum()
        stayed = was & now & ~reset
        np.testing.assert_array_equal(new_value[stayed], value[stayed])
        assert not new_value[now & ~was].any()
    assert n_reset <= record.returned


@given(networks(), evolutions)
def test_a_layer_that_does_not_evolve_loses_only_the_links_of_dead_neurons(net, evolution):
    before, targets = dense(net), targets_of(net)
    step(evolution, net)
    live = [np.ones(net.sizes[0], bool), *(~mask for mask in dead_neurons(net))]
    live.append(np.ones(net.sizes[-1], bool))
    for i, target in enumerate(targets):
        if target is None:
            expected = before[i] & np.outer(live[i], live[i + 1])
            np.testing.assert_array_equal(dense(net)[i], expected)


@pytest.mark.parametrize("regrowth", REGROWTHS)
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_the_same_seed_gives_the_same_network_on_any_number_of_threads(
    regrowth, sampling, monkeypatch
):
    granted = []

    def recording(limit):
        @contextmanager
        def recorded(*arguments):
            with limit(*arguments) as threads:
                granted.append(threads)
                yield threads

        return recorded

    monkeypatch.setattr(regrowth_module, "thread_limit", recording(thread_limit))
    monkeypatch.setattr(automata, "workers_for", recording(workers_for))
    evolution = Evolution(zeta=0.5, regrowth=regrowth, sampling=sampling)
    sizes = (750, 700, 5)  # enough to do for the work to be split
    nets = [network(sizes, 0.05, 3) for _ in range(2)]
    for n_threads, net in enumerate(nets, start=1):
        granted.clear()
        state = state_of(evolution, net, n_threads=n_threads)
        step(evolution, net, state=state)
        # What is drawn uniformly, or taken from the largest gradients, is found on one thread.
        is_split = regrowth != "random" and (regrowth, sampling) != ("gradient", "hard")
        most = min(n_threads, numba.config.NUMBA_NUM_THREADS)
        assert max(granted, default=0) == most or not is_split
    assert nets[0].graphs == nets[1].graphs
    assert nets[0].graphs != network(sizes, 0.05, 3).graphs
    for one, two in zip(*(net.layers for net in nets), strict=True):
        assert torch.equal(one.values, two.values)


def test_seed_and_step_number_change_the_draws():
    graphs = []
    for seed, index in ((1, 0), (2, 0), (1, 1)):
        net = network((12, 15, 14, 5), 0.25, 0)
        step(Evolution(), net, index, seed=seed)
        graphs.append(net.graphs)
    assert graphs[0] != graphs[1] != graphs[2] != graphs[0]


def test_every_draw_has_a_stream_of_its_own_that_can_be_replayed(monkeypatch):
    def streams(seed):
        seen = []
        for name in ("select_links", "regrow_links"):
            draw = getattr(evolution_module, name)

            def recording(*arguments, draw=draw, **options):
                seen.append(options["rng"].bit_generator.state["state"]["state"])
                return draw(*arguments, **options)

            monkeypatch.setattr(evolution_module, name, recording)
        net = network((12, 15, 14, 5), 0.25, 0)
        for index in range(3):
            step(Evolution(), net, index, seed=seed)
        monkeypatch.undo()
        return seen

    first = streams(1)
    assert len(first) == 3 * 2 * 2  # steps, evolving layers, pruning and regrowth
    assert len({*first, *streams(2)}) == 2 * len(first)
    assert streams(1) == first


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_optimizer_state_follows_the_links(name):
    net = network((12, 15, 14, 5), 0.25, 3)
    optimizer = make_optimizer(net.parameters(), name, learning_rate=0.1)
    for layer in net.layers:
        # Each link gets a gradient of its own, recognizable after the step.
        layer.values.grad = torch.arange(1.0, layer.graph.n_links + 1)
    optimizer.step()
    key = "momentum_buffer" if name == "sgd" else "exp_avg"
    before = [(layer.graph, optimizer.state[layer.values][key]) for layer in net.layers]
    record = step(Evolution(zeta=0.5), net, optimizer=optimizer)
    n_reset = 0
    for layer, (graph, state) in zip(net.layers, before, strict=True):
        source = graph.link_ids(*layer.graph.links())
        carried = optimizer.state[layer.values][key].numpy()
        expected = np.where(source >= 0, state.numpy()[source], 0.0)
        reset = (carried == 0) & (expected != 0)
        np.testing.assert_array_equal(carried[~reset], expected[~reset])
        assert not layer.values.detach().numpy()[reset].any()
        n_reset += reset.sum()
    assert n_reset == record.returned
    net(torch.rand(3, 12, generator=torch.Generator().manual_seed(0))).sum().backward()
    optimizer.step()
    assert all(torch.isfinite(layer.values).all() for layer in net.layers)


def test_hard_pruning_removes_the_weakest_links():
    net = mlp((6, 8, 2), sparsity=0.5, seed=0)
    layer, graph = net.layers[0], net.graphs[0]
    strength = np.random.default_rng(0).permutation(24) + 1.0  # in no order
    layer.set_values(strength)
    step(Evolution(zeta=0.25, removal="magnitude", sampling="hard"), net)
    survivors = graph.link_ids(*net.graphs[0].links())
    assert set(np.flatnonzero(strength > 6)) <= set(survivors.tolist())
    # What came back of the six weakest has lost its weight: they were removed.
    kept = layer.values.detach()[layer.values.detach() > 0]
    assert sorted(kept.tolist()) == list(range(7, 25))


def test_soft_pruning_keeps_strong_links_more_often():
    net = mlp((40, 50, 2), sparsity=0.5, seed=0)
    layer, graph = net.layers[0], net.graphs[0]
    layer.set_values(np.arange(graph.n_links, 0.0, -1.0))
    step(Evolution(zeta=0.5, zeta_schedule="constant", removal="magnitude"), net)
    kept = layer.values.detach()[layer.values.detach() > 0].numpy()
    assert kept.size == graph.n_links // 2
    # The mean of a draw in proportion to size without replacement, between uniform and the top.
    assert 0.55 < kept.mean() / graph.n_links < 0.72


def test_zeta_of_zero_changes_nothing_in_a_living_network():
    net = mlp((6, 8, 2), sparsity=0.5, seed=0)
    graphs, values = net.graphs, [layer.values.clone() for layer in net.layers]
    record = step(Evolution(zeta=0.0), net)
    assert (record.pruned, record.regrown, net.graphs) == (0, 0, graphs)
    for layer, value in zip(net.layers, values, strict=True):
        assert torch.equal(layer.values, value)


def test_zeta_falls_along_a_cosine_or_stays():
    falling, constant = Evolution(zeta=0.4), Evolution(zeta=0.4, zeta_schedule="constant")
    progress = np.linspace(0, 1, 5)
    expected = 0.2 * (1 + np.cos(np.pi * progress))
    np.testing.assert_allclose([falling.zeta_at(p) for p in progress], expected, atol=1e-15)
    assert [constant.zeta_at(p) for p in progress] == [0.4] * 5


@pytest.mark.parametrize(
    ("settings", "error", "name"),
    [
        ({"zeta": 1.0}, ValueError, "zeta"),
        ({"zeta": "0.3"}, TypeError, "zeta"),
        ({"zeta_schedule": "linear"}, ValueError, "zeta_schedule"),
        ({"every": 0}, ValueError, "every"),
        ({"every": "batch"}, TypeError, "every"),
        ({"removal": "lrs"}, ValueError, "removal"),
        ({"regrowth": "CH9"}, ValueError, "regrowth"),
        ({"sampling": "firm"}, ValueError, "sampling"),
        ({"temperature": -1.0}, ValueError, "temperature"),
    ],
)
def test_bad_settings_are_named(settings, error, name):
    with pytest.raises(error, match=rf"^{name}\b"):
        Evolution(**settings)
