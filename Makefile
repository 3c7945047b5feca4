# pinpipe: bare `make` shows what there is. Every target does the set-up it needs; a second time that takes no time.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:

# --- knobs
PYTHON ?= python3
# posts the demo sends; `all` is every row, 11154
POSTS ?= all
# what make e2e runs against: native, or compose
STACK ?= native
# how many processes make test has: one is for the tests against the whole stack
PROCESSES ?= 2
# which parts make bench measures again, as in: make bench ONLY="batch s3_sink"
ONLY ?=
# end-to-end tests that run against either stack
EITHER := tests/e2e/test_dirt.py tests/e2e/test_repeats.py
# more options for pytest, as in: make test ARGS="-k answers"
ARGS ?=

# --- places: what set-up makes lies in .venv, .venv-localstack, .venv-airflow, .venv-checkov, .venv-bench and .pinpipe, and nowhere else
HOME_DIR := .pinpipe
DONE := $(HOME_DIR)/stamps
UV := $(HOME_DIR)/tools/uv/bin/uv
# once in set-up, and not at the first start of each part; where PYTHONDONTWRITEBYTECODE is set, at every start
export UV_COMPILE_BYTECODE := 1
MVN := mvn -B -q
COPY_JARS := org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies
PLUGIN := services/connect/plugin
TEMPLATES := localstack/api.yaml localstack/storage.yaml aws/policies.yaml aws/msk-connect.yaml aws/rest-proxy.yaml
# what the secret scanner takes for secrets: LocalStack's and MySQL's dummies, AWS's documented examples, the tests' own
DUMMIES := ^(pinpipe|test|yes|password|PASSWORD|secret|hush|hush-hush|s3cr3t|aws\.secret\.access\.key|a%2Fb%2Bc|p%40ss%2F|p@ss/w:rd ü|(AKI|ASI)AIOSFODNN7EXAMPLE|AKIAABCDEFGHIJKLMNOP|wJalrXUtnFEMI.*EXAMPLEKEY|28ee9ccd04e200fdca6416f3810a4829a14098f09f434d713dd1928cb2aeefff)$$
LOCK := $(UV) pip compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
PINPIPE := .venv/bin/pinpipe

##@ The pipeline
.PHONY: demo up down clean status doctor mwaa msk-plugin msk-tools machine
demo: setup ## the whole pipeline: start it, send the posts, run the batch, print the answers
	@$(PINPIPE) demo --posts $(POSTS)
up: setup ## start the parts and provision them
	@$(PINPIPE) up
down: ## stop the parts; the data stays
	@[ ! -x $(PINPIPE) ] || $(PINPIPE) down
clean: ## stop the parts and remove their data, the containers' volumes too
	@[ ! -x $(PINPIPE) ] || $(PINPIPE) clean --yes
	@! docker info >/dev/null 2>&1 || docker compose down --volumes --remove-orphans
status: setup ## what is where, and whether it adds up
	@$(PINPIPE) status
doctor: setup ## look for what would go wrong, with the fix of each
	@$(PINPIPE) doctor

msk-plugin: $(DONE)/main $(DONE)/plugin .env ## make .pinpipe/<UserId>-plugin.zip, the S3 sink as MSK Connect takes it
	@zip=$(CURDIR)/$(HOME_DIR)/$$($(PINPIPE) where user)-plugin.zip && rm -f $$zip && \
	cd $(HOME_DIR)/connect-plugins/pinpipe-s3-sink && $(CURDIR)/.venv/bin/python -m zipfile -c $$zip *.jar && echo $$zip

machine: $(DONE)/main $(DONE)/kafka $(DONE)/spark $(DONE)/msk ## install what a machine on AWS needs (aws/rest-proxy.yaml)

msk-tools: $(DONE)/msk ## get what Kafka's own tools need to log in to MSK (pinpipe consume)

