"""The first answer: seconds of a call in a process of its own, before anything is compiled.

``python -m analysis.benchmarks.first_call [--json FILE]``. Every case is a fresh process with an
empty folder for compiled kernels, and then another one that finds it filled; a second call in the
first process shows what the work itself takes. Imports are told apart.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import tyro

from analysis.benchmarks._rows import Row, figure, write_json

_SETUP = """
import time
start = time.perf_counter()
import chgraph
imported = time.perf_counter()
import warnings, networkx, numpy
warnings.simplefilter("ignore")
karate = networkx.karate_club_graph()
network = networkx.gnm_random_graph(2000, 8000, seed=1)
links = numpy.random.default_rng(0).random((784, 1568)) < 0.01
layer = chgraph.BipartiteGraph.from_biadjacency(links)
def call():
    {call}
before = time.perf_counter()
call()
first = time.perf_counter()
call()
print(imported - start, first - before, time.perf_counter() - first)
"""
CALLS = {
    "predict_links(karate, k=10)": "chgraph.predict_links(karate, k=10)",
    'predict_links(karate, k=10, method="CHA")': (
        'chgraph.predict_links(karate, k=10, method="CHA")'
    ),
    "score_links(karate, pairs)": "chgraph.score_links(karate, [(0, 9), (2, 30)])",
    "metrics.summary(karate)": "chgraph.metrics.summary(karate, rng=0)",
    "predict_links, 2,000 nodes, 8,000 links, k=10": "chgraph.predict_links(network, k=10)",
    "metrics.summary, 2,000 nodes, 8,000 links": "chgraph.metrics.summary(network, rng=0)",
    "predict_links, layer 784 x 1568 at 1 %": "chgraph.predict_links(layer)",
}

NEXT, SECOND = "next process", "second call"


@dataclass(frozen=True)
class Arguments:
    """Measure first calls and print a Markdown table."""

    json: Path | None = None
    """File for the rows."""


def seconds(call: str, cache: Path) -> tuple[float, float, float]:
    """Return seconds of the import, of the first call and of a second one, in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", _SETUP.format(call=call)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    imported, first, second = map(float, done.stdout.split())
    return imported, first, second


def rows() -> list[Row]:
    """Return the first call beside the same one in a process after it, and beside a second one."""
    found = []
    for name, call in CALLS.items():
        with tempfile.TemporaryDirectory() as folder:
            imported, first, again = seconds(call, Path(folder))
            _, later, _ = seconds(call, Path(folder))
        note = f"import {imported:.2f} s"
        found += [Row(name, first, later, NEXT, note=note), Row(name, first, again, SECOND)]
    return found


def by_call(found: Collection[Row]) -> str:
    """Return a Markdown table of a line per call."""
    text = "| call | fresh process (ms) | next process (ms) | a second call (ms) |\n"
    text += "|---|---|---|---|\n"
    for name in dict.fromkeys(row.what for row in found):
        peers = {row.peer_name: row for row in found if row.what == name}
        cells = (peers[NEXT].ours, peers[NEXT].peer, peers[SECOND].peer)
        shown = " | ".join("" if cell is None else figure(cell) for cell in cells)
        text += f"| `{name}` | {shown} |\n"
    return text


def main() -> None:
    """Run the benchmark."""
    arguments = tyro.cli(Arguments, prog="python -m analysis.benchmarks.first_call")
    found = rows()
    print(by_call(found))
    if arguments.json is not None:
        write_json(arguments.json, found)


if __name__ == "__main__":
    main()
