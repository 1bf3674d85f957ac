"""Parts of campaigns in a process of their own, with little memory: it may end in any way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from tests.faults.counting import Count, limit_memory

ROOT = Path(__file__).parents[2]


def counted(
    module: str, n: int, seed: int, *, name: str, timeout: float = 1200.0, **environment: str
) -> Count:
    """Run ``python -m module n seed`` and return what it counts; its death is a failure."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", module, str(n), str(seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    last = (done.stdout.strip().splitlines() or [""])[-1]
    try:
        return Count(**json.loads(last))
    except (TypeError, ValueError):
        count = Count(name)
        said = " ".join(done.stderr.split())[-300:]
        count.fail(f"the process ended with {done.returncode}: {last[-200:]} {said}")
        return count


def main(campaign: Callable[[int, int], Count], gigabytes: float) -> None:
    """Run a campaign in this process and print its count as JSON, as :func:`counted` reads it."""
    limit_memory(gigabytes)
    count = campaign(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write("\n" + json.dumps(asdict(count)) + "\n")
