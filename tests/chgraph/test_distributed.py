"""Work on a Dask cluster: the same bits, whatever happens to the workers."""

import os
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chgraph
from chgraph import BipartiteGraph, Graph, cluster, linkpred, metrics
from chgraph.linkpred import distributed as ours
from tests.optional import needs_dask

pytestmark = [
    needs_dask,
    # Sockets and threads of a cluster that is closing belong to Dask.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:distributed", "ignore::FutureWarning"),
]


def local_cluster(n_workers, **options):
    from distributed import LocalCluster

    settings = {"threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    return LocalCluster(n_workers=n_workers, **{**settings, **options})


@pytest.fixture(scope="module")
def client():
    """Two workers, each a process."""
    from distributed import Client

    with local_cluster(2) as two, Client(two) as connected:
        yield connected


@pytest.fixture(scope="module")
def in_process():
    """A worker of three threads in this process."""
    from distributed import Client

    with local_cluster(1, processes=False, threads_per_worker=3) as one, Client(one) as connected:
        yield connected


def heavy(n_nodes=400, n_links=1600, seed=0):
    rng = np.random.default_rng(seed)
    ends = (n_nodes * rng.random((2 * n_links, 2)) ** 2).astype(np.int64)
    ends = np.unique(np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1), axis=0)
    names = [f"n{i}" for i in range(n_nodes)]
    return Graph.from_links(*rng.permutation(ends)[:n_links].T, n_nodes, names=names)


def layer(n_left=80, n_right=120, density=0.05):
    rng = np.random.default_rng(3)
    return BipartiteGraph.from_biadjacency(rng.random((n_left, n_right)) < density)


NETWORK, LAYER = heavy(), layer()
CASES = [
    (NETWORK, method) for method in ("CH3-L3", "CH2-L2", "CH3.1-L3", "RA-L3", "CN", "JC", "PA")
] + [(LAYER, method) for method in ("CH3-L3", "CH2-L3n", "RA-L3", "CAR", "PA")]


def assert_same(there, here):
    assert len(here)
    for part in ("source", "target", "score"):
        assert getattr(there, part).dtype == getattr(here, part).dtype
        assert np.array_equal(getattr(there, part), getattr(here, part))
    assert (there.method, there.details) == (here.method, here.details)
    assert list(there[:3]) == list(here[:3])


def assert_forgotten(client, prefix):
    """No call of a job is left with the cluster, soon after the job has ended."""
    deadline = time.monotonic() + 20
    while left := _left(client, prefix):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def _left(client, prefix):
    def tasks(dask_scheduler):
        return [str(key) for key in dask_scheduler.tasks]

    return [key for key in client.run_on_scheduler(tasks) if key.startswith(prefix)]


@pytest.fixture
def many_runs(monkeypatch):
    """As many runs as there would be of a large network."""
    monkeypatch.setattr(ours, "_LEAST_WORK", 1.0)


# ----------------------------------------------------------------------------- same bits


@pytest.mark.usefixtures("many_runs")
@pytest.mark.parametrize("k", [None, 1, 57])
@pytest.mark.parametrize(("graph", "method"), CASES)
def test_a_cluster_predicts_what_one_machine_does(client, graph, method, k):
    assert ours.streams(method)
    here = chgraph.predict_links(graph, k, method=method)
    assert_same(chgraph.predict_links(graph, k, method=method, client=client), here)


@pytest.mark.usefixtures("many_runs")
@pytest.mark.parametrize("threads", [None, 2])
def test_so_do_threads_of_one_worker(in_process, threads):
    for graph, method in CASES[::3]:
        here = chgraph.predict_links(graph, 200, method=method)
        there = chgraph.predict_links(
            graph, 200, method=method, client=in_process, n_threads=threads
        )
        assert_same(there, here)


@pytest.mark.parametrize(
    "options",
    [
        {"method": "CHA"},
        {"method": "Katz"},
        {"method": "SPM"},
        {"tie_break": "SPcorr"},
        {"nodes": ["n3", "n5"]},
        {"local_community": "on-path"},
    ],
)
def test_what_needs_the_whole_network_is_done_by_one_worker(in_process, options):
    asked = {k: v for k, v in options.items() if k != "local_community"}
    asked = {"method": "CH3-L3", **asked}
    assert ours.streams(**asked) == ("local_community" in options)
    small = heavy(60, 200)
    here = chgraph.predict_links(small, 30, **options)
    assert_same(chgraph.predict_links(small, 30, client=in_process, **options), here)


@pytest.mark.usefixtures("many_runs")
def test_no_links_no_pairs_and_k_0_are_no_special_cases(in_process):
    for graph in (
        Graph.from_links([], [], 5),
        Graph.from_links([], [], 0),
        Graph.from_links([0, 0, 1], [1, 2, 2]),
        BipartiteGraph.from_links([], [], (3, 0)),
    ):
        for k in (None, 0, 5):
            assert len(chgraph.predict_links(graph, k, client=in_process)) == 0
    assert len(chgraph.predict_links(NETWORK, 0, client=in_process)) == 0


