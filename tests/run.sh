#!/usr/bin/env bash
# Runs every test, and installs what they need first: zstd, openssl, jq, readelf, g++, mactime, journalctl, rpmbuild, mkfs.ext4, npm, a Python with venv (for DuckDB, boto3, Volatility, dissect, plaso, case-utils, bagit and emulators of AWS), with tests/vm/prepare.sh
# QEMU and two kernels, and with tests/vm/static.sh what builds static programs. What cannot be had is skipped, loudly; with
# HOZEN_NO_SKIP set, as in CI, that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
for pair in zstd:zstd openssl:openssl jq:jq sha256sum:coreutils python3:python3 readelf:binutils cc:gcc g++:g++ mactime:sleuthkit journalctl:systemd rpmbuild:rpm mkfs.ext4:e2fsprogs npm:npm; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ "${#missing[@]}" -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -q && apt-get install -y -q --no-install-recommends "${missing[@]}"
  else
    echo "tests need: ${missing[*]} (install them, or run as root on Debian or Ubuntu)" >&2
    exit 1
  fi
fi

# One emulator wants a newer Python than Debian 12 has; where the distribution has one, it is taken from there.
if ! command -v python3.13 >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get install -y -q --no-install-recommends python3.13 python3.13-venv >/dev/null 2>&1 ||
    echo "no python3.13 in this distribution; localemu needs one, from pyenv if need be" >&2
fi

if ! tests/vm/prepare.sh; then
  [ -z "${HOZEN_NO_SKIP:-}" ] || exit 1
  echo "tests in tests/tests/vm*.rs will be skipped" >&2
fi
if ! tests/vm/static.sh; then
  [ -z "${HOZEN_NO_SKIP:-}" ] || exit 1
  echo "tests of static programs in guests will be skipped" >&2
fi

# The end-to-end tests run the binary itself.
cargo build --locked --workspace --bins

tests/packages/run.sh --prepare

# All of it: the tests of the workspace, what is shipped, fuzz targets, and the guests, on two lanes. With arguments: `cargo test` with them.
if [ $# -gt 0 ]; then
  exec cargo test --locked --workspace "$@"
fi
fuzz/run.sh --prepare
exec tests/lanes.py
