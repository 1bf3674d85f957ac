"""Optimizers over a change of links, against a dense twin that is told where the links are."""

import numpy as np
import pytest
import torch
from torch import nn

from chsnn import Evolution, SparseLinear
from tests.chsnn.evolution.loops import counts, graphs, model_of, train
from tests.chsnn.tensors import dense_weight, random_graph

OPTIM = torch.optim
OPTIMIZERS = {
    "adam": (OPTIM.Adam, {}),
    "amsgrad": (OPTIM.Adam, {"amsgrad": True}),
    "adamw": (OPTIM.AdamW, {"weight_decay": 0.1}),
    "nadam": (OPTIM.NAdam, {}),
    "radam": (OPTIM.RAdam, {}),
    "adamax": (OPTIM.Adamax, {}),
    "adadelta": (OPTIM.Adadelta, {}),
    "adagrad": (OPTIM.Adagrad, {"initial_accumulator_value": 0.1}),
    "sgd": (OPTIM.SGD, {}),
    "momentum": (OPTIM.SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (OPTIM.RMSprop, {}),
    "centered": (OPTIM.RMSprop, {"centered": True, "momentum": 0.9}),
    "rprop": (OPTIM.Rprop, {}),
    "asgd": (OPTIM.ASGD, {"t0": 2.0}),
    "foreach": (OPTIM.Adam, {"foreach": True}),
}
# What an entry is for a weight that was never updated, where it is not 0.
FRESH = {"sum": 0.1, "step_size": 0.02}
RATE = 0.02


class Twin:
    """The same layer as a dense weight whose absent links get no gradient and stay at 0."""

    def __init__(self, layer, cls, options):
        self.mask = layer.weight_mask()
        self.weight = nn.Parameter(layer.dense_weight().detach().clone())
        self.optimizer = cls([self.weight], lr=RATE, **options)

    def step(self, loss):
        self.optimizer.zero_grad()
        loss(self.weight.T).backward()
        self.weight.grad[~self.mask] = 0.0
        self.optimizer.step()
        with torch.no_grad():
            self.weight[~self.mask] = 0.0

    def rewire(self, layer):
        """Take up new links as fresh weights."""
        fresh = layer.weight_mask() & ~self.mask
        self.mask = layer.weight_mask()
        with torch.no_grad():
            self.weight[~self.mask] = 0.0
            self.weight[fresh] = 0.0
        for key, entry in self.optimizer.state[self.weight].items():
            if isinstance(entry, torch.Tensor) and entry.dim():
                entry[fresh] = FRESH.get(key, 0.0)

    def entries(self):
        return self.optimizer.state[self.weight].items()


def per_link(dense, layer):
    left, right = (torch.from_numpy(side) for side in layer.graph.links())
    return dense[right, left]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_is_carried_link_by_link_and_training_goes_on(name):
    cls, options = OPTIMIZERS[name]
    layer = SparseLinear(random_graph(30, 40, 0.05, seed=1)).double()
    generator = torch.Generator().manual_seed(2)
    layer.set_values(torch.randn(layer.graph.n_links, generator=generator))
    optimizer = cls(layer.parameters(), lr=RATE, **options)
    twin = Twin(layer, cls, options)
    settings = Evolution(zeta=0.2, removal="random", regrowth="random", zeta_schedule="constant")
    rewirer = settings.attach(layer, optimizer, total_steps=13, every=3, seed=1)
    n_events = 0
    for _ in range(12):
        x = torch.randn(8, 30, generator=generator, dtype=torch.float64)
        y = torch.randn(8, 40, generator=generator, dtype=torch.float64)
        optimizer.zero_grad()
        (layer(x) - y).square().mean().backward()
        optimizer.step()
        twin.step(lambda weight, x=x, y=y: (x @ weight - y).square().mean())
        if (record := rewirer.step()) is not None:
            assert record.returned == 0  # no link went and came again: all that stayed, stayed
            assert record.regrown == record.pruned > 5
            twin.rewire(layer)
            n_events += 1
        torch.testing.assert_close(layer.values, per_link(twin.weight, layer), rtol=1e-9, atol=0)
        state = optimizer.state[layer.values]
        assert set(state) == {key for key, _ in twin.entries()}
        for key, entry in twin.entries():
            if isinstance(entry, torch.Tensor) and entry.dim():
                torch.testing.assert_close(
                    state[key], per_link(entry, layer), rtol=1e-9, atol=1e-15
                )
            else:
                assert state[key] == entry
    assert n_events == 4


def test_a_link_that_goes_and_comes_again_in_one_step_starts_anew():
    layer = SparseLinear(random_graph(5, 6, 0.9, seed=1))
    layer.set_values(torch.ones(layer.graph.n_links))
    optimizer = OPTIM.Adam(layer.parameters(), lr=RATE)
    layer(torch.ones(2, 5)).sum().backward()
    optimizer.step()
    settings = Evolution(zeta=0.5, removal="random", regrowth="random", zeta_schedule="constant")
    record = settings.attach(layer, optimizer, total_steps=2, every=1).step()
    assert record.returned > 3
    fresh = layer.values == 0
    assert int(fresh.sum()) == record.regrown
    for key in ("exp_avg", "exp_avg_sq"):
        assert torch.equal(optimizer.state[layer.values][key] == 0, fresh)


def test_lbfgs_is_refused_when_it_is_attached():
    model = model_of(12, 20, 4)
    with pytest.raises(TypeError, match="LBFGS"):
        Evolution().attach(model, OPTIM.LBFGS(model.parameters()), total_steps=3, every=1)


class Rowwise(OPTIM.SGD):
    """An optimizer with a state that is not per link."""

    def step(self, closure=None):
        super().step(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter]["rows"] = torch.ones(2)


def test_an_optimizer_of_odd_state_is_refused_before_anything_changes():
    model = model_of(12, 20, 16, 4)
    optimizer = Rowwise(model.parameters(), lr=0.01)
    rewirer = Evolution().attach(model, optimizer, total_steps=4, every=2)
    before = graphs(model)
    train(model, optimizer, rewirer, 1)
    values = {name: p.detach().clone() for name, p in model.named_parameters()}
    for _ in range(2):
        with pytest.raises(TypeError, match=r"Rowwise.*'rows'.*one number per weight"):
            rewirer.step()
    assert graphs(model) == before
    assert all(torch.equal(p, values[name]) for name, p in model.named_parameters())
    assert rewirer.steps == 1
    with pytest.raises(TypeError, match="Rowwise"):  # now it is known from the start
        Evolution().attach(model, optimizer, total_steps=4, every=2)


def test_several_optimizers_and_groups_each_keep_their_own():
    model = model_of(12, 20, 16, 4, sparsity=0.6, bias=True)
    adam = OPTIM.Adam(
        [{"params": model[0].parameters()}, {"params": [model[4].weight], "lr": 0.5}], lr=0.01
    )
    sgd = OPTIM.SGD([*model[2].parameters(), model[4].bias], lr=0.1, momentum=0.9)

    class Both:
        def zero_grad(self):
            adam.zero_grad()
            sgd.zero_grad()

        def step(self):
            adam.step()
            sgd.step()

    wanted = counts(model)
    rewirer = Evolution(zeta_schedule="constant").attach(model, [adam, sgd], total_steps=6, every=2)
    train(model, Both(), rewirer, 6)
    assert counts(model) == wanted
    assert adam.state[model[0].values]["exp_avg"].shape == model[0].values.shape
    assert sgd.state[model[2].values]["momentum_buffer"].shape == model[2].values.shape
    assert adam.state[model[0].bias]["exp_avg"].shape == (20,)
    rates = [rewirer.state.learning_rate(name) for name in ("0", "2")]
    assert rates == [0.01, 0.1]


def test_schedulers_and_clipping_work_as_they_do_for_any_model():
    model = model_of(12, 20, 16, 4, sparsity=0.6)
    optimizer = OPTIM.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = OPTIM.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
    rewirer = Evolution(zeta_schedule="constant").attach(model, optimizer, total_steps=7, every=1)
    for i in range(6):
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        x = torch.rand(8, 12, generator=torch.Generator().manual_seed(i))
        optimizer.zero_grad()
        (100 * model(x)).square().sum().backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        assert norm > 1
        if i == 0:  # no momentum yet: the step is as long as rate times the clipped norm
            optimizer.step()
            moved = [p.detach() - before[name] for name, p in model.named_parameters()]
            length = torch.sqrt(sum(part.square().sum() for part in moved))
            assert float(length) == pytest.approx(0.1, rel=1e-4)
        else:
            optimizer.step()
        assert rewirer.step().pruned > 0
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 / 8)
    assert rewirer.state.learning_rate("0") == pytest.approx(0.1 / 8)


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_rigl_reads_the_sum_of_accumulated_gradients(parts):
    """The links that grow are the largest of the gradient of a dense twin over the whole batch."""
    layer = SparseLinear(random_graph(10, 12, 0.2, seed=3))
    layer.set_values(torch.linspace(1, 2, layer.graph.n_links))
    head = nn.Linear(12, 3)
    model = nn.Sequential(layer, nn.Tanh(), head)
    optimizer = OPTIM.SGD(model.parameters(), lr=0.0)
    settings = Evolution(
        zeta=0.4, removal="magnitude", regrowth="gradient", sampling="hard",
        zeta_schedule="constant",
    )  # fmt: skip
    rewirer = settings.attach(model, optimizer, total_steps=4, every=2, layers="0")
    x = torch.randn(8, 10, generator=torch.Generator().manual_seed(5))
    # The step before the one that is read does not count.
    model(7 * x.flip(1)).square().sum().backward()
    optimizer.step()
    assert rewirer.step() is None
    for part in x.chunk(parts):
        model(part).square().sum().backward()
    weight = dense_weight(layer.graph, layer.values.detach()).requires_grad_()
    head(torch.tanh(x @ weight.T)).square().sum().backward()
    graph = layer.graph
    kept = graph.keep_links(np.arange(round(0.4 * graph.n_links), graph.n_links))
    size = weight.grad.T.abs().numpy().copy()
    size[kept.links()] = -1.0
    optimizer.step()
    rewirer.step()
    grown = [
        (i, j)
        for i, j in zip(*layer.graph.links(), strict=True)
        if kept.link_ids(np.array([i]), np.array([j]))[0] < 0
    ]
    best = np.argsort(-size.ravel(), kind="stable")[: len(grown)]
    assert len(grown) == round(0.4 * graph.n_links) > 3
    assert {(int(i), int(j)) for i, j in grown} == {divmod(int(place), 12) for place in best}


@pytest.mark.parametrize("regrowth", ["CH3-L3", "gradient"])
def test_under_autocast_links_are_counted_as_ever(regrowth):
    model = model_of(12, 20, 16, 4, sparsity=0.6)
    optimizer = OPTIM.AdamW(model.parameters(), lr=0.01)
    rewirer = Evolution(regrowth=regrowth).attach(model, optimizer, total_steps=6, every=2)
    wanted, before, losses = counts(model), graphs(model), []
    x = torch.rand(32, 12, generator=torch.Generator().manual_seed(0))
    for _ in range(6):
        with torch.autocast("cpu", torch.bfloat16):
            y = model(x)
            assert y.dtype == torch.bfloat16
            loss = (y.float() - x[:, :4]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rewirer.step()
        losses.append(loss.item())
        assert counts(model) == wanted
    assert graphs(model)["0"] != before["0"]
    assert losses[-1] < losses[0]
    assert model[0].values.dtype == torch.float32
