# Needs nothing but Python and make: whatever else there is to install goes into .venv.

PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
ARGS =
BENCH_FILES = --markdown benchmarks/results.md --json benchmarks/results.json \
	--chart benchmarks/chart.svg

# The name of the Python is in them, so that another PYTHON= means another environment.
CLI_EXTRA = $(VENV)/.cli-$(subst /,-,$(PYTHON))
TEST_EXTRA = $(VENV)/.test-$(subst /,-,$(PYTHON))
BENCH_EXTRA = $(VENV)/.bench-$(subst /,-,$(PYTHON))
DEV_EXTRA = $(VENV)/.dev-$(subst /,-,$(PYTHON))

.PHONY: help demo test cover lint types bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s  %s\n", $$1, $$2 }' Makefile

demo: $(CLI_EXTRA) ## POP3 between a server and a client of ours, on this machine
	@$(BIN)/pop3 demo

test: $(TEST_EXTRA) ## all tests; arguments for pytest: make test ARGS="-k stls"
	$(BIN)/python -bb -W error -m pytest $(ARGS)

cover: $(TEST_EXTRA) ## what no test of a module of the core reaches in that very module
	$(BIN)/python -m tools.cover

lint: $(DEV_EXTRA) ## ruff: faults and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(DEV_EXTRA) ## mypy and pyright, both strict
	$(BIN)/mypy
	$(BIN)/pyright

bench: $(BENCH_EXTRA) ## how fast this is, in 15 minutes; QUICK=1 make bench takes 3
	$(BIN)/python -m benchmarks all $(if $(QUICK),--quick,$(BENCH_FILES)) $(ARGS)

clean: ## remove what all of these have made
	rm -rf $(VENV) .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# uv must run, not only be there: a pyenv shim may stand for one that belongs to another Python.
# It gets an absolute path, because it would not find the interpreter behind a shim's name.
ifneq ($(shell uv --version 2>/dev/null),)
export UV_PYTHON_DOWNLOADS = never
create = uv venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
install = uv pip install --quiet --python $(BIN)/python
else
create = $(PYTHON) -m venv $(VENV) || { echo "$(no_venv)" >&2; exit 1; }
install = $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

no_venv = $(PYTHON) cannot make a virtual environment: install its venv module \
	(on Debian: apt-get install python3-venv), or uv.
too_old = pop3-proto needs Python 3.11 or newer, and $(PYTHON) is %d.%d: \
	name another one, as in make PYTHON=python3.13 test.

# A stamp is made last, so that a set-up that was interrupted starts over.
$(CLI_EXTRA): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; v >= (3, 11) or sys.exit("$(too_old)" % v)'
	@echo "Setting up $(VENV)"
	@rm -rf $(VENV)
	@$(create)
	@$(install) -e '.[cli]'
	@touch $@

$(TEST_EXTRA): $(CLI_EXTRA)
	@echo "Adding what the tests need to $(VENV)"
	@$(install) -e '.[test]'
	@touch $@

$(BENCH_EXTRA): $(TEST_EXTRA)
	@echo "Adding what draws charts to $(VENV)"
	@$(install) -e '.[bench]'
	@touch $@

$(DEV_EXTRA): $(TEST_EXTRA)
	@echo "Adding the checkers to $(VENV)"
	@$(install) -e '.[dev]'
	@touch $@
