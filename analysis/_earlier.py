"""Rows of an earlier table: what is measured with the same settings is not measured again.

Trainings take hours, and the run folders that they leave are not part of the project; the tables
are. A study goes on from its own table.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chsnn.lab.comparison import ROWS, Plan, run_plans, settings_of


def rows_in(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a table; none if there is no such file."""
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else []


def agree(earlier: Any, now: Any) -> bool:
    """Whether settings are those of today; such as have come since count for nothing."""
    if isinstance(earlier, dict):
        return isinstance(now, dict) and all(agree(v, now.get(k)) for k, v in earlier.items())
    return bool(earlier == now)


def run_missing(
    plans: Sequence[Plan], earlier: Sequence[dict[str, Any]], folder: Path, *, processes: int = 1
) -> None:
    """Make the runs that no row is of; their rows are in the folder then."""
    missing = [plan for plan in plans if _row_of(plan, earlier) is None]
    if missing:
        run_plans(missing, folder, processes=processes)


def rows_so_far(
    plans: Sequence[Plan], earlier: Sequence[dict[str, Any]], folder: Path
) -> list[dict[str, Any]]:
    """Return the rows of all plans that are finished, in their order: earlier ones and new ones."""
    known = [*rows_in(folder / ROWS), *earlier]
    found = (_row_of(plan, known) for plan in plans)
    return [row for row in found if row is not None]


def _row_of(plan: Plan, rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    key, settings = (plan.method, plan.sparsity, plan.config.seed), settings_of(plan.config)
    for row in rows:
        same = (row["method"], row["sparsity"], row["seed"]) == key
        if same and agree(row["settings"], settings):
            return row
    return None
