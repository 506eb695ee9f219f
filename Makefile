# make demo   train, simulate, build a bitstream, and show it all in a report
# make test   all tests
# make docs   the documentation site
# make class  the notebooks of docs/class, in a browser
#
# All set up a virtual environment in .venv first; nothing else of the system is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.metabit-installed
DEMO := build/demo
SITE := build/docs
DIST := build/dist
COVERAGE := build/coverage.json
RESULTS := build/verification

# One thread of linear algebra per process: more only get in each other's way.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo class test coverage verify mutants campaign lint typecheck docs dist clean

help:
	@echo 'make demo       train, simulate, build a bitstream; the report lands in $(DEMO)'
	@echo 'make class      open the notebooks of docs/class in a browser'
	@echo 'make test       run all tests'
	@echo 'make coverage   run all tests, and list the lines and branches that none of them runs'
	@echo 'make verify     proofs, and coverage of the benches; all results so far land in build/verification.md'
	@echo 'make mutants    1,000 small changes of the hardware, and whether tests notice: half an hour'
	@echo 'make campaign   10,000 random networks, ten million bytes at the link, gates: hours'
	@echo 'make lint       check style and format'
	@echo 'make typecheck  check types'
	@echo 'make docs       build the documentation site in $(SITE)/html'
	@echo 'make dist       build source archive and wheel of the last commit in $(DIST), and try the wheel'
	@echo 'make setup      only install what the others need, in $(VENV)'
	@echo 'make clean      remove everything built; $(VENV) stays'

setup: $(STAMP)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'error: Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ...' >&2; \
	  exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo 'error: no virtual environment; on Debian: sudo apt-get install python3-venv' >&2; \
	  exit 1; }

$(STAMP): pyproject.toml | $(BIN)/python
	@echo 'Installing into $(VENV) from PyPI (the first time about 500 MB) ...'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --editable '.[build,sim,fast,plot,watch,onnx,prove,class,docs,dev]'
	@touch $@

demo: setup
	@mkdir -p $(DEMO)
	@echo '== 1/4 train on the embedded digits'
	@$(BIN)/metabit train --config tiny --epochs 5 --out $(DEMO)/run.npz --json $(DEMO)/train.json
	@echo '== 2/4 the same training on the device of the iCEBreaker, simulated, compared bit for bit'
	@$(BIN)/metabit simulate --config tiny --device up5k --epochs 5 --json $(DEMO)/simulate.json
	@echo '== 3/4 a bitstream of that device'
	@$(BIN)/metabit build icebreaker --out $(DEMO)/icebreaker --json $(DEMO)/build.json
	@echo '== 4/4 the report'
	@$(BIN)/metabit report $(DEMO)
	@echo "Open file://$(CURDIR)/$(DEMO)/report.html"

class: setup
	@$(BIN)/python -m marimo edit docs/class

test: setup
	@$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

coverage: setup
	@$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --cov --cov-report term \
	  --cov-report json:$(COVERAGE)

verify: setup
	@mkdir -p $(RESULTS)
	@$(BIN)/metabit bench proofs --json $(RESULTS)/proofs.json
	@$(BIN)/python -m metabit.sim.benches --json $(RESULTS)/benches.json
	@$(BIN)/metabit bench verification $(RESULTS)/*.json \
	  --json build/verification.json --out build/verification.md

mutants: setup
	@mkdir -p $(RESULTS)
	@$(BIN)/metabit bench mutants --json $(RESULTS)/mutants.json

# What fails is made as small as it fails still, and tried again by the tests ever after.
campaign: setup
	@mkdir -p $(RESULTS)
	@$(BIN)/metabit bench campaign --networks 10000 --bytes 10000000 --netlists 40 \
	  --json $(RESULTS)/campaign.json --keep tests/sim/regressions.json

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

typecheck: setup
	@$(BIN)/mypy

# Warnings are errors: a link that leads nowhere, a name that is not there, a command that fails.
docs: setup
	@$(BIN)/python docs/site/assemble.py $(SITE)/source
	@$(BIN)/python -m sphinx --quiet --jobs 2 --fail-on-warning --keep-going --nitpicky \
	  --conf-dir docs/site $(SITE)/source $(SITE)/html
	@echo "Open file://$(CURDIR)/$(SITE)/html/index.html"

dist: setup
	@$(BIN)/python .ci/dist.py $(DIST) --install

clean:
	rm -rf build sim_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
