"""Samples and their spikes: equal to those of the layers run one by one, and back from files."""

import numpy as np
import pytest
import torch

import chsnn
from chsnn.lab.recording import write_arrays
from chsnn.lab.spikes import read_samples, shown_samples, spikes_of, write_samples


def network_of(sizes=(64, 40, 30, 10), encoding="even", timesteps=5, seed=0):
    torch.manual_seed(seed)
    network = chsnn.networks.mlp(
        sizes, sparsity=0.7, encoding=encoding, timesteps=timesteps, seed=seed
    )
    with torch.no_grad():  # for spikes in every layer
        for layer in network.layers:
            layer.values.mul_(4.0)
    return network.eval()


@pytest.mark.parametrize("encoding", ["even", "direct"])
@pytest.mark.parametrize("sizes", [(64, 40, 10), (64, 40, 30, 10)])
def test_spikes_are_those_of_the_layers_run_one_by_one(encoding, sizes):
    network = network_of(sizes, encoding)
    image = chsnn.load_data("digits").test.images[:1]
    found = {p.layer: p for p in spikes_of(network, image, timesteps=5)}
    x = network.encoder(image)
    expected = {} if encoding == "direct" else {"layers.0": x}
    with torch.no_grad():
        for i, layer in enumerate(network.layers[:-1]):
            x = layer(x)
            expected[f"layers.{i + 1}"] = x
    assert set(found) == set(expected)
    for name, spikes in expected.items():
        assert spikes.sum() > 0
        np.testing.assert_array_equal(found[name].spikes, spikes[:, 0].bool().numpy())
        np.testing.assert_array_equal(found[name].neurons, np.arange(spikes.shape[-1]))


def test_frames_over_time_are_the_spikes_of_the_input():
    network = network_of((8, 12, 3), "none", 6)
    frames = (torch.rand(6, 1, 8) < 0.4).float()
    first = spikes_of(network, frames, timesteps=6)[0]
    np.testing.assert_array_equal(first.spikes, frames[:, 0].bool().numpy())


def test_counts_of_events_are_no_spikes():
    network = network_of((8, 12, 3), "none", 6)
    frames = torch.randint(0, 4, (6, 1, 8)).float()
    assert [p.layer for p in spikes_of(network, frames, timesteps=6)] == ["layers.1"]


def test_any_model_with_neurons_of_its_own():
    """Called once per step, as Norse's own loops do."""
    import norse.torch as norse

    torch.manual_seed(0)
    model = norse.SequentialState(torch.nn.Linear(6, 9), norse.LIFBoxCell(), torch.nn.Linear(9, 4))
    chsnn.sparsify(model, 0.5)

    class Steps(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            state, total = None, 0
            for _ in range(3):
                out, state = self.model(x, state)
                total = total + out
            return total

    ones = (torch.rand(1, 6) < 0.5).float()
    found = spikes_of(Steps(), ones, timesteps=3)
    np.testing.assert_array_equal(found[0].spikes, ones.bool().numpy().repeat(3, axis=0))


def test_large_populations_are_shown_in_part():
    network = network_of((64, 500, 10))
    last = spikes_of(network, torch.rand(1, 64), timesteps=5)[-1]
    assert last.size == 500
    assert last.spikes.shape == (5, 96)
    assert last.neurons[0] == 0
    assert last.neurons[-1] == 499


def test_samples_are_right_ones_of_different_classes_and_a_wrong_one():
    data, network = chsnn.load_data("digits"), network_of()
    network.train()
    state = torch.get_rng_state()
    samples = shown_samples(network, data.test, timesteps=5, image=(1, 8, 8))
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)
    assert any(s.label != s.predicted for s in samples)
    right = [s.label for s in samples if s.label == s.predicted]
    assert len(set(right)) == len(right) <= 3
    with torch.no_grad():
        scores = network.eval()(data.test.images)
    for sample in samples:
        assert sample.label == data.test.labels[sample.index]
        np.testing.assert_allclose(sample.scores, scores[sample.index], rtol=1e-5, atol=1e-6)
        assert sample.predicted == scores[sample.index].argmax()
        np.testing.assert_allclose(sample.image, data.test.images[sample.index].reshape(8, 8))


def test_samples_over_time_are_taken_along_their_axis():
    frames = (torch.rand(7, 4, 8) < 0.5).float()  # seven samples of four steps
    data = chsnn.data.Samples(frames, torch.zeros(7, dtype=torch.long), over_time=True)
    network = network_of((8, 12, 3), "none", 4)
    for sample in shown_samples(network, data, timesteps=4, over_time=True, image=(2, 2, 2)):
        expected = frames[sample.index]
        np.testing.assert_array_equal(sample.populations[0].spikes, expected.bool().numpy())
        mean = expected.reshape(4, 2, 2, 2).mean((0, 1))
        np.testing.assert_allclose(sample.image, mean, rtol=1e-6)


def test_samples_come_back_from_their_file(tmp_path):
    data, network = chsnn.load_data("digits"), network_of()
    samples = shown_samples(network, data.test, timesteps=5)
    again = read_samples(write_samples(tmp_path / "samples.npz", samples))
    assert len(again) == len(samples) > 1
    for mine, other in zip(again, samples, strict=True):
        assert (mine.index, mine.label, mine.predicted) == (
            other.index,
            other.label,
            other.predicted,
        )
        np.testing.assert_array_equal(mine.scores, other.scores)
        assert mine.image.size == 0
        for p, q in zip(mine.populations, other.populations, strict=True):
            assert (p.layer, p.size) == (q.layer, q.size)
            np.testing.assert_array_equal(p.neurons, q.neurons)
            np.testing.assert_array_equal(p.spikes, q.spikes)


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "samples.npz"
    whole = write_samples(
        path, shown_samples(network_of(), chsnn.load_data("digits").test, timesteps=5)
    )
    for content in (whole.read_bytes()[:-40], b"nonsense"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"samples\.npz is damaged"):
            read_samples(path)
    about = '{"format": "chsnn samples 1", "samples": [{"index": 0, "label": 1, "predicted": 1}]}'
    write_arrays(path, {"about": np.array(about)})
    with pytest.raises(ValueError, match=r"samples\.npz is damaged"):
        read_samples(path)
