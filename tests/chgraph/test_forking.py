"""Locks and threads over a fork."""

import multiprocessing
import os
import threading

import pytest

from chgraph.forking import ForkedLock, held_over_forks

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
def test_a_fork_waits_for_a_lock_and_leaves_it_free():
    lock, order, held = threading.RLock(), [], threading.Event()
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
