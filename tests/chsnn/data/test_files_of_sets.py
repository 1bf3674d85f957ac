"""CIFAR and N-MNIST: files written byte by byte and read back; what is damaged is named."""

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from chgraph.topology import spike_correlated
from chsnn import Trainer
from chsnn.data import EVENT, DataSet, Frames, Recordings, Samples, archives, load_data, recordings
from chsnn.data.cifar import LAYOUTS, read_cifar
from chsnn.data.nmnist import SENSOR, read_nmnist
from chsnn.data.recordings import Recording
from chsnn.networks import conv, mlp
from chsnn.seeds import stream

REAL = Path(os.environ.get("CHSNN_DATA", "/nowhere"))


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


# ------------------------------------------------------------------------------------- CIFAR


def write_cifar(folder, name, n_train=(12, 8), n_test=5, seed=0):
    """Write the binary files of a set as its page describes them; return what is in them."""
    rng, layout = np.random.default_rng(seed), LAYOUTS[name]
    folder.mkdir(parents=True)
    names = ["data_batch_1.bin", "data_batch_3.bin"] if name == "cifar10" else ["train.bin"]
    written = {}
    for file, n in zip([*names, layout.test], [*n_train[: len(names)], n_test], strict=True):
        labels = rng.integers(0, layout.n_classes, n)
        pixels = rng.integers(0, 256, (n, 3, 32, 32))
        with (folder / file).open("wb") as out:
            for label, image in zip(labels, pixels, strict=True):
                if name == "cifar100":
                    out.write(bytes([label % 20]))
                out.write(bytes([label]))
                out.write(image.astype(np.uint8).tobytes())
        written[file] = labels, pixels
    return written


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_cifar_is_read_back(name, tmp_path, monkeypatch):
    layout = LAYOUTS[name]
    written = write_cifar(tmp_path / layout.folder, name)
    monkeypatch.setenv("CHSNN_DATA", str(tmp_path))
    data = load_data(name)
    labels, pixels = written[layout.test]
    assert data.test.labels.tolist() == labels.tolist()
    assert torch.equal(data.test.images, torch.from_numpy(pixels).float() / 255)
    n_train = sum(len(labels) for file, (labels, _) in written.items() if file != layout.test)
    assert (len(data.train), len(data.validation)) == (n_train - n_train // 10, n_train // 10)
    both = torch.cat([data.train.images, data.validation.images]).flatten(1).sum(1)
    all_pixels = [p for file, (_, p) in written.items() if file != layout.test]
    wanted = torch.from_numpy(np.concatenate(all_pixels)).float().flatten(1).sum(1) / 255
    torch.testing.assert_close(both.sort().values, wanted.sort().values)
    assert (data.in_shape, data.n_in, data.n_classes) == ((3, 32, 32), 3072, layout.n_classes)


def test_damaged_files_of_cifar_are_named_with_the_place(tmp_path):
    write_cifar(tmp_path / "c", "cifar10")
    path, layout = tmp_path / "c" / "test_batch.bin", LAYOUTS["cifar10"]
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(ValueError, match=f"{path} must hold .*byte {4 * 3073} is cut off"):
        read_cifar(path, layout)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="at least one"):
        read_cifar(path, layout)
    path.write_bytes(whole[:3073] + b"\x0b" + whole[3074:])
    with pytest.raises(ValueError, match="classes below 10, got 11 at byte 3073"):
        read_cifar(path, layout)


def test_missing_files_of_cifar_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"data_batch_\*\.bin and test_batch\.bin"):
        load_data("cifar10", tmp_path)


@pytest.mark.skipif(
    not (REAL / "cifar-10-batches-bin").is_dir(), reason="CHSNN_DATA has no cifar-10-batches-bin"
)
def test_the_real_part_of_cifar10():
    data = load_data("cifar10")
    assert (len(data.train), len(data.validation), len(data.test)) == (9_000, 1_000, 2_000)
    assert 0.45 < data.train.images.mean() < 0.5
    assert data.train.labels.unique().tolist() == list(range(10))


# ------------------------------------------------------------------------------------- N-MNIST


