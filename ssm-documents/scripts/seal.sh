# On a host of the responders, never on the suspect one.
set -u
refuse() {
  printf '{"v":1,"outcome":"refused","code":%s,"error":"%s"}\n' "$1" "$2"
  exit "$1"
}
[ -n "${SSM_RunUri+x}" ] || refuse 40 "the agent of Systems Manager on this host is too old for parameters in variables: update it"
hozen=''
for place in /usr/bin/hozen /usr/local/bin/hozen /usr/sbin/hozen /opt/hozen/bin/hozen /opt/hozen/hozen; do
  if [ -x "$place" ]; then hozen="$place"; break; fi
done
[ -n "$hozen" ] || refuse 44 "hozen is not on this host: install the package"
set -- seal "$SSM_RunUri" --kms-key "$SSM_SealKey" --json
[ -z "$SSM_EvidenceRegion" ] || set -- "$@" --region "$SSM_EvidenceRegion"
[ -z "$SSM_BucketOwner" ] || set -- "$@" --bucket-owner "$SSM_BucketOwner"
[ -z "$SSM_EndSha256" ] || set -- "$@" --end-sha256 "$SSM_EndSha256"
[ "$SSM_Credentials" = auto ] || set -- "$@" --credentials "$SSM_Credentials"
[ "$SSM_Rehash" = no ] || set -- "$@" --rehash
exec "$hozen" "$@"
