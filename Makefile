# make train    train and test a model of Fashion-MNIST and write its report, from a bare checkout
# make test     run the test suite
# make check    check style, types, import layers and the commands in the documentation
# make oracle   compare with PyTorch, Keras, scikit-learn and trackers, in an environment of its own
# make help     list everything else
#
# A fresh machine needs Python 3.11 or newer, make, and a package index to install from.

PYTHON ?= python3
WORKERS ?= 2
TORCH ?= torch==2.13.0
OTHERS ?= keras==3.15.1 mlflow-skinny==3.17.2 scikit-learn==1.9.1 wandb==0.31.0
PEERS ?= $(TORCH) jax scikit-learn onnx onnxruntime matplotlib
ATHERIS ?= atheris==3.0.0
ARGS ?=

# The data set may lie beside the checkout.
HANDSTITCH_DATA ?= $(abspath $(wildcard ../shared/fashion-mnist))
ifneq ($(strip $(HANDSTITCH_DATA)),)
export HANDSTITCH_DATA
endif

HERE := .venv/bin/python
# Every wheel's hash is in the lock, and no package's own build script runs. -qq: errors only.
INSTALL := -m pip install -qq --compile --disable-pip-version-check \
	--require-hashes --only-binary :all:
# Workers of the test suite share the cores among them, so each keeps to one BLAS thread.
ONE_THREAD := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 VECLIB_MAXIMUM_THREADS=1
LOCK := compile pyproject.toml --extra fast --quiet --no-config --universal --python-version 3.11 \
	--only-binary :all: --generate-hashes --no-strip-extras --no-emit-index-url \
	--no-annotate --no-header

AS_ROOT := $(if $(filter 0,$(shell id -u)),env,sudo -n)
APT := timeout 300 $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get -qq \
	-o Acquire::Retries=0 -o Acquire::http::Timeout=20

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help train test check oracle compare laboratory campaign alarms diagnoses mutants fuzz hostile bench evidence reproduce recipes exports seeds docs pictures notebook cover lock clean

train: .venv/.core  ## Train on Fashion-MNIST, test the result, write its report (ARGS="--epochs 3 …" go to train)
	@$(HERE) -m handstitch train $(ARGS)
	@$(HERE) -m handstitch test
	@$(HERE) -m handstitch report
	@echo "The command is .venv/bin/handstitch, or handstitch after:  . .venv/bin/activate"

test: .venv/.dev .venv/.browser  ## Run the tests (ARGS="-k gradient" selects, WORKERS=4 for more cores)
	@$(ONE_THREAD) $(HERE) -m pytest -m "not oracle" --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: .venv/.dev  ## Check style, types, import layers and the commands in the documentation
	@$(HERE) -m ruff check
	@$(HERE) -m ruff format --check
	@$(HERE) -m mypy
	@.venv/bin/lint-imports
	@$(HERE) -m pytest --quiet tests/test_house.py tests/test_docs.py

oracle: .venv/.dev  ## Compare with PyTorch, Keras, scikit-learn and trackers (TORCH="torch==…" for another version)
	@if $(MAKE) --no-print-directory .venv-oracle/.torch; then \
		$(MAKE) --no-print-directory .venv-oracle/.others || echo "oracle: without all of $(OTHERS)"; \
		.venv-oracle/bin/python -m pytest -m oracle $(ARGS); status=$$?; \
		if [ $$status -eq 5 ]; then echo "oracle: no test is marked oracle"; \
		else exit $$status; fi; \
	else echo "oracle: SKIPPED: $(TORCH) cannot be installed here"; fi

compare: .venv/.dev  ## Compare both backends, and record the text of core that they agree on
	@$(ONE_THREAD) $(HERE) -m tests.compiled

laboratory: .venv/.core  ## Make docs/laboratory.html anew, after an edit of the page or of core/
	@$(HERE) -m handstitch export --pretrained --html docs/laboratory.html

