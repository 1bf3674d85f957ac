"""Experiments: configurations, named methods, run folders, comparisons, reports."""
