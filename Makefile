# `make demo` and `make test` need Python 3.11+ and make; everything else they install.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test networkx lint types docs clean

demo: $(INSTALLED)
	$(BIN)/chsnn train --data digits --hidden 512 512 --sparsity 0.95 --seed 0 --out runs/demo --force

test: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist loadfile
	$(BIN)/python -m pytest --nbmake notebooks -q

# networkx's own tests of what its backend "chgraph" covers, and which of them it ran.
networkx: $(INSTALLED)
	$(BIN)/python -m analysis.networkx_suite

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

# The site, every warning an error; nothing is fetched.
docs: $(INSTALLED)
	$(BIN)/python -m sphinx -E -q -b html -n -W --keep-going -c docs . docs/_build/html

clean:
	rm -rf docs/_build docs/reference/rooms
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Installed once; again only when what is to be installed has changed.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed"'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $(INSTALLED)