@pytest.mark.usefixtures("many_runs")
def test_a_graph_in_a_folder_is_opened_by_the_workers(client, tmp_path, monkeypatch):
    for number, graph in enumerate((NETWORK, LAYER)):
        opened = chgraph.open_graph(graph.save(tmp_path / str(number)))
        sent = cluster.GraphOnWorkers(client, opened)
        assert sent.__getstate__() == {"_folder": str(opened.folder), "_graph": None}
        here = chgraph.predict_links(graph, 100)
        assert_same(chgraph.predict_links(opened, 100, client=client), here)
        monkeypatch.setattr(cluster, "_digest_seen", lambda _: None)  # no shared disk
        assert_same(chgraph.predict_links(opened, 100, client=client), here)
        monkeypatch.undo()
        monkeypatch.setattr(ours, "_LEAST_WORK", 1.0)


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 12))
def test_runs_are_all_sources_once_and_none_is_empty(costs, n_runs):
    bounds = ours.run_bounds(np.array(costs, np.int64), n_runs)
    assert bounds[0] == 0
    assert bounds[-1] == len(costs)
    assert bounds.size - 1 <= n_runs
    assert (np.diff(bounds) > 0).all()
    runs = [sum(costs[a:b]) for a, b in pairwise(bounds)]
    assert max(runs, default=0) <= sum(costs) / n_runs + max(costs, default=0)


@pytest.mark.usefixtures("many_runs")
def test_more_pairs_than_can_be_listed_are_refused_as_on_one_machine(in_process, monkeypatch):
    monkeypatch.setattr(ours, "MAX_PAIRS", 50)
    with pytest.raises(ValueError, match=r"more than 50 pairs score above 0; pass k"):
        chgraph.predict_links(NETWORK, client=in_process)
    assert_forgotten(in_process, "predict_links-")
    assert_forgotten(in_process, "_Ranking-")


def test_what_the_best_exceed_is_not_sent(in_process):
    ranking = ours._Ranking(
        in_process, NETWORK, "CH3-L3", {"local_community": "all", "n_threads": 1}
    )
    n = NETWORK.n_nodes
    every = ranking.found(0, n, 50, 0.0)
    least = every[2][20]
    some = ranking.found(0, n, 50, least)
    assert 21 <= some[2].size < 50
    assert np.array_equal(some[2], every[2][: some[2].size])


# --------------------------------------------------------------------- evaluate and summary


def test_a_cluster_evaluates_as_one_machine_does(client):
    methods = ("CH3-L3", "CN", "CHA")
    graph = heavy(60, 200)
    here, there = (
        linkpred.evaluate(graph, methods=methods, repeats=3, rng=5, client=c, connected=True)
        for c in (None, client)
    )
    for row, other in zip(here.rows, there.rows, strict=True):
        assert list(row) == list(other)
        assert other["seconds"] > 0
        assert {**row, "seconds": 0} == {**other, "seconds": 0}
    assert here.settings == there.settings


def test_a_cluster_summarizes_as_one_machine_does(in_process):
    graph = heavy(14, 30)
    here, there = (metrics.summary(graph, cost="all", rng=5, client=c) for c in (None, in_process))
    assert list(here) == list(there)
    np.testing.assert_equal(dict(there), dict(here))
    assert there.estimates.keys() == here.estimates.keys()
    with pytest.raises(ValueError, match='client works out what cost="all" adds'):
        metrics.summary(graph, client=in_process)


# -------------------------------------------------------------------------- lost workers


def _slow_start(_):
    """Make every further run on this worker take a while: its process is killed in it."""
    original = ours._Ranking.found

    def found(self, *run):
        time.sleep(0.05)
        return original(self, *run)

    ours._Ranking.found = found


@pytest.mark.usefixtures("many_runs")
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
def test_a_lost_worker_costs_its_runs_and_not_the_job():
    from distributed import Client

    here = chgraph.predict_links(NETWORK, 300)
    with local_cluster(2) as two, Client(two) as client:
        client.run(_slow_start, None)
        victim = next(iter(client.run(os.getpid).values()))
        done = []
        job = threading.Thread(
            target=lambda: done.append(chgraph.predict_links(NETWORK, 300, client=client))
        )
        job.start()
        time.sleep(0.5)
        assert job.is_alive()  # it is in the middle
        os.kill(victim, signal.SIGKILL)
        job.join(60)
        assert_same(done[0], here)


@pytest.mark.usefixtures("many_runs")
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
def test_even_the_only_worker_may_be_lost():
    from distributed import Client

    here = chgraph.predict_links(NETWORK, 300)
    with local_cluster(1) as one, Client(one) as client:
        client.run(_slow_start, None)
        (victim,) = client.run(os.getpid).values()
        timer = threading.Timer(0.5, os.kill, (victim, signal.SIGKILL))
        timer.start()
        assert_same(chgraph.predict_links(NETWORK, 300, client=client), here)


