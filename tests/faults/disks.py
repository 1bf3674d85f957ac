"""Full disks, folders that cannot be written, several writers, a clock that steps."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from chsnn.lab.folder import CONFIG, READY
from tests.faults.checkpoints import TRAIN, command
from tests.faults.counting import Count
from tests.faults.kills import _command, _server, result

ERRORS = (errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT, errno.EACCES)
_CALLS = ("fsync", "replace", "open")


@contextmanager
def failing_from(n: int, code: int, call: str, folder: Path) -> Iterator[None]:
    """Let the n-th and every later call fail that writes below a folder, as a full disk does."""
    real, seen = getattr(os, call), [0]

    def failing(first: Any, *arguments: Any, **options: Any) -> Any:
        concerns = call == "fsync" or str(first).startswith(str(folder))
        if call == "open":
            concerns = concerns and bool((arguments or (0,))[0] & (os.O_WRONLY | os.O_RDWR))
        if concerns:
            seen[0] += 1
            if seen[0] >= n:
                name = None if call == "fsync" else str(first)
                raise OSError(code, os.strerror(code), name)
        return real(first, *arguments, **options)

    with mock.patch.object(os, call, failing):
        yield


def full(n: int, seed: int) -> Count:
    """Let the disk fail at a random write of a run; when there is room the run goes on alike."""
    count, rng = Count("full and broken disks"), np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as place:
        straight = Path(place, "straight")
        command("train", *TRAIN, "--out", str(straight))
        wanted = result(straight)
        for i in range(n):
            folder = Path(place, str(i))
            at, code = int(rng.integers(1, 25)), int(rng.choice(ERRORS))
            call = _CALLS[int(rng.integers(len(_CALLS)))]
            what = f"{call} {at}, {errno.errorcode[code]}"
            try:
                with failing_from(at, code, call, folder):
                    status, said = command("train", *TRAIN, "--out", str(folder))
            except Exception as error:
                count.fail(f"{what}: {type(error).__name__}: {error}")
                continue
            if status not in (0, 2) or said.count("\n") > 1:
                count.fail(f"{what}: exit status {status}: {said[-200:]}")
                continue
            status, said = command(*_next(folder))
            left = [path.name for path in folder.rglob(".*")]
            same = status == 0 and result(folder) == wanted and not left
            count.check(same, f"{what}: {status} {said[-200:]} {left}")
    return count


def _next(folder: Path) -> list[str]:
    """Return what a user does after a failure: go on with what is there, or start."""
    is_there = any((folder / name).exists() for name in (CONFIG, READY))
    return ["resume", str(folder)] if is_there else ["train", *TRAIN, "--out", str(folder)]


def _small_files(arguments: list[str], most: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as Python does: an error of the write
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    _command(arguments)


def small(n: int, seed: int) -> Count:
    """Let no file grow beyond a size, by the system's own limit; then without it, alike."""
    count, rng = Count("files that may not grow"), np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as place:
        straight = Path(place, "straight")
        command("train", *TRAIN, "--out", str(straight))
        wanted = result(straight)
        for i in range(n):
            folder, most = Path(place, str(i)), int(rng.integers(1, 80_000))
            arguments = ["train", *TRAIN, "--out", str(folder)]
            process = _server().Process(target=_small_files, args=(arguments, most))
            process.start()
            process.join()
            status, said = command(*_next(folder))
            same = process.exitcode in (0, 2) and status == 0 and result(folder) == wanted
            count.check(same, f"{most} bytes: {process.exitcode}, then {status} {said[-200:]}")
    return count


def writers(n: int, seed: int) -> Count:
    """Start three trainings at a time in one folder: one result, that of one alone."""
    count = Count("several writers in one folder")
    with tempfile.TemporaryDirectory() as place:
        straight = Path(place, "straight")
        command("train", *TRAIN, "--out", str(straight))
        wanted = result(straight)
        for i in range(n):
            folder = Path(place, str(i))
            arguments = ["train", *TRAIN, "--out", str(folder)]
            processes = [_server().Process(target=_command, args=(arguments,)) for _ in range(3)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            codes = sorted(process.exitcode or 0 for process in processes)
            same = result(folder) == wanted
            count.check(
                codes == [0, 2, 2] and same, f"exit statuses {codes}, result as alone: {same}"
            )
            for _ in range(2):
                count.refuse()
    return count


def clocks(n: int, seed: int) -> Count:
    """Let the clock step by up to a year, either way, at every look: the same result."""
    count, rng = Count("a clock that steps"), np.random.default_rng(seed)
    real = time.time

    def stepping() -> float:
        return real() + float(rng.uniform(-3e7, 3e7))

    with tempfile.TemporaryDirectory() as place:
        straight = Path(place, "straight")
        command("train", *TRAIN, "--out", str(straight))
        wanted = result(straight)
        for i in range(n):
            folder = Path(place, str(i))
            with mock.patch.object(time, "time", stepping):
                status, said = command("train", *TRAIN, "--out", str(folder))
            report = json.loads((folder / "report.json").read_text())
            right = 0 <= report["train_seconds"] < 1000
            same = status == 0 and result(folder) == wanted and right
            count.check(same, f"{status} {said[-200:]} {report['train_seconds']} s")
    return count


def campaign(n: int, seed: int) -> Count:
    """Run n trials in all: most with disks that fail."""
    count = Count("disks, writers, clocks")
    share = max(1, n // 8)
    parts: list[Callable[[], Count]] = [
        lambda: full(max(1, n - 3 * share), seed),
        lambda: small(share, seed),
        lambda: writers(share, seed),
        lambda: clocks(share, seed),
    ]
    for part in parts:
        count.add(part())
    return count
