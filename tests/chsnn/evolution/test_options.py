"""Options of the evolution step: gradients, new weights, density, early stop, sampling."""

import numpy as np
import pytest
import torch

from chsnn import Evolution
from chsnn.networks import mlp
from chsnn.optimizers import make_optimizer
from chsnn.weights import sswi
from tests.chsnn.evolution.small import (
    codes,
    codes_in_order,
    gradients_of,
    network,
    state_of,
    step,
)


def test_gradient_regrowth_adds_the_links_with_the_largest_dense_gradient():
    net = network((10, 12, 4), 0.3, seed=1)
    evolution = Evolution(removal="magnitude", regrowth="gradient", sampling="hard", zeta=0.4)
    before = net.graphs[0]
    weights = net.layers[0].values.detach().abs().numpy()
    kept = np.argsort(-weights, kind="stable")[: before.n_links - round(0.4 * before.n_links)]
    gradient = gradients_of(net)["layers.0"].rows(0, 10).abs().numpy().ravel().copy()
    kept_codes = codes(before.keep_links(np.sort(kept)))
    step(evolution, net)
    grown = codes(net.graphs[0]) - kept_codes
    gradient[list(kept_codes)] = -1.0
    best = np.argsort(-gradient, kind="stable")[: len(grown)]
    assert gradient[best[-1]] > 0
    assert grown == set(best.tolist())


def test_new_weights_drawn_as_at_the_start_have_its_spread_and_old_ones_stay():
    net = mlp((60, 80, 10), sparsity=0.5, seed=0)
    layer, before = net.layers[0], net.graphs[0]
    values = layer.values.detach().numpy().copy()
    record = step(Evolution(zeta=0.4, regrowth="random", new_weights="SSWI"), net)
    source = before.link_ids(*layer.graph.links())
    now = layer.values.detach().numpy()
    stayed = source >= 0
    same = stayed & (now == values[source])
    assert same.sum() == before.n_links - record.pruned
    drawn = now[~same]
    assert drawn.size == record.regrown
    expected = sswi(before, activity_sparsity=layer.input_activity_sparsity, rng=1).std()
    assert drawn.std() == pytest.approx(expected, rel=0.1)


def test_a_link_that_returns_can_take_its_last_weight_again():
    net = network((8, 9, 3), 0.5, seed=4)
    evolution = Evolution(zeta=0.5, regrowth="random", new_weights="last")
    state = state_of(evolution, net, seed=1)
    last: dict[int, float] = {}
    seen = 0
    for index in range(12):
        layer, before = net.layers[0], net.graphs[0]
        old = dict(zip(codes_in_order(before), layer.values.tolist(), strict=True))
        step(evolution, net, index, state=state)
        now = dict(zip(codes_in_order(net.graphs[0]), layer.values.tolist(), strict=True))
        for code, value in now.items():
            # It stayed, or came back with what it had when it went, or was never there.
            assert value == old.get(code, last.get(code, 0.0))
            seen += code not in old and code in last
        last |= old
        with torch.no_grad():
            layer.values += 1.0
    assert seen > 5


@pytest.mark.parametrize("schedule", ["sigmoid", "cubic"])
def test_density_falls_to_the_sparsity_asked_for_exactly(schedule):
    net = mlp((20, 30, 25, 5), sparsity=0.5, seed=0)
    evolution = Evolution(
        density_schedule=schedule, final_sparsity=0.9, density_until=0.5, zeta_schedule="constant"
    )
    optimizer = make_optimizer(net.parameters(), "adam", learning_rate=0.01)
    net(torch.rand(4, 20)).sum().backward()
    optimizer.step()
    state = state_of(evolution, net, optimizer, seed=1)
    counts = []
    for index in range(10):
        progress = (index + 1) / 10
        step(evolution, net, index, state=state, progress=progress)
        counts.append([graph.n_links for graph in net.graphs])
        assert evolution.is_settled(progress) == (progress >= 0.5)
    first, second, _ = np.array(counts).T
    assert (np.diff(first) <= 0).all()
    assert first[0] > 60
    assert set(first[4:]) == {60}
    assert set(second[4:]) == {75}
    assert state.targets == {"layers.0": 60, "layers.1": 75}


def test_a_network_sparser_than_its_end_is_refused():
    net = mlp((20, 30, 5), sparsity=0.95, seed=0)
    evolution = Evolution(density_schedule="cubic", final_sparsity=0.9)
    with pytest.raises(ValueError, match=r"^final_sparsity"):
        state_of(evolution, net, seed=0)


def test_an_end_without_links_is_refused_at_the_start():
    net = mlp((20, 30, 5), sparsity=0.5, seed=0)
    before = net.graphs
    evolution = Evolution(density_schedule="cubic", final_sparsity=0.9999)
    with pytest.raises(ValueError, match=r"^final_sparsity.*layers.0.*without links"):
        state_of(evolution, net)
    assert net.graphs == before
    state_of(Evolution(density_schedule="cubic", final_sparsity=0.998), net)  # one link is left


