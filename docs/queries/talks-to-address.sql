-- Which processes of the host talk to an address: SET VARIABLE address = '203.0.113.7';
SELECT s.pid, p.name, p.path, p.cmdline, p.uid, s.local_address, s.local_port, s.remote_address, s.remote_port, s.state, s.netns_inode
FROM process_open_sockets s LEFT JOIN processes p ON p.pid = s.pid
WHERE s.remote_address = getvariable('address')
ORDER BY s.pid, s.remote_port;
