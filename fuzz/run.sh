#!/usr/bin/env bash
# Builds fuzz targets and runs them: with the compiler of this repository, guided by coverage, overflow checked. Needs a C++ compiler for
# libFuzzer, which the crate libfuzzer-sys brings along.
#
# usage: fuzz/run.sh TARGET [SECONDS [OPTION OF LIBFUZZER…]]
#        fuzz/run.sh --check      all targets, each with as many inputs as stands below: what CI runs
#        fuzz/run.sh --prepare    builds what --check runs, and no more
#
# TARGET is a file of fuzz/targets. What is found while it runs is kept in fuzz/corpus/TARGET and gone on from the next time;
# fuzz/seeds/TARGET is where it begins. An input that breaks the target is left in fuzz/artifacts/TARGET, and the exit code is not 0.
#
# With --check each target begins with its seeds alone and always with the same random numbers, and is given a number of inputs and no time:
# the same build finds the same again, and on a busy machine no less. The target `control` must be found to break: of a fuzzer that is
# blind to the way that an input takes, readers without a fault would be all that is to be heard.
#
# All that is built lies in a folder of its own in $CARGO_TARGET_DIR (default: target), as it is built with other flags than the rest.
set -euo pipefail

[ $# -ge 1 ] || { sed -n '/^# usage/,/^#$/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
built="$(realpath -m "${CARGO_TARGET_DIR:-$(dirname "$0")/../target}")/fuzz"
cd "$(dirname "$0")"

# What cargo-fuzz would set, less the sanitizers, which only an unstable compiler has: the one file with unsafe code is not run here.
coverage=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg=fuzzing)
host="$(rustc -vV | sed -n 's/^host: //p')"

# Inputs of each target with --check: some five seconds. That of `control` is found long before.
declare -A inputs=(
  [lime_stream]=40000 [iomem]=400000 [kcore]=400000 [notes]=400000 [btf]=100000 [rpm]=100000 [engines]=60000 [ext4]=40000 [netlink]=200000
  [secrets]=60000 [evidence]=60000 [control]=20000000
)

# build PROFILE [OPTION OF CARGO…]
build() {
  # With --target the flags are not those of build scripts, which have no libFuzzer to call.
  RUSTFLAGS="${coverage[*]}" cargo build --locked --profile "$1" --target "$host" --target-dir "$built" "${@:2}"
}

# The targets that Cargo.toml has.
targets() {
  sed -n '/^\[\[bin\]\]/,/^path/s/^name = "\(.*\)"/\1/p' Cargo.toml
}

# Each target has seeds and a number of inputs: one that was forgotten would be run by nobody.
is_complete() {
  local target
  for target in $(targets) "${!inputs[@]}"; do
    if [ -z "${inputs[$target]:-}" ] || [ ! -f "targets/$target.rs" ] || [ -z "$(ls "seeds/$target" 2>/dev/null)" ]; then
      echo "fuzz: $target lacks a number of inputs in fuzz/run.sh, a file in fuzz/targets or seeds in fuzz/seeds" >&2
      return 1
    fi
  done
  [ "$(targets | wc -l)" = "${#inputs[@]}" ] || { echo 'fuzz: Cargo.toml and fuzz/run.sh have other targets' >&2; return 1; }
}

# fuzz TARGET: gives it its inputs. What it says stands in $work/log, what breaks it in $work/broken.
fuzz() {
  rm -rf "$work"
  mkdir -p "$work/found" "$work/broken"
  "$built/$host/smoke/$1" -runs="${inputs[$1]}" -seed=1 -reload=0 -timeout=120 -rss_limit_mb=512 -print_final_stats=1 \
    -artifact_prefix="$work/broken/" "$work/found" "seeds/$1" >"$work/log" 2>&1
}

# Whether the target was given its inputs and took them all.
passes() {
  local status=0
  fuzz "$1" || status=$?
  if [ "$1" = control ]; then
    # 77 is how libFuzzer ends when something is broken.
    [ "$status" = 77 ] && grep -q 'all four bytes are right' "$work/log"
  else
    [ "$status" = 0 ] && grep -q $'^#[0-9]*\tDONE' "$work/log"
  fi
}

# What there is to say of a target that has passed.
figures() {
  if [ "$1" = control ]; then
    sed -n 's/^stat::number_of_executed_units: */broken, as it should be, by input /p' "$work/log"
  else
    sed -n 's/^#\([0-9]*\)\tDONE */\1 inputs, /p' "$work/log"
  fi
}

# What there is to say of one that has not.
complain() {
  tail -n 60 "$work/log"
  local input
  for input in "$work"/broken/*; do
    [ -f "$input" ] || continue
    mkdir -p "artifacts/$1" && cp "$input" "artifacts/$1/"
    echo "fuzz/artifacts/$1/${input##*/}, in base64:"
    base64 "$input"
  done
  echo "FAILED: fuzz target $1"
}

check() {
  local target began failed=()
  for target in $(targets); do
    began=$SECONDS
    if passes "$target"; then
      echo "$target: $(figures "$target") ($((SECONDS - began)) s)"
    else
      complain "$target"
      failed+=("$target")
    fi
  done
  [ "${#failed[@]}" = 0 ]
}

case "$1" in
  --prepare)
    build smoke --bins
    ;;
  --check)
    is_complete
    build smoke --bins
    temporary="$(mktemp -d)"
    trap 'rm -rf "$temporary"' EXIT
    work="$temporary/work"
    check
    ;;
  *)
    target="$1" seconds="${2:-300}"
    shift $(( $# < 2 ? $# : 2 ))
    build release --bin "$target"
    mkdir -p "corpus/$target" "artifacts/$target"
    exec "$built/$host/release/$target" -max_total_time="$seconds" -artifact_prefix="artifacts/$target/" \
      -timeout=10 -rss_limit_mb=512 -print_final_stats=1 "$@" "corpus/$target" "seeds/$target"
    ;;
esac
