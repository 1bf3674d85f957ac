"""Locks and threads over a fork."""

import multiprocessing
import os
import threading
from pathlib import Path

import pytest
from tqdm.std import TqdmDefaultWriteLock

from chgraph.forking import ForkedLock, cached_property, held_over_forks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")


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
        self.begun, self.may_end, self.computed = threading.Event(), threading.Event(), 0

    @cached_property
    def made(self):
        """What is made."""
        self.begun.set()
        self.may_end.wait()
        self.computed += 1
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


def test_two_threads_get_the_same_and_it_is_computed_no_more():
    slow, got = Slow(), []
    threads = [threading.Thread(target=lambda: got.append(slow.made)) for _ in range(2)]
    for thread in threads:
        thread.start()
    slow.begun.wait()
    slow.may_end.set()
    for thread in threads:
        thread.join()
    computed = slow.computed
    assert got == [slow.made] * 2
    assert slow.computed == computed
    assert Slow.made.__doc__ == "What is made."


@pytest.mark.parametrize("package", ["chgraph", "chsnn"])
def test_no_property_shares_a_lock_between_objects(package):
    root = Path(__file__).parents[2] / package
    texts = {path: path.read_text(encoding="utf-8") for path in root.rglob("*.py")}
    assert [
        path for path, text in texts.items() if "from functools import cached_property" in text
    ] == []
