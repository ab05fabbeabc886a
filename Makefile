# What a developer and CI run. `make check` is what CI runs; there (.ci/run) a test that cannot run has failed: HOZEN_NO_SKIP=1.

.PHONY: build dist test lint check bench bench-beside bench-memory

build:
	cargo build --release --locked --bin hozen

# A release for both architectures, in target/dist: programs, packages, kit, bill of materials, sums (docs/releasing.md).
dist:
	packaging/dist.sh

# Formatting and every lint; warnings are errors. Of the fuzz targets only the formatting: for more, clippy would have all that they are
# built on, and libFuzzer, built once more.
lint:
	cargo fmt --check
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo clippy --workspace --all-targets --locked -- -D warnings

# All tests, with what they need (installed by the script on Debian and Ubuntu).
test:
	tests/run.sh

check: lint test

# Figures of docs/specification.md about memory images, beside AVML: takes an hour, and guests (tests/vm/prepare.sh).
bench-memory:
	cargo build --release --locked -p hozen-collector --example capture
	cargo build --release --locked -p hozen-tests --bin bench_memory --bin stamp
	tests/bench/peers.sh
	cargo run --release --locked -p hozen-tests --bin bench_memory

# Triage beside acquire (PyPI), on this machine: needs root, acquire 3.22 in ACQUIRE (its program), and, if it is to run too, UAC's folder in UAC.
bench-beside:
	cargo build --release --locked -p hozen
	UAC=$(UAC) tests/bench/beside.py target/release/hozen $(ACQUIRE)

# Figures of docs/specification.md.
bench:
	cargo build --release --locked --workspace --bins
	cargo run --release --locked --bin bench