mwaa: $(DONE)/main .env ## make the folder mwaa/, and say what to upload and to set on Amazon MWAA
	@.venv/bin/python -m pinpipe.mwaa mwaa

##@ Testing
.PHONY: test e2e compose-core drills lint bench bench-quick pictures
test: setup $(DONE)/kafka-3.7.2 $(DONE)/chromium ## all tests but the drills, those against the whole stack included (on ports and data of their own)
	@mvn -B -ntp -f $(PLUGIN)/pom.xml test
	@.venv/bin/python -m pytest -n $(PROCESSES) --no-loadscope-reorder $(ARGS)
e2e: setup $(DONE)/chromium ## the end-to-end tests alone, with every post through the streams; STACK=compose: the containers' own and those that need no native part
	@PIN_STREAM_POSTS=all PIN_STACK=$(STACK) TESTCONTAINERS_RYUK_DISABLED=true .venv/bin/python -m pytest -m "e2e or compose" \
	    $(if $(filter compose,$(STACK)),--timeout 1800 tests/compose $(EITHER),tests/e2e) $(ARGS)
compose-core: ## the containers without Spark: 500 posts through the gateway into Kafka, S3 and Kinesis
	@export COMPOSE_PROJECT_NAME=pinpipe-core PIN_POSTS=500; docker compose run --rm --build posts; ended=$$?; \
	docker compose down --volumes; exit $$ended
# each part's kills, and the soak's minutes; PIN_STREAM_KILLS=20 make drills ARGS="-k of_the_stream_job": more of one alone
drills: export PIN_DRILL_KILLS ?= 3
drills: export PIN_STREAM_KILLS ?= 4
drills: export PIN_KINESIS_KILLS ?= 5
drills: export PIN_SINK_KILLS ?= 5
drills: export PIN_SOAK_MINUTES ?= 20
drills: export PIN_FUZZ_EXAMPLES ?= 100
drills: setup $(DONE)/kafka-3.7.2 ## try to break what must always hold, and write docs/reliability.md: 80 minutes, 20 of them a soak; as root, with cc
	@[ -n "$(ARGS)" ] || rm -f $(HOME_DIR)/drills.jsonl
	@.venv/bin/python -m pytest -s -m "drill or kinesis or stack or contract" $(ARGS) tests/drills \
	    tests/kinesis/test_kills.py tests/stack/test_s3_sink_recovery.py tests/contract/test_own_fuzz.py; ended=$$?; \
	.venv/bin/python -m tests.support.reliability && exit $$ended
lint: setup $(DONE)/checkov ## ruff, mypy --strict, codespell, the import rule, bandit, no secrets, cfn-lint, checkov
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/codespell
	@.venv/bin/lint-imports --no-cache
	@.venv/bin/bandit -q -ll -ii -r pinpipe producer spark_jobs pyspark_kinesis services dashboard airflow localstack bench
	@git ls-files -z -- . ':!requirements/*.txt' | xargs -0 .venv/bin/detect-secrets-hook --exclude-secrets '$(DUMMIES)'
	@.venv/bin/cfn-lint $(TEMPLATES)
	@.venv-checkov/bin/checkov --framework cloudformation --skip-download --compact --quiet -f $(TEMPLATES)
bench: setup $(DONE)/bench ## all measurements, into bench/results.md: 100 minutes on a quiet machine; ONLY="batch status": these alone
	@.venv/bin/python -m bench $(if $(ONLY),--only $(ONLY))
bench-quick: setup $(DONE)/bench ## the same small, in 5 minutes: prints, and writes nothing
	@.venv/bin/python -m bench --quick $(if $(ONLY),--only $(ONLY))

pictures: setup $(DONE)/chromium ## the README's pictures of the page and of status, from the stack that runs
	@.venv/bin/python -m dashboard.pictures docs/images && ls docs/images

