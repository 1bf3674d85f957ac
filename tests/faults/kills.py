"""Processes killed at random moments: what they wrote is whole, and what goes on ends alike.

Children are forked from a server that has everything imported, so that what is hit is the work.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.faults.counting import Count

SIGNALS = (signal.SIGKILL, signal.SIGTERM)
TRAIN = ["--hidden", "24", "--sparsity", "0.8", "--epochs", "12", "--timesteps", "3"]
TRAIN += ["--train-images", "400", "--batch-size", "50", "--threads", "1", "--no-baseline"]
EVOLVE = [*TRAIN, "--evolution.every", "1"]  # a rewiring after every step
COMPARE = ["--hidden", "24", "--epochs", "3", "--timesteps", "3", "--train-images", "400"]
COMPARE += ["--batch-size", "50", "--threads", "1", "--methods", "SET", "static"]
COMPARE += ["--sparsities", "0.8"]
_MOST = 200  # kills of one run: it ends long before


def _server() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["chsnn.lab.cli", "chgraph.cli", "tests.faults.kills"])
    return context


def _command(arguments: list[str]) -> None:
    """Run ``chsnn`` in a child, silently."""
    from chsnn.lab.cli import main

    _silence()
    main(arguments)


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for handle in (1, 2):
        os.dup2(nowhere, handle)


def _save_for_ever(path: Path) -> None:
    import chsnn

    _silence()
    models = _models()
    while True:
        for model in models:
            chsnn.save(model, path)


def _models() -> list[Any]:
    import chsnn

    return [chsnn.networks.mlp((16, 12, 4), sparsity=0.5, seed=seed) for seed in (0, 1)]


def _predict_for_ever(network: Path, out: Path) -> None:
    from chgraph.cli import main

    _silence()
    while True:
        for k in ("20", "40"):
            main(["predict", str(network), "--k", k, "--out", str(out)])


def killed(target: Callable[..., None], *arguments: Any, after: float, by: int) -> int:
    """Run a function in a child, killed after some seconds; return how it ended, 0 if by itself."""
    process = _server().Process(target=target, args=arguments)
    process.start()
    process.join(after)
    if process.exitcode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, by)
    process.join()
    return int(process.exitcode or 0)


def finished(target: Callable[..., None], *arguments: Any) -> float:
    """Run a function in a child to its end; return its seconds.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    start = time.monotonic()
    process = _server().Process(target=target, args=arguments)
    process.start()
    process.join()
    if process.exitcode != 0:
        raise RuntimeError(f"exit status {process.exitcode} of {arguments}")
    return time.monotonic() - start


def result(folder: Path) -> dict[str, Any]:
    """Return all that two equal runs have in common: report, rows, graphs, every tensor."""
    from chsnn.tensor_file import read_document

    report = json.loads((folder / "report.json").read_text())
    document, tensors = read_document(folder / "checkpoint.safetensors")
    best, best_tensors = read_document(folder / "best.safetensors")
    rows = [_timeless(row) for row in document["history"]]
    whole = {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}
    whole |= {f"best/{name}": tensor.numpy().tobytes() for name, tensor in best_tensors.items()}
    lines = (folder / "history.csv").read_text().splitlines()
    return {
        "report": _timeless(report),
        "rows": rows,
        "rewirer": {k: v for k, v in (document["rewirer"] or {}).items()},
        "best": len(best["history"]),
        "tensors": whole,
        "lines": len(lines),
    }


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    return {
        k: _timeless(v) if isinstance(v, dict) else v
        for k, v in row.items()
        if not k.endswith("seconds") and k != "run"
    }


def runs(settings: list[str], n: int, seed: int, name: str) -> Count:
    """Kill n trainings at random moments; each run goes on until it ends, like a straight one."""
    count, rng = Count(name), np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as place:
        straight = Path(place, "straight")
        finished(_command, ["train", *settings, "--out", str(straight)])
        wanted, kills, number = result(straight), 0, 0
        seconds = finished(_command, ["train", *settings, "--out", str(Path(place, "timed"))])
        while kills < n:
            folder, number = Path(place, str(number)), number + 1
            mine = _killed_until_finished(folder, settings, rng, seconds, n - kills)
            same = result(folder) == wanted
            left = [path.name for path in folder.rglob(".*")]
            for _ in range(mine):
                count.check(same and not left, f"run {number} of seed {seed}: {left or 'differs'}")
            kills += mine
            shutil.rmtree(folder)
            if not mine:
                count.check(same, f"run {number} of seed {seed}: differs without a kill")
    return count