campaign: .venv/.dev  ## Kill 300 runs, stop 100, kill searches 70 times; resume and compare (15 minutes)
	@$(ONE_THREAD) $(HERE) -m tests.campaign.kills $(ARGS)
	@$(ONE_THREAD) $(HERE) -m tests.campaign.searches

alarms: .venv/.dev  ## Count false alarms of the weight statistics on 800 untrained and 20 trained networks (20 minutes)
	@$(ONE_THREAD) $(HERE) -m tests.campaign.alarms $(ARGS)

diagnoses: .venv/.dev  ## Count right and false words of the training diagnostics in 100 small trainings (2 minutes; ARGS="--dataset fashion-mnist")
	@$(ONE_THREAD) $(HERE) -m tests.campaign.diagnoses $(ARGS)

mutants: .venv/.dev  ## Plant 30 small faults in src, each to be caught by its tests (an hour; ARGS="--count 100 --seed 3")
	@$(ONE_THREAD) $(HERE) -m tests.campaign.mutants $(ARGS)

fuzz: .venv/.dev  ## Fuzz every parser with 100,000 mutated inputs (ARGS="--only idx --runs 1000")
	@if $(MAKE) --no-print-directory .venv-fuzz/.atheris; then \
		$(ONE_THREAD) .venv-fuzz/bin/python -m tests.fuzz $(ARGS); \
	else echo "fuzz: SKIPPED: there is no $(ATHERIS) for this Python and system"; fi

hostile: .venv/.dev  ## Make every file of a received run and search hostile, for every verb (an hour; ARGS="--every 10")
	@$(ONE_THREAD) $(HERE) -m tests.hostile $(ARGS)

bench: .venv/.dev  ## Benchmark against JAX, PyTorch, scikit-learn and onnxruntime (20 minutes, nothing else running)
	@if $(MAKE) --no-print-directory .venv-bench/.peers; then \
		$(HERE) bench/run.py $(ARGS); \
	else echo "bench: SKIPPED: $(PEERS) cannot be installed here"; fi

evidence: .venv/.core  ## Evidence and counterfactuals of the packaged network on all test images (5 minutes; into docs/insight.md)
	@$(ONE_THREAD) $(HERE) bench/evidence.py $(ARGS)

reproduce: .venv/.core  ## Repeat the course report's experiments and check its claims (15 minutes; ARGS="--seeds 10")
	@$(HERE) -m reproduction $(ARGS)

recipes: .venv/.dev  ## Train the presets and the ablation with several seeds, where docs/recipes ends (4 hours; ARGS="--only precision" float32 beside bfloat16 alone)
	@$(HERE) bench/recipes.py $(ARGS)

exports: .venv/.dev  ## Ask every kind of exported file for 10,000 test images, and time the C headers (2 minutes)
	@$(HERE) bench/export.py $(ARGS)

seeds: .venv/.dev  ## Train two recipes with 40 seeds each, and count how often compare errs on them (10 minutes)
	@$(HERE) bench/compare.py $(ARGS)

docs: .venv/.dev  ## Build the documentation into site/; a broken link is an error
	@$(HERE) docs/site/build.py $(ARGS)

pictures: .venv/.dev  ## Draw the pictures of README and tutorial, of the default settings (ARGS=RUN takes a run)
	@$(HERE) docs/site/pictures.py $(ARGS)

notebook: .venv/.dev  ## Run notebooks/fashion_mnist.py and save the executed notebook beside it (HANDSTITCH_NOTEBOOK=small)
	@$(HERE) notebooks/execute.py $(ARGS)

cover: .venv/.dev  ## Run the tests and list the lines without coverage
	@$(ONE_THREAD) $(HERE) -m pytest -m "not oracle" --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder \
		--cov --cov-report term $(ARGS)

