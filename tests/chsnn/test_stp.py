"""S-TP against its description step by step, against BPTT, and what it counts."""

import norse.torch as norse
import numpy as np
import pytest
import torch
from torch import nn

import chsnn
from chsnn import LIF, STP, Evolution, SparseLinear, Trainer, sparse_layers, sparsify
from chsnn.learning import BPTT
from chsnn.learning_count import LearningCount
from chsnn.metrics import cross_entropy
from chsnn.networks import conv, mlp, spikformer
from chsnn.observe import GradientTap
from chsnn.stp import NEURON, round_weights
from chsnn.window import TargetWindow
from tests.naive.stp import stp_gradients

BOX = LIF(0.5, 1.0, surrogate="box", surrogate_alpha=0.7)


def spikes(*shape, rate=0.4, seed=0):
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


def grads(model, rule, inputs, targets, *, seed=0):
    torch.manual_seed(seed)
    model.zero_grad()
    loss, scores = rule.gradients(model, inputs, targets, cross_entropy)
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return loss, scores, found


def louder(network):
    for layer in sparse_layers(network).values():
        layer.set_values(2.5 * layer.values.detach())
    return network


@pytest.mark.parametrize("backend", ["sparse", "dense"])
@pytest.mark.parametrize("window", [1, 3, 7])
def test_it_is_what_its_description_says(window, backend):
    network = louder(
        mlp(
            (10, 14, 12, 4), sparsity=0.4, encoding="none", timesteps=7, neuron=BOX, backend=backend
        )
    ).double()
    x, targets = spikes(7, 5, 10, rate=0.5).double(), torch.tensor([0, 1, 2, 3, 1])
    torch.manual_seed(3)
    first = torch.randint(7 - window + 1, (5,))
    _, _, found = grads(network, STP(window=window), x, targets, seed=3)
    layers = list(sparse_layers(network).values())
    weights = [layer.dense_weight().detach().T.numpy() for layer in layers]
    expected = stp_gradients(
        x.numpy(),
        weights,
        targets.numpy(),
        first.numpy(),
        window=window,
        alpha=0.5,
        theta=1.0,
        height=0.7,
    )
    for layer, gradient, want in zip(layers, found.values(), expected, strict=True):
        left, right = layer.graph.links()
        np.testing.assert_allclose(gradient.numpy(), want[left, right], rtol=1e-9, atol=1e-12)
        assert np.abs(want).max() > 0


class Stepped(nn.Module):
    """Norse's cells stepped in a loop, as its users write it."""

    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        parameters = norse.LIFBoxParameters(
            tau_mem_inv=torch.tensor(0.5), method="triangle", alpha=torch.tensor(1.0)
        )
        self.cells = nn.ModuleList(norse.LIFBoxCell(parameters, dt=1.0) for _ in layers[1:])

    def forward(self, x):
        states, scores = [None] * len(self.cells), 0
        for z in x:
            for i, cell in enumerate(self.cells):
                z, states[i] = cell(2 * self.layers[i](z), states[i])
            scores = scores + self.layers[-1](z)
        return scores / len(x)


class AtOnce(nn.Module):
    """The same over all steps at once."""

    def __init__(self, stepped):
        super().__init__()
        self.layers = stepped.layers
        self.neurons = LIF(0.5, surrogate="triangle")

    def forward(self, x):
        for layer in self.layers[:-1]:
            x, _ = self.neurons(layer(x))
        return self.layers[-1](x).mean(0)


def stepped():
    torch.manual_seed(1)
    layers = [nn.Linear(10, 14), nn.Linear(14, 12), nn.Linear(12, 4)]
    for layer in layers:
        nn.init.uniform_(layer.weight, 0, 0.6)
    return Stepped(layers)


