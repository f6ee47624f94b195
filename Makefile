# One verb per job. `make` alone lists them.

PYTHON ?= python3
VENV ?= .venv
OUTPUT ?= runs/demo
PYTEST_WORKERS ?= 2

BIN := $(VENV)/bin
SOURCES := Cargo.toml Cargo.lock pyproject.toml \
  $(shell find build_backend rust python -type f \( -name '*.rs' -o -name '*.py' -o -name '*.pyi' \
    -o -name '*.toml' -o -name '*.json' -o -name '*.xz' -o -name '*.extxyz' -o -name '*.css' \))
RUST_MINIMUM := 1.89
# The extension is built for the interpreter of the virtual environment.
export PYO3_PYTHON := $(abspath $(BIN))/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help check-tools install demo test test-rust test-py physics peers lint format bench docs wheel clean

help:
	@echo "make demo     potential, molecular dynamics, conductivity and report from the bundled data"
	@echo "make test     Rust and Python tests            (test-rust, test-py: one of them)"
	@echo "make physics  slow physical validation         peers: against other packages, if installed"
	@echo "make lint     fmt, clippy, ruff, mypy, stubs   format: apply the formatters"
	@echo "make bench    Criterion benches                docs: API pages and run the documents' code"
	@echo "make wheel    dist/*.whl                       clean: remove what was built"

# Says in one line everything that is missing, before any work starts.
check-tools:
	@missing=""; \
	command -v cc >/dev/null 2>&1 || missing="$$missing; a C compiler and linker 'cc' (Debian: apt install gcc libc6-dev)"; \
	if ! command -v cargo >/dev/null 2>&1; then missing="$$missing; cargo >= $(RUST_MINIMUM) (https://rustup.rs)"; \
	else \
	  found=$$(cargo --version | cut -d' ' -f2); \
	  oldest=$$(printf '%s\n%s\n' "$(RUST_MINIMUM)" "$$found" | sort -t. -k1,1n -k2,2n | head -n1); \
	  [ "$$oldest" = "$(RUST_MINIMUM)" ] || missing="$$missing; cargo >= $(RUST_MINIMUM), found $$found (rustup update)"; \
	fi; \
	if ! $(PYTHON) -c '' >/dev/null 2>&1; then missing="$$missing; $(PYTHON) >= 3.10"; \
	elif ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then \
	  missing="$$missing; $(PYTHON) >= 3.10, found $$($(PYTHON) --version 2>&1) (make PYTHON=python3.12 ...)"; \
	elif ! $(PYTHON) -c 'import venv, ensurepip' >/dev/null 2>&1; then \
	  missing="$$missing; the venv module of $(PYTHON) (Debian: apt install python3-venv)"; \
	fi; \
	if [ -n "$$missing" ]; then echo "missing: $${missing#; }" >&2; exit 1; fi

$(BIN)/python: | check-tools
	@$(PYTHON) -m venv $(VENV)

# Order-only prerequisites: the check runs each time, but does not force a new build.
$(VENV)/.installed: $(SOURCES) | check-tools $(BIN)/python
	@echo "building and installing lionn_rs into $(VENV) (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet .
	@touch $@

$(VENV)/.installed-test: $(SOURCES) | check-tools $(BIN)/python
	@echo "building and installing lionn_rs with its test tools into $(VENV) (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet '.[test]'
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed

demo: $(VENV)/.installed
	@$(BIN)/lionn run --demo --output $(OUTPUT) $(if $(wildcard $(OUTPUT)/config.resolved.toml),--resume)

test: check-tools $(VENV)/.installed-test test-rust test-py

# The release profile: the crates that the extension was built from are not built again.
test-rust: $(BIN)/python
	cargo test --release --quiet -p lionn-core -p lionn-kim

test-py: $(VENV)/.installed-test
	$(BIN)/python -m pytest -q -n $(PYTEST_WORKERS) tests

physics: $(VENV)/.installed-test
	@$(BIN)/python -m pip install --quiet '.[physics]'
	$(BIN)/python -m pytest -q -n $(PYTEST_WORKERS) -m physics tests

peers: $(VENV)/.installed-test
	$(BIN)/python -m pytest -q -m peers tests

lint: $(VENV)/.installed-test
	@$(BIN)/python -m pip install --quiet '.[lint]'
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --quiet -- -D warnings
	$(BIN)/python -m ruff check python tests examples docs benches build_backend
	$(BIN)/python -m ruff format --check python tests examples docs benches build_backend
	$(BIN)/python -m mypy
	$(BIN)/python -m mypy.stubtest lionn_rs._core

format: $(VENV)/.installed-test
	@$(BIN)/python -m pip install --quiet '.[lint]'
	cargo fmt --all
	$(BIN)/python -m ruff check --fix python tests examples docs benches build_backend
	$(BIN)/python -m ruff format python tests examples docs benches build_backend

bench: | check-tools
	cargo bench -p lionn-benches

docs: $(VENV)/.installed-test
	cargo doc --no-deps --quiet -p lionn-core
	$(BIN)/python -m pytest -q tests/docs

wheel: $(BIN)/python
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	@ls dist/*.whl

clean:
	rm -rf $(VENV) target dist .pytest_cache .mypy_cache .ruff_cache
	find python tests build_backend -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -f python/lionn_rs/_core.*.so python/lionn_rs/lammps/*.so
