"""Random arguments to every public function: a result, or an error of a documented type."""

from __future__ import annotations

import importlib
import inspect
import os
import tempfile
import types
import warnings
from collections.abc import Callable
from typing import Any

import networkx
import numpy as np
import scipy.sparse

from tests.faults.counting import Count, TooLong, at_most
from tests.faults.in_process import counted, main

MODULES = (
    *("chgraph", "chgraph.linkpred", "chgraph.topology", "chgraph.rewiring", "chgraph.metrics"),
    *("chsnn", "chsnn.networks", "chsnn.export", "chsnn.data"),
)
# `warm_up` compiles everything, `set_threads` is for the whole process: both are called elsewhere.
LEFT_OUT = ("warm_up", "set_threads")
# What may be asked for without end: any large number is right, and takes its time.
ENDLESS = ("repeats", "depth")
DOCUMENTED = (ValueError, TypeError, KeyError, OSError, ImportError)
SECONDS, GIGABYTES = 20.0, 6.0


def public_functions() -> dict[str, Callable[..., Any]]:
    """Return every function and class that the packages name as theirs, by its full name."""
    found: dict[str, Callable[..., Any]] = {}
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            is_callable = isinstance(value, type | types.FunctionType) and name not in LEFT_OUT
            if is_callable and not any(value is other for other in found.values()):
                found[f"{module.__name__}.{name}"] = value
    return found


def _objects(rng: np.random.Generator) -> list[Any]:
    """Return what people and mistakes give as arguments: networks, arrays, numbers, words."""
    import torch

    import chgraph
    import chsnn

    n = int(rng.integers(1, 9))
    matrix = (rng.random((n, n + 2)) < 0.5).astype(int)
    graph = networkx.gnp_random_graph(n + 3, 0.5, seed=int(rng.integers(100)))
    linear = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Linear(5, 3))
    return [
        *(matrix, matrix.astype(float), matrix.astype(bool), -matrix, matrix.T @ matrix),
        *(graph, networkx.path_graph(0), networkx.DiGraph(graph), networkx.MultiGraph(graph)),
        *(scipy.sparse.csr_array(matrix), chgraph.as_bipartite(matrix), chgraph.as_graph(graph)),
        *(np.zeros((0, 0)), np.zeros(3), np.full((2, 2), np.nan), np.array(["a", "b"])),
        *(np.arange(n), rng.random(n), rng.random((n, 3)), [[0, 1], [1, 2]], [(0, 1)], []),
        *(0, 1, -1, 3, n, True, 0.0, 0.5, 1.0, -0.5, 2.5, float("nan"), float("inf"), 2**31),
        *(
            "CH3-L3",
            "RA-L2",
            "CN",
            "",
            "even",
            "\0",
            "x" * 1000,
            b"bytes",
            None,
            {},
            {"a": 1},
            set(),
        ),
        *((4, 3), (6, 5, 3), (0, 0), (2**31, 2), [4, 3], object(), len, range(4), slice(2)),
        *(rng, np.random.default_rng(0), np.int64(3), np.float32(0.5), np.bool_(True), 1j),
        *(linear, chsnn.networks.mlp((6, 5, 3), sparsity=0.5), torch.rand(4, 6), torch.zeros(0)),
        *(torch.nn.Linear(3, 2), chsnn.LIF(), chsnn.Evolution(), torch.tensor([0, 1, 2])),
    ]


def _arguments(
    function: Callable[..., Any], objects: list[Any], rng: np.random.Generator
) -> tuple[list[Any], dict[str, Any]]:
    positional, named = [], {}
    for parameter in inspect.signature(function).parameters.values():
        value = objects[int(rng.integers(len(objects)))]
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.name in ENDLESS and isinstance(value, int) and value > 1000:
            value = 2
        is_given = parameter.default is parameter.empty or rng.random() < 0.3
        if not is_given:
            continue
        has_default = parameter.default is not parameter.empty
        if parameter.kind is parameter.KEYWORD_ONLY or named or has_default:
            named[parameter.name] = value
        else:
            positional.append(value)
    return positional, named


def _described(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) < 60 else f"{text[:50]}... ({type(value).__name__})"


def trials(n: int, seed: int) -> Count:
    """Make n calls in this process, the functions in turn."""
    count, rng = Count("random arguments"), np.random.default_rng(seed)
    functions = public_functions()
    names = sorted(functions)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        os.chdir(folder)  # a text that is taken for the name of a file
        for i in range(n):
            name = names[i % len(names)]
            try:
                positional, named = _arguments(functions[name], _objects(rng), rng)
            except ValueError:  # a class without a signature
                continue
            try:
                with at_most(SECONDS):
                    functions[name](*positional, **named)
            except DOCUMENTED:
                count.refuse()
            except (Exception, TooLong) as error:
                given = [_described(value) for value in positional]
                given += [f"{key}={_described(value)}" for key, value in named.items()]
                said = f"{type(error).__name__}: {str(error)[:120]}"
                count.fail(f"{name}({', '.join(given)}): {said}")
            else:
                count.survive()
        os.chdir("/")
    return count


def campaign(n: int, seed: int) -> Count:
    """Make n calls in processes with a bound on their memory."""
    count, part = Count("random arguments"), 4000
    for i, begin in enumerate(range(0, n, part)):
        size = min(part, n - begin)
        count.add(counted("tests.faults.arguments", size, 100 * seed + i, name=count.name))
    return count


if __name__ == "__main__":
    main(trials, GIGABYTES)