def _dies(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def _is_full(*_):
    raise MemoryError("no room")


def _fails(*_):
    raise ValueError("of its own")


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (_is_full, MemoryError, r"a part of test does not fit into the memory of its worker: give"),
        (_fails, ValueError, r"^of its own$"),
    ],
)
def test_what_fails_on_a_worker_is_named_and_the_rest_cancelled(
    in_process, function, error, message
):
    with (
        pytest.raises(error, match=message),
        cluster.Job(in_process, "test", cluster.OnWorkers()) as job,
    ):
        list(job.completed(iter([(function, ())] * 20)))
    assert_forgotten(in_process, "test-")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
def test_a_call_that_kills_its_workers_is_named_with_advice():
    import dask
    from distributed import Client

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        local_cluster(1) as one,
        Client(one) as client,
        pytest.raises(RuntimeError, match=r"1 workers died on the same part of test, most often"),
        cluster.Job(client, "test", cluster.OnWorkers()) as job,
    ):
        list(job.completed(iter([(_dies, ())])))


def _waits(*_):
    time.sleep(0.2)


def test_an_interruption_cancels_what_is_outstanding(in_process):
    keys = []
    with pytest.raises(KeyboardInterrupt):
        _interrupt_a_job(in_process, keys)
    assert len(keys) > 3
    assert all(key.startswith("test-") for key in keys)
    assert_forgotten(in_process, "test-")


def _interrupt_a_job(client, keys):
    with cluster.Job(client, "test", cluster.OnWorkers()) as job:
        for _ in job.completed((_waits, ()) for _ in range(1000)):
            keys += job._calls
            raise KeyboardInterrupt


def test_only_so_many_calls_are_with_the_cluster_at_a_time(in_process):
    asked = []

    def calls():
        for number in range(100):
            asked.append(number)
            yield _number, (number,)

    with cluster.Job(in_process, "test", cluster.OnWorkers()) as job:
        found = {}
        for number, result in job.completed(calls()):
            found[number] = result
            assert len(asked) - len(found) <= cluster._PER_THREAD * 3 + 1
    assert found == {number: number for number in range(100)}


def _number(_, number):
    return number


# ---------------------------------------------------------------------------------- refusals


def test_what_is_no_client_is_refused(in_process):
    with pytest.raises(TypeError, match=r"client must be a dask\.distributed\.Client, got 'tcp"):
        chgraph.predict_links(NETWORK, 3, client="tcp://127.0.0.1:8786")
    with pytest.raises(ValueError, match="k must be at least 0"):
        chgraph.predict_links(NETWORK, -1, client=in_process)


def test_other_versions_are_named_before_any_work(in_process, monkeypatch):
    real = cluster._versions()
    here = os.getpid(), threading.get_ident()

    def versions():
        found = real()
        if (os.getpid(), threading.get_ident()) != here:
            found |= {"numba": "0.1", "chgraph": ""}
        return found

    monkeypatch.setattr(cluster, "_versions", lambda: versions)
    monkeypatch.setattr(cluster, "Job", None)
    message = r"^worker \S+ has no chgraph, numba 0\.1 \(here [\d.]+\): install the versions of"
    with pytest.raises(ValueError, match=message):
        chgraph.predict_links(NETWORK, 3, client=in_process)
    with pytest.raises(ValueError, match=message):
        linkpred.evaluate(NETWORK, repeats=1, client=in_process)


def test_no_workers_are_said():
    from distributed import Client

    with (
        local_cluster(0, processes=False) as none,
        Client(none) as client,
        pytest.raises(ValueError, match=r"client has no workers; client\.wait_for_workers"),
    ):
        chgraph.predict_links(NETWORK, 3, client=client)


def test_an_asynchronous_client_is_refused(in_process, monkeypatch):
    monkeypatch.setattr(type(in_process), "asynchronous", True)
    with pytest.raises(TypeError, match="client must not be asynchronous"):
        cluster.check_client(in_process)
    monkeypatch.undo()


@pytest.mark.parametrize("call", ["import chgraph, chgraph.linkpred.distributed", "predict"])
def test_dask_is_imported_for_a_client_only_and_named_where_it_lacks(call):
    code = (
        "import sys; sys.modules['distributed'] = sys.modules['dask'] = None\n"
        "import chgraph, chgraph.linkpred.distributed, chgraph.metrics\n"
        "chgraph.predict_links([(0, 1), (1, 2), (2, 3)])\n"
    )
    if call == "predict":
        code += "chgraph.predict_links([(0, 1), (1, 2), (2, 3)], client=object())\n"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    if call == "predict":
        assert 'ImportError: client= needs distributed: pip install "chgraph[dask]"' in done.stderr
    else:
        assert (done.returncode, done.stderr) == (0, "")
