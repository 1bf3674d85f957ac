"""Models made sparse by names: which layers, what of them stays, what is refused."""

import copy
import logging

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

import chsnn
from chgraph.rewiring import Junction, Wiring
from chsnn import SparseLinear, densify, sparse_layers, sparsify
from tests.chsnn.evolution.test_restoring import assert_same


def draw(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


class Net(nn.Module):
    """Blocks with names to choose by, and a head."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(10, 12)
        self.blocks = nn.ModuleList(
            nn.ModuleDict({"up": nn.Linear(12, 16), "down": nn.Linear(16, 12)}) for _ in range(2)
        )
        self.head = nn.Linear(12, 3)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = x + block["down"](torch.relu(block["up"](x)))
        return self.head(x)


HIDDEN = ["stem", "blocks.0.up", "blocks.0.down", "blocks.1.up", "blocks.1.down"]


def sparsities(model):
    return {name: layer.graph.sparsity for name, layer in sparse_layers(model).items()}


def snapshot(model):
    """Everything of a model that a refusal must leave as it is."""
    return {
        "modules": [(name, type(m).__name__, m.training) for name, m in model.named_modules()],
        "identity": [id(m) for m in model.modules()],
        "state": copy.deepcopy(dict(model.state_dict())),
        "grad": [(name, p.requires_grad) for name, p in model.named_parameters()],
        "own": sorted(vars(model)),
        "hooks": [len(m._load_state_dict_pre_hooks) for m in model.modules()],
        "wiring": repr(getattr(model, "wiring", None)),
        "random": (torch.get_rng_state(), str(np.random.get_state())),  # noqa: NPY002
    }


def test_by_default_all_linear_layers_but_the_last():
    model = Net()
    assert sparsify(model, 0.75) is model
    assert list(sparse_layers(model)) == HIDDEN
    assert type(model.head) is nn.Linear
    for layer in sparse_layers(model).values():
        n_in, n_out = layer.graph.shape
        assert layer.graph.n_links == round(0.25 * n_in * n_out)
        for degree in (layer.graph.left_degree, layer.graph.right_degree):
            assert degree.max() - degree.min() <= 1  # regular
    assert model(draw(4, 10)).shape == (4, 3)


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        ("blocks.*.up", ["blocks.0.up", "blocks.1.up"]),
        ("head", ["head"]),
        (["*.down", "stem"], ["stem", "blocks.0.down", "blocks.1.down"]),
        ("*", [*HIDDEN, "head"]),
        ("blocks.[1]*", ["blocks.1.up", "blocks.1.down"]),
    ],
)
def test_layers_are_chosen_by_patterns_of_their_names(layers, names):
    assert list(sparse_layers(sparsify(Net(), 0.5, layers=layers))) == names


def test_sparsities_by_patterns_the_first_that_fits_counts():
    model = sparsify(Net(), {"blocks.0.*": 0.75, "*.up": 0.5, "head": 0.25})
    assert sparsities(model) == {
        "blocks.0.up": 0.75,
        "blocks.0.down": 0.75,
        "blocks.1.up": 0.5,
        "head": 0.25,
    }
    model = sparsify(Net(), {"*.up": 0.5, "*": 0.75}, layers=["blocks.0.*"])
    assert sparsities(model) == {"blocks.0.up": 0.5, "blocks.0.down": 0.75}


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.fc = nn.Embedding(7, 4), nn.Linear(4, 4)
        self.decode = nn.Linear(4, 7, bias=False)
        self.decode.weight = self.embed.weight

    def forward(self, x):
        return self.decode(self.fc(self.embed(x)))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attend, self.fc = nn.MultiheadAttention(8, 2), nn.Linear(8, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.fc(self.attend(x, x, x)[0]))


def hooked():
    model = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 2))
    model[0].register_full_backward_pre_hook(lambda *_: None)
    return model


def with_(function):
    return nn.Sequential(function(nn.Linear(4, 5)), nn.Linear(5, 5), nn.Linear(5, 2))


@pytest.mark.parametrize(
    ("build", "left_alone", "taken", "why"),
    [
        (Tied, "decode", ["fc"], "tied"),
        (Attention, "attend.out_proj", ["fc"], "NonDynamicallyQuantizableLinear"),
        (hooked, "0", ["1"], "hooks"),
        (lambda: with_(parametrizations.weight_norm), "0", ["1"], "reparametrised"),
        (lambda: with_(parametrizations.orthogonal), "0", ["1"], "reparametrised"),
    ],
)
def test_layers_that_are_more_than_linear_are_left_alone_unless_named(
    build, left_alone, taken, why
):
    model = build()
    before = snapshot(model)
    with pytest.raises(ValueError, match=rf"^layer '{left_alone}' cannot be made sparse.*{why}"):
        sparsify(model, 0.5, layers=left_alone)
    assert_same(snapshot(model), before)
    assert list(sparse_layers(sparsify(model, 0.5))) == taken


def refusals():
    two, one = (lambda: nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))), nn.Linear
    nan = float("nan")
    path = Wiring((Junction(5, ("0",), ("2",)),))
    yield two, {"layers": "fc*"}, ValueError, r"^layers.*'fc\*'.*'0', '2'"
    yield two, {"layers": ["0", "1"]}, ValueError, r"^layers.*'1'"
    yield two, {"layers": [0]}, TypeError, r"^layers.*0"
    yield two, {"sparsity": 1.0}, ValueError, "^sparsity"
    yield two, {"sparsity": "0.5"}, TypeError, "^sparsity"
    yield two, {"sparsity": 0.99}, ValueError, "^sparsity of layer '0'.*without links"
    yield two, {"sparsity": {"0": 0.5, "2": 0.99}}, ValueError, "^sparsity of layer '2'"
    yield two, {"sparsity": {"0": -0.5}}, ValueError, r"^sparsity\['0'\]"
    yield two, {"sparsity": {"1": 0.5}}, ValueError, "^layers.*'1'"
    yield two, {"sparsity": {}}, ValueError, "^sparsity.*empty"
    yield two, {"sparsity": {"0": 0.5}, "layers": "2"}, ValueError, "^sparsity must fit"
    yield two, {"topology": "SSCTI"}, ValueError, "^inputs"
    yield two, {"topology": "ring"}, ValueError, "^topology"
    yield two, {"weights": "zero"}, ValueError, "^weights"
    yield two, {"seed": -1}, ValueError, "^seed"
    yield two, {"wiring": "path"}, TypeError, "^wiring"
    yield two, {"wiring": path}, ValueError, "5 neurons but layer '0'"
    yield two, {"inputs": [[1.0, nan, 0.0, 0.0]]}, ValueError, "^inputs must be finite"
    yield two, {"inputs": torch.ones(0, 4)}, ValueError, "^inputs.*at least one"
    yield two, {"inputs": 3.0}, ValueError, "^inputs.*at least one"
    yield two, {"inputs": torch.ones(3, 5)}, ValueError, r"^model must take the inputs.*\(3, 5\)"
    yield two, {"inputs": [["a"]]}, TypeError, "^inputs must be numbers"
    yield (lambda: one(4, 6)), {}, ValueError, "^model.*before its last"
    yield (lambda: one(4, 6)), {"layers": "*"}, ValueError, "it is the model itself"
    yield (lambda: nn.Sequential(one(4, 6))), {}, ValueError, "^model.*before its last.*'0'"
    yield (lambda: nn.Sequential(nn.ReLU())), {}, ValueError, "^model.*no linear layer"
    yield (lambda: nn.Sequential(nn.ReLU())), {"layers": "*"}, ValueError, "no linear layers"


@pytest.mark.parametrize(("build", "options", "error", "message"), list(refusals()))
def test_what_is_refused_leaves_the_model_as_it_was(build, options, error, message):
    model = build()
    before = snapshot(model)
    with pytest.raises(error, match=message):
        sparsify(model, **{"sparsity": 0.5, **options})
    assert_same(snapshot(model), before)


def test_a_model_that_fails_behind_the_first_layer_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(4, 6), nn.Linear(5, 6), nn.Linear(6, 2))
    before = snapshot(model)
    with pytest.raises(Exception, match=r"6.*5"):
        sparsify(model, 0.5, inputs=torch.ones(3, 4))
    assert_same(snapshot(model), before)


def test_only_a_module_can_be_made_sparse():
    with pytest.raises(TypeError, match=r"^model must be a torch module, got list"):
        sparsify([nn.Linear(2, 2)], 0.5)


@pytest.mark.parametrize("options", [{}, {"layers": "0"}, {"layers": "*"}])
def test_a_layer_without_a_size_must_be_run_once(options):
    model = nn.Sequential(nn.LazyLinear(6), nn.ReLU(), nn.Linear(6, 2))
    with pytest.raises(ValueError, match=r"^layer '0' has no size yet: run the model once"):
        sparsify(model, 0.5, **options)
    model(torch.ones(1, 4))
    assert "0" in sparse_layers(sparsify(model, 0.5, **options))


def test_a_module_under_two_names_is_replaced_under_both():
    shared = nn.Linear(5, 5)
    model = nn.Sequential(shared, nn.ReLU(), nn.Sequential(shared, nn.ReLU()), nn.Linear(5, 2))
    sparsify(model, 0.5)
    assert list(sparse_layers(model)) == ["0"]
    assert model[0] is model[2][0]
    assert isinstance(model[0], SparseLinear)
    densify(model)
    assert model[0] is model[2][0]
    assert type(model[0]) is nn.Linear


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_type_mode_bias_and_what_is_frozen_stay(dtype):
    model = Net().to(dtype).eval()
    model.stem.requires_grad_(False)
    model.blocks[0]["up"].bias.requires_grad_(False)
    biases = {name: m.bias.clone() for name, m in model.named_modules() if hasattr(m, "bias")}
    sparsify(model, 0.5)
    for name, layer in sparse_layers(model).items():
        assert layer.values.dtype == dtype
        assert not layer.training
        assert layer.values.requires_grad == (name != "stem")
        assert torch.equal(layer.bias, biases[name])
        assert layer.bias.requires_grad == (name not in ("stem", "blocks.0.up"))
    assert model(draw(2, 10).to(dtype)).dtype == dtype


def test_the_seed_decides_and_names_have_streams_of_their_own():
    def made(seed=0, layers=None):
        model = sparsify(Net(), 0.5, seed=seed, layers=layers)
        return {n: (m.graph, m.values.detach()) for n, m in sparse_layers(model).items()}

    first, again, other = made(), made(), made(seed=1)
    for name in HIDDEN:
        assert first[name][0] == again[name][0] != other[name][0]
        assert torch.equal(first[name][1], again[name][1])
        assert not torch.equal(first[name][1], other[name][1])
    assert first["blocks.0.up"][0] != first["blocks.1.up"][0]
    # Layers that are made alone are the same ones.
    assert made(layers="blocks.1.up")["blocks.1.up"][0] == first["blocks.1.up"][0]


def test_random_streams_and_modes_are_left_as_they_were():
    model = nn.Sequential(nn.Linear(8, 9), nn.Dropout(), nn.BatchNorm1d(9), nn.Linear(9, 2))
    model[1].eval()
    modes = [m.training for m in model.modules()]
    running = copy.deepcopy(model[2].state_dict())
    torch.manual_seed(1)
    before = torch.get_rng_state(), str(np.random.get_state())  # noqa: NPY002
    sparsify(model, 0.5, inputs=draw(6, 8))
    assert [m.training for m in model.modules()] == modes
    assert_same(copy.deepcopy(model[2].state_dict()), running)
    densify(model)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert str(np.random.get_state()) == before[1]  # noqa: NPY002
    assert [m.training for m in model.modules()] == modes


@pytest.mark.parametrize("topology", ["auto", "regular", "erdos_renyi"])
def test_kept_weights_are_those_of_the_dense_layer(topology):
    torch.manual_seed(0)
    model = Net()
    dense = {n: m.weight.detach().clone() for n, m in model.named_modules() if n in HIDDEN}
    sparsify(model, 0.7, weights="keep", topology=topology)
    for name, layer in sparse_layers(model).items():
        mask, weight = layer.weight_mask(), layer.dense_weight().detach()
        assert torch.equal(weight[mask], dense[name][mask])
        if topology == "auto":  # the largest
            assert dense[name][mask].abs().min() > dense[name][~mask].abs().max()


def test_of_equal_weights_the_first_are_kept():
    model = nn.Sequential(nn.Linear(3, 4, bias=False), nn.Linear(4, 2))
    nn.init.constant_(model[0].weight, 0.5)
    sparsify(model, 0.5, weights="keep")
    assert model[0].graph.links()[0].tolist() == [0, 0, 0, 0, 1, 1]


def test_a_model_can_be_made_sparse_in_two_goes():
    model = sparsify(Net(), 0.5, layers="stem")
    stem = model.stem
    sparsify(model, 0.8, layers="blocks.*")
    assert model.stem is stem
    assert list(sparse_layers(model)) == HIDDEN
    named = {n for j in model.wiring.junctions for n in (*j.sources, *j.targets)}
    assert named >= {"blocks.0.up", "blocks.0.down"}


@pytest.mark.parametrize(
    ("build", "level", "says"),
    [
        (
            lambda: nn.Sequential(
                nn.Linear(4, 6, bias=False), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 2)
            ),
            logging.INFO,
            "followed between 0 -> 2",
        ),
        (lambda: nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2)), logging.INFO, "not"),
        (
            lambda: nn.Sequential(
                nn.Linear(4, 6), nn.Flatten(0), nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 2)
            ),
            logging.WARNING,
            "not after 0",
        ),
    ],
)
def test_one_line_says_whose_neurons_are_followed(build, level, says, caplog):
    model = build()
    with caplog.at_level(logging.INFO, logger="chsnn.sparse"):
        sparsify(model, 0.5)
    (line,) = [r for r in caplog.records if r.name == "chsnn.sparse"]
    assert line.levelno == level
    assert says in line.getMessage()
    assert "\n" not in line.getMessage()


def test_a_wiring_of_the_models_own_is_not_overwritten(caplog):
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    model.wiring = "mine"
    sparsify(model, 0.5)
    assert model.wiring == "mine"
    assert "give this one to attach" in caplog.records[-1].getMessage()
    assert caplog.records[-1].levelno == logging.WARNING


def test_a_wiring_that_is_given_is_kept():
    wiring = Wiring((Junction(6, ("0",), ("2",), open_in=True),))
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 6), nn.Linear(6, 2))
    assert sparsify(model, 0.5, wiring=wiring).wiring is wiring
    assert not hasattr(densify(model), "wiring")


@pytest.mark.parametrize("thing", [None, "mlp", np.zeros((3, 2)), [torch.nn.Linear(3, 2)]])
def test_what_is_not_a_model_is_refused_alike(thing, tmp_path):
    calls = [
        lambda: chsnn.sparse_layers(thing),
        lambda: chsnn.densify(thing),
        lambda: chsnn.sparsify(thing, 0.5),
        lambda: chsnn.save(thing, tmp_path / "model"),
        lambda: chsnn.evaluate(thing, chsnn.load_data("digits").test),
        lambda: chsnn.export.to_npz(thing, tmp_path / "model"),
        lambda: chsnn.export.chain_of(thing),
        lambda: chsnn.Trainer(thing),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=f"^model must be a torch .*{type(thing).__name__}$"):
            call()
    assert list(tmp_path.iterdir()) == []
