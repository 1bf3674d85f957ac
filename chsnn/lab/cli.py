"""The command line: ``chsnn train | resume | compare | evaluate | energy | export | report``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from chgraph.checks import check_positive_int
from chgraph.command_line import INTERRUPTED, fail, parse_arguments, print_result, said
from chgraph.plotting import save_figure
from chsnn import stp
from chsnn.energy import HARDWARE, estimate_energy
from chsnn.evaluation import evaluate
from chsnn.evolution import Evolution
from chsnn.export import to_nir, to_npz
from chsnn.hardware import as_hardware
from chsnn.lab import plotting
from chsnn.lab.comparison import plan_runs, run_plans
from chsnn.lab.config import NeuronConfig, RewiringName, RunConfig
from chsnn.lab.experiment import (
    Experiment,
    config_to_resume,
    load_for,
    open_run,
    read_config,
)
from chsnn.lab.folder import BASELINE, CONFIG, PAGE, ROWS, check_free
from chsnn.lab.following import follow, lead
from chsnn.lab.methods import FULLY_CONNECTED, METHODS
from chsnn.lab.networks import Network, check_links
from chsnn.lab.page import write_comparison_page, write_run_page
from chsnn.lab.report import summary
from chsnn.lab.summaries import table
from chsnn.ranks import is_first_process, launched_ranks
from chsnn.training import CHECKPOINT, TrainingDiverged

_METHODS = (
    "Methods by name. " + ". ".join(f"{n}: {m.description}" for n, m in METHODS.items()) + "."
)


@dataclass(frozen=True)
class Train(RunConfig):
    """Train a sparse spiking network beside its fully connected twin.

    Example: chsnn train --data digits --sparsity 0.95 --hidden 512 512 --out runs/demo
    """

    config: Path | None = None
    """TOML file with any of these settings; flags override it."""
    force: bool = False
    """Replace an earlier run in the folder."""
    json: bool = False
    """Print the report as JSON instead of a summary."""

    def execute(self) -> None:
        """Run the command."""
        if not self.force:
            check_free(self.out)
        experiment = Experiment.prepare(RunConfig(**_shared(self)))
        _run(experiment, overwrite=self.force, json=self.json)


@dataclass(frozen=True)
class Resume:
    """Go on with a run that was interrupted, to the result it would have had.

    Example: chsnn resume runs/demo
    """

    run: tyro.conf.Positional[Path]
    """The run folder."""
    json: bool = False
    """Print the report as JSON instead of a summary."""

    def execute(self) -> None:
        """Run the command."""
        experiment = Experiment.prepare(config_to_resume(self.run))
        _run(experiment, resume=True, json=self.json)


@dataclass(frozen=True)
class Compare(RunConfig):
    """Train several methods at several sparsities from several seeds; end with one table.

    Run the same command again to go on after Ctrl-C. Example: chsnn compare --data digits
    --methods "fully connected" CH-SNN SET RigL --sparsities 0.9 0.95 --seeds 0 1 --out runs/all
    """

    # What the comparison itself decides is not a flag of it.
    sparsity: tyro.conf.Suppress[float] = 0.95
    seed: tyro.conf.Suppress[int] = 0
    baseline: tyro.conf.Suppress[bool] = False
    rewiring: tyro.conf.Suppress[RewiringName] = "evolution"
    methods: Annotated[tuple[str, ...], tyro.conf.arg(help=_METHODS)] = (
        FULLY_CONNECTED,
        "CH-SNN",
        "SET",
        "RigL",
    )
    sparsities: tuple[float, ...] = (0.95,)
    """Fractions of absent links of every layer but the output layer, at the end."""
    seeds: tuple[int, ...] = (0,)
    """Seeds; each method runs once per seed and sparsity."""
    processes: int = 1
    """Runs at a time, which share the threads out among them."""
    config: Path | None = None
    """TOML file with the settings that all runs share; flags override it."""
    json: bool = False
    """Print the rows as JSON instead of a table."""

    def execute(self) -> None:
        """Run the command."""
        check_positive_int("processes", self.processes)
        base = RunConfig(**_shared(self))
        plans = plan_runs(base, self.methods, self.sparsities, self.seeds)
        data = load_for(base)
        for plan in plans:
            check_links(plan.config, data)
        try:
            rows = run_plans(plans, base.out, processes=self.processes)
        except KeyboardInterrupt:
            fail("chsnn", "interrupted; the same command goes on from here", INTERRUPTED)
        text = f"{table(rows)}\ntable, rows and picture: {base.out}; page: {base.out / PAGE}"
        print_result(rows, text, json=self.json)


@dataclass(frozen=True)
class Evaluate:
    """Measure the best network of a run on the test set.

    Example: chsnn evaluate runs/demo
    """

    run: tyro.conf.Positional[Path]
    """The run folder."""
    json: bool = False
    """Print JSON."""

    def execute(self) -> None:
        """Run the command."""
        config, network = open_run(self.run)
        accuracy = evaluate(network, load_for(config).test, seed=config.seed)
        document = {"run": str(self.run), "data": config.data, "accuracy": accuracy}
        print_result(document, f"test accuracy {accuracy:.2%}", json=self.json)


@dataclass(frozen=True)
class Energy:
    """Estimate synaptic operations and energy of a run's network on the test set.

    Example: chsnn energy runs/demo --hardware Loihi --compare runs/demo/baseline --plot energy.png
    """

    run: tyro.conf.Positional[Path]
    """The run folder."""
    hardware: Annotated[
        str, tyro.conf.arg(help=f"Chip or process: {', '.join(HARDWARE)}; or a TOML file.")
    ] = "ANP-I"
    compare: Path | None = None
    """Another run folder, or the baseline/ of this one: measured on the same samples."""
    per_sample: bool = False
    """Run samples one by one, for what single samples cost."""
    per_step: bool = False
    """Tell the time steps apart."""
    csv: Path | None = None
    """File for a row per layer."""
    plot: Path | None = None
    """File for a picture: operations layer by layer."""
    json: bool = False
    """Print JSON."""

    def execute(self) -> None:
        """Run the command."""
        chip = as_hardware(self.hardware)
        config, network = open_run(self.run)
        test = load_for(config).test
        other = None if self.compare is None else _comparable(self.compare, config)
        result = estimate_energy(
            network,
            test,
            hardware=chip,
            baseline=other,
            per_sample=self.per_sample,
            timesteps=config.timesteps if self.per_step else None,
            seed=config.seed,
        )
        if self.csv is not None:
            result.write_csv(self.csv)
        if self.plot is not None:
            save_figure(plotting.operations_by_layer(result), self.plot)
        print_result(result.to_dict(), f"{result}\nsource: {chip.source}", json=self.json)


@dataclass(frozen=True)
class Export:
    """Write a run's network for simulators and chips: as a NIR graph, or as arrays of links.

    Example: chsnn export runs/demo --to nir
    """

    run: tyro.conf.Positional[Path]
    """The run folder."""
    to: Literal["nir", "npz"] = "nir"
    """Format: NIR (extra nir), or arrays of links, thresholds and leaks (docs/formats.md)."""
    out: Path | None = None
    """The file; network.nir or network.npz in the run folder by default."""
    json: bool = False
    """Print JSON."""

    def execute(self) -> None:
        """Run the command."""
        config, network = open_run(self.run)
        path = self.run / f"network.{self.to}" if self.out is None else self.out
        if self.to == "nir":
            to_nir(network, path)
        else:
            to_npz(network, path)
        document = {"run": str(self.run), "format": self.to, "file": str(path)}
        document |= {"encoding": config.encoding, "timesteps": str(config.timesteps)}
        print_result(document, f"{path}", json=self.json)


@dataclass(frozen=True)
class Report:
    """Write the page of a run or a comparison again, from what its folder holds.

    Example: chsnn report runs/demo
    """

    run: tyro.conf.Positional[Path]
    """The folder of a run, finished or not, or of a comparison."""
    out: Path | None = None
    """The file; report.html in the folder by default."""
    json: bool = False
    """Print JSON."""

    def execute(self) -> None:
        """Run the command."""
        is_comparison = (self.run / ROWS).is_file() and not (self.run / CONFIG).is_file()
        write = write_comparison_page if is_comparison else write_run_page
        path = write(self.run, self.out)
        print_result({"run": str(self.run), "file": str(path)}, f"{path}", json=self.json)


def _comparable(folder: Path, config: RunConfig) -> Network:
    """Return the network of a run, or the twin of one, on the same data."""
    is_twin = folder.name == BASELINE and not (folder / CONFIG).is_file()
    run = folder.parent if is_twin else folder
    theirs = read_config(run)
    for name in ("data", "pool", "binary", "timesteps"):
        mine, other = getattr(config, name), getattr(theirs, name)
        if mine != other:
            raise ValueError(
                f"compare must be a run on the same samples: {name} is {other!r} in {folder} and "
                f"{mine!r} here"
            )
    return open_run(run, baseline=is_twin)[1]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; exits with 2 and one line on bad input."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not is_first_process():
        _train_along(arguments)
        return
    try:
        command = _parse(arguments)
        _check_alone(command)
        command.execute()
    except (ValueError, TypeError, ImportError, TrainingDiverged) as error:
        fail("chsnn", str(error), 2)
    except OSError as error:  # a full disk, a folder that cannot be written, a missing file
        kept = "" if error.strerror is None else "; what was finished before is still there"
        fail("chsnn", said(error) + kept, 2)
    except KeyboardInterrupt:
        fail("chsnn", "interrupted", INTERRUPTED)


def _train_along(arguments: list[str]) -> None:
    """Do the part of a rank that is not the first of those that torchrun started.

    What is wrong with the arguments is said by the first one.
    """
    try:
        command, ranks = _parse(arguments), launched_ranks()
        if not isinstance(command, Train | Resume) or ranks is None:
            return
    except ValueError:
        raise SystemExit(2) from None
    try:
        follow(ranks)
    except (RuntimeError, ValueError, TypeError) as error:
        fail("chsnn", f"rank {ranks.rank}: {error}", 1)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _check_alone(command: Any) -> None:
    """Raise ValueError if torchrun started a command that is one process's own."""
    if not isinstance(command, Train | Resume) and launched_ranks() is not None:
        raise ValueError(
            "torchrun is for train and resume alone; start this command without it (compare has "
            "--processes)"
        )


