"""Small networks, and single steps of a way of rewiring on them."""

import itertools

import numpy as np
import torch

from chgraph import as_bipartite
from chsnn import LIF, Encoder, sparse_layers
from chsnn.networks import SpikingMLP
from chsnn.observe import GradientTap


def network(sizes, density, seed, dense_output=True):
    """A network of random graphs with random values, dead neurons included."""
    rng = np.random.default_rng(seed)
    graphs = [as_bipartite(rng.random(shape) < density) for shape in itertools.pairwise(sizes)]
    if dense_output and len(graphs) > 1:
        graphs[-1] = as_bipartite(np.ones(sizes[-2:]))
    result = SpikingMLP(graphs, encoder=Encoder("direct", 2), neuron=LIF())
    for layer in result.layers:
        layer.set_values(rng.standard_normal(layer.graph.n_links).astype(np.float32))
    names = list(sparse_layers(result))
    result.rewired = names[:-1] if dense_output and len(names) > 1 else names
    return result


def evolving(net):
    """The names of the layers to rewire: all but a dense output."""
    return getattr(net, "rewired", list(sparse_layers(net))[:-1])


def state_of(rewiring, net, optimizer=None, seed=1, n_threads=1):
    """What a rewiring that begins now remembers."""
    rewirer = rewiring.attach(
        net,
        optimizer,
        total_steps=1,
        every=1,
        layers=evolving(net),
        seed=seed,
        n_threads=n_threads,
    )
    rewirer.detach()
    return rewirer.state


def gradients_of(net, seed=0):
    """What a backward pass on a random batch leaves at every layer."""
    images = torch.rand(4, net.sizes[0], generator=torch.Generator().manual_seed(seed))
    tap = GradientTap(sparse_layers(net))
    tap.open()
    net(images).square().sum().backward()
    net.zero_grad()
    return tap.gradients


def step(
    rewiring, net, index=0, optimizer=None, seed=1, n_threads=1, progress=0.0, state=None, batch=0
):
    """Rewire once, as the step of this number."""
    if state is None:
        state = state_of(rewiring, net, optimizer, seed, n_threads)
    state.events = index
    return rewiring.step(
        state,
        progress=progress,
        gradients=gradients_of(net, batch) if rewiring.reads_gradients else None,
    )


def codes_in_order(graph):
    """Each link as one number, in link order."""
    left, right = graph.links()
    return (left * graph.n_right + right).tolist()


def codes(graph):
    return set(codes_in_order(graph))
