"""Operations of layers of every kind against brute force, and against NeuroBench's own count."""

import itertools

import norse.torch as norse
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

import chsnn
from chsnn import estimate_energy, sparsify
from chsnn.energy import count_synaptic_operations
from chsnn.networks import conv, spikformer
from chsnn.observe import standing_for
from tests.naive.energy import convolution_readers, product_pairs, sops


def spikes(*shape, rate=0.4, seed=0):
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


def counted(model, *inputs, n_samples=1, **options):
    with torch.no_grad(), count_synaptic_operations(model, **options) as counter:
        model(*inputs)
        counter.n_samples += n_samples
    return {layer.name: layer for layer in counter.layers()}, counter


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel": 3},
        {"kernel": 3, "padding": 1},
        {"kernel": 3, "padding": 2, "stride": 2},
        {"kernel": 2, "stride": 3},
        {"kernel": 3, "dilation": 2, "padding": 1},
        {"kernel": 1, "groups": 2},
        {"kernel": 5, "padding": 2, "stride": 4, "groups": 2},
    ],
    ids=str,
)
def test_a_convolution_counts_what_really_reads_each_pixel(settings):
    options = {("kernel_size" if k == "kernel" else k): v for k, v in settings.items()}
    layer, x = nn.Conv2d(4, 6, **options), spikes(3, 4, 7, 9)
    (activity,) = counted(layer, x)[0].values()
    readers = convolution_readers((4, 7, 9), 6, **settings)
    assert activity.sops == float((x.numpy() * readers).sum()) > 0
    assert activity.macs == 0
    analogue = torch.rand(3, 4, 7, 9)
    (activity,) = counted(layer, analogue)[0].values()
    assert (activity.sops, activity.macs) == (0, 3 * readers.sum())
    assert activity.dense_operations == 3 * readers.sum()
    assert (activity.n_links, activity.kind) == (layer.weight.numel(), "convolution")


@pytest.mark.parametrize("layer", [nn.Conv1d(3, 4, 3, padding=1), nn.Conv3d(3, 4, 2, stride=2)])
def test_convolutions_of_other_dimensions_are_counted(layer):
    sides = (8,) * len(layer.kernel_size)
    x = spikes(2, 3, *sides)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.bias.zero_()
        expected = float(layer(x).sum())  # every crossing adds 1
    (activity,) = counted(layer, x)[0].values()
    assert activity.sops == expected


def test_a_transposed_convolution_is_counted():
    layer, x = (
        nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1),
        spikes(2, 3, 5, 5),
    )
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.bias.zero_()
        expected = float(layer(x).sum())
    (activity,) = counted(layer, x)[0].values()
    assert activity.sops == expected


@pytest.mark.parametrize("padding_mode", ["zeros", "circular", "replicate"])
def test_weights_of_zero_count_in_one_convention_only(padding_mode):
    layer, x = nn.Conv2d(2, 3, 3, padding=1, padding_mode=padding_mode), spikes(2, 2, 6, 6)
    with torch.no_grad():
        layer.weight[layer.weight.abs() < 0.1] = 0.0
        twin = nn.Conv2d(2, 3, 3, padding=1, padding_mode=padding_mode, bias=False)
        twin.weight.copy_(layer.weight != 0)
        works = float(twin(x).sum())
        twin.weight.fill_(1.0)
        every = float(twin(x).sum())
    (activity,) = counted(layer, x)[0].values()
    assert 0 < works < every
    assert (activity.effective_sops, activity.sops) == (works, every)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 5), (2, 3, 4, 5)])
def test_a_dense_layer_counts_every_link(shape, bias):
    layer, x = nn.Linear(5, 7, bias=bias), spikes(*shape)
    (activity,) = counted(layer, x)[0].values()
    assert activity.sops == 7 * float(x.sum())
    assert activity.input_rate == pytest.approx(float(x.mean()))
    (activity,) = counted(layer, x - 0.5)[0].values()
    assert (activity.sops, activity.macs) == (0, 35 * x[..., 0].numel())


