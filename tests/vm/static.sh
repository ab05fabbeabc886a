#!/usr/bin/env bash
# Builds what runs inside the guests of the lab, statically, for both architectures: hozen, and the helper programs for arm64 (those for
# x86_64 come with the tests). Puts them where the tests look: static/x86_64 and static/aarch64 beside target/debug.
set -euo pipefail
cd "$(dirname "$0")/../.."

to="${CARGO_TARGET_DIR:-target}/static"
packaging/build-static.sh --profile lab --to "$to/x86_64" x86_64-unknown-linux-musl
packaging/build-static.sh --profile lab --to "$to/aarch64" aarch64-unknown-linux-musl
packaging/build-static.sh --profile lab --to "$to/aarch64" --package hozen-tests --bin stamp aarch64-unknown-linux-musl
