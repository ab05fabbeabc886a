if [ -n "$SSM_EvidenceUri" ]; then set -- collect --to "$SSM_EvidenceUri"; else set -- collect --config "$SSM_Config"; fi
