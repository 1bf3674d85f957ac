"""Nothing is rewired after the last step; what is left out is made up for if training goes on."""

import copy

import pytest
import torch

from chgraph.rewiring import Wiring
from chsnn import Evolution, GradR, Trainer
from chsnn.evolution import DPAP, SDSNN, DeepR
from chsnn.networks import mlp
from tests.chsnn.evolution.loops import counts, graphs, model_of, train
from tests.chsnn.evolution.test_restoring import assert_same, everything, through_a_file

CONSTANT = Evolution(zeta=0.3, zeta_schedule="constant")
SETTINGS = {
    "constant zeta": CONSTANT,
    "gradient": Evolution(zeta=0.3, zeta_schedule="constant", regrowth="gradient"),
    "deep r": DeepR(l1=0.5, noise=0.5),
    "sd-snn": SDSNN(persistence=1, published_epochs=40),
    "dpap": DPAP(published_epochs=40, first_epoch=1),
}


def begin(settings, total_steps, every=1, **options):
    model = model_of(12, 20, 16, 4, sparsity=0.5)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    if isinstance(settings, DPAP | SDSNN):
        options |= {"layers": "0", "wiring": Wiring.path(graphs(model))}
    rewirer = settings.attach(model, optimizer, total_steps=total_steps, every=every, **options)
    return model, optimizer, rewirer


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize(("total", "every"), [(12, 4), (12, 1), (13, 4), (3, 4)])
def test_the_last_rewiring_comes_before_the_last_step(settings, total, every):
    model, optimizer, rewirer = begin(settings, total, every)
    records = train(model, optimizer, rewirer, total + 5)  # a loop may run on
    acted = [step for step, record in enumerate(records, start=1) if record is not None]
    assert acted == [step for step in range(1, total) if step % every == 0]
    assert rewirer.state.events == len(acted)


def test_a_step_that_moves_the_weights_itself_is_made_to_the_end():
    model = model_of(12, 20, 16, 4, sparsity=0.0)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    rewirer = GradR().attach(model, optimizer, total_steps=4)
    before = model[0].dense_weight().detach().clone()
    assert all(record is not None for record in train(model, optimizer, rewirer, 5))
    assert not torch.equal(model[0].dense_weight(), before)


def test_links_of_the_last_rewiring_are_trained():
    network = mlp((12, 40, 30, 4), sparsity=0.6, seed=0)
    x = torch.rand(60, 12, generator=torch.Generator().manual_seed(0))
    trainer = Trainer(
        network, evolution=CONSTANT, epochs=3, batch_size=20, learning_rate=0.02, progress=False
    )
    history = trainer.fit((x, torch.arange(60) % 4))
    assert [n > 0 for n in history.column("pruned")] == [True, True, False]
    # Who was dead before stays dead in an epoch without a rewiring.
    for column in ("dead_neurons", "silent_inputs", "missing"):
        assert history.column(column)[2] == history.column(column)[1]
    # Of the 30 % that were grown last only those into neurons that are never near their threshold.
    assert float((network.layers[0].values == 0).float().mean()) < 0.1


@pytest.mark.parametrize("schedule", ["sigmoid", "cubic", "extra"])
@pytest.mark.parametrize(("total", "every"), [(12, 4), (12, 1), (13, 5), (8, 4)])
@pytest.mark.parametrize("until", [0.5, 1.0])
def test_the_last_rewiring_brings_the_sparsity_asked_for(schedule, total, every, until):
    settings = Evolution(density_schedule=schedule, final_sparsity=0.9, density_until=until)
    model, optimizer, rewirer = begin(settings, total, every)
    seen = []
    for step in range(total):
        train(model, optimizer, rewirer, 1, first=step)
        seen.append(counts(model))
    assert seen[-1] == seen[-2] == {"0": 24, "2": 32}
    first = [links["0"] for links in seen]
    assert first == sorted(first, reverse=True)


