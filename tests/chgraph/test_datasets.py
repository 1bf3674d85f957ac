"""Bundled networks: as many nodes and links as published, and what they say of themselves."""

import csv
import warnings
from importlib.resources import files

import igraph
import numpy as np
import pytest

import chgraph
from chgraph import datasets

# From the publications (Zachary 1977, Knuth 1993, Breiger and Pattison 1986, Davis et al. 1941,
# metadata of doi:10.5061/dryad.wm37pvmn5) and, for the last, of the table that is shipped.
PUBLISHED = {
    "karate": ((34,), 78),
    "les_miserables": ((77,), 254),
    "florentine_families": ((15,), 20),
    "southern_women": ((18, 14), 89),
    "andean_frugivory": ((22, 45), 117),
    "cell_cycle": ((21,), 81),
}


def rows(name):
    text = files("chgraph.datasets").joinpath(name).read_text(encoding="utf-8")
    return list(csv.reader(text.splitlines()))


def test_every_network_has_a_published_count_here():
    assert datasets.names() == tuple(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_the_published_ones_and_the_described_ones(name):
    with warnings.catch_warnings(action="error"):
        graph = datasets.load(name)
    sides, n_links = PUBLISHED[name]
    assert (graph.sides, graph.n_links) == (sides, n_links)
    entry = datasets.describe(name)
    assert (entry.name, entry.n_nodes, entry.n_links) == (name, sides, n_links)
    assert entry.bipartite == graph.is_bipartite == (len(entry.nodes) == 2)
    for value in (entry.title, entry.links, entry.reference, entry.source, entry.license):
        assert value


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_node_has_a_name_and_links_can_be_predicted(name):
    graph = datasets.load(name)
    for names, size in zip(graph.end_names, graph.shape, strict=True):
        assert len(set(names)) == size
    predicted = chgraph.predict_links(graph, k=5)
    assert len(predicted) == 5
    assert (predicted.score > 0).all()


def test_the_karate_club_is_igraphs_zachary():
    ours = {frozenset(map(int, link)) for link in np.transpose(datasets.load("karate").links())}
    assert ours == {frozenset(link) for link in igraph.Graph.Famous("Zachary").get_edgelist()}


def test_the_visits_in_the_andean_forest_sum_to_the_published_number():
    header, *links = rows("andean_frugivory.csv")
    assert header == ["plant", "bird", "visits"]
    assert sum(int(visits) for _, _, visits in links) == 488


def test_proteins_are_linked_by_experiments_of_at_least_four_tenths():
    header, *links = rows("cell_cycle.csv")
    assert header == ["protein", "partner", "experiments"]
    assert all(0.4 <= float(score) <= 1 for _, _, score in links)
    assert "CC-BY-4.0" in datasets.describe("cell_cycle").license
    assert "changed" in datasets.describe("cell_cycle").notes  # as the license wants it said


def test_the_table_of_the_docstring_is_the_catalog():
    table = [line.split() for line in datasets.__doc__.splitlines()]
    for name, (sides, n_links) in PUBLISHED.items():
        (row,) = [words for words in table if words[:1] == [name]]
        assert f"{name} {' + '.join(map(str, sides))} {n_links} " in " ".join(row)
        assert datasets.describe(name).license.split()[0] == row[-1]


@pytest.mark.parametrize("name", ["Karate", "zachary", "", None, 1])
def test_other_names_are_refused_with_those_there_are(name):
    for function in (datasets.load, datasets.describe):
        with pytest.raises(ValueError, match=r"name must be one of 'karate', .*got"):
            function(name)


def test_the_description_says_where_it_is_from():
    text = str(datasets.describe("southern_women"))
    assert "18 women and 14 events, 89 links" in text
    assert "Davis" in text
    assert "BSD-3-Clause" in text
