# One command for everything a person does first; `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What the tests have of the clients that are extras.
CLIENTS := --extra bigquery --extra buckets --extra iceberg --extra mysql --extra postgres --extra snowflake --extra sqlserver
# Without compiled bytecode every start of Dagster costs seconds more.
unexport PYTHONDONTWRITEBYTECODE
export VIRTUAL_ENV :=

.PHONY: help run dev test lint servers benchmark lock clean

help:
	@echo "make run        set up, pull every report and send every data set of the last closed days"
	@echo "make dev        the Dagster UI and daemon on port 3000"
	@echo "make test       lint, format, types and all tests"
	@echo "make benchmark  measure, and write benchmarks/RESULTS.md"
	@echo "make lock       resolve the exact versions in requirements/ anew"

run: $(VENV)/.run
	$(BIN)/optimove-pipeline run

dev: $(VENV)/.run
	$(BIN)/optimove-pipeline dev

test: $(VENV)/.test
	$(MAKE) -j 3 lint servers $(VENV)/.collected
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

servers: $(VENV)/.test
	sh tools/test_servers.sh

# The first time, one process reads all tests and rewrites their assertions: else each worker would, all at once.
$(VENV)/.collected: $(VENV)/.test
	@$(BIN)/python -m pytest --collect-only -qq > $@ || { cat $@; rm $@; exit 1; }

benchmark: $(VENV)/.benchmark
	$(BIN)/python -m benchmarks

$(BIN)/uv: requirements/uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than 3.11: name a newer one, for example make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "$(PYTHON) can't make virtual environments: install its venv package (Debian: python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/uv.lock
	@touch $@

# Each stamp stands for an installed lock; the project itself is installed as it lies here.
$(VENV)/.run $(VENV)/.test $(VENV)/.benchmark: $(VENV)/.%: requirements/%.lock setup.cfg pyproject.toml $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -r $<
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --no-deps --no-build-isolation -e .
	@touch $@

lock: $(BIN)/uv
	set -e; for name in run test benchmark; do \
	  case $$name in run) extras= ;; test) extras="$(CLIENTS) --extra test" ;; \
	    benchmark) extras="$(CLIENTS) --extra test --extra benchmark" ;; esac; \
	  constraint=; [ $$name = run ] || constraint="-c requirements/run.lock"; \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate \
	    $$extras $$constraint --output-file requirements/$$name.lock setup.cfg requirements/build.in; \
	done

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