def _parse(arguments: list[str]) -> Any:
    defaults = _settings(arguments)
    train = tyro.conf.subcommand("train", default=Train(**defaults))
    compare = tyro.conf.subcommand("compare", default=Compare(**defaults))
    return parse_arguments(
        Annotated[Train, train]
        | Annotated[Resume, tyro.conf.subcommand("resume")]
        | Annotated[Compare, compare]
        | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
        | Annotated[Energy, tyro.conf.subcommand("energy")]
        | Annotated[Export, tyro.conf.subcommand("export")]
        | Annotated[Report, tyro.conf.subcommand("report")],
        arguments,
        program="chsnn",
        description="Ultra-sparse spiking networks that rewire themselves.",
    )


def _settings(arguments: list[str]) -> dict[str, Any]:
    """Return the flags' defaults: of the --config file, or as published for S-TP."""
    if (path := _value_of("--config", arguments)) is not None:
        return _shared(RunConfig.read(Path(path)))
    if _value_of("--learning", arguments) == "s-tp":
        neuron = NeuronConfig(**stp.NEURON)
        return {**stp.TRAINING, "neuron": neuron, "evolution": Evolution(zeta=stp.ZETA)}
    return {}


def _value_of(flag: str, arguments: list[str]) -> str | None:
    """Return what a flag is given, before anything is parsed; None without it."""
    for i, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == flag:
            return value or (arguments[i + 1] if i + 1 < len(arguments) else "")
    return None


def _shared(config: RunConfig) -> dict[str, Any]:
    """Return the fields that make a run, without those that a command adds."""
    return {f.name: getattr(config, f.name) for f in fields(RunConfig)}


def _run(
    experiment: Experiment, *, json: bool, resume: bool = False, overwrite: bool = False
) -> None:
    folder = experiment.config.out
    lead(experiment.config)
    try:
        document = experiment.run(resume=resume, overwrite=overwrite)
    except KeyboardInterrupt:
        saved = f"the last finished epoch is in {folder / CHECKPOINT}; go on with"
        if not (folder / CHECKPOINT).is_file():
            saved = "nothing had been trained yet; start again with"
        fail("chsnn", f"interrupted; {saved}: chsnn resume {folder}", INTERRUPTED)
    except TrainingDiverged as error:
        raise TrainingDiverged(f"{error}; what was finished is in {folder}") from error
    print_result(
        document,
        f"{summary(document)}\nreport and pictures: {folder}; page: {folder / PAGE}",
        json=json,
    )


if __name__ == "__main__":
    main()
