"""Energy figures of neuromorphic chips, each with its source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hardware:
    """Energy per operation of a chip or process.

    Attributes
    ----------
    sop_joule : float
        Energy of a synaptic operation (an accumulate), in joules.
    mac_joule : float or None
        Energy of a multiply-accumulate, in joules; None where the source gives none.
    source : str
    """

    sop_joule: float
    mac_joule: float | None
    source: str


HARDWARE = {
    "ANP-I": Hardware(1.5e-12, None, "JSSC 59(8):2717 (2024), doi 10.1109/JSSC.2024.3357045"),
    "ANP-G": Hardware(1.04e-12, None, "JSSC 60(7):2660 (2025), as cited by arXiv 2511.05581"),
    "Loihi": Hardware(23.6e-12, None, "Front. Neurosci. 17 (2023), PMC10326429, table 3"),
    "TrueNorth": Hardware(26e-12, None, "Science 345:668 (2014), whole chip with static power"),
    "TrueNorth-core": Hardware(2.5e-12, None, "PMC10326429, table 3 (Akopyan 2015)"),
    "SpiNNaker2": Hardware(10e-12, None, "Front. Neurosci. 17 (2023), PMC10326429, table 3"),
    "ODIN": Hardware(12.7e-12, None, "Front. Neurosci. 17 (2023), PMC10326429, table 3"),
    "CMOS-45nm": Hardware(0.9e-12, 4.6e-12, "Horowitz, ISSCC 2014: 32-bit float add, MAC"),
}