##@ Set-up
.PHONY: setup lock distclean help
setup: $(DONE)/main $(DONE)/localstack $(DONE)/airflow $(DONE)/kinesis-local $(DONE)/mysql $(DONE)/kafka $(DONE)/spark-classes $(DONE)/plugin .env ## install what the parts need (make demo and make test do it)

.env: .env.example
	@[ -f $@ ] || cp .env.example $@
	@touch $@

$(DONE)/tools: services/python/check.sh
	@services/python/check.sh $(PYTHON)
	@mkdir -p $(DONE) && touch $@

$(UV): requirements/uv.txt $(DONE)/tools
	@echo "set-up: uv"
	@$(PYTHON) -m venv $(HOME_DIR)/tools/uv
	@$(HOME_DIR)/tools/uv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(DONE)/main: requirements/main.txt pyproject.toml $(UV)
	@echo "set-up: .venv, the main environment"
	@[ -x .venv/bin/python ] || $(UV) venv -q -p "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv
	@VIRTUAL_ENV=.venv $(UV) pip sync -q --require-hashes requirements/main.txt
	@VIRTUAL_ENV=.venv $(UV) pip install -q --offline --no-deps --no-build-isolation -e .
	@touch $@

$(DONE)/localstack: requirements/localstack.txt services/python/find.sh $(UV)
	@echo "set-up: .venv-localstack"
	@python=$$(services/python/find.sh 3.13 $(UV) LocalStack) && { [ -x .venv-localstack/bin/python ] || $(UV) venv -q -p "$$python" .venv-localstack; }
	@VIRTUAL_ENV=.venv-localstack $(UV) pip sync -q --require-hashes requirements/localstack.txt
	@touch $@

# on MWAA's Python
$(DONE)/airflow: requirements/airflow.txt services/airflow/setup.sh services/airflow/environment.sh services/python/find.sh $(UV)
	@echo "set-up: .venv-airflow"
	@python=$$(services/python/find.sh 3.12 $(UV) Airflow) && { [ -x .venv-airflow/bin/python ] || $(UV) venv -q -p "$$python" .venv-airflow; }
	@VIRTUAL_ENV=.venv-airflow $(UV) pip sync -q --require-hashes requirements/airflow.txt
	@PIN_ROOT=$(CURDIR) services/airflow/setup.sh $(CURDIR)/.venv-airflow/bin/python $(CURDIR)/$(HOME_DIR)/airflow
	@touch $@

$(DONE)/checkov: requirements/checkov.txt $(UV)
	@echo "set-up: .venv-checkov"
	@[ -x .venv-checkov/bin/python ] || $(UV) venv -q -p "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv-checkov
	@VIRTUAL_ENV=.venv-checkov $(UV) pip sync -q --require-hashes requirements/checkov.txt
	@touch $@

$(DONE)/bench: requirements/bench.txt $(UV)
	@echo "set-up: .venv-bench"
	@[ -x .venv-bench/bin/python ] || $(UV) venv -q -p "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv-bench
	@VIRTUAL_ENV=.venv-bench $(UV) pip sync -q --require-hashes requirements/bench.txt
	@touch $@

$(DONE)/kinesis-local: $(DONE)/localstack localstack/setup.sh
	@echo "set-up: kinesis-local, LocalStack's Kinesis"
	@localstack/setup.sh $(CURDIR)/.venv-localstack/bin/python $(CURDIR)/$(HOME_DIR)/localstack-packages
	@touch $@

$(DONE)/mysql: services/mysql/setup.sh $(DONE)/tools
	@echo "set-up: MySQL"
	@services/mysql/setup.sh $(CURDIR)/$(HOME_DIR)/tools
	@touch $@

$(DONE)/kafka: services/kafka/pom.xml $(DONE)/tools
	@echo "set-up: Kafka and Kafka Connect"
	@rm -rf $(HOME_DIR)/jars/kafka
	@$(MVN) -f services/kafka/pom.xml $(COPY_JARS) -DoutputDirectory=$(CURDIR)/$(HOME_DIR)/jars/kafka
	@touch $@

