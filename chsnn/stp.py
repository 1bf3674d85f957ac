"""S-TP: learning in a few time steps of every sample, as hardware that learns on chip does it.

An approximation: the equations of S-TP are not public. What is public (CH-SNN, arXiv 2511.05581,
section 3.1; ANP-I, JSSC 59(8):2717) is that target windows of 4 steps are drawn at random, that
over 90 % of the spikes take no part in learning, that updates are skipped where error or activity
is zero, and that the surrogate gradient is friendly to hardware. Everything else is an assumption:

- the window is drawn for every sample of every batch, uniformly among those that fit;
- the error of the output is that of the mean over the window, where the readout is ours; a model
  that adds up its scores by itself has the error of its whole score, and learns from it inside the
  window;
- errors go from layer to layer by the transposed weights, and from step to step through the
  potential as in backpropagation through time, never out of the window;
- an update of a layer is skipped, for a sample and a step, where all of its errors or all of its
  inputs are 0: which changes nothing but what it costs;
- the surrogate is that of the neurons; :data:`NEURON` has a box and the published threshold of 4;
- integer weights, if they are asked for, are rounded at random after every step of the optimizer,
  to a grid whose step is a power of 2, the finest on which the largest weight fits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from chgraph.checks import check_count, check_positive_int
from chsnn.fused import DenseLIF, DenseReadout, SparseLIF, SparseReadout
from chsnn.layers import SparseLinear
from chsnn.learning import BPTT, LEARNING_RULES, Loss
from chsnn.learning_count import LearningAccount, LearningCount
from chsnn.modules import CONVOLUTIONS, evaluating, unwrapped
from chsnn.populations import is_neuron
from chsnn.seeds import seeded
from chsnn.window import TargetWindow, learning_inside

# As published (CH-SNN, A.3): neurons, and the settings of the training.
NEURON: Mapping[str, Any] = MappingProxyType(
    {"v_th": 4.0, "surrogate": "box", "surrogate_alpha": 0.25}
)
TRAINING: Mapping[str, Any] = MappingProxyType(
    {"learning_rate": 1e-4, "batch_size": 100, "epochs": 100}
)
ZETA = 0.35
# Layers whose output is what neurons receive.
_LAYERS = (nn.Linear, *CONVOLUTIONS, SparseLinear)
_FUSED = (SparseLIF, SparseReadout, DenseLIF, DenseReadout)


@dataclass
class STP:
    """Learn inside a target window of every sample.

    A rule of learning for :class:`chsnn.Trainer`, by its name "s-tp" or as an object with settings
    of its own; any model, dense or sparse, with any way of rewiring.

    Parameters
    ----------
    window : int
        Consecutive time steps that are learnt from.
    timesteps : int, optional
        Of a model that does not tell: one without an encoder that reads (T, B, ...) at once.
    weight_bits : int, optional
        Bits of integer weights, 2 to 8; real weights without.
    count_every : int
        Batches from one that is counted to the next.

    Attributes
    ----------
    count : LearningCount

    Raises
    ------
    ValueError
        If a setting is out of range; when it learns, if the window is longer than the time, or a
        layer does not show samples and steps.

    Examples
    --------
    >>> import chsnn
    >>> data = chsnn.load_data("digits")
    >>> neuron = chsnn.LIF(**NEURON)
    >>> model = chsnn.networks.mlp((64, 128, 10), sparsity=0.9, encoding="even", neuron=neuron)
    >>> rule = STP(window=4)
    >>> trainer = chsnn.Trainer(model, learning=rule, epochs=1, progress=False)
    >>> _ = trainer.fit(data.train)
    >>> rule.count.unused_spikes > 0.5
    True
    """

    window: int = 4
    timesteps: int | None = None
    weight_bits: int | None = None
    count_every: int = 50
    count: LearningCount = field(default_factory=LearningCount)

    def __post_init__(self) -> None:
        check_positive_int("window", self.window)
        check_positive_int("count_every", self.count_every)
        if self.timesteps is not None:
            check_positive_int("timesteps", self.timesteps)
        bits = self.weight_bits
        if bits is not None and not 2 <= check_count("weight_bits", bits) <= 8:
            raise ValueError(f"weight_bits must be 2 to 8, got {bits}")
        self._n_batches = 0
        self._calls: WeakKeyDictionary[nn.Module, dict[str, int]] = WeakKeyDictionary()
        self._backpropagation = BPTT()

    def gradients(
        self, model: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss
    ) -> tuple[Tensor, Tensor]:
        """Run a batch forward and back; see :meth:`chsnn.learning.BPTT.gradients`."""
        inner = unwrapped(model)
        if inner not in self._calls:
            self._calls[inner] = _count_calls(inner, inputs)
        calls = self._calls[inner]
        steps = self._steps(inner, inputs, len(targets), calls)
        if self.window > steps:
            raise ValueError(f"window must be at most the {steps} time steps, got {self.window}")
        window = TargetWindow.draw(steps, len(targets), self.window)
        if self._n_batches % self.count_every == 0:
            window = replace(window, account=LearningAccount(self.count, window))
        self._n_batches += 1
        with learning_inside(window), _gated(inner, window, calls):
            return self._backpropagation.gradients(model, inputs, targets, loss)

    def after_step(self, model: nn.Module) -> None:
        """Round the weights, once the optimizer has moved them."""
        if self.weight_bits is not None:
            round_weights(model, self.weight_bits)

    def _steps(self, model: nn.Module, inputs: Tensor, n: int, calls: dict[str, int]) -> int:
        encoder = getattr(model, "encoder", None)
        told = getattr(encoder, "timesteps", None) or self.timesteps
        if told is not None:
            return int(told)
        by_step = [calls[name] for name in _layers(model) if calls.get(name, 0) > 1]
        if by_step:
            return min(by_step)
        if inputs.dim() > 2 and inputs.shape[1] == n:
            return inputs.shape[0]
        raise ValueError(
            "S-TP must know the time steps of the model: give STP(timesteps=...), inputs "
            "(T, B, ...), or a model that calls its layers step by step"
        )


LEARNING_RULES["s-tp"] = STP


@torch.no_grad()
def round_weights(model: nn.Module, bits: int) -> None:
    """Round every layer's weights to integers of so many bits times a power of 2, at random.

    A weight between two points of the grid goes to either, in proportion to how near it is, so
    that small updates count on average (stochastic rounding). From torch's global generator.

    Examples
    --------
    >>> layer = nn.Linear(8, 8)
    >>> round_weights(layer, 4)
    >>> step = 2.0 ** torch.ceil(torch.log2(layer.weight.abs().max() / 7))
    >>> bool((layer.weight / step == (layer.weight / step).round()).all())
    True
    """
    largest_integer = 2 ** (bits - 1) - 1
    for module in model.modules():
        if not isinstance(module, _LAYERS):
            continue
        weight = module.values if isinstance(module, SparseLinear) else module.weight
        largest = float(weight.abs().max()) if weight.numel() else 0.0
        if not largest:
            continue
        step = 2.0 ** math.ceil(math.log2(largest / largest_integer))
        scaled = weight / step
        weight.copy_(torch.floor(scaled + torch.rand_like(scaled)) * step)


# ------------------------------------------------------------------- layers of a running model


def _layers(model: nn.Module) -> dict[str, nn.Module]:
    """Return the layers at whose outputs errors are gated; fused ones do it themselves."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, _LAYERS) and not isinstance(module, _FUSED)
    }


