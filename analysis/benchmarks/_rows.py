"""Rows of a benchmark: what was measured, ours, the peer, their ratio, memory."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from chgraph.storage import write_atomically


@dataclass(frozen=True)
class Row:
    """One measured line.

    Attributes
    ----------
    what : str
    ours : float
        Median seconds (or the figure that `unit` names).
    peer : float or None
        The same of the peer.
    peer_name : str
    memory_mb : float or None
        Peak memory of the process that measured ours.
    note : str
    unit : str
    """

    what: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    memory_mb: float | None = None
    note: str = ""
    unit: str = "s"

    @property
    def ratio(self) -> float | None:
        """Peer over ours: how many times ours is faster."""
        return None if self.peer is None else self.peer / self.ours


def median_seconds(call: Callable[[], Any], repeats: int) -> float:
    """Return the median seconds of `repeats` calls, after one that is not counted."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return median(times)


def seconds_once(call: Callable[[], Any]) -> float:
    """Return the seconds of a single call: of what takes too long to repeat."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def paired_seconds(
    ours: Callable[[], Any], peer: Callable[[], Any], repeats: int
) -> tuple[float, float]:
    """Return median seconds of ours and of the peer, the peer's scaled by the paired ratio."""
    for call in (ours, peer, ours, ours):
        call()
    mine, ratios = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        peer()
        middle = time.perf_counter()
        for _ in range(3):
            ours()
        seconds = (time.perf_counter() - middle) / 3
        mine.append(seconds)
        ratios.append((middle - start) / seconds)
    return median(mine), median(mine) * median(ratios)


def peak_memory_mb() -> float:
    """Return the peak memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000.0


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | ours | peer | ratio | memory | |", "|---|---|---|---|---|---|"]
    for row in rows:
        peer = "" if row.peer is None else f"{_figure(row.peer, row.unit)} ({row.peer_name})"
        ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
        memory = "" if row.memory_mb is None else f"{row.memory_mb:,.0f} MB"
        lines.append(
            f"| {row.what} | {_figure(row.ours, row.unit)} | {peer} | {ratio} | {memory} "
            f"| {row.note} |"
        )
    return "\n".join(lines) + "\n"


def write_json(path: Path, rows: list[Row]) -> Path:
    """Write the rows, ratios included, atomically."""
    document = [{**asdict(row), "ratio": row.ratio} for row in rows]
    return write_atomically(path, (json.dumps(document, indent=1) + "\n").encode())


def _figure(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:.4g} {unit}".strip()
    return f"{value:.2f} s" if value >= 1.0 else f"{1000 * value:.3g} ms"
