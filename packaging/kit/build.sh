#!/usr/bin/env bash
# Makes the kit to carry to a host by hand: one tar with the programs for both architectures, a card of what to type, the keys to
# verify with, and a module store if one is given. packaging/dist.sh calls it.
#
# usage: build.sh STAGE OUT [--modules DIR --modules-key FILE] [--release-key FILE]
#
# $SOURCE_DATE_EPOCH and $PKG_VERSION must be set.
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
name=kit
# shellcheck source=packaging/tools.sh
. "$here/tools.sh"
[ $# -ge 2 ] || fail 'usage: build.sh STAGE OUT [--modules DIR --modules-key FILE] [--release-key FILE]'
stage="$1" out="$2"
shift 2
: "${SOURCE_DATE_EPOCH:?}" "${PKG_VERSION:?}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
kit="$work/hozen-kit-$PKG_VERSION"
umask 022
mkdir -p "$kit/keys"
while [ $# -gt 1 ]; do
  case "$1" in
    --modules) cp -r "$2" "$kit/modules" ;;
    --modules-key) cp "$2" "$kit/keys/modules.pub" ;;
    --release-key) cp "$2" "$kit/keys/release.pub" ;;
    *) fail "what is $1?" ;;
  esac
  shift 2
done
cp "$stage/hozen-x86_64" "$stage/hozen-aarch64" "$here/../docs/hozen.toml" "$here/../docs/verify-by-hand.sh" "$here/../LICENSE-MIT" \
  "$here/../LICENSE-APACHE" "$stage/NOTICES" "$kit/"
sed "s/@VERSION@/$PKG_VERSION/g" "$here/kit/CARD.txt" >"$kit/CARD.txt"
find "$kit" -type f -exec chmod 0644 {} +
chmod 0755 "$kit/hozen-x86_64" "$kit/hozen-aarch64"
(cd "$kit" && find . -type f ! -name SHA256SUMS -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum >SHA256SUMS)
# A plain tar: what is to be opened on a strange machine wants no decompressor.
tar -C "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=ustar \
  -cf "$out/hozen-kit-$PKG_VERSION.tar" "hozen-kit-$PKG_VERSION"
