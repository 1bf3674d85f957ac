"""Who sees the progress bar."""

import pytest
from tqdm.notebook import tqdm_notebook

from chgraph import _progress


def test_a_bar_that_is_not_asked_for_goes_to_terminals_and_notebooks_only(monkeypatch):
    assert [_progress._hidden(shown) for shown in (None, True, False)] == [None, False, True]
    monkeypatch.setattr(_progress, "tqdm", tqdm_notebook)
    assert [_progress._hidden(shown) for shown in (None, True, False)] == [False, False, True]


def test_progress_is_true_false_or_none():
    assert [_progress.check_progress(value) for value in (None, True, False)] == [None, True, False]
    with pytest.raises(TypeError, match="progress must be True, False or None, got 1"):
        _progress.check_progress(1)
