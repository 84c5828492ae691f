# Everything runs in a virtual environment of its own, .venv; a second call is fast.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PACKAGES := vos pretrain benchmarks

.PHONY: demo test test-slow test-gpu fuzz lint format cov docs clean

# torch and torchvision come first, in a pair, so that no other requirement brings a second torch:
# the CPU build where there is no NVIDIA GPU.
$(STAMP): setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python tools/install_pytorch.py
	$(BIN)/python -m pip install --quiet --prefer-binary --editable ".[dev]"
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/vos demo --out runs/demo --overwrite

test: $(STAMP)
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

# Against the CPU, on one CUDA GPU and on two; what this machine lacks is skipped with the reason.
test-gpu: $(STAMP)
	$(BIN)/python -m pytest -m "gpu or gpu2"

# Damaged inputs for every reader, VOS_FUZZ_SECONDS each (600); what is found is in runs/fuzz.
fuzz: $(STAMP)
	$(BIN)/python -m tests.fuzz

# Each package by itself has to reach 90 %, so that a good one cannot hide another.
cov: $(STAMP)
	$(BIN)/python -m pytest -m "not slow" $(PACKAGES:%=--cov=%) --cov-report=
	for package in $(PACKAGES); do \
		$(BIN)/coverage report --include="$$package/*" --skip-covered --show-missing \
			--fail-under=90 || exit 1; \
	done

# The site in site/, from docs/ and the code. A dead link or a missing page is an error.
docs: $(STAMP)
	$(BIN)/python -m pip install --quiet --prefer-binary --editable ".[docs]"
	$(BIN)/python -m tools.docs_reference docs
	$(BIN)/python -m mkdocs build --strict

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(VENV)-* build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache
