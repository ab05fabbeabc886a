-- What was typed, with its time where the shell kept one; fetching, decoding and persistence first.
SELECT username, CASE WHEN time > 0 THEN make_timestamp(time * 1000000) END AS happened, command, history_file, ordinal,
  regexp_matches(command, '(curl|wget|base64|nc |ncat|socat|chattr|crontab|ld\.so\.preload|authorized_keys|insmod|modprobe|/dev/tcp)') AS telling
FROM shell_history ORDER BY telling DESC, happened, history_file, ordinal;
