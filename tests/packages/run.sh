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
for pair in zstd:zstd openssl:openssl jq:jq lintian:lintian rpm:rpm rpmlint:rpmlint mmdebstrap:mmdebstrap dash:dash busybox:busybox-static cc:gcc qemu-aarch64-static:qemu-user-static; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
if [ "${#missing[@]}" -gt 0 ]; then
  apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
fi
# cargo-audit, cargo-deny, the official schemas of CycloneDX, and what judges by them.
# shellcheck source=packaging/tools.sh
name=packages here="$PWD/packaging" && . packaging/tools.sh
tools="$(python_tools tests/packages/requirements.txt bill)" || skip 'the package index'
[ -z "$prepare" ] || exit 0

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
# A key that signs releases, and a store with one module: as far as it speaks of itself, for a kernel that there is not.
export HOZEN_PASS=pass:test
packaging/sign.sh keygen "$work/key" >/dev/null 2>&1
echo 'const char modinfo[] __attribute__((section(".modinfo"))) = "name=lime\0vermagic=6.1.0-packages SMP preempt mod_unload ";' |
  cc -xc -c -o "$work/lime.ko" -
own="$binaries/$(uname -m)/hozen"
"$own" modules keygen --key "$work/modules.key" >/dev/null
"$own" modules add --store "$work/modules" --key "$work/modules.key" "$work/lime.ko" >/dev/null

dist="$work/dist"
with=(--binaries "$binaries" --modules "$work/modules" --modules-key "$work/modules.pub" --release-key "$work/key.pub")
packaging/dist.sh "${with[@]}" --to "$dist" >/dev/null 2>"$work/said" || fail "$(cat "$work/said")"
packaging/dist.sh "${with[@]}" --to "$work/again" >/dev/null 2>"$work/said" || fail "$(cat "$work/said")"
diff -r "$dist" "$work/again" || fail 'a second time, of the same programs, the bytes are others'

lintian --fail-on error,warning "$dist"/*.deb 2>&1 | { ! grep '^[EW]:'; } || fail 'lintian'
rpmlint -c packaging/packages/rpmlint.toml "$dist"/*.rpm >"$work/said" || fail "$(cat "$work/said")"

# What a signature is worth: it holds, and no longer holds when a byte is changed.
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
# A reader by others finds the list, and by an advisory that is made up a crate of it.
mkdir -p "$work/advisories/crates/zstd-sys"
cat >"$work/advisories/crates/zstd-sys/RUSTSEC-2000-0001.md" <<'ADVISORY'
```toml
[advisory]
id = "RUSTSEC-2000-0001"
package = "zstd-sys"
date = "2000-01-01"

[versions]
patched = []
```

# Made up
ADVISORY
for arch in x86_64 aarch64; do
  ! "$tools/bin/cargo-audit" audit --no-fetch --stale --db "$work/advisories" bin "$dist/hozen-$arch" >"$work/said" 2>&1 || fail "no advisory in hozen-$arch"
  grep -q "Found 'cargo auditable' data" "$work/said" && grep -q RUSTSEC-2000-0001 "$work/said" || fail "$(cat "$work/said")"
done
"$tools/bin/python" tests/packages/bill.py "$dist"/hozen-*.cdx.json

# What the project may depend on, by the tool that deny.toml is written for; with one licence less it refuses.
deny() { "$tools/bin/cargo-deny" deny --locked --config "$1" check --hide-inclusion-graph bans licenses sources >"$work/said" 2>&1; }
deny deny.toml || fail "$(cat "$work/said")"
grep -v '"ISC"' deny.toml >"$work/deny.toml"
! deny "$work/deny.toml" || fail 'cargo-deny lets a licence pass that is not allowed'

# What the program says of itself is so.
"$dist/hozen-$(uname -m)" version --verbose >"$work/said"
for line in 'commit     .' 'toolchain  rustc .*zig' "target     $(uname -m)-.*musl" 'features   static' \
  "sha256     $(sha256sum <"$dist/hozen-$(uname -m)" | cut -d ' ' -f 1)"; do
  grep -q "^$line" "$work/said" || fail "not a word of '$line': $(cat "$work/said")"
done

tests/packages/kit.sh "$dist"/hozen-kit-*.tar "$work/key.pub"

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
