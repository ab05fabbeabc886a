set -u
umask 077
refuse() {
  printf '{"v":1,"outcome":"refused","code":%s,"safe_to_isolate":false,"error":"%s"}\n' "$1" "$2"
  exit "$1"
}
[ -n "${SSM_s3ArtifactLocation+x}" ] || refuse 40 "the agent of Systems Manager on this host is too old for parameters in variables: update it"
hozen=''
for place in /usr/bin/hozen /usr/local/bin/hozen /usr/sbin/hozen /opt/hozen/bin/hozen /opt/hozen/hozen; do
  if [ -x "$place" ]; then hozen="$place"; break; fi
done
[ -n "$hozen" ] || refuse 44 "hozen is not on this host: install the package"
# Hozen takes them under these names, and wipes them from its environment.
export SSM_AWS_ACCESS_KEY_ID="$SSM_AccessKeyId" SSM_AWS_SECRET_ACCESS_KEY="$SSM_SecretAccessKey" SSM_AWS_SESSION_TOKEN="$SSM_SessionToken"
unset SSM_AccessKeyId SSM_SecretAccessKey SSM_SessionToken
seconds={{ ExecutionTimeout }}
deadline=$((seconds - 120))
[ "$deadline" -ge 60 ] || deadline=60
set -- collect --to "s3://${SSM_s3ArtifactLocation#s3://}" --deadline "${deadline}s" --credentials environment --profile triage
[ -z "$SSM_Region" ] || set -- "$@" --region "$SSM_Region"
exec "$hozen" "$@"
