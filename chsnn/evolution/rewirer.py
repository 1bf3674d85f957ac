"""The rewiring of a model while it is trained, in any loop: when it is due, what it remembers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from chgraph.checks import check_count, check_positive_int
from chgraph.rewiring import Wiring
from chsnn.evolution.record import EvolutionRecord
from chsnn.evolution.rewiring import Rewiring
from chsnn.evolution.state import RewiringState
from chsnn.layers import SparseLinear
from chsnn.observe import GradientTap
from chsnn.optimizers import check_carries, leave_alone
from chsnn.sparse import sparse_layers
from chsnn.threads import start_numba
from chsnn.weights import input_gain
from chsnn.wiring import wiring_of

Optimizers = torch.optim.Optimizer | Sequence[torch.optim.Optimizer] | None


class Rewirer:
    """Rewires the layers of one model as it is trained; ``attach`` of the settings makes one.

    Call :meth:`step` after every ``optimizer.step()``. It counts them and knows when to rewire.

    Attributes
    ----------
    settings : Evolution, DeepR or GradR
    state : RewiringState
        Layers, targets and everything that is remembered.
    steps : int
        Optimiser steps so far.
    total_steps : int
        Of the whole training, which schedules follow.
    every : int
        Optimiser steps from one rewiring to the next.
    """

    def __init__(
        self,
        settings: Rewiring,
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
        start_numba()
        if resume is None:
            settings.begin(state)
        settings.warm_up(state)
        if settings.owns_values:
            for optimizer in state.optimizers:
                leave_alone(optimizer, [state.layers[name].values for name in state.targets])
        self._tap = GradientTap({name: state.layers[name] for name in state.targets})
        self._hooks = [
            optimizer.register_step_pre_hook(lambda *_: self.state.follow_changes())
            for optimizer in state.optimizers
        ]
        self._listen()
        if resume is not None:
            self.load_state_dict(resume)

    @property
    def progress(self) -> float:
        """How much of training is done, 0 to 1."""
        return min(1.0, self.steps / self.total_steps)

    @property
    def is_settled(self) -> bool:
        """Whether the sparsity is the one that the model will end with."""
        return self.settings.is_settled(self.progress)

    def step(self) -> EvolutionRecord | None:
        """Count one optimiser step, and rewire if it is time to.

        Returns
        -------
        EvolutionRecord or None
            What was done; None if it was not time.

        Raises
        ------
        FloatingPointError
            If a weight is not finite; nothing has been changed then.
        RuntimeError
            If gradients are needed and no backward pass went through a layer.
        TypeError
            If an optimiser's state cannot be carried over a change of links; nothing has been
            changed then.
        """
        self.steps += 1
        record = None
        if self.steps % self.every == 0:
            record = self._rewire()
        self._listen()
        return record

    def _rewire(self) -> EvolutionRecord:
        state = self.state
        state.follow_changes()
        for name, layer in state.layers.items():
            if not bool(layer.values.isfinite().all()):
                raise FloatingPointError(f"a weight of layer {name!r} is not finite")
            for optimizer in state.optimizers:
                check_carries(optimizer, layer.values)
        gradients = self._tap.gradients if self.settings.reads_gradients else None
        record = self.settings.step(state, progress=self.progress, gradients=gradients)
        state.events += 1
        return record

    def _listen(self) -> None:
        """Keep gradients while the step that will read them is made, and not otherwise."""
        if self.settings.reads_gradients and (self.steps + 1) % self.every == 0:
            self._tap.open()
        else:
            self._tap.close()

    def reschedule(self, *, steps: int, total_steps: int, every: int) -> None:
        """Go on in a training of another length: `steps` of `total_steps` are done."""
        self.steps = check_count("steps", steps)
        self.total_steps = check_positive_int("total_steps", total_steps)
        self.every = check_positive_int("every", every)
        self._listen()

    def detach(self) -> None:
        """Leave model and optimisers: nothing is watched any more."""
        self._tap.close()
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
            "stopped": sorted(state.stopped),
            "memory": {name: tensor.clone() for name, tensor in state.memory.items()},
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Take up what :meth:`state_dict` returned; the model must have the links of that moment.

        Raises
        ------
        ValueError
            If it is of other settings or other layers; nothing has been changed then.
        """
        mine = self.state_dict()
        if missing := sorted(set(mine) - set(saved)):
            raise ValueError(f"state must be that of a Rewirer; it has no {missing[0]!r}")
        if saved["settings"] != mine["settings"]:
            raise ValueError(
                f"state is of other settings: {saved['settings']}, these are {mine['settings']}"
            )
        if unknown := sorted(set(saved["targets"]) - set(self.state.layers)):
            raise ValueError(f"state is of a layer {unknown[0]!r} that the model does not have")
        state = self.state
        state.seed, state.events = int(saved["seed"]), int(saved["events"])
        state.targets = {name: int(links) for name, links in saved["targets"].items()}
        state.first_links = {name: int(links) for name, links in saved["first_links"].items()}
        state.thresholds = dict(saved["thresholds"])
        state.stopped = set(saved["stopped"])
        state.memory = {name: tensor.clone() for name, tensor in saved["memory"].items()}
        state.seen = state.graphs()
        self._tap.close()
        self._tap = GradientTap({name: state.layers[name] for name in state.targets})
        self.reschedule(
            steps=saved["steps"], total_steps=saved["total_steps"], every=saved["every"]
        )


