# `make demo` shows the product, `make test` proves it; both work on a fresh machine.

.PHONY: help demo check test soak consistency lint fmt bench bench-watch bench-screen attacks setup

# Where tools that cargo installs are found, also on a machine that has just got them.
export PATH := $(CURDIR)/target/tools/bin:$(HOME)/.cargo/bin:$(PATH)

help: ## Say what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

demo: setup ## Open the dashboard on a living campaign (DEMO="--for 20s --no-tui" for lines)
	cargo run --locked --bin scry -- demo $(DEMO)

check: setup ## The loop while working: format, lints and unit tests
	cargo fmt --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	@if cargo nextest --version >/dev/null 2>&1; then \
		cargo nextest run --locked --workspace --lib; \
	else \
		cargo test --locked --workspace --lib; \
	fi

test: setup ## Run every test
	@tests/setup.sh nodejs
	@tests/setup.sh servers
	@tests/setup.sh shells
	@if cargo nextest --version >/dev/null 2>&1; then \
		cargo test --locked --doc --quiet && \
		tests/postgres.sh cargo nextest run --locked --no-fail-fast -E 'test(/^(server|gateway|people|access|limits)_/)' && \
		cargo nextest run --locked --no-fail-fast; \
	else \
		tests/postgres.sh cargo test --locked --test it -- server_ gateway_ people_ access_ limits_ && \
		cargo test --locked; \
	fi

soak: setup ## Break the network and the server under real programs (MINUTES=10)
	PROPTEST_CASES=20000 cargo test --locked --lib tests::model
	SCRY_SOAK_MINUTES=$(or $(MINUTES),10) cargo test --locked --test it soak:: -- --nocapture

consistency: setup ## Kill every part of a server while people work, and check what happened (MINUTES=10 SEED=n ON=sqlite|postgres)
	@tests/setup.sh servers
	SCRY_CONSISTENCY_MINUTES=$(or $(MINUTES),10) $(if $(SEED),SCRY_CONSISTENCY_SEED=$(SEED)) cargo test --locked --test it \
		consistency::$(if $(filter sqlite,$(ON)),one_node_on_sqlite)$(if $(filter postgres,$(ON)),two_nodes_on_postgres) -- --nocapture

lint: setup ## Check format, spelling, names, lints, links of the documentation, licenses and sources
	cargo fmt --check
	@tests/old-names.sh
	@tests/setup.sh typos
	typos
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo doc --locked --workspace --no-deps --document-private-items --quiet
	@tests/setup.sh cargo-deny
	cargo deny --log-level error check licenses bans sources

fmt: ## Format the code
	cargo fmt

bench: setup ## Measure the pure parts, then the server under load beside Node's Socket.IO
	@tests/setup.sh nodejs
	@tests/setup.sh servers
	cargo bench --locked --bench pure
	SCRY_POSTGRES=durable tests/postgres.sh cargo bench --locked --bench load

attacks: setup ## Attack the server in ten ways among 500 honest clients, then Node's Socket.IO (ATTACK_SECONDS=10 ATTACK_WHOM=both)
	@tests/setup.sh nodejs
	ulimit -n "$$(ulimit -Hn)" && cargo test --locked --release --test it limits_attacks::in_full -- --ignored --nocapture

bench-watch: setup ## Measure `scry watch` beside Node's client (SCRY=path RUNS=5 EVENTS=200000 RATE=0)
	@tests/setup.sh nodejs
	cargo build --locked --release --bin scry
	npm ci --prefix tests/node --no-audit --no-fund --ignore-scripts
	NODE_PATH=tests/node/node_modules node benches/watch/run.cjs $(or $(SCRY),target/release/scry) \
		$(or $(RUNS),5) $(or $(EVENTS),200000) $(or $(RATE),0)

bench-screen: setup ## Measure the dashboard in a pseudo-terminal (SCREEN="event flood")
	@tests/setup.sh nodejs
	npm ci --prefix tests/node --no-audit --no-fund --ignore-scripts
	cargo bench --locked --bench screen -- $(SCREEN)

setup:
	@tests/setup.sh build
