# The whole developer interface. CI and hooks call these very targets.
PYTHON ?= python3
UV := .cache/uv/bin/uv
RUN := .venv/bin/
SCHEDULES ?= 20000
SEED ?= 1
LOCKS := dev sam checkov audit uv java node dynamodump
COMPILE := $(UV) pip compile -q --no-annotate --no-header
LOCK := $(COMPILE) --universal --python-version 3.11 --generate-hashes --upgrade
# A dot each second, while the command that follows says nothing.
DOTS := sh -c 'while sleep 1; do printf .; done & dots=$$!; trap "kill $$dots; exit 130" INT; "$$@"; status=$$?; kill $$dots; echo; exit $$status' --

# A command that is started a dozen times must not compile the libraries each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test walks check lint format types imports simulate simulate-guards simulate-all bench e2e sbom audit lock

demo: .venv/.done ; $(RUN)python -m demo $(ARGS) ## a whole migration on a real DynamoDB, while the old tables are written to
test: .venv/.done .cache/sam/.done .cache/checkov/.done .cache/audit/.done ## everything that must hold before a commit
	$(MAKE) --no-print-directory check
	$(RUN)python -m pytest --numprocesses 3 --dist worksteal -m "not slow" $(ARGS)
walks: .venv/.done ; $(RUN)python -m pytest -m slow $(ARGS) ## the documents typed by hand, and runs that are stopped: five minutes
check: lint types imports
lint: .venv/.done ; $(RUN)ruff check . && $(RUN)ruff format --check .
format: .venv/.done ; $(RUN)ruff check --fix . && $(RUN)ruff format .
types: .venv/.done ; $(RUN)mypy
imports: .venv/.done ; $(RUN)lint-imports --no-cache

simulate: .venv/.done ; $(RUN)python -m tests.simulation --schedules $(SCHEDULES) --seed $(SEED) ## SCHEDULES=1000000 SEED=2
simulate-guards: .venv/.done ; $(RUN)python -m tests.simulation.guards ## takes each guard away; each must be noticed
simulate-all: .venv/.done ; $(RUN)python -m tests.simulation.exhaustive ## every interleaving of small worlds: ten minutes
bench: .venv/.done ; $(RUN)python -m benchmarks $(ARGS) ## 45 minutes: figures beside rivals and floors, into benchmarks/
e2e: .venv/.done .cache/sam/.done ; $(RUN)python -m tests.e2e $(ARGS) ## deploys, migrates and deletes a stack of stage sandbox
sbom: .cache/audit/.done ; @mkdir -p reports && for lock in shared/requirements locks/dev; do .cache/audit/bin/cyclonedx-py requirements $$lock.txt --pyproject pyproject.toml --output-reproducible -o reports/sbom-$${lock#*/}.json || exit; done ## CycloneDX: the layer, and the command line
audit: .cache/audit/.done ; failed=0; for lock in shared/requirements $(LOCKS:%=locks/%); do .cache/audit/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r $$lock.txt || failed=1; done; exit $$failed ## known vulnerabilities of what is locked; fails where nothing answers

lock: $(UV) ## renews the locks; they name hashes and no address
	$(LOCK) pyproject.toml --extra dev -o locks/dev.txt
	for name in $(filter-out dev,$(LOCKS)); do $(LOCK) locks/$$name.in -o locks/$$name.txt; done
	$(COMPILE) --generate-hashes --python-version 3.13 --python-platform aarch64-manylinux_2_28 -c locks/dev.txt locks/layer.in -o shared/requirements.txt

$(UV): locks/uv.txt
	@echo "setting up, once"
	@$(DOTS) $(PYTHON) -m venv --clear .cache/uv
	@$(DOTS) .cache/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/uv.txt
	@touch $@

.venv/.done: $(UV) locks/dev.txt pyproject.toml
	@echo "installing what locks/dev.txt names into .venv, once"
	@$(UV) venv --quiet --clear --python $(PYTHON) .venv
	@$(DOTS) $(UV) pip sync --quiet --python .venv/bin/python --require-hashes locks/dev.txt
	@$(DOTS) $(UV) pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
	@touch $@

.cache/%/.done: $(UV) locks/%.txt
	$(UV) venv --quiet --clear --python $(PYTHON) .cache/$*
	$(UV) pip sync --quiet --python .cache/$*/bin/python --require-hashes locks/$*.txt
	@touch $@
