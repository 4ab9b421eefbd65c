# make demo · make test · make test-long · make lint · make bench · make docs · make tools
# Each target installs what it needs into .venv on a fresh machine; nothing is installed outside it.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
OUT ?= demo_out
INSTALLED := $(VENV)/.installed
TESTED := $(VENV)/.installed-dev

.PHONY: install demo test test-long lint format bench docs tools weights clean

# torch first: with the pinned version in place nothing that depends on torch can draw in another build of it.
$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip

$(INSTALLED): pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(BIN)/pip install --quiet $$(grep '^torch==' constraints.txt)
	$(BIN)/pip install --quiet -c constraints.txt -e .
	touch $@

$(TESTED): $(INSTALLED)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

install: $(INSTALLED)

demo: $(INSTALLED)
	$(BIN)/itemclip-med demo run $(OUT)

# CI's tier: offline, under ten minutes on two cores.
test: $(TESTED)
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term

# Everything but the GPU: also the slow ones. Its summary goes into docs/verification.md.
test-long: $(TESTED)
	$(BIN)/python -m pytest -m "not gpu" --durations=15

lint: $(TESTED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(TESTED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(TESTED)
	$(BIN)/python benchmarks/machine.py
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

docs: $(INSTALLED)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[docs]'
	rm -rf docs/reference/_generated
	$(BIN)/python -m sphinx -W --keep-going -q docs build/site

# Programs of Debian that some tests use, and are skipped without: a browser, and the validator of DICOM objects.
tools:
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium dicom3tools

# The shipped head-CT phantom model, made again: an hour or two on two cores.
weights: $(INSTALLED)
	$(BIN)/python benchmarks/train_weights.py build/weights

clean:
	rm -rf build dist demo_out .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage htmlcov
