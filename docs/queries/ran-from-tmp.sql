-- What runs from a place that anybody may write to, from memory, or from a file that is gone.
SELECT p.pid, p.parent, p.uid, p.name, p.path, p.cmdline, p.exe_deleted, p.exe_memfd, e.sha256, p.start_time
FROM processes p LEFT JOIN process_executables e ON e.pid = p.pid
WHERE p.path LIKE '/tmp/%' OR p.path LIKE '/var/tmp/%' OR p.path LIKE '/dev/shm/%' OR p.path LIKE '/run/%' OR p.path LIKE '/home/%'
   OR p.exe_memfd = 1 OR p.exe_deleted = 1
ORDER BY p.start_time, p.pid;
