"""networkx's own tests with the backend "chgraph", and how many of them our code really ran.

``python -m analysis.networkx_suite [MODULE ...] [--json FILE]``. Runs pytest in a process of
its own as networkx tells to test a backend: graphs are converted for whatever function the
backend says that it can run, everything else is networkx's. The exit status is pytest's.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import networkx
import tyro

from chgraph.interop.info import FUNCTIONS
from chgraph.storage import write_atomically

# Where the functions of the backend are tested, directly or through others that call them.
MODULES = tuple(
    f"networkx.algorithms.{name}"
    for name in (
        "assortativity",
        "bipartite",
        "centrality",
        "community",
        "shortest_paths",
        "tests.test_cluster",
        "tests.test_distance_measures",
        "tests.test_efficiency",
        "tests.test_link_prediction",
        "tests.test_richclub",
        "tests.test_smallworld",
        "tests.test_wiener",
    )
)


@dataclass(frozen=True)
class Arguments:
    """Run networkx's tests with the backend and print what ran where."""

    modules: Annotated[tuple[str, ...], tyro.conf.Positional] = MODULES
    """Of networkx; "networkx" for its whole suite."""
    json: Path | None = None
    """File for the counts."""


# ------------------------------------------------------------ in the process of the tests


class _Calls:
    """A pytest plugin that counts the calls that reach the backend, and the tests they are of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.test = ""
        self.outcomes: dict[str, str] = {}
        self.ours: Counter[str] = Counter()
        self.declined: Counter[str] = Counter()
        self.tests: dict[str, set[str]] = {name: set() for name in FUNCTIONS}

    def watch(self, backend: Any) -> None:
        """Put a counting function in the place of each one that networkx looks up."""
        for name in FUNCTIONS:
            setattr(backend, name, self._counted(name, getattr(backend, name)))
        can_run, convert = backend.can_run, backend.convert_from_nx

        def counted_can_run(name: str, args: Any, kwargs: Any) -> bool | str:
            answer: bool | str = can_run(name, args, kwargs)
            self.declined[name] += answer is not True
            return answer

        def counted_convert(graph: Any, **options: Any) -> Any:
            return self._or_declined(str(options.get("name")), convert, graph, **options)

        backend.can_run, backend.convert_from_nx = counted_can_run, counted_convert

    def _counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.ours[name] += 1
            self.tests[name].add(self.test)
            return self._or_declined(name, function, *args, **kwargs)

        return counted

    def _or_declined(
        self, name: str, call: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Any:
        try:
            return call(*args, **kwargs)
        except NotImplementedError:
            self.declined[name] += 1
            raise

    def pytest_collection_finish(self, session: Any) -> None:
        from chgraph.interop import backend

        self.watch(backend)

    def pytest_collectreport(self, report: Any) -> None:
        if report.outcome == "skipped":  # a module that needs what is not installed
            self.outcomes[report.nodeid] = report.outcome

    def pytest_runtest_logstart(self, nodeid: str, location: Any) -> None:
        self.test = nodeid

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            outcome = "xfailed" if hasattr(report, "wasxfail") else report.outcome
            self.outcomes[report.nodeid] = outcome

    def pytest_sessionfinish(self, session: Any) -> None:
        document = {
            "outcomes": Counter(self.outcomes.values()),
            "tests_ours": len(set().union(*self.tests.values())),
            "functions": {
                name: {
                    "ours": self.ours[name],
                    "networkx": self.declined[name],
                    "tests": len(self.tests[name]),
                }
                for name in FUNCTIONS
            },
        }
        self.path.write_text(json.dumps(document, indent=1), encoding="utf-8")


def pytest_configure(config: Any) -> None:
    """Register the counter, when pytest loads this module as a plugin."""
    config.pluginmanager.register(_Calls(Path(os.environ["CHGRAPH_COUNTS"])))


# ------------------------------------------------------------------------ the command


def run_suite(modules: tuple[str, ...]) -> tuple[int, dict[str, Any]]:
    """Run networkx's tests of some modules; returns pytest's exit status and the counts."""
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts.json"
        paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            "NETWORKX_TEST_BACKEND": "chgraph",
            "NETWORKX_FALLBACK_TO_NX": "1",
            "CHGRAPH_COUNTS": str(counts),
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }
        command = [sys.executable, "-m", "pytest", "-q", "--pyargs", *modules]
        command += ["-c", os.devnull, "--rootdir", str(Path(networkx.__file__).parents[1])]
        command += ["-p", "no:cacheprovider", "-p", "analysis.networkx_suite"]
        status = subprocess.run(command, cwd=folder, env=environment, check=False).returncode
        document = json.loads(counts.read_text(encoding="utf-8")) if counts.exists() else {}
    return status, document


def table(document: dict[str, Any]) -> str:
    """Return the counts as a Markdown table and a line below it."""
    lines = ["| function | calls, ours | left to networkx | tests with ours |", "|---|---|---|---|"]
    for name, row in document["functions"].items():
        lines.append(f"| `{name}` | {row['ours']:,} | {row['networkx']:,} | {row['tests']:,} |")
    outcomes = ", ".join(f"{n:,} {what}" for what, n in sorted(document["outcomes"].items()))
    lines += ["", f"{outcomes}; in {document['tests_ours']:,} tests our code ran."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the suite of the modules asked for and print the counts."""
    arguments = tyro.cli(Arguments, prog="python -m analysis.networkx_suite")
    status, document = run_suite(arguments.modules)
    if document:
        print(table(document))
        if arguments.json is not None:
            write_atomically(arguments.json, (json.dumps(document, indent=1) + "\n").encode())
    raise SystemExit(status)


if __name__ == "__main__":
    main()
