"""Warm-up, smoothed labels, short numbers, channels last: against the loop torch users write."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from chsnn import Evolution, Trainer, sparsify
from chsnn.data import Samples, load_data
from chsnn.learning import Learner, Parts
from chsnn.networks import mlp
from chsnn.populations import firing_rates
from chsnn.settings import TrainingSettings
from chsnn.sparse import sparse_layers

QUIET = {"progress": False, "n_threads": 1}
ALL_AT_ONCE = 32  # samples: one step an epoch, whatever their order


class Convolutional(nn.Module):
    """A small network of images, with a sparse layer once it is sparsified."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.conv, self.norm = nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.first, self.last = nn.Linear(6 * 16, 20), nn.Linear(20, 3)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x)))
        return self.last(torch.relu(self.first(x.flatten(1))))


def samples(seed=0):
    torch.manual_seed(seed)
    return Samples(torch.rand(ALL_AT_ONCE, 2, 4, 4), torch.arange(ALL_AT_ONCE) % 3)


def trained(model, **settings):
    settings = {"epochs": 3, "batch_size": ALL_AT_ONCE, "learning_rate": 0.1, **settings}
    trainer = Trainer(model, optimizer="sgd", **settings, **QUIET)
    data = samples()
    # The loop sees the samples in their own order: sums over a batch depend on it.
    trainer.fit([(data.images, data.labels)])
    return trainer


def by_hand(model, step, rates):
    """Train as a torch user would; `step` gives the loss of a batch."""
    data = samples()
    optimizer = torch.optim.SGD(model.parameters(), rates[0], momentum=0.9)
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        loss = step(model, data.images, data.labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def cosine(epochs, warm_up=0, rate=0.1):
    rates = []
    for epoch in range(epochs):
        if epoch < warm_up:
            rates.append(rate * (0.01 + 0.99 * epoch / warm_up))
        else:
            share = (epoch - warm_up) / (epochs - warm_up)
            rates.append(rate * 0.5 * (1 + math.cos(math.pi * share)))
    return rates


def assert_equal_weights(one, two, **close):
    for mine, theirs in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, **close)


def plain_step(model, x, y, **options):
    return functional.cross_entropy(model(x), y, **options)


@pytest.mark.parametrize("warm_up", [0, 1, 3])
def test_the_learning_rate_rises_and_falls_along_a_cosine(warm_up):
    trainer = trained(Convolutional(), epochs=5, warm_up=warm_up)
    assert_equal_weights(trainer.model, by_hand(Convolutional(), plain_step, cosine(5, warm_up)))


def test_a_constant_rate_may_rise_first():
    settings = TrainingSettings(
        epochs=10, learning_rate=0.5, learning_rate_schedule="constant", warm_up=2
    )
    rates = [settings.learning_rate_at(progress) for progress in (0.0, 0.1, 0.2, 1.0)]
    assert rates == pytest.approx([0.005, 0.2525, 0.5, 0.5])


def test_labels_are_smoothed_in_training_alone():
    trainer = trained(Convolutional(), label_smoothing=0.2)

    def step(model, x, y):
        return plain_step(model, x, y, label_smoothing=0.2)

    assert_equal_weights(trainer.model, by_hand(Convolutional(), step, cosine(3)))
    data = samples()
    trainer = Trainer(
        Convolutional(), label_smoothing=0.2, epochs=1, batch_size=ALL_AT_ONCE, **QUIET
    )
    row = trainer.fit(data, data).rows[0]
    with torch.no_grad():
        trainer.model.eval()
        plain = plain_step(trainer.model, data.images, data.labels)
    assert row["validation_loss"] == pytest.approx(plain.item(), rel=1e-5)


def test_short_numbers_are_torchs_autocast_of_the_forward_pass():
    trainer = trained(Convolutional(), precision="bfloat16")

    def step(model, x, y):
        with torch.autocast("cpu", torch.bfloat16):
            return plain_step(model, x, y)

    twin = by_hand(Convolutional(), step, cosine(3))
    assert_equal_weights(trainer.model, twin)
    in_full = trained(Convolutional())
    assert not torch.equal(in_full.model.first.weight, twin.first.weight)
    assert trainer.model.first.weight.dtype == torch.float32


