SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3.11
CORPUS ?= emoji
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# No tool of the stack reports home.
export DO_NOT_TRACK := true
export MLFLOW_DISABLE_TELEMETRY := true
export BENTOML_DO_NOT_TRACK := True
export GX_ANALYTICS_ENABLED := False
export DVC_NO_ANALYTICS := 1
export RAY_USAGE_STATS_ENABLED := 0
export HF_HUB_OFFLINE := 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

.PHONY: install
install: $(STAMP) ## Create .venv with the pinned dependencies
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "installing the pinned dependencies into $(VENV) (a few minutes)"
	$(BIN)/python -m pip install -qq --constraint constraints.txt --editable '.[all,dev]'
	touch $@

quoted = '$(subst ','\'',$(1))'

.PHONY: run
run: $(STAMP) ## Run the whole pipeline: make run CORPUS=emoji, or CORPUS=path/to/yours; RECIPE=NAME takes another recipe
	$(BIN)/vitrail run --corpus $(call quoted,$(CORPUS)) $(if $(RECIPE),--recipe $(call quoted,$(RECIPE)))

# Named on the command line only: shells set HOST and NAME for themselves.
IMAGE_PREFIX =
REPOSITORY =
REVISION =
HOST =
NAMESPACE =
SERVICE_ACCOUNT =
NAME =
COMMENT = runs/retrain.md
asked = --corpus $(call quoted,$(CORPUS)) $(foreach option,RECIPE IMAGE_PREFIX REPOSITORY REVISION,$(call given,$(option)))
served = $(foreach option,HOST NAMESPACE SERVICE_ACCOUNT NAME,$(call given,$(option)))
given = $(if $($(1)),--$(shell echo $(1) | tr A-Z_ a-z-) $(call quoted,$($(1))))

.PHONY: retrain
retrain: $(STAMP) ## Check the data, run on a cluster, wait, and write the verdict to COMMENT: make retrain HOST=URL IMAGE_PREFIX=...
ifeq (,$(findstring /,$(CORPUS)))
	$(BIN)/vitrail data
	$(BIN)/vitrail corpus check $(call quoted,data/$(CORPUS))
endif
	$(BIN)/vitrail compile $(asked) --out $(call quoted,$(basename $(COMMENT)).yaml)
	$(BIN)/vitrail submit $(asked) $(served) --comment $(call quoted,$(COMMENT))

BUDGET ?= half-hour

.PHONY: study
study: $(STAMP) ## Compare label recipes and corpora, and write docs/study.md: make study BUDGET=half-hour, night or gpu-10min
	$(BIN)/vitrail study --budget $(call quoted,$(BUDGET)) --page docs/study.md

.PHONY: test
test: $(STAMP) ## Lint, types, import rules and the test suite
	$(MAKE) check
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 10

.PHONY: test-registry
test-registry: $(STAMP) ## Promotions at once, 50 times, in sqlite, PostgreSQL and MLflow servers (minutes)
	$(BIN)/pytest -m registry tests/registry

.PHONY: test-endpoint-faults
test-endpoint-faults: $(STAMP) ## 10,000 requests to an endpoint with all attacks among them, and a killed worker (minutes); prints JSON
	OMP_NUM_THREADS=1 $(BIN)/pytest -m faults --capture no tests/serving/test_faults.py

# Core tests run in this process and need neither a cluster, nor a container engine, nor a browser.
PYTHONS := 3.11 3.12 3.13
.PHONY: test-core
test-core: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/pytest -m 'not (smoke or distributed or ray or containers or browser or registry or faults)'

.PHONY: test-matrix
test-matrix: ## The core tests on each Python that is installed, each in an environment of its own
	@absent=; for version in $(PYTHONS); do \
		python=; \
		for found in python$$version $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$$version.*/bin/python; do \
			$$found -c '' 2>/dev/null && python=$$found && break; \
		done; \
		if [ -z "$$python" ]; then absent="$$absent $$version"; continue; fi; \
		echo "Python $$version: $$python"; \
		$(MAKE) --no-print-directory test-core PYTHON=$$python VENV=.venv-$$version || exit 1; \
	done; \
	echo "not installed, not tested:$${absent:- none}"

.PHONY: check
check: $(STAMP) ## Lint, format check, types, import rules, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

.PHONY: format
format: $(STAMP) ## Format and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: clean
clean: ## Remove runs and caches; data/ and .venv stay
	rm -rf runs local_outputs .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

# How to reach packages from inside a build, for example:
#   make rehearse BUILD="--network host --build-arg BASE_IMAGE=... --secret id=pip_conf,src=pip.conf --secret id=ca_bundle,src=ca.crt"
DOCKER ?= docker
BUILD ?=

.PHONY: rehearse
rehearse: $(STAMP) ## Train on two nodes, two containers on this Docker host, one of them killed
	DOCKER_BUILDKIT=1 $(DOCKER) build --file containers/train/Dockerfile $(BUILD) \
		--tag $$($(BIN)/python -c 'from components.container_images import IMAGES; print(IMAGES["train"])') .
	$(BIN)/pytest -m containers --log-cli-level INFO tests/training/test_rehearsal.py

# Options of a benchmark's own: make bench-scale OPTIONS='--sizes 500 1500'
OPTIONS ?=

.PHONY: bench-scale bench-reader bench-train bench-gpu bench-labels bench-label-quality bench-clustering bench-endpoint bench-quality
bench-scale: $(STAMP) ## Every step at 5,000 and 50,000 images: seconds, memory and how they grow
bench-reader: $(STAMP) ## Reader against a webdataset pipeline and bare decoding
bench-train: $(STAMP) ## Training step against a bare timm loop
bench-gpu: $(STAMP) ## Training step on one GPU against a bare timm loop and the matrix rate (4 minutes)
bench-labels: $(STAMP) ## Label derivation against its peers, and its growth
bench-label-quality: $(STAMP) ## Precision of the first label, arm by arm, on judged pictures
bench-clustering: $(STAMP) ## Clustering arms up to a million terms
bench-endpoint: $(STAMP) ## Endpoint against the model's raw throughput
bench-quality: $(STAMP) ## What the default recipe's pretraining brings, against none (30 minutes)
bench-scale bench-reader bench-train bench-gpu bench-labels bench-label-quality bench-clustering bench-endpoint bench-quality:
	PYTHONPATH=$(CURDIR) $(BIN)/python benchmarks/$(subst -,_,$@).py $(OPTIONS)

.PHONY: bench-peer-labels
bench-peer-labels: $(STAMP) ## Label sets by the recipes of other papers, of data/CORPUS, to pretrain on (docs/labels.md)
	$(BIN)/python benchmarks/peer_labels.py --corpus $(call quoted,data/$(CORPUS)) --out $(call quoted,data/peers/$(CORPUS))
