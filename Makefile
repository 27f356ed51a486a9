# make run   install and start Maek        make test   install and run every check and test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# What decides: every branch of it is tested.
comma := ,
space := $(subst ,, )
PURE := $(subst $(space),$(comma),$(strip \
  sidecar/baseline.py sidecar/breaker.py sidecar/ceiling.py sidecar/engines/* sidecar/facts.py sidecar/first_tokens.py \
  sidecar/health.py sidecar/kin.py sidecar/labels.py sidecar/lengths.py sidecar/line.py sidecar/load.py sidecar/outlook.py \
  sidecar/predict.py sidecar/prefixes.py sidecar/progress.py sidecar/recording.py sidecar/replay.py \
  sidecar/requests.py sidecar/residency.py sidecar/seed.py sidecar/settings.py sidecar/slots.py sidecar/standing.py \
  sidecar/ring.py sidecar/state.py sidecar/store.py sidecar/tape.py sidecar/turnover.py sidecar/exposition.py sidecar/families.py sidecar/views.py sidecar/writing.py sidecar/work.py sidecar/proxy/bodies.py \
  sidecar/proxy/counting.py sidecar/proxy/heads.py sidecar/proxy/refusals.py router/agent/budget.py router/agent/functions.py router/balance/* router/conversation.py \
  router/decide/* router/decide/intent/* router/demands.py router/doctor/doors.py router/doctor/finding.py router/doctor/report.py router/doctor/versions.py router/documents/passages.py \
  router/documents/query.py router/flight/choices.py router/flight/replaying.py router/flight/warmings.py router/jobs/job.py router/jobs/schema.py router/jobs/transitions.py router/jobs/view.py \
  router/jobs/webhooks.py router/plain_urls.py router/prometheus/* router/judging/* router/learning/fitting.py \
  router/mailbox/charsets.py router/mailbox/criteria.py router/mailbox/gate.py router/mailbox/markup.py \
  router/mailbox/names.py router/mailbox/parts.py \
  router/learning/lessons.py router/learning/trial.py router/mcp/contents.py router/mcp/naming.py router/mcp/schemas.py \
  router/sse.py router/signs.py router/tokens.py router/markup.py router/tool_calls.py router/sessions/trimming.py \
  router/web/choices.py router/web/glimpses.py router/web/history.py router/web/telling.py \
  router/sessions/encoding.py router/sessions/kept.py router/sessions/showing.py router/language.py \
  router/tools/agenda/account_words.py router/tools/agenda/entries.py router/tools/agenda/words.py \
  router/tools/documents/answering.py router/tools/hosts/containers.py \
  router/tools/hosts/exporters.py router/tools/hosts/host.py router/tools/hosts/plain.py router/tools/hosts/remedies.py router/api/errors.py \
  simulator/batch.py simulator/profiles.py dashboards/drawing.py dashboards/files.py dashboards/frame.py \
  dashboards/names.py dashboards/runbooks.py dashboards/times.py dashboards/words.py))

.PHONY: run test check tests docs bench-overhead bench-balance bench-balance-http bench-choice bench-levels bench-recording bench-scrape bench-tracing bench-decide bench-decide-speed \
  train-intent clean

run: $(VENV)/run.stamp
	$(BIN)/maek serve $(ARGS)

test: check tests

# Everything that needs no test to run: style, types, the arrows between modules, generated files.
check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m router.config_docs --check
	$(BIN)/python -m router.metrics_docs --check
	$(BIN)/python -m router.tool_docs --check
	$(BIN)/maek rules --check grafana/rules
	$(BIN)/python -m dashboards --check
	$(BIN)/maek check -c config.yaml

# As many at once as there are cores; the tests of one file stay together, for they share servers. In their order: those
# with servers take longest and come first, or everybody waits for the last of them. Those that watch many processes in real
# time have the machine for themselves.
JOBS ?= auto
tests: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m 'not alone' -n $(JOBS) --dist loadfile --no-loadscope-reorder --cov --cov-report= --durations=10
	$(BIN)/python -m pytest -m alone tests/real_tools --cov --cov-append --cov-report=term
	$(BIN)/coverage report --include='$(PURE)' --fail-under=100

# Writes docs/config.md, config.schema.json, docs/metrics.md, docs/tools.md and grafana/rules/ anew from the code.
docs: $(VENV)/dev.stamp
	$(BIN)/python -m router.config_docs
	$(BIN)/python -m router.metrics_docs
	$(BIN)/python -m router.tool_docs
	$(BIN)/maek rules --write grafana/rules

# Writes grafana/dashboards/ anew from dashboards/, the catalogs, the rules and docs/runbooks.md.
.PHONY: dashboards
dashboards: $(VENV)/dev.stamp
	$(BIN)/python -m dashboards

bench-overhead: $(VENV)/run.stamp
	$(BIN)/python -m bench.overhead $(ARGS)

bench-balance: $(VENV)/run.stamp
	$(BIN)/python -m bench.balance $(ARGS)

# The same over real HTTP, in real time.
bench-balance-http: $(VENV)/run.stamp
	$(BIN)/python -m bench.balance --http $(ARGS)

bench-choice: $(VENV)/run.stamp
	$(BIN)/python -m bench.choice $(ARGS)

bench-levels: $(VENV)/run.stamp
	$(BIN)/python -m bench.levels $(ARGS)

bench-tracing: $(VENV)/dev.stamp
	$(BIN)/python -m bench.tracing $(ARGS)

bench-recording: $(VENV)/run.stamp
	$(BIN)/python -m bench.recording $(ARGS)

# What a scrape of /metrics and a look at the status page cost
bench-scrape: $(VENV)/run.stamp
	$(BIN)/python -m bench.scrape $(ARGS)

# How right the embedded intent model is, and how fast: make bench-decide DATA=folder
bench-decide: $(VENV)/run.stamp
	$(BIN)/python -m bench.decide.measure --data $(DATA) $(ARGS)

bench-decide-speed: $(VENV)/run.stamp
	$(BIN)/python -m bench.decide.speed

# Writes router/decide/intent/intent.bin anew: make train-intent DATA=folder
train-intent: $(VENV)/train.stamp
	$(BIN)/python -m bench.decide.train --data $(DATA) $(ARGS)

$(VENV)/run.stamp: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Maek needs Python 3.11 or newer; make run PYTHON=python3.12 chooses another one."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@

$(VENV)/train.stamp: $(VENV)/dev.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group train
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .hypothesis .coverage htmlcov .import_linter_cache