def networks():
    image, frames = torch.rand(5, 1, 12, 12), spikes(6, 5, 2, 12, 12)
    events = conv(
        "2conv2fc",
        in_shape=(2, 12, 12),
        width=0.2,
        n_classes=4,
        sparsity=0.5,
        neuron=LIF(surrogate="box"),
        encoding="none",
        timesteps=6,
        batch_norm=False,
    )
    with torch.no_grad():
        for parameter in events.parameters():
            parameter.mul_(2)
    kind = {"n_classes": 4, "sparsity": 0.5, "neuron": LIF(surrogate="box")}
    return {
        "mlp, direct": (mlp((144, 20, 4), sparsity=0.5, neuron=BOX), image),
        "mlp, even": (mlp((144, 20, 16, 4), sparsity=0.5, encoding="even", neuron=BOX), image),
        "mlp, rate": (mlp((144, 20, 4), sparsity=0.5, readout="rate", neuron=BOX), image),
        "mlp, one layer": (mlp((144, 4), sparsity=[0.5], encoding="even", neuron=BOX), image),
        "dense mlp": (chsnn.densify(mlp((144, 20, 4), sparsity=0.5, neuron=BOX)), image),
        "conv, image": (conv("2conv2fc", in_shape=(1, 12, 12), width=0.2, **kind), image),
        "conv, frames": (events, frames),
        "spikformer": (
            spikformer(in_shape=(1, 12, 12), dim=16, depth=1, heads=2, patch=4, **kind),
            image,
        ),
        "stepped": (stepped(), spikes(6, 5, 10)),
        "at once": (AtOnce(stepped()), spikes(6, 5, 10)),
        "sparsified": (sparsify(stepped(), 0.5, layers=["layers.1"]), spikes(6, 5, 10)),
    }


@pytest.mark.parametrize("name", networks())
def test_a_window_of_all_steps_is_backpropagation_through_time(name):
    model, inputs = networks()[name]
    model.eval()  # batch norms: the same numbers in both passes
    targets = torch.tensor([0, 1, 2, 3, 1])
    steps = getattr(getattr(model, "encoder", None), "timesteps", 6)
    loss, scores, found = grads(model, STP(window=steps), inputs, targets)
    expected_loss, expected_scores, expected = grads(model, BPTT(), inputs, targets)
    torch.testing.assert_close((loss, scores), (expected_loss, expected_scores))
    assert found.keys() == expected.keys()
    for key, gradient in expected.items():
        torch.testing.assert_close(found[key], gradient, rtol=1e-4, atol=1e-6)
    assert any(gradient.abs().sum() > 0 for gradient in expected.values())


