"""Ctrl-C while a command imports what it needs is one line and exit status 130."""

import os
import signal
import subprocess
import sys
import time
from importlib.metadata import entry_points

import pytest

from chgraph.command_line import fail, print_result, said

# As the script that an installation writes, which says when it has begun.
SCRIPT = """
import os
os.write(1, b"begun")
import sys
from chgraph.starting import {name}
sys.argv = ["command", "--help"]
sys.exit({name}())
"""


@pytest.mark.parametrize("program", ["chgraph", "chsnn"])
@pytest.mark.parametrize("seconds", [0.1, 0.4, 0.8, 1.6])
def test_an_interrupt_while_it_starts_is_one_line(program, seconds):
    if program == "chsnn":
        pytest.importorskip("torch")
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(name=f"{program}_command")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background of a shell inherits an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert os.read(process.stdout.fileno(), 5) == b"begun"
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=60)
    if process.returncode == -signal.SIGINT:  # all was said, and Python's handler gone already
        assert "usage" in output
        assert error == ""
    elif process.returncode != 0:  # it was quicker
        assert (process.returncode, error) == (130, f"{program}: interrupted\n")
    assert "Traceback" not in error


def test_the_installed_commands_start_so():
    scripts = {e.name: e.value for e in entry_points(group="console_scripts")}
    import tomllib
    from pathlib import Path

    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert tomllib.loads(text)["project"]["scripts"] == {
        "chgraph": "chgraph.starting:chgraph_command",
        "chsnn": "chgraph.starting:chsnn_command",
    }
    assert {"chgraph", "chsnn"} <= set(scripts)


def test_starting_imports_nothing_that_takes_a_while():
    code = "import chgraph.starting, sys; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for slow in ("tyro", "numpy", "numba", "networkx", "torch"):
        assert f"'{slow}'" not in done.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_output_is_one_line(tmp_path):
    path = tmp_path / "links.csv"
    path.write_text("a,b\nb,c\nc,d\nd,a\n")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "chgraph.cli", "predict", str(path)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "chgraph: standard output: no space left on device\n"


def test_errors_of_files_name_them(capsys):
    assert said(OSError(36, "File name too long", "x")) == "x: file name too long"
    assert said(OSError(18, "Invalid link", "x", None, "y")) == "x -> y: invalid link"
    assert said(OSError("no such thing")) == "no such thing"
    with pytest.raises(SystemExit):
        fail("chgraph", "two\nlines", 2)
    assert capsys.readouterr().err == "chgraph: two lines\n"
    print_result({"a": 1}, "text", json=False)
    assert capsys.readouterr().out == "text\n"