def test_channels_last_are_the_same_numbers_in_another_order():
    trainer = trained(Convolutional(), channels_last=True)
    twin = by_hand(Convolutional(), plain_step, cosine(3))
    assert_equal_weights(trainer.model, twin, rtol=1e-4, atol=1e-6)
    seen = []
    trainer.model.conv.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    data = samples()
    trainer._learner.step(data.images, data.labels, learning_rate=0.0)
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    assert trainer.model.conv.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("recipe", [{"precision": "bfloat16"}, {"channels_last": True}])
def test_recipes_go_with_evolution_and_resume_bit_for_bit(recipe, tmp_path):
    def new(folder, epochs):
        model = sparsify(Convolutional(), 0.7, seed=1)
        return Trainer(
            model,
            evolution=Evolution(),
            folder=folder,
            epochs=epochs,
            batch_size=8,
            warm_up=1,
            label_smoothing=0.1,
            **recipe,
            **QUIET,
        )

    whole = new(None, 4)
    whole.fit(samples())
    half = new(tmp_path, 4)
    half.callbacks = (lambda trainer, row: trainer.stop() if row["epoch"] == 2 else None,)
    half.fit(samples())
    resumed = Trainer.resume(
        tmp_path / "checkpoint.safetensors", model=sparsify(Convolutional(5), 0.7), **QUIET
    )
    resumed.fit(samples())
    for (name, mine), theirs in zip(
        whole.model.state_dict().items(), resumed.model.state_dict().values(), strict=True
    ):
        assert torch.equal(mine, theirs), name
    assert all(layer.graph.n_links for layer in sparse_layers(resumed.model).values())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"warm_up": 3, "epochs": 3}, "warm_up must be less than the 3 epochs"),
        ({"warm_up": -1}, "warm_up"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"label_smoothing": 0.1, "loss": functional.mse_loss}, "label_smoothing must be 0"),
        ({"precision": "float8"}, "precision"),
        ({"channels_last": 1}, "channels_last must be true or false"),
        ({"workers": -1}, "workers"),
    ],
)
def test_recipes_that_cannot_be_are_named(settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Trainer(Convolutional(), **settings, **QUIET)


# ------------------------------------------------------------------------------ firing rates


def _rates(model, images):
    with torch.no_grad(), firing_rates(model) as rates:
        model(images)
        return [float(rate) for rate in rates()]


def test_a_rate_penalty_adds_the_mean_rates_to_the_loss():
    model = mlp((64, 40, 30, 10), sparsity=0.5, encoding="even")
    data = load_data("digits").train
    images, labels = data.images[:50], data.labels[:50]
    parts = Parts.of()
    plain = Learner(model, torch.optim.SGD(model.parameters(), 0.0), parts)
    dear = Learner(model, torch.optim.SGD(model.parameters(), 0.0), parts, rate_penalty=3.0)
    loss, scores = plain.step(images, labels, learning_rate=0.0)
    without = [p.grad.clone() for p in model.parameters()]
    more, same = dear.step(images, labels, learning_rate=0.0)
    torch.testing.assert_close(same, scores)
    assert more == pytest.approx(loss + 3 * sum(_rates(model, images)), rel=1e-5)
    added = [p.grad - g for p, g in zip(model.parameters(), without, strict=True)]
    assert any(a.abs().sum() > 0 for a in added[:2])
    assert not added[2].any()  # the readout fires nothing


@pytest.mark.parametrize("learning", ["bptt", "s-tp"])
def test_a_rate_penalty_makes_neurons_fire_less(learning):
    data = load_data("digits")
    found = []
    for penalty in (0.0, 1.0):
        model = mlp((64, 128, 10), sparsity=0.8, encoding="even")
        trainer = Trainer(model, learning=learning, epochs=3, rate_penalty=penalty, progress=False)
        rows = trainer.fit(data.train, data.validation).rows
        found.append((rows[-1]["firing_rate"], rows[-1]["validation_accuracy"]))
    assert found[1][0] < 0.7 * found[0][0]
    assert found[1][1] > 0.8


def test_a_rate_penalty_wants_neurons():
    model = torch.nn.Sequential(torch.nn.Linear(64, 10))
    trainer = Trainer(model, epochs=1, rate_penalty=1.0, progress=False)
    with pytest.raises(ValueError, match="rate_penalty must be 0 for a model without neurons"):
        trainer.fit(load_data("digits").train)
