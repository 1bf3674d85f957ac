"""Loops of one's own, on ranks or in one process, for rank_checks."""

from contextlib import nullcontext

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import chsnn
from chsnn import distributed
from tests.chsnn.rank_models import mine, model_of, numbers, state_of


def wrapped_in(model, ranks, **options):
    return model if ranks is None else DistributedDataParallel(model, **options)


def loop(
    ranks,
    *,
    evolution=None,
    steps=44,
    every=4,
    parts=1,
    averages_each=False,
    via=None,
    seed=0,
    **options,
):
    """An ordinary loop; in one process on the whole batch."""
    model = model_of(seed)
    net = wrapped_in(model, ranks, **options) if via is None else model
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    evolution = chsnn.Evolution(zeta=0.3) if evolution is None else evolution
    rewirer = evolution.attach(net, optimizer, total_steps=steps, every=every)
    records = []
    for step in range(steps):
        optimizer.zero_grad()
        for part in range(parts):
            x, y = numbers(8, seed=100 * step + part)
            share = mine(8, ranks)
            waits = (
                not averages_each and part < parts - 1 and isinstance(net, DistributedDataParallel)
            )
            with net.no_sync() if waits else nullcontext():
                nn.functional.cross_entropy(net(x[share]), y[share]).backward()
        if via is not None and ranks is not None:
            via(model)
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        record = rewirer.step()
        records += [] if record is None else [record.regrown]
    return {**state_of(model), "records": records}


def ddp(ranks, folder):
    return loop(ranks)


def ddp_by_gradients(ranks, folder):
    return loop(ranks, evolution=chsnn.Evolution(regrowth="gradient"))


def ddp_accumulates(ranks, folder):
    return loop(ranks, parts=3, steps=20, gradient_as_bucket_view=True)


def ddp_averages_each_part(ranks, folder):
    return loop(ranks, parts=2, averages_each=True, steps=20)


def ddp_static_graph(ranks, folder):
    return loop(ranks, static_graph=True, steps=20)


def ddp_finds_unused(ranks, folder):
    return loop(ranks, find_unused_parameters=True, steps=20)


def ddp_small_buckets(ranks, folder):
    return loop(ranks, bucket_cap_mb=0.0001, steps=20)


def ddp_begins_from_the_first(ranks, folder):
    """Ranks that start from other weights and other links take those of the first."""
    return loop(ranks, seed=0 if ranks is None else ranks.rank, steps=12)


def without_ddp(ranks, folder):
    return loop(ranks, via=distributed.average_gradients, steps=20)


def ddp_around_a_part(ranks, folder):
    """The inner module attached, another module around, and loads of a state in between."""
    model = model_of()
    state = {k: v.clone() for k, v in model_of(seed=1).state_dict().items()}
    around = nn.ModuleDict({"net": model})
    around.forward = model.forward
    net = wrapped_in(around, ranks)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    rewirer = chsnn.Evolution().attach(model, optimizer, total_steps=12, every=3)
    share = mine(8, ranks)
    for step in range(12):
        x, y = numbers(8, seed=step)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[share]), y[share]).backward()
        optimizer.step()
        rewirer.step()
        if step == 4:
            model.load_state_dict(state)
    return state_of(model)


def ddp_freezes_a_layer(ranks, folder):
    model = model_of()
    model.second.values.requires_grad_(False)
    net = wrapped_in(model, ranks)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 0.02)
    rewirer = chsnn.Evolution().attach(net, optimizer, total_steps=12, every=3)
    share = mine(8, ranks)
    for step in range(12):
        x, y = numbers(8, seed=step)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[share]), y[share]).backward()
        optimizer.step()
        rewirer.step()
    return state_of(model)


def ddp_skips_on_one_rank(ranks, folder):
    """A sparse layer that the samples of one rank, in turn, do not go through."""
    model = model_of()
    net = wrapped_in(model, ranks, find_unused_parameters=True)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for step in range(8):
        x, y = numbers(8, seed=step)
        optimizer.zero_grad()
        losses = []
        for rank in range(2):
            part = slice(4 * rank, 4 * rank + 4)
            if ranks is None or ranks.rank == rank:
                scores = net(x[part], skip=step % 3 == rank)
                losses.append(nn.functional.cross_entropy(scores, y[part]))
        (sum(losses) / len(losses)).backward()
        optimizer.step()
    return state_of(model)
