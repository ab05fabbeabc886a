#!/usr/bin/env bash
# Fills a new folder of cargo with what the newest of its neighbours has built of other people's crates, so that a lock file that
# changed in one line does not cost a build of everything. cargo decides by its own fingerprints what of it still holds. What belongs to
# the profile `release` is left out: what is shipped is built anew.
#
# usage: packaging/seed-cache.sh FOLDER     (does nothing where FOLDER exists, or has no neighbour that cargo has filled)
set -euo pipefail
[ $# = 1 ] || { sed -n 's/^# \{0,1\}usage: /usage: /p' "$0" >&2; exit 2; }
to="$(realpath -m "$1")"
[ ! -e "$to" ] || exit 0
from="$(find "$(dirname "$to")" -mindepth 2 -maxdepth 2 -name .rustc_info.json -printf '%T@ %h\n' 2>/dev/null | sort -n | tail -n 1 | cut -d' ' -f2-)"
[ -n "$from" ] || exit 0
echo "cache: begun with what $from has" >&2
mkdir -p "$to.begun"
# Programs and our own crates are left out: what is large and certain to be built again. Copied, as cargo writes some files in place.
(cd "$from" && find . -regex '.*/\(deps\|build\|\.fingerprint\)/.*' -type f ! -path '*/release/*' ! -path '*hozen*' ! -path '*/incremental/*' \
  \( -path '*/build/*' -o -path '*/.fingerprint/*' -o -name '*.rlib' -o -name '*.rmeta' -o -name '*.so' -o -name '*.d' \) -print0 |
  xargs -0r cp -p --parents -t "$to.begun")
mv "$to.begun" "$to"
