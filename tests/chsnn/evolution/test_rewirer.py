"""The rewirer in a loop of one's own: when it acts, on what, and what it refuses."""

import norse.torch as norse
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import chsnn
from chgraph.rewiring import REMOVAL_KINDS, Wiring
from chsnn import DeepR, Evolution, GradR, sparse_layers, sparsify
from chsnn.evolution import DPAP, REGROWTHS, SDSNN
from tests.chsnn.evolution.loops import counts, draw, graphs, model_of, train
from tests.chsnn.evolution.small import codes_in_order


def test_the_loop_of_the_first_page():
    torch.manual_seed(0)
    images, labels = draw(120, 1, 16), torch.arange(120) % 4
    images[torch.arange(120), 0, labels * 4] = 2.0  # each class has a pixel of its own
    model = norse.SequentialState(
        nn.Flatten(1), nn.Linear(16, 40), norse.LIFBoxCell(), nn.Linear(40, 4)
    )
    before = model[3].weight.detach().clone()
    assert sparsify(model, 0.8, inputs=images) is model
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    rewirer = Evolution(zeta=0.3).attach(model, optimizer, total_steps=60, every=10)
    start, losses, records = model[1].graph, [], []
    for step in range(60):
        part = torch.arange(step % 3, 120, 3)
        state, total = None, 0.0
        for _ in range(6):
            y, state = model(images[part], state)
            total = total + y
        loss = functional.cross_entropy(total, labels[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        record = rewirer.step()
        assert (record is not None) == ((step + 1) % 10 == 0 and step + 1 < 60)
        records += [record] if record else []
        losses.append(loss.item())
        assert model[1].graph.n_links == start.n_links == 128
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    assert [r.regrown == r.pruned for r in records] == [True] * 5
    assert [r.pruned for r in records] == sorted((r.pruned for r in records), reverse=True)
    assert records[0].pruned == round(0.15 * (1 + np.cos(np.pi / 6)) * 128)
    assert model[1].graph != start
    assert not torch.equal(model[3].weight, before)


@pytest.mark.parametrize("regrowth", REGROWTHS)
@pytest.mark.parametrize("removal", REMOVAL_KINDS)
def test_link_counts_are_exact_at_every_step(removal, regrowth):
    model = model_of(12, 20, 16, 4, sparsity=0.7)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    wanted, before = counts(model), graphs(model)
    settings = Evolution(zeta=0.4, removal=removal, regrowth=regrowth, zeta_schedule="constant")
    rewirer = settings.attach(model, optimizer, total_steps=8, every=2)
    for i in range(8):
        (record,) = train(model, optimizer, rewirer, 1, first=i)
        assert counts(model) == wanted == rewirer.state.targets
        if record is not None:
            assert record.pruned == sum(round(0.4 * n) for n in wanted.values())
            assert record.regrown == record.pruned + record.chain_removed
            assert record.missing == 0
    assert all(graphs(model)[name] != before[name] for name in wanted)


@pytest.mark.parametrize(
    "settings",
    [
        Evolution(),
        Evolution(regrowth="gradient"),
        DeepR(),
        GradR(),
        SDSNN(persistence=1, published_epochs=6),
        DPAP(published_epochs=6, first_epoch=1, survival=1.0),
    ],
)
def test_frozen_layers_never_change(settings):
    sparsity = 0.7 if isinstance(settings, Evolution | DeepR) else 0.0
    model = model_of(12, 20, 16, 14, 4, sparsity=sparsity)
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    train(model, optimizer, type("None", (), {"step": lambda self: None})(), 2)
    layer = model[2].requires_grad_(False)
    values, graph = layer.values.detach().clone(), layer.graph
    state = {key: value.clone() for key, value in optimizer.state[layer.values].items()}
    chosen = {"layers": ["0", "2"], "wiring": Wiring.path(graphs(model))}
    options = chosen if isinstance(settings, DPAP) else {}
    rewirer = settings.attach(model, optimizer, total_steps=6, every=1, **options)
    before = graphs(model)
    train(model, optimizer, rewirer, 6)
    assert layer.graph is graph
    assert torch.equal(layer.values, values)
    if not isinstance(settings, GradR):  # which takes its layers out of the optimizer
        now = optimizer.state[layer.values]
        assert all(torch.equal(now[key], value) for key, value in state.items())
    assert graphs(model)["0"] != before["0"]


def test_a_layer_can_be_frozen_and_freed_between_steps():
    model = model_of(12, 20, 16, 4, sparsity=0.7)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    rewirer = Evolution(zeta_schedule="constant").attach(model, optimizer, total_steps=9, every=1)
    model[0].requires_grad_(False)
    before = graphs(model)
    train(model, optimizer, rewirer, 1)
    assert graphs(model)["0"] is before["0"]
    assert graphs(model)["2"] != before["2"]
    model[0].requires_grad_(True)
    train(model, optimizer, rewirer, 1)
    assert graphs(model)["0"] != before["0"]


def test_a_layer_that_is_used_twice_is_rewired_once():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(12, 12, bias=False)
            self.again = self.first
            self.head = nn.Linear(12, 4)

        def forward(self, x):
            return self.head(torch.relu(self.again(torch.relu(self.first(x)))))

    model = sparsify(Twice(), 0.6, weights="kaiming")
    assert model.first is model.again
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    rewirer = Evolution(regrowth="gradient").attach(model, optimizer, total_steps=4, every=2)
    wanted, before = counts(model), graphs(model)
    assert list(wanted) == ["first"]
    train(model, optimizer, rewirer, 4)
    assert counts(model) == wanted
    assert graphs(model) != before


def test_a_weight_that_is_not_finite_raises_before_anything_changes():
    model = model_of(12, 20, 16, 4)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    rewirer = Evolution().attach(model, optimizer, total_steps=4, every=1)
    with torch.no_grad():
        model[2].values[3] = float("nan")
    before, values = graphs(model), model[0].values.clone()
    for _ in range(2):  # it is due again until the weight is mended
        with pytest.raises(FloatingPointError, match="'2'"):
            rewirer.step()
    assert graphs(model) == before
    assert torch.equal(model[0].values, values)
    assert (rewirer.steps, rewirer.state.events) == (0, 0)
    with torch.no_grad():
        model[2].values[3] = 0.5
    assert rewirer.step().pruned > 0


@pytest.mark.parametrize("settings", [Evolution(regrowth="gradient"), GradR()])
def test_a_layer_without_a_backward_pass_raises_before_anything_changes(settings):
    sparsity = 0.0 if isinstance(settings, GradR) else 0.7
    model = model_of(12, 20, 16, 4, sparsity=sparsity)
    rewirer = settings.attach(model, total_steps=4, every=1)
    model[0](draw(3, 12)).sum().backward()  # the second layer is passed by
    before, state = graphs(model), rewirer.state_dict()
    values = [layer.values.clone() for layer in sparse_layers(model).values()]
    with pytest.raises(RuntimeError, match="'2'"):
        rewirer.step()
    assert graphs(model) == before
    assert all(
        torch.equal(layer.values, old)
        for layer, old in zip(sparse_layers(model).values(), values, strict=True)
    )
    assert rewirer.state_dict()["steps"] == state["steps"] == 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"total_steps": 0}, ValueError, "total_steps"),
        ({"total_steps": 1.5}, TypeError, "total_steps"),
        ({"every": 0}, ValueError, "every"),
        ({"every": None}, ValueError, "every"),
        ({"every": "epoch"}, TypeError, "every"),
        ({"seed": -1}, ValueError, "seed"),
        ({"n_threads": 0}, ValueError, "n_threads"),
        ({"n_threads": 100_000}, ValueError, "n_threads"),
        ({"layers": "fc*"}, ValueError, "layers"),
        ({"layers": []}, ValueError, "model"),
        ({"optimizer": "adam"}, TypeError, "optimizer"),
        ({"resume": {}}, ValueError, "resume"),
        ({"resume": {"targets": {"fc": 3}}}, ValueError, "resume"),
    ],
)
def test_bad_input_is_named(options, error, message):
    model = model_of(12, 20, 4)
    given = {"optimizer": None, "total_steps": 10, "every": 2, **options}
    with pytest.raises(error, match=rf"^{message}\b"):
        Evolution().attach(model, given.pop("optimizer"), **given)


