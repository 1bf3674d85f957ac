"""What networkx is told for a test is forgotten after it."""

import networkx as nx
import pytest


@pytest.fixture(autouse=True)
def registered():
    """Skip where the package was installed before it had the entry points."""
    if "chgraph" not in nx.utils.backends.backends:
        pytest.skip("networkx does not know the backend: install the package again")


@pytest.fixture(autouse=True)
def quiet_cache():
    """networkx warns whenever it uses a kept conversion."""
    with nx.config(warnings_to_ignore={*nx.config.warnings_to_ignore, "cache"}):
        yield


@pytest.fixture
def automatic():
    """Let networkx choose the backend by itself."""
    with nx.config.backend_priority(algos=["chgraph"]):
        yield
