#!/usr/bin/env bash
# The shipped program on kernels that lack a system call each, and on one that lacks all of them at once: what it collects is sealed and
# verifies, and processes, mounts and shared memory are there.
#
# usage: kernels.sh PROGRAM WITHOUT     (a static hozen for this machine; the helper tests/src/bin/without.rs)
set -euo pipefail
program="$(realpath "$1")" without="$(realpath "$2")"
fail() { echo "kernels: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail 'needs root'
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mounts=mount_setattr,open_tree,fsopen,fsmount,fsconfig
rest=pidfd_open,copy_file_range,close_range,faccessat2,memfd_create
for missing in statx openat2 setns getrandom "$mounts" pidfd_open copy_file_range close_range faccessat2 memfd_create "openat2,$mounts,$rest"; do
  code=0
  rm -rf "$work/evidence"
  "$without" "$missing" -- "$program" collect --profile volatile --only context,freeze_frame,mounts,shm --case OLD --to "$work/evidence" \
    >"$work/result" 2>"$work/said" || code=$?
  case "$code" in 0|10|11) ;; *) fail "without $missing: collect ended with $code: $(cat "$work/said")" ;; esac
  "$program" verify "$work/evidence" >"$work/report" || fail "without $missing: $(cat "$work/report")"
  for table in processes process_open_sockets mounts; do
    [ -n "$(find "$work/evidence/data" -path "*/$table.jsonl.zst" -size +100c)" ] || fail "without $missing: no $table"
  done
done
echo 'kernels: what they lack is done without'
