"""Fault campaigns: what is killed, damaged, full, mistaken or malicious loses nothing.

``python -m tests.faults`` runs all of them at their full size and prints what was tried, what
survived and what was refused; ``tests/faults/test_campaigns.py`` runs a bounded part. A campaign is
a function ``(n, seed) -> Count`` in a module of its own, listed in ``__main__``.
"""
