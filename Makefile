# Two commands: `make repro` builds the dataset and the model of the sample show, `make test` runs every test.
# Both make .venv first, from requirements.lock. Needs Python 3.11, git and make.

BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)
unexport PYTHONPATH VIRTUAL_ENV

PYTHON := $(shell command -v python3.11 || command -v python3)

.PHONY: help setup repro reproduced test quick lint docs wheel wheel-cascades readers lock
help:
	@sed -n '1,2s/^# //p' Makefile

setup: .venv/installed

.venv/installed: requirements.lock pyproject.toml cascades/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "toonset needs Python 3.11, found $$($(PYTHON) --version) at $(PYTHON): install python3.11 and its venv module"; exit 1; }
	@echo 'installing about 2 GB of packages into .venv: this takes some minutes'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable ./cascades --editable .
	$(BIN)/python -m pip check
	@touch $@

repro: setup
	@toonset repair | grep -v '^nothing to repair' || true
	dvc repro
	@toonset summary

# A run in a clean clone, held against the committed dvc.lock.
reproduced: setup
	toonset reproduced

lint: setup
	ruff check .
	ruff format --check .
	mypy
	mypy --platform darwin --no-warn-unreachable --cache-dir .mypy_cache/darwin  # what macOS does not have is an error here
	lint-imports --no-logo

test: lint
	pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

# For a developer at work: no browser, no server, no download, nothing that takes long.
quick: setup
	ruff check .
	pytest --numprocesses auto -m "not slow and not browser and not server"

# The wheel in an environment of its own, without the lock: pip downloads about 1 GB.
wheel: setup
	python -m tests.wheel.check

# Exports read by the programs they are for, each in an environment of its own: pip downloads some gigabytes.
# `make readers LIBRARIES="polars duckdb"` takes these alone.
readers: setup
	python -m tests.readers.check $(LIBRARIES)

# toonset-cascades alone, in an environment of its own: its tests, with the newest OpenCV and with OpenCV 4.
wheel-cascades: setup
	python -m tests.wheel.cascades

# The documentation site, in build/site. Links and anchors that lead nowhere are errors.
docs: setup
	mkdocs build --strict --quiet
	@echo "open build/site/index.html"

lock: setup
	@echo "# Every package the project runs and is tested with, one version each: what \`make\` installs. Made by \`make lock\`." > requirements.lock.new
	pip list --format freeze --exclude-editable | grep --invert-match --extended-regexp '^pip==' | sed 's/+cpu//' >> requirements.lock.new
	mv requirements.lock.new requirements.lock
