"""The progress bar of work that consists of counted tasks."""

from __future__ import annotations

from tqdm.auto import tqdm
from tqdm.notebook import tqdm_notebook

from chgraph.checks import check_flag


def progress_bar(n_tasks: int, shown: bool | None) -> tqdm:
    """Return a bar of `n_tasks`; None shows it on a terminal or in a notebook only."""
    layout = "{l_bar}{bar}| {elapsed}, {remaining} to go"
    return tqdm(total=n_tasks, disable=_hidden(shown), bar_format=layout)


def check_progress(progress: bool | None) -> bool | None:
    """Return the argument `progress`, or raise if it is not True, False or None."""
    return None if progress is None else check_flag("progress", progress, "True, False or None")


def _hidden(shown: bool | None) -> bool | None:
    """Return tqdm's `disable`; None hides the bar unless it would go to a terminal."""
    if shown is not None:
        return not shown
    # A notebook's streams say that they are not terminal.
    return False if issubclass(tqdm, tqdm_notebook) else None
