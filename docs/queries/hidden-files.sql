-- Files that the disk has and the kernel's list of their folder does not show, and what lies below such folders; with how much of their file
-- system was compared, because what was not compared is not known.
SELECT h.path, h.hidden_by, h.type, h.size, h.uid, h.mode, make_timestamp(h.mtime * 1000000) AS changed, h.lookup, h.sha256, h.member,
  s.device, s.folders, s.unread_folders
FROM hidden_files h LEFT JOIN raw_file_systems s ON s.host_id = h.host_id AND s.dev = h.dev
WHERE h.hidden = 1 OR h.hidden_by IS NOT NULL ORDER BY h.path;
