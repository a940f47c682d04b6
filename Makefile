PYTHON ?= python3
# The CPU build of torch is enough for everything here; give another requirement to use a GPU build.
TORCH ?= torch==2.13.0
BIN := .venv/bin
READY := .venv/.ready
# A process a core, four at most, each with the whole files of tests that it takes.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

.PHONY: demo test check lint types sanitize docs bench clean screenshots

demo: $(READY)          ## everything on the embedded default, ends with a report
	$(BIN)/python -m neurospyke demo --out out/demo

test: lint              ## fast checks, then every test and doctest
	$(PYTEST)

check: lint types       ## what a change must pass: format, lint, imports, types, tests
	$(PYTEST)

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/pyright

sanitize: $(READY)      ## the ops' tests with checks of addresses and undefined behaviour
	$(BIN)/python tests/sanitize.py

screenshots: $(READY)   ## how reports look, in out/screenshots; Chromium must be installed
	$(BIN)/python -m tests.screenshots

docs: $(READY)          ## the site, in out/site; analyses whose data are found are run for it
	$(BIN)/python docs/gallery.py out/gallery
	$(BIN)/sphinx-build --fail-on-warning --keep-going -q docs out/site

bench: $(READY) out/benchmarks/peers/.ready  ## timings; results are kept in benchmarks/results
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/epoch.py
	$(BIN)/python benchmarks/ops.py
	$(BIN)/python benchmarks/rsa_measures.py
	OMP_NUM_THREADS=2 $(BIN)/python benchmarks/rsa_inference.py
	$(BIN)/python benchmarks/rsa_truth.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/spike_statistics.py
	$(BIN)/python benchmarks/srnn.py

out/benchmarks/peers/.ready: benchmarks/requirements.txt $(READY)
	-$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $(@D) -r $< && touch $@

KERNELS := CMakeLists.txt $(wildcard neurospyke/sim/ops/cpp/*)

$(READY): pyproject.toml constraints.txt $(KERNELS)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt "$(TORCH)"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[nwb,nix,dev,docs]'
	touch $@

clean:
	rm -rf .venv out build dist
