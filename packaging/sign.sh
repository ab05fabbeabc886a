#!/bin/sh
# The detached signature of a release. docs/releasing.md has the ceremony around it.
#
# usage: sign.sh keygen KEY          a P-256 key, encrypted with a passphrase that is asked for; its public half in KEY.pub
#        sign.sh sign KEY FOLDER     signs FOLDER/SHA256SUMS, after every sum was checked, into FOLDER/SHA256SUMS.sig
#        sign.sh verify PUB FOLDER   checks the signature, and every sum
#        sign.sh fingerprint PUB     SHA-256 of the public key, to compare by voice or on paper
#
# ECDSA, because every openssl since 1.0 can verify it. $HOZEN_PASS (as openssl's -passin and -passout take it) is for tests.
set -eu
usage() { sed -n '4,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }

fingerprint() { openssl pkey -pubin -in "$1" -outform DER | openssl dgst -sha256 -r | cut -d ' ' -f 1; }
sums() { (cd "$1" && sha256sum --quiet --strict -c SHA256SUMS); }

case "${1:-} $#" in
  'keygen 2')
    [ ! -e "$2" ] || { echo "sign: $2 is there already" >&2; exit 1; }
    umask 077
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes-256-cbc ${HOZEN_PASS:+-pass "$HOZEN_PASS"} -out "$2"
    (umask 022; openssl pkey -in "$2" ${HOZEN_PASS:+-passin "$HOZEN_PASS"} -pubout -out "$2.pub")
    fingerprint "$2.pub" ;;
  'sign 3')
    sums "$3"
    openssl dgst -sha256 -sign "$2" ${HOZEN_PASS:+-passin "$HOZEN_PASS"} -out "$3/SHA256SUMS.sig" "$3/SHA256SUMS" ;;
  'verify 3')
    openssl dgst -sha256 -verify "$2" -signature "$3/SHA256SUMS.sig" "$3/SHA256SUMS"
    sums "$3" ;;
  'fingerprint 2') fingerprint "$2" ;;
  *) usage ;;
esac