lock: .venv/.dev  ## Update both lock files (ARGS=--upgrade for newer releases)
	@.venv/bin/uv pip $(LOCK) --group build --output-file requirements.lock $(ARGS)
	@.venv/bin/uv pip $(LOCK) --group build --group dev --constraint requirements.lock \
		$(addprefix --extra ,tables dask mpi postgresql dashboard tensorboard onnx) \
		--output-file requirements-dev.lock $(ARGS)

clean:  ## Remove environments and caches; runs/ and data/ stay
	@rm -rf .venv .venv-oracle .venv-fuzz .venv-bench .mypy_cache .pytest_cache .ruff_cache .import_linter_cache \
		.hypothesis .coverage .coverage.* build dist site
	@find src tests reproduction -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## Show this list
	@sed -n 's/^\([a-z]*\):.*##  *\(.*\)/  make \1\t\2/p' Makefile | expand -t 17

# The project is installed in editable form by the build backend that the lock pins, so that
# entry point, version and metadata are real and nothing is fetched outside the lock.
.venv/.core: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: Python 3.11 or newer is required; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
		exit 1; }
	@$(HERE) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv || { \
		echo "make: $(PYTHON) cannot make an environment; Debian and Ubuntu: apt install python3-venv" >&2; \
		exit 1; }
	@echo "Installing requirements.lock into .venv"
	@$(HERE) $(INSTALL) -r requirements.lock
	@$(HERE) -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(HERE) -m compileall -q src
	@echo "Compiling the numba backend"
	@$(HERE) -m handstitch.compiled || echo "make: training will use the numpy backend"
	@touch $@

.venv/.dev: .venv/.core requirements-dev.lock
	@echo "Installing requirements-dev.lock into .venv"
	@$(HERE) $(INSTALL) -r requirements-dev.lock
	@touch $@

# Reports are opened in the system's chromium. If missing it is installed, if that needs no
# password; otherwise the tests that need it are skipped, and say so.
.venv/.browser: .venv/.dev
	@if command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then touch $@; \
	elif [ "$$(uname)" = Linux ] && command -v apt-get >/dev/null && $(AS_ROOT) true 2>/dev/null; then \
		echo "Installing chromium, for tests of the report"; \
		{ $(APT) update && $(APT) install -y --no-install-recommends chromium; } >/dev/null 2>&1 \
			</dev/null && touch $@ || echo "make: chromium is not available; its tests will be skipped"; \
	else echo "make: chromium is not available; its tests will be skipped"; fi

# PyTorch, JAX, atheris and such are in no lock: large, or not for every system, and only the bench,
# the oracle and the fuzzing need them. Their environments see the packages of .venv, not the
# other way round. $(call BESIDE,FOLDER,PACKAGE,STAMP)
define BESIDE
@$(1)/bin/python -m pip --version >/dev/null 2>&1 || $(HERE) -m venv --clear $(1)
@$(1)/bin/python -c 'import subprocess, sys, sysconfig; from pathlib import Path; \
	there = subprocess.check_output( \
		["$(HERE)", "-c", "import sysconfig; print(sysconfig.get_path(\"purelib\"))"], \
		text=True).strip(); \
	Path(sysconfig.get_path("purelib"), "beside.pth").write_text( \
		f"import site; site.addsitedir({there!r})\n")'
@echo "Installing $(2) into $(1)"
@$(1)/bin/python -m pip install -qq --disable-pip-version-check --only-binary :all: $(2)
@touch $(1)/$(3)
endef

.venv-oracle/.torch: .venv/.dev
	$(call BESIDE,.venv-oracle,$(TORCH),.torch)

.venv-oracle/.others: .venv-oracle/.torch
	$(call BESIDE,.venv-oracle,$(OTHERS),.others)

.venv-bench/.peers: .venv/.dev
	$(call BESIDE,.venv-bench,$(PEERS),.peers)

.venv-fuzz/.atheris: .venv/.dev
	$(call BESIDE,.venv-fuzz,$(ATHERIS),.atheris)
