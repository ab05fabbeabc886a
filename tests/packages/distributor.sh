#!/usr/bin/env bash
# The Distributor package, as the SSM agent treats it: unpacked into a folder of its version, its scripts run by dash in that folder.
#
# usage: distributor.sh FOLDER     (what packaging/dist.sh leaves in `distributor`)
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
folder="$(realpath "$1")"
fail() { echo "distributor: $*" >&2; exit 1; }
python3 "$here/agent.py" "$folder"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export HOZEN_ROOT="$work/root"
mkdir "$HOZEN_ROOT"
unpacked="$work/var/lib/amazon/ssm/packages/Hozen/1"
python3 - "$folder" "$unpacked" <<'PYTHON'
import os, pathlib, platform, sys, zipfile
folder, to = sys.argv[1:]
key = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
[name] = pathlib.Path(folder).glob(f"hozen-*-{key}.zip")
with zipfile.ZipFile(name) as archive:
    archive.extractall(to)  # without modes: the scripts must not need them
PYTHON
script() { (cd "$unpacked" && env -i HOZEN_ROOT="$HOZEN_ROOT" BWS_ACTION_NAME="$1" dash "$1.sh"); }
state() { (cd "$HOZEN_ROOT" && find . -printf '%p %m %l\n' | LC_ALL=C sort); }

script install
[ "$("$HOZEN_ROOT/opt/hozen/bin/hozen" version)" = "hozen $(cat "$unpacked/VERSION")" ] || fail 'it does not run'
[ "$(readlink "$HOZEN_ROOT/usr/local/bin/hozen")" = /opt/hozen/bin/hozen ] || fail 'no link'
first="$(state)"
script install
script update
[ "$(state)" = "$first" ] || fail 'a second installation is not the same as one'

# What was configured stays, through an update and through a removal.
echo '# ours' >>"$HOZEN_ROOT/etc/hozen/hozen.toml"
script update
grep -q '^# ours' "$HOZEN_ROOT/etc/hozen/hozen.toml" || fail 'the configuration was lost in an update'
script uninstall
script uninstall
[ ! -e "$HOZEN_ROOT/opt/hozen" ] && [ ! -L "$HOZEN_ROOT/usr/local/bin/hozen" ] || fail 'something is left'
grep -q '^# ours' "$HOZEN_ROOT/etc/hozen/hozen.toml" || fail 'the configuration was lost in a removal'
rm "$HOZEN_ROOT/etc/hozen/hozen.toml"

# All goes that came, and nothing else: a program of somebody's own stays.
script install
rm "$HOZEN_ROOT/usr/local/bin/hozen"
echo other >"$HOZEN_ROOT/usr/local/bin/hozen"
script update
script uninstall
[ "$(cat "$HOZEN_ROOT/usr/local/bin/hozen")" = other ] || fail "somebody else's program was replaced"
[ "$(find "$HOZEN_ROOT" -type f)" = "$HOZEN_ROOT/usr/local/bin/hozen" ] || fail "left: $(find "$HOZEN_ROOT" -type f)"

# A damaged package changes nothing.
script install
before="$(state)"
printf x >>"$unpacked/hozen"
! script update 2>"$work/said" || fail 'a damaged package was installed'
grep -q damaged "$work/said" || fail "it was refused for another reason: $(cat "$work/said")"
[ "$(state)" = "$before" ] || fail 'a damaged package changed something'
echo 'distributor: as it should be'