@pytest.mark.parametrize("name", networks())
def test_a_narrow_window_learns_something_else_and_leaves_no_trace(name):
    model, inputs = networks()[name]
    model.eval()
    targets = torch.tensor([0, 1, 2, 3, 1])
    before = model(inputs).detach()
    rule = STP(window=2)
    _, _, found = grads(model, rule, inputs, targets)
    _, _, whole = grads(model, BPTT(), inputs, targets)
    assert any(not torch.allclose(found[key], whole[key], rtol=1e-3) for key in whole)
    torch.testing.assert_close(model(inputs), before, rtol=0, atol=0)
    hooks = (m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert not any(hooks)
    assert 0 < rule.count.unused_spikes < 1


def test_a_loop_over_steps_learns_what_all_steps_at_once_learn():
    loop = stepped()
    x, targets = spikes(6, 5, 10), torch.tensor([0, 1, 2, 3, 1])
    _, _, found = grads(loop, STP(window=2), x, targets, seed=5)
    _, _, expected = grads(AtOnce(loop), STP(window=2), x, targets, seed=5)
    for key, gradient in expected.items():
        torch.testing.assert_close(found[key], gradient, rtol=1e-5, atol=1e-7)


def errors_of(model):
    """The errors that reach the layers of a model in its next backward pass, by number."""
    errors = {}

    def listen(i):
        def hook(module, arguments, output):
            if output.requires_grad:
                output.register_hook(lambda error: errors.__setitem__(i, error))

        return hook

    for i, layer in enumerate(model.layers):
        layer.register_forward_hook(listen(i))
    return errors


def test_outside_the_window_nothing_is_learnt():
    model = AtOnce(stepped())
    x, targets = spikes(6, 5, 10), torch.tensor([0, 1, 2, 3, 1])
    errors = errors_of(model)
    torch.manual_seed(7)
    mask = TargetWindow.draw(6, 5, 2).mask
    grads(model, STP(window=2), x, targets, seed=7)
    for error in errors.values():
        assert not error[~mask].any()
        assert error[mask].any()


# ------------------------------------------------------------------------------------ counts


def test_what_took_part_is_counted_spike_by_spike():
    model = AtOnce(stepped())
    sparsify(model, 0.5, layers=["layers.1"])
    x, targets = spikes(6, 5, 10), torch.tensor([0, 1, 2, 3, 1])
    x[:, 2] = 0  # a sample without a spike
    errors, read = errors_of(model), {}
    for i, layer in enumerate(model.layers):
        layer.register_forward_pre_hook(lambda m, a, i=i: read.__setitem__(i, a[0].detach()))
    torch.manual_seed(2)
    mask = TargetWindow.draw(6, 5, 3).mask
    rule = STP(window=3)
    grads(model, rule, x, targets, seed=2)
    want = LearningCount()
    for i, layer in enumerate(model.layers):
        links = np.ones((layer.in_features, layer.out_features))
        if isinstance(layer, SparseLinear):
            links = layer.graph.biadjacency().toarray() != 0
        for t in range(6):
            for b in range(5):
                z = read[i][t, b].numpy() != 0
                e = errors[i][t, b].numpy() != 0
                want.spikes += z.sum()
                want.inference_operations += links[z].sum()
                if not mask[t, b]:
                    continue
                want.updates += 1
                if i:
                    want.learning_operations += links[:, e].sum()
                if z.any() and e.any():
                    want.updates_made += 1
                    want.spikes_used += z.sum()
                    want.learning_operations += links[z][:, e].sum()
    assert rule.count == want
    assert 0 < want.updates_made < want.updates


@pytest.mark.parametrize("readout", ["potential", "rate"])
def test_fused_layers_count_the_same_spikes(readout):
    network = louder(
        mlp((10, 14, 4), sparsity=0.4, encoding="none", timesteps=6, neuron=BOX, readout=readout)
    )
    x, targets = spikes(6, 5, 10, rate=0.5), torch.tensor([0, 1, 2, 3, 1])
    rule = STP(window=6)
    grads(network, rule, x, targets)
    hidden = network.layers[0](x).detach()
    read = float(x.sum() + hidden.sum())
    assert rule.count.spikes == read
    degrees = torch.from_numpy(network.graphs[0].left_degree).float()
    assert rule.count.inference_operations == float((x * degrees).sum() + 4 * hidden.sum())
    assert rule.count.updates == 2 * 6 * 5


def test_of_long_samples_hardly_any_spike_takes_part():
    network = mlp((64, 40, 10), sparsity=0.8, encoding="bernoulli", timesteps=48)
    data = chsnn.load_data("digits").train
    rule = STP(count_every=1)
    Trainer(network, learning=rule, epochs=1, batch_size=256, progress=False).fit(data)
    assert rule.count.unused_spikes > 0.9
    assert 0 < rule.count.learning_share < 0.5


# ----------------------------------------------------------------------------------- training


@pytest.mark.parametrize("bits", [None, 8, 4])
def test_digits_are_learnt_with_evolution(bits):
    data = chsnn.load_data("digits")
    network = mlp(
        (64, 256, 10),
        sparsity=0.9,
        inputs=data.train.images,
        encoding="even",
        neuron=LIF(surrogate="box"),
    )
    trainer = Trainer(
        network,
        evolution=Evolution(),
        learning=STP(weight_bits=bits),
        epochs=6,
        learning_rate=5e-3,
        progress=False,
    )
    rows = trainer.fit(data.train, data.validation).rows
    assert rows[-1]["validation_accuracy"] > (0.9 if bits != 4 else 0.8)
    assert trainer.parts.names()["learning"] == "STP"
    if bits is not None:
        for layer in sparse_layers(network).values():
            assert len(layer.values.unique()) <= 2**bits


def test_a_resumed_training_is_the_straight_one(tmp_path):
    data = chsnn.load_data("digits")

    def trainer(epochs):
        return Trainer(
            mlp((64, 64, 10), sparsity=0.8, encoding="bernoulli"),
            evolution=Evolution(),
            learning=STP(weight_bits=8),
            epochs=epochs,
            folder=tmp_path,
            progress=False,
            learning_rate_schedule="constant",
        )

    straight = trainer(3)
    straight.folder = None
    straight.fit(data.train)
    broken = trainer(3)
    broken.callbacks = (lambda t, row: t.stop(),)
    broken.fit(data.train)
    resumed = Trainer.resume(
        tmp_path / "checkpoint.safetensors", learning=STP(weight_bits=8), progress=False
    )
    resumed.fit(data.train)
    for a, b in zip(straight.model.parameters(), resumed.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_rounding_is_right_on_average():
    layer = nn.Linear(3, 1, bias=False)
    total = torch.zeros(1, 3)
    torch.manual_seed(0)
    for _ in range(4000):
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([[1.0, 0.3, -0.01]]))
        round_weights(layer, 4)
        assert set((layer.weight * 7 / 7 * 4).tolist()[0]) <= {float(i) for i in range(-8, 9)}
        total += layer.weight.detach()
    torch.testing.assert_close(total / 4000, torch.tensor([[1.0, 0.3, -0.01]]), rtol=0, atol=0.01)


def test_published_settings():
    from chsnn import stp

    assert STP().window == 4
    assert LIF(**NEURON).settings["v_th"] == 4.0
    assert dict(stp.TRAINING) == {"learning_rate": 1e-4, "batch_size": 100, "epochs": 100}
    assert stp.ZETA == 0.35


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": 0}, "window"),
        ({"timesteps": 0}, "timesteps"),
        ({"weight_bits": 1}, "weight_bits must be 2 to 8"),
        ({"weight_bits": 9}, "weight_bits"),
        ({"count_every": 0}, "count_every"),
    ],
)
def test_settings_out_of_range_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        STP(**settings)


