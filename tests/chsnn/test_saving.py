"""save and load: everything of a model comes back; what does not fit changes nothing."""

import json
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from chgraph.rewiring import Junction, Wiring
from chsnn import LIF, SparseLIF, SparseLinear, Trainer, load, save, sparse_layers, sparsify
from chsnn.networks import mlp
from chsnn.wiring import wiring_of


class Own(nn.Module):
    """A class of a user's: a buffer, a norm, neurons, a bias, a layer to tie."""

    def __init__(self, width=10, tie=False):
        super().__init__()
        self.first, self.second = nn.Linear(6, width), nn.Linear(width, width)
        self.norm, self.neurons = nn.BatchNorm1d(width), LIF()
        self.last = nn.Linear(width, 3)
        self.register_buffer("scale", torch.ones(2))
        if tie:
            self.second.weight = nn.Parameter(self.second.weight.detach().clone())
            self.tied = nn.Linear(width, width)
            self.tied.weight = self.second.weight

    def forward(self, x):
        return self.last(self.norm(self.second(self.first(x)))) * self.scale[0]


def own(seed=0, **options):
    torch.manual_seed(seed)
    return sparsify(Own(**options), 0.6, layers="first", seed=seed)


def assert_same(one, two):
    ours, theirs = one.state_dict(), two.state_dict()
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert tensor.dtype == theirs[name].dtype, name
        assert torch.equal(tensor, theirs[name]), name
    kinds = [{n: p.requires_grad for n, p in m.named_parameters()} for m in (one, two)]
    assert kinds[0] == kinds[1]
    graphs = [{n: m.graph for n, m in sparse_layers(of).items()} for of in (one, two)]
    assert graphs[0] == graphs[1]
    assert wiring_of(one) == wiring_of(two)


def small():
    return mlp((6, 10, 8, 3), sparsity=0.5, encoding="even", seed=1)


def changed(change):
    model = small()
    change(model)
    return model


def _threshold(model):
    model.layers[0].neuron.v_th.fill_(0.3)


def _parameter(model):
    model.layers[0].neuron.v_th = nn.Parameter(torch.tensor(0.4))


def _per_neuron(model):
    model.layers[1].neuron.v_th = torch.linspace(0.5, 1.0, 8)


def _bias(model):
    model.layers[0].bias = nn.Parameter(torch.linspace(0, 1, 10))


def _frozen(model):
    model.layers[0].requires_grad_(False)


CHANGES = {
    "threshold": _threshold,
    "parameter": _parameter,
    "per neuron": _per_neuron,
    "bias": _bias,
    "float64": lambda model: model.double(),
    "bfloat16": lambda model: model.bfloat16(),
    "frozen": _frozen,
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_was_changed_in_a_network_comes_back(tmp_path, name):
    """A changed threshold buffer, a bias and float64 once vanished in a checkpoint."""
    model = changed(CHANGES[name])
    path = save(model, tmp_path / "model.safetensors")
    for back in (load(path), load(save(load(path), tmp_path / "again.safetensors"))):
        assert_same(back, model)
        x = torch.rand(4, 6).to(model.layers[0].values.dtype)
        assert torch.equal(back(x), model(x))
    trainer = Trainer(model, epochs=1, progress=False)
    checkpoint = trainer.save(tmp_path / "checkpoint.safetensors")
    assert_same(Trainer.resume(checkpoint, progress=False).model, model)


def test_a_users_class_comes_back_into_one_that_is_given(tmp_path):
    model = own()
    model.scale.fill_(3.0)
    model.norm.running_mean.fill_(0.5)
    model.neurons.v_th = nn.Parameter(torch.full((10,), 0.2))
    model.last.weight.requires_grad_(False)
    model.second.double()
    model.wiring = Wiring((Junction(10, ("first",), (), open_out=True),))
    path = save(model, tmp_path / "own.safetensors")
    for given in (Own(), own(seed=5)):  # linear layers, or sparse ones of other links
        assert load(path, model=given) is given
        assert isinstance(given.first, SparseLinear)
        assert_same(given, model)


def test_a_users_class_is_not_made_up(tmp_path):
    path = save(own(), tmp_path / "own.safetensors")
    with pytest.raises(ValueError, match=r"own\.safetensors: .*test_saving\.Own.*model=\.\.\."):
        load(path)


def test_tied_weights_stay_tied(tmp_path):
    model = own(tie=True)
    path = save(model, tmp_path / "tied.safetensors")
    back = load(path, model=Own(tie=True))
    assert back.tied.weight is back.second.weight
    assert_same(back, model)


def test_a_layer_used_twice_is_one_layer(tmp_path):
    def shared():
        fc = nn.Linear(6, 6)
        return nn.Sequential(fc, nn.ReLU(), fc, nn.Linear(6, 2))

    model = sparsify(shared(), 0.5)
    path = save(model, tmp_path / "shared.safetensors")
    for given in (shared(), sparsify(shared(), 0.7, seed=3)):
        back = load(path, model=given)
        assert back[0] is back[2]
        assert_same(back, model)


def test_a_layer_can_be_the_whole_model(tmp_path):
    layer = sparsify(nn.Sequential(nn.Linear(6, 4)), 0.5, layers="0")[0]
    path = save(layer, tmp_path / "layer.safetensors")
    assert_same(load(path, model=SparseLinear(layer.graph, bias=True)), layer)


def untie(model):
    model.tied.weight = nn.Parameter(model.second.weight.detach() + 1)
    return model


def with_buffer(model):
    del model.scale
    model.scale = nn.Parameter(torch.ones(2))
    return model


MISFITS = {
    "another width": (own, lambda: Own(width=12), "shape"),
    "a sparse layer of another shape": (own, lambda: own(width=12), r"\(6, 10\), as saved"),
    "a sparse layer more": (own, lambda: sparsify(Own(), 0.5), "'second' of the model is sparse"),
    "no bias": (
        own,
        lambda: sparsify(_without_bias(Own()), 0.5, layers="first"),
        "'first' must have a bias",
    ),
    "something missing": (own, lambda: Own(tie=True), "lacks 'tied"),
    "something more": (lambda: own(tie=True), Own, "has 'tied.*', which the model lacks"),
    "another class of layer": (small, lambda: _dense_first(small()), "must have a SparseLIF"),
    "tied here alone": (lambda: untie(own(tie=True)), lambda: Own(tie=True), "tied in the model"),
    "tied there alone": (lambda: own(tie=True), lambda: untie(Own(tie=True)), "of its own"),
    "a parameter for a buffer": (own, lambda: with_buffer(Own()), "'scale' is a parameter"),
    "a buffer for a parameter": (lambda: with_buffer(own()), Own, "'scale' is no parameter"),
}


def _without_bias(model):
    model.first = nn.Linear(6, 10, bias=False)
    return model


def _dense_first(model):
    model.layers[0] = nn.Linear(6, 10)
    return model


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_is_refused_and_nothing_is_changed(tmp_path, name):
    make, take, message = MISFITS[name]
    path = save(make(), tmp_path / "model.safetensors")
    given = take()
    modules = list(given.modules())
    before = {key: tensor.clone() for key, tensor in given.state_dict().items()}
    with pytest.raises(ValueError, match=rf"model\.safetensors: .*{message}"):
        load(path, model=given)
    assert list(given.modules()) == modules
    after = given.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)


