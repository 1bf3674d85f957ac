"""Files for simulators and chips: read back, and run by simulators that nobody here wrote."""

import json

import nir
import norse.torch as norse
import numpy as np
import pytest
import torch
from torch import nn

import chsnn
from chsnn import LIF, SparseLIF, SparseLinear, sparse_layers
from chsnn.export import SpikingChain, chain_of, from_nir, from_npz, to_nir, to_npz
from chsnn.export.chain import folded
from chsnn.inference import compile_network
from chsnn.networks import conv, mlp, spikformer

STEPS = 6


def spikes(*shape, rate=0.4, seed=0):
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


def network(alpha=0.5, v_th=1.0, bias=False, **options):
    """An MLP whose neurons all have reason to fire."""
    net = mlp(
        (20, 30, 24, 5),
        sparsity=0.6,
        encoding="none",
        timesteps=STEPS,
        neuron=LIF(alpha, v_th),
        **options,
    )
    for layer in sparse_layers(net).values():
        layer.set_values(2 * layer.values.detach())
    return net


def convolutional():
    """A trained norm and firing neurons in every stage."""
    torch.manual_seed(0)
    net = conv(
        "2conv2fc",
        in_shape=(2, 12, 12),
        n_classes=4,
        sparsity=0.8,
        width=0.2,
        timesteps=STEPS,
        encoding="none",
    )
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.bias.uniform_(0.0, 0.6)
                module.weight.uniform_(0.8, 1.6)
        for layer in sparse_layers(net).values():
            layer.set_values(3 * layer.values.detach())
        for _ in range(20):
            net.train()(spikes(STEPS, 8, 2, 12, 12))
    return net.eval()


def sequential():
    torch.manual_seed(0)
    layer = SparseLinear(chsnn.networks.mlp((8, 16, 4), sparsity=0.5).graphs[0], bias=True)
    layer.set_values(torch.rand(layer.graph.n_links))
    return nn.Sequential(layer, LIF(0.75, 0.5), nn.Sequential(nn.Linear(16, 4), LIF(0.5, 0.3)))


def neurons_spikes(chain, x):
    """Spikes of every population of a chain."""
    seen = []
    with torch.no_grad():
        for part in chain.parts.values():
            x = (
                part(x)[0]
                if isinstance(part, LIF)
                else part(x.flatten(0, 1)).unflatten(0, x.shape[:2])
            )
            if isinstance(part, LIF):
                seen.append(x)
    return seen, x


