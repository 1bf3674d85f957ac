"""The epochs of a training: a row for each, what its batches add up to, which is the best."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from chgraph.storage import write_atomically
from chsnn.evolution import EvolutionRecord, summed
from chsnn.metrics import Metric, is_better_small, measured, prefixed
from chsnn.ranks import Ranks

RUN_COLUMN = "run"  # of a history as a table: the name of the run that it is of


@dataclass
class History:
    """One row (a dictionary of numbers) per epoch, in order.

    Examples
    --------
    >>> history = History([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.5}])
    >>> history.column("loss")
    [2.0, 1.5]
    """

    rows: list[dict[str, Any]] = field(default_factory=list)

    def column(self, name: str) -> list[Any]:
        """Return one column, an entry per epoch.

        Raises
        ------
        KeyError
            If an epoch has no such entry.
        """
        return [row[name] for row in self.rows]

    def write_csv(self, path: Path, *, run: str | None = None) -> Path:
        """Write the rows as a table, atomically; what an epoch has no entry for stays empty.

        Parameters
        ----------
        path : Path
        run : str, optional
            Name of the run, which is the last column then.
        """
        text = io.StringIO()
        columns = dict.fromkeys(name for row in self.rows for name in row)
        more = {} if run is None else {RUN_COLUMN: run}
        writer = csv.DictWriter(text, fieldnames=[*columns, *more])
        writer.writeheader()
        writer.writerows(row | more for row in self.rows)
        return write_atomically(path, text.getvalue().encode())


Row = Mapping[str, Any]


def _every_epoch(row: Row) -> bool:
    return True


@dataclass(frozen=True)
class Ranking:
    """An order of epochs by one column of their rows.

    Attributes
    ----------
    column : str
    smaller_is_better : bool
    counts : callable
        Whether an epoch can be the best, from its row; all can by default.

    Examples
    --------
    >>> rows = [{"validation_loss": 0.5}, {"validation_loss": 0.3}, {"validation_loss": 0.4}]
    >>> ranking = Ranking("validation_loss", smaller_is_better=True)
    >>> ranking.best(rows), ranking.is_best(rows[1], rows), ranking.epochs_since_best(rows)
    (0.3, True, 1)
    """

    column: str
    smaller_is_better: bool
    counts: Callable[[Row], bool] = _every_epoch

    @classmethod
    def by_first(cls, metrics: Mapping[str, Metric], counts: Callable[[Row], bool]) -> Ranking:
        """Return the order by the first of some metrics on the validation samples, or the loss."""
        for name, metric in metrics.items():
            return cls(f"validation_{name}", is_better_small(metric), counts)
        return cls("validation_loss", True, counts)

    def best(self, rows: Sequence[Row]) -> float | None:
        """Return the best value of the column; None if no epoch that counts has one."""
        counted = self._counted(rows)
        return None if not counted else max(counted, key=self._merit)[self.column]

    def is_best(self, row: Row, rows: Sequence[Row]) -> bool:
        """Whether no other epoch is better; of equally good ones the later, which learnt longer."""
        if not self._counted([row]):
            return False
        others = [other for other in self._counted(rows) if other is not row]
        return all(self._merit(row) >= self._merit(other) for other in others)

    def epochs_since_best(self, rows: Sequence[Row]) -> int:
        """Return how many epochs have come since the first of the best ones; 0 without any."""
        counted = self._counted(rows)
        if not counted:
            return 0
        best = max(counted, key=self._merit)
        return next(i for i, row in enumerate(reversed(rows)) if row is best)

    def _counted(self, rows: Sequence[Row]) -> list[Row]:
        return [row for row in rows if row.get(self.column) is not None and self.counts(row)]

    def _merit(self, row: Row) -> float:
        value = float(row[self.column])
        if math.isnan(value):  # worse than any number
            return -math.inf
        return -value if self.smaller_is_better else value


class Tally:
    """Losses, scores and rewirings of the batches so far.

    Parameters
    ----------
    metrics : mapping of str to callable
        Measured on all scores; none are kept if there is nothing to measure.
    ranks : Ranks, optional
        Processes that each have a share of every batch.

    Examples
    --------
    >>> tally = Tally({})
    >>> tally.add(1.0, torch.zeros(3, 2), torch.zeros(3))
    >>> tally.add(2.0, torch.zeros(1, 2), torch.zeros(1))
    >>> tally.row()["loss"]
    1.25
    """

    def __init__(self, metrics: Mapping[str, Metric], ranks: Ranks | None = None) -> None:
        self._metrics = metrics
        self._ranks = ranks
        self._losses: list[float] = []
        self._seen = 0
        self._scores: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._records: list[EvolutionRecord] = []

    def add(
        self, loss: float, scores: Tensor, targets: Tensor, record: EvolutionRecord | None = None
    ) -> None:
        """Add a batch, with what the rewiring after it did."""
        self._losses.append(loss * len(targets))
        self._seen += len(targets)
        if self._metrics:
            self._scores.append(scores.cpu())
            self._targets.append(targets.cpu())
        if record is not None:
            self._records.append(record)

    def row(self) -> dict[str, Any]:
        """Return mean loss and metrics."""
        sums = torch.tensor([sum(self._losses), self._seen], dtype=torch.float64)
        if self._ranks is not None:
            sums = sums.to(self._ranks.device)
            self._ranks.average([sums])
        row = {"loss": float(sums[0] / sums[1])}
        if not self._metrics:
            return row
        scores, targets = self._of_all(self._scores), self._of_all(self._targets)
        return row | prefixed("train", measured(self._metrics, scores, targets))

    def _of_all(self, parts: list[Tensor]) -> Tensor:
        """Return what batches have, of all ranks, in the order that one process would have."""
        if self._ranks is None:
            return torch.cat(parts)
        sizes = [len(part) for part in parts]
        mine = torch.cat([part for part in parts if len(part)] or parts)
        found = zip(self._ranks.gather_rows(mine), self._ranks.gather(sizes), strict=True)
        shares = [rows.split(theirs) for rows, theirs in found]
        return torch.cat([part for batch in zip(*shares, strict=True) for part in batch])

    def rewirings(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """Return what all rewirings did; `before` is the row of the epoch before."""
        return summed(self._records, before)
