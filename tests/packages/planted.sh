#!/usr/bin/env bash
# What an intruder has planted for every program of the host: a name service, a preloaded library, and both again through the
# environment; a root of trust, and a proxy. The shipped program loads none of it, trusts nobody for it and sends nothing there. (Name
# servers, and what else the environment says: tests/tests/way.rs.)
#
# usage: planted.sh PROGRAM     (a static hozen for this machine)
set -euo pipefail
program="$(realpath "$1")"
here="$(cd "$(dirname "$0")" && pwd)"
fail() { echo "planted: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail 'needs root'
kept="${HOZEN_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/hozen-roots}/bookworm.tar"
[ -e "$kept" ] || fail "$kept is not there: roots.sh makes it"
work="$(mktemp -d)"
root="$work/root"
intruder=''
clean() {
  [ -z "$intruder" ] || kill "$intruder"
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
planted=(LD_PRELOAD=/usr/lib/evil.so LD_LIBRARY_PATH=/usr/lib LD_AUDIT=/usr/lib/evil.so)
hozen() { chroot "$root" /busybox env -i "${planted[@]}" /usr/bin/hozen "$@"; }
code=0
hozen collect --profile triage --memory off --skip logs,packages,executables,hidden_files --case PLANTED --to /evidence >"$work/result" 2>"$work/said" || code=$?
case "$code" in 0|10|11) ;; *) fail "collect ended with $code: $(cat "$work/said")" ;; esac
hozen verify /evidence >"$work/report" || fail "its evidence does not verify: $(cat "$work/report")"
hozen preflight >/dev/null || true

# A server whose certificate every program of this host believes, and a proxy that all of them are told to use.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=s3 -addext subjectAltName=IP:127.0.0.1 \
  -addext basicConstraints=critical,CA:FALSE \
  -keyout "$work/key.pem" -out "$work/root.pem" 2>/dev/null
for store in etc/ssl/cert.pem etc/ssl/certs/ca-certificates.crt etc/pki/tls/certs/ca-bundle.crt usr/share/ca-certificates/evil.crt; do
  mkdir -p "$root/${store%/*}"
  cp "$work/root.pem" "$root/$store"
done
mkfifo "$work/ports"
python3 "$here/intruder.py" "$work/root.pem" "$work/key.pem" "$work/heard" >"$work/ports" &
intruder=$!
read -r server proxy <"$work/ports"
heard() { [ -s "$work/heard" ] && grep -q "$1" "$work/heard"; }
believed=(SSL_CERT_FILE=/etc/ssl/cert.pem SSL_CERT_DIR=/etc/ssl/certs AWS_CA_BUNDLE=/etc/ssl/cert.pem)
for name in HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy; do believed+=("$name=http://127.0.0.1:$proxy"); done

# The counter-check: a program that does as such variables say gets there.
env SSL_CERT_FILE="$work/root.pem" no_proxy='*' python3 -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1])' "https://127.0.0.1:$server/" 2>/dev/null || true
heard tls || fail 'the server of the intruder was not believed even by python'
env -u no_proxy http_proxy="http://127.0.0.1:$proxy" python3 -c 'import urllib.request as r; r.urlopen("http://evidence.test/")' 2>/dev/null || true
heard proxy || fail 'the proxy was not used even by python'
: >"$work/heard"

planted+=("${believed[@]}" SSM_AWS_ACCESS_KEY_ID=ASIAPLANTED SSM_AWS_SECRET_ACCESS_KEY=secret SSM_AWS_SESSION_TOKEN=token)
asks() {
  hozen preflight --to s3://bucket/x --region eu-central-1 --endpoint-url "https://127.0.0.1:$server" --path-style --imds-endpoint off \
    --retry-for 1s "$@" >"$work/said" 2>&1 || true
}
asks
[ ! -s "$work/heard" ] || fail "it went where the host said: $(cat "$work/heard")"
grep -qiE 'certificate|--ca-bundle' "$work/said" || fail "the server was not even asked: $(cat "$work/said")"
# And it would have, had it been told so itself.
cp "$work/root.pem" "$root/told.pem"
asks --ca-bundle /told.pem
heard tls || fail "the server was not asked: $(cat "$work/said")"
! heard proxy || fail 'it went through the proxy'
[ ! -e "$root/loaded" ] || fail "something of the host's was loaded into the program"
echo 'planted: nothing of it was loaded, nobody was believed'
