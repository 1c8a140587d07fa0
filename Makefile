# `make demo` and `make test` are all a new user needs; everything else is for those who stay.
SHELL := /bin/bash
BIN := .venv/bin
PIPELINE ?= digits
PORT ?= 3000
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DAGSTER_HOME := $(CURDIR)

.DEFAULT_GOAL := help
.PHONY: help setup demo ui test check bench soak screenshots format clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/.installed ## make .venv with everything pinned in constraints.txt (skipped when nothing changed)

.venv/.installed: pyproject.toml constraints.txt bin/setup
	@bin/setup

demo: setup ## run the digits pipeline through its Dagster job: raw data to a certified ONNX file
	@dl run digits --dagster

ui: setup ## open the Dagster UI at http://127.0.0.1:3000 (PORT=...)
	@dl ui --port $(PORT)

# Tiny networks gain nothing from threads, and lose much where other processes want the cores too.
test: setup ## run the tests
	@OMP_NUM_THREADS=1 python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: setup ## style, types, import layers, pipelines, definitions
	@ruff format --check . && ruff check .
	@mypy
	@lint-imports
	@dl check
	@dagster definitions validate -w workspace.yaml 2>&1 | grep -v -e Superseded -e SupersessionWarning -e 'return callback'; exit $${PIPESTATUS[0]}

bench: setup ## measure what must be fast, side by side in one run (installs OpenVINO, to measure against)
	@python -c "import openvino" 2>/dev/null || python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[bench]"
	@python -m pytest tests/benchmarks -q -s -o addopts=--import-mode=importlib -o 'python_files=bench_*.py'

RUNS ?= 200
REAL ?= 12
PREDICTIONS ?= 20000
soak: setup ## run and predict again and again for three quarters of an hour; nothing may grow (RUNS=20 PREDICTIONS=5000: shorter)
	@PYTHONPATH=tests:. python -m benchmarks.soak --runs $(RUNS) --real $(REAL) --predictions $(PREDICTIONS)

screenshots: setup ## take the pictures of the Dagster UI that the README shows
	@SCREENSHOTS=$(CURDIR)/docs python -m pytest -n 0 tests/orchestration/test_browser.py

format: setup ## write the code as ruff has it
	@ruff format . && ruff check --fix .

clean: ## delete the environment and Dagster's history, never your data
	rm -rf .venv .dagster .mypy_cache .ruff_cache .pytest_cache
