# A fresh machine needs Python 3.11 or newer, a C compiler and make. Everything else goes into .venv.

PYTHON ?= python3
ARGS   ?=
JOBS   ?= auto
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check

# A debug build has its own directories, so that changing to it and back is quick.
ifeq ($(FLOWPARSE_SANITIZE),1)
  MODE := sanitize
  RUN  := ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc \
          LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)"
else
  MODE := release
endif

BUILT   := .venv/built-$(MODE)
KERNELS := $(wildcard src/flowparse/*.pyx src/flowparse/*.pxd)
STUBS   := $(subst /,.,$(patsubst src/%.pyx,%,$(wildcard src/flowparse/*.pyx)))

# The tests, JOBS at a time, and then those that need a process without other threads. Status 5: ARGS left none.
TESTS = $(RUN) $(BIN)/python -m pytest -n $(JOBS) --maxprocesses 8 --dist loadfile $(1) $(ARGS) || [ $$? = 5 ]; \
        failed=$$?; $(RUN) $(BIN)/python -m pytest $(2) $(ARGS) || [ $$? = 5 ] || failed=1; exit $$failed

.DELETE_ON_ERROR:
.PHONY: help demo test test-long check bench docs docs-test coverage mutants fuzz fuzz-long soak reliability engines dev wheel clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1 /p' Makefile | while read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

demo: $(BUILT) ## Decode a capture and print its flows; CAPTURE=file.pcap for one of yours
	$(BIN)/python docs/examples/demo.py $(if $(CAPTURE),"$(CAPTURE)")

test: $(BUILT) .venv/group-test ## Run the tests and doctests; ARGS="-k name" for some of them
	$(call TESTS,-m "not slow and not engine and not starves",-m "not slow and starves")

test-long: $(BUILT) .venv/group-test ## Run the slow tests too, with many more examples
	$(call TESTS,-m "not engine and not starves" --hypothesis-profile=long,-m starves --hypothesis-profile=long)

check: $(BUILT) .venv/group-test .venv/group-check ## Lint, types, stubs, layers and the no-I/O rule
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	PATH="$(BIN):$$PATH" cython-lint src
	$(BIN)/mypy src $(wildcard tests/build.py)
	$(if $(STUBS),$(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml --allowlist tests/stubtest.txt --ignore-unused-allowlist $(STUBS))
	$(BIN)/python -m pytest -q $(wildcard tests/test_layers.py tests/test_no_io.py tests/test_registry*.py)

bench: $(BUILT) .venv/group-bench ## Measure; commits about speed quote this
	$(BIN)/python -m pytest bench $(ARGS)

coverage: $(BUILT) .venv/group-test ## Count the lines of the kernels that the tests run; ARGS=--again for the table
	$(BIN)/python tools/coverage.py $(ARGS)

mutants: $(BUILT) .venv/group-test ## Make one wire rule after another wrong and see that a test fails; ARGS=name
	$(BIN)/python tools/mutants.py $(ARGS)

fuzz: $(BUILT) .venv/group-test .venv/group-fuzz ## Fuzz for a minute, over builds of its own; ARGS="--engine loop"
	$(BIN)/python tools/fuzz.py --seconds 60 $(ARGS)

fuzz-long: $(BUILT) .venv/group-test .venv/group-fuzz ## Fuzz for an hour, with every engine that is there
	$(BIN)/python tools/fuzz.py --seconds 3600 $(ARGS)

reliability: $(BUILT) .venv/group-test ## Measure the scoreboard and write docs/reliability.md; ARGS="R-02" for some rows
	$(BIN)/python -m tests.reliability $(ARGS)

soak: $(BUILT) .venv/group-test ## Feed 10^7 mutated datagrams and compare 10^5; ARGS=number for fewer
	$(BIN)/python tools/soak.py $(if $(ARGS),$(ARGS),10000000 --compare 100000)

docs: $(BUILT) .venv/group-test .venv/group-docs ## Build the documentation into build/docs; its notebooks are run
	rm -rf build/docs build/doctrees build/jupyter_execute
	$(BIN)/python -m sphinx -q -W --keep-going -b html -d build/doctrees docs build/docs

docs-test: docs ## Build the documentation, and run every example in it
	$(BIN)/python -m pytest -q docs/test_site.py tests/examples $(ARGS)

engines: $(BUILT) .venv/group-test .venv/group-engines ## Run the pages on Kafka, Spark and ClickHouse with them; 1.2 GB, Java 17
	$(BIN)/python -m pytest -q -m engine -o faulthandler_timeout=0 tests/engines $(ARGS)

dev: $(BUILT) .venv/group-test .venv/group-check ## Make or refresh .venv with all that a contributor needs

wheel: ## Build dist/*.whl for PYTHON=python3.12 and import it where no compiler is
	bash tools/wheel.sh $(PYTHON)

clean: ## Remove all that make made
	rm -rf .venv build dist src/*.egg-info src/flowparse/*.c src/flowparse/*.so
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks .coverage
	find . -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) tools/preflight.py
	$(PYTHON) -m venv .venv
	$(PIP) install --upgrade pip

.venv/group-%: pyproject.toml | $(BIN)/python
	$(PIP) install --group $*
	touch $@

# What was compiled with other flags is of no use; a kernel that did not change is not compiled again.
build/$(MODE): setup.py
	rm -rf $@ build/cython
	mkdir -p $@

$(BUILT): build/$(MODE) $(KERNELS) .venv/group-build
	rm -f .venv/built-* src/flowparse/*.so
	$(BIN)/python setup.py --quiet egg_info build_ext --inplace --build-lib $</lib --build-temp $</temp
	@echo "$(CURDIR)/src" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/flowparse.pth"
	touch $@
