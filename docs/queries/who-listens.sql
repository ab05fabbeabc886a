-- Who listens: TCP sockets in state LISTEN and UDP sockets without a peer, and every process that holds one.
SELECT s.protocol, s.local_address, s.local_port, s.netns_inode, s.pid, p.name, p.path, p.cmdline, p.uid, p.start_time
FROM process_open_sockets s LEFT JOIN processes p ON p.pid = s.pid
WHERE s.state = 'LISTEN' OR (s.protocol = 17 AND coalesce(s.remote_port, 0) = 0)
ORDER BY s.netns_inode, s.local_port, s.pid;
