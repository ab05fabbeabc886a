exec "$hozen" "$@"
