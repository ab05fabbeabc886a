-- Files of packages that are not what the package manager installed, and which processes run from them.
SELECT c.manager, c.package, c.path, c.state, coalesce(c.expected_md5, c.expected_sha1, c.expected_sha256) AS expected,
  coalesce(c.md5, c.sha1, c.sha256) AS found, c.sha256, list(e.pid ORDER BY e.pid) FILTER (WHERE e.pid IS NOT NULL) AS running_as
FROM changed_package_files c LEFT JOIN process_executables e ON e.path = c.path
GROUP BY ALL ORDER BY c.state, c.path;
