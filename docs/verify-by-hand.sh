#!/bin/sh
# Verifies a finished run without any code of ours: POSIX sh with sha256sum, zstd, openssl (3.0 or later), jq, base64, awk.
#
#     sh verify-by-hand.sh FOLDER [SHA256 of 999-end.json, as the agent's result line gave it]
#
# One line per check; `note` is something to know that fails nothing. Exit 0 if all passed, 1 at the first that fails, 2 for wrong
# use or a missing tool.
# What it leaves out, and `hozen verify` does: the spelling of records, rows and archive members, and receipts against plan, gaps and outcomes
# (evidence-format.md, section 8). What any check of a folder can show and what not: threat-model.md.

set -eu
export LC_ALL=C

fail() { echo "FAILED  $1"; exit 1; }
pass() { echo "ok      $1"; }
note() { echo "note    $1"; }
usage() { echo "$1" >&2; exit 2; }

[ $# -ge 1 ] && [ $# -le 2 ] || usage "usage: $0 FOLDER [SHA256-OF-999-end.json]"
for tool in sha256sum zstd openssl jq base64 awk find sort cmp mktemp; do
    command -v "$tool" >/dev/null 2>&1 || usage "$tool is not installed"
done
cd -- "$1" || usage "cannot enter $1"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

digest() { sha256sum <"$1" | cut -d ' ' -f 1; }

# 1. Regular files with plain names, and nothing else.
[ -z "$(find . ! -type d ! -type f -print | head -n 1)" ] || fail "there is something that is neither a file nor a folder"
[ -z "$(find . -type f -name '*[!A-Za-z0-9._-]*' -print | head -n 1)" ] || fail "there is a file with a name that no run has"
for object in 000-begin.json SHA256SUMS 900-manifest.json 999-end.json; do
    [ -f "$object" ] || fail "$object is missing: the run is incomplete, or was cut"
done
pass "files: regular, plain names, begin and end are there"

# Seals and records of salvages were laid beside the run by others; they are looked at last.
find . -type f \( -path './seal/*' -o -path './salvage/*' \) | sed 's|^\./||' | sort >"$work/beside"
! grep -Eqv '^(seal|salvage)/[0-9]{8}T[0-9]{6}Z\.json(\.part)?$' "$work/beside" || fail "seal, salvage: there is a file with a name that no run has"
grep '^salvage/.*Z\.json$' "$work/beside" >"$work/salvages" || :
# What the run gave up may be there all the same, where a bucket obeyed and its answer was lost; what somebody made of uploads that were
# left open is there, too. Neither is of the run: its own records, which are checked below, have no receipt for it.
find . -type f ! -path './seal/*' ! -path './salvage/*' | sed 's|^\./||' | sort >"$work/all"
{
    find custody -type f -name '*.jsonl' -exec cat {} + 2>/dev/null | jq -r 'select(.event == "object.failed" and .data.from == 0) | .data.key' 2>/dev/null || :
    while IFS= read -r object; do
        jq -r '.uploads[] | select(.outcome == "completed") | .key' "$object" 2>/dev/null || fail "$object: not a record of a salvage" >&3
    done <"$work/salvages"
} 3>&1 >"$work/named"
jq -r .payload 900-manifest.json 2>/dev/null | base64 -d 2>/dev/null | jq -r '.predicate.objects[].key' >"$work/received" 2>/dev/null ||
    fail "900-manifest.json: not an envelope with a manifest"
evidence='(log\.jsonl|data/raw/[^/]+\.tar|data/[a-z]+/[^/]+\.jsonl|data/memory/[a-z-]+/[0-9]+\.lime)\.zst'
grep -Ex "$evidence" "$work/named" | grep -vxF -f "$work/received" | sort -u >"$work/disowned" || :
grep -xF -f "$work/disowned" "$work/all" >"$work/aside" || :
grep -vxF -f "$work/aside" "$work/all" >"$work/files" || :

# 2. SHA256SUMS, and that it lists all that was stored before it.
sha256sum --quiet --strict -c SHA256SUMS >/dev/null 2>&1 || fail "SHA256SUMS: a digest does not match"
grep -vx -e SHA256SUMS -e 900-manifest.json -e 999-end.json "$work/files" >"$work/early"
cut -c 67- SHA256SUMS >"$work/listed"
cmp -s "$work/early" "$work/listed" || fail "SHA256SUMS: it does not list exactly the files that are there"
pass "SHA256SUMS: $(awk 'END { print NR }' SHA256SUMS) files have their digest, and no file is unlisted"

# 3. Compressed objects are whole.
grep '\.zst$' "$work/files" >"$work/compressed" || :
while IFS= read -r object; do
    zstd -tq "$object" 2>/dev/null || fail "$object cannot be decompressed"
done <"$work/compressed"
pass "zstd: $(awk 'END { print NR }' "$work/compressed") objects decompress, with their checksums"

# 4. Three signatures by one key.
type=application/vnd.in-toto+json
for object in 000-begin.json 900-manifest.json 999-end.json; do
    jq -e '.signatures | length == 1' "$object" >/dev/null 2>&1 || fail "$object: not an envelope with one signature"
    jq -r .payload "$object" | base64 -d >"$work/$object" 2>/dev/null || fail "$object: the payload is not base64"
    [ "$(jq -r .payloadType "$object")" = "$type" ] || fail "$object: another payload type"
done
jq -r .predicate.run_key.pem "$work/000-begin.json" >"$work/run.pem"
keyid=$(openssl pkey -pubin -in "$work/run.pem" -outform DER 2>/dev/null | sha256sum | cut -d ' ' -f 1)
for object in 000-begin.json 900-manifest.json 999-end.json; do
    [ "$(jq -r '.signatures[0].keyid' "$object")" = "sha256:$keyid" ] || fail "$object: names another key"
    jq -r '.signatures[0].sig' "$object" | base64 -d >"$work/sig" 2>/dev/null || fail "$object: the signature is not base64"
    {
        printf 'DSSEv1 %d %s %d ' "${#type}" "$type" "$(wc -c <"$work/$object")"
        cat "$work/$object"
    } >"$work/signed"
    openssl pkeyutl -verify -pubin -inkey "$work/run.pem" -rawin -in "$work/signed" -sigfile "$work/sig" >/dev/null 2>&1 ||
        fail "$object: the signature is wrong"
done
pass "signatures: begin, manifest and end record are signed with the run's key sha256:$keyid"

# 5. What the manifest lists is what is there, to the byte.
jq -r '.subject[] | "\(.digest.sha256)  \(.name)"' "$work/900-manifest.json" >"$work/subjects"
jq -r '.predicate.objects[] | "\(.sha256)  \(.key)"' "$work/900-manifest.json" >"$work/receipts"
cmp -s "$work/subjects" "$work/receipts" || fail "900-manifest.json: subjects and receipts differ"
{
    cat SHA256SUMS
    echo "$(digest SHA256SUMS)  SHA256SUMS"
} | sort -k 2 >"$work/there"
sort -k 2 "$work/subjects" | cmp -s - "$work/there" || fail "900-manifest.json: it does not list exactly the files that are there"
jq -r '.predicate.objects[] | "\(.size) \(.key)"' "$work/900-manifest.json" >"$work/sizes"
while read -r size object; do
    [ "$(wc -c <"$object")" -eq "$size" ] || fail "$object: not of the size that the manifest says"
done <"$work/sizes"
pass "manifest: its $(awk 'END { print NR }' "$work/subjects") objects are those that are there"

# 6. The end record names the manifest that is there.
manifest=$(digest 900-manifest.json)
[ "$(jq -r '.subject | map("\(.name) \(.digest.sha256)") | join(",")' "$work/999-end.json")" = "900-manifest.json $manifest" ] ||
    fail "999-end.json: it names another manifest"
[ "$(jq -r .predicate.objects "$work/999-end.json")" -eq "$(awk 'END { print NR }' "$work/files")" ] ||
    fail "999-end.json: it says another number of objects"
pass "end record: it names this manifest and $(jq -r .predicate.objects "$work/999-end.json") objects"

# 7. The journal: one chain of lines over all its objects, from the begin record to the head that manifest and end record give.
find custody -type f -name '*.jsonl' | awk -F '[/.]' '{ print $2 + 0, $0 }' | sort -n >"$work/numbered"
awk '{ if ($1 != NR || $2 != sprintf("custody/%06d.jsonl", NR)) exit 1 }' "$work/numbered" || fail "custody: its objects are not 1, 2, 3, …"
cut -d ' ' -f 2 "$work/numbered" | while IFS= read -r object; do cat "$object"; done >"$work/journal"
run=$(jq -r .predicate.run "$work/000-begin.json")
jq -r '"\(.seq) \(.prev) \(.run)"' "$work/journal" >"$work/links" 2>/dev/null || fail "custody: a line is not JSON"
prev=sha256:$(digest 000-begin.json)
seq=0
exec 3<"$work/links"
while IFS= read -r line; do
    seq=$((seq + 1))
    IFS= read -r link <&3 || fail "custody: line $seq is not one event"
    [ "$link" = "$seq $prev $run" ] || fail "custody: the chain is broken at line $seq"
    prev=sha256:$(printf '%s\n' "$line" | sha256sum | cut -d ' ' -f 1)
done <"$work/journal"
if IFS= read -r link <&3; then fail "custody: more events than lines"; fi
exec 3<&-
for object in 900-manifest.json 999-end.json; do
    [ "$(jq -r '"\(.predicate.run) \(.predicate.chain.seq) \(.predicate.chain.head)"' "$work/$object")" = "$run $seq $prev" ] ||
        fail "$object: another run, or another end of the journal"
done
[ "$(jq -r .event "$work/journal" | tail -n 1)" = run.end ] || fail "custody: the last line is not run.end"
pass "journal: $seq lines are one chain from the begin record to run.end"

# 8. What lies there and is not of the run, by a journal that is whole now, and who made it.
while IFS= read -r object; do
    told=$(jq -r --arg run "$run" '"\(.v) \(.run // $run) \(.salvaged[0:19] | split("-") | join("") | split(":") | join(""))"' "$object" 2>/dev/null) ||
        fail "$object: not a record of a salvage"
    [ "$told" = "1 $run $(basename "$object" Z.json)" ] || fail "$object: of another run, or of another time than its name says"
    jq -r '.uploads[] | select(.outcome == "completed") | "\(.key) \(.parts) \(.size)"' "$object" >"$work/saved"
    while read -r saved parts size; do
        printf '%s\n' "$saved" | grep -Eqx "$evidence" || fail "$object: it says that $saved was completed, which no run leaves open"
        note "$object: $saved was made of $parts parts ($size bytes) that the run had left open"
    done <"$work/saved"
    pass "$object: a record of a salvage of this run; it is not signed, ask the bucket"
done <"$work/salvages"
while IFS= read -r object; do
    note "$object is there and no part of the run, which gave it up or left it open: nothing vouches for it"
done <"$work/aside"

# 9. Seals: each over this manifest and this end record, signed with the key inside. What that key is worth, you must know.
end=$(digest 999-end.json)
grep '^seal/.*Z\.json$' "$work/beside" >"$work/seals" || :
while IFS= read -r object; do
    jq -r .payload "$object" 2>/dev/null | base64 -d >"$work/seal" 2>/dev/null || fail "$object: the payload is not base64"
    subjects=$(jq -r '.subject | map("\(.name) \(.digest.sha256)") | join(",")' "$work/seal" 2>/dev/null) || fail "$object: not a statement"
    [ "$subjects" = "900-manifest.json $manifest,999-end.json $end" ] || fail "$object: it is over another run"
    jq -r .predicate.seal_key.pem "$work/seal" >"$work/seal.pem"
    jq -r '.signatures[0].sig' "$object" | base64 -d >"$work/sig" 2>/dev/null || fail "$object: the signature is not base64"
    {
        printf 'DSSEv1 %d %s %d ' "${#type}" "$type" "$(wc -c <"$work/seal")"
        cat "$work/seal"
    } >"$work/signed"
    openssl dgst -sha256 -verify "$work/seal.pem" -signature "$work/sig" "$work/signed" >/dev/null 2>&1 ||
        fail "$object: the signature is wrong"
    sealer=$(openssl pkey -pubin -in "$work/seal.pem" -outform DER 2>/dev/null | sha256sum | cut -d ' ' -f 1)
    pass "$object: sealed with the key sha256:$sealer; compare it with that of your sealer"
done <"$work/seals"

# 10. The outside witness.
if [ $# -eq 2 ]; then
    [ "$end" = "$2" ] || fail "999-end.json: its digest is $end, not the one that was given"
    pass "witness: 999-end.json has the digest that was given"
else
    note "no digest from elsewhere was given: a run forged whole, with a new key, would pass as well"
fi

jq -r '"note    run \(.run): \(.status), exit code \(.exit_code), ended \(.ended)"' <<END
$(jq -c .predicate "$work/999-end.json")
END
echo "all checks passed"
