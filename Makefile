# Verification webhooks. `make` lists the targets. README.md says what they need.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PORT_BASE ?= 4500
STAGE     ?= dev
VERSION   ?= 0.2.0-dev
NAME      ?=
PARTNER   ?=
export PORT_BASE NAME PARTNER VERIFICATION ID ALL IDS FILE SCAN SINCE UNTIL TIME_ATTRIBUTE APPLY
# One set of flags for all that is compiled, but for the race detector's: each other one compiles all of the SDK anew.
export GOFLAGS := -buildvcs=false -trimpath
export CGO_ENABLED := 0
# The CDK says at length that it would rather have a newer Node than the README asks for.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 1
export AWS_EC2_METADATA_DISABLED ?= true

FUNCTIONS := portal admin dispatcher retrier sweeper
LDFLAGS   := -s -w -X github.com/cr3dentials/verification-webhooks/shared/egress.Version=$(VERSION)
GOLANGCI  := go tool -modfile=.tools/tools.mod golangci-lint
STACK     := .build/stack
CONSOLE   := shared/portal/console

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: need-go
need-go:
	@command -v go >/dev/null || { echo 'error: Go is missing: install 1.26 or later' >&2; exit 1; }

# Local binaries allow endpoints on localhost; they have their own folder and are never deployed to AWS. The portal's wait
# for the console, which they hold; the others are compiled meanwhile.
.PHONY: build build-lambda build-local lambda-others local-others console
build: build-lambda build-local ## build the console and the functions, for AWS and for this machine

build-lambda: lambda-others console
	@$(call lambda,portal)

build-local: local-others console
	@$(call local,portal)

lambda-others: need-go
	@$(call lambda,$(filter-out portal,$(FUNCTIONS)))

local-others: need-go
	@$(call local,$(filter-out portal,$(FUNCTIONS)))

lambda = for f in $(1); do GOOS=linux GOARCH=arm64 go build -tags lambda.norpc -ldflags '$(LDFLAGS)' \
  -o .build/lambda/$$f/bootstrap ./functions/$$f; done
local = for f in $(1); do go build -tags lambda.norpc,local -ldflags '$(LDFLAGS)' \
  -o .build/local/$$f/bootstrap ./functions/$$f; done

# build.mjs decides what is up to date.
console: $(STACK) ## build the console's pages alone
	@$(STACK) install console
	@node $(CONSOLE)/build.mjs

# go build decides what is up to date.
.PHONY: build-tools $(STACK)
$(STACK): need-go
	@go build -o $(STACK) ./localstack/stack

build-tools: $(STACK)
	@go build -o .build/cdk-app ./infra/app

.PHONY: run stop
run: $(STACK) ## build, start the emulator, deploy, show a verified webhook; EMULATOR=<url> uses a running one
	@$(STACK) check $(if $(EMULATOR),-emulator $(EMULATOR))
	@echo '[0/8] build'
	@$(MAKE) --no-print-directory -j3 build-tools build-local
	@$(STACK) up $(if $(EMULATOR),-emulator $(EMULATOR))

stop: ## end what `make run` started
	@if [ -x $(STACK) ]; then $(STACK) down; else echo 'Nothing is running.'; fi

.PHONY: test check lint e2e
test: ## everything: lint, unit, race, conformance, infra, end to end; on ports of its own
	@localstack/test.sh

check: console ## the quick tier: vet and short tests, no emulator
	go vet ./...
	go vet -tags local ./shared/... ./functions/...
	go test -short ./...

lint: need-go ## formatting and golangci-lint
	@files=$$(find functions infra shared localstack \( -name node_modules -o -name .state \) -prune -o -name '*.go' -print | xargs gofmt -l); [ -z "$$files" ] || { echo "not formatted: $$files" >&2; exit 1; }
	@# infra is vetted only: linters that follow data would first work through the whole of awscdk, for minutes.
	GOLANGCI_LINT_CACHE=$(CURDIR)/.build/lint $(GOLANGCI) run --allow-parallel-runners ./functions/... ./shared/... ./localstack/...

e2e: need-go ## end-to-end tests against what `make run` left running; EMULATOR=<url> as there
	@$(if $(EMULATOR),$(MAKE) --no-print-directory run EMULATOR=$(EMULATOR))
	E2E_STATE=$(CURDIR)/localstack/.state/run.json go test -count=1 -timeout 15m ./localstack/e2e