def test_extra_links_are_pruned_to_the_end_and_grown_back_until_there_are_none():
    settings = Evolution(
        zeta=0.0, density_schedule="extra", final_sparsity=0.9, density_until=0.75,
        removal="magnitude", sampling="hard", regrowth_sampling="soft",
    )  # fmt: skip
    model = model_of(12, 20, 16, 4, sparsity=0.8)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    rewirer = settings.attach(model, optimizer, total_steps=20, every=1)
    records, links = [], []
    for step in range(20):
        records += train(model, optimizer, rewirer, 1, first=step)
        links.append(counts(model)["0"])
    assert links == [48] * 9 + [36] * 5 + [24] * 6
    pruned = [record.pruned for record in records[:-1]]
    both = 24 + 32  # of the two layers; twice as many at first
    assert pruned == [both] * 10 + [both // 2] * 5 + [0] * 4
    wanted = [both] * 9 + [both // 2]
    assert [r.regrown - r.chain_removed for r in records[:10]] == wanted


def test_a_training_without_room_for_a_rewiring_cannot_reach_its_sparsity():
    settings = Evolution(density_schedule="cubic", final_sparsity=0.9)
    model, optimizer, rewirer = begin(settings, total_steps=4, every=4)
    before = counts(model)
    with pytest.raises(ValueError, match=r"^total_steps must leave room.*got 4 with one every 4"):
        train(model, optimizer, rewirer, 1)
    with pytest.raises(ValueError, match=r"^total_steps must leave room"):
        rewirer.reschedule(steps=0, total_steps=3, every=4)
    assert counts(model) == before
    network = mlp((12, 20, 4), sparsity=0.5)
    trainer = Trainer(network, evolution=settings, epochs=1, batch_size=8, progress=False)
    with pytest.raises(ValueError, match=r"^total_steps must leave room"):
        trainer.fit((torch.rand(16, 12), torch.arange(16) % 4))
    assert network.graphs[0].density == 0.5


@pytest.mark.parametrize("name", ["constant zeta", "deep r", "sd-snn", "dpap"])
def test_a_longer_training_is_the_straight_one(name):
    # What SD-SNN and DPAP do is timed by the length: they only have to make up for an epoch.
    settings = SETTINGS[name]
    model, optimizer, straight = begin(settings, 12, 2)
    train(model, optimizer, straight, 12)
    wanted = everything(model, optimizer, straight)
    model, optimizer, first = begin(settings, 6, 2)
    train(model, optimizer, first, 6)
    left_out = graphs(model)
    record = first.reschedule(steps=6, total_steps=12, every=2)
    assert record is not None
    assert first.reschedule(steps=6, total_steps=12, every=2) is None
    train(model, optimizer, first, 6, first=6)
    if name in ("constant zeta", "deep r"):
        assert graphs(model) != left_out
        assert_same(everything(model, optimizer, first), wanted)
    else:
        assert first.state.events == straight.state.events


def test_a_longer_training_from_a_file_is_the_straight_one():
    model, optimizer, straight = begin(CONSTANT, 12, 2)
    train(model, optimizer, straight, 12)
    wanted = everything(model, optimizer, straight)
    model, optimizer, first = begin(CONSTANT, 6, 2)
    train(model, optimizer, first, 6)
    saved = through_a_file(everything(model, optimizer, first))
    model, optimizer, _ = begin(CONSTANT, 6, 2)
    model.load_state_dict(saved["model"])
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    second = CONSTANT.attach(model, optimizer, total_steps=12, every=2, resume=saved["rewirer"])
    optimizer.load_state_dict(saved["optimizer"])
    # Another stop in between loses nothing of what is still owed.
    again = copy.deepcopy(second.state_dict())
    second.load_state_dict(again)
    assert second.reschedule(steps=6, total_steps=12, every=2) is not None
    train(model, optimizer, second, 6, first=6)
    assert_same(everything(model, optimizer, second), wanted)


@pytest.mark.parametrize("name", ["constant zeta", "gradient"])
def test_what_is_left_out_comes_after_the_next_step_at_the_latest(name):
    model, optimizer, first = begin(SETTINGS[name], 6, 3)
    train(model, optimizer, first, 6)
    saved = first.state_dict()
    first.detach()
    second = SETTINGS[name].attach(model, optimizer, total_steps=12, every=3, resume=saved)
    records = train(model, optimizer, second, 6, first=6)
    assert [record is not None for record in records] == [True, False, True, False, False, False]


def test_an_epoch_that_begins_again_owes_nothing():
    model, optimizer, rewirer = begin(CONSTANT, 6, 2)
    train(model, optimizer, rewirer, 6)
    assert rewirer.reschedule(steps=4, total_steps=6, every=2) is None
    assert train(model, optimizer, rewirer, 2) == [None, None]


@pytest.mark.parametrize("evolution", [CONSTANT, DeepR(l1=1e-2, noise=1e-2)])
def test_a_trainer_that_gets_more_epochs_is_the_straight_run(evolution, tmp_path):
    x = torch.rand(48, 12, generator=torch.Generator().manual_seed(0))
    y = torch.arange(48) % 4

    def trainer(epochs, folder=None):
        return Trainer(
            mlp((12, 30, 20, 4), sparsity=0.6, seed=0), evolution=evolution, epochs=epochs,
            batch_size=16, learning_rate_schedule="constant", folder=folder, progress=False,
        )  # fmt: skip

    straight = trainer(5)
    straight.fit((x, y))
    trainer(3, tmp_path).fit((x, y))
    resumed = Trainer.resume(tmp_path / "checkpoint.safetensors", epochs=5, progress=False)
    resumed.fit((x, y))
    one, two = straight.model.state_dict(), resumed.model.state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert one.keys() == two.keys()
    states = [run.rewirer.state_dict() for run in (straight, resumed)]
    for state in states:
        state["memory"] = dict(sorted(state["memory"].items()))  # a file has no order
    assert_same(*states)
