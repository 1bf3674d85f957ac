"""What one rewiring did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class EvolutionRecord:
    """What one evolution step did, summed over the layers that evolve.

    Attributes
    ----------
    zeta : float
        Fraction of links pruned.
    pruned, chain_removed, regrown : int
        Links removed by score, lost with dead neurons (in every layer), and added.
    returned : int
        Regrown links that the same step had removed.
    missing : int
        Links that could not be regrown because no pair of live neurons was free.
    dead_neurons, silent_inputs : int
        Hidden neurons without incoming or outgoing link; inputs without outgoing link.
    stopped_layers : int
        Layers whose rewiring has come to rest because it only brings back what it removed.
    seconds : float

    Examples
    --------
    >>> import chsnn
    >>> record = chsnn.evolution.EvolutionRecord(
    ...     zeta=0.3, pruned=30, seconds=0.1, regrown=30, returned=6
    ... )
    >>> record.overlap
    0.2
    """

    zeta: float
    pruned: int
    seconds: float
    chain_removed: int = 0
    regrown: int = 0
    returned: int = 0
    missing: int = 0
    dead_neurons: int = 0
    silent_inputs: int = 0
    stopped_layers: int = 0

    @property
    def overlap(self) -> float:
        """Fraction of the regrown links that the same step had removed, 0 if none was grown."""
        return self.returned / self.regrown if self.regrown else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a dictionary."""
        return {**asdict(self), "overlap": self.overlap}


# Columns of an epoch that add up its steps; the others show the last step.
_SUMMED = ("pruned", "chain_removed", "regrown", "returned")
_LAST = ("missing", "dead_neurons", "silent_inputs", "stopped_layers")


def summed(
    records: Sequence[EvolutionRecord], before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the evolution columns of one epoch: counts summed, the rest from the last step.

    In an epoch without a step, as the last one is, neurons are as dead as they were `before`: those
    columns are taken from the row of the epoch before.

    Examples
    --------
    >>> first = EvolutionRecord(zeta=0.3, pruned=30, seconds=0.1, regrown=30)
    >>> second = EvolutionRecord(zeta=0.2, pruned=20, seconds=0.1, regrown=20)
    >>> row = summed([first, second])
    >>> row["pruned"], row["zeta"]
    (50, 0.2)
    """
    totals = {name: sum(getattr(r, name) for r in records) for name in _SUMMED}
    stays = before or {}
    last = {name: getattr(records[-1], name) if records else stays.get(name, 0) for name in _LAST}
    return {
        "zeta": records[-1].zeta if records else 0.0,
        **totals,
        "overlap": totals["returned"] / totals["regrown"] if totals["regrown"] else 0.0,
        **last,
        "evolution_seconds": sum(r.seconds for r in records),
    }
