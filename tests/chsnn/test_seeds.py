"""Streams of random numbers: what torch draws by itself, and what is left as it was."""

import pytest
import torch

from chsnn.seeds import seeded, torch_stream


def test_the_global_generator_follows_a_stream_in_the_block_and_is_put_back():
    torch.manual_seed(7)
    want = torch.rand(3)
    torch.manual_seed(7)
    with seeded(1, "epoch", 2):
        inside = torch.rand(3)
    assert torch.equal(inside, torch.rand(3, generator=torch_stream(1, "epoch", 2)))
    assert torch.equal(torch.rand(3), want)


def test_it_is_put_back_after_an_error():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), seeded(1, "epoch", 2):
        _ = torch.rand(3), 1 / 0
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.skipif(torch.cuda.is_initialized(), reason="GPUs are in use already")
def test_a_users_seed_of_gpus_that_start_later_stays():
    torch.manual_seed(7)
    before = torch.cuda._lazy_seed_tracker.get_calls()
    with seeded(1, "epoch", 2):
        pass
    assert torch.cuda._lazy_seed_tracker.get_calls() == before