def _killed_until_finished(
    folder: Path, settings: list[str], rng: np.random.Generator, seconds: float, most: int
) -> int:
    kills = 0
    while not (folder / "report.json").exists():
        is_begun = any((folder / name).exists() for name in ("config.toml", ".ready"))
        command = ["resume", str(folder)] if is_begun else ["train", *settings]
        command += [] if is_begun else ["--out", str(folder)]
        if kills >= min(most, _MOST):
            finished(_command, command)
            return kills
        by = SIGNALS[int(rng.integers(2))]
        code = killed(_command, command, after=float(rng.uniform(0, 0.6 * seconds)), by=by)
        if code not in (0, -by):
            raise RuntimeError(f"{command} ended with {code}")
        kills += code == -by
    return kills


def saves(n: int, seed: int) -> Count:
    """Kill n processes that save two models in turn into one file: it holds one of them."""
    import chsnn

    count, rng, models = Count("kill: save"), np.random.default_rng(seed), _models()
    with tempfile.TemporaryDirectory() as place:
        path = chsnn.save(models[0], Path(place, "model.safetensors"))
        for i in range(n):
            by = SIGNALS[int(rng.integers(2))]
            killed(_save_for_ever, path, after=float(rng.uniform(0.0, 0.5)), by=by)
            graphs = chsnn.load(path).graphs
            count.check(any(graphs == model.graphs for model in models), f"kill {i} of {seed}")
    return count


def predictions(n: int, seed: int) -> Count:
    """Kill n processes that predict to a file over and over: it holds one of the two results."""
    import networkx

    count, rng = Count("kill: predict to a file"), np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as place:
        network, out = Path(place, "links.csv"), Path(place, "predicted.csv")
        networkx.write_edgelist(networkx.karate_club_graph(), network, delimiter=",", data=False)
        for i in range(n):
            by = SIGNALS[int(rng.integers(2))]
            killed(_predict_for_ever, network, out, after=float(rng.uniform(0.0, 0.6)), by=by)
            lines = out.read_text().splitlines() if out.exists() else None
            count.check(lines is None or len(lines) in (21, 41), f"kill {i} of seed {seed}")
    return count


def comparisons(n: int, seed: int) -> Count:
    """Kill a comparison n times; run again it ends with the rows of a straight one."""
    count, rng = Count("kill: compare"), np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as place:
        straight, folder = Path(place, "straight"), Path(place, "all")
        seconds = finished(_command, ["compare", *COMPARE, "--out", str(straight)])
        wanted = _rows(straight)
        command = ["compare", *COMPARE, "--out", str(folder)]
        while count.tried < n:
            kills = 0
            while kills < n - count.tried:
                by = SIGNALS[int(rng.integers(2))]
                code = killed(_command, command, after=float(rng.uniform(0, seconds)), by=by)
                kills += code == -by
                if code == 0:
                    break
            finished(_command, command)
            same = _rows(folder) == wanted
            for _ in range(max(kills, 1)):
                count.check(same, f"seed {seed}: rows differ")
            shutil.rmtree(folder)
    return count


def _rows(folder: Path) -> list[dict[str, Any]]:
    rows = json.loads((folder / "comparison.json").read_text())
    return [_timeless(row) for row in rows]


def campaign(n: int, seed: int) -> Count:
    """Make n kills in all: half of trainings, the rest of what else writes."""
    count = Count("kill -9 and SIGTERM")
    share = max(1, n // 6)
    parts = [
        runs(TRAIN, max(1, n - 4 * share), seed, "kill: train"),
        runs(EVOLVE, share, seed, "kill: train, rewired at every step"),
        saves(share, seed),
        predictions(share, seed),
        comparisons(share, seed),
    ]
    for part in parts:
        sys.stdout.write(f"  {part}\n")
        count.add(part)
    return count
