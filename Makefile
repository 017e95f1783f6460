# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# What runs at a time: one more than there are cores, for each waits for its database now and then.
WORKERS ?= $(shell expr $$(nproc) + 1)

# Containers often set it: then every process would compile all of the sources for itself.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo serve test faults test-16 soak lint lock bench clean

install: $(STAMP)

$(STAMP): pyproject.toml requirements.lock deploy/install.sh
	PYTHON=$(PYTHON) sh deploy/install.sh $(VENV)
	@touch $(STAMP)

demo: install
	$(BIN)/zhihao demo $(ARGS)

serve: install
	$(BIN)/zhihao serve $(ARGS)

# Yields to whatever else runs.
lint: install
	nice $(BIN)/ruff format --check .
	nice $(BIN)/ruff check .
	nice -n 19 $(BIN)/mypy -n $(WORKERS)
	nice -n 19 $(BIN)/lint-imports

# What must be back in the time that is promised is tried with nothing beside it but the linters; then everything
# else, a file in each of WORKERS at a time.
PYTEST := $(BIN)/python -m pytest
SHARED := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
test: install
	$(MAKE) --jobs=2 --output-sync lint faults
	$(PYTEST) $(SHARED) -m "not timed" $(ARGS)

faults: install
	$(PYTEST) tests/faults -m timed $(ARGS)

# `test` runs on PostgreSQL 18: this is what touches the database, once more on 16. The text sets are read once.
test-16: install
	ZHIHAO_TEST_POSTGRES_VERSION=16 $(PYTEST) $(SHARED) tests/integration -m "not data" $(ARGS)

# The long forms: what `test` does a few times, hundreds and thousands of times. Takes hours.
soak: install
	ZHIHAO_TEST_SOAK=1 $(BIN)/python -m pytest -m soak $(ARGS)

# Every bench in turn; ARGS="--quick" for a short run, ARGS="settling webhooks" for those alone.
bench: install
	$(BIN)/python -m tests.bench $(ARGS)

# The lock carries hashes and no address, so any index that serves the same files will do.
lock: install
	$(BIN)/uv pip compile pyproject.toml --extra embedded --extra documents --extra dev --extra bench --extra lock --group build \
	  --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache
