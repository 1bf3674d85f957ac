"""Which modules of a model are populations of neurons, whoever wrote them, and how they fire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from chsnn.fused import DenseLIF, SparseLIF
from chsnn.modules import unwrapped
from chsnn.neurons import LIF

# Norse's base classes, snnTorch's and SpikingJelly's: known by name, for none has to be there.
_BASES = {"SNN", "SNNCell", "SNNRecurrent", "SNNRecurrentCell", "SpikingNeuron", "BaseNode"}


def is_neuron(module: nn.Module) -> bool:
    """Whether a module is a population of neurons: ours, Norse's, snnTorch's, SpikingJelly's.

    Examples
    --------
    >>> import norse.torch as norse
    >>> [is_neuron(module) for module in (LIF(), norse.LIFBoxCell(), nn.Linear(2, 2))]
    [True, True, False]
    """
    if isinstance(module, LIF | SparseLIF | DenseLIF):
        return True
    return any(base.__name__ in _BASES for base in type(module).__mro__)


@contextmanager
def firing_rates(model: nn.Module) -> Iterator[Callable[[], list[Tensor]]]:
    """Keep what the neurons of a model give while the ``with`` block runs.

    Yields
    ------
    callable
        Returns the mean firing rate of every population in its last forward pass, each a tensor
        of one number with its gradient, and forgets them.

    Raises
    ------
    ValueError
        When asked for rates where no neuron ran.

    Examples
    --------
    >>> import torch
    >>> neurons = nn.Sequential(LIF())
    >>> with firing_rates(neurons) as rates:
    ...     _ = neurons(2 * torch.ones(2, 1, 3))
    ...     rates()
    [tensor(1.)]
    """
    sums: dict[str, list[Tensor]] = {}

    def keep(name: str, module: nn.Module, arguments: Any, output: Any) -> None:
        spikes = output[0] if isinstance(output, tuple) else output
        sums.setdefault(name, []).append(spikes.mean())

    def rates() -> list[Tensor]:
        if not sums:
            raise ValueError(
                "rate_penalty must be 0 for a model without neurons that can be found: it knows "
                "chsnn's, Norse's, snnTorch's and SpikingJelly's"
            )
        means = [sum(calls[1:], calls[0]) / len(calls) for calls in sums.values()]
        sums.clear()
        return means

    with ExitStack() as hooks:
        for name, module in unwrapped(model).named_modules():
            if is_neuron(module):
                hooks.callback(module.register_forward_hook(partial(keep, name)).remove)
        yield rates
