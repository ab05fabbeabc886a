#!/usr/bin/env bash
# Shows that a release can be made again: clones the commit twice into folders of different names and depths, builds each with its own
# folder for everything that is built, and compares every byte. Takes as long as two releases without any cache.
#
# usage: packaging/reproduce.sh [--with DIR] [--only x86_64|aarch64]
#   --with   a release (packaging/dist.sh) of this commit to compare with, instead of making the first
#   --only   build and compare one program alone
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
name=reproduce
# shellcheck source=packaging/tools.sh
. "$here/tools.sh"
with='' only=''
while [ $# -gt 1 ]; do
  case "$1" in
    --with) with="$(realpath "$2")" ;;
    --only) only="$2" ;;
    *) fail "what is $1?" ;;
  esac
  shift 2
done
[ $# = 0 ] || fail 'usage: reproduce.sh [--with DIR] [--only x86_64|aarch64]'
cd "$here/.."
[ -z "$(git status --porcelain)" ] || fail 'commit first: a release is made of a commit'
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# A release, or one program of it, made in a clone of its own at $1. What is built lies where no blank is in the path: flags for C are
# told apart by blanks.
make_at() {
  local folder="$1" to="$2" built="$2.built"
  git clone -q --no-hardlinks . "$folder"
  say "building in $folder"
  (
    export HOZEN_STATIC_TARGET_DIR="$built"
    cd "$folder"
    if [ -n "$only" ]; then
      HOZEN_BUILD_COMMIT="$(git rev-parse HEAD)" packaging/build-static.sh --to "$to" "$only-unknown-linux-musl" >&2
    else
      packaging/dist.sh --to "$to" >&2
    fi
  )
  rm -rf "$built"
}

if [ -z "$with" ]; then
  make_at "$work/one" "$work/first"
  with="$work/first"
fi
make_at "$work/another/folder/than the first" "$work/second"
(cd "$with" && find . -type f ! -name SHA256SUMS.sig -print0 | sort -z | xargs -0 sha256sum) >"$work/first.sums"
(cd "$work/second" && find . -type f -print0 | sort -z | xargs -0 sha256sum) >"$work/second.sums"
diff "$work/first.sums" "$work/second.sums" || fail 'the two are not the same'
cat "$work/second.sums"
say 'the same bytes'
