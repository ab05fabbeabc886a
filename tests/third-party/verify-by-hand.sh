#!/bin/bash
# Verifies an evidence directory with sha256sum, zstd, openssl and jq alone: verify-by-hand.sh DIR
# Ends with 0 when everything agrees. docs/evidence-format.md explains each step.
set -euo pipefail
cd "$1"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }

# 1. The stored bytes are those that were listed, and they decompress.
sha256sum -c --quiet --strict SHA256SUMS || fail "SHA256SUMS"
find . -name '*.zst' -print0 | xargs -0 -r zstd -tq || fail "zstd"

# 2. Every record is signed by the run's key, whose public half is in the begin record.
payload() { jq -j .payload "$1" | base64 -d; }
payload 000-begin.json | jq -r .predicate.run_key.pem > "$scratch/run.pem"
for record in 000-begin.json 900-manifest.json 999-end.json; do
  payload "$record" > "$scratch/payload"
  type=$(jq -j .payloadType "$record")
  printf 'DSSEv1 %d %s %d ' "${#type}" "$type" "$(stat -c %s "$scratch/payload")" | cat - "$scratch/payload" > "$scratch/pae"
  jq -j '.signatures[0].sig' "$record" | base64 -d > "$scratch/sig"
  openssl pkeyutl -verify -pubin -inkey "$scratch/run.pem" -rawin -in "$scratch/pae" -sigfile "$scratch/sig" > /dev/null \
    || fail "the signature of $record"
done

# 3. The manifest lists exactly what SHA256SUMS lists, and the end record names this manifest.
payload 900-manifest.json | jq -r '.subject[] | .digest.sha256 + "  " + .name' | sort > "$scratch/subjects"
while read -r digest name; do
  [ "$(sha256sum < "$name" | cut -d' ' -f1)" = "$digest" ] || fail "the manifest's digest of $name"
done < "$scratch/subjects"
comm -23 <(sort SHA256SUMS) "$scratch/subjects" | grep -v ' SHA256SUMS$' | grep . && fail "listed in SHA256SUMS and not in the manifest"
manifest=$(sha256sum < 900-manifest.json | cut -d' ' -f1)
[ "$(payload 999-end.json | jq -r '.subject[0].digest.sha256')" = "$manifest" ] || fail "the end record names another manifest"

# 4. The custody journal is one chain from the begin record to the head that manifest and end record name.
cat custody/*.jsonl > "$scratch/journal"
previous="sha256:$(sha256sum < 000-begin.json | cut -d' ' -f1)"
number=0
while IFS= read -r line; do
  number=$((number + 1))
  [ "$(jq -r '"\(.seq) \(.prev)"' <<< "$line")" = "$number $previous" ] || fail "custody line $number"
  previous="sha256:$(sha256sum <<< "$line" | cut -d' ' -f1)"
done < "$scratch/journal"
for record in 900-manifest.json 999-end.json; do
  [ "$(payload "$record" | jq -r '.predicate.chain | "\(.seq) \(.head)"')" = "$number $previous" ] || fail "the chain's head in $record"
done

# 5. The content is what was read: every receipt's plain digest.
payload 900-manifest.json | jq -r '.predicate.objects[] | "\(.content.sha256) \(.content.encoding) \(.key)"' |
while read -r digest encoding key; do
  case $encoding in
    identity) content=$(sha256sum < "$key") ;;
    zstd-frames) content=$(zstd -dcq "$key" | sha256sum) ;;
    *) fail "encoding $encoding of $key" ;;
  esac
  [ "${content%% *}" = "$digest" ] || fail "the content of $key"
done
echo "verified by hand: $number custody lines, $(wc -l < SHA256SUMS) objects"
