"""Work on the workers of a Dask client: the same versions, one shared object, nothing lost.

Dask is imported where it is used (extra ``dask``).
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from chgraph.extras import import_extra
from chgraph.files.folders import folder_digest, open_graph
from chgraph.graph import BipartiteGraph, Graph

Call = tuple[Callable[..., Any], tuple[Any, ...]]
Made = TypeVar("Made")

_PER_THREAD = 4  # parts that are with the cluster at a time
_ATTEMPTS = 5  # of a part whose data were lost with their workers
_WAIT = 60.0  # seconds for a new worker where all are lost


def check_client(client: Any) -> Any:
    """Return a Dask client whose workers have this process's versions of what computes.

    Raises
    ------
    ImportError
        If Dask is not installed.
    TypeError
        If `client` is not a client that can be waited for.
    ValueError
        If it has no workers, or one of them has other versions; names them.
    """
    distributed = _distributed()
    if not isinstance(client, distributed.Client):
        raise TypeError(f"client must be a dask.distributed.Client, got {client!r}")
    if client.asynchronous:
        raise TypeError(
            "client must not be asynchronous: the call waits for its result; use "
            "Client(..., asynchronous=False)"
        )
    if not client.nthreads():
        raise ValueError("client has no workers; client.wait_for_workers(1) waits for the first")
    check_versions(client)
    return client


def check_versions(client: Any) -> None:
    """Raise ValueError if a worker computes with other versions than this process."""
    versions = _versions()
    ours = versions()
    for worker, theirs in client.run(versions).items():
        other = [
            f"{name} {theirs[name]} (here {ours[name]})" if theirs[name] else f"no {name}"
            for name in ours
            if theirs[name] != ours[name]
        ]
        if other:
            raise ValueError(
                f"worker {worker} has {', '.join(other)}: install the versions of this process "
                "on every worker"
            )


def _distributed() -> Any:
    return import_extra("distributed", extra="dask", used_by="client=")


def _versions() -> Callable[[], dict[str, str]]:
    """Return a function that finds the versions; it can be sent where chgraph is missing."""

    def versions() -> dict[str, str]:
        import importlib.metadata
        import platform

        found = {"Python": ".".join(platform.python_version_tuple()[:2])}
        for name in ("chgraph", "numba", "numpy", "scipy"):
            try:
                found[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                found[name] = ""
        return found

    return versions


# -------------------------------------------------------------------------------- objects


class OnWorkers:
    """An object that is sent to workers once, and what each makes of it once.

    Workers hand it to their tasks as it is, so that what one task has made the next one finds.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._made: dict[str, Any] = {}

    def once(self, what: str, make: Callable[[], Made]) -> Made:
        """Return what `make` returns; called once in a process, however many threads ask."""
        with self._lock:
            if what not in self._made:
                self._made[what] = make()
            made: Made = self._made[what]
            return made

    def __getstate__(self) -> dict[str, Any]:
        return {n: v for n, v in self.__dict__.items() if n not in ("_lock", "_made")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        OnWorkers.__init__(self)
        self.__dict__.update(state)


class GraphOnWorkers(OnWorkers):
    """A graph for workers: its arrays, or the folder they are in where all workers see it.

    Parameters
    ----------
    client : dask.distributed.Client
    graph : Graph or BipartiteGraph
    """

    def __init__(self, client: Any, graph: Graph | BipartiteGraph) -> None:
        super().__init__()
        self._folder: str | None = None
        self._graph: Graph | BipartiteGraph | None = graph
        if graph.folder is not None:
            folder, digest = str(graph.folder), folder_digest(graph.folder)
            if all(found == digest for found in client.run(_digest_seen, folder).values()):
                self._folder, self._graph = folder, None

    @property
    def graph(self) -> Graph | BipartiteGraph:
        """The graph."""
        if self._graph is not None:
            return self._graph
        folder = self._folder
        assert folder is not None
        return self.once("graph", lambda: open_graph(folder))


def _digest_seen(folder: str) -> str | None:
    if not Path(folder).is_dir():
        return None
    try:
        return folder_digest(folder)
    except (OSError, ValueError):
        return None


# ----------------------------------------------------------------------------------- work


class Job:
    """Calls on the workers of a client that share one object.

    Used in a ``with`` block; leaving it, also by an error or Ctrl-C, cancels what is outstanding.

    Parameters
    ----------
    client : dask.distributed.Client
    name : str
        Under which Dask's dashboard shows the calls.
    shared : object
        First argument of every call; sent to every worker once.
    """

    def __init__(self, client: Any, name: str, shared: OnWorkers) -> None:
        self.client, self._name, self._object = client, name, shared
        self._token = uuid.uuid4().hex[:8]
        self._shared: Any = None
        self._pool: Any = None
        self._calls: dict[str, tuple[int, Call, int]] = {}
        self._futures: dict[str, Any] = {}  # those that are not done with

    def __enter__(self) -> Job:
        self._share()
        self._pool = _distributed().as_completed()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Said, not left to reference counts: the traceback of an error may live for long.
        with contextlib.suppress(Exception):  # the cluster itself may be gone
            self.client.cancel([*self._futures.values(), self._shared], force=True)
        self._futures.clear()
        self._shared = self._pool = None

    @property
    def n_threads(self) -> int:
        """How many threads the workers have together."""
        return int(sum(self.client.nthreads().values()))

    def completed(self, calls: Iterator[Call]) -> Iterator[tuple[int, Any]]:
        """Yield number and result of each call as it is done.

        Calls are asked for when a worker will soon be free, and results are handed on one by one:
        memory does not grow with their number. What was with a lost worker is done again.

        Raises
        ------
        RuntimeError
            If several workers died of the same call, or its data were lost again and again.
        MemoryError
            If a call does not fit into the memory of its worker.
        Exception
            What a call raises.
        """
        numbered = enumerate(calls)
        for _ in range(_PER_THREAD * self.n_threads):
            self._submit_next(numbered)
        for future in self._pool:
            number, call, attempt = self._calls.pop(future.key)
            try:
                result = self._result(future)
            except _distributed().CancelledError:
                del self._futures[future.key]
                self._submit_again(number, call, attempt)
                continue
            del self._futures[future.key], future  # its result can be forgotten by the worker
            self._submit_next(numbered)
            yield number, result

    def _share(self) -> None:
        self._shared = self.client.scatter(self._object, broadcast=True, hash=False)

    def _submit_next(self, numbered: Iterator[tuple[int, Call]]) -> None:
        for number, call in numbered:
            self._submit(number, call, 1)
            return

    def _submit(self, number: int, call: Call, attempt: int) -> None:
        function, arguments = call
        again = f"-{attempt}" if attempt > 1 else ""
        key = f"{self._name}-{self._token}-{number}{again}"
        self._calls[key] = number, call, attempt
        future = self.client.submit(function, self._shared, *arguments, key=key, pure=False)
        self._futures[key] = future
        self._pool.add(future)

    def _submit_again(self, number: int, call: Call, attempt: int) -> None:
        """Submit a call whose data are gone: the last worker that had them died."""
        if attempt == _ATTEMPTS:
            raise RuntimeError(
                f"the workers that had the data of {self._name} were lost {attempt} times; give "
                "them more memory (memory_limit of the workers) or fewer threads"
            )
        if self._shared.status != "finished":
            self.client.wait_for_workers(1, timeout=_WAIT)
            self._share()
        self._submit(number, call, attempt + 1)

    def _result(self, future: Any) -> Any:
        try:
            return future.result()
        except _distributed().KilledWorker as error:
            raise RuntimeError(
                f"{error.allowed_failures + 1} workers died on the same part of {self._name}, most "
                "often for want of memory: give workers more (memory_limit) or fewer threads, or "
                "ask for fewer pairs (k)"
            ) from error
        except MemoryError as error:
            raise MemoryError(
                f"a part of {self._name} does not fit into the memory of its worker: give workers "
                "more (memory_limit) or fewer threads, or ask for fewer pairs (k)"
            ) from error
