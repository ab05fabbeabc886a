#!/bin/sh
# Installs Hozen from the folder that this script lies in: what AWS-ConfigureAWSPackage runs, as root, with whatever `sh` is.
# It starts nothing that stays, asks no network, and may be run again at any time.
set -eu
umask 022
PATH=/usr/sbin:/usr/bin:/sbin:/bin
here="$(cd "$(dirname "$0")" && pwd)"
root="${HOZEN_ROOT:-}" # for tests
home="$root/opt/hozen"
link="$root/usr/local/bin/hozen"

fail() {
  echo "hozen: $*" >&2
  exit 1
}

# Whether the program of this package runs here and is whole, before anything is replaced.
check() {
  (cd "$here" && sha256sum -c SHA256SUMS >/dev/null) || fail "this package is damaged: sha256sum -c SHA256SUMS fails in $here"
  said="$("$1" version 2>&1)" || fail "the program does not run on this $(uname -m): $said"
  [ "$said" = "hozen $(cat "$here/VERSION")" ] || fail "this is not version $(cat "$here/VERSION"): $said"
}

# Puts a file into its place in one step, so that a run that is going on keeps its own.
place() {
  cp "$here/$1" "$2.new"
  chmod "$3" "$2.new"
  mv -f "$2.new" "$2"
}

chmod 0755 "$here/hozen"
check "$here/hozen"
mkdir -p "$home/bin" "$root/etc/hozen" "$root/usr/local/bin" "$root/usr/lib/hozen"
place hozen "$home/bin/hozen" 0755
place build-module.sh "$home/build-module.sh" 0755
for text in LICENSE-MIT LICENSE-APACHE NOTICES VERSION; do
  place "$text" "$home/$text" 0644
done
# What an administrator has changed stays.
[ -e "$root/etc/hozen/hozen.toml" ] || place hozen.toml "$root/etc/hozen/hozen.toml" 0644
store="$root/usr/lib/hozen/modules"
if [ -e "$here/modules.tar" ] && [ -e "$store" ] && [ ! -e "$home/modules.ours" ]; then
  echo "hozen: a module store is there already, in $store; it stays" >&2
elif [ -e "$here/modules.tar" ]; then
  rm -rf "$home/modules.new"
  mkdir "$home/modules.new"
  tar -xf "$here/modules.tar" -C "$home/modules.new"
  rm -rf "$store"
  mv "$home/modules.new" "$store"
  place modules.pub "$root/etc/hozen/modules.pub" 0644
  : >"$home/modules.ours"
fi
# A file of another package is not ours to replace.
if [ ! -e "$link" ] || [ -L "$link" ]; then
  ln -sf /opt/hozen/bin/hozen "$link.new"
  mv -f "$link.new" "$link"
fi
check "$home/bin/hozen"
echo "hozen $(cat "$here/VERSION") is installed as /opt/hozen/bin/hozen"
