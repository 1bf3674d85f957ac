"""One sample through a whole network, spike by spike.

Each spike adds the values of its out-links to the currents of their targets; nothing is done
for silent inputs. Inputs fire in rising order, which is the order in which the batch kernels
sum, so the currents, and with them the spikes, are bit for bit those of the network.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from chgraph.jit import Int, kernel
from chsnn._kernels.lif import fire


class Program(NamedTuple):
    """A network with its layers behind one another in flat arrays.

    Layer l has the inputs ``first_in[l]:first_in[l + 1]`` in `offsets` (which has one entry
    more per layer) and the outputs ``first_out[l]:first_out[l + 1]`` in `bias`. `d` (leak),
    `theta` (threshold), `filtered` (whether neurons have a synaptic current) and `d_syn` (its
    leak) exist for every layer with neurons: all, or all but the last.
    """

    first_in: np.ndarray
    first_out: np.ndarray
    offsets: np.ndarray
    targets: np.ndarray
    values: np.ndarray
    bias: np.ndarray
    d: np.ndarray
    theta: np.ndarray
    filtered: np.ndarray
    d_syn: np.ndarray


class Record(NamedTuple):
    """What the samples did: the counts by layer are added to, the others are overwritten.

    `out`: by sample and step, the spikes of the last layer, or its currents if it has no
    neurons. `trains`: by sample and step, the spikes of all neurons; no step if unwanted.
    """

    out: np.ndarray
    trains: np.ndarray
    sops: np.ndarray
    spikes: np.ndarray


@kernel()
def are_spikes(x: np.ndarray) -> bool:
    """Whether a flat array holds only zeros and ones."""
    other = 0
    for i in range(x.size):
        other += (x[i] != 0) & (x[i] != 1)
    return other == 0


@kernel()
def _spread(
    fired: np.ndarray,
    offsets: np.ndarray,
    targets: np.ndarray,
    values: np.ndarray,
    current: np.ndarray,
) -> Int:
    """Add the out-links of the spikes to the currents; return the number of links crossed."""
    crossed = 0
    for i in fired:
        first, last = offsets[i], offsets[i + 1]
        for p in range(first, last):
            current[targets[p]] += values[p]
        crossed += last - first
    return crossed


@kernel(fastmath=frozenset({"contract"}))
def receive_images(program: Program, images: np.ndarray, currents: np.ndarray) -> Int:
    """Compute what the first layer receives from analogue images: multiply and add.

    Returns the number of links from inputs that are not zero; nothing is done for the others.
    """
    crossed = 0
    for sample in range(images.shape[0]):
        image, current = images[sample], currents[sample]
        current[:] = program.bias[: current.size]
        for i in range(image.size):
            if image[i] != 0:
                first, last = program.offsets[i], program.offsets[i + 1]
                for p in range(first, last):
                    current[program.targets[p]] += program.values[p] * image[i]
                crossed += last - first
    return crossed


@kernel()
def _list_spikes(z: np.ndarray, fired: np.ndarray) -> np.ndarray:
    """List the neurons that fire, without a branch on the spike; ``fired`` has a spare place."""
    count = 0
    for i in range(z.size):
        fired[count] = i
        count += z[i] != 0
    return fired[:count]


@kernel()
def _fire_filtered(
    x: np.ndarray, v: np.ndarray, i: np.ndarray, z: np.ndarray, d: Any, theta: Any, d_syn: Any
) -> None:
    """Do one step of Norse's current-based LIF, operation by operation."""
    zero, one = z.dtype.type(0), z.dtype.type(1)
    for n in range(z.size):
        jumped = i[n] + x[n] / d
        u = v[n] + d * ((zero - v[n]) + jumped)
        i[n] = jumped + -d_syn * jumped
        spike = one if u > theta else zero
        z[n] = spike
        v[n] = (one - spike) * u


@kernel()
def _widest(starts: np.ndarray) -> Int:
    most = np.int64(0)
    for layer in range(starts.size - 1):
        most = max(most, starts[layer + 1] - starts[layer])
    return most


@kernel()
def _receive(program: Program, layer: Int, fired: np.ndarray, current: np.ndarray) -> Int:
    """Compute the currents of a layer from the inputs that fire; return the links crossed."""
    current[:] = program.bias[program.first_out[layer] : program.first_out[layer + 1]]
    first, last = program.first_in[layer] + layer, program.first_in[layer + 1] + layer
    offsets = program.offsets[first : last + 1]
    return _spread(fired, offsets, program.targets, program.values, current)


@kernel()
def _respond(
    program: Program, layer: Int, current: np.ndarray, v: np.ndarray, i: np.ndarray, z: np.ndarray
) -> None:
    """Do one step of the neurons of a layer."""
    d, theta = program.d[layer], program.theta[layer]
    if program.filtered[layer]:
        _fire_filtered(current, v, i, z, d, theta, program.d_syn[layer])
    else:
        fire(current, v, z, d, theta)


@kernel()
def _run_sample(
    program: Program, x: np.ndarray, constant: np.ndarray, sample: Int, record: Record
) -> None:
    number, starts = program.values.dtype, program.first_out
    n_layers, n_spiking = starts.size - 1, program.d.size
    n_neurons, is_constant = starts[n_spiking], x.shape[0] == 0
    v, i, z = np.zeros(n_neurons, number), np.zeros(n_neurons, number), np.zeros(n_neurons, number)
    room = np.empty(_widest(starts), number)
    listed = np.empty(max(_widest(program.first_in), _widest(starts)) + 1, np.int64)
    fired = listed[:0]
    for step in range(record.out.shape[1]):
        if not is_constant:
            fired = _list_spikes(x[step], listed)
        for layer in range(n_layers):
            low, high = starts[layer], starts[layer + 1]
            current = room[: high - low]
            if layer == 0 and is_constant:
                current[:] = constant
            else:
                record.sops[layer] += _receive(program, layer, fired, current)
            if layer < n_spiking:
                _respond(program, layer, current, v[low:high], i[low:high], z[low:high])
                fired = _list_spikes(z[low:high], listed)
                record.spikes[layer] += fired.size
            else:
                record.out[sample, step] = current
        if n_spiking == n_layers:
            record.out[sample, step] = z[starts[n_layers - 1] :]
        if record.trains.shape[1]:
            record.trains[sample, step] = z != 0


@kernel()
def run_samples(program: Program, x: np.ndarray, constants: np.ndarray, record: Record) -> None:
    """Run samples one by one over the steps of ``record.out``.

    ``x`` holds the spikes by sample and step. It has no step if the input never changes;
    ``constants`` then are the currents that the first layer receives at every step.
    """
    for sample in range(record.out.shape[0]):
        _run_sample(program, x[sample], constants[sample], sample, record)
