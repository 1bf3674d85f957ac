"""Synaptic operations of any model, and the energy they cost on neuromorphic hardware.

A synaptic operation (SOP) is one spike crossing one existing link. A value that is not a spike
costs multiply-accumulates (MACs), one per link and step, and is reported apart.
"""

from chsnn.energy.activity import LayerActivity, NeuronActivity, SampleActivity
from chsnn.energy.counter import SynapticCounter, count_synaptic_operations
from chsnn.energy.estimate import estimate_energy
from chsnn.energy.report import EnergyReport, EnergyTerm
from chsnn.hardware import HARDWARE

__all__ = [
    "HARDWARE",
    "EnergyReport",
    "EnergyTerm",
    "LayerActivity",
    "NeuronActivity",
    "SampleActivity",
    "SynapticCounter",
    "count_synaptic_operations",
    "estimate_energy",
]
