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
unpack() {
  python3 - "$folder" "$unpacked" <<'PYTHON'
import pathlib, platform, sys, zipfile
folder, to = sys.argv[1:]
key = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
[name] = pathlib.Path(folder).glob(f"hozen-*-{key}.zip")
with zipfile.ZipFile(name) as archive:
    archive.extractall(to)  # without modes: the scripts must not need them
PYTHON
}
unpack
script() { (cd "$unpacked" && env -i HOZEN_ROOT="$HOZEN_ROOT" BWS_ACTION_NAME="$1" dash "$1.sh"); }
state() { (cd "$HOZEN_ROOT" && find . -printf '%p %m %l\n' | LC_ALL=C sort); }

script install
[ "$("$HOZEN_ROOT/opt/hozen/bin/hozen" version)" = "hozen $(cat "$unpacked/VERSION")" ] || fail 'it does not run'
[ "$(readlink "$HOZEN_ROOT/usr/local/bin/hozen")" = /opt/hozen/bin/hozen ] || fail 'no link'
# It collects, and what it brought is there.
installed="$HOZEN_ROOT/opt/hozen/bin/hozen" code=0
"$installed" collect --profile volatile --only context,mounts --case PACKAGE --to "$work/evidence" >"$work/result" 2>"$work/said" || code=$?
case "$code" in 0|10|11) ;; *) fail "collect ended with $code: $(cat "$work/said")" ;; esac
"$installed" verify "$work/evidence" >"$work/report" || fail "its evidence does not verify: $(cat "$work/report")"
store() { "$installed" modules verify --store "$HOZEN_ROOT/usr/lib/hozen/modules" --modules-key "$HOZEN_ROOT/etc/hozen/modules.pub" >"$work/said" 2>&1; }
[ ! -e "$unpacked/modules.tar" ] || store || fail "the module store: $(cat "$work/said")"
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

# A store that somebody else has laid there stays, and is not ours to remove.
script uninstall
mkdir -p "$HOZEN_ROOT/usr/lib/hozen/modules"
echo other >"$HOZEN_ROOT/usr/lib/hozen/modules/index"
unpack
script install 2>/dev/null
script uninstall
[ "$(cat "$HOZEN_ROOT/usr/lib/hozen/modules/index")" = other ] || fail "somebody else's store was touched"

# The publisher, with a command line of AWS that notes what it is asked and knows, or does not know, the document.
cat >"$work/aws" <<'SH'
#!/bin/sh
echo "$*" >>"$ASKED"
case "$*" in
  *'--query Document.DocumentVersion'*) echo 7 ;;
  'ssm describe-document'*) [ -n "${THERE:-}" ] ;;
esac
SH
chmod +x "$work/aws"
publish() { : >"$work/asked"; ASKED="$work/asked" PATH="$work:$PATH" dash "$here/../../packaging/distributor/publish.sh" "$@" s3://bucket/x "$folder" >"$work/said"; }
version="$(cat "$unpacked/VERSION")"
publish
! grep -vq 'ssm describe-document' "$work/asked" || fail "it did something without --yes: $(cat "$work/asked")"
grep -q "would run: aws ssm create-document --name Hozen --document-type Package --version-name $version" "$work/said" || fail "$(cat "$work/said")"
publish --yes --share 111122223333
[ "$(grep -c '^s3 cp .*\.zip s3://bucket/x/hozen-.*\.zip$' "$work/asked")" = 2 ] || fail "$(cat "$work/asked")"
grep -q "^ssm create-document .*--attachments Key=SourceUrl,Values=s3://bucket/x --content file://$folder/manifest.json$" "$work/asked" || fail "$(cat "$work/asked")"
grep -q '^ssm modify-document-permission --name Hozen .*111122223333$' "$work/asked" || fail "$(cat "$work/asked")"
THERE=yes publish --yes
grep -q "^ssm update-document --name Hozen --version-name $version " "$work/asked" || fail "$(cat "$work/asked")"
grep -q '^ssm update-document-default-version --name Hozen --document-version 7$' "$work/asked" || fail "$(cat "$work/asked")"
echo 'distributor: as it should be'
