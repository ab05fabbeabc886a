#!/usr/bin/env bash
# What is shipped, made of the static programs that tests/vm/static.sh has built, and treated as those treat it who get it: made twice
# and compared, signed and tampered with, installed, run, upgraded, removed; on a host where everything is planted.
#
# usage: tests/packages/run.sh [--prepare] [--binaries DIR]
#   --prepare    installs what is needed, and no more
#   --binaries   DIR/x86_64/hozen and DIR/aarch64/hozen; default: static beside target/debug
set -euo pipefail
cd "$(dirname "$0")/../.."
binaries="${CARGO_TARGET_DIR:-target}/static"
prepare=
[ "${1:-}" != --prepare ] || { prepare=yes; shift; }
[ "${1:-}" != --binaries ] || binaries="$2"

# A layer that cannot run says why.
skip() {
  echo "skipped: tests/packages need $*" >&2
  [ -z "${HOZEN_NO_SKIP:-}" ] || exit 1
  exit 0
}
[ "$(id -u)" = 0 ] || skip root
command -v apt-get >/dev/null || skip 'Debian or Ubuntu'
[ -x "$binaries/x86_64/hozen" ] && [ -x "$binaries/aarch64/hozen" ] || skip "$binaries/{x86_64,aarch64}/hozen: run tests/vm/static.sh"
missing=()
for pair in lintian:lintian rpm:rpm rpmlint:rpmlint mmdebstrap:mmdebstrap dash:dash busybox:busybox-static cc:gcc qemu-aarch64-static:qemu-user-static; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
if [ "${#missing[@]}" -gt 0 ]; then
  apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
fi
[ -z "$prepare" ] || exit 0

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
fail() { echo "packages: $*" >&2; exit 1; }
dist="$work/dist"
packaging/dist.sh --binaries "$binaries" --to "$dist" >/dev/null 2>"$work/said" || fail "$(cat "$work/said")"
packaging/dist.sh --binaries "$binaries" --to "$work/again" >/dev/null 2>"$work/said" || fail "$(cat "$work/said")"
diff -r "$dist" "$work/again" || fail 'a second time, of the same programs, the bytes are others'

lintian --fail-on error,warning "$dist"/*.deb 2>&1 | { ! grep '^[EW]:'; } || fail 'lintian'
rpmlint -c packaging/packages/rpmlint.toml "$dist"/*.rpm >"$work/said" || fail "$(cat "$work/said")"

# What a signature is worth: it holds, and no longer holds when a byte is changed.
export HOZEN_PASS=pass:test
packaging/sign.sh keygen "$work/key" >/dev/null 2>&1
packaging/sign.sh sign "$work/key" "$dist"
packaging/sign.sh verify "$work/key.pub" "$dist" >/dev/null
cp -r "$dist" "$work/tampered"
printf x >>"$work/tampered/NOTICES"
! packaging/sign.sh verify "$work/key.pub" "$work/tampered" >/dev/null 2>&1 || fail 'a changed file was verified'
(cd "$work/tampered" && sha256sum NOTICES >SHA256SUMS)
! packaging/sign.sh verify "$work/key.pub" "$work/tampered" >/dev/null 2>&1 || fail 'other sums were verified'

# The bill of materials and the list inside of the program name the same crates.
objcopy -O binary --only-section=.dep-v0 --set-section-flags .dep-v0=alloc "$dist/hozen-$(uname -m)" "$work/dep-v0"
python3 tests/packages/crates.py "$work/dep-v0" "$dist"/hozen-*.cdx.json

# The kit, opened as a responder would.
tar -xf "$dist"/hozen-kit-*.tar -C "$work"
(cd "$work"/hozen-kit-* && sha256sum --quiet -c SHA256SUMS && "./hozen-$(uname -m)" version >/dev/null) || fail 'the kit'

tests/packages/distributor.sh "$dist/distributor" >"$work/said" || fail "$(cat "$work/said")"
tests/packages/roots.sh "$dist"
tests/packages/planted.sh "$dist/hozen-$(uname -m)"
without="${CARGO_TARGET_DIR:-target}/debug/without"
if [ -x "$without" ]; then
  tests/packages/kernels.sh "$dist/hozen-$(uname -m)" "$without"
else
  skip "$without: cargo build --workspace --bins"
fi
echo 'packages: as they should be'
