"""Averages of models and of their states: exact over the same links, else refused."""

import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from tests.chsnn.layer_models import (
    GRAPH,
    OTHER,
    X,
    assert_unchanged,
    make,
    network,
    run,
    snapshot,
)
from tests.chsnn.tensors import layer_and_twin

AVERAGES = {"SWA": {}, "EMA": {"multi_avg_fn": get_ema_multi_avg_fn(0.9)}}
averages = pytest.mark.parametrize("how", AVERAGES)
buffers = pytest.mark.parametrize("use_buffers", [False, True])


@averages
@buffers
def test_averages_of_a_model_that_keeps_its_links_are_exact(use_buffers, how):
    layer, twin = layer_and_twin(GRAPH, bias=True)
    means = [AveragedModel(m, use_buffers=use_buffers, **AVERAGES[how]) for m in (layer, twin)]
    for seed in range(5):
        new, dense = layer_and_twin(GRAPH, seed=seed, bias=True)
        for mean, source in zip(means, (new, dense), strict=True):
            mean.update_parameters(source)
    torch.testing.assert_close(means[0](X), means[1](X), rtol=1e-6, atol=1e-6)
    state = means[0].module.state_dict()
    layer.load_state_dict(state)
    torch.testing.assert_close(layer(X), means[1](X), rtol=1e-6, atol=1e-6)


@averages
@buffers
def test_averages_across_a_change_of_links_are_refused_with_advice(use_buffers, how):
    model = network()
    mean = AveragedModel(model, use_buffers=use_buffers, **AVERAGES[how])
    mean.update_parameters(model)
    run(mean)
    model[1].set_graph(OTHER)
    mean.update_parameters(model)
    for use in (run, lambda m: m.state_dict(), lambda m: m.half()):
        with pytest.raises(RuntimeError, match=r"links.*start a new average"):
            use(mean)
    run(model)
    mean = AveragedModel(model, use_buffers=use_buffers, **AVERAGES[how])
    mean.update_parameters(model)
    torch.testing.assert_close(run(mean), run(model))


@pytest.mark.parametrize("decay", [0.9, 0.999, 0.99999])
@pytest.mark.parametrize("graph", [GRAPH, OTHER], ids=["same links", "other links"])
def test_an_average_of_ones_own_is_loaded_only_if_it_is_one(graph, decay):
    model = network()
    mean = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def update(times):
        for _ in range(times):
            for name, tensor in model.state_dict().items():
                if tensor.is_floating_point():
                    mean[name].mul_(decay).add_(tensor, alpha=1 - decay)

    update(2000 if graph is GRAPH else 1)
    model[1].set_graph(graph)
    update(1)
    target = network(seed=1)
    before = snapshot(target)
    if graph is GRAPH:
        target.load_state_dict(mean)
        # The share of rounding errors in a mean of equal numbers is up to theirs / (1 - decay).
        torch.testing.assert_close(run(target), run(model), rtol=2e-2, atol=2e-2)
    else:
        with pytest.raises(RuntimeError, match="mix those of different links"):
            target.load_state_dict(mean)
        assert_unchanged(target, before)


def test_an_average_written_past_autograd_is_noticed_too():
    layer, mean = make(OTHER), make()
    mean(X)
    for own, new in zip(mean.buffers(), layer.buffers(), strict=True):
        own.data.lerp_(new.data, 0.01)
    with pytest.raises(RuntimeError, match="start a new average"):
        mean(X)
