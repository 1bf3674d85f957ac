"""Figures, tables and benchmarks; each is run as ``python -m analysis.<name>``."""
