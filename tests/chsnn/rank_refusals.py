"""What ranks are refused, for rank_checks."""

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import chsnn
from chsnn._link_averaging import averager_of
from tests.chsnn.rank_models import N_IN, Net, model_of, numbers


def said(action):
    """The error of an action, the same on every rank."""
    try:
        action()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def refusals(ranks, folder):
    x, y = numbers(8)

    def backward_twice():
        net = DistributedDataParallel(model_of())
        scores = net(x)
        nn.functional.cross_entropy(scores, y).backward(retain_graph=True)
        nn.functional.cross_entropy(scores, y).backward()

    def unprepared():
        model = model_of()
        model._ddp_params_and_buffers_to_ignore = []
        return DistributedDataParallel(model)

    def unprepared_is_attached():
        chsnn.Evolution().attach(unprepared(), total_steps=4, every=2)

    def unprepared_is_rewired():
        net = unprepared()
        rewirer = chsnn.Evolution().attach(net.module, total_steps=4, every=2)
        for _ in range(2):
            nn.functional.cross_entropy(net(x), y).backward()
            rewirer.step()

    def unprepared_was_rewired():
        net = unprepared()
        net.module.load_state_dict(model_of(seed=1).state_dict())
        net(x)

    def mixed_precision():  # which torch itself refuses on a CPU
        net = DistributedDataParallel(model_of())
        net.mixed_precision = torch.bfloat16
        averager_of(net).forward_ends(None)

    def sharded_state():
        from torch.distributed.optim import ZeroRedundancyOptimizer

        model = model_of()
        optimizer = ZeroRedundancyOptimizer(model.parameters(), torch.optim.Adam, lr=0.1)
        chsnn.Evolution().attach(model, optimizer, total_steps=4, every=2)

    def sharded():
        from torch.distributed.fsdp import fully_shard

        model = fully_shard(model_of())
        chsnn.Evolution().attach(model, total_steps=4, every=2)

    def joins():
        net = DistributedDataParallel(model_of())
        with net.join():
            net(x)

    def wrapped_is_made_sparse():
        chsnn.sparsify(DistributedDataParallel(Net()), 0.5)

    def wrapped_is_trained():
        chsnn.Trainer(DistributedDataParallel(model_of()))

    return {
        action.__name__: said(action)
        for action in (
            backward_twice,
            unprepared_is_attached,
            unprepared_is_rewired,
            unprepared_was_rewired,
            joins,
            mixed_precision,
            sharded_state,
            sharded,
            wrapped_is_made_sparse,
            wrapped_is_trained,
        )
    }


def divergence(ranks, folder):
    """Ranks that differ are told so, by the name of the layer, at the next evolution."""
    x, y = numbers(8)

    def run(spoil, seed=0):
        model = model_of()
        net = DistributedDataParallel(model)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        rewirer = chsnn.Evolution().attach(net, optimizer, total_steps=8, every=2, seed=seed)
        for step in range(4):
            nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()
            if step == 2 and ranks.rank == 1:
                spoil(model)
            rewirer.step()

    def one_bit(model):
        values = model.second.values
        values.data[3] = torch.nextafter(values.data[3], torch.tensor(9.0).double())

    def links(model):
        graph = model.first.graph
        model.first.set_graph(graph.keep_links(np.arange(graph.n_links - 1)))

    return {
        "a value": said(lambda: run(one_bit)),
        "links": said(lambda: run(links)),
        "the seed": said(lambda: run(lambda model: None, seed=ranks.rank)),
        "nothing": said(lambda: run(lambda model: None)),
    }


def data_refusals(ranks, folder):
    x, y = numbers(16)
    trainer = chsnn.Trainer(model_of(), epochs=1, progress=False)

    def only_there(scores, wanted):
        return scores.square().mean() * (float("nan") if ranks.rank else 1.0)

    other = torch.randperm(16, generator=torch.Generator().manual_seed(ranks.rank))

    def trains(net, **options):
        return said(lambda: chsnn.Trainer(net, progress=False, **options).fit([(x, y)]))

    small = nn.Sequential(nn.Linear(N_IN, 4 + ranks.rank), nn.Linear(4 + ranks.rank, 3)).double()
    return {
        "other models": trains(small, epochs=1),
        "other seeds": trains(model_of(), epochs=1, seed=ranks.rank),
        "each alone": trains(small, epochs=1, seed=ranks.rank, ranks=None),
        "other orders": said(lambda: trainer.fit([(x[other], y[other])])),
        "other numbers": said(lambda: trainer.fit([(x, y)] * (1 + ranks.rank))),
        "which axis": said(lambda: trainer.fit([(torch.rand(3, 3, N_IN).double(), y[:3])])),
        "too small": said(
            lambda: chsnn.Trainer(model_of(), epochs=1, batch_size=1, progress=False).fit((x, y))
        ),
        "split validation": said(
            lambda: trainer.fit(
                [(x, y)],
                DataLoader(TensorDataset(x, y), sampler=DistributedSampler(TensorDataset(x, y))),
            )
        ),
        "the first fails": said(lambda: ranks.told_by_first(lambda: 1 / 0)),
        "a loss that is not finite": said(
            lambda: chsnn.Trainer(model_of(), loss=only_there, epochs=1, progress=False).fit(
                [(x, y)]
            )
        ),
    }