$(DONE)/msk: aws/msk-iam-auth-pom.xml $(DONE)/tools
	@echo "set-up: MSK's log-in for Kafka's tools"
	@rm -rf $(HOME_DIR)/jars/msk
	@$(MVN) -f aws/msk-iam-auth-pom.xml $(COPY_JARS) -DoutputDirectory=$(CURDIR)/$(HOME_DIR)/jars/msk
	@touch $@

$(DONE)/chromium: tests/support/chromium.sh $(DONE)/tools
	@echo "set-up: Chromium, for the tests of the page and its pictures"
	@rm -rf $(HOME_DIR)/chromium
	@tests/support/chromium.sh $(CURDIR)/$(HOME_DIR)/chromium
	@touch $@

# the version MSK Connect offers: the sink's tests run on it too
$(DONE)/kafka-3.7.2: tests/support/connect-3.7-pom.xml $(DONE)/tools
	@echo "set-up: Kafka Connect 3.7.2, for the tests"
	@rm -rf $(HOME_DIR)/jars/kafka-3.7.2
	@$(MVN) -f tests/support/connect-3.7-pom.xml $(COPY_JARS) -DoutputDirectory=$(CURDIR)/$(HOME_DIR)/jars/kafka-3.7.2
	@touch $@

$(DONE)/spark: services/spark/pom.xml $(DONE)/tools
	@echo "set-up: Delta and S3A for Spark"
	@rm -rf $(HOME_DIR)/jars/spark
	@$(MVN) -f services/spark/pom.xml $(COPY_JARS) -DoutputDirectory=$(CURDIR)/$(HOME_DIR)/jars/spark
	@touch $@

$(DONE)/spark-classes: $(DONE)/spark $(DONE)/main spark_jobs/class_archive.py
	@echo "set-up: the classes that Spark starts with"
	@.venv/bin/python -m spark_jobs.class_archive > $(HOME_DIR)/class_archive.log 2>&1 || { tail -20 $(HOME_DIR)/class_archive.log; exit 1; }
	@touch $@

$(DONE)/plugin: $(PLUGIN)/pom.xml $(shell find $(PLUGIN)/src/main -type f 2>/dev/null) $(DONE)/tools
	@echo "set-up: the S3 sink plugin"
	@$(MVN) -f $(PLUGIN)/pom.xml package -DskipTests
	@rm -rf $(HOME_DIR)/connect-plugins && mkdir -p $(HOME_DIR)/connect-plugins
	@cp -r $(PLUGIN)/target/plugin $(HOME_DIR)/connect-plugins/pinpipe-s3-sink
	@touch $@

lock: $(UV) ## resolve requirements/*.in again, into hashed locks without index addresses
	@$(LOCK) --universal --exclude-newer 2026-11-01 -p 3.11 requirements/main.in -o requirements/main.txt
	@$(LOCK) --universal --exclude-newer 2026-11-01 -p 3.11 requirements/checkov.in -o requirements/checkov.txt
	@$(LOCK) --universal --exclude-newer 2026-11-01 -p 3.11 requirements/bench.in -o requirements/bench.txt
	@$(LOCK) --exclude-newer 2026-03-01 -p "$$(services/python/find.sh 3.13 $(UV) LocalStack)" requirements/localstack.in -o requirements/localstack.txt
	@$(LOCK) --universal --exclude-newer 2026-08-19 --exclude-newer-package deltalake=2026-11-01 -c requirements/airflow-constraints.txt -p "$$(services/python/find.sh 3.12 $(UV) Airflow)" requirements/airflow.in -o requirements/airflow.txt

distclean: clean ## remove everything that set-up made, too
	@rm -rf .venv .venv-localstack .venv-airflow .venv-checkov .venv-bench mwaa $(HOME_DIR) $(PLUGIN)/target

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
