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
    """Return the rows as Markdown tables, one for every unit, which its header names.

    Columns without an entry are left out.
    """
    units = dict.fromkeys(row.unit for row in rows)
    return "\n".join(_table_of([row for row in rows if row.unit == unit]) for unit in units)


def _table_of(rows: list[Row]) -> str:
    """Return the table of rows of one unit; seconds are shown as milliseconds."""
    unit = "ms" if rows[0].unit == "s" else rows[0].unit
    of_unit = f" ({unit})" if unit else ""
    header = ["what", f"ours{of_unit}", f"peer{of_unit}", "peer", "peer / ours", "memory (MB)", ""]
    lines = [
        [
            row.what,
            figure(row.ours, row.unit),
            "" if row.peer is None else figure(row.peer, row.unit),
            "" if row.peer is None else row.peer_name,
            "" if row.ratio is None else figure(row.ratio, ""),
            "" if row.memory_mb is None else f"{row.memory_mb:,.0f}",
            row.note,
        ]
        for row in rows
    ]
    shown = [i for i in range(len(header)) if any(line[i] for line in lines)]
    rules = ["---"] * len(header)
    return "".join(
        "| " + " | ".join(cells[i] for i in shown) + " |\n" for cells in (header, rules, *lines)
    )


def write_json(path: Path, rows: list[Row]) -> Path:
    """Write the rows, ratios included, atomically."""
    document = [{**asdict(row), "ratio": row.ratio} for row in rows]
    return write_atomically(path, (json.dumps(document, indent=1) + "\n").encode())


def figure(value: float, unit: str = "s") -> str:
    """Return a number with three digits or more; seconds as milliseconds, without the unit."""
    shown = 1000 * value if unit == "s" else value
    return f"{shown:,.0f}" if abs(shown) >= 1000 else f"{shown:.3g}"
