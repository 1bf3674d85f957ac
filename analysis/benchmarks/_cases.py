"""Runs the cases of a benchmark, each in a process of its own: so is its peak memory."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import tyro

from analysis.benchmarks._rows import Row, table, write_json


@dataclass(frozen=True)
class Arguments:
    """Measure and print a Markdown table."""

    quick: bool = False
    """Small cases and few repeats, under 30 seconds."""
    json: Path | None = None
    """File for the rows."""
    case: str | None = None
    """Run one case in this process and print its rows as JSON."""
    repeats: int = 7
    """Counted repeats; the median is shown."""


Case = Callable[[Arguments], list[Row]]


def run_cases(
    module: str,
    cases: Mapping[str, Case],
    *,
    quick: Collection[str],
    start: Callable[[], None] = lambda: None,
    show: Callable[[list[Row]], str] = table,
) -> None:
    """Run the cases one after the other and print their rows as a table.

    Parameters
    ----------
    module : str
        Name of the benchmark's module below analysis.benchmarks.
    cases : mapping of str to callable
        A case returns its rows; none if what it needs is not here.
    quick : collection of str
        The cases of ``--quick``.
    start : callable
        Called first in every case's process.
    show : callable
        Returns the rows as a Markdown table.
    """
    program = f"analysis.benchmarks.{module}"
    arguments = tyro.cli(Arguments, prog=f"python -m {program}")
    if arguments.case is not None:
        start()
        print(json.dumps([row.__dict__ for row in cases[arguments.case](arguments)]))
        return
    names = [name for name in cases if not arguments.quick or name in quick]
    rows = list(
        itertools.chain.from_iterable(_in_own_process(program, name, arguments) for name in names)
    )
    print(show(rows))
    if arguments.json is not None:
        write_json(arguments.json, rows)


def _in_own_process(program: str, name: str, arguments: Arguments) -> list[Row]:
    repeats = 3 if arguments.quick else arguments.repeats
    command = [sys.executable, "-m", program, "--case", name, "--repeats", str(repeats)]
    command += ["--quick"] if arguments.quick else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    rows = [Row(**row) for row in json.loads(done.stdout)]
    if not rows:
        print(f"{name}: skipped, CHSNN_DATA names no folder with its data")
    return rows
