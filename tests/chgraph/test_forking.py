"""Locks and threads over a fork."""

import importlib.util
import multiprocessing
import os
import re
import threading
from pathlib import Path

import pytest
from tqdm.std import TqdmDefaultWriteLock

from chgraph.forking import ForkedLock, cached_property, held_over_forks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
SHARED = re.compile(r"functools\b.*\bcached_property")


def child_of(work):
    """How a forked child ends that does some work; None if it hangs."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(20)
    if process.exitcode is None:
        process.kill()
    return process.exitcode


def take(lock):
    with lock:
        pass


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_lock_that_another_thread_holds_is_free_in_the_child():
    lock, held, done = ForkedLock(), threading.Event(), threading.Event()

    def hold():
        with lock:
            held.set()
            done.wait()

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    ended = child_of(lambda: take(lock))
    done.set()
    other.join()
    assert ended == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("of", ["a module", "progress bars"])
def test_a_fork_waits_for_a_lock_and_leaves_it_free(of):
    lock, order, held = threading.RLock(), [], threading.Event()
    if of == "progress bars":
        lock = TqdmDefaultWriteLock.th_lock
    else:
        held_over_forks(lock)

    def hold():
        with lock:
            held.set()
            threading.Event().wait(0.3)
            order.append("held")

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    ended = child_of(lambda: take(lock) if order == ["held"] else os._exit(1))
    other.join()
    take(lock)
    assert ended == 0


class Slow:
    """An object whose property says when it is computed, and waits until it may end."""

    def __init__(self):
        self.begun, self.may_end = threading.Event(), threading.Event()

    @cached_property
    def made(self):
        self.begun.set()
        self.may_end.wait()
        return object()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_computes_what_another_thread_was_computing():
    slow, other = Slow(), Slow()
    other.may_end.set()
    thread = threading.Thread(target=lambda: slow.made)
    thread.start()
    slow.begun.wait()
    ended = child_of(lambda: other.made)
    slow.may_end.set()
    thread.join()
    assert ended == 0


class Twice:
    """An object whose property is computed by two threads at once."""

    def __init__(self):
        self.both, self.computed = threading.Barrier(2, timeout=20), 0

    @cached_property
    def made(self):
        """What is made."""
        self.both.wait()
        self.computed += 1
        return object()


def test_two_threads_that_compute_at_once_get_the_same():
    twice, got = Twice(), []
    threads = [threading.Thread(target=lambda: got.append(twice.made)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [twice.made] * 2
    assert twice.computed == 2
    assert Twice.made.__doc__ == "What is made."


@pytest.mark.parametrize("package", ["chgraph", "chsnn"])
def test_no_property_shares_a_lock_between_objects(package):
    root = Path(importlib.util.find_spec(package).origin).parent  # not imported: it may need torch
    texts = {path: path.read_text(encoding="utf-8") for path in root.rglob("*.py")}
    found = [path.name for path, text in texts.items() if SHARED.search(text)]
    assert found == (["forking.py"] if package == "chgraph" else [])  # which takes the lock away
