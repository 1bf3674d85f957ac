"""Sparse compute: training step, inference, evolution and memory, beside plain Norse.

``python -m analysis.benchmarks.sparse_compute [--quick] [--json FILE]``. The peer is the same
network, with the same weights, in plain Norse: ``torch.nn.Linear`` (zeros where there is no
link) and a box LIF cell, stepped over time. Both run in one process in turns, on two threads;
ratios are medians of pairs. Every case has a process of its own, so peak memory is its own.
Images are MNIST where CHSNN_DATA names it, else random intensities of the same mean.
"""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from norse.torch import LIFBoxCell, LIFBoxParameters
from torch import Tensor, nn

import chsnn
from analysis.benchmarks._cases import Arguments, Case, run_cases
from analysis.benchmarks._rows import Row, paired_seconds, peak_memory_mb
from analysis.mnist_2fc import DENSE, SPARSE
from chgraph.graph import BipartiteGraph
from chgraph.topology import regular
from chsnn.data import DataSet, Samples
from chsnn.lab.config import RunConfig
from chsnn.lab.networks import build_network
from chsnn.layers import Backend
from chsnn.networks import SpikingMLP, mlp
from chsnn.ops import sparse_linear

warnings.filterwarnings("ignore", category=DeprecationWarning)

SIZES = (784, 1568, 1568, 10)
STEPS, BATCH, ALPHA = 8, 128, 0.5
_THREADS = 2


def samples(n: int = 2000) -> Samples:
    """Return images of 784 pixels: MNIST's first, or random ones as dark as MNIST's."""
    try:
        train = chsnn.load_data("mnist").train
        return Samples(train.images[:n], train.labels[:n])
    except FileNotFoundError:
        return random_samples(n)