def test_models_and_optimizers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"^model.*sparsify"):
        Evolution().attach(nn.Sequential(nn.Linear(2, 2)), total_steps=3, every=1)
    with pytest.raises(ValueError, match=r"^model.*every link"):
        Evolution().attach(model_of(4, 5, 2, sparsity=0.0), total_steps=3, every=1)
    model = nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 4))
    before = torch.optim.Adam(model.parameters())  # of weights that are no longer there
    sparsify(model, 0.5)
    with pytest.raises(ValueError, match=r"^optimizer must train.*made sparse"):
        Evolution().attach(model, before, total_steps=3, every=1)


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (model_of(12, 20, 16, 4, sparsity=0.0), ["0", "2"]),
        (chsnn.networks.mlp((4, 5, 6, 2), sparsity=0.0), ["layers.0", "layers.1"]),
    ],
)
def test_grad_r_leaves_the_output_layer_alone(model, names):
    assert list(GradR().attach(model, total_steps=3).state.targets) == names


def test_only_the_layers_that_are_named_are_rewired():
    model = model_of(12, 20, 16, 14, 4)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    rewirer = Evolution().attach(model, optimizer, total_steps=4, every=1, layers=["0", "4*"])
    assert list(rewirer.state.targets) == ["0", "4"]
    before = graphs(model)
    train(model, optimizer, rewirer, 2)
    assert [graphs(model)[name] != before[name] for name in ("0", "2", "4")] == [True, False, True]


def test_a_compiled_wrapper_is_looked_through():
    def state(wrap):
        model = nn.Sequential(nn.Linear(12, 20), chsnn.LIF(v_th=0.5), nn.Linear(20, 4))
        model = wrap(sparsify(model, 0.5))
        return Evolution().attach(model, total_steps=4, every=1).state_dict()

    plain = state(lambda model: model)
    assert plain["thresholds"] == {"0": 0.5}
    assert state(torch.compile) == plain


def test_detached_it_watches_nothing():
    model = model_of(12, 20, 4)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    rewirer = Evolution(regrowth="gradient").attach(model, optimizer, total_steps=4, every=1)
    rewirer.detach()
    model(draw(3, 12)).sum().backward()
    with pytest.raises(RuntimeError, match="no backward pass"):
        rewirer.step()
    other = model_of(12, 20, 4, seed=3)
    model.load_state_dict(other.state_dict())
    first = codes_in_order(model[0].graph)
    optimizer.zero_grad()
    model(draw(3, 12)).sum().backward()
    optimizer.step()  # no hook carries state, of which there is none
    assert codes_in_order(model[0].graph) == first
