"""Settings of torch for small networks."""

import pytest
import torch
from norse.torch.functional import lif, lif_box
from norse.torch.functional.threshold import threshold as norses_threshold


@pytest.fixture(autouse=True)
def one_thread():
    """Small products on one thread: a second one would mostly wait. Put back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _threshold_with_box(x, method, alpha):
    """Norse's threshold, and a box: the slope of a ramp of height 1 through the threshold."""
    if method != "box":
        return norses_threshold(x, method, alpha)
    ramp = (alpha * x + 0.5).clamp(0, 1)
    return (x > 0).to(x.dtype) + (ramp - ramp.detach())


@pytest.fixture(autouse=True)
def _norse_knows_the_box(monkeypatch):
    """Norse is what neurons are compared with; the box is the one surrogate it does not have."""
    for module in (lif_box, lif):
        monkeypatch.setattr(module, "threshold", _threshold_with_box)