def random_samples(n: int) -> Samples:
    """Return random images of 784 pixels, as dark as MNIST's."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(n, 784, generator=generator) ** 6.6
    return Samples(images, torch.randint(0, 10, (n,), generator=generator))


def network(sparsity: float, data: Samples) -> SpikingMLP:
    """Return the network of the table: rate-encoded input, LIF output, dense output layer."""
    return mlp(
        SIZES,
        sparsity=sparsity,
        inputs=data.images,
        encoding="bernoulli",
        timesteps=STEPS,
        neuron=chsnn.LIF(ALPHA, surrogate="super"),
        readout="rate",
        topology="regular",
    )


class Norse(nn.Module):
    """The same network in plain Norse, stepped over time."""

    def __init__(self, twin: SpikingMLP) -> None:
        super().__init__()
        parameters = LIFBoxParameters(
            tau_mem_inv=torch.tensor(1 - ALPHA), method="super", alpha=torch.tensor(1.0)
        )
        self.linears, self.cells = nn.ModuleList(), nn.ModuleList()
        for layer in chsnn.sparse_layers(twin).values():
            linear = nn.Linear(*layer.graph.shape, bias=False)
            # Norse multiplies its input by dt * tau_mem_inv = 1 - alpha.
            linear.weight = nn.Parameter(layer.dense_weight().detach() / (1 - ALPHA))
            self.linears.append(linear)
            self.cells.append(LIFBoxCell(parameters, dt=1.0))

    def forward(self, spikes: Tensor) -> Tensor:
        """Classify spikes (T, B, n_in)."""
        states: list[Any] = [None] * len(self.cells)
        out = []
        for step in spikes:
            for i, (linear, cell) in enumerate(zip(self.linears, self.cells, strict=True)):
                step, states[i] = cell(linear(step), states[i])
            out.append(step)
        return torch.stack(out).mean(0)


def ours_on_spikes(twin: SpikingMLP, spikes: Tensor) -> Tensor:
    """Run our network on spikes that are there already, as the peer does."""
    x = spikes
    for layer in twin.layers:
        x = layer(x)
    return x.mean(dim=0)


def _step(forward: Callable[[Tensor], Tensor], module: nn.Module, x: Tensor, y: Tensor) -> Any:
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-4)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(10 * forward(x), y).backward()
        optimizer.step()

    return step


def step_case(sparsity: float) -> Case:
    """Return the case that times a training step at one sparsity."""

    def case(arguments: Arguments) -> list[Row]:
        data = samples()
        twin = network(sparsity, data)
        peer = Norse(twin)
        spikes = twin.encoder(data.images[:BATCH], torch.Generator().manual_seed(0))
        labels = data.labels[:BATCH]
        with torch.no_grad():
            agree = float((ours_on_spikes(twin, spikes) - peer(spikes)).abs().max())
        mine = _step(lambda x: ours_on_spikes(twin, x), twin, spikes, labels)
        theirs = _step(peer, peer, spikes, labels)
        seconds, others = paired_seconds(mine, theirs, arguments.repeats)
        size = "-".join(map(str, SIZES))
        return [
            Row(
                f"training step, {size}, T {STEPS}, batch {BATCH}, {sparsity:.0%} sparse",
                seconds,
                others,
                "dense Norse",
                note=f"largest difference of an output before training {agree:.1g}",
            )
        ]

    return case


def memory_case(kind: str) -> Case:
    """Return the case that takes the peak memory of training steps of one kind alone."""

    def case(arguments: Arguments) -> list[Row]:
        data = random_samples(BATCH)
        twin = network(0.99, data)
        module: nn.Module = Norse(twin) if kind == "Norse" else twin
        spikes = twin.encoder(data.images, torch.Generator().manual_seed(0))
        before = peak_memory_mb()
        forward = module if kind == "Norse" else lambda x: ours_on_spikes(twin, x)
        step = _step(forward, module, spikes, data.labels)
        start = time.perf_counter()
        for _ in range(3):
            step()
        seconds = (time.perf_counter() - start) / 3
        name = "dense Norse" if kind == "Norse" else "ours"
        note = f"{peak_memory_mb() - before:,.0f} MB above the loaded program"
        return [
            Row(
                f"memory of a training step at 99 %, {name}",
                seconds,
                memory_mb=peak_memory_mb(),
                note=note,
            )
        ]

    return case


def inference_case(arguments: Arguments) -> list[Row]:
    """Time event-driven inference of a trained network, batch 1."""
    from chsnn.inference import compile_network

    data = samples(1000)
    twin = network(0.99, data)
    trainer = chsnn.Trainer(twin, epochs=2, batch_size=64, learning_rate=2e-3, progress=False)
    trainer.fit(data, Samples(data.images[:100], data.labels[:100]))
    engine, peer = compile_network(twin), Norse(twin)
    spikes = twin.encoder(data.images[:20], torch.Generator().manual_seed(0))
    single = [spikes[:, i : i + 1].contiguous() for i in range(20)]
    arrays = [x[:, 0].numpy() for x in single]
    with torch.no_grad():
        same = all(
            np.allclose(engine(a).scores, ours_on_spikes(twin, x)[0].numpy(), atol=1e-5)
            for a, x in zip(arrays, single, strict=True)
        )
        seconds, others = paired_seconds(
            lambda: [engine(a) for a in arrays],
            lambda: [peer(x) for x in single],
            arguments.repeats,
        )
    runs = [engine(a) for a in arrays]
    sops = sum(float(np.sum(run.sops)) for run in runs) / len(runs)
    return [
        Row(
            "event-driven inference, batch 1, 99 % sparse, trained",
            seconds / 20,
            others / 20,
            "dense Norse",
            note=f"{sops:,.0f} SOPs a sample; outputs equal to the network's to 1e-5: {same}",
        )
    ]


def evolution_case(arguments: Arguments) -> list[Row]:
    """Time the share of an epoch that evolution takes, 784 x 1568 at 99 %."""
    data = samples(1000 if arguments.quick else 10_000)
    twin = mlp((784, 1568, 10), sparsity=0.99, inputs=data.images, encoding="even")
    trainer = chsnn.Trainer(
        twin,
        evolution=chsnn.Evolution(zeta_schedule="constant"),
        epochs=3,
        batch_size=128,
        progress=False,
    )
    rows = trainer.fit(data, Samples(data.images[:100], data.labels[:100])).rows
    evolution = median(row["evolution_seconds"] for row in rows)
    epoch = median(row["train_seconds"] for row in rows)
    return [
        Row(
            "one evolution step, 784 x 1568 at 99 %",
            evolution,
            note=f"{evolution / epoch:.1%} of an epoch of {len(data):,} images, "
            f"{evolution / (epoch - evolution) * len(data) / 60_000:.1%} of one of 60,000 images",
        )
    ]


def epoch_case(arguments: Arguments) -> list[Row]:
    """Time an epoch of the MNIST run and of its fully connected twin's, evolution included."""
    data = samples(1280 if arguments.quick else 55_000)
    rows = []
    for batch, threads in ((64, 2), (64, 1), (128, 2)):
        chsnn.set_threads(threads)
        configs = SPARSE, DENSE.fully_connected()
        sparse, dense = (_epochs(config, data, batch) for config in configs)
        ours, peer = paired_seconds(sparse, dense, max(3, arguments.repeats // 2))
        rows.append(
            Row(
                f"one epoch of {len(data):,} images, 784-1568-10, 99 %, batch {batch}, "
                f"{threads} thread{'s' * (threads > 1)}",
                ours,
                peer,
                "fully connected, same code",
                note="settings of analysis.mnist_2fc",
            )
        )
    return rows


def _epochs(config: RunConfig, data: Samples, batch: int) -> Callable[[], Any]:
    """Return a call that trains one more epoch."""
    few = Samples(data.images[:10], data.labels[:10])
    twin = build_network(config, DataSet("mnist", 10, data, few, few))
    trainer = chsnn.Trainer(
        twin,
        evolution=config.rewiring_settings(),
        settings=config.training(),
        batch_size=batch,
        progress=False,
    )
    return lambda: trainer.epoch(data, few)


def large_case(arguments: Arguments) -> list[Row]:
    """Train a step of a layer of 100,000 x 100,000 with ten million links."""
    n, sparsity = (4_000, 0.99) if arguments.quick else (100_000, 0.999)
    layer = chsnn.SparseLinear(regular(n, n, sparsity, rng=0), backend="sparse")
    layer.set_values(
        torch.randn(layer.graph.n_links, generator=torch.Generator().manual_seed(0)) * 0.15
    )
    neurons = chsnn.LIF(ALPHA)
    generator = torch.Generator().manual_seed(1)
    x = (torch.rand(STEPS, BATCH, n, generator=generator) < 0.1).float()
    optimizer = torch.optim.Adam(layer.parameters())
    times = []
    for _ in range(3):
        start = time.perf_counter()
        optimizer.zero_grad()
        neurons(layer(x))[0].mean().backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    return [
        Row(
            f"training step, one layer {n:,} x {n:,}, {layer.graph.n_links:,} links, batch {BATCH}",
            median(times),
            memory_mb=peak_memory_mb(),
        )
    ]


def crossing_case(arguments: Arguments) -> list[Row]:
    """Find where dense overtakes sparse: one layer, forward and both gradients."""
    rows = []
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand(STEPS, BATCH, 1568, generator=generator)
    inputs = {"spikes (12 %)": (drawn < 0.12).float(), "real input": drawn}
    densities = (0.01, 0.3) if arguments.quick else (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
    for (kind, x), density in itertools.product(inputs.items(), densities):
        graph = regular(1568, 1568, 1 - density, rng=0)
        values = torch.randn(graph.n_links, generator=generator)
        sparse = _layer_step(graph, values, "sparse", x)
        dense = _layer_step(graph, values, "dense", x)
        ours, peer = paired_seconds(sparse, dense, max(3, arguments.repeats // 2))
        rows.append(
            Row(f"one layer, {density:.0%} of the links, {kind}: sparse", ours, peer, "dense")
        )
    return rows


def _layer_step(
    graph: BipartiteGraph, values: Tensor, backend: Backend, x: Tensor
) -> Callable[[], None]:
    """Return a call that runs one layer forward and both of its gradients."""
    layer = chsnn.SparseLinear(graph, backend=backend)
    layer.set_values(values)
    own = x.clone().requires_grad_()
    return lambda: layer(own).sum().backward()


def small_batch_case(arguments: Arguments) -> list[Row]:
    """Compare training steps on 64 images over the links and through a dense matrix."""
    data = samples(64)
    rows = []
    for density in (0.05, 0.1, 0.2, 0.3):
        networks = (
            mlp((784, 1568, 10), sparsity=1 - density, backend=backend)
            for backend in ("sparse", "dense")
        )
        sparse, dense = (_step(n, n, data.images, data.labels) for n in networks)
        ours, peer = paired_seconds(sparse, dense, 10 * arguments.repeats)
        name = f"training step, 784-1568-10, direct, batch 64, {density:.0%} of the links: sparse"
        rows.append(Row(name, ours, peer, "dense"))
    return rows


def spikes_case(arguments: Arguments) -> list[Row]:
    """Compare bits with floats for a binary input, forward and weight gradient, by firing rate."""
    graph = regular(1568, 1568, 0.99, rng=0)
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(graph.n_links, generator=generator).requires_grad_()
    # Feature-major memory, as the layers hand it on.
    drawn = torch.rand(1568, STEPS, BATCH, generator=generator).movedim(0, -1)
    rows = []
    for rate in (0.01, 0.05, 0.2, 0.5):
        x = (drawn < rate).float()
        packed, floats = (
            partial(_product_and_gradient, x, values, graph, look) for look in (True, False)
        )
        ours, peer = paired_seconds(packed, floats, arguments.repeats)
        rows.append(
            Row(
                f"spikes at rate {rate:.0%}, 1 % of the links: packed to bits", ours, peer, "floats"
            )
        )
    return rows


def _product_and_gradient(x: Tensor, values: Tensor, graph: BipartiteGraph, look: bool) -> None:
    sparse_linear(x, values, graph, look_for_spikes=look).sum().backward()


_PARTS = {
    "_SparseLinear": "products over the links, packing of spikes",
    "_SparseLinearBackward": "input and weight gradients",
    "_LifOverTime": "LIF forward",
    "_LifOverTimeBackward": "LIF backward",
    "Optimizer.step#Adam.step": "Adam",
}


def profile_case(arguments: Arguments) -> list[Row]:
    """Show where the time of a training step at 99 % goes, beside the whole step."""
    data = samples()
    twin = network(0.99, data)
    spikes = twin.encoder(data.images[:BATCH], torch.Generator().manual_seed(0))
    step = _step(lambda x: ours_on_spikes(twin, x), twin, spikes, data.labels[:BATCH])
    for _ in range(3):
        step()
    start = time.perf_counter()
    with torch.autograd.profiler.profile() as profiler:
        for _ in range(10):
            step()
    whole = (time.perf_counter() - start) / 10
    totals = {event.key: event.cpu_time_total for event in profiler.key_averages()}
    unit = "% of a training step, 99 % sparse"
    return [
        Row(what, 100.0 * totals[key] / 1e7 / whole, unit=unit)
        for key, what in _PARTS.items()
        if key in totals
    ]


CASES: dict[str, Case] = {
    **{f"step-{s}": step_case(s) for s in (0.99, 0.98, 0.95, 0.0)},
    "inference": inference_case,
    "evolution": evolution_case,
    "epoch": epoch_case,
    "memory-ours": memory_case("ours"),
    "memory-Norse": memory_case("Norse"),
    "large": large_case,
    "crossing": crossing_case,
    "small-batch": small_batch_case,
    "spikes": spikes_case,
    "profile": profile_case,
}
_QUICK = ("step-0.99", "inference", "large")


if __name__ == "__main__":
    run_cases("sparse_compute", CASES, quick=_QUICK, start=lambda: chsnn.set_threads(_THREADS))