def test_signed_spikes_are_spikes():
    x = spikes(4, 6) - spikes(4, 6, seed=1)
    assert {-1.0, 0.0, 1.0} == set(x.unique().tolist())
    for layer in (nn.Linear(6, 3), sparsify(nn.Sequential(nn.Linear(6, 3)), 0.5, layers=["0"])):
        (activity,) = counted(layer, x)[0].values()
        assert activity.sops > 0
        assert activity.macs == 0


def test_sparse_layers_stand_beside_dense_ones_in_the_order_of_the_model():
    model = nn.Sequential(nn.Linear(8, 16), nn.Hardtanh(), nn.Linear(16, 12), nn.Linear(12, 3))
    sparsify(model, 0.75, layers=["2"])
    layers, _ = counted(model, spikes(5, 8))
    assert list(layers) == ["0", "2", "3"]
    assert [layer.kind for layer in layers.values()] == ["dense", "sparse", "dense"]
    assert layers["0"].sops == 16 * float(spikes(5, 8).sum())
    assert layers["2"].macs == 5 * 48


class Attention(nn.Module):
    """Products of spikes, as they stand in a forward, and torch's own attention."""

    def forward(self, q, k, v):
        return (q @ k.transpose(-2, -1)) @ v


def test_attention_counts_spikes_against_spikes():
    q, k, v = (spikes(2, 3, 5, 4, seed=s) for s in range(3))
    model = nn.ModuleDict({"a": Attention(), "b": nn.Linear(1, 1)})
    with torch.no_grad(), count_synaptic_operations(model) as counter:
        model["a"](q, k, v)
    (activity,) = (layer for layer in counter.layers())
    scores = q @ k.transpose(-2, -1)
    pairs = [
        product_pairs(x[b, h].numpy(), y[b, h].numpy())
        for x, y in ((q, k.transpose(-2, -1)), (scores, v))
        for b, h in itertools.product(range(2), range(3))
    ]
    assert activity.name == "a.products"
    assert activity.kind == "product"
    assert activity.effective_sops == sum(pairs)
    # Every spike of q is read against 5 tokens; the scores are no spikes, v is.
    assert activity.sops == 5 * float(q.sum()) + 5 * float(v.sum())


def test_torchs_attention_is_counted_as_two_products():
    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            self.unused = nn.Parameter(torch.zeros(1))

        def forward(self, q, k, v):
            return nn.functional.scaled_dot_product_attention(q, k, v)

    q, k, v = (spikes(2, 3, 5, 4, seed=s) for s in range(3))
    (activity,) = counted(Module(), q, k, v)[0].values()
    pairs = [
        product_pairs(q[b, h].numpy(), k[b, h].T.numpy())
        for b, h in itertools.product(range(2), range(3))
    ]
    assert activity.effective_sops == sum(pairs) + 5 * float(v.sum())
    assert activity.sops == 5 * float(q.sum()) + 5 * float(v.sum())


def test_recurrent_weights_of_norse_are_counted_by_their_names():
    cell = norse.LIFRecurrentCell(6, 9)

    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = cell

        def forward(self, x):
            state, out = None, []
            for step in x:
                z, state = self.cell(step, state)
                out.append(z)
            return torch.stack(out)

    with torch.no_grad():
        cell.input_weights.mul_(20)
        x = spikes(7, 4, 6, rate=0.8)
        out = Loop()(x)
    layers, counter = counted(Loop(), x)
    assert set(layers) == {"cell.input_weights", "cell.recurrent_weights"}
    assert layers["cell.input_weights"].sops == 9 * float(x.sum())
    # What fired at every step but the last came back in.
    assert layers["cell.recurrent_weights"].sops == 9 * float(out[:-1].sum()) > 0
    (population,) = counter.populations()
    assert (population.updates, population.spikes) == (7 * 4 * 9, float(out.sum()))


