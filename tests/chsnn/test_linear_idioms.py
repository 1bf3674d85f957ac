"""SparseLinear where nn.Linear stands: the same numbers and gradients, or one clear sentence."""

import copy
import shutil

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import (
    clip_grad_norm_,
    parameters_to_vector,
    vector_to_parameters,
)

from chgraph import BipartiteGraph
from chsnn import LIF, SparseLIF, SparseLinear
from chsnn.layers import BACKENDS
from tests.chsnn.tensors import at_links, layer_and_twin, random_graph, real, spikes

GRAPH = random_graph(6, 5, 0.5, seed=1)
FULL = BipartiteGraph.from_biadjacency(np.ones((6, 5)))
WIDE = random_graph(6, 80, 0.2, seed=2)
backends = pytest.mark.parametrize("backend", BACKENDS)
graphs = pytest.mark.parametrize("graph", [GRAPH, FULL, WIDE], ids=["sparse", "full", "wide"])


def assert_same(layer, twin, x, use=lambda y: y, *, tolerance=1e-6, run=lambda m, x: m(x)):
    """Outputs, and gradients of input, links and bias, of the layer and of nn.Linear."""
    mine, theirs = (x.clone().requires_grad_(x.is_floating_point()) for _ in range(2))
    got, want = use(run(layer, mine)), use(run(twin, theirs))
    assert got.dtype == want.dtype
    close = {"rtol": tolerance, "atol": tolerance}
    torch.testing.assert_close(got, want, **close)
    upper = real(*got.shape, seed=5).to(got.dtype)
    layer.zero_grad()
    twin.zero_grad()
    got.backward(upper)
    want.backward(upper)
    torch.testing.assert_close(mine.grad, theirs.grad, **close)
    torch.testing.assert_close(layer.values.grad, at_links(layer, twin.weight.grad), **close)
    if layer.bias is not None:
        torch.testing.assert_close(layer.bias.grad, twin.bias.grad, **close)


# ------------------------------------------------------------------------------- shapes


@backends
@graphs
@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (2, 0), (3, 2), (2, 1, 3, 2)])
def test_any_leading_shape(shape, graph, backend):
    for bias in (False, True):
        layer, twin = layer_and_twin(graph, bias=bias, backend=backend)
        assert_same(layer, twin, real(*shape, 6))
        assert_same(layer, twin, spikes(*shape, 6))


VIEWS = {
    "transposed": lambda x: x.transpose(0, 1),
    "strided": lambda x: x[:, ::2],
    "flipped features": lambda x: x.flip(-1),
    "expanded 0": lambda x: x[:1].expand(4, -1, -1),
    "expanded 1": lambda x: x[:, :1].expand(-1, 4, -1),
    "expanded 2": lambda x: x[..., :1].expand(-1, -1, 6),
    "expanded all": lambda x: x[:1, :1, :1].expand(4, 3, 6),
}


@backends
@graphs
@pytest.mark.parametrize("view", VIEWS)
def test_any_view_of_an_input(view, graph, backend):
    layer, twin = layer_and_twin(graph, bias=True, backend=backend)
    # In double precision: the gradient of one number that is shown everywhere is a long sum, whose
    # rounding in float32 depends on the order in which a processor's vectors add it up.
    doubles = (copy.deepcopy(module).double() for module in (layer, twin))
    x = real(2, 4, 6).double()
    assert_same(*doubles, x, run=lambda m, x: m(VIEWS[view](x)), tolerance=1e-12)
    x = VIEWS[view](real(2, 4, 6))  # no gradient wanted
    torch.testing.assert_close(layer(x), twin(x), rtol=1e-6, atol=1e-6)


@backends
def test_an_expanded_input_that_keeps_its_gradient_gets_that_of_every_row(backend):
    layer = SparseLinear(BipartiteGraph.from_links([0], [0], (1, 1)), backend=backend)
    layer.set_values([2.0])
    x = torch.ones(1, 1, 1).expand(3, 1, 1).requires_grad_()
    (layer(x) * torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1)).sum().backward()
    assert x.grad.flatten().tolist() == [2.0, 4.0, 6.0]


