"""Damaged bytes at any place of a checkpoint and of a run folder: refused, or the same result."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np

from tests.faults.counting import Count, TooLong, at_most
from tests.faults.in_process import counted, main
from tests.faults.mutations import mutated

SECONDS, GIGABYTES = 20.0, 4.0
TRAIN = ["--hidden", "16", "--sparsity", "0.8", "--epochs", "2", "--timesteps", "2"]
TRAIN += ["--train-images", "200", "--batch-size", "50", "--threads", "1"]


def command(*arguments: str) -> tuple[int, str]:
    """Run ``chsnn`` here; return its exit status and what it said on standard error."""
    from chsnn.lab.cli import main as chsnn

    error, code = io.StringIO(), 0
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(error),
        warnings.catch_warnings(action="ignore"),
    ):
        try:
            chsnn(list(arguments))
        except SystemExit as stop:
            code = int(stop.code or 0)
    return code, error.getvalue()


def _checkpoints(count: Count, folder: Path, n: int, rng: np.random.Generator) -> None:
    """Read n damaged checkpoints; one that is read must hold what it held."""
    from chsnn.checkpoint import read_checkpoint

    whole = (folder / "checkpoint.safetensors").read_bytes()
    graphs = read_checkpoint(folder / "checkpoint.safetensors").restore_model().graphs
    path = folder / "damaged.safetensors"
    for i in range(n):
        path.write_bytes(mutated(whole, rng))
        try:
            with at_most(SECONDS):
                same = read_checkpoint(path).restore_model().graphs == graphs
        except ValueError:
            count.refuse()
        except (Exception, TooLong) as error:
            count.fail(f"checkpoint {i}: {type(error).__name__}: {str(error)[:150]}")
        else:
            count.check(same, f"checkpoint {i}: another model was read")
    path.unlink()


def _folders(count: Count, folder: Path, n: int, rng: np.random.Generator) -> None:
    """Evaluate and resume run folders with one damaged file."""
    place = folder.with_name("damaged")
    wanted = json.loads((folder / "report.json").read_text())["accuracy"]
    files = sorted(
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.suffix in (".toml", ".json", ".csv", ".safetensors")
    )
    for i in range(n):
        shutil.copytree(folder, place)
        name = files[i % len(files)]
        (place / name).unlink()
        (place / name).write_bytes(mutated((folder / name).read_bytes(), rng))
        what = f"{name} of folder {i}"
        for verb in ("evaluate", "resume"):
            try:
                with at_most(SECONDS):
                    code, said = command(verb, str(place), "--json")
            except (Exception, TooLong) as error:
                count.fail(f"{verb}, {what}: {type(error).__name__}: {str(error)[:150]}")
                continue
            if code == 2 and said.count("\n") == 1:
                count.refuse()
            elif code or verb == "evaluate":
                count.check(code == 0, f"{verb}, {what}: exit status {code}: {said[-200:]}")
            else:
                found = json.loads((place / "report.json").read_text())
                right = found["accuracy"] == wanted or bool(found["changes"])
                count.check(right, f"{what}: another accuracy")
        shutil.rmtree(place)


def trials(n: int, seed: int) -> Count:
    """Try n damaged checkpoints and a fiftieth as many damaged run folders."""
    count, rng = Count("damaged checkpoints, run folders"), np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "run")
        code, said = command("train", *TRAIN, "--out", str(folder))
        if code:
            raise RuntimeError(said)
        _checkpoints(count, folder, n, rng)
        _folders(count, folder, n // 50, rng)
    return count


def campaign(n: int, seed: int) -> Count:
    """Try them in a process with a bound on its memory."""
    return counted("tests.faults.checkpoints", n, seed, name="damaged checkpoints, run folders")


if __name__ == "__main__":
    main(trials, GIGABYTES)
