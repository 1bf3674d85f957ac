"""Many runs side by side: methods x sparsities x seeds, resumable, ending in one table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from chgraph.plotting import save_figure
from chgraph.storage import folder_lock, remove_temporary, write_atomically
from chsnn.lab import plotting
from chsnn.lab.config import RunConfig, read_run
from chsnn.lab.experiment import Experiment
from chsnn.lab.folder import CONFIG, REPORT, ROWS, check_writable, exactly, folder_of_run
from chsnn.lab.identity import RunIdentity, check_run
from chsnn.lab.methods import FULLY_CONNECTED, method_config
from chsnn.lab.page import write_comparison_page
from chsnn.lab.starting import writing
from chsnn.lab.summaries import summarize, table

TABLE, FIGURE = "comparison.md", "comparison.png"
_MEASURES = (
    "accuracy",
    "best_validation_accuracy",
    "link_sparsity",
    "sparse_layers_sparsity",
    "node_sparsity",
    "firing_rate",
    "sops_per_sample",
    "macs_per_sample",
    "energy_per_sample_j",
    "train_seconds",
    "evolution_seconds",
)

_POLL_SECONDS = 0.1
# What does not decide the outcome of a run.
_NOT_SETTINGS = ("out", "threads", "download", "tensorboard")


@dataclass(frozen=True)
class Plan:
    """One run that is to be made.

    Attributes
    ----------
    method : str
    sparsity : float
        The one asked for; 0 for the fully connected network.
    config : RunConfig
        With its seed and folder.
    """

    method: str
    sparsity: float
    config: RunConfig

    @property
    def name(self) -> str:
        """What the run is called while it goes on."""
        share = f" {exactly(self.sparsity)}" if self.sparsity else ""
        return f"{self.method}{share}, seed {self.config.seed}"


def plan_runs(
    base: RunConfig, methods: Sequence[str], sparsities: Sequence[float], seeds: Sequence[int]
) -> list[Plan]:
    """Return the runs of a comparison, each with a folder of its own below `base.out`.

    Parameters
    ----------
    base : RunConfig
        What all runs share.
    methods : sequence of str
        Of :data:`chsnn.lab.methods.METHODS`.
    sparsities : sequence of float
        The fully connected network runs once per seed, whatever they are.
    seeds : sequence of int

    Raises
    ------
    ValueError
        If there is nothing to run, something is named twice, or a setting is out of range.

    Examples
    --------
    >>> [plan.name for plan in plan_runs(RunConfig(), ["fully connected", "SET"], [0.9], [0, 1])]
    ['fully connected, seed 0', 'SET 0.9, seed 0', 'fully connected, seed 1', 'SET 0.9, seed 1']
    """
    for name, values in (("methods", methods), ("sparsities", sparsities), ("seeds", seeds)):
        if not values or len(set(values)) < len(values):
            raise ValueError(f"{name} must name at least one, and none twice; got {list(values)}")
    if base.layer_sparsities:
        raise ValueError(
            "layer_sparsities must be left out of a comparison, which has sparsities of its own; "
            f"got {list(base.layer_sparsities)}"
        )
    plans = []
    for seed in seeds:
        for method in methods:
            for sparsity in [0.0] if method == FULLY_CONNECTED else sparsities:
                config = method_config(method, replace(base, seed=seed), sparsity)
                folder = folder_of_run(base.out, method, sparsity, seed)
                plans.append(Plan(method, sparsity, replace(config, out=folder)))
    return plans


def run_plans(
    plans: Sequence[Plan], folder: Path, *, processes: int = 1, progress: bool = True
) -> list[dict[str, Any]]:
    """Make the runs that are not finished yet; write rows, table and figure after each.

    Parameters
    ----------
    plans : sequence of Plan
    folder : Path
        Where `comparison.json`, `comparison.md` and `comparison.png` go.
    processes : int
        How many runs at a time, each in a process of its own if there are several. The threads
        are shared out among them, unless the configuration names a number: many small runs are
        quicker side by side.
    progress : bool

    Returns
    -------
    list of dict
        A row per run: method, sparsity, seed, measurements.

    Raises
    ------
    ValueError
        If `folder` cannot be written, or another process does so, or a run folder holds a run
        with other settings or a damaged report; nothing has been changed then. If a run fails;
        the others are stopped, and all can go on from where they are.
    """
    check_writable(folder)
    with folder_lock(folder):
        remove_temporary(folder)
        return _run_plans(plans, folder, processes, progress)


def _run_plans(
    plans: Sequence[Plan], folder: Path, processes: int, progress: bool
) -> list[dict[str, Any]]:
    for plan in plans:
        _check_folder(plan.config)
    finished = {plan: row for plan in plans if (row := _finished(plan)) is not None}
    waiting = [plan for plan in plans if plan not in finished]
    bar = tqdm(
        total=len(plans), initial=len(finished), desc="runs", disable=None if progress else True
    )
    with bar:
        for plan, row in _rows(waiting, processes, progress):
            finished[plan] = row
            _write([finished[p] for p in plans if p in finished], folder)
            bar.set_postfix_str(plan.name)
            bar.update()
    rows = [finished[plan] for plan in plans]
    _write(rows, folder)
    return rows


def _rows(
    plans: Sequence[Plan], processes: int, progress: bool
) -> Iterable[tuple[Plan, dict[str, Any]]]:
    """Yield each run's row as it ends."""
    if processes == 1:
        for plan in plans:
            document = Experiment.prepare(plan.config).run(resume=True, progress=progress)
            yield plan, _row(plan, document)
        return
    waiting = list(plans)
    running: list[_Process] = []
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                running.append(_Process(waiting.pop(0), max(1, (os.cpu_count() or 1) // processes)))
            for process in [p for p in running if p.has_ended()]:
                running.remove(process)
                yield process.plan, process.row()
            time.sleep(_POLL_SECONDS)
    finally:
        # After a failure or Ctrl-C: what they have finished is in their folders.
        for process in running:
            process.stop()


class _Process:
    """A run in a process of its own: the command ``chsnn resume`` on the run's folder.

    It ends with this process, however that ends: see :mod:`chsnn.lab.tied`.
    """

    def __init__(self, plan: Plan, threads: int) -> None:
        self.plan = plan
        _put_config(plan.config)
        share = str(plan.config.threads or threads)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  closed by row() or stop()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "chsnn.lab.tied", "resume", str(plan.config.out)],
            env={**os.environ, "OMP_NUM_THREADS": share, "NUMBA_NUM_THREADS": share},
            stdin=subprocess.PIPE,  # its other end closes when this process ends
            stdout=subprocess.DEVNULL,
            stderr=self._said,
        )

    def has_ended(self) -> bool:
        """Whether the process is over."""
        return self._process.poll() is not None

    def row(self) -> dict[str, Any]:
        """Return the row of a run that has ended.

        Raises
        ------
        ValueError
            If it failed, with the last line it said.
        """
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip().splitlines()
        self._close()
        if self._process.returncode != 0:
            reason = said[-1] if said else f"exit status {self._process.returncode}"
            raise ValueError(f"the run {self.plan.name!r} failed: {reason}")
        row = _finished(self.plan)
        assert row is not None
        return row

    def stop(self) -> None:
        """End the process, which loses at most the epoch it is in."""
        self._process.terminate()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        self._said.close()
        if self._process.stdin is not None:
            self._process.stdin.close()


def _row(plan: Plan, document: dict[str, Any]) -> dict[str, Any]:
    head = {"method": plan.method, "sparsity": plan.sparsity, "seed": plan.config.seed}
    shape = {key: document[key] for key in ("data", "network", "timesteps", "epochs")}
    measures = {name: document[name] for name in _MEASURES}
    return {**head, **shape, **measures, "settings": settings_of(plan.config)}


def _check_folder(config: RunConfig) -> None:
    path = config.out / CONFIG
    if path.is_file() and settings_of(RunConfig.read(path, out=config.out)) != settings_of(config):
        raise ValueError(
            f"out must be a new folder or that of the same comparison; {config.out} holds a run "
            "with other settings, nothing was changed"
        )


def _put_config(config: RunConfig) -> None:
    """Write the settings of a run into its folder, where it may go on."""
    path = config.out / CONFIG
    with writing(config.out):
        run = RunIdentity.read(read_run(path)) if path.is_file() else None
        config.write(path, run=None if run is None else run.to_dict())


def settings_of(config: RunConfig) -> dict[str, Any]:
    """Return what decides the outcome of a run, as its row has it."""
    return {k: v for k, v in config.to_dict().items() if k not in _NOT_SETTINGS}


def _finished(plan: Plan) -> dict[str, Any] | None:
    """Return the row of a run that is finished, None of another.

    Raises
    ------
    ValueError
        If its report is damaged or of another run.
    """
    path = plan.config.out / REPORT
    if not path.is_file():
        return None
    check_run(plan.config.out, plan.config)
    try:
        return _row(plan, json.loads(path.read_text(encoding="utf-8")))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(
            f"{path} is not a complete report: {reason}; remove it, and the run is measured again"
        ) from error


def _write(rows: list[dict[str, Any]], folder: Path) -> None:
    write_atomically(folder / ROWS, (json.dumps(rows, indent=1) + "\n").encode())
    write_atomically(folder / TABLE, table(rows).encode())
    save_figure(plotting.method_dots(summarize(rows)), folder / FIGURE)
    write_comparison_page(folder)