class Bomb:
    """Unpickling it writes a file."""

    def __reduce__(self):
        return (open, ("exploded", "w"))


def test_a_file_from_a_stranger_executes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickled = tmp_path / "bomb.safetensors"
    pickled.write_bytes(pickle.dumps(Bomb()))
    torch.save({"model": Bomb()}, tmp_path / "torch.safetensors")
    for path in (pickled, tmp_path / "torch.safetensors"):
        for read in (load, Trainer.resume):
            with pytest.raises(ValueError, match="is not a checkpoint that can be read"):
                read(path)
    deep = {"chsnn": "[" * 100_000, "sha256": ""}
    save_file({"x": torch.zeros(1)}, tmp_path / "deep", metadata=deep)
    with pytest.raises(ValueError, match="is not a checkpoint that can be read"):
        load(tmp_path / "deep")
    assert not (tmp_path / "exploded").exists()


def test_a_class_named_in_a_file_is_not_looked_up(tmp_path):
    path = save(own(), tmp_path / "own.safetensors")
    content = path.read_bytes().replace(b"test_saving.Own", b"os.system______")
    path.write_bytes(content)
    with pytest.raises(ValueError, match="checksum"):
        load(path, model=Own())


def test_a_checkpoint_of_an_older_format_says_so(tmp_path):
    path = tmp_path / "old.safetensors"
    metadata = {"chsnn": json.dumps({"format": 2}), "sha256": ""}
    save_file({"x": torch.zeros(1)}, path, metadata=metadata)
    for read in (load, Trainer.resume):
        with pytest.raises(ValueError, match=r"old\.safetensors .*format 2.*reads format 3"):
            read(path)


def test_a_model_alone_is_no_training(tmp_path):
    path = save(small(), tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"model\.safetensors holds a model without its training"):
        Trainer.resume(path)


def test_a_state_that_is_no_tensor_is_refused(tmp_path):
    class Odd(nn.Module):
        def get_extra_state(self):
            return {"anything": 1}

    with pytest.raises(TypeError, match="_extra_state"):
        save(nn.Sequential(Odd()), tmp_path / "odd.safetensors")
    assert not list(tmp_path.iterdir())


def test_neurons_of_a_layer_come_back_learnt(tmp_path):
    model = mlp((6, 8, 2), sparsity=0.5, neuron=LIF(learn=("v_th", "alpha")))
    with torch.no_grad():
        model.layers[0].neuron.alpha.fill_(0.25)
    back = load(save(model, tmp_path / "learnt.safetensors"))
    assert isinstance(back.layers[0], SparseLIF)
    assert isinstance(back.layers[0].neuron.alpha, nn.Parameter)
    assert back.layers[0].neuron.alpha.item() == 0.25
    assert back.graphs == model.graphs
