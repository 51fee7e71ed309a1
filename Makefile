# `make demo` and `make test` need Python 3.11 or newer and the package index, nothing else.
PYTHON ?= python3
BIN = .venv/bin
# Of the 27,000 modules that the SDKs bring few are ever imported; Python compiles those by itself.
PIP = -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-compile
COMPILE = uv pip compile pyproject.toml --universal --generate-hashes --no-strip-extras --python-version 3.11 --no-annotate --quiet \
	--custom-compile-command "make lock"

# Tests start Python hundreds of times: compiled modules are kept, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test style types architecture unit lab benchmarks lock clean

demo: .venv-demo/installed
	@PATH="$(CURDIR)/.venv-demo/bin:$$PATH" examples/quickstart/demo

test: style types architecture unit

style: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/installed
	$(BIN)/mypy

architecture: .venv/installed
	$(BIN)/lint-imports

unit: .venv/installed
	$(BIN)/coverage erase
	$(BIN)/pytest --numprocesses=3 --dist=worksteal --cov --cov-report=term

lab: .venv/installed
	$(BIN)/pytest tests/lab --numprocesses=4 --dist=loadfile --no-loadscope-reorder

benchmarks: .venv/installed
	for benchmark in tests/benchmarks/*.py; do $(BIN)/python $$benchmark || exit 1; done

# Hashes of every file for every platform; the index that they came from is not written down.
lock:
	$(COMPILE) --group build --output-file requirements/run.txt
	$(COMPILE) --all-extras --group dev --output-file requirements/dev.txt

.venv-demo/installed: requirements/run.txt pyproject.toml
	$(PYTHON) -m venv .venv-demo
	.venv-demo/bin/python $(PIP) --require-hashes -r requirements/run.txt
	.venv-demo/bin/python $(PIP) --no-deps --no-build-isolation --editable .
	touch $@

.venv/installed: requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python $(PIP) --require-hashes -r requirements/dev.txt
	$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf .venv .venv-demo .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
