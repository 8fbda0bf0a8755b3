# Every target does its own set-up in .venv. Nothing is needed but Python 3.11 or newer, make and a package registry.
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: install demo test check tables clean mnist

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	python3 -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable ".[dev]"
	touch $@

# The 1998 LeNet-5 on real handwritten digits: trained, measured, used, reported.
demo: $(VENV)/.installed
	$(BIN)/python examples/digits.py

# One thread for each of the two test processes, so that they do not fight for the cores.
test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# The table of parameters and multiply-adds that `lenext models` prints without loading torch.
tables: $(VENV)/.installed
	$(BIN)/python -m lenext.models.table > line.json
	mv line.json src/lenext/models/line.json

# LeNet-5 on MNIST, trained and measured; minutes, so not part of the tests. Data: see `lenext train mnist --help`.
mnist: $(VENV)/.installed
	$(BIN)/python benchmarks/mnist.py

clean:
	rm -rf $(VENV) runs
