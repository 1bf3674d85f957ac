"""Settings of hypothesis and the zoo of small graphs as a fixture."""

import numba
import pytest
from hypothesis import settings

from chgraph import jit
from tests import zoo

# Without compilation (NUMBA_DISABLE_JIT=1) kernels are plain Python: fewer examples.
settings.register_profile(
    "chgraph",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=10 if numba.config.DISABLE_JIT else 40,
)
settings.load_profile("chgraph")


def pytest_configure(config):
    """Without compilation numpy warns where 64-bit hashes wrap around, as they are meant to."""
    if numba.config.DISABLE_JIT:
        overflow = "ignore:overflow encountered in scalar:RuntimeWarning"
        config.addinivalue_line("filterwarnings", overflow)


@pytest.fixture(autouse=True, scope="session")
def _compiled():
    """Small graphs too are for the compiled kernels, as in a process that is warm."""
    with jit.always_compiling():
        yield


@pytest.fixture(params=list(zoo.BIADJACENCIES))
def biadjacency(request):
    """The 0/1 biadjacency of every graph of the zoo in turn."""
    return zoo.BIADJACENCIES[request.param]


@pytest.fixture(params=list(zoo.GRAPHS))
def graph(request):
    """Every graph of the zoo in turn."""
    return zoo.GRAPHS[request.param]
