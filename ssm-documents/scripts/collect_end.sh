[ -z "$SSM_Profile" ] || set -- "$@" --profile "$SSM_Profile"
[ -z "$SSM_Memory" ] || set -- "$@" --memory "$SSM_Memory"
# Always, for Systems Manager kills what runs longer than TimeoutSeconds, of which a configuration knows nothing.
set -- "$@" --deadline "${SSM_DeadlineSeconds}s"
[ -z "$SSM_MaxBandwidth" ] || set -- "$@" --max-bandwidth "$SSM_MaxBandwidth"
[ -z "$SSM_Status" ] || set -- "$@" --status "$SSM_Status"
[ -z "$SSM_Reference" ] || set -- "$@" --reference "$SSM_Reference"
[ -z "$SSM_Operator" ] || set -- "$@" --operator "$SSM_Operator"
# Its own line of JSON and its own exit code are those of this step.
exec "$hozen" "$@"