def test_a_model_that_does_not_fit_is_told():
    targets = torch.tensor([0, 1])
    with pytest.raises(ValueError, match="window must be at most the 3 time steps"):
        grads(mlp((4, 6, 3), sparsity=0.5, timesteps=3), STP(), torch.rand(2, 4), targets)
    plain = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    with pytest.raises(ValueError, match="must know the time steps"):
        grads(plain, STP(), torch.rand(2, 4), targets)
    with pytest.raises(ValueError, match="learning must be one of"):
        Trainer(plain, learning="stp")


@pytest.mark.parametrize("encoding", ["direct", "even"])
def test_links_by_gradient_are_those_of_the_window(encoding):
    """Gradient regrowth reads what the layers learnt from: the dense gradient of the window."""
    network = louder(mlp((10, 14, 4), sparsity=0.4, encoding=encoding, timesteps=6, neuron=BOX))
    layers = sparse_layers(network)
    images, targets = torch.rand(5, 10), torch.tensor([0, 1, 2, 3, 1])
    tap = GradientTap(layers)
    tap.open()
    grads(network, STP(window=2), images, targets)
    for name, layer in layers.items():
        dense = tap.gradients[name].rows(0, layer.in_features)
        left, right = layer.graph.links()
        torch.testing.assert_close(dense[left, right], layer.values.grad, rtol=1e-4, atol=1e-6)
        assert layer.values.grad.any()
    tap.close()
