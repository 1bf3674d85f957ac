"""What happened in each epoch."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chgraph.storage import write_atomically


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
        """Return one column, an entry per epoch."""
        return [row[name] for row in self.rows]

    def write_csv(self, path: Path) -> Path:
        """Write the rows as a table, atomically."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(self.rows[0]) if self.rows else [])
        writer.writeheader()
        writer.writerows(self.rows)
        return write_atomically(path, text.getvalue().encode())