def write_events(path, events):
    """Write events in 40 bits each: column, row, polarity and 23 bits of microseconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = bytearray()
    for t, x, y, p in events:
        bits = x << 32 | y << 24 | int(p) << 23 | t
        content += bits.to_bytes(5, "big")
    path.write_bytes(bytes(content))


def some_events(n, seed=0, stop=300_000):
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, stop, n)).tolist()
    x, y, p = (rng.integers(0, top, n).tolist() for top in (34, 34, 2))
    return list(zip(times, x, y, map(bool, p), strict=True))


def test_nmnist_is_read_back(tmp_path):
    events = [*some_events(50), (2**23 - 1, 33, 0, True)]
    write_events(tmp_path / "00001.bin", events)
    found = read_nmnist(tmp_path / "00001.bin")
    assert found.dtype == EVENT
    assert found.tolist() == events


def test_events_of_overflow_move_all_later_times(tmp_path):
    write_events(tmp_path / "a.bin", [(5, 1, 2, True), (0, 0, 240, False), (7, 3, 4, False)])
    assert read_nmnist(tmp_path / "a.bin").tolist() == [(5, 1, 2, True), (7 + 8192, 3, 4, False)]


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([(1, 2, 3, True), (2, 34, 3, True)], "byte 5 .* outside the 34 x 34 sensor"),
        ([(1, 2, 3, True), (9, 2, 34, True)], "byte 5 .* outside"),
        (
            [(9, 2, 3, True), (0, 0, 240, True), (9, 2, 3, True), (8, 2, 3, True)],
            "byte 15 .*before",
        ),
    ],
)
def test_what_is_no_recording_is_named_with_the_place(events, message, tmp_path):
    write_events(tmp_path / "a.bin", events)
    with pytest.raises(ValueError, match=f"a.bin is not a recording.*{message}"):
        read_nmnist(tmp_path / "a.bin")


def test_recordings_that_are_cut_off_are_named(tmp_path):
    write_events(tmp_path / "a.bin", some_events(3))
    (tmp_path / "a.bin").write_bytes((tmp_path / "a.bin").read_bytes()[:-2])
    with pytest.raises(ValueError, match="one at byte 10 is cut off"):
        read_nmnist(tmp_path / "a.bin")


def write_nmnist(folder, n=3):
    for split in ("Train", "Test"):
        for label in range(10):
            for i in range(n if split == "Train" else 1):
                seed = 100 * label + i + 50 * (split == "Test")
                write_events(folder / split / str(label) / f"{i:05}.bin", some_events(80, seed))


def test_a_set_of_recordings_has_fixed_parts_and_its_frames(tmp_path, monkeypatch):
    write_nmnist(tmp_path / "nmnist")
    monkeypatch.setenv("CHSNN_DATA", str(tmp_path))
    data = load_data("n-mnist", timesteps=4, pool=2, stop=200_000)
    assert (len(data.train), len(data.validation), len(data.test)) == (28, 2, 10)
    assert data.train.images.shape == (28, 4, 2, 17, 17)
    assert (data.in_shape, data.n_in, data.over_time) == ((2, 17, 17), 578, True)
    assert data.test.labels.tolist() == list(range(10))
    events = [e for e in some_events(80, 50) if e[0] < 200_000]
    assert data.test.images[0].sum() == len(events)
    again = load_data("n-mnist", timesteps=4, pool=2, stop=200_000)
    assert torch.equal(again.train.images, data.train.images)
    assert load_data("n-mnist", timesteps=2).train.images.shape == (28, 2, 2, 34, 34)


def test_a_set_larger_than_memory_is_streamed_in_workers(tmp_path, monkeypatch):
    write_nmnist(tmp_path)
    held = load_data("n-mnist", tmp_path, timesteps=3)
    monkeypatch.setattr(recordings, "IN_MEMORY", 1000)
    data = load_data("n-mnist", tmp_path, timesteps=3)
    assert isinstance(data.train, Recordings)
    assert torch.equal(data.examples(5), held.examples(5))
    assert len(data.with_train_images(7).train) == 7
    loader = DataLoader(data.train, batch_size=4, num_workers=2, collate_fn=data.train.collate)
    frames, labels = zip(*loader, strict=True)
    assert frames[0].shape == (3, 4, 2, 34, 34)
    assert torch.equal(torch.cat(labels), held.train.labels)
    assert torch.equal(torch.cat(frames, 1), held.train.images.transpose(0, 1))
    network = conv(
        "2conv2fc",
        in_shape=data.in_shape,
        n_classes=10,
        width=0.1,
        timesteps=3,
        encoding="none",
    )
    trainer = Trainer(network, epochs=1, workers=1, progress=False)
    row = trainer.fit(data.train, data.validation).rows[0]
    assert np.isfinite(row["validation_loss"])


def test_frames_are_kept_and_made_again_where_they_are_damaged(tmp_path):
    write_events(tmp_path / "a.bin", some_events(40))
    calls = []

    def read(recording):
        calls.append(recording.path)
        return read_nmnist(recording.path)

    one = Recording(tmp_path / "a.bin", 3)
    cache = tmp_path / "frames"
    sets = [
        Recordings([one], read, SENSOR, Frames(timesteps=t, pool=p), cache=cache)
        for t, p in ((4, 1), (4, 1), (5, 1), (4, 2))
    ]
    first = [s[0] for s in sets]
    assert len(calls) == 3  # the second has the settings of the first
    assert torch.equal(first[0][0], first[1][0])
    assert first[0][1] == 3
    for path in cache.iterdir():
        path.write_bytes(path.read_bytes()[:-7])
    assert torch.equal(sets[0][0][0], first[0][0])
    assert len(calls) == 4
    write_events(tmp_path / "a.bin", some_events(41))  # other bytes, other frames
    assert sets[0][0][0].sum() == 41


def test_frames_of_pickles_are_not_opened(tmp_path):
    write_events(tmp_path / "a.bin", some_events(4))
    one = Recording(tmp_path / "a.bin", 0)
    data = Recordings([one], lambda r: read_nmnist(r.path), SENSOR, Frames(), cache=tmp_path / "f")
    data[0]
    (path,) = (tmp_path / "f").iterdir()
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert data[0][0].sum() == 4


def test_missing_recordings_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="put the folders Train and Test of N-MNIST"):
        load_data("n-mnist", tmp_path)


@pytest.mark.skipif(not (REAL / "nmnist").is_dir(), reason="CHSNN_DATA has no nmnist")
def test_the_real_recordings_of_nmnist():
    data = load_data("n-mnist", timesteps=6)
    assert (len(data.train), len(data.validation), len(data.test)) == (917, 83, 100)
    counts = data.train.images.sum((1, 2, 3, 4))
    assert 2_000 < counts.mean() < 6_000  # about 4,000 events each
    # Three saccades of 100 ms: in each the first half moves one way.
    assert (data.train.images.sum((0, 2, 3, 4)) > 0.05 * counts.sum()).all()


# ------------------------------------------------------------------------- options, samples


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("digits", {"timesteps": 3}, "has no option 'timesteps'; it has none"),
        ("digits-saccades", {"pool": 2}, "has no option 'pool'; its options are timesteps, by"),
        ("n-mnist", {"size": 2}, "has no option 'size'"),
        ("nmnist", {}, "^data must be one of"),
    ],
)
def test_options_of_other_sets_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        load_data(name, **options)


def test_samples_over_time_come_time_first():
    images = torch.arange(2 * 3 * 4.0).view(2, 3, 4)
    samples = Samples(images, [0, 1], over_time=True)
    (batch, labels), (other, _) = samples.batches(1)
    assert torch.equal(batch, images[:1].transpose(0, 1))
    assert torch.equal(other, images[1:].transpose(0, 1))
    assert labels.tolist() == [0]
    seen = []
    list(samples.batches(2, prepare=lambda x: seen.append(x.shape) or x))
    assert seen == [(3, 2, 4)]
    assert samples[:1].over_time
    with pytest.raises(ValueError, match=r"over time must be \(N, T, \.\.\.\)"):
        Samples(torch.ones(2, 3), [0, 1], over_time=True)


def test_an_mlp_starts_from_the_correlations_of_events():
    data = load_data("digits-saccades", timesteps=2)
    options = {"sparsity": 0.95, "encoding": "none", "timesteps": 2}
    network = mlp((data.n_in, 100, 10), inputs=data.examples(), **options)
    frames = data.train.images.transpose(0, 1).flatten(2).numpy()
    rng = stream(0, "topology", "layers.0")
    assert network.graphs[0] == spike_correlated(frames, 100, 0.95, rng=rng)
    assert network.graphs[0] != mlp((data.n_in, 100, 10), **options).graphs[0]
    silent = float((data.examples() == 0).double().mean())
    assert network.layers[0].input_activity_sparsity == pytest.approx(silent)
    with pytest.raises(ValueError, match="inputs over time must not be negative"):
        mlp((data.n_in, 100, 10), inputs=-data.examples(), **options)


def test_the_first_samples_of_any_dataset_are_a_training_part():
    whole = TensorDataset(torch.rand(6, 2), torch.arange(6))
    data = DataSet("mine", 6, whole, whole, whole, in_shape=(1, 1, 2)).with_train_images(4)
    assert len(data.train) == 4
    assert torch.equal(data.train[3][0], whole[3][0])


def test_a_recording_of_nothing_but_marks_of_time_is_refused(tmp_path):
    write_events(tmp_path / "a.bin", [(0, 0, 240, False)])
    with pytest.raises(ValueError, match="must hold events, got only marks of time"):
        read_nmnist(tmp_path / "a.bin")


def archive_of(path, names):
    with tarfile.open(path, "w:gz") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))
    return path


def test_archives_are_unpacked_within_their_folder_or_refused(tmp_path, monkeypatch):
    archive = archive_of(tmp_path / "a.tar.gz", ["in/one.bin", "in/two.bin"])
    monkeypatch.setattr(archives, "fetcher", lambda *_: lambda *_: archive)
    archives.fetch_archive("https://x/a.tar.gz", "md5:0", tmp_path / "to", inside="in")
    assert sorted(p.name for p in (tmp_path / "to").iterdir()) == ["one.bin", "two.bin"]
    with pytest.raises(ValueError, match="has no folder other"):
        archives.fetch_archive("https://x/a.tar.gz", "md5:0", tmp_path / "to", inside="other")
    archive_of(archive, ["../evil"])
    with pytest.raises(ValueError, match="cannot be unpacked"):
        archives.fetch_archive("https://x/a.tar.gz", "md5:0", tmp_path / "to", inside="in")
    assert not (tmp_path / "evil").exists()
    archive.write_bytes(b"no archive")
    with pytest.raises(ValueError, match="cannot be unpacked"):
        archives.fetch_archive("https://x/a.tar.gz", "md5:0", tmp_path / "to", inside="in")
