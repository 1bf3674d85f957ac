"""The page of a run or a comparison for people: one HTML file that asks for no other.

html.py      elements, everything escaped    document.py   the frame of a page, style, script
numbers.py   numbers in words                charts.py   axes and lines as SVG
dots.py      rows of dots under one scale        pictures.py   pixels as PNG, spikes as SVG
files.py     what a run folder holds         run.py, activity.py, topology.py   sections of a run
comparison.py   sections of a comparison
"""

from chsnn.lab.page.comparison import write_comparison_page
from chsnn.lab.page.run import run_page, write_run_page

__all__ = ["run_page", "write_comparison_page", "write_run_page"]
