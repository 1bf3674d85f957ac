"""Cannistraci-Hebb scores of monopartite networks, one source node at a time.

For an unlinked pair u, v and paths u - z1 - z2 - v the local community is
``Z1 + Z2``: the z1 in N(u) with a neighbor in N(v), and the z2 in N(v) with one in N(u).
A node linked to u only has

    di(z1) = |N(z1) & N(v)| + |N(z1) & N(u) & Z1 - N(v)|

(the second part counts only for local_community="all"), one linked to v only the mirror
image, and one linked to both ``|N(z) & (N(u) | N(v))|``. What one source shares with all its
targets is listed once: near(u), the nodes with neighbors in N(u), each with the list of these
neighbors, its *gates*; and the *hits* of every target, its z2 in near(u) with their roots, for
which the triangles of the link z2 - v are needed (listed once per network: apexes). A target
then costs two additions per path, in two short arrays indexed by position in N(u), plus one
root per z1.

Nodes are expected in order of falling degree, and a pair is treated from its larger node u:
hubs are sources often and targets seldom, so what is listed per source serves many targets.

Three storeys: ``best_pairs`` / ``all_pairs`` (split over workers) -> ``_sources_of_worker``
-> ``_score_source`` (one thread, no shared writes). Each pair is summed in
an order given by the network alone: results do not depend on workers or chunks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chgraph.jit import Int, inlined, kernel, leaf
from chgraph.linkpred._best_core import may_enter, offer
from chgraph.linkpred._monopartite_network import Network
from chgraph.linkpred._pair_lists import Best, Found, new_best, new_found
from chgraph.threads import run_workers

_LEAST_ROOM = 2**20  # hits that a worker has room for at least
SEED, NEAR, SEEN = 1, 2, 4  # bits of Workspace.state: in N(u), in near(u), listed as target


class Workspace(NamedTuple):
    """Rows of one worker; ``state``, ``paths``, ``sums`` and ``shared`` rest as zeros.

    By node: state, rank (position in near), place (position in targets), near, targets, scores.
    By position in near: gate_offsets into gates. By position in N(u): paths, sums, shared,
    touched. By position in targets: hit_offsets into the hits, the z2 of each target; there is
    room for those of some targets at a time, at least of one.
    """

    state: np.ndarray
    rank: np.ndarray
    place: np.ndarray
    near: np.ndarray
    targets: np.ndarray
    scores: np.ndarray
    gate_offsets: np.ndarray
    gates: np.ndarray
    paths: np.ndarray
    sums: np.ndarray
    shared: np.ndarray
    touched: np.ndarray
    hit_offsets: np.ndarray
    hit_ranks: np.ndarray
    hit_roots: np.ndarray


@leaf
def _n_gates(u: Int, net: Network) -> Int:
    total = 0
    for i in range(net.offsets[u], net.offsets[u + 1]):
        z = net.neighbors[i]
        total += net.offsets[z + 1] - net.offsets[z]
    return total


@kernel()
def _new_workspace(sources: np.ndarray, net: Network) -> Workspace:
    """Rows large enough for each of these sources (pages never written take no memory)."""
    n, n_slots = net.offsets.size - 1, net.neighbors.size
    n_gates: Int = 0
    n_seeds: Int = 0
    for i in range(sources.size):
        u = sources[i]
        n_gates = max(n_gates, _n_gates(u, net))
        n_seeds = max(n_seeds, net.offsets[u + 1] - net.offsets[u])
    n_hits = min(n_slots, max(n, _LEAST_ROOM)) if net.length == 3 else 0
    return Workspace(
        state=np.zeros(n, np.uint8),
        rank=np.empty(n, np.uint32),
        place=np.empty(n, np.uint32),
        near=np.empty(n, np.uint32),
        targets=np.empty(n, np.uint32),
        scores=np.empty(n, np.float64),
        gate_offsets=np.empty(n + 2, np.int64),
        gates=np.empty(n_gates, np.uint32),
        paths=np.zeros(n_seeds + 1, np.int64),
        sums=np.zeros(n_seeds + 1, np.float64),
        shared=np.zeros(n_seeds + 1, np.uint8),
        touched=np.empty(n_seeds + 1, np.uint32),
        hit_offsets=np.empty(n + 2, np.int64),
        hit_ranks=np.empty(n_hits, np.uint32),
        hit_roots=np.empty(n_hits, np.float64),
    )


@leaf
def _open_source(u: Int, net: Network, work: Workspace) -> Int:
    """List near(u) and the gates of each of its nodes (counting sort); returns |near(u)|."""
    first, last = net.offsets[u], net.offsets[u + 1]
    ends = work.gate_offsets
    ends[:2] = 0
    n_near = 0
    for i in range(first, last):
        z1 = net.neighbors[i]
        work.state[z1] |= SEED
        for j in range(net.offsets[z1], net.offsets[z1 + 1]):
            z2 = net.neighbors[j]
            if z2 == u:
                continue
            if work.state[z2] & NEAR == 0:
                work.state[z2] |= NEAR
                work.rank[z2] = n_near
                work.near[n_near] = z2
                n_near += 1
                ends[n_near + 1] = 0
            ends[work.rank[z2] + 2] += 1
    for w in range(2, n_near + 2):
        ends[w] += ends[w - 1]
    for i in range(first, last):
        z1 = net.neighbors[i]
        for j in range(net.offsets[z1], net.offsets[z1 + 1]):
            z2 = net.neighbors[j]
            if z2 != u:
                w = work.rank[z2] + 1
                work.gates[ends[w]] = i - first
                ends[w] += 1
    return n_near


@leaf
def _close_source(u: Int, n_near: Int, net: Network, work: Workspace) -> None:
    for i in range(net.offsets[u], net.offsets[u + 1]):
        work.state[net.neighbors[i]] = 0
    for w in range(n_near):
        work.state[work.near[w]] = 0


@leaf
def _list_targets(u: Int, n_near: Int, net: Network, work: Workspace) -> Int:
    """List the unlinked v > u at the end of a walk u - z1 - z2 - v, and count their z2."""
    ends = work.hit_offsets
    ends[:2] = 0
    n_targets = 0
    for w in range(n_near):
        z2 = work.near[w]
        for slot in range(net.offsets[z2 + 1] - 1, net.offsets[z2] - 1, -1):
            v = net.neighbors[slot]
            if v <= u:
                break
            if work.state[v] & SEED:
                continue
            if work.state[v] & SEEN == 0:
                work.state[v] |= SEEN
                work.place[v] = n_targets
                work.targets[n_targets] = v
                n_targets += 1
                ends[n_targets + 1] = 0
            ends[work.place[v] + 2] += 1
    for t in range(n_targets):
        work.state[work.targets[t]] &= NEAR
        ends[t + 2] += ends[t + 1]
    return n_targets


@leaf
def _is_neighbor(y: Int, z: Int, net: Network) -> bool:
    """Whether y and z are linked (binary search in the row of z)."""
    low, high = net.offsets[z], net.offsets[z + 1]
    end = high
    while low < high:
        middle = (low + high) // 2
        if net.neighbors[middle] < y:
            low = middle + 1
        else:
            high = middle
    return low < end and net.neighbors[low] == y


@inlined
def _n_apexes_near(slot: Int, v: Int, z2: Int, net: Network, state: np.ndarray) -> Int:
    """How many common neighbors of v and z2 (linked: slot) are in near(u) - N(u)."""
    first, last = 0, 1
    if net.apex_offsets.size > 1:
        first, last = net.apex_offsets[slot], net.apex_offsets[slot + 1]
    total = 0
    if net.apexes.size > 0:
        for i in range(first, last):
            total += state[net.apexes[i]] == NEAR
    elif last > first:
        short, long = max(v, z2), min(v, z2)  # nodes are in order of falling degree
        for i in range(net.offsets[short], net.offsets[short + 1]):
            y = net.neighbors[i]
            if state[y] == NEAR:
                total += _is_neighbor(y, long, net)
    return total


@leaf
def _targets_with_room(begin: Int, n_targets: Int, work: Workspace) -> Int:
    """Return the end of the longest run of targets from ``begin`` whose hits there is room for."""
    starts, room = work.hit_offsets, work.hit_ranks.size
    end = begin + 1
    while end < n_targets and starts[end + 2] - starts[begin + 1] <= room:
        end += 1
    return end


@leaf
def _list_hits(u: Int, n_near: Int, begin: Int, end: Int, net: Network, work: Workspace) -> Int:
    """Sort the z2 by target, each with its root, of the targets begin..end - 1.

    A common neighbor of u and v has root 0 here: its term needs the finished path counts.
    Returns how many hits the targets before have.
    """
    ends = work.hit_offsets
    before = ends[begin + 1]
    for w in range(n_near):
        z2 = work.near[w]
        n_gates = work.gate_offsets[w + 1] - work.gate_offsets[w]
        terms = net.one_start[z2] + n_gates
        of_both = work.state[z2] & SEED
        for slot in range(net.offsets[z2 + 1] - 1, net.offsets[z2] - 1, -1):
            v = net.neighbors[slot]
            if v <= u:
                break
            if work.state[v] & SEED:
                continue
            place = work.place[v]
            if place < begin or place >= end:
                continue
            root = 0.0
            if not of_both:
                n_apexes = 0 if net.on_path else _n_apexes_near(slot, v, z2, net, work.state)
                root = net.one_values[terms + n_apexes]
            at = ends[place + 1]
            ends[place + 1] += 1
            work.hit_ranks[at - before] = w
            work.hit_roots[at - before] = root
    return before


@inlined
def _walk_back(t: Int, before: Int, work: Workspace) -> Int:
    """Walk v - z2 - z1 for target t: count the paths at each z1 and add up the roots of z2."""
    n_touched = 0
    for h in range(work.hit_offsets[t] - before, work.hit_offsets[t + 1] - before):
        rank, root = work.hit_ranks[h], work.hit_roots[h]
        for g in range(work.gate_offsets[rank], work.gate_offsets[rank + 1]):
            gate = work.gates[g]
            work.touched[n_touched] = gate
            n_touched += work.paths[gate] == 0
            work.paths[gate] += 1
            work.sums[gate] += root
    return n_touched


@inlined
def _root_of_both(z: Int, gate: Int, net: Network, work: Workspace) -> float:
    """Root of z, a common neighbor of u and v: di = |N(z) & (N(u) | N(v))|."""
    internal = work.paths[gate]
    if work.state[z] & NEAR:
        rank = work.rank[z]
        for g in range(work.gate_offsets[rank], work.gate_offsets[rank + 1]):
            internal += work.shared[work.gates[g]] == 0
    return net.two_values[net.two_start[z] + internal]


@inlined
def _n_gates_alone(z1: Int, net: Network, work: Workspace) -> Int:
    """Neighbors of z1 in N(u) that are on a path to v, but not linked to v."""
    total = 0
    if work.state[z1] & NEAR:
        rank = work.rank[z1]
        for g in range(work.gate_offsets[rank], work.gate_offsets[rank + 1]):
            other = work.gates[g]
            total += (work.paths[other] > 0) & (work.shared[other] == 0)
    return total


@inlined
def _root_of_gate(u: Int, gate: Int, net: Network, work: Workspace) -> float:
    """Root of z1, the gate-th neighbor of u."""
    z1 = net.neighbors[net.offsets[u] + gate]
    if work.shared[gate]:
        root = _root_of_both(z1, gate, net, work)
    else:
        internal = work.paths[gate]
        if not net.on_path:
            internal += _n_gates_alone(z1, net, work)
        root = net.one_values[net.one_start[z1] + internal]
    return root


@inlined
def _add_roots_of_both(u: Int, begin: Int, end: Int, net: Network, work: Workspace) -> None:
    """Add the roots of the common neighbors of u and v, gates[begin:end], where they are z2."""
    for g in range(begin, end):
        z2 = net.neighbors[net.offsets[u] + work.gates[g]]
        if work.state[z2] & NEAR:
            root = _root_of_both(z2, work.gates[g], net, work)
            rank = work.rank[z2]
            for h in range(work.gate_offsets[rank], work.gate_offsets[rank + 1]):
                work.sums[work.gates[h]] += root


@leaf
def _score_l3(u: Int, t: Int, before: Int, net: Network, work: Workspace) -> float:
    """Sum over the z1 of target t: root(z1) times the sum of root(z2) collected there."""
    v = work.targets[t]
    begin, end = 0, 0
    if work.state[v] & NEAR:
        begin, end = work.gate_offsets[work.rank[v]], work.gate_offsets[work.rank[v] + 1]
    for g in range(begin, end):
        work.shared[work.gates[g]] = 1
    n_touched = _walk_back(t, before, work)
    _add_roots_of_both(u, begin, end, net, work)
    score = 0.0
    for i in range(n_touched):
        gate = work.touched[i]
        score += work.sums[gate] * _root_of_gate(u, gate, net, work)
    for i in range(n_touched):
        work.paths[work.touched[i]] = 0
        work.sums[work.touched[i]] = 0.0
    for g in range(begin, end):
        work.shared[work.gates[g]] = 0
    return score


@leaf
def _score_l2(u: Int, v: Int, net: Network, work: Workspace) -> float:
    """Sum of the terms of the common neighbors, which are the gates of v."""
    begin, end = work.gate_offsets[work.rank[v]], work.gate_offsets[work.rank[v] + 1]
    for g in range(begin, end):
        work.shared[work.gates[g]] = 1
    score = 0.0
    for g in range(begin, end):
        z = net.neighbors[net.offsets[u] + work.gates[g]]
        internal = 0
        if work.state[z] & NEAR:
            rank = work.rank[z]
            for h in range(work.gate_offsets[rank], work.gate_offsets[rank + 1]):
                internal += work.shared[work.gates[h]]
        score += net.two_values[net.two_start[z] + internal]
    for g in range(begin, end):
        work.shared[work.gates[g]] = 0
    return score


@leaf
def _score_source(u: Int, net: Network, work: Workspace) -> Int:
    """Leave the targets v > u and their scores in ``work``; returns how many there are."""
    n_near = _open_source(u, net, work)
    n_targets: Int = 0
    if net.length == 3:
        n_targets = _list_targets(u, n_near, net, work)
        begin: Int = 0
        while begin < n_targets:
            end = _targets_with_room(begin, n_targets, work)
            before = _list_hits(u, n_near, begin, end, net, work)
            for t in range(begin, end):
                work.scores[t] = _score_l3(u, t, before, net, work)
            begin = end
    else:
        for w in range(n_near):
            v = work.near[w]
            if v > u and work.state[v] == NEAR:
                work.targets[n_targets] = v
                work.scores[n_targets] = _score_l2(u, v, net, work)
                n_targets += 1
    _close_source(u, n_near, net, work)
    return n_targets


@leaf
def _offer_targets(
    worker: Int, u: Int, n_targets: Int, net: Network, work: Workspace, best: Best
) -> None:
    """Offer the pairs of one source to the heap of this worker."""
    label = net.labels[u]
    for t in range(n_targets):
        score = work.scores[t]
        if may_enter(best, worker, score):
            other = net.labels[work.targets[t]]
            offer(best, worker, score, min(label, other), max(label, other))


@leaf
def _write_targets(u: Int, n_targets: Int, net: Network, work: Workspace, found: Found) -> None:
    """Write the positive scores of one source to its own stretch of ``found``."""
    at = found.begins[u]
    for t in range(n_targets):
        if work.scores[t] > 0.0:
            found.targets[at] = net.labels[work.targets[t]]
            found.scores[at] = work.scores[t]
            at += 1
    found.counts[u] = at - found.begins[u]


@kernel()
def _sources_of_worker(
    worker: Int, sources: np.ndarray, net: Network, best: Best, found: Found
) -> None:
    work = _new_workspace(sources, net)
    for i in range(sources.size):
        u = sources[i]
        n_targets = _score_source(u, net, work)
        if best.sizes.size:
            _offer_targets(worker, u, n_targets, net, work, best)
        else:
            _write_targets(u, n_targets, net, work, found)


def _score_sources(
    sources: np.ndarray, bounds: np.ndarray, net: Network, best: Best, found: Found
) -> None:
    def body(worker: int) -> None:
        mine = sources[bounds[worker] : bounds[worker + 1]]
        _sources_of_worker(worker, mine, net, best, found)

    run_workers(bounds.size - 1, body)


def best_pairs(sources: np.ndarray, bounds: np.ndarray, net: Network, best: Best) -> None:
    """Offer all pairs of these sources to ``best``.

    Worker w scores ``sources[bounds[w]:bounds[w + 1]]`` (see ``deal_sources``) and needs one
    row of memory. One compiled kernel serves both this and ``all_pairs``.
    """
    nowhere = new_found(np.zeros(0, np.int64), 0, 0)
    _score_sources(sources, bounds, net, best, nowhere)


def all_pairs(sources: np.ndarray, bounds: np.ndarray, net: Network, found: Found) -> None:
    """Write all positive scores of these sources to ``found``."""
    _score_sources(sources, bounds, net, new_best(0, 0), found)