def test_multi_head_attention_is_counted_though_its_layers_are_never_called():
    model, x = nn.MultiheadAttention(8, 2, batch_first=True), spikes(3, 5, 8)
    layers, _ = counted(model, x, x, x)
    assert {"in_proj_weight", "out_proj"} < set(layers)
    assert layers["in_proj_weight"].sops == 3 * 8 * float(x.sum())


def test_what_torch_computes_as_a_whole_is_said_not_to_be_counted():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.out = nn.LSTM(4, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.out(self.lstm(x[None])[0][0])

    report = estimate_energy(Net(), (spikes(3, 4), torch.zeros(3, dtype=torch.long)))
    assert any("'lstm'" in line for line in report.not_counted) or any(
        layer.name.startswith("lstm.") for layer in report.layers
    )


def test_weights_that_are_derived_are_counted_under_the_name_of_their_layer():
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(5, 4))
    x = spikes(3, 5)
    assert counted(nn.Sequential(layer), x)[0]["0"].sops == 4 * float(x.sum())
    pruned = prune.l1_unstructured(nn.Linear(5, 4), "weight", amount=0.5)
    activity = counted(nn.Sequential(pruned), x)[0]["0"]
    works = (pruned.weight != 0).sum(0).float()
    assert activity.effective_sops == float((x * works).sum())
    assert activity.sops == 4 * float(x.sum())


def test_inference_mode_is_counted_as_well():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(1, 2, 3), nn.Linear(8, 3)

        @torch.inference_mode()
        def forward(self, x):
            return self.fc((self.conv(x) > 0).float().flatten(1))

    x = spikes(4, 1, 4, 4)
    layers, _ = counted(Net(), x)
    assert set(layers) == {"conv", "fc"}
    assert layers["conv"].sops == float(
        (x.numpy() * convolution_readers((1, 4, 4), 2, kernel=3)).sum()
    )


def test_what_is_computed_once_for_all_steps_counts_at_every_step():
    layer, x = nn.Conv2d(1, 2, 3), torch.rand(2, 1, 5, 5)
    once = next(iter(counted(layer, x)[0].values()))
    with standing_for(6):
        always = next(iter(counted(layer, x)[0].values()))
    assert always.macs == 6 * once.macs > 0


# ------------------------------------------------------------------------- whole networks


def by_hand(network, frames):
    """What every layer of a 2Conv2FC reads, from forward hooks."""
    seen = {}
    names = {module: name for name, module in network.named_modules()}
    hooks = [
        module.register_forward_pre_hook(lambda m, a: seen.setdefault(names[m], []).append(a[0]))
        for module in network.modules()
        if isinstance(module, nn.Conv2d | chsnn.SparseLinear)
    ]
    with torch.no_grad():
        network(frames)
    for hook in hooks:
        hook.remove()
    return seen


def test_a_convolutional_network_is_counted_as_brute_force_counts():
    network = conv(
        "2conv2fc",
        in_shape=(2, 12, 12),
        n_classes=4,
        sparsity=0.9,
        width=0.2,
        timesteps=5,
        encoding="none",
    ).eval()
    frames = spikes(5, 3, 2, 12, 12, rate=0.3)
    samples = [(frames, torch.zeros(3, dtype=torch.long))]
    seen = by_hand(network, frames)
    report = estimate_energy(network, samples)
    layers = {layer.name: layer for layer in report.layers}
    assert set(layers) == set(seen)
    first = next(iter(seen))
    (x,) = seen[first]
    readers = convolution_readers((2, 12, 12), 3, kernel=3, padding=1)
    assert layers[first].sops == float((x.numpy() * readers).sum())
    for name, reads in seen.items():
        (x,) = reads
        binary = bool(((x == 0) | (x == 1)).all())
        assert (layers[name].sops > 0) == (binary and bool(x.any()))
        assert (layers[name].macs > 0) == (not binary)
    assert len(report.neurons) == 3
    assert all(0 <= population.rate < 1 for population in report.neurons)
    assert report.neurons[0].rate > 0


