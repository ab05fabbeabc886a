#!/usr/bin/env bash
# What an intruder has planted for every program of the host to load: a name service, a preloaded library, and both again through the
# environment. The shipped program loads none of it. (Roots of trust, proxies and name servers: tests/tests/way.rs.)
#
# usage: planted.sh PROGRAM     (a static hozen for this machine)
set -euo pipefail
program="$(realpath "$1")"
fail() { echo "planted: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail 'needs root'
kept="${HOZEN_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/hozen-roots}/bookworm.tar"
[ -e "$kept" ] || fail "$kept is not there: roots.sh makes it"
work="$(mktemp -d)"
root="$work/root"
clean() {
  ! mountpoint -q "$root/proc" || umount "$root/proc"
  rm -rf --one-file-system "$work"
}
trap clean EXIT
mkdir "$root"
tar -xf "$kept" -C "$root" --exclude='./dev/*'
cp "$program" "$root/usr/bin/hozen"
mount -t proc proc "$root/proc"

# Leaves a file wherever it is loaded.
cat >"$work/evil.c" <<'C'
#include <fcntl.h>
__attribute__((constructor)) static void loaded(void) { open("/loaded", O_CREAT | O_WRONLY, 0600); }
C
cc -shared -fPIC -o "$root/usr/lib/libnss_evil.so.2" "$work/evil.c"
cp "$root/usr/lib/libnss_evil.so.2" "$root/usr/lib/evil.so"
sed -i 's/^\(passwd\|group\|shadow\|hosts\):.*/\1: evil files/' "$root/etc/nsswitch.conf" 2>/dev/null || true
printf 'passwd: evil files\ngroup: evil files\nhosts: evil files dns\n' >>"$root/etc/nsswitch.conf"

# The counter-check: a program of the host does load it, or nothing is shown here.
chroot "$root" getent passwd nosuchuser >/dev/null || true
[ -e "$root/loaded" ] || fail 'the name service was not loaded even by getent'
rm "$root/loaded"
echo /usr/lib/evil.so >"$root/etc/ld.so.preload"
chroot "$root" /bin/true
[ -e "$root/loaded" ] || fail 'the preloaded library was not loaded even by true'
rm "$root/loaded"

# The host's env would load it: a static busybox of this machine starts the program in its place.
cp "$(command -v busybox)" "$root/busybox"
hozen() { chroot "$root" /busybox env -i LD_PRELOAD=/usr/lib/evil.so LD_LIBRARY_PATH=/usr/lib LD_AUDIT=/usr/lib/evil.so /usr/bin/hozen "$@"; }
code=0
hozen collect --profile triage --memory off --skip logs,packages,executables,hidden_files --case PLANTED --to /evidence >"$work/result" 2>"$work/said" || code=$?
case "$code" in 0|10|11) ;; *) fail "collect ended with $code: $(cat "$work/said")" ;; esac
hozen verify /evidence >"$work/report" || fail "its evidence does not verify: $(cat "$work/report")"
hozen preflight >/dev/null || true
code=0
hozen preflight --to s3://bucket/x --region eu-central-1 --endpoint-url http://127.0.0.1:9 --path-style --imds-endpoint off --retry-for 1s \
  >/dev/null 2>"$work/said" || code=$?
[ "$code" != 40 ] || fail "the bucket was not even tried: $(cat "$work/said")"
[ ! -e "$root/loaded" ] || fail "something of the host's was loaded into the program"
echo 'planted: nothing of it was loaded'
