# `make` or `make help` lists the targets.

PYTHON ?= python3
VENV ?= .venv
SERVE_VENV ?= .venv-serve
# tritonclient, which the tests let talk to the server, pins an older protobuf.
TRITON_VENV ?= .venv-triton
TRITON_CLIENT ?= tritonclient[grpc]==2.73.0
# The xApp framework, which the tests let share a process with the client; it and its protobuf need Python 3.11.
XAPP_VENV ?= .venv-xapp
XAPP_PACKAGES := ricxappframe==3.2.2 protobuf==3.20.3 grpcio==1.49.1 grpcio-status==1.48.2 \
    grpcio-health-checking==1.48.2 googleapis-common-protos==1.56.4 numpy
# prometheus, promtool and kubectl for the tests of deploy/, where the machine has none.
TOOLS ?= .tools
# What the serving benchmark runs beside, each in an environment of its own.
MLSERVER_VENV ?= .venv-mlserver
MLSERVER ?= mlserver==1.7.1 onnxruntime==1.32.0
RAY_VENV ?= .venv-ray
RAY_SERVE ?= 'ray[serve,serve-grpc]==2.60.0' onnxruntime==1.32.0
# Processes that run the tests, each on one thread.
JOBS ?= 2
PYTEST_ARGS ?=
PIP_ARGS ?=

# ONNX Runtime reports home unless told not to.
export ORT_DISABLE_TELEMETRY := 1

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SERVE_INSTALLED := $(SERVE_VENV)/.installed
TRITON_INSTALLED := $(TRITON_VENV)/.installed
XAPP_INSTALLED := $(XAPP_VENV)/.installed
MLSERVER_INSTALLED := $(MLSERVER_VENV)/.installed
RAY_INSTALLED := $(RAY_VENV)/.installed
CODE := models training server clients tests benchmarks docs

.DEFAULT_GOAL := help
.PHONY: help demo test lint format typecheck protos protos-check docs bench bench-models bench-peers bench-workers train image image-test clean python-version

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(SERVE_INSTALLED) ## Start a server on the shipped models, solve a 50-pair network, draw the answer
	@deploy/demo.sh $(SERVE_VENV)

test: lint typecheck protos-check $(TRITON_INSTALLED) $(XAPP_INSTALLED) ## Check style, types, layers and stubs, then run the tests
	@echo "==> tests"
	@tests/deploy/unpack_tools.sh $(TOOLS)
	@AIRGRAPH_TRITON_PYTHON=$(abspath $(TRITON_VENV))/bin/python AIRGRAPH_XAPP_PYTHON=$(abspath $(XAPP_VENV))/bin/python \
	    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PATH="$$PATH:$(abspath $(TOOLS))/usr/bin" $(BIN)/python -m pytest -q -n $(JOBS) $(PYTEST_ARGS)

lint: $(INSTALLED) ## Check style (ruff) and layers (import-linter)
	@echo "==> ruff"
	@$(BIN)/ruff check $(wildcard $(CODE))
	@$(BIN)/ruff format --check --quiet $(wildcard $(CODE)) || { echo "not formatted; run: make format" >&2; exit 1; }
	@echo "==> layers"
	@$(BIN)/lint-imports --no-cache

format: $(INSTALLED) ## Format the code and fix what can be fixed by itself
	@$(BIN)/ruff check --fix $(wildcard $(CODE))
	@$(BIN)/ruff format $(wildcard $(CODE))

typecheck: $(INSTALLED) ## Check types (mypy, strict)
	@echo "==> mypy"
	@$(BIN)/mypy

protos: $(INSTALLED) ## Regenerate the Python stubs from proto/
	@$(BIN)/python clients/generate_stubs.py

protos-check: $(INSTALLED) ## Lint the contract and fail where the committed stubs are stale
	@echo "==> protos"
	@$(BIN)/buf lint proto
	@$(BIN)/python clients/generate_stubs.py --check

docs: $(INSTALLED) ## Regenerate the reference pages from proto/ and the server's settings
	@$(BIN)/python docs/generate_reference.py

bench: $(INSTALLED) bench-peers ## Measure the server under load, beside other servers; writes docs/serving.md
	@AIRGRAPH_MLSERVER_PYTHON=$(abspath $(MLSERVER_VENV))/bin/python AIRGRAPH_RAY_PYTHON=$(abspath $(RAY_VENV))/bin/python \
	    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/serving/measure.py --write

