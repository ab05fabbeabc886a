set -- preflight
[ -z "$SSM_EvidenceUri" ] || set -- "$@" --to "$SSM_EvidenceUri"
