"""Which modules of a model are populations of neurons, whoever wrote them."""

from __future__ import annotations

from torch import nn

from chsnn.fused import DenseLIF, SparseLIF
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
