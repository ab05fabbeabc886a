#!/usr/bin/env bash
# Gets what the tests need to boot real kernels in QEMU: Debian's cloud kernels for x86_64 and arm64 with their modules, and for
# x86_64 LiME, a module that hides, one that patches the running kernel, one that only pretends to be LiME and one that shows memory as
# /dev/crash does, built for that kernel, and the programs with which others set a kernel up. Run once, as root on Debian 12; later
# calls find everything in place and end at once.
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
#   patching.ko   tests/vm/patching/patching.c
#   faulty.ko     tests/vm/faulty/lime.c: in the kernel its name is lime
#   crash.ko      tests/vm/crash/crash.c
#   tools/        iptables (both of them), arptables, nft, ipset and auditctl with their libraries, as they stand below /
#   arm64/        release, vmlinuz, config and modules/ of the arm64 kernel, and a busybox for it
#   versions      the packages these came from
#   recipe        digest of this script, of hiding/, patching/, faulty/ and crash/
# Nothing of LiME (GPL-2) is kept in this repository. The network is used through apt only.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
cache="${HOZEN_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hozen-vm}"
meta=linux-headers-cloud-amd64
packages=(qemu-system-x86 qemu-system-arm busybox-static kmod e2fsprogs make gcc "$meta")
results=(release vmlinuz System.map config modules/modules.dep lime.ko hiding.ko patching.ko faulty.ko crash.ko tools/sbin/auditctl
  arm64/release arm64/vmlinuz arm64/config arm64/modules/modules.dep arm64/busybox versions recipe)

say() { echo "vm: $*" >&2; }
fail() { say "$*"; exit 1; }

# What was made by another version of this script or of the modules is made again.
recipe() { cat "$0" "$here"/hiding/* "$here"/patching/* "$here"/faulty/* "$here"/crash/* | sha256sum | cut -d' ' -f1; }

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

# Downloads packages into $work and unpacks them below folder $1, without installing them: the machine keeps its own kernel
# and DKMS does not try to build for it. Options of apt stand in $apt.
apt=()
unpack() {
  local root="$1" file
  shift
  (cd "$work" && apt-get "${apt[@]}" download -q "$@" >&2) || fail "apt-get download $* failed; where a newer kernel is out, run $0 as root"
  for file in "$work"/*.deb; do
    dpkg-deb -x "$file" "$root"
    dpkg-deb -f "$file" Package Version | paste -sd' ' >>"$work/new/versions"
    rm "$file"
  done
}

# Builds module $2 in folder $1 against the headers of $release and puts it, stripped as DKMS does, in its place as $3.ko.
build_module() {
  local source="$1" name="$2" as="$3"
  make -s -C "/usr/src/linux-headers-$release" M="$source" modules >"$work/make.log" 2>&1 || { cat "$work/make.log" >&2; fail "$name.ko does not build for $release"; }
  strip --strip-debug -o "$work/new/$as.ko" "$source/$name.ko"
}

# Puts the kernel $2, unpacked below $1, into folder $3.
take_kernel() {
  local root="$1" release="$2" to="$3"
  cp "$root/boot/vmlinuz-$release" "$to/vmlinuz"
  cp "$root/boot/config-$release" "$to/config"
  depmod -b "$root" "$release"
  mv "$root/lib/modules/$release" "$to/modules"
  echo "$release" >"$to/release"
}

make_x86() {
  unpack "$work/root" "linux-image-$release" lime-forensics-dkms
  cp "$work/root/boot/System.map-$release" "$work/new/System.map"
  take_kernel "$work/root" "$release" "$work/new"
  say "building LiME, hiding.ko, patching.ko, faulty.ko and crash.ko for $release"
  build_module "$(echo "$work"/root/usr/src/lime-forensics-*)" lime lime
  cp -r "$here/hiding" "$here/patching" "$here/faulty" "$here/crash" "$work"
  build_module "$work/hiding" hiding hiding
  build_module "$work/patching" patching patching
  build_module "$work/faulty" lime faulty
  build_module "$work/crash" crash crash
}

# Programs of others, the packages that they and their libraries are in, and the folder of what iptables loads by itself.
tools=(usr/sbin/{xtables-legacy-multi,iptables-legacy,ip6tables-legacy,xtables-nft-multi,iptables-nft,arptables-legacy,nft,ipset} sbin/auditctl)
tool_packages=(iptables arptables nftables ipset auditd libaudit1 libauparse0 libbsd0 libc6 libcap-ng0 libedit2 libgmp10 libip4tc2 libip6tc2
  libipset13 libjansson4 libmd0 libmnl0 libnftables1 libnftnl11 libtinfo6 libxtables12)
extensions=usr/lib/x86_64-linux-gnu/xtables

# Takes the tools with all libraries that the loader says they need, none of them this machine's, and nothing else of the packages.
take_tools() {
  local from="$work/tools" to="$work/new/tools" loader=lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 tool library listed
  unpack "$from" "${tool_packages[@]}"
  mkdir -p "$to/lib64"
  cp "$from/$loader" "$to/lib64"
  for tool in "${tools[@]}"; do
    listed="$("$from/$loader" --inhibit-cache --library-path "$from/lib/x86_64-linux-gnu:$from/usr/lib/x86_64-linux-gnu" --list "$from/$tool")"
    while read -r library; do
      [[ "$library" == "$from"/* ]] || fail "$tool: no package has $library"
      (cd "$from" && cp -L --parents "${library#"$from/"}" "$to")
    done < <(echo "$listed" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p')
    (cd "$from" && cp -d --parents "$tool" "$to")
  done
  (cd "$from" && cp -r --parents "$extensions" "$to")
}

# apt is shown a second architecture with lists of its own: what the machine knows of architectures stays as it is.
make_arm64() {
  local lists="$work/apt/lists" archives="$work/apt/cache/archives" kernel
  mkdir -p "$lists/partial" "$archives/partial" "$work/new/arm64"
  apt=(-o APT::Architectures::=amd64 -o APT::Architectures::=arm64 -o "Dir::State::lists=$lists" -o "Dir::Cache=$work/apt/cache" -o APT::Sandbox::User=
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
  apt-get "${apt[@]}" update -q >&2
  kernel="$(apt-cache "${apt[@]}" show --no-all-versions linux-image-cloud-arm64:arm64 | grep -o 'linux-image-[0-9][^ ,]*' | head -n 1)"
  [ -n "$kernel" ] || fail "apt knows no linux-image-cloud-arm64"
  unpack "$work/arm64" "$kernel:arm64" busybox-static:arm64
  take_kernel "$work/arm64" "${kernel#linux-image-}" "$work/new/arm64"
  cp "$work/arm64/bin/busybox" "$work/new/arm64/busybox"
}

make_all() {
  mkdir "$work/new"
  make_x86
  take_tools
  make_arm64
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
# The release goes last: where it is, all is.
parts=(modules vmlinuz System.map config lime.ko hiding.ko patching.ko faulty.ko crash.ko tools arm64 versions recipe release)
for file in release "${parts[@]}"; do rm -rf "${cache:?}/$file"; done
for file in "${parts[@]}"; do mv "$work/new/$file" "$cache/$file"; done
say "ready in $cache ($release)"
