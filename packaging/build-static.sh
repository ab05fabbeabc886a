#!/usr/bin/env bash
# Builds a program that runs on every Linux of its architecture: linked statically to musl, so that no loader, no library and no
# name service of the suspect host has a part in it (static glibc would load the host's NSS libraries). Nothing of this machine's paths is in it.
#
# usage: packaging/build-static.sh [--profile NAME] [--package NAME] [--bin NAME]... [--to DIR] TARGET
#
#   TARGET      x86_64-unknown-linux-musl or aarch64-unknown-linux-musl
#   --profile   a profile of Cargo.toml: release (the default), or lab, which is quick to build, for tests
#   --package   a package of the workspace (default: hozen)
#   --bin       its programs (default: hozen)
#   --to        a folder that gets a copy of them
#
# On stdout: the path of each program, checked. All else goes to stderr.
#
# The standard library comes from rustup where `rustup target add TARGET` was done; else it is built from the source that Debian
# packages beside its own Rust (rustc-web). zig compiles what is C and links. As root on Debian or Ubuntu the script installs what
# it needs, through apt and pip (static/requirements.txt, by hash); else it says what is missing.
#
# $HOZEN_STATIC_TARGET_DIR, by default ${XDG_CACHE_HOME:-~/.cache}/hozen-static, holds zig and one folder for each lock file and
# toolchain, so that nothing is built twice; everything works without it. Keep it between runs of CI.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
name=static
# shellcheck source=packaging/tools.sh
. "$here/tools.sh"
usage() { sed -n 's/^# \{0,1\}usage: /usage: /p' "$0" >&2; exit 2; }

profile=release package=hozen bins=() to='' target=''
while [ $# -gt 0 ]; do
  case "$1" in
    --profile) profile="${2:?}"; shift ;;
    --package) package="${2:?}"; shift ;;
    --bin) bins+=("${2:?}"); shift ;;
    --to) to="${2:?}"; shift ;;
    -*) usage ;;
    *) [ -z "$target" ] || usage; target="$1" ;;
  esac
  shift
done
case "$target" in
  x86_64-unknown-linux-musl) machine='Advanced Micro Devices X86-64' ;;
  aarch64-unknown-linux-musl) machine=AArch64 ;;
  *) usage ;;
esac
[ "${#bins[@]}" -gt 0 ] || bins=(hozen)
[ -z "$to" ] || { mkdir -p "$to" && to="$(cd "$to" && pwd)"; }
cd "$here/.."

base="$(tools_base)"
cargo_home="${CARGO_HOME:-$HOME/.cargo}"
# Flags for C are told apart by blanks.
[[ "$base$cargo_home" != *[[:space:]]* ]] || fail "no blank may be in the path of what is built or of cargo's folder: $base, $cargo_home (set HOZEN_STATIC_TARGET_DIR, CARGO_HOME)"

# Which Rust, and whether its standard library has to be built.
choose_rust() {
  local libraries
  libraries="$(rustc --print target-libdir --target "$target" 2>/dev/null)" || libraries=''
  if [ -n "$libraries" ] && [ -d "$libraries" ]; then
    rust=rustc
    path="$tools/bin:$PATH"
    return
  fi
  # Debian's compiler is used by its path: rustup's, which comes first in PATH, has no source to build the library from.
  need rustc-web cargo-web rust-web-src
  rust=/usr/bin/rustc
  path="$tools/bin:/usr/bin:/bin"
  export RUSTC=/usr/bin/rustc CARGO=/usr/bin/cargo RUSTC_BOOTSTRAP=1
  flags+=(-C link-self-contained=no) # musl's start files are zig's: this library brings none
  options+=(-Zbuild-std=std)
  # A program without symbols has no use for what would read them; small ways of sorting are fast enough.
  [ "$profile" = lab ] || options+=(-Zbuild-std-features=panic-unwind,optimize_for_size)
}

