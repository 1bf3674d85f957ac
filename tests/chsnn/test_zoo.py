"""A zoo of models goes the whole way: sparsify, a loop of one's own, save, load, resume, energy."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

import chsnn
from chsnn import Evolution, densify, estimate_energy, sparse_layers, sparsify
from chsnn.wiring import wiring_of
from tests import naive
from tests.chsnn.models import ZOO, spiking_mlp, task

NAMES = ["mlp", *ZOO]
STEPS = 50


def dense(name, seed=0):
    torch.manual_seed(seed)
    return ZOO[name]()


def begin(name, seed=0):
    """A model made sparse, its optimizer and its rewirer."""
    if name == "mlp":
        model = spiking_mlp(seed)
    else:
        model = sparsify(dense(name, seed), 0.6, inputs=task()[0], seed=seed)
    return model, *attach(model)


def attach(model, **options):
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    settings = Evolution(zeta=0.3)
    return optimizer, settings.attach(model, optimizer, total_steps=STEPS, every=10, **options)


def counts(model):
    return {name: layer.graph.n_links for name, layer in sparse_layers(model).items()}


def train(model, optimizer, rewirer, first, last, watch=lambda record: None):
    """A loop of one's own; returns the losses."""
    images, labels = task()
    losses = []
    model.train()
    for step in range(first, last):
        torch.manual_seed(step)  # of dropout
        part = torch.arange(step % 2, len(images), 2)
        loss = functional.cross_entropy(model(images[part]), labels[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        watch(rewirer.step())
        losses.append(loss.item())
    return losses


def scores(model):
    model.eval()
    with torch.no_grad():
        return model(task()[0])


def same_state(one, two):
    one, two = one.state_dict(), two.state_dict()
    return list(one) == list(two) and all(torch.equal(one[key], two[key]) for key in one)


@pytest.fixture(scope="module", params=NAMES)
def trained(request, tmp_path_factory):
    """A model after its 50 steps, with what was seen on the way and saved half way."""
    name = request.param
    torch.set_num_threads(1)
    model, optimizer, rewirer = begin(name)
    wanted, records, seen = counts(model), [], []
    before = {layer: m.graph for layer, m in sparse_layers(model).items()}

    def watch(record):
        records.append(record)
        seen.append(counts(model))

    losses = train(model, optimizer, rewirer, 0, STEPS // 2, watch)
    path = chsnn.save(model, tmp_path_factory.mktemp("zoo") / "half.safetensors")
    half = copy.deepcopy((optimizer.state_dict(), rewirer.state_dict()))
    losses += train(model, optimizer, rewirer, STEPS // 2, STEPS, watch)
    return {
        "name": name,
        "model": model,
        "optimizer": optimizer,
        "rewirer": rewirer,
        "wanted": wanted,
        "records": records,
        "seen": seen,
        "losses": losses,
        "before": before,
        "half": (path, *half),
    }


def test_it_learns_while_its_links_move_and_their_number_is_exact_at_every_step(trained):
    losses, model, wanted = trained["losses"], trained["model"], trained["wanted"]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    assert trained["seen"] == [wanted] * STEPS
    rewired = trained["rewirer"].state.targets
    assert len(rewired) >= 2
    assert rewired == {name: wanted[name] for name in rewired}
    acted = [record is not None for record in trained["records"]]
    # Nothing is rewired after the last step.
    assert acted == [(step + 1) % 10 == 0 and step + 1 < STEPS for step in range(STEPS)]
    assert sum(record.regrown for record in trained["records"] if record) > 0
    for name in rewired:
        assert model.get_submodule(name).graph != trained["before"][name]


def test_saved_and_loaded_it_gives_the_same_outputs(trained, tmp_path):
    name, model = trained["name"], trained["model"]
    path = chsnn.save(model, tmp_path / "model.safetensors")
    fresh = chsnn.load(path, model=None if name == "mlp" else dense(name, seed=7))
    assert type(fresh) is type(model)
    assert counts(fresh) == counts(model)
    assert same_state(fresh, model)
    assert torch.equal(scores(fresh), scores(model))
    assert wiring_of(fresh) == wiring_of(model)
    if name != "mlp":
        with pytest.raises(ValueError, match="model="):
            chsnn.load(path)


def test_gone_on_from_half_way_it_ends_where_the_straight_run_does(trained):
    name, (path, optimizer_state, rewirer_state) = trained["name"], trained["half"]
    model = chsnn.load(path, model=None if name == "mlp" else dense(name, seed=7))
    optimizer, rewirer = attach(model, resume=rewirer_state)
    optimizer.load_state_dict(optimizer_state)
    losses = train(model, optimizer, rewirer, STEPS // 2, STEPS)
    assert losses == trained["losses"][STEPS // 2 :]
    assert same_state(model, trained["model"])
    for parameter, other in zip(model.parameters(), trained["model"].parameters(), strict=True):
        mine, theirs = optimizer.state[parameter], trained["optimizer"].state[other]
        assert all(torch.equal(mine[key], theirs[key]) for key in theirs)


def what_layers_read(model, images):
    """All inputs of every sparse layer, by name: rows of values, and how often each counts."""
    seen = {name: [] for name in sparse_layers(model)}
    handles = [
        layer.register_forward_pre_hook(
            lambda _, args, options, name=name: seen[name].append(
                (args[0].detach().clone(), options.get("steps") or 1)
            ),
            with_kwargs=True,
        )
        for name, layer in sparse_layers(model).items()
    ]
    model.eval()
    with torch.no_grad():
        model(images)
    for handle in handles:
        handle.remove()
    return seen


def test_its_energy_is_that_of_counting_every_spike(trained):
    model, (images, labels) = trained["model"], task()
    seen = what_layers_read(model, images)
    model.train()
    report = estimate_energy(model, (images, labels))
    assert model.training
    assert report.n_samples == len(images) == 48
    sparse = [layer for layer in report.layers if layer.kind == "sparse"]
    assert [layer.name for layer in sparse] == list(seen)
    sops = sum(layer.sops for layer in report.layers if layer.kind != "sparse")
    macs = sum(layer.macs for layer in report.layers if layer.kind != "sparse")
    for layer in sparse:
        graph = model.get_submodule(layer.name).graph
        links = graph.biadjacency().toarray() != 0
        calls = [(x.reshape(-1, graph.n_left).double().numpy(), t) for x, t in seen[layer.name]]
        # What a row is the mean over t steps of: t times it is a count, if they were spikes.
        numbers = [(x * t, t) for x, t in calls]
        are_spikes = all(
            (np.abs(x - x.round()) < 1e-3).all() and x.min() > -0.5 and x.max() < t + 0.5
            for x, t in numbers
        )
        if are_spikes:
            # A count of n spikes is n rows of one spike.
            expected = sum(
                naive.sops((x.round() > n)[None], links)
                for x, _ in numbers
                for n in range(int(x.round().max(initial=0)))
            )
            assert (layer.sops, layer.macs) == (pytest.approx(expected), 0.0)
        else:
            expected = links.sum() * sum(len(x) * t for x, t in calls)
            assert (layer.sops, layer.macs) == (0.0, pytest.approx(expected))
        sops, macs = sops + layer.sops, macs + layer.macs
    assert report.sops_per_sample == pytest.approx(sops / 48)
    assert report.macs_per_sample == pytest.approx(macs / 48)
    assert (report.sops_per_sample > 0) == (trained["name"] in ("mlp", "norse", "recurrent"))


def test_made_dense_again_it_gives_the_same_scores(trained):
    model = copy.deepcopy(trained["model"])
    want = scores(model)
    got = scores(densify(model))
    assert sparse_layers(model) == {}
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)
