"""The paper's architectures at full size: a training step and its memory, sparse beside dense.

``python -m analysis.benchmarks.architectures [--quick] [--json FILE]``. Sparse and dense are the
same code, builder, neurons and batch; the dense twin has every link of its linear layers. Both run
in one process in turns, on two threads; ratios are medians of pairs. Peak memory is that of three
training steps in a process of its own. The last rows say where the time of a sparse step goes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

import chsnn
from analysis.benchmarks._cases import Arguments, Case, run_cases
from analysis.benchmarks._rows import Row, paired_seconds, peak_memory_mb
from chsnn.networks import conv, mlp, spikformer

warnings.filterwarnings("ignore", category=DeprecationWarning)

_THREADS = 2


@dataclass(frozen=True)
class Architecture:
    """A network at full size and what a training step of it reads.

    Attributes
    ----------
    says : str
        Name, input and batch.
    build : callable
        Takes the sparsity of the linear layers.
    in_shape : tuple of int
        Of a sample, time first where it is frames.
    batch : int
    sparsity : float
    """

    says: str
    build: Callable[..., nn.Module]
    in_shape: tuple[int, ...]
    batch: int
    sparsity: float = 0.95


def _conv(name: str, in_shape: tuple[int, int, int], **settings: Any) -> Callable[..., nn.Module]:
    return partial(conv, name, in_shape=in_shape, n_classes=10, **settings)


ARCHITECTURES: dict[str, Architecture] = {
    "mlp": Architecture(
        "784-1568-10, image, T 8", partial(mlp, (784, 1568, 10)), (784,), 64, sparsity=0.99
    ),
    "2conv2fc": Architecture(
        "2Conv2FC, 1 x 28 x 28, image, T 8", _conv("2conv2fc", (1, 28, 28)), (1, 28, 28), 64
    ),
    "2conv2fc-frames": Architecture(
        "2Conv2FC, 2 x 34 x 34, frames, T 8",
        _conv("2conv2fc", (2, 34, 34), encoding="none"),
        (8, 2, 34, 34),
        64,
    ),
    "6conv2fc": Architecture(
        "6Conv2FC, 3 x 32 x 32, image, T 8", _conv("6conv2fc", (3, 32, 32)), (3, 32, 32), 8
    ),
    "spikformer": Architecture(
        "Spikformer 384, depth 4, 3 x 32 x 32, T 4", spikformer, (3, 32, 32), 8
    ),
}


def _batch(architecture: Architecture) -> tuple[Tensor, Tensor]:
    """Return inputs, time first for frames, and labels."""
    generator = torch.Generator().manual_seed(0)
    shape, n = architecture.in_shape, architecture.batch
    if len(shape) == 4:
        drawn = torch.rand(shape[0], n, *shape[1:], generator=generator)
        x = (drawn < 0.05).float()
    else:
        x = torch.rand(n, *shape, generator=generator)
    return x, torch.randint(0, 10, (n,), generator=generator)


def _step(network: nn.Module, x: Tensor, y: Tensor) -> Callable[[], None]:
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()

    return step


def _inference(network: nn.Module, x: Tensor) -> Callable[[], None]:
    network.eval()

    def infer() -> None:
        with torch.no_grad():
            network(x)

    return infer


def _name(architecture: Architecture) -> str:
    return f"{architecture.says}, batch {architecture.batch}"


def speed_case(architecture: Architecture) -> Case:
    """Return the case that times training steps and inference, sparse beside dense."""

    def case(arguments: Arguments) -> list[Row]:
        x, y = _batch(architecture)
        sparse, dense = (architecture.build(sparsity=s) for s in (architecture.sparsity, 0.0))
        rows = []
        for kind, make in (
            ("training step", lambda network: _step(network, x, y)),
            ("inference", lambda network: _inference(network, x)),
        ):
            ours, peer = paired_seconds(make(sparse), make(dense), arguments.repeats)
            note = f"{architecture.batch / ours:,.0f} samples a second"
            rows.append(Row(f"{kind}, {_name(architecture)}", ours, peer, "dense twin", note=note))
        return rows

    return case


def memory_case(architecture: Architecture, sparsity: float) -> Case:
    """Return the case that takes the peak memory of training steps of one kind alone."""

    def case(arguments: Arguments) -> list[Row]:
        before = peak_memory_mb()
        network = architecture.build(sparsity=sparsity)
        step = _step(network, *_batch(architecture))
        for _ in range(3):
            step()
        kind = f"{sparsity:.0%} sparse" if sparsity else "dense twin"
        return [
            Row(
                f"memory, {_name(architecture)}, {kind}",
                peak_memory_mb() - before,
                unit="MB",
                note="above the loaded program; weights, gradients, Adam's means, activations",
            )
        ]

    return case


# What an operation's own time is shown as; the rest is "everything else".
_PARTS: Mapping[str, tuple[str, ...]] = {
    "convolutions": ("aten::mkldnn_convolution", "aten::convolution_backward"),
    "batch norms": ("aten::native_batch_norm", "aten::native_batch_norm_backward"),
    "neurons": ("_LifOverTime", "_LifOverTimeBackward"),
    "sparse linear layers": ("_SparseLinear", "_SparseLinearBackward"),
    "pools": (
        "aten::avg_pool2d",
        "aten::avg_pool2d_backward",
        "aten::max_pool2d_with_indices",
        "aten::max_pool2d_with_indices_backward",
    ),
    "dense products": ("aten::mm", "aten::addmm", "aten::bmm"),
}


def profile_case(architecture: Architecture) -> Case:
    """Return the case that shows where the time of a sparse training step goes."""

    def case(arguments: Arguments) -> list[Row]:
        step = _step(architecture.build(sparsity=architecture.sparsity), *_batch(architecture))
        for _ in range(2):
            step()
        repeats = 3
        with torch.autograd.profiler.profile() as profiler:
            for _ in range(repeats):
                step()
        own = {event.key: event.self_cpu_time_total for event in profiler.key_averages()}
        whole = sum(own.values())
        shares = {part: sum(own.get(k, 0.0) for k in keys) for part, keys in _PARTS.items()}
        shares["everything else"] = whole - sum(shares.values())
        return [
            Row(
                f"{part}, of a training step, {_name(architecture)}",
                seconds / repeats / 1e6,
                note=f"{seconds / whole:.0%}",
            )
            for part, seconds in shares.items()
            if seconds > 0.005 * whole
        ]

    return case


def _cases() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for name, architecture in ARCHITECTURES.items():
        cases[f"{name}-speed"] = speed_case(architecture)
        cases[f"{name}-memory-sparse"] = memory_case(architecture, architecture.sparsity)
        cases[f"{name}-memory-dense"] = memory_case(architecture, 0.0)
    for name, architecture in ARCHITECTURES.items():
        cases[f"{name}-profile"] = profile_case(architecture)
    return cases


_QUICK = ("mlp-speed", "2conv2fc-speed", "2conv2fc-profile")


if __name__ == "__main__":
    run_cases("architectures", _cases(), quick=_QUICK, start=lambda: chsnn.set_threads(_THREADS))
