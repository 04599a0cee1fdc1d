# `make help` lists the targets.

SERVICE ?= rates
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo demo-rotation test check setup test-versions chaos-access fuzz round-trip measure \
    bench instructions layout start-app-db stop-app-db scan scan-proof check-security chaos sign \
    containers-setup image stack adopt rotate stack-down logs verify recover e2e

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make demo PORT=3001                    another port"
	@echo "  make demo SERVICE=status ARGS=--fresh  another service, further arguments of \`howdah up\`"

demo: ## Set up what is missing, build, and serve services/rates on port 3000
	@$(if $(PORT),PORT=$(PORT)) scripts/demo $(SERVICE) $(ARGS)

demo-rotation: ## Rotate a credential 20 times under load, and count the requests that fail
	@scripts/demo-rotation $(ROTATIONS)

test: ## Set up what is missing and run every check and test
	@scripts/test

check: ## Check formatting, lints and documentation
	@scripts/check

setup: ## Install what the tests need and this machine lacks
	@scripts/setup test

test-versions: ## Run the tests against PostgreSQL 13 to 18
	@scripts/test-versions

chaos-access: ## Break what rotation, access and audit stand on, and print the figures to reach beside those reached: an hour; ARGS=--short, minutes
	@scripts/chaos-access $(ARGS)

fuzz: ## Run each fuzz target for a minute
	@scripts/fuzz

round-trip: ## Load 200,000 prices in each format, and read them back through each
	@cargo test --locked --test suite round_trip -- --include-ignored

measure: ## Measure time to first answer and idle memory of the release binary
	@scripts/measure

bench: ## Measure beside the contenders and write docs/performance.md; BENCH=quick takes 4 minutes, BENCH=full an hour and a half
	@scripts/bench

instructions: ## Count the instructions of a request, and fail when one has grown by 5 %
	@scripts/instructions $(ARGS)

layout: ## List anew the functions that run, which the static binary has beside each other
	@scripts/layout

start-app-db: ## Start the database of the SERVICE's stack; where there is none, a PostgreSQL with the sample data of services/rates (DB_PORT, else 5432)
	@if scripts/stack has-db $(SERVICE); then scripts/stack start-db $(SERVICE); else scripts/app-db start; fi

stop-app-db: ## Stop it; its data stays
	@if scripts/stack has-db $(SERVICE); then scripts/stack stop-db $(SERVICE); else scripts/app-db stop; fi

scan: ## Scan the tree, its history and the image with every checking tool; ARGS=--strict where none may be missing
	@scripts/scan $(ARGS)

scan-proof: ## Show that the scan fails when it has to, with one mistake planted at a time
	@tests/scan/weakened

check-security: ## Attack the five services with real tools, each proved on a vulnerable twin; ARGS=--quick is shorter
	@scripts/setup security
	@scripts/check-security $(ARGS)

chaos: ## Break PostgreSQL, its network and the clock under load, and account for every request; ARGS=--quick is shorter
	@scripts/setup chaos
	@scripts/chaos $(ARGS)

sign: ## Show that only the signed image is accepted: KEY=FINGERPRINT signs with a key of your own
	@$(if $(KEY),KEY=$(KEY)) scripts/sign

containers-setup: ## Install Podman and what it needs, where it is missing
	@scripts/containers-setup

image: ## Build the image localhost/howdah:local
	@scripts/image $(ARGS)

stack: ## Bring a service's stack up in containers: make stack SERVICE=status
	@scripts/stack up $(SERVICE) $(ARGS)

adopt: ## Let the keeper of SERVICE's stack take the service over: from then on it changes its credential (SERVICE=rates)
	@scripts/stack adopt $(SERVICE)

rotate: ## Let the keeper of SERVICE's stack change the credential now
	@scripts/stack rotate $(SERVICE)

stack-down: ## Take a service's stack down; ARGS=-v throws its data away
	@scripts/stack down $(SERVICE) $(ARGS)

logs: ## Follow the logs of a service's stack
	@scripts/stack logs $(SERVICE)

verify: ## Check how the running stack of SERVICE is locked down, as one table
	@scripts/verify $(SERVICE) $(ARGS)

recover: ## Break the database of SERVICE's running stack under load, and see that it comes back
	@scripts/recover $(SERVICE)

e2e: ## Build the image, bring up all five stacks, check, break and take them down
	@scripts/e2e
