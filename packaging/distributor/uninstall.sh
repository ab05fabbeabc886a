#!/bin/sh
# Removes what install.sh has laid down; may be run again. A configuration that was changed stays, as everything that is not ours.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
here="$(cd "$(dirname "$0")" && pwd)"
root="${HOZEN_ROOT:-}" # for tests
home="$root/opt/hozen"
link="$root/usr/local/bin/hozen"

if [ -L "$link" ] && [ "$(readlink "$link")" = /opt/hozen/bin/hozen ]; then
  rm -f "$link"
fi
if [ -e "$home/modules.ours" ]; then
  rm -rf "$root/usr/lib/hozen/modules"
  rm -f "$root/etc/hozen/modules.pub"
fi
if cmp -s "$here/hozen.toml" "$root/etc/hozen/hozen.toml"; then
  rm -f "$root/etc/hozen/hozen.toml"
fi
rm -rf "$home"
# Only where nothing of others is in them.
rmdir "$root/etc/hozen" "$root/usr/lib/hozen" 2>/dev/null || true
echo "hozen is removed"
