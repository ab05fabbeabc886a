#!/usr/bin/env bash
# Makes a deb and an rpm for one architecture. packaging/dist.sh calls it with what it has made.
#
# usage: build.sh ARCH STAGE OUT
#   ARCH    x86_64 or aarch64
#   STAGE   a folder with the program (hozen-ARCH), man/, completions/, NOTICES
#   OUT     gets the packages
#
# $SOURCE_DATE_EPOCH and $PKG_VERSION must be set. $HOZEN_MAINTAINER, 'NAME <ADDRESS>', says who answers for the packages; else it is the
# developers, at an address that can be nobody's (RFC 2606), because they have none.
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
name=packages
# shellcheck source=packaging/tools.sh
. "$here/tools.sh"
[ $# = 3 ] || fail 'usage: build.sh ARCH STAGE OUT'
case "$1" in
  x86_64) export PKG_ARCH=amd64 ;;
  aarch64) export PKG_ARCH=arm64 ;;
  *) fail "no package for $1" ;;
esac
: "${SOURCE_DATE_EPOCH:?}" "${PKG_VERSION:?}"
export PKG_VERSION PKG_MAINTAINER="${HOZEN_MAINTAINER:-Hozen developers <developers@hozen.invalid>}"
nfpm="$(python_tools "$here/packages/requirements.txt" nfpm)/bin/nfpm"
out="$(cd "$3" && pwd)"

layout() {
  local stage="$1" root="$here/.."
  cp "$stage/hozen-$arch" hozen
  cp -r "$stage/man" "$stage/completions" .
  gzip -9n man/*
  gzip -9nc "$stage/NOTICES" >NOTICES.gz
  cp "$root/docs/hozen.toml" "$root/LICENSE-MIT" "$root/LICENSE-APACHE" "$here/packages/lintian-overrides" .
  # At its place in a package a script names its interpreter by its path.
  sed '1s,.*,#!/bin/bash,' "$here/lime/build-module.sh" >build-module.sh
  copyright >copyright
  changelog | gzip -9n >changelog.Debian.gz
}

copyright() {
  printf '%s\n' 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/' 'Upstream-Name: Hozen' '' \
    'Files: *' 'Copyright: 2026 the Hozen authors' 'License: MIT or Apache-2.0' '' 'License: MIT'
  sed 's/^$/./; s/^/ /' "$here/../LICENSE-MIT"
  printf '%s\n' '' 'License: Apache-2.0' ' On Debian the text is in /usr/share/common-licenses/Apache-2.0.' '' \
    'Comment: The program has crates of others linked in; NOTICES.gz, beside this file, has their licences.'
}

changelog() {
  printf 'hozen (%s-1) unstable; urgency=medium\n\n  * What is new is in CHANGELOG.md of the release.\n\n -- %s  %s\n' \
    "$PKG_VERSION" "$PKG_MAINTAINER" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
}

arch="$1" stage="$(cd "$2" && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
umask 022
layout "$stage"
find . -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
for kind in deb rpm; do
  "$nfpm" package -f "$here/packages/nfpm.yaml" -p "$kind" -t "$out/" >&2
done