def test_a_spikformer_is_counted_with_its_products_and_all_of_its_layers():
    network = spikformer(in_shape=(1, 8, 8), dim=16, depth=1, heads=2, patch=2, sparsity=0.5).eval()
    report = estimate_energy(network, (torch.rand(4, 1, 8, 8), torch.zeros(4, dtype=torch.long)))
    names = [layer.name for layer in report.layers]
    assert "blocks.0.attention.products" in names
    assert {f"blocks.0.attention.{n}.linear" for n in ("q", "k", "v", "projection")} < set(names)
    assert {"patches.0.conv", "position.conv", "head"} < set(names)
    first = next(layer for layer in report.layers if layer.name == "patches.0.conv")
    # An image, shown at each of 4 steps.
    assert first.macs == 4 * 4 * convolution_readers((1, 8, 8), 2, kernel=3, padding=1).sum()
    assert names.index("blocks.0.fc1.linear") < names.index("head")


@pytest.mark.parametrize("encoding", ["direct", "even", "bernoulli"])
def test_single_samples_add_up_to_the_whole(encoding):
    network = chsnn.networks.mlp((12, 16, 3), sparsity=0.5, encoding=encoding)
    data = (torch.rand(6, 12), torch.zeros(6, dtype=torch.long))
    report = estimate_energy(network, data, per_sample=True)
    assert report.samples.sops.shape == (6,)
    assert report.samples.sops.sum() == pytest.approx(6 * report.sops_per_sample)
    assert report.samples.macs.sum() == pytest.approx(6 * report.macs_per_sample)
    alone = [
        estimate_energy(network, (data[0][i : i + 1], data[1][:1])).sops_per_sample
        for i in range(6)
    ]
    if encoding != "bernoulli":
        assert report.samples.sops.tolist() == alone
        assert report.to_dict()["layers"] == estimate_energy(network, data).to_dict()["layers"]
    assert "SOPs of single samples" in str(report)


def test_batches_whose_samples_cannot_be_told_apart_are_refused_one_by_one():
    network = chsnn.networks.mlp((4, 6, 2), sparsity=0.5, timesteps=3, encoding="none")
    batch = [(spikes(3, 3, 4), torch.zeros(3, dtype=torch.long))]
    with pytest.raises(ValueError, match="give batches of one"):
        estimate_energy(network, batch, per_sample=True)
    network = chsnn.networks.mlp((4, 6, 2), sparsity=0.5, timesteps=5, encoding="none")
    over_time = [(spikes(5, 3, 4), torch.zeros(3, dtype=torch.long))]
    report = estimate_energy(network, over_time, per_sample=True)
    assert report.samples.sops.sum() == pytest.approx(
        3 * estimate_energy(network, over_time).sops_per_sample
    )


def test_neurons_are_updated_once_a_step():
    network = chsnn.networks.mlp((12, 16, 8, 3), sparsity=0.5, encoding="even", timesteps=5)
    data = (torch.rand(6, 12), torch.zeros(6, dtype=torch.long))
    report = estimate_energy(network, data)
    assert report.neuron_updates_per_sample == 5 * (16 + 8)
    assert [p.rate for p in report.neurons] == pytest.approx(
        [layer.input_rate for layer in report.layers[1:]]
    )


@pytest.mark.parametrize("wrap", [nn.DataParallel, lambda m: torch.compile(m, backend="eager")])
def test_a_compiled_or_wrapped_model_is_counted_as_the_model(wrap):
    network = chsnn.networks.mlp((12, 16, 3), sparsity=0.5, encoding="even")
    data = (torch.rand(6, 12), torch.zeros(6, dtype=torch.long))
    expected = estimate_energy(network, data).to_dict()
    assert estimate_energy(wrap(network), data).to_dict() == expected


# ------------------------------------------------------------------------------- NeuroBench


