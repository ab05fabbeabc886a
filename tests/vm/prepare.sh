#!/usr/bin/env bash
# Gets what the tests need to boot a real kernel in QEMU: Debian's cloud kernel with its modules, LiME and a module that hides,
# both built for that kernel. Run once, as root on Debian 12; later calls find everything in place and end at once.
#
# usage: tests/vm/prepare.sh [--again]      (--again: throw away what is there)
#
# Leaves in $HOZEN_VM_CACHE, or ${XDG_CACHE_HOME:-~/.cache}/hozen-vm:
#   release       the kernel's release, such as 6.1.0-56-cloud-amd64
#   vmlinuz       the kernel
#   System.map    its symbols (Debian ships a stub)
#   config        how it was built
#   modules/      its modules, as in /lib/modules/RELEASE, with modules.dep and modules.alias
#   lime.ko       LiME, built from Debian's lime-forensics-dkms
#   hiding.ko     tests/vm/hiding/hiding.c
#   versions      the packages these came from
#   recipe        digest of this script and of hiding/
# Nothing of LiME (GPL-2) is kept in this repository. The network is used through apt only.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
cache="${HOZEN_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hozen-vm}"
meta=linux-headers-cloud-amd64
packages=(qemu-system-x86 busybox-static kmod e2fsprogs make gcc "$meta")
results=(release vmlinuz System.map config modules/modules.dep lime.ko hiding.ko versions recipe)

say() { echo "vm: $*" >&2; }
fail() { say "$*"; exit 1; }

# What was made by another version of this script or of hiding.c is made again.
recipe() { cat "$0" "$here"/hiding/* | sha256sum | cut -d' ' -f1; }

is_complete() {
  local file
  for file in "${results[@]}"; do [ -e "$cache/$file" ] || return 1; done
  [ "$(cat "$cache/recipe")" = "$(recipe)" ]
}

missing_packages() {
  local package
  for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}

# With everything in place this does nothing. Before a kernel is chosen the newest headers are installed, because apt offers only
# the newest image.
install_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  if [ "$(id -u)" != 0 ]; then
    [ "${#missing[@]}" = 0 ] || fail "not installed: ${missing[*]}. Install them, or run $0 as root"
  elif [ "${#missing[@]}" -gt 0 ] || ! is_complete; then
    say "installing ${packages[*]}"
    apt-get update -q >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}" >&2
  fi
}

# Downloads packages into $work and unpacks them below $work/root, without installing them: the machine keeps its own kernel
# and DKMS does not try to build for it.
unpack() {
  (cd "$work" && apt-get download -q "$@" >&2) || fail "apt-get download $* failed; where a newer kernel is out, run $0 as root"
  local file
  for file in "$work"/*.deb; do
    dpkg-deb -x "$file" "$work/root"
    dpkg-deb -f "$file" Package Version | paste -sd' ' >>"$work/new/versions"
    rm "$file"
  done
}

# Builds the module in folder $1 against the headers of $release and puts $2.ko, stripped as DKMS does, in its place.
build_module() {
  local source="$1" name="$2"
  make -s -C "/usr/src/linux-headers-$release" M="$source" modules >"$work/make.log" 2>&1 || { cat "$work/make.log" >&2; fail "$name.ko does not build for $release"; }
  strip --strip-debug -o "$work/new/$name.ko" "$source/$name.ko"
}

make_all() {
  mkdir "$work/new"
  unpack "linux-image-$release" lime-forensics-dkms
  cp "$work/root/boot/vmlinuz-$release" "$work/new/vmlinuz"
  cp "$work/root/boot/System.map-$release" "$work/new/System.map"
  cp "$work/root/boot/config-$release" "$work/new/config"
  depmod -b "$work/root" "$release"
  mv "$work/root/lib/modules/$release" "$work/new/modules"
  say "building LiME and hiding.ko for $release"
  build_module "$(echo "$work"/root/usr/src/lime-forensics-*)" lime
  cp -r "$here/hiding" "$work/hiding"
  build_module "$work/hiding" hiding
  echo "$release" >"$work/new/release"
  recipe >"$work/new/recipe"
}

[ "$(uname -m)" = x86_64 ] || fail "this lab boots x86_64 kernels and builds their modules on x86_64 only"
codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")"
[ "$codename" = bookworm ] || fail "needs Debian 12 (bookworm), for the kernel, its headers and LiME come from its packages; this is $codename"

mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9
[ "${1:-}" != --again ] || rm -f "$cache/recipe"
install_packages
if is_complete; then
  say "ready in $cache ($(cat "$cache/release"))"
  exit 0
fi

release="$(dpkg-query -W -f '${Depends}' "$meta" | grep -o 'linux-headers-[^ ,]*' | head -n 1)"
release="${release#linux-headers-}"
[ -d "/usr/src/linux-headers-$release" ] || fail "no headers in /usr/src/linux-headers-$release"
work="$(mktemp -d "$cache/.work.XXXXXX")"
trap 'rm -rf "$work"' EXIT
make_all
rm -rf "${cache:?}"/{release,vmlinuz,System.map,config,modules,lime.ko,hiding.ko,versions,recipe}
# The release goes last: where it is, all is.
for file in modules vmlinuz System.map config lime.ko hiding.ko versions recipe release; do mv "$work/new/$file" "$cache/$file"; done
say "ready in $cache ($release)"
