#!/usr/bin/env bash
# Builds a fuzz target and runs it: with the compiler of this repository, guided by coverage, overflow checked. Needs a C++ compiler for
# libFuzzer, which the crate libfuzzer-sys brings along.
#
# usage: fuzz/run.sh TARGET [SECONDS [OPTION OF LIBFUZZER…]]
#
# TARGET is lime_stream, iomem, kcore, notes or btf. What is found while it runs is kept in fuzz/corpus/TARGET and gone on from the
# next time; fuzz/seeds/TARGET is where it begins. An input that breaks the target is left in fuzz/artifacts/TARGET, and the exit
# code is not 0.
set -euo pipefail

cd "$(dirname "$0")"
[ $# -ge 1 ] || { sed -n '5,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
target="$1" seconds="${2:-300}"
shift $(( $# < 2 ? $# : 2 ))

# What cargo-fuzz would set, less the sanitizers, which only an unstable compiler has: the one file with unsafe code is not run here.
coverage=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg=fuzzing)
host="$(rustc -vV | sed -n 's/^host: //p')"
# With --target the flags are not those of build scripts, which have no libFuzzer to call.
RUSTFLAGS="${coverage[*]}" cargo build --release --target "$host" --bin "$target"

mkdir -p "corpus/$target" "artifacts/$target"
exec "${CARGO_TARGET_DIR:-target}/$host/release/$target" -max_total_time="$seconds" -artifact_prefix="artifacts/$target/" \
  -timeout=10 -rss_limit_mb=512 -print_final_stats=1 "$@" "corpus/$target" "seeds/$target"