CASES = {
    "mlp": (network(), spikes(STEPS, 7, 20)),
    "mlp, slow leak": (network(alpha=0.9, v_th=1.3), spikes(STEPS, 7, 20)),
    "mlp, rates": (network(readout="rate"), spikes(STEPS, 7, 20)),
    "dense mlp": (chsnn.densify(network()), spikes(STEPS, 7, 20)),
    "conv": (convolutional(), spikes(STEPS, 3, 2, 12, 12)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_chain_is_the_network(name):
    model, x = CASES[name]
    with torch.no_grad():
        torch.testing.assert_close(chain_of(model)(x).mean(0), model(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [*CASES, "sequential"])
def test_a_file_read_back_gives_the_same_spikes(name, tmp_path):
    model, x = CASES.get(name, (sequential(), spikes(STEPS, 7, 8)))
    path = tmp_path / "net.nir"
    to_nir(model, path)
    before, expected = neurons_spikes(chain_of(model), x)
    after, found = neurons_spikes(from_nir(path), x)
    assert len(before) == len(after) > 0
    for ours, theirs in zip(before, after, strict=True):
        assert 0 < ours.mean() < 1
        torch.testing.assert_close(theirs, ours, rtol=0, atol=0)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)


def test_sparse_layers_stay_sparse():
    again = from_nir(to_nir(network()))
    assert [layer.graph for layer in sparse_layers(again).values()] == list(network().graphs)


@pytest.mark.filterwarnings("ignore:nirtorch.load:DeprecationWarning")
@pytest.mark.parametrize("dt", [1e-4, 1e-3, 1.0])
@pytest.mark.parametrize("name", ["mlp", "mlp, slow leak"])
def test_norse_runs_the_file(name, dt, tmp_path):
    model, x = CASES[name]
    path = tmp_path / "net.nir"
    to_nir(model, path, dt=dt)
    simulated, state, out = norse.from_nir(nir.read(path), dt=dt), None, []
    with torch.no_grad():
        for step in x:
            y, state = simulated(step, state)
            out.append(y)
        torch.testing.assert_close(torch.stack(out).mean(0), model(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["mlp", "mlp, slow leak", "conv"])
def test_snntorch_runs_the_file(name, tmp_path):
    import_nir = pytest.importorskip("snntorch.import_nir")
    model, x = CASES[name]
    path = tmp_path / "net.nir"
    to_nir(model, path)
    graph = nir.read(path)
    # Its own reader of NIR; its neurons fire at the threshold that they are given, as ours do.
    modules = {n: import_nir._nir_to_snntorch_module(node) for n, node in graph.nodes.items()}
    order = ["input"]
    while order[-1] != "output":
        order.append(next(b for a, b in graph.edges if a == order[-1]))
    memories, out = {}, []
    with torch.no_grad():
        for step in x:
            for node in order[1:-1]:
                module = modules[node]
                if hasattr(module, "threshold"):
                    rest = torch.zeros_like(step)
                    step, memories[node] = module(step, memories.get(node, rest))
                elif isinstance(module, nn.Flatten):
                    step = step.flatten(1)
                else:
                    step = module(step)
            out.append(step)
        torch.testing.assert_close(torch.stack(out).mean(0), model(x), rtol=1e-4, atol=1e-5)


def test_a_norm_is_folded_into_the_convolution():
    torch.manual_seed(0)
    layer, norm = nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3)
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    for _ in range(5):
        norm(layer(torch.rand(4, 2, 6, 6)))
    x = torch.rand(4, 2, 6, 6)
    norm.eval()
    torch.testing.assert_close(folded(layer, norm)(x), norm(layer(x)))


# ----------------------------------------------------------------------------- arrays of links


@pytest.mark.parametrize("encoding", ["even", "direct"])
def test_arrays_of_links_run_event_by_event(encoding, tmp_path):
    net = mlp((20, 30, 24, 5), sparsity=0.6, encoding=encoding, timesteps=STEPS)
    for layer in sparse_layers(net).values():
        layer.set_values(2 * layer.values.detach())
    path = to_npz(net, tmp_path / "links.npz")
    images = torch.rand(6, 20)
    ours, theirs = compile_network(net).classify(images), from_npz(path).classify(images)
    torch.testing.assert_close(theirs.scores, ours.scores, rtol=0, atol=0)
    np.testing.assert_array_equal(theirs.spikes, ours.spikes)
    assert theirs.spikes.sum() > 0


def test_the_arrays_are_those_of_the_format_page(tmp_path):
    net = network()
    with np.load(to_npz(net, tmp_path / "links.npz"), allow_pickle=False) as arrays:
        about = json.loads(str(arrays["about"]))
        assert about == {
            "format": "chsnn links 1",
            "shapes": [[20, 30], [30, 24], [24, 5]],
            "encoding": "none",
            "timesteps": STEPS,
        }
        for i, graph in enumerate(net.graphs):
            np.testing.assert_array_equal(arrays[f"layer{i}_offsets"], graph.left_offsets)
            np.testing.assert_array_equal(arrays[f"layer{i}_targets"], graph.left_neighbors)
            assert arrays[f"layer{i}_weights"].dtype == np.float32
        assert float(arrays["layer0_v_th"]) == 1.0
        assert "layer2_v_th" not in arrays


def test_damaged_arrays_are_refused(tmp_path):
    path = to_npz(network(), tmp_path / "links.npz")
    with np.load(path) as arrays:
        whole = dict(arrays)
    wrong = {
        "half a file": None,
        "lengths": {**whole, "layer0_targets": whole["layer0_targets"][:-1]},
        "order": {**whole, "layer0_targets": whole["layer0_targets"][::-1]},
        "range": {**whole, "layer1_targets": whole["layer1_targets"] + 1000},
        "offsets": {**whole, "layer0_offsets": whole["layer0_offsets"][::-1]},
        "missing": {k: v for k, v in whole.items() if k != "layer1_weights"},
        "format": {**whole, "about": np.array('{"format": "other"}')},
    }
    for arrays in wrong.values():
        if arrays is None:
            path.write_bytes(path.read_bytes()[:200])
        else:
            np.savez(path, **arrays)
        with pytest.raises(ValueError, match=r"links\.npz is not a file of links, or is damaged"):
            from_npz(path)
    with pytest.raises(FileNotFoundError):
        from_npz(tmp_path / "none.npz")


# ----------------------------------------------------------------------------------- refusals


def test_what_has_no_place_in_a_chain_is_named(tmp_path):
    path = tmp_path / "net.nir"
    max_pools = conv("6conv2fc", in_shape=(3, 8, 8), n_classes=4, sparsity=0.5, width=0.05)
    with pytest.raises(TypeError, match=r"'stages\.1\.pool', a MaxPool2d"):
        to_nir(max_pools, path)
    former = spikformer(in_shape=(1, 8, 8), dim=16, depth=1, heads=2, patch=2, sparsity=0.5)
    with pytest.raises(TypeError, match="got Spikformer with"):
        to_nir(former, path)
    with pytest.raises(TypeError, match="'1', a ReLU"):
        to_nir(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), path)
    with pytest.raises(TypeError, match="must start with a linear layer"):
        to_nir(nn.Sequential(nn.Conv2d(1, 2, 3)), path)
    current = nn.Sequential(nn.Linear(2, 2), LIF(model="current"))
    with pytest.raises(TypeError, match="'1' has a synaptic current"):
        to_nir(current, path)
    with pytest.raises(TypeError, match="'1' has a synaptic current"):
        to_npz(nn.Sequential(sparse_of(2, 2), LIF(model="current")), tmp_path / "x.npz")
    with pytest.raises(TypeError, match=r"got 'stages\.0\.conv', a Conv2d"):
        to_npz(CASES["conv"][0], tmp_path / "x.npz")
    assert not list(tmp_path.iterdir())


def sparse_of(n_in, n_out):
    return SparseLinear(mlp((n_in, n_out), sparsity=[None]).graphs[0])


def test_graphs_that_are_no_row_are_refused():
    def nodes():
        return {
            "input": nir.Input(np.array([2])),
            "a": nir.Linear(np.ones((2, 2))),
            "b": nir.Linear(np.ones((2, 2))),
            "output": nir.Output(np.array([2])),
        }

    fork = [("input", "a"), ("input", "b"), ("a", "output")]
    with pytest.raises(ValueError, match="is a fork"):
        from_nir(nir.NIRGraph(nodes(), fork))
    short = [("input", "a"), ("a", "output")]
    with pytest.raises(ValueError, match=r"one input|a row of nodes"):
        from_nir(nir.NIRGraph(nodes(), short))
    row = [("input", "a"), ("a", "b"), ("b", "output")]
    scaled = {**nodes(), "b": nir.Scale(np.ones(2))}
    with pytest.raises(TypeError, match="node 'b' is a Scale"):
        from_nir(nir.NIRGraph(scaled, row))
    ones = np.ones(2)
    for what in ("v_leak", "v_reset"):
        numbers = {"v_leak": 0 * ones, "v_reset": 0 * ones, what: ones}
        neurons = nir.LIF(tau=1e-3 * ones, r=ones, v_threshold=ones, **numbers)
        with pytest.raises(
            ValueError, match=f"'b' must rest and be reset at 0, got another {what}"
        ):
            from_nir(nir.NIRGraph({**nodes(), "b": neurons}, row))
    fast = nir.LIF(tau=1e-6 * ones, r=ones, v_leak=0 * ones, v_threshold=ones)
    with pytest.raises(ValueError, match="time constants of at least dt"):
        from_nir(nir.NIRGraph({**nodes(), "b": fast}, row))


def test_files_that_are_not_nir_are_refused(tmp_path):
    path = tmp_path / "x.nir"
    path.write_bytes(b"no HDF5 at all")
    with pytest.raises(ValueError, match=r"x\.nir is not an NIR file"):
        from_nir(path)
    with pytest.raises(FileNotFoundError):
        from_nir(tmp_path / "none.nir")
    with pytest.raises(ValueError, match="dt must be"):
        to_nir(network(), dt=0.0)


def test_a_number_per_neuron_goes_along(tmp_path):
    layer = SparseLIF(mlp((4, 6, 2), sparsity=0.5).graphs[0], LIF([0.5] * 6, torch.rand(6) + 0.5))
    layer.set_values(torch.rand(layer.graph.n_links) * 2)
    model = nn.Sequential(layer)
    again = from_nir(to_nir(model))
    x = spikes(STEPS, 5, 4)
    with torch.no_grad():
        torch.testing.assert_close(again(x), layer(x), rtol=0, atol=0)
    assert isinstance(again, SpikingChain)
