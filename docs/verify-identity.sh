#!/bin/sh
# Checks, without any code of ours, that AWS has signed the instance identity document in a run's begin record: POSIX sh with jq, base64,
# sed, cmp and openssl.
#
#     sh verify-identity.sh FOLDER CERTIFICATE.pem [rsa2048 | pkcs7 | signature]
#
# CERTIFICATE.pem is AWS's for that form of signature and the instance's region ("AWS public certificates for instance identity document
# signatures" of the EC2 user guide), got from AWS and not from the host. Without a third word it is the one for RSA-2048.
# That the begin record is what the run began with is shown by verify-by-hand.sh and `hozen verify`; run one of them first. The document has
# no date of the run and no nonce: it shows that somebody once had this instance's metadata, not that it was now (threat-model.md).
#
# Exit 0 if the signature is right, 1 if it is not, 2 for wrong use or a missing tool.

set -eu
export LC_ALL=C

fail() { echo "FAILED  $1"; exit 1; }
pass() { echo "ok      $1"; }
usage() { echo "$1" >&2; exit 2; }

[ $# -eq 2 ] || [ $# -eq 3 ] || usage "usage: $0 FOLDER CERTIFICATE.pem [rsa2048 | pkcs7 | signature]"
for tool in jq base64 cmp openssl sed mktemp; do
    command -v "$tool" >/dev/null 2>&1 || usage "$tool is not installed"
done
form=${3:-rsa2048}
case $form in rsa2048 | pkcs7 | signature) ;; *) usage "$form is no form of signature; write rsa2048, pkcs7 or signature" ;; esac
[ -f "$1/000-begin.json" ] || usage "$1 holds no begin record"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# 1. The document and its signature, byte for byte as the metadata gave them.
jq -r .payload "$1/000-begin.json" 2>/dev/null | base64 -d >"$work/begin" 2>/dev/null || fail "000-begin.json: not an envelope"
for name in document "$form"; do
    jq -r --arg name "$name" '.predicate.instance.signed[$name] // empty' "$work/begin" 2>/dev/null | base64 -d >"$work/$name" 2>/dev/null || :
    [ -s "$work/$name" ] || fail "000-begin.json: there is no $name; the metadata were not asked or did not give it"
done
openssl x509 -in "$2" -noout -pubkey >"$work/key" 2>/dev/null || usage "$2 is no certificate in PEM"

# 2. The signature. Whose certificate a message brings along says nothing: only the one that was given counts (-nointern).
if [ "$form" = signature ]; then
    base64 -d <"$work/signature" >"$work/raw" 2>/dev/null || fail "signature: not base64"
    openssl dgst -sha256 -verify "$work/key" -signature "$work/raw" "$work/document" >/dev/null 2>&1 || fail "signature: it is wrong"
else
    {
        echo "-----BEGIN PKCS7-----"
        { cat "$work/$form" && echo; } | sed '/^[[:space:]]*$/d'
        echo "-----END PKCS7-----"
    } >"$work/message"
    openssl smime -verify -in "$work/message" -inform PEM -certfile "$2" -nointern -noverify -out "$work/said" >/dev/null 2>&1 ||
        fail "$form: the signature is wrong, or made with another key"
    cmp -s "$work/said" "$work/document" || fail "$form: it is over another document"
fi
pass "$form: the document is signed with the key of that certificate"

# 3. What it says, and what the begin record says of the host.
jq -r '"note    account \(.accountId | tojson), instance \(.instanceId | tojson), region \(.region | tojson), launched \(.pendingTime | tojson)"' \
    "$work/document" 2>/dev/null || fail "document: not JSON"
jq -r '"note    the run was made on \(.predicate.host.id | tojson)"' "$work/begin"
