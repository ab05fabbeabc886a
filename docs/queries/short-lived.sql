-- What was executed while the run was going, and when and how it ended: also what was gone before any list of processes was made.
SELECT e.collected_at, e.pid, e.name, e.path, e.cmdline, f.parent, (x.monotonic_ns - e.monotonic_ns) / 1e6 AS lived_ms, x.exit_code, x.exit_signal
FROM process_events e
LEFT JOIN process_events f ON f.event = 'fork' AND f.pid = e.pid AND f.seq < e.seq
LEFT JOIN process_events x ON x.event = 'exit' AND x.pid = e.pid AND x.seq > e.seq
WHERE e.event = 'exec' ORDER BY e.seq;
