"""How settings of a way of rewiring are put to work on a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from chgraph.checks import check_count
from chgraph.rewiring import Wiring
from chsnn.distributed import join
from chsnn.evolution.rewirer import Rewirer
from chsnn.evolution.rewiring import RewiringRule
from chsnn.evolution.state import RewiringState
from chsnn.layers import SparseLinear
from chsnn.loading import check_before_loading
from chsnn.modules import unwrapped
from chsnn.optimizers import check_carries, group_of
from chsnn.sparse import sparse_layers
from chsnn.threads import check_threads
from chsnn.weights import input_gain
from chsnn.wiring import wiring_of

Optimizers = torch.optim.Optimizer | Sequence[torch.optim.Optimizer] | None


class Rewiring(RewiringRule):
    """Settings of a way of rewiring, which can be put to work on a model.

    Examples
    --------
    >>> import chsnn
    >>> [
    ...     kind.__name__
    ...     for kind in (chsnn.Evolution, chsnn.DeepR)
    ...     if issubclass(kind, Rewiring)
    ... ]
    ['Evolution', 'DeepR']
    """

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
            Optimizer steps of the whole training, which schedules follow; nothing is rewired after
            the last one.
        every : int, optional
            Optimizer steps from one rewiring to the next; by default what the settings say,
            which must be a number then.
        layers : str or iterable of str, optional
            Patterns of the names of the layers to rewire; by default those with absent links
            (Grad R, SD-SNN, DPAP: all but the last linear layer). Frozen ones are left alone.
        wiring : Wiring, optional
            Which layer feeds which; by default what the model says (``model.wiring``). What is
            not known is left alone by chain removal.
        seed : int
        n_threads : int, optional
            Of the topology kernels; the same seed gives the same links at any number.
        resume : mapping, optional
            The ``state_dict()`` of a rewirer, to go on from there on a model with the links of
            that moment. If it was at its end and `total_steps` are more, the rewiring left out
            then is made by the next ``reschedule``, or after the next step.

        Returns
        -------
        Rewirer

        Raises
        ------
        TypeError
            If the optimizer's state cannot be carried over a change of links.
        ValueError
            If there is no layer to rewire, the optimizer trains none of them, or a setting does
            not fit the model. Nothing has been changed then.
        RuntimeError
            If a DistributedDataParallel averages the values of the layers, whose links are to
            change: see :func:`chsnn.distributed.prepare`.

        Notes
        -----
        Of a model that several processes train every one attaches, with the same seed, and after
        wrapping (:mod:`chsnn.distributed`).

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
        join(model)
        every = self.interval if every is None else every
        if every is None:
            raise ValueError(
                "every must be given: how many optimizer steps lie between two rewirings (one "
                "epoch: the number of batches)"
            )
        found = sparse_layers(model)
        for name, layer in found.items():
            if hasattr(layer.values, "placements"):
                raise TypeError(
                    f"values of layer {name!r} are spread over ranks (fully_shard), and cannot be "
                    "while links change: use DistributedDataParallel, or leave them out of it "
                    "(ignored_params)"
                )
        optimizers = _as_sequence(optimizer)
        for one in optimizers:
            for layer in found.values():
                check_carries(one, layer.values)
        if resume is None:
            names = _named(model, found, layers, self)
        else:
            names = _saved_names(resume, found)
        if not self.owns_values:
            _check_trained(optimizers, [found[name] for name in names])
        wiring = wiring_of(unwrapped(model)) if wiring is None else wiring
        if not isinstance(wiring, Wiring):
            raise TypeError(f"wiring must be a Wiring, got {type(wiring).__name__}")
        state = RewiringState(
            layers=found,
            wiring=wiring,
            optimizers=optimizers,
            targets={name: found[name].graph.n_links for name in names},
            thresholds={name: _threshold(model, name) for name in found},
            seed=check_count("seed", seed),
            n_threads=None if n_threads is None else check_threads("n_threads", n_threads),
        )
        wiring.check(state.graphs())
        check_before_loading(unwrapped(model))
        return Rewirer(self, state, total_steps=total_steps, every=every, resume=resume)


def _saved_names(resume: Mapping[str, Any], found: Mapping[str, SparseLinear]) -> list[str]:
    if "targets" not in resume:
        raise ValueError("resume must be the state_dict() of a Rewirer; it has no 'targets'")
    names = list(resume["targets"])
    if unknown := [name for name in names if name not in found]:
        raise ValueError(f"resume is of a layer {unknown[0]!r} that the model does not have")
    return names


def _check_trained(
    optimizers: Sequence[torch.optim.Optimizer], layers: Sequence[SparseLinear]
) -> None:
    """Raise if there are optimizers and none of them has any layer that is to be rewired."""
    trained = [layer for layer in layers if layer.values.requires_grad]
    has = any(group_of(one, layer.values) is not None for one in optimizers for layer in trained)
    if optimizers and trained and not has:
        raise ValueError(
            "optimizer must train the layers that are rewired, and has none of them: make it after "
            "the model is made sparse, from model.parameters()"
        )


def _as_sequence(optimizer: Optimizers) -> tuple[torch.optim.Optimizer, ...]:
    optimizers = () if optimizer is None else optimizer
    known = (optimizers,) if isinstance(optimizers, torch.optim.Optimizer) else tuple(optimizers)
    for one in known:
        if not isinstance(one, torch.optim.Optimizer):
            raise TypeError(f"optimizer must be a torch optimizer, got {type(one).__name__}")
    return known


def _named(
    model: nn.Module,
    found: Mapping[str, SparseLinear],
    patterns: str | Iterable[str] | None,
    settings: Rewiring,
) -> list[str]:
    """Return the names of the layers to rewire."""
    if not found:
        raise ValueError("model must have sparse layers, got none; chsnn.sparsify makes them")
    if patterns is None:
        linears = [
            name
            for name, module in unwrapped(model).named_modules()
            if isinstance(module, nn.Linear | SparseLinear)
        ]
        names = settings.layers_to_rewire(found, linears[-1])
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
            "model must have a layer to rewire, got none: every link of its layers is there "
            "already (and some ways of rewiring leave the output layer alone), or layers is empty"
        )
    return names


def _threshold(model: nn.Module, name: str) -> float:
    v_th, gain = input_gain(unwrapped(model), name)
    return v_th / gain
