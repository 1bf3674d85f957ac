"""What the removal of dead neurons does to a network of plain matrices: nothing."""

import itertools
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from chgraph import as_bipartite
from chgraph.rewiring import Junction, Wiring, remove_dead_chains

SEEDS = st.integers(0, 2**32 - 1)


@dataclass
class Net:
    """Populations in the order of time, each the ReLU of what drives it; the last is read.

    A population stands at a junction (several may share one: a residual stream, a shared
    layer), the input and the output at none.
    """

    places: list  # of each population its junction, None for the input and the output
    sizes: list  # of each population
    weights: dict  # of each layer, 0 where there is no link
    uses: list  # (layer, from population, to population)
    streams: list = field(default_factory=list)  # (from, to): carried on at one junction
    others: list = field(default_factory=list)  # (matrix, from, to): what no layer is
    biases: dict = field(default_factory=dict)  # of a junction

    def output(self, inputs, weights):
        values = [inputs]
        for t in range(1, len(self.places)):
            total = np.zeros((len(inputs), self.sizes[t]))
            for s, to in self.streams:
                total += values[s] if to == t else 0.0
            for matrix, s, to in self.others:
                total += values[s] @ matrix if to == t else 0.0
            for name, s, to in self.uses:
                total += values[s] @ weights[name] if to == t else 0.0
            total += self.biases.get(self.places[t], 0.0)
            values.append(total if self.places[t] is None else np.maximum(total, 0.0))
        return values[-1]

    def wiring(self):
        junctions = []
        for i in sorted({place for place in self.places if place is not None}):
            mine = [t for t, place in enumerate(self.places) if place == i]
            junctions.append(
                Junction(
                    self.sizes[mine[0]],
                    sources=tuple({name: 0 for name, _, t in self.uses if t in mine}),
                    targets=tuple({name: 0 for name, s, _ in self.uses if s in mine}),
                    open_in=i in self.biases or any(t in mine for _, _, t in self.others),
                    open_out=any(s in mine for _, s, _ in self.others),
                )
            )
        return Wiring(tuple(junctions))

    def without_the_dead(self):
        graphs = {name: as_bipartite(matrix != 0) for name, matrix in self.weights.items()}
        result = remove_dead_chains(graphs, self.wiring())
        left = {}
        for name, graph in result.graphs.items():
            left[name] = np.zeros_like(self.weights[name])
            left[name][graph.links()] = self.weights[name][graph.links()]
        return result, left


def random_net(rng):
    """Draw residual sums inside a junction and between two, shared layers, biases, skips."""
    density = rng.choice([0.15, 0.3, 0.5])
    n_hidden = int(rng.integers(1, 6))
    hidden = [0]
    for _ in range(n_hidden - 1):  # a new junction, or one that is there already
        hidden.append(int(rng.integers(0, max(hidden) + 2)))
    junction_sizes = rng.integers(1, 6, max(hidden) + 1).tolist()
    places = [None, *hidden, None]
    net = Net(places, [3, *(junction_sizes[i] for i in hidden), 2], {}, [])
    joins = {}
    for t in range(1, len(places)):
        for s in rng.choice(t, size=min(t, int(rng.integers(1, 3))), replace=False).tolist():
            ends = (("in", s) if s == 0 else places[s], places[t])
            if ends not in joins or rng.random() < 0.5:
                joins[ends] = f"layer{len(net.weights)}"
                shape = net.sizes[s], net.sizes[t]
                linked = rng.random(shape) < density
                net.weights[joins[ends]] = np.where(linked, rng.standard_normal(shape), 0.0)
            net.uses.append((joins[ends], s, t))
        earlier = [s for s in range(1, t) if places[s] == places[t]]
        net.streams += [(s, t) for s in earlier if rng.random() < 0.5]
        if rng.random() < 0.2:
            s = int(rng.integers(t))
            net.others.append((rng.standard_normal((net.sizes[s], net.sizes[t])), s, t))
    net.biases = {i: rng.standard_normal(junction_sizes[i]) for i in hidden if rng.random() < 0.15}
    return net


@settings(max_examples=300)
@given(SEEDS)
def test_removal_of_the_dead_changes_no_output(seed):
    rng = np.random.default_rng(seed)
    net, inputs = random_net(rng), rng.standard_normal((4, 3))
    _, left = net.without_the_dead()
    np.testing.assert_array_equal(net.output(inputs, left), net.output(inputs, net.weights))


def test_the_random_networks_have_the_dead_and_every_form():
    nets = [random_net(np.random.default_rng(seed)) for seed in range(200)]
    removed = [any(mask.any() for mask in net.without_the_dead()[0].dead) for net in nets]
    shared = [len({name for name, *_ in net.uses}) < len(net.uses) for net in nets]
    several = [any(len(j.sources) > 1 for j in net.wiring().junctions) for net in nets]
    own = [any(set(j.sources) & set(j.targets) for j in net.wiring().junctions) for net in nets]
    opened = [any(j.open_in or j.open_out for j in net.wiring().junctions) for net in nets]
    assert min(map(sum, (removed, shared, several, own, opened))) > 30


@given(st.lists(st.integers(1, 6), min_size=3, max_size=5), SEEDS, st.sampled_from([0.3, 0.6]))
def test_every_live_neuron_of_a_path_matters(sizes, seed, density):
    rng = np.random.default_rng(seed)
    shapes = list(itertools.pairwise(sizes))
    weights = [rng.uniform(1, 2, shape) * (rng.random(shape) < density) for shape in shapes]
    places = [None, *range(len(sizes) - 2), None]
    uses = [(f"layer{i}", i, i + 1) for i in range(len(weights))]
    net = Net(places, sizes, {f"layer{i}": matrix for i, matrix in enumerate(weights)}, uses)
    inputs = rng.uniform(1, 2, (1, sizes[0]))
    result, left = net.without_the_dead()
    before = net.output(inputs, left)
    for h, dead in enumerate(result.dead):
        for z in range(dead.size):
            less = {name: matrix.copy() for name, matrix in net.weights.items()}
            less[f"layer{h}"][:, z] = 0.0
            less[f"layer{h + 1}"][z, :] = 0.0
            assert np.array_equal(net.output(inputs, less), before) == dead[z]