bench-peers: $(MLSERVER_INSTALLED) $(RAY_INSTALLED) ## Install MLServer and Ray Serve, which `bench` runs beside

bench-models: $(INSTALLED) ## Measure quality and speed on one thread; writes docs/measurements.md
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/measure.py --write

bench-workers: $(INSTALLED) ## Measure several worker processes; writes docs/workers.md
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/serving/workers.py --write

train: $(INSTALLED) ## Retrain the shipped models into runs/ (two to three hours on one core)
	@$(BIN)/airgraph-train fit aligned-power-control-first
	@$(BIN)/airgraph-train fit aligned-power-control --reference tests/data/reference
	@$(BIN)/airgraph-train fit wcgcn-power-control --reference tests/data/reference
	@$(BIN)/airgraph-train fit wcgcn-beamforming --reference tests/data/reference
	@$(BIN)/python -m pip install -qq --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[channels]'
	@$(BIN)/airgraph-train channels umi --name umi.npz --seed 0 --drops 400
	@$(BIN)/airgraph-train fit gram-precoding --seed 1 --reference tests/data/reference
	@$(BIN)/airgraph-train fit max-min-cell-free --reference tests/data/reference
	@$(BIN)/airgraph-train fit unrolled-hybrid --reference tests/data/reference

image: ## Build the container image (TARGET=cpu|gpu, IMAGE, BASE_IMAGE, IMAGE_BUILDER, CA_BUNDLE, PIP_CONF)
	@TARGET=$(or $(TARGET),cpu) deploy/build-image.sh

image-test: $(INSTALLED) ## Build an image, start it as it is meant to be run, ask it (as root, with buildah; TARGET=cpu|gpu)
	@AIRGRAPH_IMAGE_TEST=1 $(BIN)/python -m pytest -q tests/deploy/test_image.py

clean: ## Remove environments, caches and build output
	rm -rf $(VENV) $(SERVE_VENV) $(TRITON_VENV) $(XAPP_VENV) $(MLSERVER_VENV) $(RAY_VENV) $(TOOLS) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis airgraph-demo.png
	find $(wildcard $(CODE)) -name __pycache__ -type d -prune -exec rm -rf {} +

python-version:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found; AirGraph needs Python 3.11 or later (make PYTHON=...)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "AirGraph needs Python 3.11 or later, this is $$($(PYTHON) --version) (make PYTHON=...)" >&2; exit 1; }

$(INSTALLED): pyproject.toml constraints.txt | python-version
	@echo "==> installing the development environment into $(VENV) (a few minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@touch $@

$(SERVE_INSTALLED): pyproject.toml constraints.txt | python-version
	@echo "==> installing what serving and the demo need into $(SERVE_VENV) (a minute the first time)"
	@$(PYTHON) -m venv $(SERVE_VENV)
	@$(SERVE_VENV)/bin/python -m pip install -qq --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[server,demo]'
	@touch $@

$(TRITON_INSTALLED): Makefile | python-version
	@echo "==> installing tritonclient into $(TRITON_VENV)"
	@$(PYTHON) -m venv $(TRITON_VENV)
	@$(TRITON_VENV)/bin/python -m pip install -qq --disable-pip-version-check $(PIP_ARGS) '$(TRITON_CLIENT)'
	@touch $@

$(XAPP_INSTALLED): Makefile | python-version
	@echo "==> installing ricxappframe into $(XAPP_VENV)"
	@$(PYTHON) -m venv $(XAPP_VENV)
	@$(XAPP_VENV)/bin/python -m pip install -qq --disable-pip-version-check --only-binary :all: $(PIP_ARGS) $(XAPP_PACKAGES) \
	    || { echo "ricxappframe cannot be installed for this Python: its test is skipped" >&2; rm -r $(XAPP_VENV)/bin; }
	@touch $@

$(MLSERVER_INSTALLED): Makefile | python-version
	@echo "==> installing MLServer into $(MLSERVER_VENV)"
	@$(PYTHON) -m venv $(MLSERVER_VENV)
	@$(MLSERVER_VENV)/bin/python -m pip install -qq --disable-pip-version-check $(PIP_ARGS) $(MLSERVER)
	@touch $@

$(RAY_INSTALLED): Makefile | python-version
	@echo "==> installing Ray Serve into $(RAY_VENV)"
	@$(PYTHON) -m venv $(RAY_VENV)
	@$(RAY_VENV)/bin/python -m pip install -qq --disable-pip-version-check $(PIP_ARGS) $(RAY_SERVE)
	@touch $@
