"""The figures and tables of the CH-SNN paper, from our own runs beside the published numbers."""
