"""Settings of torch for small networks."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Small products on one thread: a second one would mostly wait. Put back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
