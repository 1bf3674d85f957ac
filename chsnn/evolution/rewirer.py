"""The rewiring of a model while it is trained, in any loop: when it is due, what it remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, cast

import torch
from torch import Tensor

from chgraph.checks import check_count, check_positive_int
from chsnn._link_averaging import check_links
from chsnn.evolution.record import EvolutionRecord
from chsnn.evolution.rewiring import RewiringRule
from chsnn.evolution.state import RewiringState
from chsnn.observe import GradientTap
from chsnn.optimizers import check_carries, leave_alone

# In the memory while a rewiring is to be made up for that was left out after the last step.
_OWED = "owed"


class Rewirer:
    """Rewires the layers of one model as it is trained; ``attach`` of the settings makes one.

    Call :meth:`step` after every ``optimizer.step()``. It counts them and knows when to rewire.
    Nothing is rewired after the last step: what came then would never be trained. (Settings that
    move the weights themselves, as Grad R, are the gradient step and act after the last one too.)

    Attributes
    ----------
    settings : Evolution, DeepR, GradR, SDSNN or DPAP
    state : RewiringState
        Layers, targets and everything that is remembered.
    steps : int
        Optimizer steps so far.
    total_steps : int
        Of the whole training, which schedules follow.
    every : int
        Optimizer steps from one rewiring to the next.

    Examples
    --------
    >>> import torch
    >>> import chsnn
    >>> model = chsnn.sparsify(
    ...     torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Linear(16, 3)), 0.5
    ... )
    >>> optimizer = torch.optim.SGD(model.parameters(), 0.1)
    >>> rewirer = chsnn.Evolution(zeta=0.3).attach(model, optimizer, total_steps=4, every=2)
    >>> for step in range(4):
    ...     optimizer.zero_grad()
    ...     model(torch.rand(5, 8)).sum().backward()
    ...     optimizer.step()
    ...     record = rewirer.step()
    ...     record is not None
    False
    True
    False
    False
    >>> model[0].graph.n_links
    64
    """

    def __init__(
        self,
        settings: RewiringRule,
        state: RewiringState,
        *,
        total_steps: int,
        every: int,
        resume: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings = settings
        self.state = state
        self.steps = 0
        self.total_steps = check_positive_int("total_steps", total_steps)
        self.every = check_positive_int("every", every)
        self._tap = GradientTap({name: state.layers[name] for name in state.targets})
        if resume is None:
            settings.begin(state)
        else:
            self.load_state_dict(resume)
            self._set_length(self.steps, total_steps, every)
        settings.warm_up(state)
        self._observer = settings.observer(state)
        if settings.owns_values:
            for optimizer in state.optimizers:
                leave_alone(optimizer, [state.layers[name].values for name in state.targets])
        self._hooks = []
        for i, optimizer in enumerate(state.optimizers):
            self._hooks += [
                optimizer.register_step_pre_hook(lambda *_: self._follow_changes()),
                optimizer.register_load_state_dict_post_hook(lambda *_, i=i: state.has_loaded(i)),
            ]
        self._listen()

    @property
    def progress(self) -> float:
        """How much of training is done, 0 to 1."""
        return min(1.0, self.steps / self.total_steps)

    def step(self) -> EvolutionRecord | None:
        """Count one optimizer step, and rewire if it is time to.

        Returns
        -------
        EvolutionRecord or None
            What was done; None if it was not time, or the step is the last one.

        Raises
        ------
        DivergedRanks
            If ranks that train the model together hold other links or weights after it.
        FloatingPointError
            If a weight is not finite; nothing has been changed then.
        ValueError
            If the density is to fall, and the training is too short for any rewiring.
        RuntimeError
            If gradients are needed and no backward pass went through a layer.
        TypeError
            If an optimizer's state cannot be carried over a change of links; nothing has been
            changed then.
        """
        if self.steps == 0:
            self._check_length(self.total_steps, self.every)
        due = self._is_due(self.steps + 1)
        if due:
            self._check_before()
        if self._observer is not None:
            self._observer.deliver()
        self.steps += 1
        record = self._rewire() if due else None
        self._listen()
        return record

    def _is_due(self, step: int) -> bool:
        """Whether there is to be a rewiring after the step of this number."""
        if _OWED in self.state.memory:
            return True
        return step % self.every == 0 and (step < self.total_steps or self.settings.owns_values)

    def _last_due(self, total_steps: int, every: int) -> int:
        """Return the step that the last rewiring of a training comes after, 0 if there is none."""
        return (total_steps - (0 if self.settings.owns_values else 1)) // every * every

    def _check_length(self, total_steps: int, every: int) -> None:
        if not self._last_due(total_steps, every) and not self.settings.is_settled(0.0):
            raise ValueError(
                "total_steps must leave room for a rewiring before the last step, for the sparsity "
                f"to come to its end; got {total_steps} with one every {every} (more epochs make "
                "more steps)"
            )

    def _check_before(self) -> None:
        """Raise if the rewiring that is due cannot be done."""
        state = self.state
        self._follow_changes()
        for name, layer in state.layers.items():
            if not bool(layer.values.isfinite().all()):
                raise FloatingPointError(f"a weight of layer {name!r} is not finite")
            for optimizer in state.optimizers:
                check_carries(optimizer, layer.values)
        if self.settings.reads_gradients:
            for name in state.evolving:
                self._tap.gradients[name].check_passed()

    def _follow_changes(self) -> None:
        for name in self.state.follow_changes():
            if name in self.state.targets:
                self.settings.follow(self.state, name)

    def _rewire(self) -> EvolutionRecord:
        gradients = self._tap.gradients if self.settings.reads_gradients else None
        self.state.memory.pop(_OWED, None)
        self.state.last_progress = self._last_due(self.total_steps, self.every) / self.total_steps
        record = self.settings.step(self.state, progress=self.progress, gradients=gradients)
        self.state.events += 1
        if (ranks := self.state.ranks) is not None:
            check_links(self.state.layers, ranks)
        return record

    def _listen(self) -> None:
        """Keep gradients while the step that will read them is made, and not otherwise."""
        if self.settings.reads_gradients and self._is_due(self.steps + 1):
            self._tap.open()
        else:
            self._tap.close()

    def reschedule(self, *, steps: int, total_steps: int, every: int) -> EvolutionRecord | None:
        """Go on in a training of another length: `steps` of `total_steps` are done.

        A rewiring that was left out because its step was the last one is made now if the training
        goes on; model and optimizers must be those of that moment. With schedules that do not
        move, the training is then that of this length from the start, bit for bit. A rewiring that
        needs gradients comes with those of the next step.

        Returns
        -------
        EvolutionRecord or None
            Of a rewiring that was made up for.

        Raises
        ------
        ValueError
            If the density is to fall, and the training is too short for any rewiring.
        """
        self._set_length(steps, total_steps, every)
        record = None
        if _OWED in self.state.memory and not self.settings.reads_gradients:
            self._check_before()
            record = self._rewire()
        self._listen()
        return record

    def _set_length(self, steps: int, total_steps: int, every: int) -> None:
        steps = check_count("steps", steps)
        total_steps = check_positive_int("total_steps", total_steps)
        every = check_positive_int("every", every)
        self._check_length(total_steps, every)
        was_left_out = self.steps % self.every == 0 and not self._is_due(self.steps)
        # As long as before is no longer training, but the last epoch begun again.
        if was_left_out and steps < total_steps != self.total_steps:
            self.state.memory[_OWED] = torch.tensor(True)
        self.steps, self.total_steps, self.every = steps, total_steps, every

    def detach(self) -> None:
        """Leave model and optimizers: nothing is watched any more."""
        self._tap.close()
        if self._observer is not None:
            self._observer.close()
        for hook in self._hooks:
            hook.remove()

    # ------------------------------------------------------------------------ state

    def state_dict(self) -> dict[str, Any]:
        """Return everything that is remembered; the links themselves are in the model's state."""
        state = self.state
        return {
            "settings": settings_document(self.settings),
            "steps": self.steps,
            "total_steps": self.total_steps,
            "every": self.every,
            "seed": state.seed,
            "events": state.events,
            "targets": dict(state.targets),
            "first_links": dict(state.first_links),
            "thresholds": dict(state.thresholds),
            "shapes": {name: list(layer.graph.shape) for name, layer in state.layers.items()},
            "stopped": sorted(state.stopped),
            "memory": {name: tensor.clone() for name, tensor in state.memory.items()},
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Take up what :meth:`state_dict` returned.

        Model and optimizer are to be restored from the same moment, before or after.

        Raises
        ------
        ValueError
            If it is of other settings or other layers; nothing has been changed then.
        """
        self._check_saved(saved)
        state = self.state
        state.seed, state.events = int(saved["seed"]), int(saved["events"])
        state.targets = {name: int(links) for name, links in saved["targets"].items()}
        state.first_links = {name: int(links) for name, links in saved["first_links"].items()}
        state.thresholds = dict(saved["thresholds"])
        state.stopped = set(saved["stopped"])
        state.memory = {name: tensor.clone() for name, tensor in saved["memory"].items()}
        self.steps, self.total_steps = int(saved["steps"]), int(saved["total_steps"])
        self.every = int(saved["every"])
        self._listen()

    def _check_saved(self, saved: Mapping[str, Any]) -> None:
        mine = self.state_dict()
        if missing := sorted(set(mine) - set(saved)):
            raise ValueError(f"state must be that of a Rewirer; it has no {missing[0]!r}")
        if saved["settings"] != mine["settings"]:
            raise ValueError(
                f"state is of other settings: {saved['settings']}, these are {mine['settings']}"
            )
        shapes = {name: list(shape) for name, shape in saved["shapes"].items()}
        if shapes != mine["shapes"]:
            raise ValueError(
                f"state is of a model with the layers {shapes}, this one has {mine['shapes']}"
            )
        if set(saved["targets"]) != set(mine["targets"]):
            raise ValueError(
                f"state is of a rewiring of {', '.join(saved['targets'])}, this is one of "
                f"{', '.join(mine['targets'])}"
            )
        for name in ("steps", "seed", "events"):
            check_count(name, saved[name])
        check_positive_int("total_steps", saved["total_steps"])
        check_positive_int("every", saved["every"])
        for name, value in saved["memory"].items():
            if not isinstance(value, Tensor):
                raise ValueError(f"state must hold tensors as its memory, got {name!r}: {value!r}")


def settings_document(settings: RewiringRule) -> dict[str, Any]:
    """Return settings as JSON-ready names and numbers.

    Examples
    --------
    >>> import chsnn
    >>> settings_document(chsnn.Evolution(zeta=0.2))["zeta"]
    0.2
    """
    numbers = {f.name: getattr(settings, f.name) for f in fields(cast(Any, settings))}
    return {"kind": type(settings).__name__, **numbers}
