"""A bounded part of every fault campaign; the whole is ``python -m tests.faults``."""

import sys

import pytest

pytest.importorskip("torch")
if sys.platform == "win32":
    pytest.skip("limits and signals of POSIX", allow_module_level=True)

from tests.faults import checkpoints, evolving, files, kills
from tests.faults.counting import Count, TooLong, at_most
from tests.faults.mutations import mutated


def nothing_failed(count):
    assert count.failures == []
    assert count.failed == 0
    assert count.tried == count.survived + count.refused
    return count


def test_input_files_are_read_or_refused():
    count = nothing_failed(files.campaign(400, 1))
    assert count.tried == 400 + len(files.bombs())
    assert min(count.survived, count.refused) > 0


def test_bombs_are_refused_in_little_memory():
    count = nothing_failed(files.campaign(1, 0))
    assert count.tried == 1 + len(files.bombs())
    assert count.refused >= count.tried - 1


def test_evolution_is_exact():
    assert nothing_failed(evolving.trials(300, 3)).survived == 300


def test_damaged_checkpoints_and_folders_are_refused_or_right():
    count = nothing_failed(checkpoints.campaign(100, 2))
    assert count.tried >= 100 + 2 * 2
    assert count.refused > 80


def test_killed_runs_end_as_straight_ones():
    count = nothing_failed(kills.runs(kills.TRAIN, 2, 4, "kill: train"))
    assert count.survived >= 2
    assert nothing_failed(kills.saves(2, 4)).survived == 2


def test_what_a_campaign_counts():
    count = Count("name")
    count.survive()
    count.refuse()
    count.check(False, "a wrong result")
    other = Count("name")
    other.fail("another")
    count.add(other)
    assert (count.tried, count.survived, count.refused, count.failed) == (4, 1, 1, 2)
    assert count.failures == ["a wrong result", "another"]
    assert "4 tried" in str(count)
    with pytest.raises(TooLong), at_most(0.05):
        sum(range(10**9))


def test_mutations_change_files_and_follow_their_seed():
    import numpy as np

    def changed(seed):
        rng = np.random.default_rng(seed)
        return [mutated(b"1 2\n3 4\n", rng) for _ in range(50)]

    assert changed(0) == changed(0) != changed(1)
    assert sum(content != b"1 2\n3 4\n" for content in changed(0)) > 40