def _neurons(model: nn.Module) -> dict[str, nn.Module]:
    """Return the populations at whose inputs errors are gated."""
    return {
        name: module
        for name, module in model.named_modules()
        if is_neuron(module) and not isinstance(module, _FUSED)
    }


def _count_calls(model: nn.Module, inputs: Tensor) -> dict[str, int]:
    """Return how often a batch calls each layer and each population of neurons."""
    calls: dict[str, int] = {}

    def count(name: str, *_: Any) -> None:
        calls[name] = calls.get(name, 0) + 1

    with ExitStack() as stack:
        for name, module in {**_layers(model), **_neurons(model)}.items():
            stack.callback(module.register_forward_hook(partial(count, name)).remove)
        stack.enter_context(evaluating(model))
        stack.enter_context(seeded(0, "calls"))
        with torch.no_grad():
            model(inputs)
    return calls


def _calls_per_step(model: nn.Module, calls: dict[str, int], steps: int) -> dict[str, int]:
    """Return how often each step calls what is called step by step; the rest sees all at once."""
    layers = [name for name in _layers(model) if name in calls]
    if steps == 1 or not any(calls[name] % steps == 0 for name in layers):
        return {}
    return {name: n // steps for name, n in calls.items() if n % steps == 0}


@contextmanager
def _gated(model: nn.Module, window: TargetWindow, calls: dict[str, int]) -> Iterator[None]:
    """Let no error through outside the window while the ``with`` block runs."""
    made: dict[str, int] = {}
    per_step = _calls_per_step(model, calls, window.steps)

    def next_step(name: str) -> int | None:
        if name not in per_step:
            return None
        made[name] = made.get(name, -1) + 1
        return made[name] // per_step[name] % window.steps

    def at_layer(name: str, module: nn.Module, arguments: Any, output: Tensor) -> Tensor | None:
        step = next_step(name)
        if not output.requires_grad or (step is None and window.is_constant(output)):
            return None  # what is the same at every step is gated where neurons show it
        on_error = window.reads(module, arguments[0], step)
        return window.gate(output, step=step, on_error=on_error)

    def at_neurons(name: str, module: nn.Module, arguments: Any, options: Any) -> Any:
        step = next_step(name)
        if not arguments:
            return None
        x, *others = arguments
        options = dict(options)
        steps = options.pop("steps", None)
        if steps is not None:
            x = x.expand(steps, *x.shape)
        return (window.gate(x, step=step) if x.requires_grad else x, *others), options

    with ExitStack() as stack:
        for name, module in _layers(model).items():
            hook = module.register_forward_hook(partial(at_layer, name))
            stack.callback(hook.remove)
        for name, module in _neurons(model).items():
            before = module.register_forward_pre_hook(partial(at_neurons, name), with_kwargs=True)
            stack.callback(before.remove)
        yield
