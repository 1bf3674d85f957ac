"""What ranks do, for test_distributed: run by torchrun, or in one process for comparison.

Every check returns what JSON holds; each rank writes its answers to a file of its own.
"""

import hashlib
import json
import sys
import traceback
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import chsnn
from chsnn import distributed
from chsnn._link_averaging import averager_of
from chsnn.ranks import Ranks, launched_ranks

N_IN, N_CLASSES = 12, 3


class Net(nn.Module):
    """Two sparse layers and a dense one, smooth so that rounding stays rounding."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Linear(N_IN, 20, bias=False)
        self.second = nn.Linear(20, 16)
        self.head = nn.Linear(16, N_CLASSES)

    def forward(self, x, skip=False):
        x = torch.tanh(self.first(x))
        if skip:
            return self.head(x[:, :16])
        return self.head(torch.tanh(self.second(x)))


def model_of(seed=0, sparsity=0.6):
    layers = ["first", "second"] if sparsity else ["first", "second", "head"]
    return chsnn.sparsify(Net(seed), sparsity, layers=layers, seed=seed).double()


def numbers(n, seed=0):
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.standard_normal((n, N_IN)))
    return x, (x[:, :N_CLASSES] + 0.3 * x[:, 3:6]).argmax(dim=1)


def state_of(model):
    """Links and values, and a digest of every bit."""
    layers = chsnn.sparse_layers(model)
    content = b"".join(
        t.detach().contiguous().numpy().tobytes() for t in model.state_dict().values()
    )
    return {
        "links": {
            n: [side.tolist() for side in layer.graph.links()] for n, layer in layers.items()
        },
        "parameters": [p.detach().flatten().tolist() for p in model.parameters()],
        "bits": hashlib.blake2b(content).hexdigest(),
    }


def mine(n, ranks):
    return slice(None) if ranks is None else distributed_share(n, ranks)


def distributed_share(n, ranks):
    return slice(n * ranks.rank // ranks.size, n * (ranks.rank + 1) // ranks.size)


# ------------------------------------------------------------------------------- the trainer

# Batches of 8, of an odd number, and of fewer samples than ranks.
SIZES = (8, 8, 8, 5, 8, 1)


def batches():
    x, y = numbers(sum(SIZES))
    return list(zip(x.split(SIZES), y.split(SIZES), strict=True))


def trained(ranks, evolution, *, epochs=3, folder=None, settings=None, data=None, model=None):
    model = model_of(sparsity=0.0 if evolution in DENSE else 0.6) if model is None else model
    trainer = chsnn.Trainer(
        model,
        evolution=evolution,
        epochs=epochs,
        learning_rate=0.02,
        progress=False,
        folder=folder,
        **(settings or {}),
    )
    assert (trainer.ranks is None) == (ranks is None)
    history = trainer.fit(batches() if data is None else data, [numbers(20, seed=1)])
    timed = ("train_seconds", "evolution_seconds")
    rows = [{k: v for k, v in row.items() if k not in timed} for row in history.rows]
    return {**state_of(trainer.model), "rows": rows}


EVOLUTIONS = {
    "CH": chsnn.Evolution(every=2),
    "gradient": chsnn.Evolution(every=3, regrowth="gradient", removal="magnitude"),
    "random": chsnn.Evolution(regrowth="random", removal="SET", new_weights="last"),
    "kaiming": chsnn.Evolution(regrowth="CH2-L3", removal="RI", new_weights="kaiming"),
    "falling": chsnn.Evolution(density_schedule="cubic", final_sparsity=0.8, every=4),
    "DeepR": chsnn.DeepR(l1=1e-3, noise=1e-3),
    "GradR": chsnn.GradR(alpha=1e-2),
    "SDSNN": chsnn.SDSNN(published_epochs=200),
    "DPAP": chsnn.DPAP(published_epochs=60),
}
DENSE = tuple(EVOLUTIONS[name] for name in ("GradR", "SDSNN", "DPAP"))


def trainer_of(name):
    return lambda ranks, folder: trained(ranks, EVOLUTIONS[name])


def trainer_settings(ranks, folder):
    settings = {"clip_norm": 0.05, "optimizer": "sgd"}
    return trained(ranks, EVOLUTIONS["CH"], settings=settings)


def trainer_without_evolution(ranks, folder):
    return trained(ranks, None)


def trainer_with_a_loader(ranks, folder):
    loader = DataLoader(TensorDataset(*numbers(37)), batch_size=6, shuffle=True)
    return trained(ranks, EVOLUTIONS["CH"], data=loader)


def trainer_with_a_distributed_sampler(ranks, folder):
    data = TensorDataset(*numbers(36))
    sampler = None if ranks is None else DistributedSampler(data, seed=3)
    loader = DataLoader(data, batch_size=3, sampler=sampler)
    return trained(ranks, EVOLUTIONS["CH"], data=loader)


def spiking(ranks, folder):
    """A network of spikes on augmented images, with dropout of the trainer's own kind."""
    digits = chsnn.load_data("digits")
    network = chsnn.networks.mlp((64, 48, 10), sparsity=0.8, encoding="even", timesteps=4)
    trainer = chsnn.Trainer(
        network, evolution=chsnn.Evolution(), epochs=2, batch_size=50, shift=1, progress=False
    )
    history = trainer.fit(digits.train[:330], digits.validation)
    return {
        **state_of(trainer.model),
        "rows": [{k: v for k, v in row.items() if "seconds" not in k} for row in history.rows],
    }


