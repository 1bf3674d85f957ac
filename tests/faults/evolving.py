"""Very many evolution steps on small layers: every count exact, every value where it belongs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import chsnn
from chsnn.evolution import Rewirer
from tests.faults.counting import Count
from tests.faults.in_process import counted, main

REMOVALS = ("LRS", "magnitude", "RI", "SET", "random")
REGROWTHS = ("CH3-L3", "CH2-L3", "RA-L3", "random")
NEW_WEIGHTS = ("zero", "last", "SSWI")
STEPS_OF_A_MODEL = 250
_LOOKS_EVERY = 5  # steps, at single weights and momenta


def _checked(layers: dict[str, Any], optimizer: Any, targets: dict[str, int]) -> str:
    """Return what is wrong after a step, an empty text if nothing is."""
    for name, layer in layers.items():
        graph = layer.graph
        if name in targets and graph.n_links != targets[name]:
            # Where neurons have died the living ones may have no more places.
            living = np.count_nonzero(graph.left_degree) * np.count_nonzero(graph.right_degree)
            if not graph.n_links == living < targets[name]:
                return f"{name} has {graph.n_links} links, not {targets[name]}"
        if layer.values.shape != (graph.n_links,) or not bool(layer.values.isfinite().all()):
            return f"{name}: values do not fit"
        key = _keys(graph, graph.shape[1])
        if (np.diff(key) <= 0).any() or (key.size and graph.left_neighbors.max() >= graph.shape[1]):
            return f"{name}: links are not sorted, or one is there twice"
        back = np.repeat(np.arange(graph.shape[1]), graph.right_degree)
        if not np.array_equal(np.sort(graph.right_neighbors * graph.shape[1] + back), key):
            return f"{name}: the two directions of the graph differ"
        for entry in optimizer.state.get(layer.values, {}).values():
            if (
                isinstance(entry, torch.Tensor)
                and entry.dim()
                and entry.shape != layer.values.shape
            ):
                return f"{name}: the optimizer's state does not fit"
    return ""


def _state(layers: dict[str, Any], optimizer: Any) -> dict[str, Any]:
    """Return graph, values and momenta of every layer as they are."""
    return {
        name: (
            layer.graph,
            layer.values.detach().clone(),
            optimizer.state[layer.values]["exp_avg"].clone(),
        )
        for name, layer in layers.items()
    }


def _kept(before: dict[str, Any], layers: dict[str, Any], optimizer: Any) -> str:
    """Return what is wrong with the values and momenta of links that stayed."""
    for name, layer in layers.items():
        graph, values, momentum = before[name]
        n_right = graph.shape[1]
        old, new = (_keys(g, n_right) for g in (graph, layer.graph))
        _, i, j = np.intersect1d(old, new, return_indices=True)
        state = optimizer.state[layer.values]["exp_avg"]
        moved = (momentum[i] != state[j]) | (values[i] != layer.values.detach()[j])
        if state[j][moved].abs().sum() != 0:  # one that went and came back begins anew
            return f"{name}: a link that stayed has another weight or momentum"
        added = np.setdiff1d(np.arange(new.size), j)
        if state[added].abs().sum() != 0:
            return f"{name}: a new link has a momentum"
    return ""


def _keys(graph: Any, n_right: int) -> np.ndarray:
    return np.repeat(np.arange(graph.shape[0]), graph.left_degree) * n_right + graph.left_neighbors


def _model(rng: np.random.Generator, seed: int) -> tuple[Any, Any, Rewirer]:
    sizes = (int(rng.integers(4, 17)), *(int(n) for n in rng.integers(4, 17, 2)), 4)
    model = chsnn.networks.mlp(sizes, sparsity=float(rng.uniform(0.3, 0.8)), seed=seed, timesteps=2)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    evolution = chsnn.Evolution(
        zeta=float(rng.uniform(0.05, 0.6)),
        removal=rng.choice(REMOVALS),
        regrowth=rng.choice(REGROWTHS),
        new_weights=rng.choice(NEW_WEIGHTS),
        sampling=rng.choice(["soft", "hard"]),
        zeta_schedule="constant",
    )
    return (
        model,
        optimizer,
        evolution.attach(
            model, optimizer, total_steps=STEPS_OF_A_MODEL + 1, every=1, seed=seed, n_threads=1
        ),
    )


def _evolve(count: Count, model: Any, optimizer: Any, rewirer: Rewirer, n: int, what: str) -> None:
    layers = chsnn.sparse_layers(model)
    targets = {name: layer.graph.n_links for name, layer in list(layers.items())[:-1]}
    generator = torch.Generator().manual_seed(0)
    for step in range(n):
        for layer in layers.values():  # as a backward pass would leave them
            layer.values.grad = torch.randn(layer.values.shape, generator=generator)
        optimizer.step()
        looks = step % _LOOKS_EVERY == 0
        before = _state(layers, optimizer) if looks else {}
        rewirer.step()
        wrong = _checked(layers, optimizer, targets)
        wrong = wrong or (_kept(before, layers, optimizer) if looks else "")
        count.check(not wrong, f"{what}, step {step}: {wrong}")


def trials(n: int, seed: int) -> Count:
    """Make n steps of evolution in this process."""
    count, rng = Count("evolution steps"), np.random.default_rng(seed)
    torch.set_num_threads(1)
    while count.tried < n:
        number = int(rng.integers(2**31))
        model, optimizer, rewirer = _model(rng, number)
        steps = min(STEPS_OF_A_MODEL, n - count.tried)
        _evolve(count, model, optimizer, rewirer, steps, f"seed {seed}, model {number}")
    return count


def campaign(n: int, seed: int) -> Count:
    """Make n steps of evolution, with checked invariants after each."""
    count, part = Count("evolution steps"), 10_000
    for i, begin in enumerate(range(0, n, part)):
        size = min(part, n - begin)
        count.add(counted("tests.faults.evolving", size, 100 * seed + i, name=count.name))
    return count


if __name__ == "__main__":
    main(trials, 4.0)