IN_PLACE = {
    "relu_": lambda y: y.relu_(),
    "add_ mul_": lambda y: y.add_(1).mul_(2),
    "one row": lambda y: y.index_fill_(0, torch.tensor(0), 3.0),
    "a view": lambda y: (y.select(-1, 0).mul_(3), y)[1],
    "dropout": lambda y: nn.functional.dropout(y, 0.0, inplace=True),
}


@backends
@graphs
@pytest.mark.parametrize("change", IN_PLACE)
def test_a_result_may_be_changed_in_place(change, graph, backend):
    layer, twin = layer_and_twin(graph, bias=True, backend=backend)
    layer, twin = layer.double(), twin.double()  # float32 is rounded as the processor has it
    close, change = {"tolerance": 1e-12}, IN_PLACE[change]
    for view in (lambda x: x, VIEWS["expanded 0"]):
        x = real(2, 4, 6).double()
        assert_same(layer, twin, x, change, run=lambda m, x, v=view: m(v(x)), **close)
        assert_same(layer, twin, spikes(2, 4, 6).double(), change, **close)
        # No gradient wanted: the product is made once.
        got, want = (change(module(view(x))) for module in (layer, twin))
        torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


@backends
def test_no_grad_and_inference_mode(backend):
    layer, twin = layer_and_twin(GRAPH, backend=backend)
    x = real(3, 6)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            y = layer(x)
            torch.testing.assert_close(y, twin(x), rtol=1e-6, atol=1e-6)
        assert not y.requires_grad


# --------------------------------------------------------------------------- number types


@backends
@graphs
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float64, 1e-12), (torch.bfloat16, 5e-2), (torch.float16, 5e-3)],
    ids=str,
)
def test_every_number_type(dtype, tolerance, graph, backend):
    layer, twin = layer_and_twin(graph, bias=True, backend=backend)
    layer, twin = layer.to(dtype), twin.to(dtype)
    assert layer.values.dtype == dtype
    assert_same(layer, twin, real(4, 6).to(dtype), tolerance=tolerance)


@backends
@graphs
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 5e-2), (torch.float16, 5e-3)])
@pytest.mark.parametrize("x_dtype", [torch.float32, torch.bfloat16])
def test_autocast(x_dtype, dtype, tolerance, graph, backend):
    def run(module, x):
        with torch.autocast("cpu", dtype):
            return module(x)

    layer, twin = layer_and_twin(graph, bias=True, backend=backend)
    tolerance = 5e-2 if x_dtype == torch.bfloat16 else tolerance
    assert_same(layer, twin, real(4, 6).to(x_dtype), tolerance=tolerance, run=run)
    layer, twin = layer.double(), twin.double()  # which autocast leaves alone
    assert_same(layer, twin, real(4, 6).double(), tolerance=1e-12, run=run)


@pytest.mark.parametrize("name", ["half", "double", "bfloat16", "float"])
def test_a_model_changes_its_type_as_torch_models_do(name):
    model = nn.Sequential(SparseLinear(GRAPH, bias=True), nn.Linear(5, 2))
    model = getattr(model, name)()
    kinds = {p.dtype for p in model.parameters()}
    assert len(kinds) == 1
    assert model(real(3, 6).to(kinds.pop())).shape == (3, 2)


@backends
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.ones(3, 7), r"^x must have 6 features, got shape \(3, 7\)"),
        (torch.tensor(1.0), "^x must have 6 features"),
        (torch.ones(3, 6, dtype=torch.float64), r"^x must be torch\.float32"),
        (torch.ones(3, 6, dtype=torch.int64), r"^x must be torch\.float32"),
        (torch.ones(3, 6, device="meta"), r"^x must be on cpu"),
    ],
)
def test_inputs_that_do_not_fit_are_named(x, message, backend):
    for kind in (SparseLinear, SparseLIF):
        with pytest.raises(ValueError, match=message):
            kind(GRAPH, backend=backend)(x)


# ------------------------------------------------------------------------ to and from Linear


