"""3FC, the shape of the paper's S-TP networks: sparse beside its trained twin, BPTT beside S-TP.

``python -m analysis.stp_3fc [--parts main sparsest nmnist digits_saccades]`` trains what is not
finished yet (run folders below ``--runs``) and writes stp_3fc.json (a row per run) and stp_3fc.md.
Files are read from the folder CHSNN_DATA names.

main             784-1568-1568-10 on MNIST as spikes, 94.6 % of all links absent
sparsest         the same with 98.4 % absent
nmnist           578-1156-1156-10 on real N-MNIST recordings, binary frames
digits_saccades  800-1600-1600-10 on digits in saccades, binary frames

Every sparse network has a twin of its own learning and seed: fully connected, trained as long.
Both are trained alike, but for a learning rate of their own. In "main" the first layer is sparser
than the second: its links gather on the bright pixels, where they cost most operations.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import tyro

from analysis._earlier import rows_in
from chgraph.storage import write_atomically
from chsnn.evolution import Evolution
from chsnn.lab.config import LearningName, NeuronConfig, RunConfig
from chsnn.lab.experiment import Experiment
from chsnn.lab.folder import REPORT

ROWS = "stp_3fc.json"
LEARNINGS: tuple[LearningName, ...] = ("bptt", "s-tp")
SPARSE, DENSE = "CH-SNN", "fully connected"

_MNIST = RunConfig(
    data="mnist",
    hidden=(1568, 1568),
    encoding="even",
    timesteps=8,
    epochs=10,
    batch_size=100,
    learning_rate=0.002,
    shift=1,
    select="last",
    baseline=False,
    neuron=NeuronConfig(surrogate="box", surrogate_alpha=0.5),
    evolution=Evolution(zeta=0.35, temperature=3.0),
)
_EVENTS = replace(
    _MNIST, encoding="none", binary=True, shift=0, timesteps=8, epochs=40, batch_size=32
)


@dataclass(frozen=True)
class Part:
    """A network on some data.

    Attributes
    ----------
    base : RunConfig
        Of the sparse network.
    dense_rate : float
        Learning rate of the twin.
    says : str
    """

    base: RunConfig
    dense_rate: float
    says: str

    def config(self, method: str, learning: LearningName, seed: int) -> RunConfig:
        """Return the configuration of a run, without its folder."""
        config = replace(self.base, learning=learning, seed=seed)
        if method == SPARSE:
            return config
        return replace(config.fully_connected(), learning_rate=self.dense_rate)


PARTS = {
    "main": Part(
        replace(_MNIST, layer_sparsities=(0.992, 0.929), learning_rate=0.006),
        0.002,
        "MNIST, 784-1568-1568-10, hidden layers 99.2 and 92.9 % sparse",
    ),
    "sparsest": Part(
        replace(_MNIST, sparsity=0.9885, learning_rate=0.006),
        0.002,
        "MNIST, 784-1568-1568-10, hidden layers 98.85 % sparse",
    ),
    "nmnist": Part(
        replace(_EVENTS, data="n-mnist", pool=2, hidden=(1156, 1156), sparsity=0.95),
        0.0005,
        "real N-MNIST, 917 training and 100 test recordings, 578-1156-1156-10, 95 % sparse",
    ),
    "digits_saccades": Part(
        replace(_EVENTS, data="digits-saccades", hidden=(1600, 1600), sparsity=0.95),
        0.0005,
        "digits in saccades, 1,257 training and 360 test recordings, 800-1600-1600-10, 95 % sparse",
    ),
}
# The twin of the sparsest network is that of "main".
_TWIN_OF = {"sparsest": "main"}


@dataclass(frozen=True)
class Arguments:
    """Train 3FC networks and write their table."""

    parts: tuple[str, ...] = tuple(PARTS)
    """Which networks."""
    learnings: tuple[LearningName, ...] = LEARNINGS
    """Ways of learning."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds, one run of everything each."""
    runs: Path = Path("runs/stp_3fc")
    """Folder of the run folders."""
    out: Path = Path("analysis/results")
    """Folder of rows and table."""


def run_folder(runs: Path, part: str, method: str, learning: str, seed: int) -> Path:
    """Return the folder of a run."""
    name = "sparse" if method == SPARSE else "dense"
    home = part if method == SPARSE else _TWIN_OF.get(part, part)
    return runs / home / learning / name / f"seed-{seed}"


