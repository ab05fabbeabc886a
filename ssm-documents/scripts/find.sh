# sh, not bash. Parameters come in variables, never in this text, so that no parameter can become a command.
set -u
umask 077
refuse() {
  printf '{"v":1,"outcome":"refused","code":%s,"safe_to_isolate":false,"error":"%s"}\n' "$1" "$2"
  exit "$1"
}
# Agents of Systems Manager that know no interpolationType leave the variables unset.
[ -n "${SSM_EvidenceUri+x}" ] || refuse 40 "the agent of Systems Manager on this host is too old for parameters in variables: update it"
# Fixed places: PATH of a suspect host is not asked.
hozen=''
for place in /usr/bin/hozen /usr/local/bin/hozen /usr/sbin/hozen /opt/hozen/bin/hozen /opt/hozen/hozen; do
  if [ -x "$place" ]; then hozen="$place"; break; fi
done
[ -n "$hozen" ] || refuse 44 "hozen is not on this host: install the package, or run the document with InstallFrom=distributor"
