"""AEDAT 2.0 and 3.1, CIFAR10-DVS and DVS128 Gesture: files written byte by byte and read back."""

import struct

import numpy as np
import pytest

from chsnn.data import EVENT, load_data
from chsnn.data.aedat import read_aedat2, read_aedat3
from chsnn.data.cifar10_dvs import CLASSES, read_cifar10_dvs
from chsnn.data.dvs_gesture import read_labels


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def some_events(n, seed=0, stop=1_000_000):
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, stop, n)).tolist()
    x, y, p = (rng.integers(0, top, n).tolist() for top in (128, 128, 2))
    return list(zip(times, x, y, map(bool, p), strict=True))


# ---------------------------------------------------------------------------- 2.0, CIFAR10-DVS

HEADER2 = b"#!AER-DAT2.0\r\n# This is a raw AE data file\r\n#End Of ASCII Header\r\n"


def write_aedat2(path, events, first_time=5):
    """Write events as a DVS128 sends them: a turned image, polarity 1 for OFF, any first time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = bytearray(HEADER2)
    for t, x, y, p in events:
        row, column = 127 - x, 127 - y
        address = row << 8 | column << 1 | (not p)
        content += struct.pack(">II", address, (t + first_time) % 2**32)
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("first_time", [0, 5, 2**31 - 400, 2**32 - 400])
def test_recordings_of_cifar10_dvs_are_read_back_upright(first_time, tmp_path):
    events = [(0, 3, 100, True), *some_events(40)]
    write_aedat2(tmp_path / "a.aedat", events, first_time)
    assert read_cifar10_dvs(tmp_path / "a.aedat").tolist() == events


def test_damaged_files_of_aedat2_are_named_with_the_place(tmp_path):
    path = tmp_path / "a.aedat"
    write_aedat2(path, some_events(3))
    whole = path.read_bytes()
    start = len(HEADER2)
    for content, message in (
        (whole[:-3], f"one at byte {start + 16} is cut off"),
        (whole[:start], "at least one"),
        (b"#!AER-DAT3.1\r\n" + whole[14:], "must begin with #!AER-DAT2.0"),
        (b"", "must begin"),
        (b"#!AER-DAT2.0 " + b"x" * 70_000, "line of the header at byte 0 has no end"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_aedat2(path)
    path.write_bytes(whole[: start + 8] + struct.pack(">II", 1 << 20, 9) + whole[start + 16 :])
    with pytest.raises(ValueError, match="event 1 has the address 0x100000"):
        read_cifar10_dvs(path)
    write_aedat2(path, [(9, 1, 1, True), (4, 1, 1, True)])
    with pytest.raises(ValueError, match="event 1 is before the last one"):
        read_cifar10_dvs(path)


def test_the_split_of_cifar10_dvs_is_by_number(tmp_path, monkeypatch):
    for label, name in enumerate(CLASSES):
        for number in range(20):
            # By name 10 comes before 2.
            events = some_events(10 + number, seed=100 * label + number)
            write_aedat2(tmp_path / "CIFAR10DVS" / name / f"cifar10_{name}_{number}.aedat", events)
    monkeypatch.setenv("CHSNN_DATA", str(tmp_path))
    data = load_data("cifar10-dvs", timesteps=2, pool=2)
    assert (len(data.train), len(data.validation), len(data.test)) == (162, 18, 20)
    assert data.test.images.sum((1, 2, 3, 4)).tolist() == [28, 29] * 10  # numbers 18 and 19
    assert data.test.labels.tolist() == [label for label in range(10) for _ in range(2)]
    assert data.in_shape == (2, 64, 64)


# ------------------------------------------------------------------------- 3.1, DVS128 Gesture

HEADER3 = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"


def packet(events, overflow=0, kind=1, invalid=()):
    """A packet of polarity events, or of another kind with as many bytes."""
    body = bytearray()
    for i, (t, x, y, p) in enumerate(events):
        data = x << 17 | y << 2 | int(p) << 1 | (i not in invalid)
        body += struct.pack("<Ii", data, t)
    n = len(events)
    return struct.pack("<HHIIIIII", kind, 1, 8, 4, overflow, n, n, n) + bytes(body)


def test_events_of_aedat3_are_read_back(tmp_path):
    first, second = some_events(30), some_events(5, seed=1)
    content = packet(first) + packet(some_events(4), kind=0) + packet(second, 1, invalid={2})
    (tmp_path / "a.aedat").write_bytes(HEADER3 + content)
    found = read_aedat3(tmp_path / "a.aedat")
    later = [(t + 2**31, x, y, p) for i, (t, x, y, p) in enumerate(second) if i != 2]
    assert found.dtype == EVENT
    assert found.tolist() == first + later


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b[:-1], "packet at byte 61 says it has 3 events of 8 bytes, and 23 bytes"),
        (lambda b: b + b"\1\0\1", "packet at byte 113 is cut off"),
        (lambda b: b[:81] + b"\xff\xff\xff\x7f" + b[85:], "says it has 2147483647 events"),
        (lambda b: b[:65] + b"\x04\0\0\0" + b[69:81] + b"\6\0\0\0" + b[85:], "events of 4 bytes"),
        (lambda b: b"#!AER-DAT2.0" + b[12:], "must begin with #!AER-DAT3.1"),
    ],
)
def test_what_a_packet_cannot_say_is_named_with_the_place(change, message, tmp_path):
    assert len(HEADER3) == 61
    (tmp_path / "a.aedat").write_bytes(change(HEADER3 + packet(some_events(3))))
    with pytest.raises(ValueError, match=message):
        read_aedat3(tmp_path / "a.aedat")


def write_gestures(folder):
    """Two recordings for training, one for testing, each with all gestures; return their events."""
    folder.mkdir()
    every = {}
    for number, split in enumerate(("train", "train", "test")):
        name = f"user{number:02}_led"
        events = some_events(400, seed=number, stop=1_200_000)
        (folder / f"{name}.aedat").write_bytes(
            HEADER3 + packet(events[:150]) + packet(events[150:])
        )
        lines = [f"{k + 1},{100_000 * k},{100_000 * (k + 1)}" for k in range(11)]
        text = "\n".join(["class,startTime_usec,endTime_usec", *lines]) + "\n"
        (folder / f"{name}_labels.csv").write_text(text)
        with (folder / f"trials_to_{split}.txt").open("a") as trials:
            trials.write(f"{name}.aedat\n")
        every[name] = events
    return every


def test_gestures_are_cut_out_of_their_recordings(tmp_path, monkeypatch):
    every = write_gestures(tmp_path / "dvs-gesture")
    monkeypatch.setenv("CHSNN_DATA", str(tmp_path))
    data = load_data("dvs-gesture", timesteps=3, pool=4)
    assert (len(data.train), len(data.validation), len(data.test)) == (20, 2, 11)
    assert data.test.labels.tolist() == list(range(11))
    assert (data.in_shape, data.n_in) == ((2, 32, 32), 2048)
    inside = [e for e in every["user02_led"] if 400_000 <= e[0] < 500_000]
    frames = data.test.images[4]
    assert frames.sum() == len(inside)
    last = max(e[0] for e in inside) - 400_000
    third = [e for e in inside if (e[0] - 400_000) * 3 >= 2 * (last + 1)]
    assert frames[2].sum() == len(third)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class,start\n", "must begin with class,startTime_usec"),
        ("", "must begin with"),
        ("class,startTime_usec,endTime_usec\n12,0,5\n", "line 2 must be a class from 1 to 11"),
        ("class,startTime_usec,endTime_usec\n1,0,5\n1,7,6\n", "line 3 must be a class"),
        ("class,startTime_usec,endTime_usec\n1,0\n", "line 2 must be three whole numbers"),
        ("class,startTime_usec,endTime_usec\n1,a,5\n", "line 2 must be three whole numbers"),
    ],
)
def test_labels_that_cannot_be_are_named_with_their_line(text, message, tmp_path):
    (tmp_path / "a.aedat").write_bytes(HEADER3)
    (tmp_path / "a_labels.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_labels(tmp_path / "a.aedat")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"trials_to_train\.txt; put the files"):
        load_data("dvs-gesture", tmp_path)
    with pytest.raises(FileNotFoundError, match="put the folders of the classes of CIFAR10-DVS"):
        load_data("cifar10-dvs", tmp_path)
    (tmp_path / "trials_to_train.txt").write_text("user01.aedat\n")
    with pytest.raises(FileNotFoundError, match=r"user01\.aedat, which a list of trials names"):
        load_data("dvs-gesture", tmp_path)
    (tmp_path / "trials_to_train.txt").write_text("../user01.aedat\n")
    with pytest.raises(ValueError, match="must name files beside it"):
        load_data("dvs-gesture", tmp_path)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([(5, 4000, 1, True)], r"user00_led\.aedat: events must have x from 0 to 127"),
        ([(9, 1, 1, True), (5, 1, 1, True)], r"user00_led\.aedat: .*in the order of their times"),
        ([(-5, 1, 1, True)], r"user00_led\.aedat: events must have times from 0"),
    ],
)
def test_gestures_are_not_cut_out_of_what_is_no_recording(events, message, tmp_path):
    folder = tmp_path / "g"
    write_gestures(folder)
    (folder / "user00_led.aedat").write_bytes(HEADER3 + packet(events))
    with pytest.raises(ValueError, match=message):
        load_data("dvs-gesture", folder)


def test_lists_and_labels_that_are_empty_or_no_text_are_named(tmp_path):
    folder = tmp_path / "g"
    write_gestures(folder)
    (folder / "trials_to_test.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"trials_to_test\.txt must name at least one"):
        load_data("dvs-gesture", folder)
    (folder / "trials_to_test.txt").write_bytes(b"user\xff\n")
    with pytest.raises(ValueError, match=r"trials_to_test\.txt must be text, got .* at byte 4"):
        load_data("dvs-gesture", folder)


def test_what_cannot_be_fetched_is_said_before_anything_is_read(tmp_path):
    for name in ("n-mnist", "cifar10-dvs", "dvs-gesture"):
        with pytest.raises(ValueError, match=f"data '{name}' cannot be fetched"):
            load_data(name, tmp_path, download=True)