@graphs
@pytest.mark.parametrize("bias", [False, True])
def test_there_and_back(bias, graph):
    linear = nn.Linear(6, graph.n_right, bias=bias, dtype=torch.float64).eval()
    linear.weight.requires_grad_(False)
    layer = SparseLinear.from_linear(linear, graph)
    assert not layer.training
    assert not layer.values.requires_grad
    assert torch.equal(layer.values, at_links(layer, linear.weight))
    back = layer.to_linear()
    masked = nn.functional.linear(real(3, 6).double(), linear.weight * layer.weight_mask())
    masked = masked + (linear.bias if bias else 0)
    torch.testing.assert_close(back(real(3, 6).double()), masked)
    assert (back.weight.requires_grad, back.training, back.weight.dtype) == (
        False,
        False,
        torch.float64,
    )
    assert torch.equal(SparseLinear.from_linear(back, graph).values, layer.values)


def test_what_is_no_linear_layer_is_named():
    with pytest.raises(TypeError, match=r"^linear must be an nn\.Linear, got LazyLinear"):
        SparseLinear.from_linear(nn.LazyLinear(5), GRAPH)
    with pytest.raises(TypeError, match=r"^graph must be a BipartiteGraph"):
        SparseLinear.from_linear(nn.Linear(6, 5), np.ones((6, 5)))
    with pytest.raises(ValueError, match=r"^graph must have shape"):
        SparseLinear.from_linear(nn.Linear(5, 6), GRAPH)


# ------------------------------------------------------------------------ torch's machinery


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
@pytest.mark.filterwarnings("ignore")  # of the compiler about itself
def test_a_compiled_model_is_the_same_model(backend):
    if backend == "inductor" and shutil.which("gcc") is None:
        pytest.skip("inductor needs a C++ compiler")
    torch.manual_seed(0)
    plain, _ = layer_and_twin(GRAPH, bias=True)
    fused, _ = layer_and_twin(random_graph(5, 4, 0.7), SparseLIF)
    model = nn.Sequential(plain, nn.ReLU(inplace=True), fused, nn.Linear(4, 2))
    x = real(4, 3, 6).requires_grad_()
    wanted = [x, *model.parameters()]
    expected = model(x)
    gradients = torch.autograd.grad(expected.square().sum(), wanted)
    torch.compiler.reset()
    got = torch.compile(model, backend=backend)(x)
    torch.testing.assert_close(got, expected)
    torch.testing.assert_close(torch.autograd.grad(got.square().sum(), wanted), gradients)


def test_names_are_those_of_a_layer():
    layer = SparseLIF(GRAPH, LIF(learn=["v_th"]), bias=True)
    assert (layer.in_features, layer.out_features) == (6, 5)
    assert [name for name, _ in layer.named_parameters()] == ["values", "bias", "neuron.v_th"]


def test_parameters_as_a_vector_clipping_and_freezing():
    layer, twin = layer_and_twin(GRAPH, bias=True)
    vector = parameters_to_vector(layer.parameters())
    vector_to_parameters(2 * vector.detach(), layer.parameters())
    x = real(3, 6)
    torch.testing.assert_close(layer(x), 2 * twin(x), rtol=1e-6, atol=1e-6)
    layer(x).sum().backward()
    norm = torch.cat([p.grad for p in layer.parameters()]).norm()
    torch.testing.assert_close(clip_grad_norm_(layer.parameters(), 0.1), norm)
    torch.testing.assert_close(torch.cat([p.grad for p in layer.parameters()]).norm().item(), 0.1)
    layer.requires_grad_(False)
    assert not layer(x).requires_grad


def test_functional_call_takes_other_values():
    layer, _ = layer_and_twin(GRAPH)
    x, values = real(3, 6), real(GRAPH.n_links, seed=7).requires_grad_()
    before = layer.values.clone()
    y = torch.func.functional_call(layer, {"values": values}, (x,))
    layer.set_values(values.detach())
    torch.testing.assert_close(y, layer(x))
    y.sum().backward()
    assert values.grad.abs().sum() > 0
    assert not torch.equal(before, layer.values)


@backends
def test_second_derivatives_are_right_or_refused(backend):
    layer, twin = layer_and_twin(GRAPH, backend=backend)
    x = real(3, 6).requires_grad_()

    def penalty(module):
        (gradient,) = torch.autograd.grad(module(x).sum(), x, create_graph=True)
        return torch.autograd.grad(gradient.square().sum(), next(module.parameters()))[0]

    if layer.uses_sparse_kernels:
        with pytest.raises(RuntimeError, match=r"create_graph=True.*to_linear"):
            penalty(layer)
    else:
        torch.testing.assert_close(penalty(layer), at_links(layer, penalty(twin)))