def make(runs: Path, out: Path, part: str, learning: LearningName, seed: int) -> None:
    """Train a sparse network and its twin, if neither run folder nor table has them."""
    known = {_key(row) for row in rows_in(out / ROWS)}
    for method in (SPARSE, DENSE):
        home = part if method == SPARSE else _TWIN_OF.get(part, part)
        folder = run_folder(runs, part, method, learning, seed)
        if (home, learning, method, seed) not in known and not (folder / REPORT).is_file():
            config = PARTS[home].config(method, learning, seed)
            Experiment.prepare(replace(config, out=folder)).run(resume=folder.exists())


def _row(part: str, method: str, folder: Path) -> dict[str, Any]:
    report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    settings = RunConfig.read(folder / "config.toml").to_dict()
    settings.pop("out", None)
    return {"part": part, "method": method, **report, "settings": settings}


def rows_of(runs: Path, out: Path) -> list[dict[str, Any]]:
    """Return a row for every finished pair: of run folders, or of an earlier table's."""
    found = {_key(row): row for row in rows_in(out / ROWS)}
    for part in PARTS:
        for learning in LEARNINGS:
            for place in sorted((runs / part / learning / "sparse").glob("seed-*")):
                seed = int(place.name.removeprefix("seed-"))
                folder = run_folder(runs, part, DENSE, learning, seed)
                twin = found.get((_TWIN_OF.get(part, part), learning, DENSE, seed))
                if (folder / REPORT).is_file():
                    twin = _row(part, DENSE, folder)
                if twin is None or not (place / REPORT).is_file():
                    continue
                for row in (_row(part, SPARSE, place), {**twin, "part": part}):
                    ratio = twin["sops_per_sample"] / row["sops_per_sample"]
                    found[_key(row)] = {**row, "sop_ratio": ratio}
    order = {name: i for i, name in enumerate(PARTS)}
    return sorted(found.values(), key=lambda row: (order[row["part"]], *_key(row)[1:]))


def _key(row: dict[str, Any]) -> tuple[str, str, str, int]:
    return row["part"], row["learning"], row["method"], row["seed"]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return means over the seeds as Markdown tables, one per network."""
    text = ""
    for part, described in PARTS.items():
        mine = [row for row in rows if row["part"] == part]
        if not mine:
            continue
        text += (
            f"{described.says}, T = {described.base.timesteps}:\n\n"
            "| learning | network | test accuracy (%) | links absent (%) | firing rate (%) "
            "| SOPs a sample | twin's SOPs over these | spikes not learnt from (%) "
            "| updates skipped (%) | operations of learning over inference | training (s) "
            "| seeds |\n" + "|---" * 12 + "|\n"
        )
        for learning in LEARNINGS:
            for method in (DENSE, SPARSE):
                members = [
                    row for row in mine if (row["learning"], row["method"]) == (learning, method)
                ]
                text += _line(learning, method, members) if members else ""
        text += "\n"
    return text


def _line(learning: str, method: str, rows: Sequence[dict[str, Any]]) -> str:
    def mean(name: str, digits: int, scale: float = 1.0) -> str:
        values = [scale * row[name] for row in rows]
        spread = f" ± {stdev(values):,.{digits}f}" if len(values) > 1 else ""
        return f"{fmean(values):,.{digits}f}{spread}"

    learnt = [row["learnt"] for row in rows if row["learnt"] is not None]
    shares = ["", "", ""]
    if learnt:
        unused, skipped, share = (
            fmean(one[name] for one in learnt)
            for name in ("unused_spikes", "skipped_updates", "learning_share")
        )
        shares = [f"{100 * unused:.1f}", f"{100 * skipped:.1f}", f"{share:.2f}"]
    cells = [
        learning,
        method,
        mean("accuracy", 2, 100),
        mean("link_sparsity", 2, 100),
        mean("firing_rate", 2, 100),
        mean("sops_per_sample", 0),
        mean("sop_ratio", 1),
        *shares,
        mean("train_seconds", 0),
        str(len(rows)),
    ]
    return f"| {' | '.join(cells)} |\n"


def write_results(runs: Path, out: Path) -> str:
    """Write rows and tables of all finished pairs; return the tables."""
    rows = rows_of(runs, out)
    text = table(rows)
    write_atomically(out / ROWS, (json.dumps(rows, indent=1) + "\n").encode())
    write_atomically(out / "stp_3fc.md", text.encode())
    return text


def main() -> None:
    """Train what is asked for, print the tables, and write them."""
    arguments = tyro.cli(Arguments, prog="python -m analysis.stp_3fc")
    for seed in arguments.seeds:
        for part in arguments.parts:
            for learning in arguments.learnings:
                make(arguments.runs, arguments.out, part, learning, seed)
                write_results(arguments.runs, arguments.out)
    print(write_results(arguments.runs, arguments.out))


if __name__ == "__main__":
    main()
