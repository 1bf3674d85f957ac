"""The networkx backend "chgraph": what networkx's dispatcher sees.

networkx finds :func:`chgraph.interop.info.get_info` and :mod:`chgraph.interop.backend` by the
entry points of the package. The first is read whenever networkx is imported and imports
nothing; the second when a function is first dispatched.
"""
