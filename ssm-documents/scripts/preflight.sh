set -- preflight
[ "$SSM_Inventory" = no ] || set -- "$@" --inventory
[ -z "$SSM_EvidenceUri" ] || set -- "$@" --to "$SSM_EvidenceUri" --allow-clock-offset
