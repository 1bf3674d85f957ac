"""The energy of a model on data: run it, count, and multiply by the figures of a chip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from chgraph.checks import check_positive_int, check_real
from chsnn.data import as_batches
from chsnn.energy.counter import SynapticCounter, count_synaptic_operations
from chsnn.energy.report import EnergyReport, EnergyTerm, SampleActivity
from chsnn.evaluation import BATCH
from chsnn.hardware import Hardware, as_hardware
from chsnn.modules import device_of, evaluating, unwrapped
from chsnn.seeds import seeded
from chsnn.sparsity import link_sparsity

# What memory traffic is made of, where the hardware has a figure for it.
_BYTES = 4.0  # of a weight, and of a potential


def estimate_energy(
    model: nn.Module,
    data: Any,
    *,
    hardware: str | Path | Hardware = "ANP-I",
    baseline: nn.Module | EnergyReport | None = None,
    count_input_as_spikes: bool = False,
    per_sample: bool = False,
    timesteps: int | None = None,
    seconds_per_sample: float | None = None,
    seed: int = 0,
) -> EnergyReport:
    """Count the synaptic operations of a model on data and estimate their energy.

    A synaptic operation (SOP) is one spike crossing one existing link. Values that are not spikes
    (neither 0 nor 1 nor -1: an analogue image, averages of spikes, sums of them) cost
    multiply-accumulates (MACs), one per link and step. `energy_per_sample_j` is that of the SOPs;
    what else the hardware has a figure for stands beside it in `terms`, and the report says in
    words what is left out.

    Parameters
    ----------
    model : Module
        Any: sparse, linear and convolutional layers, recurrent cells, attention. Run in
        evaluation mode and left as it was.
    data : Samples, pair of arrays, DataLoader, Dataset or list of batches
    hardware : str, Path or Hardware
        A key of :data:`chsnn.HARDWARE`, a TOML file (:func:`chsnn.hardware.read_hardware`) or a
        profile.
    baseline : Module or EnergyReport, optional
        The model to compare with, measured on the same data, or its report.
    count_input_as_spikes : bool
        Whether to count values that are not spikes as such.
    per_sample : bool
        Whether to run samples one by one, for what each of them costs.
    timesteps : int, optional
        Of the model: the layers then say their spikes and SOPs at each step. A layer that is
        called so often is called once at each; called once, it reads time first, (T, B, ...) or
        (T * B, ...). Where neither holds its counts at each step are None.
    seconds_per_sample : float, optional
        How long the chip takes: with it, static power counts where the hardware has a figure.
    seed : int
        Of a random encoding.

    Returns
    -------
    EnergyReport

    Raises
    ------
    ValueError
        If the hardware is unknown, or not that of the baseline's report, or the model has no
        layer or the data no sample, or steps are to be told apart in batches that have time
        second.

    References
    ----------
    CH-SNN, arXiv 2511.05581, section 4.2. NeuroBench, Nat. Commun. 16:1545 (effective operations).
    :data:`chsnn.HARDWARE` names the source of each figure.

    Examples
    --------
    >>> import chsnn
    >>> data = chsnn.load_data("digits")
    >>> sparse = chsnn.networks.mlp((64, 64, 10), sparsity=0.9, encoding="even")
    >>> dense = chsnn.networks.mlp((64, 64, 10), sparsity=0.0, encoding="even")
    >>> report = estimate_energy(sparse, data.test, baseline=dense)
    >>> report.sops_per_sample < report.baseline.sops_per_sample
    True
    """
    chip = as_hardware(hardware)
    if seconds_per_sample is not None:
        seconds_per_sample = check_real("seconds_per_sample", seconds_per_sample, minimum=0.0)
    if isinstance(baseline, EnergyReport) and baseline.hardware != chip.name:
        raise ValueError(
            f"baseline must be a report for the same hardware, {chip.name}, got {baseline.hardware}"
        )
    if isinstance(baseline, nn.Module):
        baseline = estimate_energy(
            baseline,
            data,
            hardware=chip,
            count_input_as_spikes=count_input_as_spikes,
            per_sample=per_sample,
            timesteps=timesteps,
            seconds_per_sample=seconds_per_sample,
            seed=seed,
        )
    if timesteps is not None:
        timesteps = check_positive_int("timesteps", timesteps)
    counter, samples = _run_counted(model, data, count_input_as_spikes, per_sample, timesteps, seed)
    return _report(model, counter, chip, seconds_per_sample, samples).against(baseline)


def _report(
    model: nn.Module,
    counter: SynapticCounter,
    chip: Hardware,
    seconds: float | None,
    samples: SampleActivity | None,
) -> EnergyReport:
    n, layers, neurons = counter.n_samples, counter.layers(), counter.populations()
    sops = counter.sops_per_sample()
    macs = sum(layer.macs for layer in layers) / n
    updates = sum(population.updates for population in neurons) / n
    return EnergyReport(
        hardware=chip.name,
        n_samples=n,
        layers=layers,
        firing_rate=counter.firing_rate(),
        sops_per_sample=sops,
        macs_per_sample=macs,
        energy_per_sample_j=sops * chip.sop_joule,
        mac_energy_per_sample_j=None if chip.mac_joule is None else macs * chip.mac_joule,
        link_sparsity=link_sparsity(model),
        neurons=neurons,
        terms=_terms(chip, sops, macs, updates, seconds),
        not_counted=_not_counted(chip, macs, updates, seconds, counter.opaque),
        samples=samples,
    )


def _terms(
    chip: Hardware, sops: float, macs: float, updates: float, seconds: float | None
) -> tuple[EnergyTerm, ...]:
    terms = [EnergyTerm("synaptic operations", sops * chip.sop.value, chip.sop.source)]
    if chip.mac is not None and macs:
        terms.append(EnergyTerm("multiply-accumulates", macs * chip.mac.value, chip.mac.source))
    if chip.neuron_update is not None and updates:
        figure = chip.neuron_update
        terms.append(EnergyTerm("neuron updates", updates * figure.value, figure.source))
    if chip.memory is not None:
        moved = _BYTES * (sops + macs + 2.0 * updates)
        terms.append(EnergyTerm("memory", moved * chip.memory.value, chip.memory.source))
    if chip.static_power is not None and seconds is not None:
        figure = chip.static_power
        terms.append(EnergyTerm("static power", seconds * figure.value, figure.source))
    return tuple(terms)


def _not_counted(
    chip: Hardware, macs: float, updates: float, seconds: float | None, opaque: set[str]
) -> tuple[str, ...]:
    left_out = []
    if chip.mac is None and macs:
        left_out.append(f"{macs:,.0f} MACs a sample ({chip.name} has no figure)")
    if chip.neuron_update is None and updates:
        left_out.append(f"{updates:,.0f} neuron updates a sample")
    if chip.memory is None:
        left_out.append("memory beyond what the figure of a SOP includes")
    if chip.static_power is None:
        left_out.append("static power")
    elif seconds is None:
        left_out.append("static power (seconds_per_sample is not given)")
    left_out.append("pooling, norms, encoding, input and output")
    left_out += [f"what {name!r} computes as a whole" for name in sorted(opaque)]
    return tuple(left_out)


@torch.no_grad()
def _run_counted(
    model: nn.Module,
    data: Any,
    count_input_as_spikes: bool,
    per_sample: bool,
    timesteps: int | None,
    seed: int,
) -> tuple[SynapticCounter, SampleActivity | None]:
    device, model = device_of(model), unwrapped(model)
    marks: list[dict[str, tuple[float, float, float]]] = []
    with (
        evaluating(model),
        seeded(seed, "evaluate"),
        count_synaptic_operations(
            model, count_input_as_spikes=count_input_as_spikes, timesteps=timesteps
        ) as counter,
    ):
        for inputs, labels in as_batches(data, 1 if per_sample else BATCH, name="data").iterate():
            for part, n in _parts(inputs, len(labels), per_sample):
                _check_time_first(part, n, timesteps)
                with counter.showing(n):
                    model(part.to(device))
                if per_sample:
                    marks.append(counter.mark())
    return counter, counter.between(marks) if per_sample else None


def _check_time_first(inputs: Tensor, n: int, timesteps: int | None) -> None:
    if timesteps in (None, n) or inputs.dim() < 3:
        return
    if inputs.shape[0] == n and inputs.shape[1] == timesteps:
        raise ValueError(
            f"data: a batch of shape {tuple(inputs.shape)} has time second; steps are told apart "
            "where time comes first, (timesteps, samples, ...)"
        )


def _parts(inputs: Tensor, n: int, one_by_one: bool) -> Iterator[tuple[Tensor, int]]:
    """Yield a batch as it is, or its samples."""
    if not one_by_one or n == 1:
        yield inputs, n
        return
    axes = [axis for axis in (0, 1) if inputs.dim() > axis and inputs.shape[axis] == n]
    if len(axes) != 1:
        raise ValueError(
            f"data: a batch of {n} samples and shape {tuple(inputs.shape)} does not tell which "
            "axis they are along; for single samples give batches of one"
        )
    for part in inputs.split(1, dim=axes[0]):
        yield part, 1
