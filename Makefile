# `make up` starts everything here; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
# Byte code is kept: without it every start compiles all libraries anew.
unexport PYTHONDONTWRITEBYTECODE

APT := $(if $(filter 0,$(shell id -u)),,sudo) env DEBIAN_FRONTEND=noninteractive apt-get
INSTALL = [ -z "$$packages" ] || \
  { $(APT) -q update; $(APT) -qy install --no-install-recommends $$packages; }
# Tests mostly wait for telephones; each process has an Asterisk and a PostgreSQL of its own.
TEST_PROCESSES ?= 3
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# Makes the root file system with Asterisk early; where this fails, `sms-voip up` says why.
CACHE := $(or $(SMS_VOIP_CACHE_DIR),$(HOME)/.cache/sms-voip)
ASTERISK := { [ -n "$(SMS_VOIP_ASTERISK_ROOT)" ] || command -v asterisk >/dev/null || \
  python3 -m telephony.pbx.bootstrap $(CACHE)/asterisk-root >/dev/null 2>&1 || true; }

.PHONY: help up demo doctor test check bench vendor screenshots lock clean distclean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

up: $(STAMPS)/run  ## run everything in the foreground, with a demo account
	@exec $(BIN)/sms-voip up

demo: $(STAMPS)/run  ## play the main job with two softphones
	@exec $(BIN)/sms-voip demo

doctor: $(STAMPS)/run  ## check settings, ports, database, Asterisk, disk, clock
	@exec $(BIN)/sms-voip doctor

test: check $(STAMPS)/peers  ## every check and every test
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --ignore tests/structure

check: $(STAMPS)/dev  ## style, types, contracts, dead code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/structure

bench: $(STAMPS)/peers  ## measure, each figure beside a baseline
	$(BIN)/python -m bench

vendor: $(STAMPS)/dev  ## copy the pinned parts of the pages from npm
	@cd tests/web && npm ci --silent --no-audit --no-fund
	$(BIN)/python -m tests.web.vendor

screenshots: $(STAMPS)/peers  ## every page, wide and on a phone, light and dark, to look at
	$(BIN)/python -m tests.web.screenshots

lock: $(STAMPS)/dev  ## resolve the dependencies anew, for every Python and platform
	$(PIP) install uv
	@for output in "requirements.txt" "requirements-dev.txt --extra dev"; do \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	    --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	    --output-file $$output pyproject.toml requirements.in; \
	done

clean:  ## remove what tools left behind; data in var/ stays
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean  ## remove the virtual environment, too
	rm -rf $(VENV) $(STAMPS) tests/smsc/node_modules tests/web/node_modules

# What the platform needs to run. Each tool is installed only where it is missing.
$(STAMPS)/run: requirements.txt pyproject.toml | $(STAMPS)
	@packages=""; \
	command -v asterisk >/dev/null || command -v mmdebstrap >/dev/null || \
	  packages="$$packages mmdebstrap"; \
	command -v curl >/dev/null || packages="$$packages curl"; \
	python3 -c "import ensurepip" 2>/dev/null || packages="$$packages python3-venv"; \
	$(INSTALL)
	@$(BIN)/python -c pass 2>/dev/null || python3 -m venv --clear $(VENV)
	@echo "Installing the Python packages, and Asterisk beside them where there is none…"
	@$(ASTERISK) & \
	  $(PIP) install --require-hashes -r requirements.txt && \
	  $(PIP) install --no-deps --no-build-isolation --editable . && wait
	@touch $@

$(STAMPS)/dev: requirements-dev.txt $(STAMPS)/run
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

# Peers of the tests: SIPp as phone and carrier, softphones, PostgreSQL, Redis, node with a third party's SMSC,
# a browser.
$(STAMPS)/peers: tests/smsc/package-lock.json tests/web/package-lock.json $(STAMPS)/dev
	@packages=""; \
	command -v sipp >/dev/null || packages="$$packages sip-tester"; \
	command -v baresip >/dev/null || packages="$$packages baresip-core"; \
	command -v linphonec >/dev/null || packages="$$packages linphone-cli"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || packages="$$packages postgresql"; \
	[ -e /usr/sbin/bearerbox ] || packages="$$packages kannel"; \
	command -v ip >/dev/null || packages="$$packages iproute2"; \
	command -v wrk >/dev/null || packages="$$packages wrk"; \
	command -v redis-server >/dev/null || packages="$$packages redis-server"; \
	command -v npm >/dev/null || packages="$$packages npm"; \
	command -v node >/dev/null || packages="$$packages nodejs"; \
	[ -e /usr/share/php/GuzzleHttp/autoload.php ] || packages="$$packages php-cli php-guzzlehttp-guzzle"; \
	command -v chromium >/dev/null || packages="$$packages chromium"; \
	$(INSTALL)
	@for folder in smsc web; do (cd tests/$$folder && npm ci --silent --no-audit --no-fund); done
	@touch $@

$(STAMPS):
	@mkdir -p $@