.PHONY: e2e-localstack
LOCALSTACK := $(or $(EMULATOR),http://localhost:4566)
LS_COPY    := -state localstack/.state/localstack -shift 50
e2e-localstack: $(STACK) ## the same against a LocalStack that runs (localstack/README.md): EMULATOR=<url>, else http://localhost:4566
	@$(STACK) check $(LS_COPY) -emulator $(LOCALSTACK)
	@$(MAKE) --no-print-directory -j3 build-tools build-local
	@trap '$(STACK) down $(LS_COPY)' EXIT; $(STACK) up $(LS_COPY) -emulator $(LOCALSTACK) && \
	  E2E_STATE=$(CURDIR)/localstack/.state/localstack/run.json go test -count=1 -v -timeout 15m ./localstack/e2e

# What both releases need is installed once. The test itself is what make ends if it is ended.
.PHONY: upgrade
upgrade: $(STACK) ## deploy the release before, this one over it and back, with work in flight: nothing is lost
	@$(STACK) install venv infra receivers console
	@$(MAKE) --no-print-directory -j3 build-tools build-local
	@go test -c -o .build/upgrade.test ./localstack/upgrade
	@cd localstack/upgrade && UPGRADE_STATE=$(CURDIR)/localstack/.state/upgrade exec ../../.build/upgrade.test -test.v -test.timeout 10m

# Four at once: they mostly wait for retries.
.PHONY: browser screenshots
browser: $(STACK) ## the console's tests in Chromium against what `make run` left running: ONLY=<file> (CHROME=<path>)
	@$(STACK) install browser
	E2E_STATE=$(CURDIR)/localstack/.state/run.json node --test --test-concurrency=4 --test-reporter=spec \
	  localstack/browser/$(or $(ONLY),*).test.mjs

screenshots: $(STACK) ## pictures of the console that `make run` left running, in .build/screenshots
	@$(STACK) install browser
	E2E_STATE=$(CURDIR)/localstack/.state/run.json node localstack/browser/screenshots.mjs .build/screenshots

# The third stack has everything that adds resources.
.PHONY: lint-templates
TEMPLATES := .build/templates
synth-to = cd infra && npx --no-install cdk synth --quiet --no-notices -a ../.build/cdk-app -o ../$(TEMPLATES)/$(1)
ANY_ARN  := eu-west-1:111122223333
lint-templates: build-lambda build-tools ## cfn-lint and checkov on the CDK stacks of dev and prod
	@$(STACK) install infra lint checkov
	@rm -rf $(TEMPLATES)
	@$(call synth-to,dev) -c stage=dev
	@$(call synth-to,prod) -c stage=prod
	@$(call synth-to,chosen) -c stage=prod -c egressAddresses=2 -c domainName=hooks.example.com -c reservedConcurrency=retrier=60 \
	  -c rollout=canary10Percent5Minutes \
	  -c certificateArn=arn:aws:acm:$(ANY_ARN):certificate/00000000-0000-0000-0000-000000000000 \
	  -c webAclArn=arn:aws:wafv2:$(ANY_ARN):regional/webacl/any/00000000-0000-0000-0000-000000000000
	localstack/.state/venv-lint/bin/cfn-lint -i W3005 -- $(TEMPLATES)/*/*.template.json
	@# Short paths: checkov takes a template's path for the value of references, and 40 characters for a secret.
	cd $(TEMPLATES) && ../../localstack/.state/venv-checkov/bin/checkov --framework cloudformation --quiet --compact \
	  --skip-download -f */*.template.json

.PHONY: sam-check
SAM := localstack/.state/venv-lint/bin
sam-check: export SAM_CLI_TELEMETRY := 0
sam-check: build-local ## what needs no container engine of SAM: validate, build, likeness to the CDK stack, the event files
	@$(STACK) install lint
	$(SAM)/sam validate --lint --template template.yaml --region us-east-1
	PATH=$(CURDIR)/$(SAM):$$PATH $(SAM)/sam build --template template.yaml --build-dir .build/sam --cache-dir .build/sam-cache
	@grep -q 'dist/console/index.html.gz' .build/sam/Portal/bootstrap || { echo 'the portal was built without its console' >&2; exit 1; }
	go test ./infra -run '^TestSAM'
	go test ./functions
	go test ./localstack/bench -run '^TestEventFilesAreHandled$$'

.PHONY: storm storm-planted
storm: need-go ## the simulation: SEEDS=10000 START=1 runs many, SEED=n replays one with its trace, TRACE=file keeps all of it
	@go test -c -o .build/storm.test ./shared/storm
	@.build/storm.test -test.run '^TestStorm$$' -seeds $(or $(SEEDS),10000) -start $(or $(START),1) \
	  $(if $(SEED),-seed $(SEED)) $(if $(TRACE),-trace $(TRACE))

storm-planted: need-go ## search a seed for each planted bug: START=1 SEEDS=2000 BUG=<name>
	@go test -v -count=1 -timeout 60m -run '^TestSearch$$' ./shared/storm/planted -args \
	  -search -seeds $(or $(SEEDS),2000) -start $(or $(START),1) $(if $(BUG),-bug $(BUG))

.PHONY: bench
bench: build ## how fast and how costly it is, a line of JSON for each figure: ONLY=name,name runs some
	@go build -tags local -o .build/bench ./localstack/bench
	@.build/bench -only '$(ONLY)'

.PHONY: cost
cost: build-local ## what a million deliveries cost, and an idle month; JSON=1 prints lines of JSON
	@go build -tags local -o .build/bench ./localstack/bench
	@.build/bench cost $(if $(JSON),-json)

.PHONY: isolation
isolation: need-go ## slow endpoints delay nobody, for an hour of virtual time: ONLY='90 % are slow' SEED=1
	@go test -v -count=1 -timeout 120m -run '^TestIsolation$$' ./shared/storm -args -isolation-hour \
	  $(if $(SEED),-isolation-seed $(SEED)) $(if $(ONLY),-isolation-only '$(ONLY)')

.PHONY: capacity
capacity: need-go ## what is used up first, and at which rates, held to infra/README.md: ONLY='(b) one webhook at 500/s'
	@go test -v -count=1 -timeout 60m -run '^TestCapacity$$' ./shared/storm -args -capacity-long \
	  $(if $(ONLY),-capacity-only '$(ONLY)')

.PHONY: env synth partner api-key portal-session
env: ## print what the commands below need to know of a deployed stage, for `eval "$$(make -s env STAGE=prod)"`
	@infra/env.sh $(STAGE)

synth: build build-tools ## synthesize the CDK stack into infra/cdk.out: STAGE=dev|prod|local
	@$(STACK) install infra
	cd infra && npx --no-install cdk synth --quiet -c stage=$(STAGE)

partner: need-go ## make a partner: NAME=... [ID=<the id that records have>] (ADMIN_URL and AWS credentials from the environment; else the local stage)
	@go run ./localstack/adminctl partner "$$NAME" "$$ID"

api-key: need-go ## make an API key: PARTNER=<id> [NAME=...]
	@go run ./localstack/adminctl api-key "$$PARTNER" "$$NAME"

portal-session: need-go ## make a portal session: PARTNER=<id>
	@go run ./localstack/adminctl portal-session "$$PARTNER"

.PHONY: redrive dead-letters activate reconcile forget
redrive: need-go ## list what is parked; ID=<id> handles one again, ALL=1 everything, dead letters too (stage: as partner)
	@go run ./localstack/adminctl redrive "$$ID" "$$ALL"

dead-letters: need-go ## put the dead letters back on the delivery queue (stage: as partner)
	@go run ./localstack/adminctl dead-letters

activate: need-go ## name webhooks that failures switched off: SINCE=<time> [UNTIL=<time>] [PARTNER=<id>]; APPLY=1 activates them
	@go run ./localstack/adminctl activate -since "$$SINCE" -until "$$UNTIL" -partner "$$PARTNER" -apply "$$APPLY"

reconcile: need-go ## find events that were never created: IDS=<id>,... FILE=<ids> or SCAN=1; APPLY=1 creates them
	@go run ./localstack/reconcile -ids "$$IDS" -file "$$FILE" -scan "$$SCAN" -since "$$SINCE" -until "$$UNTIL" \
	  -time-attribute "$$TIME_ATTRIBUTE" -all "$$ALL" -apply "$$APPLY"

forget: need-go ## remove what there is of a verification: PARTNER=<id> VERIFICATION=<id>; APPLY=1 does it (stage: as reconcile)
	@go run ./localstack/forget -partner "$$PARTNER" -verification "$$VERIFICATION" -apply "$$APPLY"

.PHONY: clean
clean: stop ## remove everything that was built or installed
	rm -rf .build localstack/.state infra/cdk.out infra/node_modules localstack/receivers/node_modules \
	  $(CONSOLE)/node_modules $(CONSOLE)/.build $(CONSOLE)/dist/*/ localstack/browser/node_modules
