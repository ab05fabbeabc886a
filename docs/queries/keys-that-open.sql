-- Keys that may log in, with the account and what they are bound to.
SELECT k.username, u.uid, u.shell, k.algorithm, k.fingerprint, k.comment, k.options, k.key_file
FROM authorized_keys k LEFT JOIN users u ON u.username = k.username WHERE k.algorithm IS NOT NULL ORDER BY k.username, k.fingerprint;