def settings_document(settings: Rewiring) -> dict[str, Any]:
    """Return settings as JSON-ready names and numbers."""
    numbers = {f.name: getattr(settings, f.name) for f in fields(cast(Any, settings))}
    return {"kind": type(settings).__name__, **numbers}


class Attachable:
    """Settings of a way of rewiring, which can be put to work on a model."""

    if TYPE_CHECKING:
        interval: int | None

    def attach(
        self,
        model: nn.Module,
        optimizer: Optimizers = None,
        *,
        total_steps: int,
        every: int | None = None,
        layers: str | Iterable[str] | None = None,
        wiring: Wiring | None = None,
        seed: int = 0,
        n_threads: int | None = None,
        resume: Mapping[str, Any] | None = None,
    ) -> Rewirer:
        """Return what rewires a model by these settings, in any training loop.

        Parameters
        ----------
        model : Module
            With sparse layers; see :func:`chsnn.sparsify`.
        optimizer : Optimizer or sequence of Optimizer, optional
            Whose per-link state (moments and the like) is carried along when links change.
        total_steps : int
            Optimiser steps of the whole training, which schedules follow.
        every : int, optional
            Optimiser steps from one rewiring to the next; by default what the settings say,
            which must be a number then.
        layers : str or iterable of str, optional
            Patterns of the names of the layers to rewire; by default those with absent links
            (Grad R: all but the last). Frozen ones are left alone.
        wiring : Wiring, optional
            Which layer feeds which; by default what the model says (``model.wiring``). What is
            not known is left alone by chain removal.
        seed : int
        n_threads : int, optional
            Of the topology kernels; the same seed gives the same links at any number.
        resume : mapping, optional
            The ``state_dict()`` of a rewirer, to go on from there on a model with the links of
            that moment.

        Returns
        -------
        Rewirer

        Raises
        ------
        TypeError
            If the optimiser's state cannot be carried over a change of links.
        ValueError
            If there is no layer to rewire or a setting does not fit the model.

        Examples
        --------
        >>> import chsnn
        >>> model = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 2))
        >>> model = chsnn.sparsify(model, 0.8)
        >>> optimizer = torch.optim.Adam(model.parameters())
        >>> rewirer = chsnn.Evolution().attach(model, optimizer, total_steps=20, every=10)
        >>> for _ in range(10):
        ...     model(torch.rand(5, 20)).square().sum().backward()
        ...     optimizer.step()
        ...     record = rewirer.step()
        >>> record.pruned == record.regrown, model[0].graph.n_links
        (True, 160)
        """
        settings = cast(Rewiring, self)
        every = settings.interval if every is None else every
        if every is None:
            raise ValueError(
                "every must be given: how many optimiser steps lie between two rewirings (one "
                "epoch: the number of batches)"
            )
        found = sparse_layers(model)
        optimizers = _as_sequence(optimizer)
        for one in optimizers:
            for layer in found.values():
                check_carries(one, layer.values)
        names = list(resume["targets"]) if resume else _named(found, layers, settings)
        if unknown := [name for name in names if name not in found]:
            raise ValueError(f"resume is of a layer {unknown[0]!r} that the model does not have")
        wiring = wiring_of(model) if wiring is None else wiring
        state = RewiringState(
            layers=found,
            wiring=wiring,
            optimizers=optimizers,
            targets={name: found[name].graph.n_links for name in names},
            thresholds={name: _threshold(model, name) for name in found},
            seed=check_count("seed", seed),
            n_threads=None if n_threads is None else check_positive_int("n_threads", n_threads),
        )
        wiring.check(state.graphs())
        return Rewirer(settings, state, total_steps=total_steps, every=every, resume=resume)


def _as_sequence(optimizer: Optimizers) -> tuple[torch.optim.Optimizer, ...]:
    optimizers = () if optimizer is None else optimizer
    known = (optimizers,) if isinstance(optimizers, torch.optim.Optimizer) else tuple(optimizers)
    for one in known:
        if not isinstance(one, torch.optim.Optimizer):
            raise TypeError(f"optimizer must be a torch optimiser, got {type(one).__name__}")
    return known


def _named(
    found: Mapping[str, SparseLinear], patterns: str | Iterable[str] | None, settings: Rewiring
) -> list[str]:
    """Return the names of the layers to rewire."""
    if not found:
        raise ValueError("model must have sparse layers, got none; chsnn.sparsify makes them")
    if patterns is None:
        names = settings.layers_to_rewire(found)
    else:
        wanted = [patterns] if isinstance(patterns, str) else list(patterns)
        for pattern in wanted:
            if not any(fnmatchcase(name, pattern) for name in found):
                raise ValueError(
                    f"layers must name sparse layers, {pattern!r} fits none of {', '.join(found)}"
                )
        names = [name for name in found if any(fnmatchcase(name, p) for p in wanted)]
    if not names:
        raise ValueError(
            "model must have a layer to rewire: in all of them every link is there already"
        )
    return names


def _threshold(model: nn.Module, name: str) -> float:
    v_th, gain = input_gain(model, name)
    return v_th / gain
