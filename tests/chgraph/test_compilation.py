"""When kernels are compiled, when they are interpreted, where they are kept, who is told."""

import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import networkx
import numba
import numpy as np
import pytest

from chgraph import BipartiteGraph, compilation, jit, predict_links, score_links, warm_up
from chgraph.jit import kernel
from chgraph.metrics import summary
from chgraph.threads import run_workers, thread_count, thread_limit, workers_for

needs_jit = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="numba compiles nothing")


def said_by(code, tmp_path):
    """What a fresh process with an empty cache prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        env={
            **os.environ,
            "NUMBA_CACHE_DIR": str(tmp_path),
            "NUMBA_DISABLE_JIT": "0",
        },
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


SMALL = """
    import warnings
    import networkx
    import chgraph
    from chgraph import jit
    from chgraph.linkpred import _monopartite_core
    warnings.simplefilter("ignore")
    karate = networkx.karate_club_graph()
    first = chgraph.predict_links(karate, k=20)
    compiled = bool(_monopartite_core._sources_of_worker.dispatcher.signatures)
    with jit.always_compiling():
        second = chgraph.predict_links(karate, k=20)
    print(compiled, list(first) == list(second))
    print(bool(_monopartite_core._sources_of_worker.dispatcher.signatures))
    """


def test_a_small_graph_is_answered_before_anything_is_compiled(tmp_path):
    assert said_by(SMALL, tmp_path).split() == ["False", "True", "True"]


def test_what_is_compiled_on_disk_is_used_at_once(tmp_path):
    said_by(SMALL, tmp_path)
    assert said_by(SMALL, tmp_path).split() == ["True", "True", "True"]


@needs_jit
@pytest.mark.parametrize("method", ["CH3-L3", "CH2-L2", "RA-L3", "CH3.1-L3", "CHA"])
def test_interpreted_scores_are_those_of_the_compiled_kernels(method, monkeypatch):
    def answers():
        monopartite = networkx.gnm_random_graph(14, 34, seed=4)
        layer = BipartiteGraph.from_biadjacency(np.random.default_rng(2).random((9, 11)) < 0.4)
        found = [predict_links(monopartite, method=method)]
        if method in ("CH3-L3", "RA-L3"):
            found.append(predict_links(layer, method=method))
        return [(p.source.tolist(), p.target.tolist(), p.score.tolist()) for p in found]

    compiled, used = answers(), []

    def interpreted(self, *args):
        used.append(self if jit.is_interpreting() else None)
        return self.py_func(*args)

    monkeypatch.setattr(jit.Kernel, "__call__", interpreted)
    monkeypatch.setattr(jit, "_seconds_interpreted", 0.0)
    assert answers() == compiled
    assert used
    assert None not in used


@needs_jit
def test_kernels_are_interpreted_only_where_asked_and_with_patience(monkeypatch):
    calls = []

    def body(x):
        calls.append(x)
        return x

    function = jit.Kernel(body, numba.njit(lambda x: -x))
    monkeypatch.setattr(jit, "_seconds_interpreted", 0.0)
    with workers_for(10.0):
        assert function(3) == 3
    assert calls == [3]
    monkeypatch.setattr(jit, "_seconds_interpreted", 100.0)
    with workers_for(10.0):
        assert function(3) == -3  # much was interpreted already: compiling is better
    with workers_for(10.0):
        assert function(4) == -4  # compiled now
    other = jit.Kernel(body, numba.njit(lambda x: -x))
    monkeypatch.setattr(jit, "_seconds_interpreted", 0.0)
    with workers_for(1e9):
        assert other(5) == -5  # much work
    assert jit.Kernel(body, numba.njit(lambda x: -x))(6) == -6  # nobody said how much
    with jit.always_compiling(), workers_for(10.0):
        assert jit.Kernel(body, numba.njit(lambda x: -x))(7) == -7
    assert calls == [3]
    assert not jit.is_interpreting()


@needs_jit
def test_time_interpreted_is_counted_and_nesting_ends(monkeypatch):
    monkeypatch.setattr(jit, "_seconds_interpreted", 0.0)
    with pytest.raises(ZeroDivisionError), workers_for(10.0), workers_for(10.0):
        1 // (1 - jit.is_interpreting())
    assert not jit.is_interpreting()
    assert 0.0 < jit._seconds_interpreted < 1.0


@needs_jit
def test_warming_up_uses_every_kernel(monkeypatch):
    used = set()

    def interpreted(self, *args):
        used.add(self)
        return self.py_func(*args)

    with monkeypatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(jit.Kernel, "__call__", interpreted)
        assert warm_up(progress=False) > 0
    kernels = {
        thing
        for thing in gc.get_objects()
        if type(thing) is jit.Kernel and thing.__module__.startswith("chgraph.")
    }
    assert len(kernels) > 90
    # Those that are called by kernels alone are compiled with them, whether they run or not.
    assert {k.__qualname__ for k in kernels - used if k._from_python} == set()


# --------------------------------------------------------------------------- what is said


class Terminal:
    def __init__(self):
        self.said = []

    def isatty(self):
        return True

    def write(self, text):
        self.said.append(text)

    def flush(self):
        pass


def test_a_long_compilation_is_announced_once_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(compilation, "_said", set())
    monkeypatch.setattr(compilation, "_SILENT_SECONDS", 0.01)
    for _ in range(2):
        with compilation.announced():
            for _ in range(200):
                if terminal.said:
                    break
                time.sleep(0.01)
    assert terminal.said == ["chgraph: compiling kernels, once; about 5 s\n"]


def test_a_short_compilation_is_not_announced(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(compilation, "_said", set())
    with compilation.announced():
        pass
    assert terminal.said == []


# --------------------------------------------------------------------- where they are kept


def test_an_installed_package_keeps_its_kernels_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(compilation, "_PACKAGE", tmp_path / "site-packages" / "chgraph")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    with compilation.kept_on_disk():
        assert Path(numba.config.CACHE_DIR) == compilation.user_cache()
    assert numba.config.CACHE_DIR == ""
    if sys.platform.startswith("linux"):
        assert compilation.user_cache().is_relative_to(tmp_path / "cache" / "chgraph")


def test_a_checkout_and_a_users_own_folder_are_left_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(compilation, "_PACKAGE", tmp_path)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    with compilation.kept_on_disk():
        assert numba.config.CACHE_DIR == ""
    monkeypatch.setattr(compilation, "_PACKAGE", tmp_path / "site-packages")
    monkeypatch.setattr(numba.config, "CACHE_DIR", "mine")
    with compilation.kept_on_disk():
        assert numba.config.CACHE_DIR == "mine"


@needs_jit
def test_where_nothing_can_be_kept_one_warning_says_so(monkeypatch):
    def no_place(*args, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    real = numba.njit
    monkeypatch.setattr(numba, "njit", no_place)
    monkeypatch.setattr(compilation, "_said", set())
    with pytest.warns(RuntimeWarning, match="NUMBA_CACHE_DIR"):
        first = kernel()(lambda x: x + 1)
    second = kernel()(lambda x: x + 2)  # another warning would be an error
    assert (first(1), second(1)) == (2, 3)


# -------------------------------------------------------------------------------- threads


@pytest.mark.parametrize("n_workers", [0, 1, 3])
def test_every_worker_is_run_once(n_workers):
    ran = []
    run_workers(n_workers, ran.append)
    assert sorted(ran) == list(range(n_workers))


def test_an_error_of_a_worker_comes_out_when_all_are_done():
    done = []

    def body(worker):
        if worker == 0:
            raise ZeroDivisionError
        done.append(worker)

    with pytest.raises(ZeroDivisionError):
        run_workers(3, body)
    assert sorted(done) == [1, 2]


def test_limits_are_those_of_the_thread_that_set_them():
    seen = []
    with thread_limit(1):
        other = threading.Thread(target=lambda: seen.append(thread_count()))
        other.start()
        other.join()
        assert thread_count() == 1
    assert seen == [thread_count()]


FORKED = """
    import multiprocessing, os
    import networkx, numpy
    import chgraph
    from chgraph import threads
    threads.LITTLE_WORK = 0
    graph = networkx.gnm_random_graph(60, 200, seed=0)
    links = numpy.random.default_rng(0).random((30, 40)) < 0.2
    layer = chgraph.BipartiteGraph.from_biadjacency(links)

    def work(_):
        best = chgraph.predict_links(graph, k=5)
        chgraph.predict_links(layer, k=5)
        chgraph.metrics.summary(graph, rng=0)
        return [float(x) for x in best.score]

    mine = work(0)
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        print(pool.map_async(work, range(4)).get(timeout=90) == [mine] * 4)
    """


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_a_forked_pool_works_after_calls_in_the_parent():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(FORKED)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "True", done.stderr


def test_first_answers_are_right():
    """What a first call gives, here and in the interpreter: three numbers known from elsewhere."""
    path = networkx.path_graph(4)
    assert score_links(path, [(0, 3)]).tolist() == [1.0]
    assert len(predict_links(path)) == 1
    assert summary(path, rng=0).to_dict()["n_links"] == 3


@needs_jit
def test_the_working_clock_stands_still_while_something_is_compiled():
    function = numba.njit(lambda x: x * 3 + 1)
    wall, working = time.perf_counter(), compilation.working_seconds()
    assert function(2) == 7
    wall, working = time.perf_counter() - wall, compilation.working_seconds() - working
    assert 0.0 <= working < 0.5 * wall
    working = compilation.working_seconds()
    time.sleep(0.02)
    assert compilation.working_seconds() - working >= 0.02
