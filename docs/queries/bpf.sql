-- Programs of BPF, where their links attach them, who holds them, and which functions of the kernel they call. First those that the
-- kernel's own list lacks, and those that change what others do.
SELECT p.id, p.type, p.name, p.symbol, p.contradiction, p.helpers, p.owners, p.pins, p.seen_by, p.uid, make_timestamp(p.load_ns // 1000) AS loaded,
  l.type AS link, l.target, l.cgroup_id, l.ifindex, l.netns_inode
FROM bpf_programs p LEFT JOIN bpf_links l ON l.program_id = p.id
ORDER BY p.contradiction DESC, list_has_any(coalesce(p.helpers, []), ['bpf_probe_write_user', 'bpf_override_return', 'bpf_send_signal']) DESC, p.id;
