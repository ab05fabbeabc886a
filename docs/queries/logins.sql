-- Logins, failed ones too, newest first, with where they came from.
SELECT make_timestamp(time * 1000000) AS happened, 'login' AS what, username, tty, host, pid FROM last WHERE type_name = 'user-process'
UNION ALL SELECT make_timestamp(time * 1000000), 'failed', username, tty, host, pid FROM failed_logins
UNION ALL SELECT make_timestamp(time * 1000000), 'now', "user", tty, host, pid FROM logged_in_users
ORDER BY happened DESC;
