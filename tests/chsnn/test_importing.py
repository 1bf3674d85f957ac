"""Importing is free, and nothing that is called changes a setting of the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

PARENT = """
import os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)
threads = lambda: len(os.listdir("/proc/self/task"))
import torch, scipy.linalg  # whose BLAS have threads of their own
before = threads(), torch.get_num_threads()
"""
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts in /proc")


def said_by(code, **environment):
    """The last line that a fresh process prints."""
    limits = {"OMP_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "2", **environment}
    done = subprocess.run(
        [sys.executable, "-c", PARENT + code],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **limits},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@needs_proc
def test_importing_starts_no_thread():
    code = """
import chgraph, chsnn, chsnn.lab.cli
print(threads() == before[0], torch.get_num_threads() == before[1])
"""
    assert said_by(code) == "True True"


FORKED = """
import multiprocessing
import chsnn
from chgraph.topology import regular

def work(seed):
    net = chsnn.networks.mlp((20, 30, 4), sparsity=0.5, encoding="even", seed=seed)
    data = chsnn.data.Samples(torch.rand(64, 20), torch.zeros(64, dtype=torch.long))
    chsnn.Trainer(net, evolution=chsnn.Evolution(), epochs=1, progress=False).fit(data)
    return net.graphs[0].n_links

with multiprocessing.Pool(2) as pool:
    print(pool.map_async(work, range(4)).get(timeout=60))
"""


def test_a_pool_in_the_default_way_trains_networks_in_its_children():
    assert said_by(FORKED) == "[300, 300, 300, 300]"


def test_loader_workers_can_use_the_package():
    code = """
import chsnn
from torch.utils.data import DataLoader, Dataset

class Links(Dataset):
    def __len__(self): return 6
    def __getitem__(self, i):
        net = torch.nn.Sequential(torch.nn.Linear(8, 8))
        return chsnn.sparsify(net, 0.5, layers="0")[0].graph.n_links

print([int(x) for batch in DataLoader(Links(), batch_size=3, num_workers=2) for x in batch])
"""
    assert said_by(code) == "[32, 32, 32, 32, 32, 32]"


CALLS = {
    "sparsify": "chsnn.sparsify(torch.nn.Sequential(torch.nn.Linear(90, 80)), 0.9, layers='0',"
    " inputs=images)",
    "mlp": "chsnn.networks.mlp((90, 80, 4), sparsity=0.9, inputs=images, encoding='even')",
    "evaluate": "chsnn.evaluate(net, data)",
    "energy": "chsnn.estimate_energy(net, data)",
    "first training": "chsnn.Trainer(net, evolution=chsnn.Evolution(), epochs=1, progress=False)"
    ".fit(data)",
    "prepare": "Experiment.prepare(RunConfig(threads=1, hidden=(40,)))",
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("n_threads", [3])
def test_the_thread_count_of_torch_stays_through_the_first(call, n_threads):
    code = f"""
import chsnn
from chsnn.lab.config import RunConfig
from chsnn.lab.experiment import Experiment
torch.set_num_threads({n_threads})
images = torch.rand(50, 90)
data = chsnn.data.Samples(images, torch.zeros(50, dtype=torch.long))
if {call!r} in ("evaluate", "energy", "first training"):
    net = chsnn.networks.mlp((90, 80, 4), sparsity=0.9, encoding="even")
{CALLS[call]}
print(torch.get_num_threads())
"""
    assert said_by(code) == str(n_threads)


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_with_threads_of_its_own_puts_the_count_back(tmp_path, monkeypatch, fails):
    from chsnn.lab import training
    from chsnn.lab.config import RunConfig
    from chsnn.lab.experiment import Experiment

    seen = []

    def watched(*arguments, **options):
        seen.append(torch.get_num_threads())
        if fails:
            raise KeyboardInterrupt
        return evaluate(*arguments, **options)

    evaluate = training.evaluate
    monkeypatch.setattr(training, "evaluate", watched)
    torch.set_num_threads(2)
    config = RunConfig(out=tmp_path, hidden=(16,), epochs=1, timesteps=2, threads=1, baseline=False)
    experiment = Experiment.prepare(config)
    assert torch.get_num_threads() == 2
    try:
        experiment.run(progress=False)
    except KeyboardInterrupt:
        assert fails
    assert seen == [1]
    assert torch.get_num_threads() == 2
