"""Small real networks, so that an example needs no file.

===================  =======  =====  =========================================  ============
name                 nodes    links  what                                       license
===================  =======  =====  =========================================  ============
karate               34       78     Zachary's karate club                      BSD-3-Clause
les_miserables       77       254    characters who appear in one chapter       BSD-3-Clause
florentine_families  15       20     marriages between Florentine families      BSD-3-Clause
southern_women       18 + 14  89     women and the events they went to          BSD-3-Clause
andean_frugivory     22 + 45  117    plants and the birds that eat their fruit  CC0-1.0
cell_cycle           21       81     proteins of the human cell cycle (STRING)  CC-BY-4.0
===================  =======  =====  =========================================  ============

The first four come with networkx (igraph's one real network, ``Graph.Famous("Zachary")``, is the
first of them), the last two with this package. :func:`describe` says where each was published and
what was left out; the same as a table that programs read is ``catalog.toml`` beside this file.
"""

from chgraph.datasets.catalog import Dataset
from chgraph.datasets.loading import describe, load, names

__all__ = ["Dataset", "describe", "load", "names"]
