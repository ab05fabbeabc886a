#!/usr/bin/env bash
# Builds LiME for one kernel and adds it to a module store. Runs on a clean builder, never on a suspect host: it needs a compiler,
# the headers of that kernel and the key that signs the store.
#
# usage: build-module.sh --store DIR --key FILE [options]
#   --release R         release of the kernel (uname -r); default: the running one
#   --headers DIR       its headers; default: the first of /lib/modules/R/build, /usr/src/linux-headers-R, /usr/src/kernels/R
#   --source DIR        LiME's source (main.c and Makefile); default: Debian's package lime-forensics-dkms, through apt-get download
#   --lime-version V    its version; default: what the source says
#   --vmlinuz FILE      the kernel itself, to bind the module to its BUILD-ID
#   --build-id HEX      the BUILD-ID, where it is known (`hozen modules match` on a host prints it)
#   --arch A            x86_64 or aarch64; default: this machine. For another one set CROSS_COMPILE
#   --hozen FILE        the program; default: hozen in PATH
#   --replace           take the place of a module for the same kernel
#
# Exit codes: 0 added, 1 it does not build or is refused, 2 wrong use or a tool is missing, 3 LiME's source cannot be had.
# Nothing is installed and nothing is loaded. Nothing of LiME (GPL-2) is kept in this repository; README.md says more.
set -euo pipefail
export LC_ALL=C

say() { echo "build-module: $*" >&2; }
fail() { local code="$1"; shift; say "$*"; exit "$code"; }

store='' key='' release="$(uname -r)" headers='' source='' lime_version='' vmlinuz='' build_id='' arch="$(uname -m)" hozen=hozen
replace=()
while [ $# -gt 0 ]; do
  case "$1" in
    --replace) replace=(--replace); shift; continue ;;
    --help|-h) sed -n '2,18s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --store|--key|--release|--headers|--source|--lime-version|--vmlinuz|--build-id|--arch|--hozen) ;;
    *) fail 2 "what is $1? See $0 --help" ;;
  esac
  [ $# -ge 2 ] || fail 2 "$1 needs a value"
  name="${1#--}"
  printf -v "${name//-/_}" '%s' "$2"
  shift 2
done
[ -n "$store" ] && [ -n "$key" ] || fail 2 "--store and --key are needed. See $0 --help"
[ -z "$vmlinuz" ] || [ -z "$build_id" ] || fail 2 "give --vmlinuz or --build-id, not both"
cross="${CROSS_COMPILE:-}"
case "$arch" in
  x86_64) kernel_arch=x86_64 ;;
  aarch64) kernel_arch=arm64 ;;
  *) fail 2 "--arch $arch: there are x86_64 and aarch64" ;;
esac
for tool in make "${cross}gcc" "${cross}strip" "$hozen"; do
  command -v "$tool" >/dev/null || fail 2 "$tool is not installed"
done
if [ -z "$headers" ]; then
  for folder in "/lib/modules/$release/build" "/usr/src/linux-headers-$release" "/usr/src/kernels/$release"; do
    [ ! -f "$folder/Makefile" ] || { headers="$folder"; break; }
  done
fi
[ -f "$headers/Makefile" ] || fail 2 "no headers of kernel $release: install them (README.md says how), or give --headers DIR"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# Puts LiME's source into $work/src and its version into $lime_version.
get_source() {
  local from="$source" package
  if [ -z "$from" ]; then
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail 3 "there is no apt here: give LiME's source with --source DIR"
    (cd "$work" && apt-get download -q lime-forensics-dkms >&2) || fail 3 "apt-get download lime-forensics-dkms failed"
    for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/package"; done
    from="$(echo "$work"/package/usr/src/lime-forensics-*)"
  fi
  [ -f "$from/main.c" ] && [ -f "$from/Makefile" ] || fail 3 "$from is not LiME's source: it has no main.c and Makefile"
  cp -rL "$from" "$work/src"
  if [ -z "$lime_version" ] && [ -f "$work/src/dkms.conf" ]; then
    lime_version="$(sed -n 's/^PACKAGE_VERSION="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$work/src/dkms.conf" | head -n 1)"
  fi
  if [ -z "$lime_version" ] && command -v git >/dev/null; then
    lime_version="$(git -C "$from" describe --always --dirty 2>/dev/null || true)"
  fi
}

# The BUILD-ID that an ELF file says of itself; nothing where it is none.
note_of() { "${cross}readelf" -n "$1" 2>/dev/null | sed -n 's/^ *Build ID: *\([0-9a-f]*\)$/\1/p' | head -n 1 || true; }

# The BUILD-ID of the kernel in the file $1. A bootable kernel has the ELF file packed in it: wherever a known kind of packing
# seems to begin, it is unpacked, until what comes out says its BUILD-ID.
build_id_of() {
  local id magic unpack offset
  id="$(note_of "$1")"
  while [ -z "$id" ] && read -r magic unpack; do
    for offset in $(grep -aboP "$magic" "$1" | cut -d: -f1); do
      # What stands behind the packed part makes every tool complain.
      tail -c "+$((offset + 1))" "$1" | $unpack >"$work/vmlinux" 2>/dev/null || true
      id="$(note_of "$work/vmlinux")"
      [ -z "$id" ] || break
    done
  done <<'TABLE'
\x1f\x8b\x08 gzip -dc
\xfd7zXZ\x00 xz -dc --single-stream
\x28\xb5\x2f\xfd zstd -dcq
\x02\x21\x4c\x18 lz4 -dc
BZh bzip2 -dc
\x5d\x00\x00\x00 xz -dc --format=lzma
TABLE
  echo "$id"
}

# Text for people: what the module was built with.
how() {
  local owner
  owner="$(dpkg-query -S "$(readlink -f "$headers")" 2>/dev/null | sed 's/:.*//' | head -n 1 || true)"
  [ -n "$owner" ] || owner="$(rpm -qf "$(readlink -f "$headers")" 2>/dev/null | head -n 1 || true)"
  echo "$("${cross}gcc" --version | head -n 1); -DLIME_DEBUG; headers ${owner:-$headers}"
}

get_source
if [ -n "$vmlinuz" ]; then
  command -v "${cross}readelf" >/dev/null || fail 2 "${cross}readelf is not installed"
  [ -f "$vmlinuz" ] || fail 2 "$vmlinuz is not there"
  build_id="$(build_id_of "$vmlinuz")"
  [ -n "$build_id" ] || fail 1 "no BUILD-ID found in $vmlinuz; give --build-id HEX"
fi

# Only a debug build tells in the kernel's log that it skipped a range; else it says that all went well.
say "building LiME ${lime_version:-of unknown version} for $arch kernel $release"
make -s -C "$headers" M="$work/src" ARCH="$kernel_arch" CROSS_COMPILE="$cross" KCFLAGS=-DLIME_DEBUG modules >"$work/make.log" 2>&1 \
  || { cat "$work/make.log" >&2; fail 1 "LiME does not build for kernel $release"; }
"${cross}strip" --strip-debug "$work/src/lime.ko"
grep -qF '[LiME]' "$work/src/lime.ko" || fail 1 "the module is no debug build: this source does not know LIME_DEBUG"

arguments=(--store "$store" --key "$key" --release "$release" --arch "$arch" --built "$(how)")
[ -z "$build_id" ] || arguments+=(--build-id "$build_id")
[ -z "$lime_version" ] || arguments+=(--lime-version "$lime_version")
"$hozen" modules add "${arguments[@]}" ${replace[@]+"${replace[@]}"} "$work/src/lime.ko" || fail 1 "the module is not added"
