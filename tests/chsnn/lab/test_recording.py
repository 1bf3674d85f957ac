"""What a run keeps of its topology: counts by hand, bounds, files, and going on."""

import numpy as np
import pytest
import torch

import chsnn
from chgraph.graph import BipartiteGraph
from chsnn.lab.recording import (
    MOST_FRAMES,
    TopologyRecord,
    TopologyRecorder,
    frame_epochs,
    thinned,
    write_arrays,
)
from chsnn.layers import SparseLinear


def model_of(links, shape):
    left, right = zip(*links, strict=True)
    graph = BipartiteGraph.from_links(left, right, shape)
    return torch.nn.Sequential(SparseLinear(graph))


def random_links(rng, shape, n):
    codes = rng.choice(shape[0] * shape[1], n, replace=False)
    return [(int(c) // shape[1], int(c) % shape[1]) for c in codes]


def test_kept_and_new_links_are_told_apart_by_hand():
    record = TopologyRecord.begin(model_of([(0, 0), (1, 2), (3, 1)], (4, 3)), image=(1, 2, 2))
    record = record.add(0, model_of([(0, 0), (1, 2), (3, 1)], (4, 3)))
    record = record.add(1, model_of([(0, 0), (2, 2), (3, 0)], (4, 3)))
    start, later = record.frames
    assert (start.epoch, start.n_links, start.n_new) == (0, 3, 0)
    assert (later.epoch, later.n_links, later.n_new) == (1, 3, 2)
    np.testing.assert_array_equal(later.kept, [[1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(later.new, [[0, 0, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(later.degree, [[1, 0], [1, 1]])
    # Neuron 0 reads pixels 0 (from the start) and 3 (new), neuron 2 reads pixel 2 (new).
    np.testing.assert_array_equal(
        later.fields, [[[1, 0], [0, 2]], [[0, 0], [0, 0]], [[0, 0], [2, 0]]]
    )


def test_degrees_are_those_of_the_first_and_the_last_frame_of_every_layer():
    network = chsnn.networks.mlp((16, 12, 4), sparsity=0.5, encoding="even")
    record = TopologyRecord.begin(network, image=None).add(0, network)
    before = network.graphs
    layer = network.layers[0]
    left, right = layer.graph.links()
    layer.set_graph(BipartiteGraph.from_links(left[5:], right[5:], layer.graph.shape))
    record = record.add(1, network)
    for when, graphs in (("first", before), ("last", network.graphs)):
        for i, graph in enumerate(graphs):
            for side, degree in (("left", graph.left_degree), ("right", graph.right_degree)):
                kept = record.degrees[f"{when} {side} layers.{i}"]
                np.testing.assert_array_equal(kept, degree)


@pytest.mark.parametrize("shape", [(1000, 700), (130, 5000), (3, 90_000), (50, 50)])
def test_cells_count_all_links_and_are_bounded(shape):
    links = random_links(np.random.default_rng(0), shape, 900)
    record = TopologyRecord.begin(model_of(links, shape), image=None)
    record = record.add(0, model_of(links, shape))
    frame = record.frames[0]
    assert frame.kept.sum() == 900
    assert frame.kept.size <= max(40_000, 128 * 256)
    rows, columns = record.block
    expected = np.zeros(frame.kept.shape, int)
    for left, right in links:
        expected[left // rows, right // columns] += 1
    np.testing.assert_array_equal(frame.kept, expected)


def test_channels_of_an_image_are_added_up():
    links = [(0, 0), (4, 0), (5, 1)]  # pixel 0 in both channels, pixel 1 in the second
    record = TopologyRecord.begin(model_of(links, (8, 2)), image=(2, 2, 2))
    frame = record.add(0, model_of(links, (8, 2))).frames[0]
    np.testing.assert_array_equal(frame.degree, [[2, 1], [0, 0]])


def test_a_layer_that_does_not_read_the_image_has_no_map():
    model = model_of([(0, 0)], (5, 2))
    frame = TopologyRecord.begin(model, image=(1, 8, 8)).add(0, model).frames[0]
    assert frame.degree.size == 0
    assert frame.fields.size == 0


def test_a_record_comes_back_from_its_file(tmp_path):
    rng = np.random.default_rng(1)
    models = [model_of(random_links(rng, (16, 9), 20), (16, 9)) for _ in range(3)]
    record = TopologyRecord.begin(models[0], image=(1, 4, 4))
    for epoch, model in enumerate(models):
        record = record.add(epoch, model)
    again = TopologyRecord.read(record.write(tmp_path / "topology.npz"))
    assert_same(again, record)


def assert_same(ours, theirs):
    assert (ours.layer, ours.shape, ours.image) == (theirs.layer, theirs.shape, theirs.image)
    np.testing.assert_array_equal(ours.start, theirs.start)
    assert len(ours.frames) == len(theirs.frames)
    for mine, other in zip(ours.frames, theirs.frames, strict=True):
        for name in mine.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(mine, name), getattr(other, name))
    assert set(ours.degrees) == set(theirs.degrees)
    for name, values in ours.degrees.items():
        np.testing.assert_array_equal(values, theirs.degrees[name])


def test_damaged_and_foreign_files_are_refused(tmp_path):
    path = tmp_path / "topology.npz"
    model = model_of([(0, 0)], (2, 2))
    whole = TopologyRecord.begin(model, image=None).add(0, model).write(path).read_bytes()
    for content in (b"", b"PK", whole[: len(whole) // 2], whole[:-30], b"\x93NUMPY nonsense"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"topology\.npz is damaged"):
            TopologyRecord.read(path)
    for arrays in (
        {"a": np.zeros(2)},
        {"about": np.array('{"format": "other"}')},
        {"about": np.array('{"format": "chsnn topology 1"}')},
        {"about": np.array([{"format": 1}], dtype=object)},
    ):
        write_arrays(path, arrays)
        with pytest.raises(ValueError, match=r"topology\.npz is damaged"):
            TopologyRecord.read(path)
    with pytest.raises(FileNotFoundError):
        TopologyRecord.read(tmp_path / "none.npz")


@pytest.mark.parametrize("epochs", [1, 7, 40, 41, 300])
def test_frames_are_bounded_and_have_both_ends(epochs):
    kept = frame_epochs(epochs)
    assert {0, epochs} <= kept <= set(range(epochs + 1))
    assert len(kept) == min(epochs + 1, MOST_FRAMES)


def test_thinning_keeps_both_ends():
    assert thinned(range(100), 5)[0] == 0
    assert thinned(range(100), 5)[-1] == 99
    assert len(thinned(range(100), 5)) == 5
    assert thinned(range(3), 5) == [0, 1, 2]


def trained(folder, epochs, resume=False):
    data = chsnn.load_data("digits")
    path = folder / "topology.npz"
    options = {"folder": folder, "progress": False}
    if resume:
        checkpoint = folder / "checkpoint.safetensors"
        trainer = chsnn.Trainer.resume(checkpoint, epochs=epochs, **options)
    else:
        network = chsnn.networks.mlp((64, 20, 10), sparsity=0.8, encoding="even", timesteps=2)
        evolution = chsnn.Evolution(zeta_schedule="constant")
        trainer = chsnn.Trainer(network, evolution=evolution, epochs=epochs, **options)
    trainer.callbacks = (TopologyRecorder(path, trainer, image=(1, 8, 8)),)
    trainer.fit(data.train[:200], data.validation)
    return TopologyRecord.read(path)


def test_a_training_that_goes_on_keeps_what_was_kept(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    first = trained(tmp_path / "a", 2)
    whole = trained(tmp_path / "a", 4, resume=True)
    assert [frame.epoch for frame in whole.frames] == [0, 1, 2, 3, 4]
    assert whole.frames[4].n_new > 0
    np.testing.assert_array_equal(whole.start, first.start)
    for mine, other in zip(first.frames, whole.frames[:3], strict=True):
        np.testing.assert_array_equal(mine.new, other.new)
    # Without what came before it begins where the training goes on.
    (tmp_path / "a/topology.npz").write_bytes(b"nonsense")
    late = trained(tmp_path / "a", 5, resume=True)
    assert [frame.epoch for frame in late.frames] == [4, 5]
    assert late.frames[0].n_new == 0


def test_a_model_without_sparse_layers_is_refused():
    with pytest.raises(ValueError, match="model must have a sparse layer"):
        TopologyRecord.begin(torch.nn.Linear(2, 2), image=None)