# What a release does besides its profile: paths of sources without the registry's folder, which differs from builder to builder;
# frame pointers, with which the tables that unwinding needs are shorter, and C code, through which nothing unwinds, without any; no events
# that nobody writes down.
make_small() {
  local registry search
  flags+=(-C force-frame-pointers=yes)
  for registry in "$cargo_home"/registry/src/*/; do
    [ ! -d "$registry" ] || flags+=("--remap-path-prefix=${registry%/}=/cargo")
  done
  c_flags+=' -fno-asynchronous-unwind-tables -fno-unwind-tables'
  # zstd's levels from 5 on search as 4 does, with larger windows: no host in an incident has the time for more.
  for search in GREEDY LAZY LAZY2 BTLAZY2 BTOPT BTULTRA; do c_flags+=" -DZSTD_EXCLUDE_${search}_BLOCK_COMPRESSOR"; done
  [ "$package" != hozen ] || options+=(--features lean)
}

build() {
  local key bin c_flags
  key="$( (grep '^checksum' Cargo.lock; cat "$here/static/requirements.txt"; "$rust" -vV) | sha256sum | cut -c1-16)"
  folder="$base/$key"
  "$here/seed-cache.sh" "$folder"
  # What other lock files left is of no use any more.
  find "$base" -mindepth 1 -maxdepth 1 -type d ! -path "$folder" ! -name "zig-*" ! -name "nfpm-*" -mtime +2 -exec rm -rf {} +
  # Not the checkout: cargo names its files by relative paths, and with it in the flags another checkout would build all anew. Nor the
  # folder of this lock file, for the same reason; its name is the same wherever the same is built.
  flags+=("--remap-path-prefix=$cargo_home=/cargo" "--remap-path-prefix=$base=/target"
    "--remap-path-prefix=$("$rust" --print sysroot)/lib/rustlib/src/rust=/rust")
  for bin in "${bins[@]}"; do options+=(--bin "$bin"); done
  c_flags="-ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$base=/target"
  [ "$profile" = lab ] || make_small
  (
    unset RUSTFLAGS
    CARGO_ENCODED_RUSTFLAGS="$(IFS=$'\x1f'; echo "${flags[*]}")"
    export CARGO_ENCODED_RUSTFLAGS PATH="$path" XDG_CACHE_HOME="$base/zig-cache" ZIG_GLOBAL_CACHE_DIR="$base/zig-cache"
    # For `hozen version --verbose`; the commit comes from dist.sh, so that a test's program is not built anew for each.
    HOZEN_BUILD_TOOLCHAIN="$("$rust" --version), $("$tools/bin/python" -m ziglang version | sed 's/^/zig /')"
    export HOZEN_BUILD_TOOLCHAIN
    export CFLAGS="$c_flags"
    say "building ${bins[*]} for $target, profile $profile, with $("$rust" --version)"
    cargo-zigbuild zigbuild --locked --profile "$profile" --target "$target" --target-dir "$folder" -p "$package" "${options[@]}" >&2
  )
}

# What was promised above, asked of the file itself.
check() {
  local file="$1" facts prefix
  facts="$(readelf -hldW "$file" 2>/dev/null)" || fail "$file is no program"
  grep -q "Machine: *$machine" <<<"$facts" || fail "$file is not for $target"
  ! grep -q INTERP <<<"$facts" || fail "$file wants a loader"
  ! grep -q '(NEEDED)' <<<"$facts" || fail "$file wants libraries"
  for prefix in "$cargo_home" "$folder" "$PWD"; do
    ! grep -qaF "$prefix/" "$file" || fail "$file has paths of this machine in it: $(grep -aoE "$prefix/[[:graph:]]{0,80}" "$file" | head -n 1)"
  done
}

need python3-venv binutils
flags=() options=()
tools="$(python_tools "$here/static/requirements.txt" zig)"
choose_rust
build
for bin in "${bins[@]}"; do
  file="$folder/$target/$profile/$bin"
  check "$file"
  if [ -n "$to" ]; then
    # In one step: a test may be running the old one.
    cp "$file" "$to/.$bin.new"
    mv "$to/.$bin.new" "$to/$bin"
    file="$to/$bin"
  fi
  echo "$file"
done
