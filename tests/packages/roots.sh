#!/usr/bin/env bash
# deb and rpm in roots of their own: installed, run, upgraded, removed, purged. Those for the other architecture are installed in an empty
# root and run by QEMU's emulation of its programs.
#
# usage: roots.sh FOLDER     (what packaging/dist.sh leaves)
#
# Debian's roots are made by mmdebstrap, once, and kept in $HOZEN_ROOTS (default: ${XDG_CACHE_HOME:-~/.cache}/hozen-roots).
set -euo pipefail
folder="$(realpath "$1")"
here="$(cd "$(dirname "$0")" && pwd)"
fail() { echo "roots: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail 'needs root'
case "$(uname -m)" in
  x86_64) deb=amd64 foreign=aarch64 foreign_deb=arm64 ;;
  aarch64) deb=arm64 foreign=x86_64 foreign_deb=amd64 ;;
  *) fail "no package for $(uname -m)" ;;
esac
work="$(mktemp -d)"
mounted=()
clean() {
  local point
  for point in "${mounted[@]}"; do umount "$point"; done
  rm -rf --one-file-system "$work"
}
trap clean EXIT

# The packages one release later, of packaging/packages/build.sh too. Their program is a line, quickly packed, which shows what runs.
next_release() {
  local stage="$work/stage" unpacked="$work/unpacked"
  mkdir "$work/next" "$stage" "$stage/man" "$stage/completions"
  dpkg-deb -x "$folder"/hozen_*_"$deb".deb "$unpacked"
  printf '#!/bin/sh\necho hozen 99.0.0\n' >"$stage/hozen-$(uname -m)"
  cp "$unpacked"/usr/share/man/man1/*.gz "$stage/man/"
  gunzip "$stage"/man/*.gz
  cp "$unpacked/usr/share/bash-completion/completions/hozen" "$stage/completions/hozen.bash"
  cp "$unpacked/usr/share/fish/vendor_completions.d/hozen.fish" "$unpacked/usr/share/zsh/vendor-completions/_hozen" "$stage/completions/"
  cp "$folder/NOTICES" "$stage/"
  PKG_VERSION=99.0.0 SOURCE_DATE_EPOCH=1 "$here/../../packaging/packages/build.sh" "$(uname -m)" "$stage" "$work/next" 2>"$work/said" ||
    fail "$(cat "$work/said")"
}

# A manual page and a completion for every command that the installed program knows.
knows_its_commands() {
  local command commands pages="$root/usr/share/man/man1"
  commands="$(chroot "$root" /usr/bin/hozen --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\) .*/\1/p' | grep -vx help)"
  [ "$(wc -l <<<"$commands")" -ge 10 ] || fail "commands: $commands"
  for command in $commands; do
    [ -s "$pages/hozen-$command.1.gz" ] || fail "no manual page of $command"
    for completion in bash-completion/completions/hozen fish/vendor_completions.d/hozen.fish "$1"; do
      grep -q "$command" "$root/usr/share/$completion" || fail "$completion does not know $command"
    done
  done
}

# A copy of a minimal Debian.
debian_root() {
  local release="$1" kept="${HOZEN_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/hozen-roots}"
  mkdir -p "$kept"
  if [ ! -e "$kept/$release.tar" ]; then
    mmdebstrap --quiet --variant=minbase "$release" "$kept/.$release.tar"
    mv "$kept/.$release.tar" "$kept/$release.tar"
  fi
  mkdir "$work/$release"
  tar -xf "$kept/$release.tar" -C "$work/$release" --exclude='./dev/*'
  root="$work/$release"
}

# The place for a module store is there, empty, and only root can lay anything into it: `hozen collect` looks there unless told otherwise.
has_a_place_for_modules() {
  local found
  found="$(LC_ALL=C stat -c '%F %a %u:%g' "$root/usr/lib/hozen/modules")" || fail "no folder for modules in $root"
  [ "$found" = 'directory 755 0:0' ] || fail "the folder for modules in $root: $found"
  [ -z "$(ls -A "$root/usr/lib/hozen/modules")" ] || fail "something lies in the folder for modules in $root"
}

# Collects, in the root, and verifies there; with an emulator, by that.
collects_in() {
  local code=0
  local hozen=("$@" /usr/bin/hozen)
  mount -t proc proc "$root/proc"
  mounted+=("$root/proc")
  chroot "$root" "${hozen[@]}" collect --profile volatile --only context,mounts --case PACKAGE --to /evidence >"$work/result" 2>"$work/said" || code=$?
  case "$code" in 0|10|11) ;; *) fail "collect ended with $code in $root: $(cat "$work/said")" ;; esac
  chroot "$root" "${hozen[@]}" verify /evidence >"$work/report" || fail "its evidence does not verify: $(cat "$work/report")"
  umount "$root/proc"
  mounted=()
  rm -rf "$root/evidence"
}

