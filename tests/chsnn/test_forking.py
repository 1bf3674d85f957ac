"""Processes and threads beside a process that computes in parallel: none hangs, none is ended."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")

# What a worker does; everything in it runs on several threads, and the answer tells the bits.
WORK = """
import multiprocessing, os, sys, threading, warnings
warnings.simplefilter("ignore")
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
import networkx, numpy, torch
import chgraph, chsnn
from torch.utils.data import DataLoader, Dataset

chgraph.threads.LITTLE_WORK = chsnn.threads.LITTLE_WORK = 0
torch.set_num_threads(2)
graph = networkx.gnm_random_graph(60, 200, seed=0)
kernels = numpy.random.default_rng(0)
layer_graph = chgraph.BipartiteGraph.from_biadjacency(kernels.random((300, 400)) < 0.1)
samples = chsnn.data.Samples(torch.rand(64, 60, generator=torch.Generator().manual_seed(0)),
                             torch.arange(64) % 4)

def predicted(_=0):
    return float(chgraph.predict_links(layer_graph, k=5).score.sum())

def measured(_=0):
    return chgraph.metrics.summary(graph, rng=0).to_dict()

def multiplied(_=0):
    layer = chsnn.SparseLinear(layer_graph)
    layer.set_values(torch.linspace(-1, 1, layer_graph.n_links))
    x = torch.linspace(0, 1, 64 * 300).view(64, 300).requires_grad_()
    layer(x).square().sum().backward()
    return float(x.grad.sum()), float(layer.values.grad.sum())

def trained(_=0):
    net = chsnn.networks.mlp((60, 80, 4), sparsity=0.8, encoding="even", seed=0)
    trainer = chsnn.Trainer(net, evolution=chsnn.Evolution(), epochs=2, progress=False)
    return trainer.fit(samples).column("loss")

def torchs(_=0):  # torch's own threads
    x = torch.linspace(0, 1, 90_000).view(300, 300)
    return float((x @ x).exp().clamp(max=2).sum())

def everything(_=0):
    return predicted(), measured(), multiplied(), trained(), torchs()

class Answers(Dataset):
    def __len__(self): return 4
    def __getitem__(self, i): return torch.tensor([predicted(), multiplied()[0]])
"""

CASES = {
    "a pool of forks": """
        with multiprocessing.get_context("fork").Pool(2) as pool:
            said = pool.map_async(everything, range(3)).get(timeout=90)
        print(said == [everything()] * 3)
    """,
    "an executor of forks": """
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            print(list(pool.map(everything, range(3), timeout=90)) == [everything()] * 3)
    """,
    "a fork of a fork": """
        context = multiprocessing.get_context("fork")
        def child(answers):
            first = everything()
            process = context.Process(target=lambda: answers.put((first, everything())))
            process.start()
            process.join()
        answers = context.SimpleQueue()
        process = context.Process(target=child, args=(answers,))
        process.start()
        process.join(90)
        print(process.exitcode == 0 and answers.get() == (everything(),) * 2)
    """,
    "loader workers": """
        want = torch.stack([Answers()[0]] * 4).tolist()
        for how in ("fork", "spawn"):
            loader = DataLoader(Answers(), num_workers=2, multiprocessing_context=how, timeout=90)
            got = [row for batch in loader for row in batch.tolist()]
            print(how, got == want)
    """,
    "spawned": """
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.map_async(everything, range(2)).get(timeout=90) == [everything()] * 2)
    """,
    "threads": """
        with ThreadPoolExecutor(4) as pool:
            print(list(pool.map(everything, range(6))) == [everything()] * 6)
    """,
    "forks while threads compute": """
        stop = threading.Event()
        def busy():
            while not stop.is_set():
                everything()
        others = [threading.Thread(target=busy, daemon=True) for _ in range(2)]
        for other in others:
            other.start()
        answers = []
        def fork():
            with multiprocessing.get_context("fork").Pool(2) as pool:
                answers.append(pool.map_async(everything, range(2)).get(timeout=90))
        fork()
        forker = threading.Thread(target=fork)  # the fork of a thread that is not the first
        forker.start()
        forker.join()
        stop.set()
        for other in others:
            other.join()
        print(answers == [[everything()] * 2] * 2)
    """,
}


def said_by(folder: Path, body: str) -> list[str]:
    """The lines that a fresh process prints, once it has computed in parallel itself."""
    script = folder / "script.py"
    indented = textwrap.indent(textwrap.dedent(body), "    ")
    script.write_text(f"{WORK}\nif __name__ == '__main__':\n    everything()\n{indented}")
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=150,
        env={**os.environ, "OMP_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "2"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("case", CASES)
def test_after_parallel_work_in_the_parent(case, tmp_path):
    lines = said_by(tmp_path, CASES[case])
    assert [line.split()[-1] for line in lines] == ["True"] * (2 if "loader" in case else 1)


def test_a_fork_waits_for_what_is_compiled(tmp_path):
    """A child has numba's lock as well: nobody there would ever give it back."""
    body = """
    import numba, time
    from numba.core.compiler_lock import global_compiler_lock
    def hold():
        with global_compiler_lock:
            held.set()
            time.sleep(0.5)
    held = threading.Event()
    threading.Thread(target=hold).start()
    held.wait()
    context = multiprocessing.get_context("fork")
    process = context.Process(target=lambda: numba.njit(lambda x: x + 1)(1))
    process.start()
    process.join(60)
    print(process.exitcode == 0)
    """
    assert said_by(tmp_path, body) == ["True"]


def test_a_child_seeds_while_another_thread_holds_the_lock_of_gpus(tmp_path):
    """torch.manual_seed takes it, and a thread may do so at the moment of the fork."""
    body = """
    def hold():
        with torch.cuda._initialization_lock:
            held.set()
            may_end.wait()
    held, may_end = threading.Event(), threading.Event()
    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    process = multiprocessing.get_context("fork").Process(target=everything)
    process.start()
    process.join(60)
    print(process.exitcode == 0)
    may_end.set()
    process.kill()
    """
    assert said_by(tmp_path, body) == ["True"]


def test_a_notebook_computes_forks_and_goes_on(tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pool = """
    with multiprocessing.get_context("fork").Pool(2) as pool:
        said = pool.map_async(everything, range(2)).get(timeout=90)
    """
    cells = [WORK, "mine = everything()", textwrap.dedent(pool), "print(said == [mine] * 2)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=150, kernel_name="python3").execute(cwd=str(tmp_path))
    assert notebook.cells[-1].outputs[0].text.strip() == "True"