def test_a_layer_that_brings_back_what_it_removed_comes_to_rest():
    # One pair is unlinked: whatever goes must come back, or be that pair.
    net = mlp((6, 8, 2), sparsity=1 / 48, seed=0)
    evolution = Evolution(
        zeta=0.3, zeta_schedule="constant", regrowth="random", removal="random", stop_overlap=0.5
    )
    state = state_of(evolution, net, seed=0)
    first = step(evolution, net, 0, state=state)
    assert first.pruned == 14
    assert first.overlap == first.returned / first.regrown > 0.5
    assert first.stopped_layers == 1
    second = step(evolution, net, 1, state=state)
    assert (second.pruned, second.regrown, second.stopped_layers) == (0, 0, 1)


def test_a_layer_with_little_overlap_goes_on():
    net = mlp((20, 30, 5), sparsity=0.9, seed=0)
    evolution = Evolution(regrowth="random", zeta_schedule="constant", stop_overlap=0.9)
    state = state_of(evolution, net, seed=0)
    for index in range(3):
        record = step(evolution, net, index, state=state)
        assert record.stopped_layers == 0
        assert record.pruned > 0


def test_removal_and_regrowth_can_be_sampled_differently():
    def graphs(**sampling):
        net = network((12, 15, 14, 5), 0.25, 0)
        step(Evolution(**sampling), net)
        return net.graphs

    soft, hard = graphs(sampling="soft"), graphs(sampling="hard")
    mixed = graphs(sampling="soft", regrowth_sampling="hard")
    assert graphs(sampling="soft", regrowth_sampling="soft") == soft
    assert mixed not in (soft, hard)
    kept_soft = codes(network((12, 15, 14, 5), 0.25, 0).graphs[0]) & codes(soft[0])
    assert len(kept_soft & codes(mixed[0])) > len(kept_soft & codes(hard[0]))


def test_the_temperature_moves_from_start_to_end():
    def survivors(progress):
        net = mlp((40, 50, 4), sparsity=0.5, seed=0)
        layer, graph = net.layers[0], net.graphs[0]
        layer.set_values(np.arange(1.0, graph.n_links + 1))
        evolution = Evolution(
            zeta=0.5,
            zeta_schedule="constant",
            removal="magnitude",
            regrowth="random",
            temperature=0.0,
            temperature_end=50.0,
        )
        step(evolution, net, progress=progress)
        kept = layer.values.detach().numpy()
        return kept[kept > 0].mean() / graph.n_links

    # Uniform at first, the strongest half at the end.
    assert survivors(0.0) == pytest.approx(0.5, abs=0.03)
    assert survivors(1.0) == pytest.approx(0.75, abs=0.02)


def test_the_temperature_arrives_when_pruning_ends():
    # CHTs, CHTss: T = 1 + 2 step / T_end, with T_end before the end of training (definitions.md 9).
    def kept(**settings):
        net = mlp((40, 50, 4), sparsity=0.5, seed=0)
        layer, graph = net.layers[0], net.graphs[0]
        layer.set_values(np.arange(1.0, graph.n_links + 1))
        evolution = Evolution(
            zeta=0.5, zeta_schedule="constant", removal="magnitude", regrowth="random", until=0.5,
            **settings,
        )  # fmt: skip
        step(evolution, net, progress=0.25)
        return layer.values.tolist()

    assert kept(temperature=1.0, temperature_end=3.0) == kept(temperature=2.0)
    assert kept(temperature=1.0, temperature_end=3.0) != kept(temperature=1.5)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"until": 0.0}, "until"),
        ({"until": 1.5}, "until"),
        ({"density_until": 0.0}, "density_until"),
        ({"regrowth_sampling": "firm"}, "regrowth_sampling"),
        ({"temperature_end": -1.0}, "temperature_end"),
        ({"new_weights": "ones"}, "new_weights"),
        ({"density_schedule": "steps"}, "density_schedule"),
        ({"density_schedule": "cubic"}, "final_sparsity"),
        ({"final_sparsity": 0.9}, "final_sparsity"),
        ({"density_schedule": "cubic", "final_sparsity": 1.0}, "final_sparsity"),
        ({"stop_overlap": 1.0}, "stop_overlap"),
    ],
)
def test_bad_settings_are_named(settings, name):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        Evolution(**settings)


def test_pruning_ends_where_it_is_told_to():
    evolution = Evolution(zeta=0.4, until=0.5)
    assert evolution.zeta_at(0.25) == pytest.approx(0.2)
    assert evolution.zeta_at(0.75) == 0.0
