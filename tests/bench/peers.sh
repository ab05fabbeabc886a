#!/usr/bin/env bash
# Gets AVML, beside which `bench_memory` measures, from crates.io into the folder `peers` of the target folder. It is run, and never
# linked: nothing of Hozen depends on it. Without its upload features it needs less to build and less memory to run.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=0.21.0
target="${CARGO_TARGET_DIR:-target}"
[ "$("$target/peers/bin/avml" --version 2>/dev/null)" != "avml $version" ] || exit 0
CARGO_TARGET_DIR="$target/peers/target" cargo install avml --version "=$version" --locked --no-default-features --features convert --root "$target/peers"
