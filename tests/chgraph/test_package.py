"""The names of the package: there when asked for, and not before."""

import subprocess
import sys

import pytest

import chgraph


def test_every_name_is_there():
    assert all(getattr(chgraph, name) is not None for name in chgraph.__all__)
    assert set(chgraph.__all__) <= set(dir(chgraph))
    assert chgraph.predict_links is chgraph.linkpred.predict_links
    assert chgraph.Graph is chgraph.graph.Graph


def test_a_name_that_is_none_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'chgraph' has no attribute 'predict_link'"):
        chgraph.predict_link  # noqa: B018


def test_nothing_is_imported_before_it_is_asked_for():
    code = """if True:
        import sys, chgraph
        before = {"numpy", "numba"} & set(sys.modules)
        chgraph.Graph
        print(before, "numba" in sys.modules)"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set() True\n"
