#!/usr/bin/env bash
# The shipped program on kernels that lack a system call each, and on one that has none of those that came after Linux 4.14: what it
# collects is sealed and verifies, and processes, mounts and shared memory are there.
#
# usage: kernels.sh PROGRAM WITHOUT     (a static hozen for this machine; the helper tests/src/bin/without.rs)
set -euo pipefail
program="$(realpath "$1")" without="$(realpath "$2")"
fail() { echo "kernels: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail 'needs root'
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# Collects on a kernel that lacks the first word's calls, with the other words as options, and looks at the result.
collects_without() {
  local missing="$1" code=0 table
  shift
  rm -rf "$work/evidence"
  "$without" "$missing" -- "$program" collect "$@" --case OLD --to "$work/evidence" >"$work/result" 2>"$work/said" || code=$?
  case "$code" in 0|10|11) ;; *) fail "without $missing: collect ended with $code: $(cat "$work/said")" ;; esac
  "$program" verify "$work/evidence" >"$work/report" || fail "without $missing: $(cat "$work/report")"
  for table in processes process_open_sockets mounts; do
    [ -n "$(find "$work/evidence/data" -path "*/$table.jsonl.zst" -size +100c)" ] || fail "without $missing: no $table"
  done
}

# Every artefact's outcome, one a line, as the manifest has it.
outcomes() {
  python3 -c '
import base64, json, sys
payload = json.loads(base64.b64decode(json.load(open(sys.argv[1] + "/900-manifest.json"))["payload"]))
for step in payload["predicate"]["steps"]:
    print(step["artefact"], step["status"])' "$work/evidence"
}

mounts=mount_setattr,open_tree,fsopen,fsmount,fsconfig
for missing in statx openat2 setns getrandom "$mounts" pidfd_open copy_file_range close_range faccessat2 memfd_create bpf; do
  collects_without "$missing" --profile volatile --only context,freeze_frame,mounts,shm,bpf
done
grep -q '^bpf absent' <<<"$(outcomes)" || fail "without bpf: $(outcomes)"

# Nothing holds the program back where the kernel has no filter of system calls, and it says so.
collects_without seccomp --profile volatile --only freeze_frame,mounts
grep -q seccomp "$work/said" || fail "without seccomp: not a word of it: $(cat "$work/said")"

# As Linux 4.14 has them, but for what is slow: every source goes the way that it goes there, and none of them fails.
collects_without since-4.14 --profile triage --memory off --skip files,packages,executables,logs,process_events
! grep failed <<<"$(outcomes)" || fail "without what came after 4.14: $(outcomes)"
[ "$(outcomes | grep -cE ' (ok|partial)$')" -ge 20 ] || fail "without what came after 4.14: $(outcomes)"
grep -qE '^freeze_frame (ok|partial)' <<<"$(outcomes)" || fail "without what came after 4.14: $(outcomes)"
echo 'kernels: what they lack is done without'
