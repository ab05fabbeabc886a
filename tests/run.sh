#!/usr/bin/env bash
# Runs every test, and installs what they need first: zstd, openssl, jq and a Python with venv (for DuckDB).
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
for pair in zstd:zstd openssl:openssl jq:jq sha256sum:coreutils python3:python3 cc:gcc; do
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

# The end-to-end tests run the binary itself.
cargo build --locked --workspace --bins
cargo test --locked --workspace "$@"
