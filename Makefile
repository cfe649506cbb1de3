# Two commands, nothing before them: make report, make test.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help report test reference lab screenshots lint lock clean

help: ## show this help
	@echo "Akin: which products are alike?"
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | \
		awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

report: $(READY) ## run every notebook on the generated catalogue and write reports/index.html
	$(BIN)/akin report

test: $(READY) ## run all tests: units, every notebook at its small profile, the README's snippet
	$(BIN)/python -m pytest -n 2 --dist loadfile

reference: $(READY) ## run every notebook on the real data sets and refresh reports/reference/
	$(BIN)/akin report --profile reference --jobs 2

lab: $(READY) ## open the notebooks in JupyterLab; options as LAB="--no-browser --port 8899"
	PYTHONPATH="$(CURDIR):$$PYTHONPATH" $(BIN)/jupyter lab notebooks $(LAB)

screenshots: $(READY) ## take the README's pictures (needs Chromium)
	$(BIN)/python -m tests.screenshots

lint: $(READY) ## check style, line width and which room imports which
	$(BIN)/ruff check lib data/bazaar tests notebooks
	$(BIN)/ruff format --check lib data/bazaar tests notebooks
	$(BIN)/lint-imports

# The stamp is made last, so an interrupted installation is taken up again. Python compiles what
# it imports; to compile all packages beforehand takes pip longer than the first notebooks.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"Akin needs Python 3.11 or newer, $(PYTHON) is older: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

# torch's own metadata pins the CUDA packages of its build. They are left out here, because a
# CPU-only torch needs none of them.
lock: ## resolve requirements.lock anew from pyproject.toml (needs pip-tools)
	pip-compile --quiet --strip-extras --allow-unsafe --no-emit-index-url --no-emit-trusted-host \
		--no-emit-find-links --no-header --no-annotate --extra test -o requirements.lock pyproject.toml
	sed -i.old -E '/^(nvidia-|cuda-|triton==)/d' requirements.lock && rm requirements.lock.old

clean: ## remove the environment, runs, drawn photos and cached embeddings
	rm -rf $(VENV) data/cache
	find reports -mindepth 1 -maxdepth 1 ! -name reference ! -name README.md -exec rm -rf {} +
