-- What looks at packets, and may change or drop them: programs of BPF at interfaces (XDP, filters), control groups and network
-- namespaces, and packet sockets with a filter.
SELECT 'tc filter' AS hook, t.interface AS place, t.direction AS "where", t.bpf_program_id AS program_id, coalesce(p.name, t.bpf_name) AS name,
  t.netns_inode, p.owners
FROM tc_filters t LEFT JOIN bpf_programs p ON p.id = t.bpf_program_id WHERE t.kind = 'bpf' AND t.bpf_program_id IS NOT NULL
UNION ALL SELECT 'XDP', i.interface, 'ingress', i.xdp_prog_id, p.name, i.netns_inode, p.owners
FROM interface_details i LEFT JOIN bpf_programs p ON p.id = i.xdp_prog_id WHERE i.xdp_prog_id IS NOT NULL
UNION ALL SELECT CASE WHEN n.interface_index IS NULL THEN 'network namespace' ELSE 'interface' END, n.interface, n.attach_type, n.id, p.name,
  n.netns_inode, p.owners
FROM (SELECT *, unnest(program_ids::BIGINT[]) AS id FROM network_bpf_programs) n LEFT JOIN bpf_programs p ON p.id = n.id
UNION ALL SELECT 'control group', c.cgroup, c.attach_type, c.id, p.name, NULL, p.owners
FROM (SELECT *, unnest(program_ids::BIGINT[]) AS id FROM bpf_cgroup_programs) c LEFT JOIN bpf_programs p ON p.id = c.id
UNION ALL SELECT 'packet socket', NULL, NULL, NULL, s.bpf_filter_sha256, s.netns_inode, s.pids FROM process_open_sockets s
WHERE s.bpf_filter_length > 0
ORDER BY hook, place, program_id;
