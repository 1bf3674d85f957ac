"""Benchmarks, ours beside a peer in one run: ``python -m analysis.benchmarks.<name>``."""
