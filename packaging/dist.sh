#!/usr/bin/env bash
# Makes a release: the static programs for x86_64 and aarch64, deb and rpm, the Distributor package, the kit, the bill of materials
# and the sums of all of it. Two runs on one commit give the same bytes (reproduce.sh shows it).
#
# usage: packaging/dist.sh [--to DIR] [--binaries DIR] [--modules DIR --modules-key FILE] [--release-key FILE]
#   --to           a new folder; default: target/dist
#   --binaries     programs built before, DIR/x86_64/hozen and DIR/aarch64/hozen, instead of building them
#   --modules      a module store to go into the Distributor package and the kit, with the public key that has signed its index
#   --release-key  public half of the key that signs releases, to go into the kit
#
# On stdout: the folder. It is not signed here: sign.sh does that, where the key is.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
name=dist
# shellcheck source=packaging/tools.sh
. "$here/tools.sh"
usage() { sed -n 's/^# \{0,1\}usage: /usage: /p' "$0" >&2; exit 2; }
limit=12000000 # bytes of a program

to='' binaries='' modules='' modules_key='' release_key=''
while [ $# -gt 0 ]; do
  case "$1" in
    --to|--binaries|--modules|--modules-key|--release-key) [ $# -ge 2 ] || usage ;;
    *) usage ;;
  esac
  option="${1#--}"
  printf -v "${option//-/_}" '%s' "$(realpath -m "$2")"
  shift 2
done
[ -z "$modules" ] || [ -n "$modules_key" ] || fail '--modules wants --modules-key'
cd "$here/.."
to="${to:-$PWD/target/dist}"
[ ! -e "$to" ] || fail "$to is there already"

commit() {
  local found
  found="$(git rev-parse HEAD 2>/dev/null)" || { echo unknown; return; }
  [ -z "$(git status --porcelain 2>/dev/null)" ] || found="$found-modified"
  echo "$found"
}

# The time of everything that wants one: that of the commit.
SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}"
PKG_VERSION="$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)"
HOZEN_BUILD_COMMIT="$(commit)"
export SOURCE_DATE_EPOCH PKG_VERSION HOZEN_BUILD_COMMIT TZ=UTC LC_ALL=C PYTHONDONTWRITEBYTECODE=1

# Puts the list of crates into a program, and checks what is promised of it.
finish_program() {
  local arch="$1" objcopy="$2" file="$stage/hozen-$1" facts size
  python3 "$here/bill/auditable.py" "$arch-unknown-linux-musl" "$stage/dep-v0"
  "$objcopy" --add-section .dep-v0="$stage/dep-v0" --set-section-flags .dep-v0=readonly,noload "$stage/built-$arch" "$file"
  rm "$stage/dep-v0" "$stage/built-$arch"
  chmod 0755 "$file"
  facts="$(readelf -SldW "$file")"
  ! grep -qE 'INTERP|\(NEEDED\)' <<<"$facts" || fail "$file wants a loader or libraries"
  ! grep -q '\.symtab' <<<"$facts" || fail "$file is not stripped"
  grep -q '\.dep-v0' <<<"$facts" || fail "$file has no list of crates"
  size="$(stat -c %s "$file")"
  [ "$size" -le "$limit" ] || [ -n "$binaries" ] || fail "$file has $size bytes, more than $limit"
  say "hozen-$arch: $size bytes"
}

programs() {
  local arch
  for arch in x86_64 aarch64; do
    if [ -n "$binaries" ]; then
      cp "$binaries/$arch/hozen" "$stage/built-$arch"
    else
      "$here/build-static.sh" --to "$work/built" "$arch-unknown-linux-musl" >&2
      mv "$work/built/hozen" "$stage/built-$arch"
    fi
  done
  finish_program x86_64 "$(objcopy_for x86_64 x86-64-linux-gnu)"
  finish_program aarch64 "$(objcopy_for aarch64 aarch64-linux-gnu)"
}

# An objcopy that knows the architecture.
objcopy_for() {
  if [ "$(uname -m)" = "$1" ]; then
    echo objcopy
  else
    need "binutils-$2" >&2
    echo "$1-linux-gnu-objcopy"
  fi
}

# Pages, completions and notices; the program for this machine writes the first two itself.
texts() {
  local tools musl=()
  "$stage/hozen-$(uname -m)" manual "$stage/manual" >/dev/null
  mv "$stage/manual/man" "$stage/manual/completions" "$stage/"
  rmdir "$stage/manual"
  for tools in "$(tools_base)"/zig-*/lib/python3*/site-packages/ziglang/lib/libc/musl/COPYRIGHT; do
    [ ! -e "$tools" ] || musl=("$tools")
  done
  python3 "$here/bill/notices.py" "$stage/NOTICES" "${musl[@]}"
  cp docs/hozen.toml LICENSE-MIT LICENSE-APACHE "$stage/"
}

assemble() {
  local extra=() kit=()
  [ -z "$modules" ] || extra=("$modules" "$modules_key")
  [ -z "$modules" ] || kit+=(--modules "$modules" --modules-key "$modules_key")
  [ -z "$release_key" ] || kit+=(--release-key "$release_key")
  mkdir "$out" "$out/distributor"
  cp -p "$stage/hozen-x86_64" "$stage/hozen-aarch64" "$stage/NOTICES" "$out/"
  "$here/packages/build.sh" x86_64 "$stage" "$out"
  "$here/packages/build.sh" aarch64 "$stage" "$out"
  python3 "$here/distributor/build.py" "$stage" "$out/distributor" "$PKG_VERSION" "$SOURCE_DATE_EPOCH" "${extra[@]}"
  "$here/kit/build.sh" "$stage" "$out" "${kit[@]}"
  python3 "$here/bill/sbom.py" "$out/hozen-$PKG_VERSION.cdx.json" "$HOZEN_BUILD_COMMIT" "$SOURCE_DATE_EPOCH" \
    "$out/hozen-x86_64" "$out/hozen-aarch64"
  (cd "$out" && find . -type f ! -name SHA256SUMS -printf '%P\0' | sort -z | xargs -0 sha256sum >SHA256SUMS)
}

umask 022
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
stage="$work/stage" out="$work/out"
mkdir "$stage"
need binutils python3-venv
programs
texts
assemble
mkdir -p "$(dirname "$to")"
mv "$out" "$to"
echo "$to"
