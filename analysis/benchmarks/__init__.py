"""Benchmarks: ours beside a peer in one run, ratios kept; ``python -m analysis.benchmarks.<name>``."""