deb_lives_and_dies() {
  debian_root "$1"
  cp "$folder"/hozen_*_"$deb".deb "$root/hozen.deb"
  cp "$work/next"/hozen_*_"$deb".deb "$root/upgraded.deb"
  chroot "$root" dpkg -i /hozen.deb >/dev/null
  chroot "$root" dpkg -V hozen
  has_a_place_for_modules
  grep -q '^ /etc/hozen/hozen.toml' <<<"$(chroot "$root" dpkg-query -W -f '${Conffiles}\n' hozen)" || fail 'no conffile'
  knows_its_commands zsh/vendor-completions/_hozen
  collects_in
  echo '# ours' >>"$root/etc/hozen/hozen.toml"
  chroot "$root" dpkg -i /upgraded.deb >/dev/null
  [ "$(chroot "$root" hozen version)" = 'hozen 99.0.0' ] || fail 'the program was not upgraded'
  grep -q '^# ours' "$root/etc/hozen/hozen.toml" || fail 'the configuration was lost in an upgrade'
  chroot "$root" dpkg -r hozen >/dev/null
  [ ! -e "$root/usr/bin/hozen" ] && [ -e "$root/etc/hozen/hozen.toml" ] || fail 'removed too much or too little'
  chroot "$root" dpkg -P hozen >/dev/null
  left="$(find "$root" -xdev -path "$root/var/lib/dpkg" -prune -o -path '*hozen*' ! -path "$root/*.deb" -print)"
  [ -z "$left" ] || fail "left after purge: $left"
  echo "roots: deb in $1, as it should be"
}

rpm_lives_and_dies() {
  local package
  package="$(echo "$folder"/hozen-*."$(uname -m)".rpm)"
  root="$work/rpm"
  mkdir -p "$root/proc" "$root/etc"
  on() { rpm --root "$root" --dbpath /var/lib/rpm "$@"; }
  on --initdb
  # Nothing else is in this root; that the package wants nothing is checked here.
  wants="$(rpm -qp --requires "$package" 2>/dev/null | grep -v '^rpmlib(' || true)"
  [ -z "$wants" ] || fail "the rpm wants $wants"
  on -i --nodeps --nosignature "$package"
  on -V hozen
  has_a_place_for_modules
  [ "$(on -qc hozen)" = /etc/hozen/hozen.toml ] || fail 'no configuration file'
  knows_its_commands zsh/site-functions/_hozen
  collects_in
  echo '# ours' >>"$root/etc/hozen/hozen.toml"
  on -U --nodeps --nosignature "$work/next"/hozen-*.rpm
  [ "$(on -q --qf '%{version}' hozen)" = 99.0.0 ] && grep -q 'hozen 99' "$root/usr/bin/hozen" || fail 'the program was not upgraded'
  grep -q '^# ours' "$root/etc/hozen/hozen.toml" || fail 'the configuration was lost in an upgrade'
  on -e hozen 2>/dev/null
  [ ! -e "$root/usr/bin/hozen" ] && [ ! -e "$root/usr/lib/hozen" ] || fail 'the rpm left something'
  grep -q '^# ours' "$root/etc/hozen/hozen.toml.rpmsave" || fail 'the changed configuration was not kept'
  echo 'roots: rpm, as it should be'
}

# The packages of the other architecture hold its program, and that runs. No maintainer script runs here: there is none.
foreign_packages() {
  local emulator package
  emulator="$(command -v "qemu-$foreign-static")" || fail "qemu-$foreign-static is missing: qemu-user-static"
  for package in "$folder"/hozen_*_"$foreign_deb".deb "$folder"/hozen-*."$foreign".rpm; do
    root="$work/foreign-${package##*.}"
    mkdir -p "$root/proc" "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/info"
    touch "$root/var/lib/dpkg/status" "$root/var/lib/dpkg/available"
    case "$package" in
      *.deb)
        [ "$(dpkg-deb --ctrl-tarfile "$package" | tar -t | grep -cE '(pre|post)(inst|rm)$')" = 0 ] || fail "$package has scripts"
        dpkg --root="$root" --force-architecture --force-script-chrootless --log=/dev/null -i "$package" >/dev/null
        dpkg --root="$root" -V hozen
        ;;
      *.rpm) rpm --root "$root" --dbpath /var/lib/rpm -i --ignorearch --nodeps --nosignature "$package" ;;
    esac
    has_a_place_for_modules
    readelf -h "$root/usr/bin/hozen" | grep -qiE "Machine: .*(${foreign/_/-}|${foreign/x86_64/X86-64})" || fail "$package holds another architecture"
    cp "$emulator" "$root/emulator"
    collects_in /emulator
    echo "roots: ${package##*.} for $foreign, as it should be"
  done
}

next_release
for release in ${HOZEN_DEBIANS-bookworm trixie}; do deb_lives_and_dies "$release"; done
rpm_lives_and_dies
foreign_packages
