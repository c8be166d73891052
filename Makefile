# Two commands for a fresh machine: `make run` and `make test`.

SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help run test test-clients test-setup check soak bench cluster sentinel

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Install redis-server if missing, build, and start sessiond on 127.0.0.1:6380 (ARGS="--help" for options)
	@scripts/require-cargo.sh
	@scripts/install-redis.sh
	exec cargo run --release --locked --bin sessiond -- $(ARGS)

test: check ## Everything: format, lints, unit, integration and documentation tests
	cargo test --locked

test-clients: test-setup ## The client libraries, and what is built on them, alone
	cargo test --locked --test clients

check: test-setup ## Format and lints only
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

soak: ## The simulation with random seeds, for an hour (SECONDS=3600)
	@scripts/require-cargo.sh
	SIMULATION_SECONDS=$(or $(SECONDS),3600) cargo test --locked --test simulation -- --ignored --nocapture soak

test-setup: ## Install what the tests need (Redis, Node, Python and client libraries)
	@scripts/require-cargo.sh
	@scripts/setup-tests.sh

bench: ## Compare with Redis itself and with other proxies, about 40 minutes (QUICK=1: 5; LOADS, TARGETS, ROUNDS)
	@scripts/require-cargo.sh
	@scripts/setup-bench.sh
	cargo build --release --locked --bin sessiond
	exec python3 -B benches/compare

cluster: ## A throw-away Redis cluster for trying out, until Ctrl-C
	@exec scripts/cluster.sh

sentinel: ## A throw-away Sentinel group for trying out, until Ctrl-C
	@exec scripts/sentinel.sh
