"""A training broken off and resumed is the straight one; what may change, and what may not."""

import math

import pytest
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from chsnn import DeepR, Evolution, GradR, Trainer, sparsify
from chsnn.learning import BPTT
from tests.chsnn.test_training import QUIET, Counting, Noisy, arrays, plain, tensors, untimed


class Broken(Exception):
    """The process dies in the middle of an epoch."""


class BreaksOff(BPTT):
    """Backpropagation until the power goes."""

    def __init__(self, calls):
        self.calls = calls

    def gradients(self, *arguments):
        self.calls -= 1
        if self.calls < 0:
            raise Broken
        return super().gradients(*arguments)


BreaksOff.__name__ = "BPTT"


@pytest.mark.parametrize(
    ("evolution", "make"),
    [
        (None, Noisy),
        (Evolution(zeta=0.3), lambda: sparsify(Noisy(), 0.6)),
        (Evolution(zeta=0.3, every=4, regrowth="gradient"), lambda: sparsify(Noisy(), 0.6)),
        (DeepR(l1=1e-3, noise=1e-3), lambda: sparsify(Noisy(), 0.6)),
        (GradR(alpha=0.1, target_sparsity=0.5), lambda: sparsify(Noisy(), 0.0)),
    ],
)
def test_a_users_module_resumed_is_the_straight_run_bit_for_bit(tmp_path, evolution, make):
    def loader():
        return DataLoader(TensorDataset(*tensors()), batch_size=16, shuffle=True)

    def trainer(seed, **options):
        torch.manual_seed(seed)
        return Trainer(make(), evolution=evolution, epochs=5, seed=4, **QUIET, **options)

    straight = trainer(1)
    straight.fit(loader(), arrays(1))
    broken = trainer(1, folder=tmp_path, learning=BreaksOff(7))
    with pytest.raises(Broken):
        broken.fit(loader(), arrays(1))
    torch.manual_seed(99)  # where the global generator stands has no influence
    resumed = Trainer.resume(tmp_path / "checkpoint.safetensors", model=make(), **QUIET)
    assert len(resumed.history.rows) == 2
    resumed.fit(loader(), arrays(1))
    states = [run.model.state_dict() for run in (straight, resumed)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    rows = [[untimed(row) for row in run.history.rows] for run in (straight, resumed)]
    assert rows[0] == rows[1]
    # The broken trainer itself can go on too: the epoch begins again, in step.
    broken._learner._parts.learning.calls = 100
    broken.fit(loader(), arrays(1))
    assert len(broken.history.rows) == 5
    assert broken.rewirer is None or broken.rewirer.steps == 15


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    trainer = Trainer(plain(), epochs=3, batch_size=16, learning_rate=0.01, **QUIET)
    trainer.fit(arrays(), arrays(1))
    return trainer.save(tmp_path_factory.mktemp("saved") / "run.safetensors")


def test_what_may_change_takes_effect_when_a_training_goes_on(saved):
    changes = {"epochs": 5, "batch_size": 24, "learning_rate": 0.5}
    resumed = Trainer.resume(saved, model=plain(1), **changes, **QUIET)
    rates = []
    resumed.callbacks = (lambda t, _: rates.append(t.optimizer.param_groups[0]["lr"]),)
    assert resumed.fit(arrays(), arrays(1)).column("epoch") == [1, 2, 3, 4, 5]
    # The last step of epochs 4 and 5 is number 8 and 10 of 10.
    wanted = [0.25 * (1 + math.cos(math.pi * done / 10)) for done in (7, 9)]
    assert rates == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 1}, "^seed cannot change"),
        ({"optimizer": "sgd"}, "^optimizer cannot change"),
        ({"weight_decay": 0.5}, "^weight_decay cannot change"),
        ({"evolution": Evolution()}, "^evolution cannot change"),
        ({"epochs": 2}, "^epochs must be at least the 3"),
        ({"loss": functional.mse_loss}, "^loss must be given as in the training"),
        ({"metrics": "mse"}, "^metrics must be given as in the training"),
        ({"learning": Counting()}, "^learning must be given as in the training"),
    ],
)
def test_what_may_not_change_is_refused_by_name_and_nothing_is_touched(saved, options, message):
    model = plain(1)
    with pytest.raises(ValueError, match=message):
        Trainer.resume(saved, model=model, **options, **QUIET)
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), plain(1).parameters(), strict=True)
    )
