-- Processes outside the host's network and mount namespaces: containers, and what hides in one.
SELECT p.ns_net, p.ns_mnt, p.ns_pid, count(*) AS processes, min(p.start_time) AS first_start, list(p.name ORDER BY p.pid)[1:10] AS names,
  any_value(p.cgroup_path) AS a_cgroup
FROM processes p JOIN (SELECT ns_net, ns_mnt FROM processes WHERE pid = 1) host ON p.ns_net <> host.ns_net OR p.ns_mnt <> host.ns_mnt
GROUP BY p.ns_net, p.ns_mnt, p.ns_pid ORDER BY first_start;
