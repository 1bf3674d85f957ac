"""The event-driven engine against the network it was compiled from, bit for bit."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from chgraph import BipartiteGraph
from chsnn import LIF, Encoder, SparseLIF, SparseLinear, estimate_energy, sparse_layers
from chsnn.data import Samples
from chsnn.encoding import ENCODINGS
from chsnn.inference import EventNetwork, Neurons, Stage, compile_network
from chsnn.networks import mlp
from chsnn.networks.mlp import READOUTS, SpikingMLP
from chsnn.neurons import MODELS
from tests import zoo

SIZES, T = (30, 40, 20, 5), 6
readouts = pytest.mark.parametrize("readout", READOUTS)
encodings = pytest.mark.parametrize("encoding", ENCODINGS)


# With its links even a single sample makes neurons of every layer fire.
SEED = 1


def lively(net, gain=2.0):
    """The network with weights that make most neurons fire now and then."""
    for layer in sparse_layers(net).values():
        layer.set_values(gain * layer.values.detach())
    return net.requires_grad_(False)


def network(encoding="even", readout="potential", neuron=None, sizes=SIZES, sparsity=0.7):
    options = {"encoding": encoding, "readout": readout, "neuron": neuron, "timesteps": T}
    return lively(mlp(sizes, sparsity=sparsity, backend="sparse", seed=SEED, **options))


def images(n=7, n_in=SIZES[0], seed=0):
    """Images in [0, 1)."""
    return torch.rand(n, n_in, generator=torch.Generator().manual_seed(seed))


def shown(net, n=7, seed=0):
    """What the network takes: images, or spikes over time (T, n, n_in)."""
    batch = images(n, net.sizes[0], seed)
    if net.encoder.kind != "none":
        return batch
    steps = range(net.encoder.timesteps)
    return torch.stack([images(n, net.sizes[0], seed + t) < 0.5 for t in steps]).float()


def generator(seed=3):
    return torch.Generator().manual_seed(seed)


def scores_and_trains(net, batch):
    """Scores of the network, and the spikes of its neurons, (T, B, n) each."""
    scores, trains = net(batch, generator()), []
    x = net.encoder(net.encoder.flat(batch, net.sizes[0]), generator())
    for layer in net.layers:
        if isinstance(layer, SparseLIF):
            x = layer(x)
            trains.append(x)
    return scores, trains


def encoded(net, batch):
    """What the engine is called with: spikes, or images and a number of steps."""
    if net.encoder.kind == "direct":
        return {"x": batch, "steps": T}
    return {"x": net.encoder(batch, generator())}


def assert_same_scores(scores, expected):
    """To rounding: the network multiplies the mean of the spikes, the engine adds each spike."""
    torch.testing.assert_close(scores, expected)


def assert_same_as_network(net, batch):
    expected, trains = scores_and_trains(net, batch)
    run = compile_network(net)(**encoded(net, batch), trains=True)
    assert_same_scores(run.scores, expected)
    assert len(run.trains) == len(trains) == run.spikes.size
    for got, want, count in zip(run.trains, trains, run.spikes, strict=True):
        assert torch.equal(got, want != 0)
        assert count == want.sum()
    return run, trains


# ------------------------------------------------------------------- the same numbers


@encodings
@readouts
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("n", [1, 2, 7, 300])
def test_scores_and_spikes_are_those_of_the_network(encoding, readout, model, n):
    neuron = LIF(alpha=0.7, v_th=0.9, model=model, alpha_syn=0.3)
    net = network(encoding, readout, neuron)
    run, trains = assert_same_as_network(net, shown(net, n))
    assert all(0.02 < train.mean() < 0.8 for train in trains)
    assert (run.sops[1:] > 0).all()


@given(
    st.lists(st.integers(1, 12), min_size=2, max_size=5),
    st.sampled_from(ENCODINGS),
    st.sampled_from(READOUTS),
    st.floats(0, 0.99),
    st.integers(1, 5),
    st.integers(0, 2**16),
)
@settings(max_examples=60)
def test_any_network_is_run_as_it_is(sizes, encoding, readout, alpha, n, seed):
    net = network(encoding, readout, LIF(alpha=alpha), sizes, sparsity=0.0)
    rng = np.random.default_rng(seed)
    for layer in sparse_layers(net).values():
        graph = BipartiteGraph.from_biadjacency(rng.random(layer.graph.shape) < rng.random())
        layer.set_graph(graph)
        layer.set_values(rng.standard_normal(graph.n_links).astype(np.float32))
    batch = shown(net, n, seed) * (images(n, sizes[0], seed + 1) < 0.7)
    assert_same_as_network(net, batch)


@pytest.mark.parametrize("name", [n for n, b in zoo.BIADJACENCIES.items() if 0 not in b.shape])
@readouts
def test_any_graph_may_be_a_layer(name, readout):
    graph = zoo.GRAPHS[name]
    back = BipartiteGraph.from_biadjacency(graph.biadjacency().T)
    net = SpikingMLP(
        (graph, back),
        encoder=Encoder("even", T),
        neuron=LIF(v_th=0.5),
        readout=readout,
        backend="sparse",
    ).requires_grad_(False)
    for layer in sparse_layers(net).values():
        layer.set_values(torch.linspace(0.2, 1.0, layer.graph.n_links))
    assert_same_as_network(net, images(4, graph.n_left))


@encodings
@readouts
@pytest.mark.parametrize("steps", [1, 7, 100])
def test_one_layer_is_a_network_too(encoding, readout, steps):
    net = network(encoding, readout, sizes=(30, 9))
    net.encoder.timesteps = steps
    batch = shown(net, 5)
    encoded_batch = {**encoded(net, batch), **({"steps": steps} if encoding == "direct" else {})}
    run = compile_network(net)(**encoded_batch)
    assert_same_scores(run.scores, net(batch, generator()))


def test_layers_may_have_a_bias_and_double_precision():
    net = network("direct").double()
    for i, layer in enumerate(net.layers):
        bias = torch.randn(layer.graph.n_right, generator=generator(i)).double() / 5
        layer.bias = nn.Parameter(bias, requires_grad=False)
    batch = images().double()
    run, _ = assert_same_as_network(net, batch)
    assert run.scores.dtype == torch.float64


def test_the_engine_agrees_with_the_dense_backend_to_rounding():
    net = network()
    options = {"encoding": "even", "timesteps": T, "backend": "dense", "seed": SEED}
    dense = lively(mlp(SIZES, sparsity=0.7, **options))
    batch = images()
    torch.testing.assert_close(compile_network(net).classify(batch).scores, dense(batch))


# ------------------------------------------------------------------------- the counts


@pytest.mark.parametrize("encoding", ["even", "direct"])
@readouts
def test_operations_are_those_of_the_energy_estimate(encoding, readout):
    net, batch = network(encoding, readout), images(9)
    batch[:, ::3] = 0
    report = estimate_energy(net, Samples(batch, torch.zeros(9, dtype=torch.long)))
    run = compile_network(net).classify(batch)
    assert run.sops.tolist() == [layer.sops for layer in report.layers]
    assert run.macs == sum(layer.macs for layer in report.layers)
    assert (run.macs > 0) == (encoding == "direct")
    single = [compile_network(net).classify(image) for image in batch]
    assert sum(r.sops for r in single).tolist() == run.sops.tolist()
    assert sum(r.macs for r in single) == run.macs


def test_a_binary_image_shown_at_every_step_is_spikes():
    net, batch = network("direct"), (images(4) < 0.3).float()
    report = estimate_energy(net, Samples(batch, torch.zeros(4, dtype=torch.long)))
    run, _ = assert_same_as_network(net, batch)
    assert run.macs == 0
    assert run.sops.tolist() == [layer.sops for layer in report.layers]
    as_spikes = compile_network(net)(batch.expand(T, -1, -1))
    assert torch.equal(as_spikes.scores, run.scores)
    assert as_spikes.sops.tolist() == run.sops.tolist()


def test_silence_costs_nothing():
    run = compile_network(network()).classify(torch.zeros(SIZES[0]))
    assert run.sops.tolist() == [0, 0, 0]
    assert run.spikes.tolist() == [0, 0]
    assert run.scores.tolist() == [0] * 5


# ------------------------------------------------------------------------ how to call it


@encodings
def test_one_sample_is_a_batch_of_one(encoding):
    net = network(encoding)
    image, engine = shown(net, 1), compile_network(net)
    single = engine.classify(image.squeeze(-2), generator())
    batch = engine.classify(image, generator())
    assert single.scores.shape == (5,)
    assert_same_scores(single.scores, net(image, generator())[0])
    assert torch.equal(batch.scores, single.scores[None])
    assert batch.sops.tolist() == single.sops.tolist()
    recorded = engine(**{**encoded(net, image), "trains": True})
    alone = {k: v if k == "steps" else v.squeeze(-2) for k, v in encoded(net, image).items()}
    for train, of_batch in zip(engine(**alone, trains=True).trains, recorded.trains, strict=True):
        assert torch.equal(train, of_batch[:, 0])


def test_arrays_of_any_type_and_shape_are_taken():
    net = network()
    engine, batch = compile_network(net), images(3)
    spikes = net.encoder(batch)
    expected = engine(spikes).scores
    assert_same_scores(expected, net(batch))
    assert torch.equal(engine(spikes.numpy().astype(bool)).scores, expected)
    assert torch.equal(engine(spikes.transpose(0, 1).contiguous().transpose(0, 1)).scores, expected)
    assert torch.equal(engine.classify(batch.view(3, 5, 6)).scores, expected)
    assert torch.equal(engine.classify(batch.numpy()).scores, expected)
    assert torch.equal(engine.classify(batch.tolist()).scores, expected)


def test_a_compiled_network_does_not_follow_the_network():
    net, batch = network(), images()
    engine = compile_network(net)
    before = engine.classify(batch).scores
    for layer in sparse_layers(net).values():
        layer.set_values(0.0 * layer.values)
    assert torch.equal(engine.classify(batch).scores, before)


STAGE = Stage.of(SparseLIF(BipartiteGraph.from_links([0, 1], [0, 1], (2, 3))))
LAST = Stage.of(SparseLinear(BipartiteGraph.from_links([0], [1], (3, 2))))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: EventNetwork([], Encoder()), "stages"),
        (lambda: EventNetwork([STAGE, STAGE], Encoder()), "stages"),
        (lambda: EventNetwork([LAST, STAGE], Encoder()), "stages"),
        (lambda: compile_network(network())(np.full((T, SIZES[0]), 0.5)), "x"),
        (lambda: compile_network(network())(np.zeros((T, 29))), "x"),
        (lambda: compile_network(network())(np.zeros((T, 0, SIZES[0]))), "x"),
        (lambda: compile_network(network())(np.zeros(SIZES[0])), "x"),
        (lambda: compile_network(network())(np.zeros(SIZES[0]), steps=0), "steps"),
        (lambda: compile_network(network()).classify(torch.zeros(28, 28)), "images"),
        (lambda: compile_network(network()).classify(torch.zeros(0, 30)), "images"),
        (lambda: compile_network(network()).classify(1.0), "images"),
        (lambda: compile_network(network()).classify(torch.full((30,), 2.0)), "images"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        call()


def test_only_a_network_is_compiled():
    with pytest.raises(TypeError, match="network must be an encoder and spiking layers in a row"):
        compile_network(nn.Linear(2, 2))


def test_stages_can_be_written_by_hand():
    graph = BipartiteGraph.from_links([0, 1], [0, 0], (2, 1))
    values = np.array([0.75, 0.5], np.float32)
    engine = EventNetwork([Stage(graph, values, None, Neurons(0.5, 1.0))], Encoder("even", 3))
    run = engine([[1, 0], [1, 1], [0, 1]], trains=True)
    # Voltages 0.75, 0.375 + 1.25 (a spike, reset), 0.5
    assert run.trains[0].flatten().tolist() == [False, True, False]
    assert run.scores.tolist() == [pytest.approx(1 / 3)]
    assert (run.spikes.tolist(), run.sops.tolist(), run.macs) == ([1], [4], 0)
