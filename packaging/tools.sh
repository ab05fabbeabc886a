# What the scripts of this folder share; they source it. `name` is what they call themselves, `here` this folder.
# shellcheck shell=bash

say() { echo "${name:?}: $*" >&2; }
fail() { say "$*"; exit 1; }

# Where tools and built crates are kept between runs.
tools_base() {
  local base="${HOZEN_STATIC_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/hozen-static}"
  mkdir -p "$base"
  (cd "$base" && pwd)
}

# Installs those of Debian's packages that are missing.
need() {
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || fail "not installed: ${missing[*]}. Install them, or run $0 as root"
  say "installing ${missing[*]}"
  apt-get update -q >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
}

# Installs what a requirements file pins by hash, into a folder of its own, named by what is in it; prints the folder.
python_tools() {
  local requirements="$1" base tools
  base="$(tools_base)"
  tools="$base/$2-$(sha256sum <"$requirements" | cut -c1-16)"
  exec 9>"$base/.lock"
  flock 9
  if [ ! -e "$tools/.complete" ]; then
    rm -rf "$tools"
    # Each step by hand: in a command substitution `set -e` is not in force, and half a folder would pass for a whole one for ever.
    { python3 -m venv "$tools" &&
      "$tools/bin/pip" install -q --disable-pip-version-check --require-hashes --only-binary :all: -r "$requirements" &&
      touch "$tools/.complete"; } >&2 || fail "cannot be installed: $requirements"
  fi
  exec 9>&-
  echo "$tools"
}
