"""What the layers of a model read while it learns, as traces: one number per sample and neuron."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from chsnn.layers import Passage, SparseLinear


class Activity:
    """Traces of the spikes that layers read, of every batch that is learnt from.

    A trace is what is left of a neuron's spikes at the last of T steps, S(t) = decay S(t-1) + x(t),
    divided by T. An input of three or more dimensions has time first; one of two is one step, and
    further calls for the same batch (a loop over time) are the steps after it. Where a layer is
    given firing rates alone, the trace is that of spikes spread evenly.

    Parameters
    ----------
    layers : mapping of str to SparseLinear
    decay : float
        What is left of a trace after a step, in [0, 1).
    into : callable
        Takes the traces of a batch by layer, each (samples, n_in).

    Examples
    --------
    >>> from chgraph import BipartiteGraph
    >>> layer = SparseLinear(BipartiteGraph.from_links([0], [0], (1, 1)))
    >>> activity = Activity({"fc": layer}, decay=0.5, into=print)
    >>> layer(torch.tensor([[[1.0]], [[1.0]]])).sum().backward()  # two steps of one sample
    >>> activity.deliver()
    {'fc': tensor([[0.7500]])}
    >>> activity.close()
    """

    def __init__(
        self,
        layers: Mapping[str, SparseLinear],
        *,
        decay: float,
        into: Callable[[dict[str, Tensor]], None],
    ) -> None:
        self.decay = decay
        self.into = into
        self._layers = dict(layers)
        self._calls: list[_Call] = []
        self._batch, self._has_learnt = 0, False
        self._stops = [layer.watch(partial(self._watch, name)) for name, layer in layers.items()]

    def deliver(self) -> None:
        """Hand over the traces of every batch since the last time.

        Raises
        ------
        RuntimeError
            If a layer had another number of samples from one time step to the next.
        """
        calls, self._calls = [call for call in self._calls if call.is_learnt_from], []
        batches = [
            _joined([call for call in calls if call.batch == batch], self.decay)
            for batch in dict.fromkeys(call.batch for call in calls)
        ]
        for traces in self._of_all_ranks(batches):
            self.into(traces)

    def _of_all_ranks(self, batches: list[dict[str, Tensor]]) -> list[dict[str, Tensor]]:
        """Return batches with the samples of every rank that trains the model, in their order."""
        ranks = next((one.ranks for one in self._layers.values() if one.ranks is not None), None)
        if ranks is None:
            return batches
        (n,) = ranks.most([len(batches)])
        whole: list[dict[str, Tensor]] = [{} for _ in range(n)]
        for i, traces in enumerate(whole):
            for name, layer in self._layers.items():
                mine = batches[i].get(name) if i < len(batches) else None
                if mine is None:  # no sample of this rank came through
                    mine = torch.zeros(0, layer.in_features, device=layer.values.device)
                rows = torch.cat(ranks.gather_rows(mine))
                if len(rows):
                    traces[name] = rows
        return whole

    def close(self) -> None:
        """Watch no more, and forget what was seen."""
        for stop in self._stops:
            stop()
        self._stops, self._calls = [], []

    def _watch(self, name: str, passage: Passage) -> Callable[[Tensor], None] | None:
        if not torch.is_grad_enabled():
            return None
        if self._has_learnt:  # what comes after a backward pass is of another batch
            self._batch, self._has_learnt = self._batch + 1, False
        call = _Call(name, self._batch, *_trace(passage, self.decay))
        self._calls.append(call)

        def learn(gradient: Tensor) -> None:
            call.is_learnt_from = self._has_learnt = True

        return learn


@dataclass(eq=False)
class _Call:
    """One call of a layer: traces (samples, n_in), not divided by the steps they are of."""

    name: str
    batch: int
    trace: Tensor
    steps: int
    is_learnt_from: bool = False


def _trace(passage: Passage, decay: float) -> tuple[Tensor, int]:
    """Return the traces that a call leaves, and of how many time steps."""
    x = passage.inputs.float()
    n_in = x.shape[-1]
    if passage.steps > 1 or x.dim() < 3:  # the same at every step, or the mean over them
        weight = sum(decay**k for k in range(passage.steps))
        return weight * x.reshape(-1, n_in), passage.steps
    steps = x.shape[0]
    weights = decay ** torch.arange(steps - 1, -1, -1, device=x.device, dtype=x.dtype)
    return torch.einsum("t,t...->...", weights, x).reshape(-1, n_in), steps


def _joined(calls: list[_Call], decay: float) -> dict[str, Tensor]:
    """Return the traces of one batch after all its calls, in their order."""
    traces: dict[str, Tensor] = {}
    steps: dict[str, int] = {}
    for call in calls:
        before = traces.get(call.name)
        if before is not None and before.shape != call.trace.shape:
            raise RuntimeError(
                f"the layer {call.name!r} was called with {len(before)} samples and then with "
                f"{len(call.trace)} for one batch: there is no trace over such steps"
            )
        traces[call.name] = call.trace + (0.0 if before is None else decay**call.steps * before)
        steps[call.name] = steps.get(call.name, 0) + call.steps
    return {name: trace / steps[name] for name, trace in traces.items()}
