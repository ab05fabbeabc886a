-- The ancestors of a process, up to the first: SET VARIABLE pid = 1234;
WITH RECURSIVE line AS (
  SELECT 0 AS up, * FROM processes WHERE pid = getvariable('pid')
  UNION ALL SELECT line.up + 1, p.* FROM line JOIN processes p ON p.pid = line.parent WHERE line.up < 64 AND p.pid <> line.pid
)
SELECT up, pid, uid, loginuid, name, path, cmdline, start_time FROM line ORDER BY up;
