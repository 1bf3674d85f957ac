"""Programs that torch writes down from a run, and transforms of functions: the eager numbers."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, jacrev, jvp, vmap

import chsnn
from chsnn.neurons import LIF, SURROGATES

BATCH = 6


def drawn(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def lively(model, factor):
    """The model with larger weights, so that neurons fire."""
    with torch.no_grad():
        for layer in chsnn.sparse_layers(model).values():
            layer.set_values(layer.values.detach() * factor)
    return model.eval()


def of_ones_own():
    layers = [nn.Linear(20, 32), nn.Linear(32, 24), nn.Linear(24, 5)]
    with torch.no_grad():
        for i, parameter in enumerate(p for layer in layers for p in layer.parameters()):
            parameter.copy_(drawn(*parameter.shape, seed=i) - 0.5)
    model = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.Tanh(), layers[2])
    return chsnn.sparsify(model, sparsity=0.8, seed=0).eval()


def mlp(**options):
    return lively(chsnn.networks.mlp((30, 40, 5), sparsity=0.8, timesteps=5, **options), 3.0)


def conv():
    sizes = {"in_shape": (1, 8, 8), "n_classes": 5, "sparsity": 0.8, "width": 0.2, "timesteps": 4}
    model = chsnn.networks.conv("2conv2fc", **sizes)
    with torch.no_grad():
        for parameter in model.stages.parameters():
            parameter.mul_(4.0)
    return lively(model, 4.0)


def spikformer():
    sizes = {"dim": 16, "depth": 1, "heads": 2, "patch": 4, "timesteps": 3}
    model = chsnn.networks.spikformer(in_shape=(3, 8, 8), n_classes=5, sparsity=0.7, **sizes)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.weight.mul_(4.0)
    return lively(model, 2.0)


# Of every model the input, and where its samples lie.
MODELS = {
    "any model": (of_ones_own, drawn(BATCH, 20), 0),
    "mlp, direct": (mlp, drawn(BATCH, 30), 0),
    "mlp, even": (lambda: mlp(encoding="even"), drawn(BATCH, 30), 0),
    "mlp, events": (lambda: mlp(encoding="none"), (drawn(5, BATCH, 30) < 0.4).float(), 1),
    "mlp, rates": (lambda: mlp(readout="rate"), drawn(BATCH, 30), 0),
    "dense mlp": (lambda: chsnn.densify(mlp()), drawn(BATCH, 30), 0),
    "conv": (conv, drawn(BATCH, 1, 8, 8), 0),
    "spikformer": (spikformer, drawn(BATCH, 3, 8, 8), 0),
}
every_model = pytest.mark.parametrize("name", MODELS)


def made(name):
    """A model with an input, where its samples lie, and what it says to them: not all the same."""
    make, x, axis = MODELS[name]
    model = make()
    want = model(x)
    assert want.std(dim=0).sum() > 0
    return model, x, axis, want


def exported(model, x):
    return torch.export.export(model, (x,)).module()


def traced(model, x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that shapes became numbers, and torch.jit old
        return torch.jit.trace(model, x)


CAPTURES = {"torch.export": exported, "torch.jit.trace": traced}


@every_model
@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize("learns", [True, False])
def test_a_program_says_the_same(name, capture, learns):
    model, x, _, want = made(name)
    with torch.set_grad_enabled(learns):
        program = CAPTURES[capture](model, x)
        torch.testing.assert_close(program(x), want.detach() if not learns else want)


def test_a_program_of_any_number_of_samples():
    model, x, _, want = made("mlp, direct")
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(model, (x,), dynamic_shapes=({0: batch},)).module()
    torch.testing.assert_close(program(x[:3]), want[:3])


@every_model
def test_a_program_of_inference_has_no_part_in_learning(name):
    """No surrogate, and no operation of a kernel: a machine without Python runs it."""
    model, x, *_ = made(name)
    with torch.no_grad():
        program = torch.export.export(model, (x,))
    called = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert all(target.startswith(("aten.", "<built-in")) for target in called)
    assert not any("detach" in target for target in called)


@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize("model", ["box", "current"])
def test_a_program_learns_as_the_neurons_do(capture, surrogate, model):
    neurons = LIF([0.5, 0.7, 0.4], 0.6, model=model, surrogate=surrogate, learn=("v_th",))
    x = (3 * drawn(6, 4, 3)).requires_grad_()

    class Spikes(nn.Module):
        def __init__(self):
            super().__init__()
            self.neurons = copy.deepcopy(neurons)

        def forward(self, x):
            return self.neurons(x)[0]

    weights = drawn(6, 4, 3, seed=1)
    want = neurons(x)[0]
    (want * weights).sum().backward()
    wanted, x.grad = x.grad, None
    program = CAPTURES[capture](Spikes(), x)
    got = program(x)
    (got * weights).sum().backward()
    assert want.sum() > 0
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(x.grad, wanted)
    threshold = dict(program.named_parameters())["neurons.v_th"]
    torch.testing.assert_close(threshold.grad, neurons.v_th.grad)


@every_model
def test_gradients_of_single_samples_add_up(name):
    model, x, axis, _ = made(name)
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def loss(parameters, sample):
        return functional_call(model, parameters, (sample.unsqueeze(axis),)).square().sum()

    each = vmap(grad(loss), in_dims=(None, axis))(parameters, x)
    model(x).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert each[name].shape == (BATCH, *parameter.shape)
        torch.testing.assert_close(each[name].sum(0), parameter.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_forward_and_backward_derivatives_agree(surrogate):
    neurons, x = LIF(0.6, 0.5, surrogate=surrogate), 2 * drawn(4, 2, 3)
    jacobian = jacrev(lambda x: neurons(x)[0])(x)
    direction = drawn(4, 2, 3, seed=1)
    along = jvp(lambda x: neurons(x)[0], (x,), (direction,))[1]
    torch.testing.assert_close(
        jacobian.flatten(3).flatten(0, 2) @ direction.flatten(), along.flatten()
    )
    x.requires_grad_()
    (backward,) = torch.autograd.grad(neurons(x)[0].sum(), x)
    torch.testing.assert_close(jacobian.sum((0, 1, 2)), backward)


def test_the_jacobian_of_a_layer_is_its_weight():
    layer = of_ones_own()[0]
    torch.testing.assert_close(jacrev(layer)(drawn(20)), layer.dense_weight())


@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize("backend", ["sparse", "dense"])
def test_a_program_may_read_the_weight(capture, backend):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = of_ones_own()[0]
            self.layer.backend = backend

        def forward(self, x):
            return self.layer(x) @ self.layer.weight

    model, x = Tied(), drawn(BATCH, 20)
    torch.testing.assert_close(CAPTURES[capture](model, x)(x), model(x))


@every_model
def test_onnx_says_the_same(name, tmp_path):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    model, x, _, want = made(name)
    path = tmp_path / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (x,), path, dynamo=True, verbose=False)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    torch.testing.assert_close(torch.from_numpy(got), want.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is")
@pytest.mark.parametrize("module", [of_ones_own, LIF])
def test_scripts_are_refused(module):
    with pytest.raises(TypeError, match=r"use torch\.export\.export, torch\.onnx\.export"):
        torch.jit.script(module())


def test_a_layer_is_the_same_after_it_was_captured():
    layer = of_ones_own()[0]
    x, want = drawn(BATCH, 20), layer.dense_weight()
    other = copy.deepcopy(layer)  # nothing of it is made yet
    exported(other, x)
    other.backend = "dense"
    assert torch.equal(other.dense_weight(), want)
    torch.testing.assert_close(other(x), layer(x))


def test_shapes_without_numbers():
    model = of_ones_own().to("meta")
    assert model(torch.empty(BATCH, 20, device="meta")).shape == (BATCH, 5)


def test_networks_without_numbers_are_refused():
    with torch.device("meta"), pytest.raises(ValueError, match="build the network on the CPU"):
        mlp()


@pytest.mark.parametrize("module", [of_ones_own, LIF, lambda: LIF(learn=("v_th",))])
def test_a_sparse_input_is_refused(module):
    with pytest.raises(ValueError, match=r"x must be a dense tensor, .* x\.to_dense\(\)"):
        module()(drawn(4, BATCH, 20).to_sparse())
