"""The command line: ``chgraph predict | evaluate | metrics | warm-up``."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from chgraph import plotting
from chgraph.bipartite import BipartiteGraph
from chgraph.checks import check_count
from chgraph.command_line import INTERRUPTED, fail, parse_arguments, print_result, said
from chgraph.extras import import_extra
from chgraph.files import read_network
from chgraph.graph import GraphInputWarning
from chgraph.linkpred.evaluation import evaluate
from chgraph.linkpred.predict import predict_links
from chgraph.metrics.report import summary
from chgraph.monopartite import Graph
from chgraph.threads import thread_limit
from chgraph.warming import warm_up

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from chgraph.linkpred.evaluation import Evaluation
    from chgraph.linkpred.prediction import LinkPrediction

_TABLES = (".csv", ".json")
_PICTURES = (".png", ".pdf", ".svg")
_HEADER = {"auto": None, "yes": True, "no": False}


@dataclass(frozen=True)
class _NetworkCommand:
    """What the commands on a network file have in common."""

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE")]
    """Edge list, matrix as text, .mtx, .npz, .graphml, .gexf, .gml, .net, .sif; also packed."""
    bipartite: bool = False
    """Two kinds of node: first column left, second column right."""
    header: Literal["auto", "yes", "no"] = "auto"
    """Whether the first line of an edge list names its columns."""
    source: int | str | None = None
    """Column of an edge list with the first (left) end of a link: its name, or number from 1."""
    target: int | str | None = None
    """Column with the other end."""
    ignore_directions: bool = False
    """Read a directed network as undirected."""
    threads: int | None = None
    """At most this many threads."""
    out: Path | None = None
    """File for the result, .csv or .json; one that exists is replaced."""
    plot: Path | None = None
    """File for a picture, .png, .pdf or .svg."""
    json: bool = False
    """Print JSON instead of a table."""

    def network(self) -> Graph | BipartiteGraph:
        """Read FILE, once the names of the files to write are known to be good."""
        _check_target("--out", self.out, _TABLES, self.file)
        _check_target("--plot", self.plot, _PICTURES, self.file)
        if self.plot is not None:  # before the work, not after it
            import_extra("matplotlib.figure", extra="viz", used_by="--plot")
        return read_network(
            self.file,
            bipartite=self.bipartite or None,
            header=_HEADER[self.header],
            source=self.source,
            target=self.target,
            ignore_directions=self.ignore_directions,
        )

    def deliver(self, result: Any, document: dict[str, Any], draw: Callable[[Figure], Any]) -> None:
        """Write the result, print it or the document as JSON, and only then make the picture."""
        text = str(result)
        if self.out is not None:
            write = result.to_csv if self.out.suffix.lower() == ".csv" else result.to_json
            write(self.out)
            text += f"\nwritten: {self.out}"
        print_result(document, text, json=self.json)
        if self.plot is not None:
            _save_picture(draw, self.plot)
            if not self.json:
                print_result(None, f"written: {self.plot}", json=False)


@dataclass(frozen=True)
class Predict(_NetworkCommand):
    """Rank the missing links of a network, likeliest first.

    Example: chgraph predict yeast.csv --method CH3-L3 --k 1000 --out links.csv
    """

    method: str = "CH3-L3"
    """Rule that scores the pairs: CH3-L3, CH2-L2, RA-L3, CHA, CN, ..."""
    k: int | Literal["all"] = 100
    """How many links; all: every pair with a score above 0."""
    local_community: str = "all"
    """Links that count as internal: all of the local community, or on-path only."""
    tie_break: str = "index"
    """Order of equal scores: by index, or by SPcorr."""

    def execute(self) -> None:
        """Run the command."""
        if self.k != "all" and self.k < 1:
            raise ValueError(f"--k must be at least 1, or all; got {self.k}")
        graph = self.network()
        prediction = predict_links(
            graph,
            None if self.k == "all" else self.k,
            method=self.method,
            tie_break=self.tie_break,
            local_community=self.local_community,
            n_threads=self.threads,
        )
        self.deliver(
            prediction,
            prediction.to_dict(),
            lambda figure: _draw_prediction(graph, prediction, figure),
        )


@dataclass(frozen=True)
class Evaluate(_NetworkCommand):
    """Measure how well methods find links that were removed from a network.

    Example: chgraph evaluate yeast.csv --methods CH3-L3 RA-L3 CN --repeats 10 --plot yeast.png
    """

    methods: tuple[str, ...] = ("CH3-L3", "CH2-L3", "RA-L3")
    """Rules to compare."""
    removed: float = 0.1
    """Fraction of the links to remove in each repeat."""
    repeats: int = 10
    """How often to remove links anew."""
    connected: bool = False
    """Remove no link that would split a connected component."""
    seed: int = 0
    """Seed of the choice of links; the same seed gives the same table."""

    def execute(self) -> None:
        """Run the command."""
        check_count("seed", self.seed)
        result = evaluate(
            self.network(),
            methods=self.methods,
            removed=self.removed,
            repeats=self.repeats,
            connected=self.connected,
            rng=self.seed,
            n_threads=self.threads,
        )
        self.deliver(result, result.to_dict(), lambda figure: _draw_evaluation(result, figure))


@dataclass(frozen=True)
class Metrics(_NetworkCommand):
    """Measure a network: distances, clustering, communities, degrees and more.

    The picture is the degree distribution with the power law fitted to it.

    Example: chgraph metrics yeast.csv --cost all --json --plot degrees.png
    """

    cost: Literal["fast", "all"] = "fast"
    """Whether to leave out measures that compare with many random graphs or samples."""
    seed: int = 0
    """Seed of the measures found by chance; the same seed gives the same table."""

    def execute(self) -> None:
        """Run the command."""
        check_count("seed", self.seed)
        graph = self.network()
        with thread_limit(self.threads):
            result = summary(graph, cost=self.cost, rng=self.seed)
        self.deliver(result, result.document(), lambda figure: _draw_degrees(graph, figure))


@dataclass(frozen=True)
class WarmUp:
    """Compile all kernels now, and keep them on disk: later calls do not wait for it.

    Example: chgraph warm-up
    """

    json: bool = False
    """Print JSON."""

    def execute(self) -> None:
        """Run the command."""
        seconds = warm_up()
        print_result({"seconds": seconds}, f"kernels ready after {seconds:.1f} s", json=self.json)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; exits with 2 and one line on bad input."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    with warnings.catch_warnings():
        warnings.simplefilter("always", GraphInputWarning)
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        try:
            _parse(arguments).execute()
        except OSError as error:  # a full disk, a folder that cannot be written, a missing file
            fail("chgraph", said(error), 2)
        except (ValueError, ImportError) as error:
            fail("chgraph", str(error), 2)
        except KeyboardInterrupt:
            fail("chgraph", "interrupted", INTERRUPTED)


def _parse(arguments: list[str]) -> Any:
    return parse_arguments(
        Annotated[Predict, tyro.conf.subcommand("predict"), tyro.conf.FlagCreatePairsOff]
        | Annotated[Evaluate, tyro.conf.subcommand("evaluate"), tyro.conf.FlagCreatePairsOff]
        | Annotated[Metrics, tyro.conf.subcommand("metrics"), tyro.conf.FlagCreatePairsOff]
        | Annotated[WarmUp, tyro.conf.subcommand("warm-up")],
        arguments,
        program="chgraph",
        description="Network science after Cannistraci-Hebb theory.",
    )


def _check_target(flag: str, path: Path | None, endings: Sequence[str], source: Path) -> None:
    if path is None:
        return
    if path.suffix.lower() not in endings:
        raise ValueError(f"{flag} must end in {' or '.join(endings)}, got {str(path)!r}")
    if path.exists() and source.exists() and path.samefile(source):
        raise ValueError(f"{flag} names FILE itself; it would be replaced")


def _draw_prediction(
    graph: Graph | BipartiteGraph, prediction: LinkPrediction, figure: Figure
) -> None:
    figure.set_size_inches(13.0, 7.0)
    network, ranks = figure.subplots(1, 2, width_ratios=(8, 5))
    plotting.predicted_links(graph, prediction, ax=network)
    plotting.ranked_links(prediction, ax=ranks)


def _draw_evaluation(result: Evaluation, figure: Figure) -> None:
    columns = len(result.methods) * len(result.measures)
    figure.set_size_inches(min(6.0 + 0.12 * columns, 24.0), 5.0)
    plotting.evaluation_points(result, ax=figure.subplots())


def _draw_degrees(graph: Graph | BipartiteGraph, figure: Figure) -> None:
    ax = figure.subplots()
    if not graph.is_bipartite:
        plotting.degree_distribution(graph, ax=ax)
        return
    for side, color in (("left", plotting.INK), ("right", plotting.PREDICTED_COLOR)):
        plotting.degree_distribution(graph, side=side, color=color, ax=ax)


def _save_picture(draw: Callable[[Figure], Any], path: Path) -> None:
    figure = import_extra("matplotlib.figure", extra="viz", used_by="--plot").Figure(
        figsize=(7.0, 6.0), layout="constrained"
    )
    draw(figure)
    plotting.save_figure(figure, path)


def _show_warning(message: Warning | str, *_: Any) -> None:
    sys.stderr.write(f"chgraph: warning: {' '.join(str(message).split())}\n")


if __name__ == "__main__":
    main()