def neurobench_operations(model, x):
    """Effective accumulates, multiply-accumulates and dense operations, by NeuroBench itself."""
    layers = pytest.importorskip("neurobench.metrics.utils.layers")
    calls = []
    dense = chsnn.densify(model)
    hooks = [
        module.register_forward_pre_hook(lambda m, a: calls.append((m, a[0].detach())))
        for module in dense.modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ]
    with torch.no_grad():
        dense(x)
    for hook in hooks:
        hook.remove()
    totals = {"AC": 0, "MAC": 0, "dense": 0}
    for module, inputs in calls:
        layer = module
        if isinstance(module, nn.Linear):  # without the neurons that a DenseLIF has behind it
            layer = nn.Linear(module.in_features, module.out_features, bias=False)
            layer.weight = module.weight
        n, are_spikes = layers.single_layer_MACs(inputs.clone(), layer)
        totals["AC" if are_spikes else "MAC"] += n
        totals["dense"] += layers.single_layer_MACs(inputs.clone(), layer, total=True)[0]
    return totals


class Plain(nn.Module):
    """Convolution and linear layers with Norse's neurons, stepped over time."""

    def __init__(self, kind):
        super().__init__()
        torch.manual_seed(0)
        if kind == "conv":
            self.first = nn.Sequential(nn.Conv2d(2, 5, 3, padding=1, stride=2))
        else:
            self.first = nn.Sequential(nn.Flatten(), nn.Linear(72, 45))
        self.cell = norse.LIFBoxCell(norse.LIFBoxParameters(v_th=torch.tensor(0.05)))
        self.fc, self.out = nn.Linear(45, 30), nn.Linear(30, 4)
        self.other = norse.LIFBoxCell(norse.LIFBoxParameters(v_th=torch.tensor(0.02)))

    def forward(self, x):
        states, scores = [None, None], 0
        for step in x:
            z, states[0] = self.cell(self.first(step), states[0])
            z, states[1] = self.other(self.fc(z.flatten(1)), states[1])
            scores = scores + self.out(z)
        return scores


@pytest.mark.parametrize("kind", ["linear", "conv"])
@pytest.mark.parametrize("are_spikes", [True, False])
@pytest.mark.parametrize("sparse", [True, False])
def test_effective_operations_are_those_of_neurobench(kind, are_spikes, sparse):
    model = Plain(kind)
    if sparse:
        sparsify(model, 0.8, layers=["fc"])
    x = spikes(6, 3, 2, 6, 6) if are_spikes else torch.rand(6, 3, 2, 6, 6) * spikes(6, 3, 2, 6, 6)
    theirs = neurobench_operations(model, x)
    report = estimate_energy(model, [(x, torch.zeros(3, dtype=torch.long))])
    assert report.effective_sops_per_sample * 3 == theirs["AC"] > 0
    assert report.effective_macs_per_sample * 3 == theirs["MAC"]
    assert report.dense_operations_per_sample * 3 == theirs["dense"]
    assert (theirs["MAC"] > 0) == (not are_spikes)


def test_effective_operations_of_our_convolutional_network_are_those_of_neurobench():
    network = conv(
        "2conv2fc",
        in_shape=(2, 12, 12),
        n_classes=4,
        sparsity=0.9,
        width=0.2,
        timesteps=5,
        encoding="none",
    ).eval()
    frames = spikes(5, 3, 2, 12, 12, rate=0.3)
    report = estimate_energy(network, [(frames, torch.zeros(3, dtype=torch.long))])
    theirs = neurobench_operations(network, frames)
    assert report.effective_sops_per_sample * 3 == pytest.approx(theirs["AC"], rel=1e-12)
    assert report.effective_macs_per_sample * 3 == pytest.approx(theirs["MAC"], rel=1e-6)


def test_sparse_operations_agree_with_the_links():
    graph = chsnn.networks.mlp((10, 12, 4), sparsity=0.7, timesteps=4, encoding="none")
    x = spikes(4, 5, 10)
    report = estimate_energy(graph, [(x, torch.zeros(5, dtype=torch.long))])
    first = graph.graphs[0].biadjacency().toarray()
    assert report.layers[0].sops == sops(x.numpy(), first)
    assert report.layers[0].effective_sops == report.layers[0].sops
    assert np.isfinite(report.link_sparsity)
