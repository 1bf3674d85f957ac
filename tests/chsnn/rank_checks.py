"""What ranks do, for test_distributed: run by torchrun, or in one process for comparison.

Every check returns what JSON holds; each rank writes its answers to a file of its own.
"""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import chsnn
from chsnn.ranks import Ranks, launched_ranks
from tests.chsnn import rank_loops
from tests.chsnn.rank_models import batches, model_of, numbers, state_of
from tests.chsnn.rank_refusals import data_refusals, divergence, refusals

# ------------------------------------------------------------------------------- the trainer


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
            rank_loops.ddp,
            rank_loops.ddp_by_gradients,
            rank_loops.ddp_accumulates,
            rank_loops.ddp_averages_each_part,
            rank_loops.ddp_static_graph,
            rank_loops.ddp_finds_unused,
            rank_loops.ddp_small_buckets,
            rank_loops.ddp_begins_from_the_first,
            rank_loops.ddp_around_a_part,
            rank_loops.ddp_freezes_a_layer,
            rank_loops.ddp_skips_on_one_rank,
            rank_loops.without_ddp,
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
    answers = {name: check(ranks, folder) for name, check in {**COMPARED, **ALONE}.items()}
    (folder / f"rank-{ranks.rank}.json").write_text(json.dumps(answers))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
