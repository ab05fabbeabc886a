-- What starts by itself: crontabs, units, lines of configuration that name a program, and files of autostart, newest change first.
SELECT 'cron' AS how, c.path, c.username, c.command AS what, f.mtime, f.sha256
FROM crontab c LEFT JOIN persistence_files f ON f.path = c.path WHERE c.command IS NOT NULL
UNION ALL SELECT 'unit', s.fragment_path, NULL, s.name || '=' || s.value, f.mtime, f.sha256
FROM systemd_settings s LEFT JOIN persistence_files f ON f.path = s.fragment_path WHERE s.name LIKE 'Exec%'
UNION ALL SELECT h.kind, h.path, h.username, h.name || ' ' || h.value, f.mtime, f.sha256
FROM persistence_hooks h LEFT JOIN persistence_files f ON f.path = h.path
UNION ALL SELECT kind, path, username, NULL, mtime, sha256 FROM persistence_files WHERE kind NOT IN ('cron', 'systemd')
ORDER BY mtime DESC NULLS LAST, path;
