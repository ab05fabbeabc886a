-- Processes that may do more than their owner: effective capabilities of those that are not root, and those that were root after sudo.
SELECT pid, parent, uid, euid, loginuid, name, path, cmdline, cap_eff FROM processes
WHERE is_kthread = 0 AND ((euid <> 0 AND cap_eff <> '0x0') OR (euid = 0 AND loginuid NOT IN (0, 4294967295)))
ORDER BY loginuid, pid;