def learning_at_random(ranks, folder):
    """S-TP draws its windows, each rank its own, and rounds weights, all ranks alike."""
    digits = chsnn.load_data("digits")
    network = chsnn.networks.mlp((64, 48, 10), sparsity=0.8, encoding="even", timesteps=6)
    rule = chsnn.STP(weight_bits=5)
    trainer = chsnn.Trainer(
        network,
        evolution=chsnn.Evolution(every=3),
        learning=rule,
        epochs=2,
        batch_size=50,
        progress=False,
    )
    trainer.fit(digits.train[:330])
    return {**state_of(trainer.model), "own": float(rule.count.unused_spikes)}


def trainer_that_saves(ranks, folder):
    """Two of four epochs, and what every rank sees in the folder."""
    seen = []

    def stop(trainer, row):
        seen.append(sorted(p.name for p in (folder / "saved").iterdir()))
        if row["epoch"] == 2 and (ranks is None or ranks.rank == 1):
            trainer.stop()

    out = trained(
        ranks,
        EVOLUTIONS["CH"],
        epochs=4,
        folder=folder / "saved",
        settings={"callbacks": [stop]},
    )
    return {**out, "seen": seen}


def trainer_that_goes_on(ranks, folder):
    """From a checkpoint that one process has written, to the end."""
    path = folder / "from_one" / "checkpoint.safetensors"
    trainer = chsnn.Trainer.resume(path, model=model_of(seed=5), progress=False)
    history = trainer.fit(batches(), [numbers(20, seed=1)])
    return {**state_of(trainer.model), "losses": history.column("loss")}


def trainer_that_only_the_first_resumed(ranks, folder):
    """As trainer_that_goes_on; the second rank has seen no file."""
    if ranks is None or ranks.is_first:
        return trainer_that_goes_on(ranks, folder)
    trainer = chsnn.Trainer(
        model_of(seed=7),
        evolution=EVOLUTIONS["CH"],
        epochs=4,
        learning_rate=0.02,
        progress=False,
    )
    history = trainer.fit(batches(), [numbers(20, seed=1)])
    return {**state_of(trainer.model), "losses": history.column("loss")}


# ------------------------------------------------------------------------ loops of one's own


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


# ----------------------------------------------------------------------------- what is refused


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


COMPARED = {
    **{f"trainer: {name}": trainer_of(name) for name in EVOLUTIONS},
    **{
        check.__name__: check
        for check in (
            trainer_settings,
            trainer_without_evolution,
            trainer_with_a_loader,
            spiking,
            trainer_that_saves,
            trainer_that_goes_on,
            trainer_that_only_the_first_resumed,
            ddp,
            ddp_by_gradients,
            ddp_accumulates,
            ddp_averages_each_part,
            ddp_static_graph,
            ddp_finds_unused,
            ddp_small_buckets,
            ddp_begins_from_the_first,
            ddp_around_a_part,
            ddp_freezes_a_layer,
            ddp_skips_on_one_rank,
            without_ddp,
        )
    },
}
ALONE = {
    check.__name__: check
    for check in (
        trainer_with_a_distributed_sampler,
        learning_at_random,
        refusals,
        divergence,
        data_refusals,
    )
}


def main(folder):
    ranks = launched_ranks()
    assert isinstance(ranks, Ranks)
    assert ranks.size == 2
    torch.set_num_threads(1)
    answers = {}
    for name, check in {**COMPARED, **ALONE}.items():
        try:
            answers[name] = check(ranks, folder)
        except Exception:
            answers[name] = {"error": traceback.format_exc()}
            (folder / f"rank-{ranks.rank}.json").write_text(json.dumps(answers))
            raise
    (folder / f"rank-{ranks.rank}.json").write_text(json.dumps(answers))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
