#!/usr/bin/env bash
# The kit on a host that does not want it: the stick is read-only and mounted noexec, so is every other place, and the root takes no
# file. What the card says to do there works, and nothing is written but the evidence.
#
# usage: kit.sh KIT RELEASE.PUB     (the tar that packaging/dist.sh leaves, with a module store and both keys in it, beside the signed
#                                    sums of the release; and the key that has signed them)
#
# All of it happens in a mount namespace of its own, and ends with it.
set -euo pipefail
fail() { echo "kit: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail 'needs root'
if [ "$1" != inside ]; then
  exec unshare --mount --propagation private bash "$0" inside "$(realpath "$1")" "$(realpath "$2")"
fi
repository="$(dirname "$0")/../.."

# As a responder unpacks it on a clean machine, and checks it.
mount -t tmpfs -o size=512m,mode=755 stick /mnt
mkdir /mnt/kit /mnt/disk
mount -t tmpfs -o size=256m stick /mnt/kit

# The line of the card, which is that of the guide: it names the tar, and ends with an error where the tar, or the sums, were altered.
check="$(sed -n 's/^ *\(openssl dgst .* -verify release\.pub .*\)$/\1/p' "$repository/packaging/kit/CARD.txt")"
[ -n "$check" ] && grep -qxF "$check" "$repository/docs/operations.md" || fail 'card and guide do not check a kit by the same line'
clean=/mnt/clean tar="${2##*/}"
mkdir "$clean"
cp "$2" "${2%/*}/SHA256SUMS" "${2%/*}/SHA256SUMS.sig" "$clean/"
cp "$3" "$clean/release.pub"
is_ours() { (cd "$clean" && sh -c "$check") >/mnt/disk/said 2>&1; }
is_ours && grep -qxF "$tar: OK" /mnt/disk/said || fail "the kit is not taken for ours: $(cat /mnt/disk/said)"
printf x >>"$clean/$tar"
! is_ours || fail 'an altered kit is taken for ours'
(cd "$clean" && sha256sum "$tar" >SHA256SUMS)
! is_ours || fail 'sums that nobody has signed are taken for ours'
rm -r "$clean"

tar -xf "$2" -C /mnt/kit
K="$(echo /mnt/kit/hozen-kit-*)" H=''
(cd "$K" && sha256sum --quiet -c SHA256SUMS) || fail 'its sums'
[ "$(wc -L <"$K/CARD.txt")" -le 140 ] && [ "$(wc -l <"$K/CARD.txt")" -le 60 ] || fail 'the card is more than a page'
H="$K/hozen-$(uname -m)"

# The host: no place to write to, none to execute from.
for place in /tmp /run /dev/shm /var/tmp; do
  [ ! -d "$place" ] || mount -t tmpfs -o noexec,mode=1777 noexec "$place"
done
mount -o remount,bind,ro /
mount -o remount,ro,noatime,noexec /mnt/kit
! touch /root/.hozen-kit 2>/dev/null || fail 'the root can be written to: nothing is shown here'
code=0
"$H" version >/dev/null 2>&1 || code=$?
[ "$code" = 126 ] || fail "it starts from a place that is mounted noexec ($code): nothing is shown here"

# Collects and verifies; nothing else of the host has changed.
collects() {
  local code=0 before
  before="$(find /tmp /run /dev/shm /var/tmp ! -path '/run/k*' | sort)"
  "$1" collect --profile volatile --only context,mounts --case KIT --to "/mnt/disk/$2" >/mnt/disk/result 2>/mnt/disk/said || code=$?
  case "$code" in 0|10|11) ;; *) fail "collect ended with $code: $(cat /mnt/disk/said)" ;; esac
  "$1" verify "/mnt/disk/$2" >/mnt/disk/report || fail "its evidence does not verify: $(cat /mnt/disk/report)"
  [ "$(find /tmp /run /dev/shm /var/tmp ! -path '/run/k*' | sort)" = "$before" ] || fail 'it wrote where it should not'
}

# The stick itself, as the card has it.
mount -o remount,exec,ro /mnt/kit
code=0
"$H" preflight >/mnt/disk/said || code=$?
case "$code" in 0|60) ;; *) fail "preflight ended with $code: $(cat /mnt/disk/said)" ;; esac
collects "$H" stick
"$H" modules verify --store "$K/modules" --modules-key "$K/keys/modules.pub" >/dev/null || fail 'the module store'
openssl pkey -pubin -in "$K/keys/release.pub" -noout || fail 'the key of releases'
sh "$K/verify-by-hand.sh" /mnt/disk/stick >/mnt/disk/report 2>&1 || fail "by hand: $(cat /mnt/disk/report)"

# None of the places: a small tmpfs of one's own.
mount -o remount,noexec,ro /mnt/kit
mkdir /run/k && mount -t tmpfs -o size=64m,mode=700 none /run/k && cp "$H" /run/k/
collects "/run/k/${H##*/}" tmpfs
umount /run/k && rmdir /run/k

# The program for the other architecture, by QEMU's emulation.
mount -o remount,exec,ro /mnt/kit
case "$(uname -m)" in x86_64) other=aarch64 ;; *) other=x86_64 ;; esac
[ "$("qemu-$other-static" "$K/hozen-$other" version)" = "$("$H" version)" ] || fail "hozen-$other"
echo 'kit: as its card says'
