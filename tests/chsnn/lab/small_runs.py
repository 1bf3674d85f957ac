"""Runs of a moment, and how commands on their folders end."""

import contextlib
import io
import tomllib

import tomli_w

from chsnn.lab.cli import main

CHEAP = ["--hidden", "20", "--sparsity", "0.8", "--epochs", "2", "--timesteps", "3"]
CHEAP += ["--train-images", "200", "--batch-size", "50", "--threads", "1"]


def ended(*arguments):
    """Return the exit status of a command and what it said last, which is one line on errors."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
    said = err.getvalue()
    assert code == 0 or said.count("\n") == 1, said
    return code, said if code else out.getvalue()


def refused(*arguments):
    """Return the one line with which a command ends with status 2."""
    code, said = ended(*arguments)
    assert code == 2, said
    return said


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def table_of(path):
    return tomllib.loads(path.read_text())


def edit(folder, name="config.toml", **changes):
    path = folder / name
    path.write_text(tomli_w.dumps(table_of(path) | changes))
